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
from store.types import Gateway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.gateway.graph import Graph
    from engine.health import Health
    from store.types import Sender, Template

FRESH_MS: Final = 60_000
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


def together(found: Mapping[str, Any]) -> Health:
    """What was answered, as one; `UNKNOWN` where nothing was."""
    return health.together([health.read(answer) for answer in found.values() if answer is not None])


def can_be_asked() -> bool:
    """Whether this account's gateway is one that can be asked at all."""
    known = account.get_account()
    return known.gateway is Gateway.CLOUD_API or known.base_url is not None


def question(sender: Sender | None, template: Template | None, now: int, network: Network = DIRECT) -> Question | None:
    """What has to be asked before `standing` knows; `None` when it was asked a moment ago, or when nobody can be."""
    wanted = nodes(sender, template)
    if not wanted or not can_be_asked() or len(answers.since(wanted, now - FRESH_MS)) == len(wanted):
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
    """The answers; a refusal or a dead network is `None`."""
    return dict(zip(wanted, await asyncio.gather(*(_one(graph, node) for node in wanted)), strict=True))


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
