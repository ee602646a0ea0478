"""Textual's driver, on a terminal that may go away: a closed window, a broken link, a laptop that was shut.

Textual's own hangs then: its writing thread dies of the first EIO, the queue to it fills, and the loop waits for ever
for a place in it; its reading thread spins on an input that has ended. Here nothing is written any more, nothing is
read, and the app is told once.
"""

from __future__ import annotations

import os
import select
import sys
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol, cast

from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver

from tui.pasting import PasteParser

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

_STANDARD = (0, 1, 2)
# Textual's reading loop makes its parser by this name, and can be given no other.
setattr(linux_driver, "XTermParser", PasteParser)  # noqa: B010


class Leaving(Protocol):
    """An app that ends when its terminal has gone."""

    def terminal_gone(self) -> None:
        """Called from any thread, once."""
        ...


class TerminalDriver(LinuxDriver):
    """Notices a lost terminal by its input, its output and the kernel's hang-up, whichever is first."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """What Textual's own takes."""
        super().__init__(*args, **options)
        self._file = cast("Any", _Output(self._file, self._lose))
        self._losing = Lock()
        self._lost = False
        # Asked of a terminal that is gone, isatty says no.
        self._terminals = [descriptor for descriptor in _STANDARD if os.isatty(descriptor)]
        self._watch: Thread | None = None

    def start_application_mode(self) -> None:
        """Begin, and watch for the end of the terminal."""
        cast("Any", super()).start_application_mode()
        if self._watch is None and self._terminals:
            self._watch = Thread(target=self._await_hang_up, name="terminal watch", daemon=True)
            self._watch.start()

    def run_input_thread(self) -> None:
        """Read keys until the app ends or the terminal does."""
        try:
            super().run_input_thread()
        except OSError:
            self._lose()

    def _await_hang_up(self) -> None:
        watch = select.poll()
        # No event asked for: a hang-up is told all the same.
        watch.register(self._terminals[0], 0)
        for _, event in watch.poll():
            # macOS cannot poll a terminal and says POLLNVAL; the signal has to do there.
            if event & (select.POLLHUP | select.POLLERR):
                self._lose()

    def _lose(self) -> None:
        with self._losing:
            if self._lost:
                return
            self._lost = True
        # Ends the thread that reads: an input that has ended is always ready.
        self.exit_event.set()
        # Whatever is still written, here or when the interpreter ends, goes nowhere and fails nowhere.
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for descriptor in self._terminals:
            os.dup2(null, descriptor)
        os.close(null)
        cast("Leaving", self._app).terminal_gone()


class _Output:
    """A text file whose end is told and no error: the thread that writes must live on, or the app waits for it."""

    def __init__(self, file: IO[str] | None, lose: Callable[[], None]) -> None:
        self._file = sys.stderr if file is None else file
        self._lose = lose

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError:
            self._lose()
            return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            self._lose()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()
