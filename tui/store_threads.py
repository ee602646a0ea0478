"""Where the console talks to the store: three threads with a connection each, never the screen's own.

Reads have one, so that a page comes at once; commands and imports have the second, so that a long one delays no page;
exports have the third, because one of a million rows takes minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import ParamSpec, TypeVar

from store import database

P = ParamSpec("P")
T = TypeVar("T")


class Closing(Exception):
    """The console closes: what is long is broken off."""


class StoreThreads:
    """Runs functions that use the store off the screen's loop."""

    def __init__(self) -> None:
        self._reads = ThreadPoolExecutor(1, thread_name_prefix="reads")
        self._writes = ThreadPoolExecutor(1, thread_name_prefix="writes")
        self._exports = ThreadPoolExecutor(1, thread_name_prefix="exports")
        self._closing = Event()

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something short that only reads."""
        return await _in_session(self._reads, lambda: function(*args, **kwargs), keep=True)

    async def write(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a command; one at a time, in order."""
        return await _in_session(self._writes, lambda: function(*args, **kwargs), keep=True)

    async def export(self, function: Callable[[Callable[[int], None]], T]) -> T:
        """Run something long that only reads; it gets a function to call now and then, which ends it on closing."""
        return await _in_session(self._exports, lambda: function(self._go_on))

    def _go_on(self, done: int) -> None:
        if self._closing.is_set():
            raise Closing

    def close(self) -> None:
        """Break off an export, wait for what else runs, close the connections."""
        self._closing.set()
        self._exports.shutdown(wait=True, cancel_futures=True)
        for executor in (self._reads, self._writes):
            executor.submit(database.close_database)
            executor.shutdown(wait=True)


async def _in_session(executor: ThreadPoolExecutor, call: Callable[[], T], *, keep: bool = False) -> T:
    def run() -> T:
        if keep:
            # Not when the thread starts: an executor whose beginning fails is of no use ever after.
            database.connect()
        # The thread's own connection where it is kept; another where that was closed a moment ago.
        with database.session(), database.translated():
            # A connection would go on with a file that was deleted, and tell of what nobody else sees.
            database.present()
            return call()

    return await asyncio.get_running_loop().run_in_executor(executor, run)
