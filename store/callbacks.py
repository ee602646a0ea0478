"""Status callbacks: the raw event first, what it says after (DESIGN section 4, step 5)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from store import deliveries, kept, testdeliveries
from store.database import execute, execute_many, is_sqlite, transaction
from store.deliveries import Effect
from store.models import CallbackEvent
from store.query import first, tuples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.types import StatusUpdate

_MATCHED_AT_ONCE = 500
_AT_ONCE = 200
"""Values of one statement: SQLite takes a limited number."""
_AT_ONCE_LENGTH = 1 << 22
"""Characters of bodies that are dealt with together: each may have megabytes."""
_RELAYED_AT_ONCE = 500
"""Relayed events of one transaction that forgets: their index is written all over, which takes 30 ms for so many."""


class Forgotten(NamedTuple):
    """What became of some of the oldest events."""

    last: int
    """The id of the last of them."""
    rows: int
    """How many are gone, or left without their body."""


def keep(body: str, now: int) -> int:
    """Store a callback as received and answer its id; only then may it be answered 200."""
    with transaction():
        return int(CallbackEvent.insert(received_at=now, body=body).execute())


def keep_all(received: Sequence[tuple[int, str]]) -> None:
    """Store many callbacks, given with the time of receipt, in one transaction: one wait for the disk for all."""
    with transaction():
        execute_many("INSERT INTO callback_event (received_at, body, unmatched) VALUES (?, ?, 0)", received)


def keep_relayed(bodies: Sequence[tuple[str, str]], now: int) -> list[tuple[int, str]]:
    """Store callbacks that come from a file, given with the digest of each; answers the new ones with their ids."""
    new = []
    with transaction():
        for digest, body in bodies:
            found = execute(
                "INSERT INTO callback_event (received_at, body, unmatched, digest) VALUES (?, ?, 0, ?) "
                "ON CONFLICT (digest) WHERE digest IS NOT NULL DO NOTHING RETURNING id",
                (now, body, digest),
            ).fetchall()
            new += [(event_id, body) for (event_id,) in found]
    return new


def ever_received() -> bool:
    """Whether any callback ever came in."""
    return execute("SELECT 1 FROM callback_event LIMIT 1").fetchone() is not None


def waiting(limit: int = 50, most: int = _AT_ONCE_LENGTH) -> list[tuple[int, str]]:
    """Stored events that were not applied yet, oldest first: id and body.

    At most `limit`, and no more than reach `most` characters together.
    """
    found = execute(
        "SELECT t1.id, t1.body FROM callback_event AS t1 WHERE t1.applied_at IS NULL ORDER BY t1.id LIMIT ?", (limit,)
    )
    events, length = [], 0
    for event_id, body in found:
        events.append((event_id, body))
        length += len(body)
        if length >= most:
            break
    found.close()
    return events


def waiting_since() -> int | None:
    """When the oldest event that was not applied yet came in; `None` when all were."""
    query = CallbackEvent.select(CallbackEvent.received_at).where(CallbackEvent.applied_at.is_null())
    row = first(query.order_by(CallbackEvent.id).limit(1))
    return None if row is None else int(row[0])


def still_waiting(event_ids: Sequence[int]) -> set[int]:
    """Which of these nobody has applied meanwhile; they are this transaction's from here on."""
    query = CallbackEvent.select(CallbackEvent.id).where(
        CallbackEvent.id.in_(list(event_ids)), CallbackEvent.applied_at.is_null()
    )
    # Elsewhere than on SQLite another process may be at them at this moment.
    return {event_id for (event_id,) in tuples(query if is_sqlite() else query.for_update())}


def apply(event_ids: Sequence[int], updates: Sequence[StatusUpdate], now: int, effect: Effect | None = None) -> int:
    """Apply what these events say and mark them applied, in one transaction; answers how many updates matched no row.

    Repeated, late and reordered updates change nothing: states only move forward (R46), and any status at all proves
    that an `unknown` message was accepted (R42). A row is found by the reference, without one by the message's id;
    updates of messages that are not known yet are kept (`match`). What was news is added to `effect`.
    """
    effect = Effect.none() if effect is None else effect
    with transaction():
        strangers, refused = _by_reference(updates, now, effect)
        strangers, refused_too = _by_message_id(strangers, now, effect)
        kept.keep(strangers, now)
        unmatched = len(strangers) + refused + refused_too
        if event_ids:
            events = CallbackEvent.id.in_(list(event_ids))
            CallbackEvent.update(applied_at=now, unmatched=unmatched).where(events).execute()
    return unmatched


def nothing_kept() -> bool:
    """Whether no update waits for a message that is not known yet."""
    return kept.nothing()


def match(now: int, message_ids: Sequence[str] = (), effect: Effect | None = None) -> int:
    """Apply what was kept and is about messages that are known now; answers how many updates.

    `message_ids` are those just recorded; without them it is what was handed over, or tried out, in the meantime.
    """
    with transaction():
        found = kept.take(message_ids) if message_ids else kept.take_known(_MATCHED_AT_ONCE)
        if found:
            apply((), found, now, effect)
    return len(found)


