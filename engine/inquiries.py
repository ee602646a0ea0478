"""What the worker asks the gateway before a hold lifts by itself: whether it can send again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine import asking
from engine.health import State
from store import account
from store.errors import Missing

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.gateway.graph import Graph
    from store.types import Campaign


class Inquiries:
    """Questions under way, one a campaign; asked beside the work."""

    def __init__(self, clock: Clock, graph: Graph | None) -> None:
        self._clock = clock
        self._graph = graph
        self._asked: dict[int, asyncio.Task[dict[str, Any]]] = {}

    def blocked(self, campaign: Campaign) -> str | None:
        """Why it cannot go on: words, empty while the gateway is still being asked; `None` when it may.

        An answer counts once: the next look asks again. Without an answer nothing stands in the way.
        """
        task = self._asked.get(campaign.id)
        if task is None:
            wanted = self._nodes(campaign)
            if self._graph is None or not wanted:
                return None
            self._asked[campaign.id] = asyncio.create_task(asking.put_to(self._graph, wanted))
            return ""
        if not task.done():
            return ""
        del self._asked[campaign.id]
        answers = task.result()
        asking.keep(answers, self._clock.now())
        found = asking.together(answers)
        if found.state is not State.BLOCKED:
            return None
        return " ".join((found.text, *found.advice)) or "WhatsApp does not say why"

    def _nodes(self, campaign: Campaign) -> tuple[str, ...]:
        try:
            sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
        except Missing:
            sender = None
        return asking.nodes(sender, campaign.template_frozen)

    async def close(self) -> None:
        """Give up what is being asked."""
        tasks, self._asked = list(self._asked.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
