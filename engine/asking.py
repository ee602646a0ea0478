"""Asking the gateway whether a number, a template and the account can send, at most once a minute.

What was answered stands in the database, so that console, command line and worker know it of each other, and the
preflight only ever reads. Whoever cannot ask is not told anything wrong: nothing is known then.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from engine import health
from engine.errors import EngineError
from engine.gateway.link import Link, link_of
from engine.gateway.network import DIRECT, Network
from store import account, database
from store import health as answers
from store.errors import Missing
from store.types import Gateway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.gateway.graph import Graph
    from engine.health import Health
    from store.types import Campaign, Sender, Template

FRESH_MS: Final = 60_000
AT_A_RESUME_MS: Final = 5_000
"""How fresh an answer is for whoever resumes a run: what stood in the way may have been mended just now."""
PATIENCE_S: Final = 5.0
"""How long somebody who waits for it waits."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whom to ask about which nodes."""

    link: Link
    nodes: tuple[str, ...]


def nodes(sender: Sender | None, template: Template | None) -> tuple[str, ...]:
    """The gateway's ids of what a campaign is sent with; the answer about a number tells of the account too."""
    found = [None if sender is None else sender.phone_number_id, None if template is None else template.remote_id]
    return tuple(one for one in found if one)


def standing(sender: Sender | None, template: Template | None, now: int) -> Health | None:
    """What is known of them now; `None` when one of them was not asked about, or in vain, within the last minute."""
    wanted = nodes(sender, template)
    found = answers.since(wanted, now - FRESH_MS)
    if not wanted or len(found) < len(wanted) or None in found.values():
        return None
    return together(found)


def answers_since(wanted: Sequence[str], since: int) -> Mapping[str, Any]:
    """What was answered about these nodes from then on (UTC epoch ms), by node; `None` for one asked in vain."""
    return answers.since(wanted, since)


def of_run(campaign: Campaign, now: int) -> Health | None:
    """What is known now of a run's sender and frozen template, see `standing`."""
    try:
        sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
    except Missing:
        sender = None
    return standing(sender, campaign.template_frozen, now)


def together(found: Mapping[str, Any]) -> Health:
    """What was answered, as one; `UNKNOWN` where nothing was."""
    return health.together([health.read(answer) for answer in found.values() if answer is not None])


def can_be_asked() -> bool:
    """Whether this account's gateway is one that can be asked at all."""
    known = account.get_account()
    return known.gateway is Gateway.CLOUD_API or known.base_url is not None


def question(
    sender: Sender | None, template: Template | None, now: int, network: Network = DIRECT, fresh_ms: int = FRESH_MS
) -> Question | None:
    """What has to be asked before `standing` knows; `None` when it was asked a moment ago, or when nobody can be.

    `fresh_ms` is how long ago a moment is.
    """
    wanted = nodes(sender, template)
    if not wanted or not can_be_asked() or len(answers.since(wanted, now - fresh_ms)) == len(wanted):
        return None
    quick = replace(
        network,
        connect_timeout=min(network.connect_timeout, PATIENCE_S),
        timeout=min(network.timeout, PATIENCE_S),
    )
    try:
        return Question(link_of(account.get_account(), quick), wanted)
    except EngineError:
        # No token: whoever launches is told by the worker, and nothing is known here.
        return None


async def put_to(graph: Graph, wanted: Sequence[str]) -> dict[str, Any]:
    """The answers; a refusal, a dead network or one that takes too long is `None`."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return dict(zip(wanted, await asyncio.gather(*(_one(graph, node) for node in wanted)), strict=True))
    except TimeoutError:
        return dict.fromkeys(wanted)


async def ask(asked: Question) -> dict[str, Any]:
    """Ask over a session of its own."""
    from engine.gateway.graph import Graph

    async with Graph(asked.link) as graph:
        return await put_to(graph, asked.nodes)


def keep(found: Mapping[str, Any], now: int) -> None:
    """Remember what was answered, and what was asked in vain: it is not asked again for a minute either."""
    with database.transaction():
        answers.put(found, now)


async def _one(graph: Graph, node: str) -> object:
    try:
        return await graph.health(node)
    except EngineError:
        return None
