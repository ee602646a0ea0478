"""The worker as a process: its gateway, the simulator where there is none, signals, and its parent's pipe."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from engine import notify
from engine.errors import BadInput, Busy
from engine.gateway.link import access_token, link_of
from engine.gateway.network import DIRECT, Network
from engine.logs import Log
from engine.worker import Worker
from store import account
from store.types import Account, Gateway

if TYPE_CHECKING:
    from engine.callback_writer import Writer
    from engine.clock import Clock
    from engine.gateway.base import Gateway as GatewayClient
    from engine.gateway.graph import Graph
    from engine.reply_words import Words

log = Log("sendoff.worker")

SIMULATOR_START_S = 15.0
REGISTER_S = 5.0


async def serve(
    clock: Clock,
    *,
    role: str,
    until_idle: bool = False,
    once: bool = False,
    parent: bool = False,
    words: Words | None = None,
    network: Network = DIRECT,
) -> None:
    """Run a worker on the open database until it is told to stop.

    SIGTERM, SIGINT and SIGHUP stop it in order, and with `parent` so does the end of its standard input: whoever
    started it is gone. Without a `parent` a service manager hears that it is ready, after the first pass, and that it
    is alive, from the working loop. `words` are the replies that opt a number out or in, the shipped ones when none
    are given.
    Raises `BadInput` when the account's gateway cannot be used as configured, and after an orderly end whatever ended
    the storing of a simulator's callbacks.
    """
    # A console's worker has the console's environment, and is not the one to speak to its service manager.
    notifier = notify.Notifier() if parent else notify.of_environment()
    async with AsyncExitStack() as stack:
        stack.callback(notifier.close)
        client, graph, hearing = await stack.enter_async_context(_gateway(account.get_account(), clock, network))
        worker = Worker(clock, client, role, words=words, graph=graph)
        loop = asyncio.get_running_loop()

        def stop(why: str) -> None:
            notifier.stopping("finishing what is on its way")
            log.info("worker.stopping", "finishing what is on its way", why=why)
            worker.stop()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop, number.name)
        if parent:
            _watch_parent(loop, lambda: stop("its console is gone"))
        if hearing is not None:
            # It raises what ended it when it is left, and whoever started the worker starts another.
            hearing.when_broken(lambda: stop("callbacks are not stored any more"))

        def told(status: str) -> None:
            notifier.ready(status)
            notifier.alive(clock.steady(), status)

        log.info("worker.started", "worker started", pid=os.getpid(), role=role)
        await worker.work(until_idle=until_idle, once=once, told=told)
        notifier.stopping()
        log.info("worker.ended", "worker ended in order", pid=os.getpid())


async def send_tests(
    clock: Clock,
    sender_id: int,
    done: Callable[[], bool],
    words: Words | None = None,
    network: Network = DIRECT,
) -> None:
    """Send a sender's test sends from this process until `done`, under its lease, for want of a worker.

    Callbacks that wait are applied meanwhile, so it goes by the same `words` as `serve`.
    Raises `BadInput` when the account's gateway cannot be used as configured.
    """
    async with _gateway(account.get_account(), clock, network) as (client, _, _):
        await Worker(clock, client, "service", words=words).send_tests(sender_id, done)


def _watch_parent(loop: asyncio.AbstractEventLoop, gone: Callable[[], None]) -> None:
    fd = sys.stdin.fileno()
    os.set_blocking(fd, False)

    def readable() -> None:
        with suppress(BlockingIOError):
            if os.read(fd, 4096) == b"":
                loop.remove_reader(fd)
                gone()

    loop.add_reader(fd, readable)


@asynccontextmanager
async def _gateway(
    configured: Account, clock: Clock, network: Network
) -> AsyncIterator[tuple[GatewayClient, Graph, Writer | None]]:
    """What sends, what asks, and what stores the callbacks that come to this process, from a simulator only."""
    from engine.gateway.cloud_api import CloudApi
    from engine.gateway.graph import Graph

    async with AsyncExitStack() as stack:
        hearing: Writer | None = None
        if configured.gateway is Gateway.SIMULATOR:
            address = configured.base_url
            if address is None:
                address = await stack.enter_async_context(_own_simulator())
            hearing = await stack.enter_async_context(_callbacks_from(address, clock))
            configured = replace(configured, base_url=address)
        link = link_of(configured, network)
        # A bundle that cannot be read must be told now, and not in the middle of a run.
        link.network.tls()
        client = CloudApi(
            link.base_url,
            link.token,
            version=link.version,
            network=link.network,
            # The simulator has a token of its own, that nobody changes.
            fresh_token=None if configured.gateway is Gateway.SIMULATOR else access_token,
        )
        graph = await stack.enter_async_context(Graph(link))
        yield await stack.enter_async_context(client), graph, hearing


@asynccontextmanager
async def _own_simulator() -> AsyncIterator[str]:
    """Start a simulator of this worker's own on a free port; it ends with the worker."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "engine.gateway.simulator",
        "--listen",
        "127.0.0.1:0",
        "--parent",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # Not in the terminal's process group: ctrl+c must stop the worker first, and the worker still needs answers
        # then.
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), SIMULATOR_START_S)
        if not line:
            raise Busy("simulator_failed", "The simulator did not start.", "See the worker's log for its error.")
        yield str(json.loads(line)["listening"])
    finally:
        process.stdin.close()
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def _callbacks_from(simulator_url: str, clock: Clock) -> AsyncIterator[Writer]:
    """Receive the simulator's status callbacks on loopback while the worker runs."""
    from engine.callback_writer import Writer
    from engine.callbacks import Receiver

    secret = secrets.token_hex(16)
    async with Writer(clock) as writer:
        receiver = Receiver(secret, writer.keep)
        url = await receiver.start()
        registering = asyncio.create_task(_keep_registered(clock, simulator_url, url, secret))
        try:
            yield writer
        finally:
            registering.cancel()
            await receiver.close()


async def _keep_registered(clock: Clock, simulator_url: str, url: str, secret: str) -> None:
    """Tell the simulator where to post, again and again: it may start later than the worker, or anew."""
    from engine.callbacks import register

    while True:
        try:
            await register(simulator_url, url, secret)
        except Busy as error:
            log.debug("callbacks.not_registered", error.message)
        except BadInput as error:
            log.warning("callbacks.not_registered", f"no delivery news: {error.message} {error.hint}")
            return
        await clock.sleep(REGISTER_S)
