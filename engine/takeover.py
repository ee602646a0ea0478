"""Taking over a run whose worker ended: what it had in flight becomes unknown and is never resent by itself (R43)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.logs import Log
from store import audit, leases, windows

if TYPE_CHECKING:
    from engine.clock import Clock
    from store.types import Actor, Lease

log = Log("sendoff.worker")


def recover(clock: Clock, campaign_id: int, lease: Lease, actor: Actor) -> None:
    """Close the windows that owners up to this lease left open. Raises `Fenced` when the lease has a newer owner.

    Only while no run of the campaign lives in this process: a window even of this lease's own fence has nobody left to
    close it then.
    """
    if not windows.open_windows(campaign_id):
        return
    with leases.under(lease):
        now = clock.now()
        lost = windows.recover(campaign_id, lease.fence + 1, now)
        if lost:
            audit.write(
                now,
                actor,
                "campaign.recovered",
                campaign_id,
                after={"unknown": lost},
                detail="in flight when the worker before ended; whether they went out is not known",
            )
            log.warning(
                "run.recovered",
                "in flight when the last worker ended: whether they went out is not known",
                campaign=campaign_id,
                unknown=lost,
            )
