"""What runs until it is stopped: the demo, the worker, the simulator."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from engine.errors import BadInput, Busy
from tui import paths
from tui.cli.console import need_terminal, prepare_terminal
from tui.cli.session import Session, translated

if TYPE_CHECKING:
    from argparse import Namespace


def demo(options: Namespace) -> int:
    """Open the console on a throw-away database with sample campaigns, and remove that afterwards."""
    if options.database is not None:
        raise BadInput("usage", "The demo makes a database of its own.", "Leave out --database.")
    need_terminal()
    prepare_terminal()
    # It takes seconds, and a screen that stays empty looks as if nothing happened.
    print("Making sample data ...", file=sys.stderr, flush=True)
    from engine.clock import SystemClock
    from engine.context import Context, operator
    from engine.roles import EVERYTHING
    from engine.sample import fill
    from store import database
    from tui.app import run_console

    for number in (signal.SIGHUP, signal.SIGTERM):
        # A lost connection must not leave the folder behind.
        signal.signal(number, _leave)
    # The worker may still be writing its last words there when the console is gone.
    with TemporaryDirectory(prefix="sendoff-demo-", ignore_cleanup_errors=True) as folder, translated():
        url = str(Path(folder) / "demo.db")
        database.open_database(url, create=True)
        with database.session():
            fill(Context(SystemClock(), operator(), EVERYTHING))
        # What the configuration says of roles is about another database.
        return run_console(url, read_only=options.read_only, demo=True, config=os.devnull)


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def worker(options: Namespace, session: Session) -> int:
    """Send what is due until told to stop; it acts as itself, but who starts it has to be allowed to send."""
    from engine import logs, service, sessions

    sessions.admit(session.context, sessions.WORKER)

    words = paths.reply_words(options.config)
    # A console that hangs reads no lines, and the sending must not wait for it.
    logs.to_stderr(wait=not options.parent)
    asyncio.run(
        service.serve(
            session.context.clock,
            role=options.role,
            until_idle=options.until_idle,
            once=options.once,
            parent=options.parent,
            words=words,
            network=paths.network(options.config),
        )
    )
    if session.output.as_json:
        session.output.document({"ended": True})
    return 0


def simulate(options: Namespace) -> int:
    """Run the simulator until it is stopped, or list the scenarios it knows."""
    if options.list:
        return _list_scenarios(options.json)
    from engine.gateway.simulator.__main__ import serve
    from engine.gateway.simulator.address import parse_listen
    from engine.gateway.simulator.scenario import DEFAULT
    from engine.gateway.simulator.scenario_file import load

    host, port = parse_listen(options.listen)
    scenario = load(options.scenario or DEFAULT)

    def ready(base_url: str) -> None:
        said = json.dumps({"listening": base_url}) if options.json else f"Listening on {base_url}, ctrl+c ends it."
        print(said, flush=True)

    try:
        asyncio.run(
            serve(
                host, port, scenario=scenario, seed=options.seed, log=options.log, account=options.account, ready=ready
            )
        )
    except OSError as error:
        raise Busy(
            "port_taken", f"Cannot listen on {options.listen}: {error.strerror}.", "Use another port."
        ) from error
    return 0


def _list_scenarios(as_json: bool) -> int:
    from engine.gateway.simulator.scenario_file import description, shipped

    described = {name: description(name) for name in shipped()}
    if as_json:
        print(json.dumps([{"name": name, "description": text} for name, text in described.items()]))
        return 0
    width = max(map(len, described))
    for name, text in described.items():
        print(f"{name:{width}}  {text}")
    return 0
