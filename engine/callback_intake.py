"""From a callback's raw body to the recipients it concerns: stored first, applied after (DESIGN section 4, step 5)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from engine.errors import BadInput
from store import callbacks

if TYPE_CHECKING:
    from engine.clock import Clock
    from store.types import StatusUpdate

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


def apply_waiting(clock: Clock) -> int:
    """Apply what was stored and not applied yet, for a moment; answers how many events.

    One that cannot be read is kept and passed over.
    """
    applied, began = 0, clock.steady()
    while clock.steady() - began < LONGEST_S and (waiting := callbacks.waiting(BATCH)):
        taken: list[int] = []
        updates: list[StatusUpdate] = []
        for event_id, body in waiting:
            updates += _read(event_id, body)
            taken.append(event_id)
            if len(updates) >= FULL:
                break
        unmatched = callbacks.apply(taken, updates, clock.now())
        if unmatched:
            log.warning("%d status updates concern no message of this database", unmatched)
        applied += len(taken)
    return applied


def _read(event_id: int, body: str) -> list[StatusUpdate]:
    from engine.callbacks import parse

    try:
        return parse(body.encode())
    except BadInput as error:
        log.warning("callback %d cannot be read: %s", event_id, error.message)
        return []
