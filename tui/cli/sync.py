"""`sendoff template sync` and `sendoff sender sync`: what the gateway knows, and what changed by it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.commands import sync
from engine.gateway.graph import Graph
from engine.sync_words import sender_lines, template_lines
from store import account
from tui import paths

if TYPE_CHECKING:
    from argparse import Namespace

    from engine import remote_senders, remote_templates
    from engine.gateway.graph import Item
    from engine.gateway.link import Link
    from tui.cli.session import Session

Read = Callable[[Graph, str, Callable[[int], object]], Awaitable[list["Item"]]]


def templates(options: Namespace, session: Session) -> int:
    """Bring the templates in step with the gateway."""
    link = sync.begin(session.context, sync.TEMPLATES, paths.network(session.config))
    plan = sync.apply_templates(session.context, _read(session, link, Graph.templates, "templates"))
    _tell(session, template_lines(plan, account.get_account().gateway), _templates_json(plan))
    return 0


def senders(options: Namespace, session: Session) -> int:
    """Bring the senders in step with the gateway."""
    link = sync.begin(session.context, sync.SENDERS, paths.network(session.config))
    plan = sync.apply_senders(session.context, _read(session, link, Graph.phone_numbers, "numbers"))
    _tell(session, sender_lines(plan, account.get_account().gateway), _senders_json(plan))
    return 0


def _read(session: Session, link: Link, read: Read, what: str) -> list[Item]:
    """The whole list, with its progress for a person at a terminal."""
    watched = not session.output.as_json and sys.stderr.isatty()

    def progress(n: int) -> None:
        if watched:
            print(f"\r{n:,} {what} read", end="", file=sys.stderr, flush=True)

    async def run() -> list[Item]:
        async with Graph(link) as graph:
            return await read(graph, link.waba_id or "", progress)

    try:
        return asyncio.run(run())
    finally:
        if watched:
            print(file=sys.stderr)


def _tell(session: Session, lines: Sequence[str], document: dict[str, Any]) -> None:
    if session.output.as_json:
        session.output.document(document)
        return
    for line in lines:
        session.output.say(line)


def _templates_json(plan: remote_templates.Plan) -> dict[str, Any]:
    return {
        "added": [{"template": one.item.ref, "status": one.item.status} for one in plan.added],
        "changed": [
            {"template": one.template.ref, "fields": sorted(one.fields), "what": one.words} for one in plan.changed
        ],
        "deleted": [one.ref for one in plan.deleted],
        "unchanged": plan.unchanged,
        "only_here": [one.ref for one in plan.only_here],
        "unreadable": plan.unreadable,
    }


def _senders_json(plan: remote_senders.Plan) -> dict[str, Any]:
    return {
        "added": [{"number": f"+{one.item.number}", "rate": one.rate} for one in plan.added],
        "changed": [
            {"number": f"+{one.sender.number}", "fields": sorted(one.fields), "what": one.words} for one in plan.changed
        ],
        "unchanged": plan.unchanged,
        "only_here": [f"+{one.number}" for one in plan.only_here],
        "conflicts": list(plan.conflicts),
        "unreadable": plan.unreadable,
        "limit": plan.limit or None,
    }
