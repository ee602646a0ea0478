"""The way out of the console: in order when it is asked to go, and soon in any case when the process is told to."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine import sessions
from store.errors import StoreError
from tui.modes import Modes
from tui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.worker import WorkType

    from tui.stopping import Stopping

QUIT_S = 0.8
"""How long quitting waits for the worker's orderly end; a worker that takes longer finishes by itself."""

FORCED_S = 5
"""When a console that was told to end by a signal, or lost its terminal, is ended if it could not do it by itself."""

SIGN_OUT_S = 0.5
"""How long quitting waits for the store to keep that somebody went."""


class Leaving(Modes):
    """Ends once, whoever wants it to: the operator, a signal, or a terminal that is gone."""

    def __init__(self, **options: Any) -> None:
        """`options` are Textual's."""
        super().__init__(**options)
        self._signed_in = False
        self._home: asyncio.AbstractEventLoop | None = None
        self._signals_before: dict[int, Any] = {}
        self._going = False
        """Whether somebody else than the operator said that it is time to leave."""
        self._leaving = False
        self.at_quit: Callable[[], object] = lambda: None
        """Called last; the list keeps there where the operator was."""
        self.unfinished_worker: int | None = None
        """Process id of a worker that was still finishing when the console closed."""
        self._asking = False
        self.stopped: Sequence[Stopping] = ()
        """The runs that the operator agreed to stop."""

    async def _sign_in(self) -> None:
        """Keep that somebody came (R11); a store that is busy now keeps nobody out."""
        with suppress(StoreError):
            await self.services.threads.write(sessions.signed_in, self.services.context)
            self._signed_in = True

    async def _sign_out(self) -> None:
        if self._signed_in:
            self._signed_in = False
            with suppress(StoreError, TimeoutError):
                await asyncio.wait_for(
                    self.services.threads.write(sessions.signed_out, self.services.context), SIGN_OUT_S
                )

    async def action_quit(self) -> None:
        """Leave; a draft that is not saved asks first, and ends the console itself; a run that would stop asks too."""
        screen = self.screen
        if self._asking or (isinstance(screen, ConsoleScreen) and screen.holds_quit()):
            return
        runs = await self._stopping()
        if runs:
            self._asking = True
            self.run_worker(self._stop_or_stay(runs))
        else:
            await self.leave()

    async def _stopping(self) -> Sequence[Stopping]:
        """What would stop; a store that cannot tell soon keeps nobody in."""
        supervisor = self.services.supervisor
        pid = None if supervisor is None else supervisor.pid
        if pid is None:
            return ()
        from tui.stopping import stopping

        with suppress(StoreError, TimeoutError):
            return await asyncio.wait_for(self.services.threads.read(stopping, pid, self.services.now), QUIT_S)
        return ()

    async def _stop_or_stay(self, runs: Sequence[Stopping]) -> None:
        from tui import stopping
        from tui.screens.confirm import Confirm, Question

        question = Question(stopping.title(runs), stopping.lines(runs), "Quit")
        try:
            agreed = await self.push_screen_wait(Confirm(question, self.services.context.clock))
        finally:
            self._asking = False
        if agreed:
            self.stopped = runs
            await self.leave()

    async def leave(self) -> None:
        """Stop the worker in order and end the console; asked again, nothing more happens."""
        if self._leaving:
            return
        self._leaving = True
        supervisor = self.services.supervisor
        if supervisor is not None:
            pid = supervisor.pid
            if not await supervisor.stop(QUIT_S):
                self.unfinished_worker = pid
        await self._sign_out()
        self.at_quit()
        self.exit(0)

    def terminal_gone(self) -> None:
        """End as `q` does, for there is nobody any more who could press it; called from any thread."""
        self._leave_soon()

    def _leave_on_signals(self) -> None:
        """A closed terminal or a service manager ends the console as `q` does, so that nothing is left half-way."""
        self._home = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            # Not the loop's own handlers: it may be waiting for a terminal that takes nothing, and hear of none.
            self._signals_before[number] = signal.signal(number, lambda *_: self._leave_soon())
        if self._going:
            self._leave_soon()

    def _leave_soon(self) -> None:
        """Leave, and in any case be gone a little later: the pipe to the worker closes with this process."""
        self._going = True
        signal.alarm(FORCED_S)
        if self._home is not None and not self._home.is_closed():
            work: WorkType[None] = self.leave
            self._home.call_soon_threadsafe(lambda: self.run_worker(work, exit_on_error=False))

    def on_unmount(self) -> None:
        """What a signal does is the process's own matter again."""
        for number, handler in self._signals_before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._signals_before.clear()
