"""What stops when this console goes: the runs that its own worker sends and that nobody else would go on with."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

from engine import presence
from store import campaigns, leases
from tui.signs import named

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED = 4
_NAME = 30


class Stopping(NamedTuple):
    """A run under way."""

    name: str
    percent: int
    """How far it is, rounded down."""


def stopping(pid: int, now: int) -> list[Stopping]:
    """The runs not on hold whose sender the worker with this process id has, the first started first.

    None while another worker is there, standing by or sending for another sender: it goes on with them at once.
    """
    held = leases.held(now)
    own = {one.name for one in held if (one.host, one.pid) == (socket.gethostname(), pid)}
    if not own or presence.another(pid) or any(one.name not in own for one in held):
        return []
    running = [campaigns.get(campaign_id) for campaign_id in campaigns.running()]
    return [
        Stopping(one.name, _percent(one.progress.audience - one.progress.skipped, one.progress.pending))
        for one in running
        if one.hold is None and one.sender_id is not None and leases.name_of(one.sender_id) in own
    ]


def _percent(valid: int, pending: int) -> int:
    return 100 * (valid - pending) // valid if valid else 0


def title(runs: Sequence[Stopping]) -> str:
    """What is asked."""
    return "Quit and stop sending?" if len(runs) == 1 else f"Quit and stop {len(runs)} runs?"


def lines(runs: Sequence[Stopping]) -> list[str]:
    """What quitting comes to."""
    if len(runs) == 1:
        stops = [f"1 run stops at {runs[0].percent} % until somebody starts sendoff:", f"  {named(runs[0].name)}"]
    else:
        stops = [f"{len(runs)} runs stop until somebody starts sendoff:"]
        stops += [f"  {named(one.name, _NAME)}, at {one.percent} %" for one in runs[:_NAMED]]
        stops += [f"  … and {len(runs) - _NAMED} more"] if len(runs) > _NAMED else []
    return [*stops, "Nothing is lost by it. A worker that stands by would go on at once."]


def afterwards(runs: Sequence[Stopping]) -> str:
    """What the shell is told when the console is gone."""
    told = ", ".join(f"“{named(one.name)}” at {one.percent} %" for one in runs)
    return f"Stopped: {told}. Sending goes on when somebody starts sendoff, or a worker that stands by takes over."
