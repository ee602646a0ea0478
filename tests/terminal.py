"""A program on a real pseudo-terminal, driven by keys and read from an emulated screen."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "pagedown": "\x1b[6~",
    "pageup": "\x1b[5~",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "backspace": "\x7f",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    **{f"f{n}": f"\x1b[{code}~" for n, code in ((5, 15), (6, 17), (7, 18), (8, 19), (9, 20), (10, 21))},
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}


class Terminal:
    """One program on a terminal of `columns` x `rows`; ended with its whole session when the block is left."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._unread = bytearray()
        self.written = 0
        """Bytes the program wrote so far."""
        self.started = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            if cwd is not None:
                os.chdir(cwd)
            os.execvpe(command[0], list(command), {**os.environ, "TERM": "xterm-256color", **(env or {})})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.status: int | None = None
        """Exit status once the program has ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.hang_up()

    @property
    def screen(self) -> str:
        """The screen as text."""
        # The emulator is slow: what is drawn over before anybody looks is read in one go.
        self._stream.feed(bytes(self._unread))
        self._unread.clear()
        return "\n".join(line.rstrip() for line in self._screen.display)

    def press(self, *keys: str) -> None:
        """Type keys by name (`enter`, `ctrl+s`); anything else is typed as it is."""
        for key in keys:
            os.write(self._fd, KEYS.get(key, key).encode())

    def type_next(self, text: str) -> None:
        """Go to the next field and type there, all at once."""
        self.press("tab", *text)

    def wait_until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        """Read the program's output until `true`; fails with the screen when it does not come in time."""
        deadline = time.monotonic() + seconds
        while not true():
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(min(left, 0.2)):
                raise AssertionError(f"{what} did not come in {seconds} s:\n{self.screen}")

    def expect(self, text: str, seconds: float = 15.0) -> None:
        """Wait until a text stands on the screen."""
        self.wait_until(lambda: text in self.screen, seconds, f"“{text}”")

    def expect_bytes(self, text: str, seconds: float = 15.0) -> float:
        """Wait until a text was written in one piece, and answer the seconds since the start; emulates no screen."""
        wanted = text.encode()
        self.wait_until(lambda: wanted in self._unread, seconds, f"“{text}”")
        return time.monotonic() - self.started

    def expect_gone(self, text: str, seconds: float = 15.0) -> None:
        """Wait until a text stands on the screen no more."""
        self.wait_until(lambda: text not in self.screen, seconds, f"the end of “{text}”")

    def settle(self, quiet_s: float = 0.3, seconds: float = 10.0) -> None:
        """Read until the program has written nothing for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            before = self.written
            self._read(quiet_s)
            if self.written == before:
                return

    def expect_end(self, seconds: float = 15.0) -> int:
        """Wait until the program has ended; answers its exit status."""
        deadline = time.monotonic() + seconds
        while self.status is None and time.monotonic() < deadline:
            self._read(0.1)
            self._reap(os.WNOHANG)
        if self.status is None:
            raise AssertionError(f"the program did not end in {seconds} s:\n{self.screen}")
        return self.status

    def rss_mb(self) -> float:
        """Resident memory of the program now, in MiB."""
        with Path(f"/proc/{self.pid}/statm").open(encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the program, and only it, a signal; with SIGKILL wait for its end."""
        if self.status is None:
            os.kill(self.pid, number)
            if number == signal.SIGKILL:
                self._reap(0)

    def hang_up(self) -> None:
        """Close the terminal as a lost connection does; nothing can be read or typed any more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _reap(self, flags: int) -> None:
        pid, status = os.waitpid(self.pid, flags)
        if pid:
            self.status = os.waitstatus_to_exitcode(status)

    def _read(self, seconds: float) -> bool:
        """Read what there is; false when the program has closed the terminal."""
        if self._fd < 0:
            select.select([], [], [], min(seconds, 0.05))
            return True
        readable, _, _ = select.select([self._fd], [], [], seconds)
        if not readable:
            return True
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
        self.written += len(data)
        self._unread += data
        return bool(data)
