"""Uploading a file for a header: which one, then a bar that fills while it goes."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import VerticalGroup
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine import media
from engine.commands import uploads
from engine.confinement import place
from engine.errors import EngineError
from engine.gateway.graph import Graph
from engine.text import shown
from store.errors import StoreError
from store.types import Media
from tui import paths
from tui.screens.base import as_told
from tui.screens.prompt import PromptScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.commands.uploads import Ready
    from store.types import Sender
    from tui.screens.base import ConsoleScreen
    from tui.services import Services

_BAR: Final = 40
_MB: Final = 1 << 20


async def upload(screen: ConsoleScreen, sender: Sender, title: str) -> str | None:
    """Ask for a file and upload it; answers its media id. Call it in a worker."""
    typed = await screen.app.push_screen_wait(PromptScreen(title, _echo, placeholder="~/offer.jpg"))
    if typed is None:
        return None
    services = screen.services

    def begin() -> Ready:
        return uploads.begin(services.context, place(typed), sender, paths.network(services.config))

    ready = await screen.doing(begin)
    if ready is None:
        return None
    made: Media | None = await screen.app.push_screen_wait(UploadScreen(services, ready))
    if made is None:
        return None
    screen.notify(shown(f"{made.file} is uploaded; it can be used for 30 days."), markup=False)
    return made.media_id


def _echo(typed: str) -> str:
    file = media.checked(place(typed))
    return f"{file.kind}, {file.size / _MB:.1f} MB"


def bar(done: int, size: int) -> str:
    """How much of it has gone."""
    full = _BAR * done // size
    return f"{'█' * full}{'░' * (_BAR - full)} {100 * done // size:3d} %"


class UploadScreen(ModalScreen[Media | None]):
    """Uploads while it is open; answers what was uploaded, `None` for nothing."""

    CSS_PATH = "prompt.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave")]

    def __init__(self, services: Services, ready: Ready) -> None:
        super().__init__()
        self._services = services
        self._ready = ready
        self._drawn = ""

    def compose(self) -> ComposeResult:
        """What goes, how much of it has gone, keys."""
        file = self._ready.file
        with VerticalGroup(classes="dialog") as dialog:
            dialog.border_title = Content(f"Uploading {shown(file.path.name)}")
            yield Static(bar(0, file.size), id="upload-bar", markup=False)
            yield Static("", id="upload-said", markup=False)
            yield Static("esc gives it up", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Begin at once."""
        self.run_worker(self._work())

    async def _work(self) -> None:
        ready = self._ready
        try:
            # It takes as long as a dozen keys.
            await asyncio.to_thread(import_module, "aiohttp")
            async with Graph(ready.link) as graph:
                media_id = await graph.upload(
                    ready.sender.phone_number_id, ready.file.path, ready.file.mime, self._progress
                )
            made = await self._services.threads.write(uploads.finish, self._services.context, ready, media_id)
        except (EngineError, StoreError) as error:
            told = as_told(error)
            self.query_one("#upload-said", Static).update(shown(f"! {told.message} {told.hint}"))
            return
        self.dismiss(made)

    def _progress(self, done: int) -> None:
        """Called from a thread that reads the file."""
        said = bar(done, self._ready.file.size)
        if said != self._drawn:
            self._drawn = said
            self.call_later(self._show, said)

    def _show(self, said: str) -> None:
        if self.is_mounted:
            self.query_one("#upload-bar", Static).update(said)

    def action_leave(self) -> None:
        """Give it up."""
        self.workers.cancel_node(self)
        self.dismiss(None)
