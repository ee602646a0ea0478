"""How `sendoff worker` ends, and what it says while it works."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store import sqlite_file
from tests.builders import number
from tests.cli import Cli, Here
from tests.clock import FakeClock
from tests.logfmt import events
from tests.tui.cli_scene import draft, set_up


@pytest.fixture
def sendoff(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "flow.db")


@pytest.fixture
def loggers_as_before() -> Iterator[None]:
    logger = logging.getLogger("sendoff")
    before = list(logger.handlers)
    yield
    logger.handlers[:] = before


LOCK = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process holds the database: within one process SQLite's locks do not always see each other."""
    command = [sys.executable, "-c", LOCK, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        yield
        other.stdin.close()


def test_it_says_one_line_an_event_with_nobodys_number(sendoff: Cli, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    campaign_id = draft(sendoff, tmp_path, rows=5)
    sendoff.json("campaign", "send", campaign_id, "--yes")
    worked = sendoff("worker", "--until-idle")
    assert (worked.status, worked.out) == (0, "")
    said = events(worked.err)
    assert [line["event"] for line in said] == ["worker.started", "lease.taken", "run.ended", "worker.ended"]
    assert all({"ts", "level", "event", "msg"} <= set(line) for line in said)
    assert said[0]["role"] == "service" and said[0]["pid"] == said[-1]["pid"]
    assert (said[2]["campaign"], said[2]["status"]) == (str(campaign_id), "completed")
    assert not any(number(i)[-9:] in worked.err for i in range(5))


def test_wrong_usage_and_wrong_settings_end_it_with_2(sendoff: Cli, tmp_path: Path) -> None:
    assert sendoff("worker", "--for-ever").status == 2
    assert sendoff("worker", "--once", "7").status == 2
    set_up(sendoff, tmp_path)
    sendoff.json("gateway", "set", "--gateway", "cloud-api")
    no_token = sendoff("worker", "--once", "--json")
    assert no_token.status == 2 and '"no_token"' in no_token.err


def test_no_database_ends_it_with_4_and_read_only_with_3(sendoff: Cli) -> None:
    assert sendoff("worker", "--once").status == 4
    assert sendoff("--read-only", "worker", "--once").status == 3


def test_a_worker_that_is_to_end_gives_up_on_a_locked_database_with_75(
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    loggers_as_before: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # Its minute by the test's own clock; the store's patience is shorter only so that the test is.
    monkeypatch.setattr(sqlite_file, "LOCK_TIMEOUT_S", 0.1)
    here = Here(tmp_path / "flow.db", clock)
    set_up(here, tmp_path, base_url="http://127.0.0.1:9")
    capfd.readouterr()
    began = clock.steady()
    with locked(here.database):
        ended = here("worker", "--once", "--json")
    assert (ended.status, ended.error["code"]) == (75, "busy")
    refused = events(capfd.readouterr().err, "store.refused")
    assert len(refused) > 10 and all("locked" in line.get("error", "") for line in refused)
    assert 60 <= clock.steady() - began < 75
    assert here("worker", "--once").status == 0
