"""The console: its screens as modes, the worker it keeps, and the way out."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import TYPE_CHECKING, ClassVar

from textual.app import App

from engine.clock import SystemClock
from engine.context import Context, operator
from store import account, database
from store.errors import NoDatabase
from tui import terminal
from tui.screens.base import ConsoleScreen
from tui.screens.campaigns import CampaignsScreen
from tui.services import Services
from tui.store_threads import StoreThreads
from tui.supervisor import Supervisor
from tui.theme import STATUS_COLORS, THEMES

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.events import DescendantFocus
    from textual.screen import Screen

    from engine.clock import Clock
    from store.types import Actor

QUIT_S = 0.8
"""How long quitting waits for the worker's orderly end; a worker that takes longer finishes by itself."""


def _draft() -> Screen[None]:
    from tui.screens.draft import DraftScreen

    return DraftScreen()


def _report() -> Screen[None]:
    from tui.screens.report import ReportScreen

    return ReportScreen()


def _setup() -> Screen[None]:
    from tui.screens.setup import SetupScreen

    return SetupScreen()


def _palette() -> type[Provider]:
    from tui.palette import CommandProvider

    return CommandProvider


class SendoffApp(App[int]):
    """The operator console."""

    TITLE = "sendoff"
    CSS_PATH: ClassVar = ["sendoff.tcss", "console.tcss"]
    COMMANDS: ClassVar = {_palette}
    MODES: ClassVar = {
        # The list is what a start waits for; the other screens are imported when they are first opened.
        "campaigns": CampaignsScreen,
        "draft": _draft,
        "report": _report,
        "setup": _setup,
    }
    DEFAULT_MODE = "campaigns"

    def __init__(
        self,
        url: str,
        *,
        read_only: bool = False,
        demo: bool = False,
        remote: bool = False,
        clock: Clock | None = None,
        actor: Actor | None = None,
        with_worker: bool = True,
    ) -> None:
        super().__init__()
        # Known before the first frame: what is painted first must not wait for a thread.
        with database.session():
            self._zone = account.get_account().timezone if account.has_account() else None
        self.services = Services(
            threads=StoreThreads(),
            context=Context(clock or SystemClock(), actor or operator()),
            supervisor=None,
            database=_name_of(url),
            url=url,
            read_only=read_only,
            demo=demo,
            remote=remote,
            zone=self._zone or "UTC",
        )
        self._with_worker = with_worker and not read_only
        self.unfinished_worker: int | None = None
        """Process id of a worker that was still finishing when the console closed."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        # Nothing moves that did not change: a tab's sliding underline is twenty frames over a slow line.
        self.animation_level = "none"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The statuses' colours, so that any of Textual's own themes can be chosen too."""
        return dict(STATUS_COLORS)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """No cursor blinks: a blinking one writes half a kilobyte a second for ever."""
        from textual.widgets import Input

        if isinstance(event.widget, Input):
            event.widget.cursor_blink = False

    async def on_mount(self) -> None:
        """Begin where there is something to show: the list, or the set-up where there is no account yet."""
        self._leave_on_signals()
        if self._zone is None:
            await self.switch_mode("setup")

    def start_worker(self) -> None:
        """Start the worker if it does not run yet; the list asks for it once its first rows are painted."""
        gc.enable()
        if self._with_worker and self.services.supervisor is None:
            self.services.supervisor = Supervisor(self.services.url)
            self.services.supervisor.start()

    async def open_list(self, select: int | None = None) -> None:
        """Show the list, the cursor on one campaign when given; start the worker if it does not run yet."""
        self.services.zone = (await self.services.threads.read(account.get_account)).timezone
        self.start_worker()
        await self.switch_mode("campaigns")
        screen = self.screen
        if isinstance(screen, CampaignsScreen):
            screen.come_back(select)

    async def open_draft(self, campaign_id: int | None) -> None:
        """Show the draft editor on a draft, or on a new one."""
        from tui.screens.draft import DraftScreen

        await self.switch_mode("draft")
        screen = self.screen
        if isinstance(screen, DraftScreen):
            await screen.open(campaign_id)

    async def open_report(self, campaign_id: int) -> None:
        """Show a campaign's report on the whole screen."""
        from tui.screens.report import ReportScreen

        await self.switch_mode("report")
        screen = self.screen
        if isinstance(screen, ReportScreen):
            await screen.open(campaign_id)

    async def action_quit(self) -> None:
        """Leave; a draft that is not saved asks first, and ends the console itself."""
        screen = self.screen
        if not (isinstance(screen, ConsoleScreen) and screen.holds_quit()):
            await self.leave()

    async def leave(self) -> None:
        """Stop the worker in order and end the console."""
        supervisor = self.services.supervisor
        if supervisor is not None:
            pid = supervisor.pid
            if not await supervisor.stop(QUIT_S):
                self.unfinished_worker = pid
        screen = self.screen_stack[0]
        if isinstance(screen, CampaignsScreen):
            screen.remember()
        self.exit(0)

    def _leave_on_signals(self) -> None:
        """A closed terminal or a service manager ends the console as `q` does, so that nothing is left half-way."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: self.run_worker(self.leave(), exit_on_error=False))


def _name_of(url: str) -> str:
    path = database.sqlite_path(url)
    return url.rpartition("@")[2] if path is None else path.name


def run_console(database_url: str, *, read_only: bool, demo: bool = False) -> int:
    """Open the console and stay until the operator quits; answers the process's exit status.

    A database that is not there yet is set up on the console's first screen.
    """
    profile = terminal.prepare()
    try:
        database.open_database(database_url, read_only=read_only)
    except NoDatabase:
        if read_only:
            raise
        database.open_database(database_url, create=True)
    # Collecting garbage while everything is being imported and built costs a tenth of the start.
    gc.disable()
    app = SendoffApp(database_url, read_only=read_only, demo=demo, remote=profile.remote)
    try:
        result = app.run()
    finally:
        app.services.threads.close()
    if app.unfinished_worker is not None:
        print(f"The worker (pid {app.unfinished_worker}) finishes what is on its way and then ends.", file=sys.stderr)
    return result or 0
