"""What the worker asks about a hold: why, as it begins, and whether it can be sent again before it lifts by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine import asking
from engine.clock import MINUTE
from engine.decide import GATEWAY_UNREACHABLE, HELD_BACK
from engine.health import State
from engine.quota import QUOTA_REACHED
from store import account
from store.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.clock import Clock
    from engine.gateway.graph import Graph
    from store.types import Campaign

PROGRAM_FAULT: Final = "program_fault"
"""The hold of a run that this program made a mistake in."""
OURS: Final = frozenset((GATEWAY_UNREACHABLE, HELD_BACK, QUOTA_REACHED, PROGRAM_FAULT))
"""Holds of which the gateway cannot say more than is known here."""


@dataclass(slots=True)
class _Question:
    """One that is under way."""

    looked: int
    """When somebody last looked for the answer (UTC epoch milliseconds)."""
    task: asyncio.Task[dict[str, Any]]


@dataclass(slots=True)
class _Seen:
    """A hold that was looked at; another reason may come under the time since when the first one lasts."""

    hold: tuple[str, int]
    began: int
    """An answer from before says nothing of it (UTC epoch milliseconds)."""
    answered: bool = False


class Inquiries:
    """Questions under way, asked beside the work; one for what a campaign is sent with, whoever it is for."""

    def __init__(self, clock: Clock, graph: Graph | None) -> None:
        self._clock = clock
        self._graph = graph
        self._asked: dict[tuple[str, ...], _Question] = {}
        self._seen: dict[int, _Seen] = {}
        """By campaign the last hold that was looked at."""

    @property
    def under_way(self) -> int:
        """How many questions have no answer yet."""
        return sum(not one.task.done() for one in self._asked.values())

    def blocked(self, campaign: Campaign) -> str | None:
        """Why it cannot go on: words, empty while the gateway is still being asked; `None` when it may.

        An answer counts once: the next look asks again. Without an answer nothing stands in the way.
        """
        wanted = self._nodes(campaign)
        if self._graph is None or not wanted:
            return None
        answers = self._answers(self._graph, wanted)
        if answers is None:
            return ""
        found = asking.together(answers)
        if found.state is not State.BLOCKED:
            return None
        return found.said or "it cannot be sent, and not why"

    def about(self, campaign: Campaign) -> str:
        """What the gateway says of a hold that has just begun, once for each; empty until then, and for nothing new."""
        hold = campaign.hold
        if hold is None or hold.reason in OURS:
            return ""
        seen = self._seen.get(campaign.id)
        if seen is None or seen.hold != (hold.reason, hold.since):
            began = hold.since if seen is None else self._clock.now()
            seen = self._seen[campaign.id] = _Seen((hold.reason, hold.since), began)
        wanted = () if seen.answered else self._nodes(campaign)
        if self._graph is None or not wanted:
            return ""
        # Another run may have asked the same since then.
        answers: Mapping[str, Any] | None = asking.answers_since(wanted, seen.began)
        if len(answers or ()) < len(wanted):
            answers = self._answers(self._graph, wanted)
        if answers is None:
            return ""
        seen.answered = True
        found = asking.together(answers)
        return found.said if found.state in (State.BLOCKED, State.LIMITED) else ""

    def _answers(self, graph: Graph, wanted: tuple[str, ...]) -> Mapping[str, Any] | None:
        """What was answered, which stands in the store then; `None` while it is being asked, which begins now."""
        now, question = self._clock.now(), self._asked.get(wanted)
        if question is None or (question.task.done() and now - question.looked > MINUTE):
            # Of a hold that was over before the answer came.
            self._asked[wanted] = _Question(now, asyncio.create_task(asking.put_to(graph, wanted)))
            return None
        if not question.task.done():
            question.looked = now
            return None
        answers = question.task.result()
        asking.keep(answers, now)
        del self._asked[wanted]
        return answers

    def _nodes(self, campaign: Campaign) -> tuple[str, ...]:
        try:
            sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
        except Missing:
            sender = None
        return asking.nodes(sender, campaign.template_frozen)

    async def close(self) -> None:
        """Give up what is being asked."""
        tasks, self._asked = [one.task for one in self._asked.values()], {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
