"""The status-callback server as a process: takes callbacks in, stores them, and applies what no worker applies."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from engine import credentials, notify
from engine.callback_intake import Applied, apply_waiting
from engine.callback_writer import Writer
from engine.callbacks import Receiver
from engine.errors import BadInput
from engine.logs import Log
from store import callbacks, database
from store.errors import StoreBusy, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.clock import Clock
    from engine.reply_words import Words

log = Log("sendoff.callbacks")

LOOK_S = 0.25
OURS_AFTER_MS = 1_000
"""A callback that waits for so long is left alone by the workers, or is more than they can do."""
NEWS_S = 60.0


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT` (`[::1]:8443` for IPv6), port 0 for any free one. Raises `BadInput` with `listen_invalid`."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port[:6]) <= 65_535):
        raise BadInput("listen_invalid", f"{text!r} is not HOST:PORT.", "Listen on 127.0.0.1:8443, behind the proxy.")
    return host, int(port)


async def serve(
    clock: Clock, host: str, port: int, *, words: Words | None = None, ready: Callable[[str], None]
) -> None:
    """Take callbacks in on the open database until SIGTERM, SIGINT or SIGHUP; `ready` is told the address.

    What was stored is applied here only when no worker does it: it is theirs for the first second. Raises `BadInput`
    without the app secret or with secrets that cannot be read, `OSError` when the port is taken, and whatever ends the
    storing or the applying: a server that does one of them no more is better started anew. A service manager hears that
    it is ready when it listens, and that it is alive from the loop that applies.
    """
    notifier = notify.of_environment()
    secret, verify_token = credentials.secret(credentials.APP_SECRET), credentials.secret(credentials.VERIFY_TOKEN)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with Writer(clock) as writer:
        receiver = Receiver(secret or "", writer.keep, host=host, port=port, verify_token=verify_token)
        url = await receiver.start()
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.add_signal_handler(number, stop.set)
            if verify_token is None:
                log.warning("callbacks.handshake_refused", f"no verify token ({credentials.VERIFY_TOKEN})")
            ready(url)
            notifier.ready(f"listening on {url}")
            log.info("callbacks.started", "callbacks started", pid=os.getpid(), listening=url)
            tasks = (
                asyncio.create_task(_apply(clock, words, writer, stop, lambda: notifier.alive(clock.steady()))),
                asyncio.create_task(_news(receiver, writer, stop)),
            )
            until = (asyncio.create_task(writer.ended()), asyncio.create_task(stop.wait()))
            ended, _ = await asyncio.wait((*tasks, *until), return_when="FIRST_COMPLETED")
            stop.set()
            notifier.stopping("storing what came in")
            # Whichever broke, the others end in order.
            await asyncio.wait(tasks)
            for one in (*ended, *tasks):
                await one
        finally:
            notifier.close()
            await receiver.close()
    log.info("callbacks.ended", "callbacks ended in order", kept=writer.kept)


async def _apply(
    clock: Clock, words: Words | None, writer: Writer, stop: asyncio.Event, told: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, "apply")
    try:
        while not stop.is_set():
            told()
            if not await loop.run_in_executor(thread, _apply_late, clock, words, writer):
                await _pause(stop, LOOK_S)
    finally:
        await loop.run_in_executor(thread, database.close_database)
        thread.shutdown()


def _apply_late(clock: Clock, words: Words | None, writer: Writer) -> bool:
    """Apply some of what nobody applied in time; answers whether there was any."""
    try:
        with database.translated():
            database.connect()
            database.present()
            since = callbacks.waiting_since()
            if since is None or clock.now() - since < OURS_AFTER_MS:
                return False
            applied = Applied()
            apply_waiting(clock, words, applied, writer.turn)
    except (StoreBusy, StoreFailed) as error:
        log.warning("store.refused", "callbacks cannot be applied now, trying again", error)
        return False
    return applied.events > 0


async def _news(receiver: Receiver, writer: Writer, stop: asyncio.Event) -> None:
    """A line a minute, when there is anything to tell."""
    told: dict[str, int] = {}
    while not stop.is_set():
        await _pause(stop, NEWS_S)
        answers = {f"http_{status}": n for status, n in sorted(receiver.answered.items())}
        news = {"kept": writer.kept, "commits": writer.commits, "cut": receiver.cut, **answers}
        if news != told and (writer.kept or answers):
            told = news
            log.info("callbacks.news", "since the start", **news)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
