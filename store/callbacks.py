"""Status callbacks: the raw event first, what it says after (DESIGN section 4, step 5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from store import contacts, held, history, kept, settling, tallies, testsends
from store.codec import load
from store.database import execute, execute_many, is_sqlite, transaction
from store.models import CallbackEvent
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.moves import Moves, price_of
from store.query import first, tuples
from store.types import Delivery, Note, RecipientState, StatusUpdate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CALLBACK = "callback"

_LAST_WORD = ("delivered", "read")
_MATCHED_AT_ONCE = 500
_AT_ONCE = 200
"""Values of one statement: SQLite takes a limited number."""
_DELIVERY = {"failed": Delivery.UNDELIVERED, "delivered": Delivery.DELIVERED, "read": Delivery.READ}


class Effect(NamedTuple):
    """What applying callbacks came to, added up by `apply`."""

    changed: Counter[int]
    """Statuses that were news, by campaign; those of test sends are campaign 0."""
    failed: dict[int, dict[int, set[int]]]
    """The `seq` of rows that failed after they were sent, by campaign and code, where that was news."""

    @classmethod
    def none(cls) -> Effect:
        """Nothing yet."""
        return cls(Counter(), defaultdict(lambda: defaultdict(set)))


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


def waiting(limit: int = 50, most: int = 1 << 22) -> list[tuple[int, str]]:
    """Stored events that were not applied yet, oldest first: id and body.

    At most `limit`, and no more than reach `most` characters together: each may have megabytes.
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


def _by_reference(updates: Sequence[StatusUpdate], now: int, effect: Effect) -> tuple[list[StatusUpdate], int]:
    """The updates whose reference is of no row that was handed over; and how many were about one that had failed."""
    by_campaign: dict[int, list[StatusUpdate]] = defaultdict(list)
    strangers: list[StatusUpdate] = []
    refused = 0
    for update in updates:
        if update.test_id is not None:
            if not testsends.apply(update, now):
                strangers.append(update)
        elif update.campaign_id is not None and update.seq is not None:
            by_campaign[update.campaign_id].append(update)
        else:
            strangers.append(update)
    for campaign_id, batch in by_campaign.items():
        unknown, failed = _apply_to(campaign_id, batch, now, effect)
        strangers += unknown
        refused += failed
    return strangers, refused


def _by_message_id(updates: Sequence[StatusUpdate], now: int, effect: Effect) -> tuple[list[StatusUpdate], int]:
    """As `_by_reference`, for those without a reference of ours, by the ids of their messages."""
    ids = list({update.message_id for update in updates if update.message_id and not update.referenced})
    if not ids:
        return list(updates), 0
    rows, tests = _rows_of(ids), testsends.with_message_ids(ids)
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


def _apply_to(
    campaign_id: int, batch: Sequence[StatusUpdate], now: int, effect: Effect
) -> tuple[list[StatusUpdate], int]:
    found = first(
        CampaignModel.select(
            CampaignModel.audience,
            CampaignModel.prices,
            ProgressModel.handed,
            CampaignModel.started_at,
            CampaignModel.template_frozen,
        )
        .join(ProgressModel, on=(ProgressModel.campaign == CampaignModel.id))
        .where(CampaignModel.id == campaign_id)
    )
    if found is None or found[0] is None:
        return list(batch), 0
    run = _Run(campaign_id, found[0], load(found[1]), found[2], found[3], found[4])
    moves, unknown, refused = Moves(), [], 0
    for update in batch:
        match _apply_one(run, update, moves):
            case _Match.NONE:
                unknown.append(update)
            case _Match.REFUSED:
                refused += 1
            case _Match.NEWS:
                effect.changed[campaign_id] += 1
                if update.status == "failed" and update.code is not None and update.seq is not None:
                    effect.failed[campaign_id][update.code].add(update.seq)
    if not moves.nothing:
        moves.apply(campaign_id, now, CALLBACK)
    return unknown, refused


class _Match(Enum):
    """What became of one update."""

    NONE = auto()
    """There is no such row, or it was never handed over."""
    REFUSED = auto()
    """The gateway had refused it for good, or it was skipped."""
    OLD = auto()
    NEWS = auto()


class _Run(NamedTuple):
    """What updates of one campaign are applied by."""

    campaign_id: int
    audience_id: int
    prices: Mapping[str, int]
    handed: int
    started_at: int | None
    frozen: str | None
    """The template, as stored."""


def _apply_one(run: _Run, update: StatusUpdate, moves: Moves) -> _Match:
    row = execute(
        "SELECT state, delivery, country, attempt, error, message_id, phone, pricing, delivered_at FROM recipient "
        "WHERE audience_id = ? AND seq = ?",
        (run.audience_id, update.seq),
    ).fetchone()
    if row is None or update.seq is None:
        return _Match.NONE
    if row[0] == RecipientState.SKIPPED:
        return _Match.REFUSED
    if row[0] == RecipientState.PENDING and update.seq > run.handed:
        # Nothing was ever sent to it, and no credit is reserved for it where the run has not begun.
        return _Match.NONE
    state, old, attempt = RecipientState(row[0]), Delivery(row[1]), row[3]
    was_held = state is RecipientState.PENDING and row[5] is not None and held.forget(run.campaign_id, update.seq)
    if update.status == "failed" and update.code in held.DROPPED:
        # Also one whose answer was lost: only what is held back is dropped with these codes.
        if was_held or state is RecipientState.UNKNOWN:
            _drop(run, update, state, price_of(run.prices, row[2]), attempt, moves)
            return _Match.NEWS
        if state is RecipientState.FAILED and row[4] == update.code:
            return _Match.OLD
    if not _accept(run, update, state, price_of(run.prices, row[2]), attempt, row[5], moves, was_held):
        return _Match.REFUSED
    news = state is not RecipientState.SENT
    if state in (RecipientState.PENDING, RecipientState.UNKNOWN) and row[6] is not None:
        marketing = contacts.is_marketing(run.frozen)
        contacts.note(row[6], run.campaign_id, update.seq, update.at, marketing=marketing)
    new = _DELIVERY.get(update.status, Delivery.NONE)
    if new > old:
        news = True
        if new is Delivery.UNDELIVERED:
            history.note(
                run.campaign_id, update.seq, Note.UNDELIVERED, update.at, n=attempt, code=update.code,
                detail=update.detail,
            )  # fmt: skip
        _move_forward(run.audience_id, update, old, new, row[4], moves)
    elif new is Delivery.DELIVERED and old is Delivery.READ and row[8] is None:
        news = True
        execute(
            "UPDATE recipient SET delivered_at = ? WHERE audience_id = ? AND seq = ? AND delivered_at IS NULL",
            (update.at, run.audience_id, update.seq),
        )
    news |= _bill(run.audience_id, update, old, max(old, new), row[7], moves)
    return _Match.NEWS if news else _Match.OLD


