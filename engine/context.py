"""Who asks the engine for something, and by which clock."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import Busy, EngineError, NotFound, Refused
from store import audit, database
from store.errors import Missing, StoreBusy, StoreFailed
from store.types import Actor

if TYPE_CHECKING:
    from engine.clock import Clock


@dataclass(frozen=True, slots=True)
class Context:
    """The operator behind a command and the clock that decides for it."""

    clock: Clock
    actor: Actor


def operator() -> Actor:
    """The operating-system user of this session, with its terminal and, over SSH, the client's address (R55)."""
    try:
        # Not from USER or LOGNAME, which anybody can set.
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    try:
        terminal = os.ttyname(0)
    except OSError:
        terminal = "no terminal"
    client = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    return Actor(name, f"{terminal} from {client}" if client else terminal)


@contextmanager
def command(context: Context, action: str, campaign_id: int | None = None) -> Iterator[None]:
    """Run one operator command: a refusal leaves an audit event of its own (R11), store failures become sentences.

    Raises what the engine raises: `Refused`, `BadInput`, `NotFound`, `Busy`.
    """
    try:
        with database.translated():
            yield
    except Missing as error:
        raise NotFound("not_found", _sentence(error), "See `sendoff campaign list` for what there is.") from error
    except (StoreBusy, StoreFailed) as error:
        raise _unusable(error) from error
    except Refused as error:
        try:
            _audit_refusal(context, action, campaign_id, error)
        except (StoreBusy, StoreFailed) as fault:
            raise _unusable(fault) from error
        raise


def _sentence(error: Missing) -> str:
    words = str(error)
    return f"There is {words}." if words.startswith("no ") else f"{words[:1].upper()}{words[1:]}."


def _unusable(error: StoreBusy | StoreFailed) -> Busy:
    if isinstance(error, StoreBusy):
        return Busy("busy", str(error), "Another process is writing. Try again in a moment.")
    return Busy("store_failed", str(error), "Check free disk space and the file's permissions, then try again.")


def _audit_refusal(context: Context, action: str, campaign_id: int | None, error: EngineError) -> None:
    with database.transaction():
        audit.write(
            context.clock.now(),
            context.actor,
            f"{action}.refused",
            campaign_id,
            after={"code": error.code},
            detail=error.message,
        )
