"""Where the simulator may listen, and the simulator as a process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.gateway.base import Accepted
from engine.gateway.cloud_api import CloudApi
from engine.gateway.simulator.address import parse_listen
from engine.gateway.simulator.server import Simulator
from tests.simulating import PATIENCE, ROOT, payload


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:80", ("::1", 80)), ("localhost:8080", ("localhost", 8080))],
)
def test_loopback_addresses_are_taken(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1",
        ":80",
        "0.0.0.0:80",
        "[::]:80",
        "10.0.0.1:80",
        "example.com:80",
        "127.0.0.1:x",
        "localhost:70000",
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_listen(text)
    assert caught.value.code in ("listen_invalid", "listen_not_loopback")


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "engine.gateway.simulator", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


async def test_the_process_says_where_it_listens_logs_and_ends_with_its_parent(tmp_path: Path) -> None:
    log = tmp_path / "accepted.log"
    arguments = ["--listen", "127.0.0.1:0", "--seed", "4", "--scenario", "perfect", "--log", str(log), "--parent"]
    with process(*arguments) as running:
        assert running.stdout is not None and running.stdin is not None
        base_url = json.loads(running.stdout.readline())["listening"]
        async with CloudApi(base_url, "token") as api:
            accepted = await api.send("1", payload())
            assert await api.reachable() is not None
        running.kill()
        running.wait(PATIENCE)
        assert isinstance(accepted, Accepted)
        assert json.loads(log.read_text())["message_id"] == accepted.message_id
    with process(*arguments) as running:
        assert running.stdout is not None and running.stdin is not None
        assert "listening" in running.stdout.readline()
        running.stdin.close()
        assert running.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_and_closed_input_alone_does_not(number: signal.Signals) -> None:
    with process("--listen", "127.0.0.1:0") as running:
        assert running.stdout is not None and running.stdin is not None
        assert "listening" in running.stdout.readline()
        running.stdin.close()
        assert running.poll() is None
        running.send_signal(number)
        assert running.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--listen", "0.0.0.0:0"], "this machine only"),
        (["--listen", "127.0.0.1:0", "--scenario", "freindly"], "friendly"),
        (["--listen", "127.0.0.1:0", "--log", "/missing/folder/log"], "cannot be written"),
        (["--listen", "127.0.0.1:0", "--account", "/missing/account.json"], "cannot be read"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_sentence(arguments: list[str], says: str) -> None:
    with process(*arguments) as running:
        out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 2
    assert out == ""
    assert says in err
    assert "Traceback" not in err


async def test_a_port_that_is_taken_ends_with_75() -> None:
    async with Simulator() as simulator:
        with process("--listen", simulator.base_url.removeprefix("http://")) as running:
            _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 75
    assert "another port" in err