def _bill(audience_id: int, update: StatusUpdate, old: Delivery, new: Delivery, told: str | None, moves: Moves) -> bool:
    """Note how WhatsApp bills the message, and count it once it is delivered: what is not delivered costs nothing.

    It is told with `sent` and again with one of `delivered` and `read`; the latter is the last word.
    """
    pricing = told
    if update.pricing is not None and (told is None or update.status in _LAST_WORD):
        pricing = update.pricing
    if pricing != told:
        execute(
            "UPDATE recipient SET pricing = ? WHERE audience_id = ? AND seq = ?", (pricing, audience_id, update.seq)
        )
    if told is not None and old >= Delivery.DELIVERED:
        moves.pricing[told] -= 1
    if pricing is not None and new >= Delivery.DELIVERED:
        moves.pricing[pricing] += 1
    return pricing != told


def _drop(run: _Run, update: StatusUpdate, state: RecipientState, price: int, attempt: int, moves: Moves) -> None:
    """What was held back and then failed was never sent: it fails, and its credit is released."""
    assert update.seq is not None
    execute(
        "UPDATE recipient SET state = 2, error = ? WHERE audience_id = ? AND seq = ? AND state = ?",
        (update.code, run.audience_id, update.seq, int(state)),
    )
    moves.counters.update({state.name.lower(): -1, "failed": 1})
    moves.errors[str(update.code)] += 1
    moves.released += price
    contacts.take_back(run.campaign_id, run.audience_id, [update.seq])
    history.note(
        run.campaign_id, update.seq, Note.DROPPED, update.at, n=attempt, code=update.code, detail=update.detail
    )


def _accept(
    run: _Run,
    update: StatusUpdate,
    state: RecipientState,
    price: int,
    attempt: int,
    message_id: str | None,
    moves: Moves,
    was_held: bool,
) -> bool:
    """Any status proves that the gateway took the message; false when the row had failed for good."""
    assert update.seq is not None
    key = (run.audience_id, update.seq)
    if state is RecipientState.FAILED:
        return settling.prove(
            run.campaign_id, *key, update.message_id, update.at, price, run.started_at, moves, Note.PROVED
        )
    if state is not RecipientState.SENT:
        # The answer to the POST is not recorded yet, or never came: the callback is the proof of acceptance.
        moves.counters.update({state.name.lower(): -1, "sent": 1})
        moves.slices[tallies.slice_of(run.started_at, update.at)] += 1
        moves.settled += price
        execute(
            "UPDATE recipient SET state = 1, message_id = ?, sent_at = ?, "
            "attempt = attempt + ? WHERE audience_id = ? AND seq = ?",
            (
                update.message_id or message_id,
                update.at,
                # A hand-over that was answered is counted already.
                int(state is RecipientState.PENDING and not was_held),
                *key,
            ),
        )
        if was_held:
            history.note(run.campaign_id, update.seq, Note.RELEASED, update.at, n=attempt)
        elif state is RecipientState.UNKNOWN or attempt:
            # Not for a first hand-over that was simply quicker than its answer: that would be a line a message.
            history.note(run.campaign_id, update.seq, Note.PROVED, update.at, n=attempt, detail=update.message_id or "")
    elif message_id is None and update.message_id is not None:
        # Settled by hand: its id is news.
        execute(
            "UPDATE recipient SET message_id = ? WHERE audience_id = ? AND seq = ? AND message_id IS NULL",
            (update.message_id, *key),
        )
    return True


def _move_forward(
    audience_id: int,
    update: StatusUpdate,
    old: Delivery,
    new: Delivery,
    old_error: int | None,
    moves: Moves,
) -> None:
    if old is Delivery.UNDELIVERED:
        # Meta does report a delivery after a failure: what arrived, arrived.
        moves.counters["undelivered"] -= 1
        moves.undelivered[str(old_error)] -= 1
    if new is Delivery.UNDELIVERED:
        moves.counters["undelivered"] += 1
        moves.undelivered[str(update.code)] += 1
        execute(
            "UPDATE recipient SET delivery = ?, error = ? WHERE audience_id = ? AND seq = ?",
            (int(new), update.code, audience_id, update.seq),
        )
        return
    if old < Delivery.DELIVERED:
        moves.counters["delivered"] += 1
    if new is Delivery.READ:
        moves.counters["read"] += 1
    column = "read_at" if new is Delivery.READ else "delivered_at"
    execute(
        f"UPDATE recipient SET delivery = ?, error = NULL, {column} = ? WHERE audience_id = ? AND seq = ?",
        (int(new), update.at, audience_id, update.seq),
    )
