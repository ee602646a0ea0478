"""Whether 80 and 1,000 messages a second are held, counted where they arrive: in the simulator's own log.

A real worker process sends to a simulator process, each rate for 30 s (`BENCH_SECONDS` for another length), counted
from a second after the first message on. The last time `sendoff callbacks` takes 3,000 status updates a second on the
same database meanwhile: two thirds in batches of a hundred, the others each by itself. Beside each the same client
and the same pacer without a store: what this machine holds just now.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engine import message
from engine.clock import SystemClock
from engine.commands import launch
from engine.gateway.cloud_api import CloudApi
from engine.pacing import Pacer
from engine.worker import Worker
from store import account, callbacks, campaigns, database
from tests import builders
from tests.bench import harness, seconds
from tests.bench.bench_callbacks import SECRET, listening
from tests.faults.processes import field_of, wait_until

SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
SETTLED_MS = 1_000
"""What the first row, the first ten and the first windows take is not the rate."""
SPARE_S = 4
BESIDE_S = 15
"""Seconds of sending around the load, which takes a moment to be made."""
UNPACED = 1_000_000
INSTANT = "delivered = 0.0\n[latency_ms]\nmedian = 0\nspread = 0\n"
BARE_S = 10.0
IN_BATCHES, ALONE = 2_000, 1_000
"""Status updates a second."""


async def _bare(base_url: str, rate: int) -> None:
    """The client and the pacer, and nothing else."""
    composer = message.Composer("greeting", "en_US", builders.GREETING["components"], "POSITIONAL")
    clock = SystemClock()
    pacer = Pacer(rate, clock)
    slots = asyncio.Semaphore(400)
    async with CloudApi(base_url, "bench") as client, asyncio.TaskGroup() as group:

        async def one(i: int) -> None:
            values = {"body.1": f"Customer {i}", "body.2": f"C{i:06d}"}
            await client.send("1000001", composer.payload(values, 491517_0000000 + i, f"0.{i}.1"))
            slots.release()

        for i in range(round(rate * (min(SECONDS, BARE_S) + 2))):
            now = clock.steady()
            permit = pacer.reserve(now)
            if permit.at > now:
                await clock.sleep(permit.at - now)
            await slots.acquire()
            permit.at = max(permit.at, clock.steady())
            group.create_task(one(i))


def _arrivals(log: Path, skipped: int = 0) -> list[int]:
    """When messages arrived, by the simulator's log (UTC epoch milliseconds)."""
    return [json.loads(line)["at"] for line in log.read_bytes().split(b"\n")[skipped:-1]]


def _baseline(rate: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        (folder / "scenario.toml").write_text(INSTANT, encoding="utf-8")
        command = ["-m", "engine.gateway.simulator", "--listen", "127.0.0.1:0", "--log", str(folder / "log")]
        with listening([*command, "--scenario", str(folder / "scenario.toml")]) as url:
            asyncio.run(_bare(url, rate))
        times = _arrivals(folder / "log")
    return seconds.measure(times, times[0] + SETTLED_MS, min(SECONDS, BARE_S)).figures(rate)


def _alone(rate: int) -> dict[str, Any]:
    """One rate with nothing beside it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        field_of(Path(folder), round(rate * (SECONDS + SPARE_S)), rate, INSTANT) as field,
    ):
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        # It ends by itself; only what was waited for counts among the children, so not the simulator.
        field.worker("--until-idle").wait(3 * SECONDS + 60)
        took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        field.check()
        times = _arrivals(field.log)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = seconds.measure(times, times[0] + SETTLED_MS, SECONDS).figures(rate)
    return found | {"worker_cores": round(cpu_s / took, 2)}


async def _load(url: str, campaign: int, rows: int) -> dict[str, Any]:
    common = {"url": url, "secret": SECRET, "campaign": campaign, "rows": rows}
    orders = [
        common | {"statuses": ["sent", "delivered"], "size": 100, "in_flight": 64, "per_s": IN_BATCHES},
        common | {"statuses": ["read"], "size": 1, "in_flight": 256, "per_s": ALONE},
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.callback_load", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps(orders).encode())
    batches, alone = json.loads(out)
    return {"batches": batches, "alone": alone}


async def _send_all(base_url: str) -> None:
    async with CloudApi(base_url, "bench") as client:
        await Worker(SystemClock(), client, "service").work(until_idle=True)


def _with_callbacks(rate: int) -> dict[str, Any]:
    """The rate while another process takes callbacks about a campaign that was sent before."""
    clock, rows = SystemClock(), round(ALONE * SECONDS)
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        with field_of(folder, 1, rate, INSTANT) as field:
            with database.session():
                account.add_sender(918040214022, "1000002", UNPACED, clock.now())
                told = builders.draft(clock, folder, rows, "Told of", sender_id=2)
                launch.send_now(builders.context(clock), told)
                asyncio.run(_send_all(account.get_account().base_url or ""))
                sending = builders.draft(clock, folder, round(rate * (SECONDS + BESIDE_S)), "Sent meanwhile")
                launch.send_now(builders.context(clock), sending)
            sent_before = len(field.accepted())
            serve = ["-m", "tui", "--database", str(field.database), "callbacks", "--listen", "127.0.0.1:0", "--json"]
            with listening(serve, SENDOFF_APP_SECRET=SECRET) as url:
                worker = field.worker()
                field.wait_for(sent_before + rate)
                load = asyncio.run(_load(url, told, rows))
                began = time.monotonic()
                with database.session():
                    wait_until(lambda: not callbacks.waiting(1), lambda: "callbacks applied", 120)
                    behind = time.monotonic() - began
                    counters = campaigns.progress(told)
                worker.send_signal(signal.SIGTERM)
                worker.wait(30)
            assert counters.read == counters.delivered == rows, counters
            times = _arrivals(field.log, sent_before)
    begin = max(one["began_at"] for one in load.values())
    lasted = min(one["began_at"] + 1000 * one["seconds"] for one in load.values()) - begin
    return seconds.measure(times, begin, max(1.0, lasted / 1000)).figures(rate) | {
        "callbacks_per_s": sum(one["updates_per_s"] for one in load.values()),
        "answers": {name: one["answers"] for name, one in load.items()},
        "answer_ms": {name: {key: one[key] for key in ("ms_p50", "ms_p99")} for name, one in load.items()},
        "behind_s": round(behind, 2),
    }


def main() -> dict[str, Any]:
    """Every rate, then the highest with callbacks beside it."""
    figures = {
        "at_80": _alone(80),
        "at_1000": _alone(1_000),
        "at_1000_with_callbacks": _with_callbacks(1_000),
    }
    baseline = {"at_80": _baseline(80), "at_1000": _baseline(1_000)}
    of = {"at_80": "at_80", "at_1000": "at_1000", "at_1000_with_callbacks": "at_1000"}
    ratio = {name: figures[name]["messages_per_s"] / baseline[base]["messages_per_s"] for name, base in of.items()}
    return harness.report("rates", {"seconds": SECONDS, **figures}, baseline, ratio)
