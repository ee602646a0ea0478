"""Whether an action is of any use for what is marked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.lifecycle import Action, cancel_locked, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from store.types import CampaignRow

_FAR = 3_600_000
"""Ahead of any lock that has not fallen."""


def possible(action: Action, rows: Iterable[CampaignRow | None], now: int) -> bool:
    """Whether the rules allow it for one of these at least; of a row that is not loaded it is not known."""
    # As few questions as there are kinds of rows: thousands may be marked.
    kinds = {
        None
        if row is None
        else (
            row.status,
            row.hold_reason is not None,
            row.scheduled_at is not None and cancel_locked(row.scheduled_at, now, row.locked),
        )
        for row in rows
    }
    return any(
        kind is None or refusal(action, kind[0], scheduled_at=now + _FAR, now=now, held=kind[1], locked=kind[2]) is None
        for kind in kinds
    )
