"""The console: how it is opened, the worker it keeps, and what is closed to its user where it is locked down."""

from __future__ import annotations

import gc
import signal
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from textual.reactive import Reactive

from engine import confinement
from engine.clock import SystemClock
from engine.context import Context, operator
from engine.roles import EVERYTHING, Permission
from store import database, sqlite_file
from store.errors import Missing, NoDatabase
from store.types import ListFilter
from tui import access, state, terminal
from tui.driver import TerminalDriver
from tui.feed import Ask, Feed
from tui.leaving import Leaving
from tui.screens.campaigns import CampaignsScreen
from tui.services import Services
from tui.store_threads import StoreThreads
from tui.supervisor import Supervisor
from tui.theme import STATUS_COLORS, THEMES

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.events import DescendantFocus
    from textual.screen import Screen
    from textual.theme import Theme
    from textual.worker import WorkType

    from engine.clock import Clock
    from engine.roles import Rights
    from store.types import Actor
    from tui.feed import Snapshot


def _palette() -> type[Provider]:
    from tui.palette import CommandProvider

    return CommandProvider


class SendoffApp(Leaving):
    """The operator console."""

    TITLE = "sendoff"
    CSS_PATH: ClassVar = ["sendoff.tcss", "console.tcss"]
    COMMANDS: ClassVar = {_palette}
    theme = Reactive(THEMES[0].name)

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
        rights: Rights = EVERYTHING,
        config: str | None = None,
    ) -> None:
        """`rights` are those of `actor`; `config` is the configuration file that was named for this console."""
        super().__init__(driver_class=TerminalDriver)
        clock = clock or SystemClock()
        # Read before the first frame, which must not wait for a thread.
        self._first = _first_look(url, clock.now())
        self.services = Services(
            threads=StoreThreads(),
            context=Context(clock, actor or operator(), rights),
            supervisor=None,
            database=_name_of(url),
            url=url,
            read_only=read_only,
            demo=demo,
            remote=remote,
            config=config,
            zone="UTC" if self._first is None else self._first.overview.account.timezone,
        )
        # Whose role may not send starts no worker either: what others scheduled is theirs to send.
        self._with_worker = with_worker and not read_only and rights.allows(Permission.SEND)
        self._config = config
        # Nothing moves that did not change: a tab's sliding underline is twenty frames over a slow line.
        self.animation_level = "none"

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Textual's and ours, which are there from the beginning: a theme set later has all styles worked out twice."""
        return {**super().available_themes, **{theme.name: theme for theme in THEMES}}

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The statuses' colours, so that any of Textual's own themes can be chosen too."""
        return dict(STATUS_COLORS)

    def get_default_screen(self) -> Screen[Any]:
        """The list; as a mode of its own it would have all style sheets read twice."""
        return CampaignsScreen(self._first)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """No cursor blinks: a blinking one writes half a kilobyte a second for ever."""
        from textual.widgets import Input

        if isinstance(event.widget, Input):
            event.widget.cursor_blink = False

    async def on_mount(self) -> None:
        """Begin where there is something to show: the list, or the set-up where there is no account yet."""
        self._leave_on_signals()
        if self.locked_down:
            # Textual's driver has a handler of its own, which would hand the terminal over.
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        self.add_mode(self.DEFAULT_MODE, self.get_default_screen)
        if self._first is None:
            await self.switch_mode("setup")

    def started(self) -> None:
        """The first rows are painted: what had to wait for that begins."""
        if not gc.isenabled():
            # What was made up to now stays; to look through it for garbage would take as long as two frames.
            gc.freeze()
            gc.enable()
        if self._first is not None:
            self.start_worker()
        if not self.services.read_only:
            work: WorkType[None] = self._sign_in
            self.run_worker(work, exit_on_error=False)

    def start_worker(self) -> None:
        """Start the worker if it does not run yet."""
        if self._with_worker and self.services.supervisor is None:
            self.services.supervisor = Supervisor(self.services.url, config=self._config)
            self.services.supervisor.start()

    @property
    def keeps_worker(self) -> bool:
        """Whether this console has a worker of its own, or is about to."""
        return self._with_worker and self._first is not None

    @property
    def locked_down(self) -> bool:
        """Whether its user may run nothing else: no other program, nothing that suspends it, files in one folder."""
        return confinement.folder() is not None

    def action_suspend_process(self) -> None:
        """Stop for the shell to come forward, where there may be one."""
        if not self.locked_down:
            super().action_suspend_process()

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Write a picture of the screen, where it may be written anywhere."""
        if not self.locked_down:
            super().action_screenshot(filename, path)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Open a browser, where one may be started."""
        if not self.locked_down:
            super().open_url(url, new_tab=new_tab)


def _first_look(url: str, now: int) -> Snapshot | None:
    """The list as the operator left it, its first screenful; `None` where there is no account yet."""
    seen = state.load(state.default_path(), url)
    wanted = ListFilter(seen.tab, seen.sender_id, seen.search, seen.since, seen.until)
    ask = Ask(wanted, seen.sort, seen.reverse, (), seen.cursor)
    with database.session():
        try:
            return Feed().glance(ask, now)
        except Missing:
            return None


def _name_of(url: str) -> str:
    path = sqlite_file.path_of(url)
    return url.rpartition("@")[2] if path is None else path.name


def run_console(database_url: str, *, read_only: bool, demo: bool = False, config: str | None = None) -> int:
    """Open the console and stay until the operator quits; answers the process's exit status.

    A database that is not there yet is set up on the console's first screen, except in a locked-down console, where
    that is left to an administrator. `config` names a configuration file.
    Raises `NotAllowed` for somebody without a role.
    """
    profile = terminal.prepare()
    try:
        database.open_database(database_url, read_only=read_only)
    except NoDatabase:
        if read_only or confinement.folder() is not None:
            raise
        database.open_database(database_url, create=True)
    admitted = access.admit(database_url, config, SystemClock())
    app = SendoffApp(
        database_url,
        read_only=read_only,
        demo=demo,
        remote=profile.remote,
        actor=admitted.actor,
        rights=admitted.rights,
        config=config,
    )
    try:
        result = app.run()
    finally:
        # Not before: the last thing that may wait for a terminal that takes nothing is Textual's own end.
        signal.alarm(0)
        app.services.threads.close()
    if app.stopped:
        from tui import stopping

        print(stopping.afterwards(app.stopped), file=sys.stderr)
    if app.unfinished_worker is not None:
        print(f"The worker (pid {app.unfinished_worker}) finishes what is on its way and then ends.", file=sys.stderr)
    return result or 0
