"""Callbacks on their way to the disk: from many requests at once into one commit, and no request answered before it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from engine.callback_intake import text_of
from engine.errors import Busy
from store import callbacks, database
from store.errors import StoreBusy, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from engine.clock import Clock

MOST_WAITING = 64 * 1024 * 1024
"""Bytes that wait to be written; whoever comes then is told to come again."""
AT_ONCE = 2_000
"""Callbacks of one commit, and their bytes."""
AT_ONCE_BYTES = 8 * 1024 * 1024
_BROKEN = "The program made a mistake while it stored callbacks."


class _Waiting(NamedTuple):
    received_at: int
    body: bytes
    written: asyncio.Future[None]


class Writer:
    """Stores callbacks in a thread of its own; what comes in during one commit goes with the next."""

    def __init__(self, clock: Clock, most_waiting: int = MOST_WAITING) -> None:
        self._clock = clock
        self._most_waiting = most_waiting
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._something = asyncio.Event()
        self._closing = False
        # Connected when it first writes: an initializer that fails would end the pool for good.
        self._thread = ThreadPoolExecutor(1, "callbacks")
        self._task: asyncio.Task[None] | None = None
        self.turn = threading.Lock()
        """Held during a commit. SQLite has those who wait for a lock sleep, longer and longer."""
        self.commits = 0
        self.kept = 0

    async def __aenter__(self) -> Writer:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, and end. Raises what ended the writing, if it ended by itself."""
        self._closing = True
        self._something.set()
        try:
            await self.ended()
            await asyncio.get_running_loop().run_in_executor(self._thread, database.close_database)
        finally:
            self._thread.shutdown()

    async def ended(self) -> None:
        """Return when nothing more will be written. Raises what ended the writing, if it ended by itself."""
        if self._task is not None:
            # Whoever stops waiting does not stop the writing.
            await asyncio.shield(self._task)

    def when_broken(self, told: Callable[[], None]) -> None:
        """Have it told, on the loop, when the writing ends by itself."""

        def look(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and task.exception() is not None:
                told()

        if self._task is not None:
            self._task.add_done_callback(look)

    async def keep(self, body: bytes) -> None:
        """Return when the callback is stored durably. Raises `Busy` when it cannot be now."""
        if self._bytes + len(body) > self._most_waiting or self._closing:
            raise Busy("busy", "More callbacks wait to be stored than there is room for.", "Come again in a moment.")
        written = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(self._clock.now(), body, written))
        self._bytes += len(body)
        self._something.set()
        await written

    async def _write(self) -> None:
        try:
            while self._waiting or not self._closing:
                await self._something.wait()
                self._something.clear()
                while batch := self._take():
                    await self._write_batch(batch)
        finally:
            # Nobody waits for what nobody will write: WhatsApp comes again.
            self._closing = True
            self._settle(self._waiting, _BROKEN)
            self._waiting = []

    async def _write_batch(self, batch: list[_Waiting]) -> None:
        refused: str | None = _BROKEN
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._store, batch)
            refused = None
            self.commits += 1
            self.kept += len(batch)
        except (StoreBusy, StoreFailed) as error:
            refused = str(error)
        finally:
            self._settle(batch, refused)

    def _take(self) -> list[_Waiting]:
        size = taken = 0
        for one in self._waiting[:AT_ONCE]:
            size += len(one.body)
            if taken and size > AT_ONCE_BYTES:
                break
            taken += 1
        batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return batch

    def _settle(self, batch: list[_Waiting], refused: str | None) -> None:
        for one in batch:
            self._bytes -= len(one.body)
            # Whoever asked may be gone.
            with suppress(asyncio.InvalidStateError):
                if refused is None:
                    one.written.set_result(None)
                else:
                    one.written.set_exception(Busy("busy", refused))

    def _store(self, batch: list[_Waiting]) -> None:
        with self.turn, database.translated():
            database.connect()
            # What only an unseen file would keep is better told again.
            database.present()
            callbacks.keep_all([(one.received_at, text_of(one.body)) for one in batch])
