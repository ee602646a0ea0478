"""What the callback server gives to those who connect: so many connections, so many bytes, so much time.

Anybody on the internet may connect, and nobody is known before a whole body was read and its signature checked.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CONNECTIONS = 500
"""Fewer than the file handles a process usually has."""
IDLE_S = 30.0
"""How long a connection may be without a request whose head is complete."""
SWEEP_S = 5.0
MOST_READING = 64 * 1024 * 1024
"""Bytes of bodies that are being read at one time."""


class Transport(Protocol):
    """The part of a connection that ends it."""

    def abort(self) -> None:
        """End it without another word."""
        ...


class Connections:
    """The connections there are; those too many, and those that do nothing for too long, are cut."""

    def __init__(self, most: int = MOST_CONNECTIONS, idle_s: float = IDLE_S) -> None:
        self._most = most
        self._idle_s = idle_s
        self._transports: dict[object, Transport] = {}
        self._idle_since: dict[object, float] = {}
        self.cut = 0

    def made(self, one: object, transport: Transport) -> None:
        """Somebody connected."""
        if len(self._transports) >= self._most:
            self.cut += 1
            transport.abort()
            return
        self._transports[one] = transport
        self._idle_since[one] = asyncio.get_running_loop().time()

    def lost(self, one: object) -> None:
        """A connection ended."""
        self._transports.pop(one, None)
        self._idle_since.pop(one, None)

    @contextmanager
    def serving(self, one: object) -> Iterator[None]:
        """A request of this connection is being answered: it has its own limits meanwhile."""
        self._idle_since.pop(one, None)
        try:
            yield
        finally:
            if one in self._transports:
                self._idle_since[one] = asyncio.get_running_loop().time()

    async def sweep(self) -> None:
        """Cut what is idle for too long, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(SWEEP_S, self._idle_s))
            for one in [one for one, since in self._idle_since.items() if loop.time() - since >= self._idle_s]:
                self.cut += 1
                self._transports[one].abort()


class Room:
    """Bytes in memory for bodies that are being read, shared by all requests."""

    def __init__(self, most: int = MOST_READING) -> None:
        self._left = most

    @contextmanager
    def body(self) -> Iterator[Body]:
        """A body to be read; its bytes are given back at the end."""
        one = Body(self)
        try:
            yield one
        finally:
            self._left += len(one.read)

    def take(self, n: int) -> bool:
        """Whether there is room for so many bytes more; then they are taken."""
        if n > self._left:
            return False
        self._left -= n
        return True


class Body:
    """One body as far as it was read."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.read = bytearray()

    def add(self, chunk: bytes) -> bool:
        """Take more of it; false when there is no room."""
        if not self._room.take(len(chunk)):
            return False
        self.read += chunk
        return True
