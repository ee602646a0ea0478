"""A dialog that brings templates and senders in step with WhatsApp, and tells as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalGroup, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.commands import sync
from engine.errors import EngineError
from engine.gateway.graph import Graph
from engine.sync_words import sender_lines, template_lines
from engine.text import shown
from store import account
from store.errors import StoreError
from tui import paths
from tui.screens.base import as_told

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.gateway.graph import Item
    from engine.gateway.link import Link
    from tui.services import Services

_MOST = 100
"""Lines told of one kind."""

Read = Callable[[Graph, str, Callable[[int], object]], Awaitable[list["Item"]]]
Apply = Callable[[list["Item"]], Sequence[str]]


class SyncScreen(ModalScreen[bool]):
    """Reads while it is open; answers whether anything was applied."""

    CSS_PATH: ClassVar = ["prompt.tcss", "sync.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,enter", "leave", "leave")]
    AUTO_FOCUS = "#sync-said"

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._lines: list[str] = []
        self._applied = False

    def compose(self) -> ComposeResult:
        """What was said so far, what is being read, keys."""
        with VerticalGroup(classes="dialog") as dialog:
            dialog.border_title = Content("Templates and senders from WhatsApp")
            with VerticalScroll(id="sync-said"):
                yield Static("", id="sync-lines", markup=False)
            yield Static("Asking…", id="sync-now", markup=False)
            yield Static("esc stops and closes; what was applied stays", id="sync-keys", markup=False)

    def on_mount(self) -> None:
        """Begin at once."""
        self.run_worker(self._work())

    async def _work(self) -> None:
        try:
            link = await self._services.threads.write(self._begin)
            # It takes as long as a dozen keys.
            await asyncio.to_thread(import_module, "aiohttp")
            async with Graph(link) as graph:
                await self._step(graph, link, "templates", Graph.templates, self._templates)
                await self._step(graph, link, "senders", Graph.phone_numbers, self._senders)
        except (EngineError, StoreError) as error:
            told = as_told(error)
            self._say([f"! {told.message}", told.hint])
        self.query_one("#sync-now", Static).update("")
        self.query_one("#sync-keys", Static).update("esc closes")

    def _begin(self) -> Link:
        return sync.begin(self._services.context, sync.TEMPLATES, paths.network(self._services.config))

    async def _step(self, graph: Graph, link: Link, what: str, read: Read, apply: Apply) -> None:
        now = self.query_one("#sync-now", Static)
        now.update(f"Reading {what}…")
        items = await read(graph, link.waba_id or "", lambda n: now.update(f"Reading {what}… {n:,}"))
        lines = await self._services.threads.write(partial(apply, items))
        self._applied = True
        more = [f"  … and {len(lines) - 1 - _MOST:,} more; the audit trail has them"] if len(lines) > _MOST + 1 else []
        self._say([f"{what.capitalize()}: {lines[0]}", *(f"  {line}" for line in lines[1 : _MOST + 1]), *more])

    def _templates(self, items: list[Item]) -> Sequence[str]:
        plan = sync.apply_templates(self._services.context, items)
        return template_lines(plan, account.get_account().gateway)

    def _senders(self, items: list[Item]) -> Sequence[str]:
        plan = sync.apply_senders(self._services.context, items)
        return sender_lines(plan, account.get_account().gateway)

    def _say(self, lines: Sequence[str]) -> None:
        self._lines += [shown(line) for line in lines if line]
        self.query_one("#sync-lines", Static).update("\n".join(self._lines))

    def action_leave(self) -> None:
        """Close; what is being read is given up."""
        self.workers.cancel_node(self)
        self.dismiss(self._applied)
