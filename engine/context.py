"""Who asks the engine for something, and by which clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import roles
from engine.errors import GONE, Busy, EngineError, NotAllowed, NotFound, Refused
from engine.operators import operator as operator
from store import audit, database
from store.errors import Missing, StoreBusy, StoreFailed, StoreGone

if TYPE_CHECKING:
    from engine.clock import Clock
    from store.types import Actor


@dataclass(frozen=True, slots=True)
class Context:
    """The operator behind a command, what this operator may do, and the clock that decides for it.

    Whoever opens a database for a person hands in that person's rights; everything is for tests and made-up data.
    """

    clock: Clock
    actor: Actor
    rights: roles.Rights = roles.EVERYTHING

    @property
    def role(self) -> roles.Role | None:
        """The operator's role; `None` for somebody who has none."""
        return self.rights.role


@contextmanager
def command(context: Context, action: str, campaign_id: int | None = None) -> Iterator[None]:
    """Run one operator command: a refusal leaves an audit event of its own (R11), store failures become sentences.

    What the operator's role does not allow is refused before anything else is looked at (R57).
    Raises what the engine raises: `Refused`, `NotAllowed`, `BadInput`, `NotFound`, `Busy`.
    """
    try:
        with database.translated():
            not_allowed = forbidden(context, action)
            if not_allowed is not None:
                raise not_allowed
            yield
    except Missing as error:
        raise NotFound("not_found", _sentence(error), "See `sendoff campaign list` for what there is.") from error
    except (StoreBusy, StoreFailed) as error:
        raise unusable(error) from error
    except Refused as error:
        try:
            audit_refusal(context, action, campaign_id, error)
        except (StoreBusy, StoreFailed) as fault:
            raise unusable(fault) from error
        raise


def forbidden(context: Context, action: str) -> NotAllowed | None:
    """Why the operator's role does not allow an action; `None` when it does."""
    permission = roles.needed(action)
    if context.rights.allows(permission):
        return None
    if context.role is None:
        return NotAllowed(
            "not_allowed",
            f"{context.actor.name} has no role here.",
            "The database's owner gives one in the configuration file: [roles]",
        )
    return NotAllowed(
        "not_allowed",
        f"The role {context.role.value} may not do this: it needs the permission {permission.value}.",
        "Ask somebody who has it, or the database's owner for another role.",
    )


def _sentence(error: Missing) -> str:
    words = str(error)
    return f"There is {words}." if words.startswith("no ") else f"{words[:1].upper()}{words[1:]}."


def unusable(error: StoreBusy | StoreFailed) -> EngineError:
    """A database that cannot be used, as something to tell people."""
    if isinstance(error, StoreGone):
        return NotFound("database_gone", str(error), GONE)
    if isinstance(error, StoreBusy):
        return Busy("busy", str(error), "Another process is writing. Try again in a moment.")
    return Busy("store_failed", str(error), "Check free disk space and the file's permissions, then try again.")


def audit_refusal(context: Context, action: str, campaign_id: int | None, error: EngineError) -> None:
    """Add the event of an attempt that was refused (R11). Raises `StoreBusy`, `StoreFailed`."""
    with database.transaction():
        audit.write(
            context.clock.now(),
            context.actor,
            f"{action}.refused",
            campaign_id,
            after={"code": error.code},
            detail=error.message,
        )
