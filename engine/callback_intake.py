"""From a callback's raw body to what it concerns, recipients, opt-outs, templates...: stored first, applied after.

What is applied together is one transaction with the note that it was applied, so that a callback counts once whatever
is killed; one that is repeated or late is judged by its own times and changes nothing (DESIGN section 4, step 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from engine import notice_intake
from engine.errors import BadInput
from engine.logs import Log
from engine.schedule import iso
from store import account, audit, callbacks, database, replies
from store.deliveries import Effect
from store.types import Actor

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from engine.clock import Clock
    from engine.notice_kinds import Notice
    from engine.reply_words import Words
    from store.types import OptOut, Reply, StatusUpdate

log = Log("sendoff.callbacks")

BATCH = 200
"""Callbacks that are applied together: a gateway may post every status by itself."""
FULL = 500
"""Status updates that are enough for one transaction: a callback may carry a thousand."""
LONGEST_S = 0.1
"""How long one call may keep the worker's loop from its other work."""
_AT_ONCE = nullcontext()


@dataclass
class Applied:
    """What applying stored callbacks came to; added up from call to call."""

    events: int = 0
    statuses: int = 0
    """Status updates in them."""
    changed: int = 0
    """Those that were news."""
    unmatched: int = 0
    """Those of no message that is known here."""
    replies: int = 0
    """STOP and START that were news."""
    notices: int = 0
    """Of templates, senders and the account, that were news."""
    unreadable: int = 0


def text_of(body: bytes) -> str:
    """A callback's body as it is stored."""
    return body.decode("utf-8", "replace")


def keep(clock: Clock, body: bytes) -> None:
    """Store a callback durably; only then may it be answered 200."""
    callbacks.keep(text_of(body), clock.now())


def apply_waiting(
    clock: Clock,
    words: Words | None = None,
    applied: Applied | None = None,
    turn: AbstractContextManager[object] = _AT_ONCE,
) -> int:
    """Apply what was stored and not applied yet, for a moment; answers how many events.

    One that cannot be read is kept and passed over, and so is one that another process was quicker with. `words` are
    those that opt a number out or in, the shipped ones when none are given. What it came to is added to `applied`.
    Each transaction waits for its `turn`, for the good of others in this process.
    """
    total = Applied() if applied is None else applied
    before, began = total.events, clock.steady()
    while clock.steady() - began < LONGEST_S and (waiting := callbacks.waiting(BATCH)):
        now, mine = clock.now(), _account()
        batch: list[_Read] = []
        for event_id, body in waiting:
            batch.append(_read(event_id, body, now, words, mine))
            if sum(one.weight for one in batch) >= FULL:
                break
        # Read before the transaction begins: a thousand statuses take their time, and others want to write.
        with turn:
            if not _apply(clock, batch, now, total):
                break
    with turn:
        _match(clock, total)
    return total.events - before


def apply_relayed(clock: Clock, bodies: Sequence[tuple[str, str]], words: Words | None, applied: Applied) -> int:
    """Store callbacks that come from a file, given with the digest of each, and apply them in the same transaction.

    Answers how many were new, and adds to `applied` what they came to.
    """
    with database.transaction():
        now = clock.now()
        new = callbacks.keep_relayed(bodies, now)
        mine = _account()
        batch = [_read(event_id, body, now, words, mine) for event_id, body in new]
        if batch:
            _apply(clock, batch, now, applied)
    _match(clock, applied)
    return len(new)


def _apply(clock: Clock, batch: list[_Read], now: int, total: Applied) -> bool:
    """Apply a batch in one transaction; false when another process was at all of it."""
    with database.transaction():
        mine = callbacks.still_waiting([one.event_id for one in batch])
        batch = [one for one in batch if one.event_id in mine]
        if not batch:
            return False
        effect = Effect.none()
        updates = [update for one in batch for update in one.statuses]
        unmatched = callbacks.apply([one.event_id for one in batch], updates, now, effect)
        _hold_for(clock, effect)
        replies = sum(_take(reply, now) for one in batch for reply in one.replies)
        notices = sum(notice_intake.take(clock, notice) for one in batch for notice in one.notices)
    total.events += len(batch)
    total.statuses += len(updates)
    total.changed += effect.changed.total()
    total.unmatched += unmatched
    total.replies += replies
    total.notices += notices
    total.unreadable += sum(not one.readable for one in batch)
    if unmatched:
        log.info("callbacks.unmatched", "they concern no message that is known here", updates=unmatched)
    return True


def _match(clock: Clock, total: Applied) -> None:
    """Apply what was kept for messages that are known by now."""
    if callbacks.nothing_kept():
        return
    effect = Effect.none()
    with database.transaction():
        callbacks.match(clock.now(), effect=effect)
        _hold_for(clock, effect)
    total.changed += effect.changed.total()


def _hold_for(clock: Clock, effect: Effect) -> None:
    for campaign_id, by_code in effect.failed.items():
        notice_intake.failed(clock, campaign_id, by_code)


class _Read(NamedTuple):
    """What one stored event says."""

    event_id: int
    statuses: Sequence[StatusUpdate] = ()
    replies: Sequence[Reply] = ()
    notices: Sequence[Notice] = ()
    readable: bool = True

    @property
    def weight(self) -> int:
        return len(self.statuses) + len(self.replies) + len(self.notices)


def _read(event_id: int, body: str, now: int, words: Words | None, mine: str | None) -> _Read:
    from engine.inbound import replies_in
    from engine.notices import notices_in
    from engine.reply_words import shipped
    from engine.statuses import document_of, statuses_in

    try:
        document = document_of(body.encode())
    except BadInput as error:
        log.warning("callback.unreadable", error.message, callback=event_id)
        return _Read(event_id, readable=False)
    # An app may serve several accounts, each with campaigns of the same numbers.
    statuses = statuses_in(document, now, mine)
    if not statuses and mine and statuses_in(document, now):
        log.info("callback.foreign", "statuses of another account are passed over", callback=event_id)
    return _Read(
        event_id,
        statuses,
        replies_in(document, now, shipped() if words is None else words, mine),
        notices_in(document, now),
    )


def _account() -> str | None:
    """The id of the account that callbacks are taken for, where it is known."""
    return account.get_account().waba_id if account.has_account() else None


def _take(reply: Reply, now: int) -> bool:
    """Opt out or in what was written; of a reply that was news there is an audit event (R11, R38)."""
    found = replies.take(reply, now)
    if found is None:
        return False
    told = {"number": str(reply.phone), "written_at": iso(reply.at, "UTC")}
    if reply.said:
        told |= {"said": reply.said, "message": reply.message_id or ""}
    audit.write(
        now,
        Actor(f"+{reply.phone}", reply.origin),
        "optout.stop" if reply.stop else "optout.start",
        before=_entry(found.before),
        after={**told, **_entry(found.after)},
    )
    return True


def _entry(entry: OptOut | None) -> dict[str, object]:
    if entry is None:
        return {"opted_out": False}
    return {"opted_out": True, "since": iso(entry.since, "UTC"), "origin": entry.origin}
