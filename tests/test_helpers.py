"""The helpers that other tests and benchmarks trust."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.bench.__main__ import main as run_benchmarks
from tests.bench.harness import best_of, report, run_measured
from tests.clock import START, FakeClock

if TYPE_CHECKING:
    from engine.clock import Clock


def test_time_stands_still_until_it_is_moved(clock: FakeClock) -> None:
    engine_clock: Clock = clock
    assert (engine_clock.now(), engine_clock.steady()) == (START, 1_000.0)
    clock.advance(299_999)
    assert clock.now() == START + 299_999
    assert clock.steady() == pytest.approx(1_299.999)


def test_a_stepped_wall_clock_leaves_steady_time_alone(clock: FakeClock) -> None:
    clock.set(START - 3_600_000)
    assert clock.now() == START - 3_600_000
    assert clock.steady() == 1_000.0


def test_time_does_not_pass_backwards(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


async def test_sleeping_moves_time_at_once_and_lets_others_run(clock: FakeClock) -> None:
    order = []

    async def other() -> None:
        order.append(("other", clock.now()))

    task = asyncio.create_task(other())
    await clock.sleep(0.0125)
    order.append(("sleeper", clock.now()))
    await task
    assert order == [("other", START + 12), ("sleeper", START + 12)]
    assert clock.slept == [0.0125]


async def test_short_sleeps_add_up_without_loss(clock: FakeClock) -> None:
    for _ in range(80):
        await clock.sleep(0.0125)
    assert clock.now() == START + 1_000
    assert clock.steady() == 1_001.0


def test_best_of_is_the_fastest_call() -> None:
    calls = []
    assert best_of(lambda: calls.append(1), 5) >= 0
    assert len(calls) == 5
    with pytest.raises(ValueError, match="at least one"):
        best_of(lambda: None, 0)


def test_a_measured_command_is_not_charged_with_the_memory_of_who_started_it() -> None:
    ballast = bytearray(200 * 1024**2)
    usage = run_measured([sys.executable, "-c", "print('done')"])
    assert ballast[-1] == 0
    assert (usage.returncode, usage.stdout) == (0, b"done\n")
    assert 1 < usage.peak_rss_mib < 100
    assert usage.cpu_s > 0
    assert usage.wall_s > 0


def test_a_measured_command_is_charged_with_its_own_memory() -> None:
    usage = run_measured([sys.executable, "-c", "x = bytearray(150 * 1024**2); raise SystemExit(3)"])
    assert usage.returncode == 3
    assert usage.peak_rss_mib > 150


def test_a_command_that_is_not_there_or_does_not_end_is_reported() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        run_measured(["no-such-command"])
    with pytest.raises(subprocess.TimeoutExpired):
        run_measured([sys.executable, "-c", "import threading; threading.Event().wait()"], timeout_s=0.5)


def test_a_report_is_one_json_document_with_its_baseline() -> None:
    document = json.loads(json.dumps(report("start", {"ms": 30.0}, {"hello_ms": 20.0}, {"start": 30 / 20})))
    assert document["name"] == "start"
    assert document["figures"] == {"ms": 30.0}
    assert document["baseline"] == {"hello_ms": 20.0}
    assert document["ratio"] == {"start": 1.5}
    assert document["machine"]["cores"] >= 1


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_benchmarks(["no_such"]) == 2
    assert "no such benchmark: no_such" in capsys.readouterr().err
