"""From a callback's raw body to the recipients and the opt-outs it concerns: stored first, applied after.

What is applied together is one transaction with the note that it was applied, so that a callback counts once whatever
is killed; one that is repeated or late is judged by its own times and changes nothing (DESIGN section 4, step 5).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from engine.errors import BadInput
from engine.schedule import iso
from store import audit, callbacks, database, replies
from store.types import Actor

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.reply_words import Words
    from store.types import OptOut, Reply, StatusUpdate

log = logging.getLogger("sendoff.callbacks")

BATCH = 20
"""Callbacks that are applied together: a gateway may post every status by itself."""
FULL = 500
"""Status updates that are enough for one transaction: a callback may carry a thousand."""
LONGEST_S = 0.1
"""How long one call may keep the worker's loop from its other work."""


def keep(clock: Clock, body: bytes) -> None:
    """Store a callback durably; only then may it be answered 200."""
    callbacks.keep(body.decode("utf-8", "replace"), clock.now())


def apply_waiting(clock: Clock, words: Words | None = None) -> int:
    """Apply what was stored and not applied yet, for a moment; answers how many events.

    One that cannot be read is kept and passed over. `words` are those that opt a number out or in, the shipped ones
    when none are given.
    """
    applied, began = 0, clock.steady()
    while clock.steady() - began < LONGEST_S and (waiting := callbacks.waiting(BATCH)):
        now = clock.now()
        taken: list[int] = []
        updates: list[StatusUpdate] = []
        written: list[Reply] = []
        for event_id, body in waiting:
            statuses, wishes = _read(event_id, body, now, words)
            updates += statuses
            written += wishes
            taken.append(event_id)
            if len(updates) + len(written) >= FULL:
                break
        with database.transaction():
            unmatched = callbacks.apply(taken, updates, now)
            for reply in written:
                _take(reply, now)
        if unmatched:
            log.warning("%d status updates concern no message of this database", unmatched)
        applied += len(taken)
    return applied


def _read(event_id: int, body: str, now: int, words: Words | None) -> tuple[list[StatusUpdate], list[Reply]]:
    from engine.callbacks import document_of, statuses_in
    from engine.inbound import replies_in
    from engine.reply_words import shipped

    try:
        document = document_of(body.encode())
    except BadInput as error:
        log.warning("callback %d cannot be read: %s", event_id, error.message)
        return [], []
    return statuses_in(document), replies_in(document, now, shipped() if words is None else words)


def _take(reply: Reply, now: int) -> None:
    """Opt out or in what was written; of a reply that was news there is an audit event (R11, R38)."""
    found = replies.take(reply, now)
    if found is None:
        return
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


def _entry(entry: OptOut | None) -> dict[str, object]:
    if entry is None:
        return {"opted_out": False}
    return {"opted_out": True, "since": iso(entry.since, "UTC"), "origin": entry.origin}
