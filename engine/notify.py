"""Telling the service manager how the process is: systemd's sd_notify protocol, where there is one to tell.

Our own, because it is one datagram a message and the packages for it are not kept up. Without NOTIFY_SOCKET nothing is
told.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from engine.text import shown

LONGEST_STATUS = 200


class Notifier:
    """Says ready, alive, stopping; never waits and never fails, for a manager that does not listen is no reason to."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        """`address` is a path, or a name in the abstract space after an `@`; `watchdog_s` the manager's patience."""
        self._socket: socket.socket | None = None
        self._every_s = None if watchdog_s is None else watchdog_s / 2
        self._beat_at = float("-inf")
        self._status = ""
        self._ready = False
        if address:
            one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                one.setblocking(False)
                one.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            except OSError:
                one.close()
            else:
                self._socket = one

    def ready(self, status: str = "") -> None:
        """The process does its work from now on; told once."""
        if not self._ready:
            self._ready = self._say("READY=1", *self._news(status))

    def alive(self, steady: float, status: str = "") -> None:
        """The process works at `steady` seconds: told twice in the manager's patience, and whenever the status is new.

        To be called from the loop that does the work, or it would prove nothing.
        """
        beat = self._every_s is not None and steady - self._beat_at >= self._every_s
        said = [*(["WATCHDOG=1"] if beat else []), *self._news(status)]
        if said and self._say(*said) and beat:
            self._beat_at = steady

    def stopping(self, status: str = "") -> None:
        """The process was told to end and finishes what is on its way."""
        self._say("STOPPING=1", *self._news(status))

    def close(self) -> None:
        """Tell nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _news(self, status: str) -> list[str]:
        line = shown(status)[:LONGEST_STATUS]
        return [f"STATUS={line}"] if line and line != self._status else []

    def _say(self, *lines: str) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.send("\n".join(lines).encode())
        except OSError:
            # Its queue is full, or it is being restarted: said again with the next news.
            return False
        for line in lines:
            if line.startswith("STATUS="):
                self._status = line.removeprefix("STATUS=")
        return True


def of_environment(environ: MutableMapping[str, str] = os.environ) -> Notifier:
    """The manager that started this process, taken out of the environment: children are not the ones to speak to it."""
    address = environ.pop("NOTIFY_SOCKET", "")
    usec, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    ours = not pid or pid == str(os.getpid())
    watchdog_s = int(usec) / 1_000_000 if ours and usec.isascii() and usec.isdigit() and int(usec) else None
    return Notifier(address, watchdog_s)
