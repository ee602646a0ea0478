"""`python -m engine.gateway.simulator`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.errors import BadInput
from engine.gateway.simulator.address import parse_listen
from engine.gateway.simulator.scenario import DEFAULT, Scenario
from engine.gateway.simulator.scenario_file import load, shipped


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT and return the exit status: 0, 2 for wrong usage, 75 for a port that is taken."""
    options = _parser().parse_args(arguments)
    try:
        host, port = parse_listen(options.listen)
        scenario = load(options.scenario)
        asyncio.run(
            serve(
                host,
                port,
                scenario=scenario,
                seed=options.seed,
                log=options.log,
                account=options.account,
                with_parent=options.parent,
                ready=_announce,
            )
        )
    except BadInput as error:
        print(f"{error.message} {error.hint}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Cannot listen on {options.listen}: {error.strerror}. Use another port.", file=sys.stderr)
        return 75
    return 0


async def serve(
    host: str,
    port: int,
    *,
    scenario: Scenario,
    seed: int = 0,
    log: Path | None = None,
    account: Path | None = None,
    with_parent: bool = False,
    ready: Callable[[str], None] = lambda base_url: None,
) -> None:
    """Run a simulator until a signal ends it, or, `with_parent`, until standard input is closed.

    `ready` is called with the base URL once it listens.
    """
    from engine.gateway.simulator.server import Simulator

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(scenario, seed=seed, log=log, account=account, host=host, port=port) as simulator:
        if with_parent:
            threading.Thread(target=_wait_for_end_of_input, args=(loop, stop), daemon=True).start()
        ready(simulator.base_url)
        await stop.wait()


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # A thread, because the event loop can wait for pipes only, and standard input may be anything. Not sys.stdin:
    # a thread inside its lock would stop the interpreter from ending.
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:
        # The loop has ended by itself meanwhile.
        return


def _announce(base_url: str) -> None:
    print(json.dumps({"listening": base_url}), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulate", description="A WhatsApp gateway that sends nothing.")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="where to listen, on this machine only")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed has the same outcomes")
    parser.add_argument(
        "--scenario", default=DEFAULT, metavar="FILE", help=f"a TOML or JSON file, or one of: {', '.join(shipped())}"
    )
    parser.add_argument("--account", type=Path, metavar="FILE", help="the templates and numbers there are")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append one line for every accepted message")
    parser.add_argument("--parent", action="store_true", help="end when standard input is closed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
