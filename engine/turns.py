"""A message's turn: when the sender's pace and a free slot let the next one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from random import Random

    from engine.clock import Clock
    from engine.gateway.base import Gateway
    from engine.pacing import Pacer
    from store.types import Actor

LONGEST_NAP_S = 1.0
"""Whoever sleeps longer would notice a stop too late."""


class Tools(NamedTuple):
    """What a run works with; `pacer` is shared by the runs of one sender, `slots` by all that use the gateway."""

    clock: Clock
    gateway: Gateway
    slots: asyncio.Semaphore
    """One for every request on its way."""
    pacer: Pacer
    rng: Random
    trusted: Callable[[], bool]
    actor: Actor


async def turn(tools: Tools, may_go_on: Callable[[], bool]) -> bool:
    """Wait until the next message may go, with a slot; false, and then without one, when it must not go any more."""
    if not may_go_on():
        return False
    now = tools.clock.steady()
    permit = tools.pacer.reserve(now)
    wait_s = permit.at - now
    if wait_s <= 0:
        # Those who had their turn begin first: a late one is followed by many more at once, and each may tell to stop.
        await tools.clock.sleep(0)
    while wait_s > 0 and may_go_on():
        # Piece by piece: many campaigns of a slow sender queue up here, and a stop cannot wait for all their turns.
        await tools.clock.sleep(min(wait_s, LONGEST_NAP_S))
        wait_s -= LONGEST_NAP_S
    await tools.slots.acquire()
    # A timer ends late, and a slot may come later still.
    permit.at = max(permit.at, tools.clock.steady())
    if may_go_on():
        return True
    tools.slots.release()
    return False
