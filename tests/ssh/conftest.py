"""A run in progress, and the server through which consoles come to it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.processes import Field, field_of
from tests.ssh import server
from tests.ssh.server import Server

Starts = Callable[..., Server]


@pytest.fixture(autouse=True)
def needs_a_server() -> None:
    """Where none can be started there is nothing to test; `.ci/run` installs one."""
    reason = server.why_not()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture
def field() -> Iterator[Callable[[Path, int, int], Field]]:
    """Makes a run in progress."""
    with ExitStack() as stack:
        yield lambda folder, recipients, rate: stack.enter_context(field_of(folder, recipients, rate))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Starts]:
    """Starts a server for the consoles on a database; the role is this user's."""
    started: list[Server] = []

    def start(database: Path, *, role: str = "manager", accept_everything: bool = False) -> Server:
        config = f'database = "{database}"\n[roles]\n"{getpass.getuser()}" = "{role}"\n'
        started.append(server.start(tmp_path / "server", config, accept_everything))
        return started[-1]

    yield start
    for one in started:
        one.stop()
