"""Coming in and going out: who may look at all (R56), and that it is known who did (R11)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from engine.context import audit_refusal, forbidden
from store import audit, database
from store.errors import StoreBusy, StoreFailed

if TYPE_CHECKING:
    from engine.context import Context
    from engine.errors import NotAllowed

OPEN = "session.open"
CLOSE = "session.close"
WORKER = "worker.start"
CALLBACKS = "callbacks.start"


def admit(context: Context, action: str = OPEN) -> None:
    """Let somebody in who may read, or do what `action` needs. Raises `NotAllowed` for everybody else."""
    why_not = forbidden(context, action)
    if why_not is not None:
        turned_away(context, action, None, why_not)
        raise why_not


def turned_away(context: Context, action: str, campaign_id: int | None, error: NotAllowed) -> None:
    """Add the event of a refusal; where the database cannot be written the refusal stands all the same."""
    with suppress(StoreBusy, StoreFailed), database.session():
        audit_refusal(context, action, campaign_id, error)


def signed_in(context: Context) -> None:
    """Add the event of a console that was opened. Raises `StoreBusy`, `StoreFailed`."""
    _note(context, OPEN)


def signed_out(context: Context) -> None:
    """Add the event of a console that was closed. Raises `StoreBusy`, `StoreFailed`."""
    _note(context, CLOSE)


def _note(context: Context, action: str) -> None:
    role = context.role
    with database.transaction():
        audit.write(context.clock.now(), context.actor, action, after={"role": None if role is None else role.value})