def forgettable(after: int, before: int, now: int) -> bool:
    """Whether `forget` has something to look at; costs next to nothing."""
    row = execute(
        "SELECT received_at FROM callback_event WHERE id > ? AND id < ? ORDER BY id LIMIT 1", (after, _end())
    ).fetchone()
    return row is not None and not before <= row[0] <= now


def forget(after: int, before: int, now: int, limit: int) -> Forgotten | None:
    """Of up to `limit` events that follow an id, delete those that were received before a time and are applied.

    Of a relayed one the digest stays, without the body: a file that grows and is taken in again and again is not to be
    news each time. The newest stays, by which it is known that callbacks come in and since when, and so does all from
    the first on that was not applied yet. `None` when nothing there is so old: ids grow with time, and what follows is
    younger still. What a clock that was ahead has stamped is passed over, and keeps no other one.
    """
    last, length, relayed, old, left = after, 0, 0, False, False
    found = execute(
        "SELECT id, received_at, length(body), digest IS NOT NULL FROM callback_event "
        "WHERE id > ? AND id < ? ORDER BY id LIMIT ?",
        (after, _end(), limit),
    )
    for event_id, received_at, characters, by_file in found:
        last = event_id
        length += characters
        relayed += by_file and characters > 0
        old = old or not before <= received_at <= now
        left = left or characters > 0 or not by_file
        if length >= _AT_ONCE_LENGTH or relayed >= _RELAYED_AT_ONCE:
            break
    found.close()
    if not old:
        return None
    return Forgotten(last, _forget(after, last, before) if left else 0)


def _forget(after: int, last: int, before: int) -> int:
    with transaction():
        gone = execute(
            "DELETE FROM callback_event WHERE id > ? AND id <= ? AND received_at < ? AND applied_at IS NOT NULL "
            "AND (digest IS NULL OR body <> '') RETURNING id, received_at, applied_at, unmatched, digest",
            (after, last, before),
        ).fetchall()
        # Not an update: SQLite leaves rows that became short where they are, and the room beside them unused.
        execute_many(
            "INSERT INTO callback_event (id, received_at, body, applied_at, unmatched, digest) "
            "VALUES (?, ?, '', ?, ?, ?)",
            [row for row in gone if row[-1] is not None],
        )
    return len(gone)


def _end() -> int:
    """The id of the first event that was not applied yet, else of the newest one."""
    waits = execute(
        "SELECT t1.id FROM callback_event AS t1 WHERE t1.applied_at IS NULL ORDER BY t1.id LIMIT 1"
    ).fetchone()
    return int(waits[0] if waits else execute("SELECT MAX(id) FROM callback_event").fetchone()[0] or 0)


def _by_reference(updates: Sequence[StatusUpdate], now: int, effect: Effect) -> tuple[list[StatusUpdate], int]:
    """The updates whose reference is of no row that was handed over; and how many were about one that had failed."""
    by_campaign: dict[int, list[StatusUpdate]] = defaultdict(list)
    strangers: list[StatusUpdate] = []
    refused = 0
    for update in updates:
        if update.test_id is not None:
            if not testdeliveries.apply(update, now):
                strangers.append(update)
        elif update.campaign_id is not None and update.seq is not None:
            by_campaign[update.campaign_id].append(update)
        else:
            strangers.append(update)
    for campaign_id, batch in by_campaign.items():
        unknown, failed = deliveries.apply(campaign_id, batch, now, effect)
        strangers += unknown
        refused += failed
    return strangers, refused


def _by_message_id(updates: Sequence[StatusUpdate], now: int, effect: Effect) -> tuple[list[StatusUpdate], int]:
    """As `_by_reference`, for those without a reference of ours, by the ids of their messages."""
    ids = list({update.message_id for update in updates if update.message_id and not update.referenced})
    if not ids:
        return list(updates), 0
    rows, tests = _rows_of(ids), testdeliveries.with_message_ids(ids)
    found, strangers = [], []
    for update in updates:
        if not update.referenced and update.message_id in rows:
            campaign_id, seq = rows[update.message_id]
            found.append(update._replace(campaign_id=campaign_id, seq=seq))
        elif not update.referenced and update.message_id in tests:
            found.append(update._replace(test_id=tests[update.message_id]))
        else:
            strangers.append(update)
    unknown, refused = _by_reference(found, now, effect)
    return strangers + unknown, refused


def _rows_of(message_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Campaign and row of the messages that are known."""
    found: dict[str, tuple[int, int]] = {}
    for at in range(0, len(message_ids), _AT_ONCE):
        some = message_ids[at : at + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = execute(
            "SELECT r.message_id, c.id, r.seq FROM recipient r JOIN campaign c ON c.audience_id = r.audience_id "
            f"WHERE r.message_id IN ({marks})",
            tuple(some),
        ).fetchall()
        found.update((message_id, (campaign_id, seq)) for message_id, campaign_id, seq in rows)
    return found
