"""Messages a second of a whole run with durable intents, against the same HTTP client's bare loop in the same run."""

from __future__ import annotations

import asyncio
import json
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
from engine.worker import Worker
from store import account, campaigns, database
from tests import builders
from tests.bench import harness

MESSAGES = 20_000
IN_FLIGHT = 400
UNPACED = 1_000_000
HELD_RATE = 1_000


async def _bare(base_url: str, messages: int) -> float:
    """Seconds for so many POSTs with nothing around them."""
    composer = message.Composer("greeting", "en_US", builders.GREETING["components"], "POSITIONAL")
    slots = asyncio.Semaphore(IN_FLIGHT)
    async with CloudApi(base_url, "bench") as client:

        async def one(i: int) -> None:
            values = {"body.1": f"Customer {i}", "body.2": f"C{i:06d}"}
            await client.send("1000001", composer.payload(values, 491517_0000000 + i, f"0.{i}.1"))
            slots.release()

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for i in range(messages):
                await slots.acquire()
                group.create_task(one(i))
        return time.perf_counter() - began


async def _run(base_url: str, campaign_id: int) -> float:
    """Seconds from the start of the worker to the end of the run."""
    async with CloudApi(base_url, "bench") as client:
        worker = Worker(SystemClock(), client, "service")
        began = time.perf_counter()
        await worker.work(until_idle=True)
        took = time.perf_counter() - began
    counters = campaigns.progress(campaign_id)
    assert counters.sent == counters.audience, counters
    return took


def _measure(folder: Path, base_url: str) -> tuple[float, float, float]:
    clock = SystemClock()
    database.open_database(str(folder / "send.db"), create=True)
    with database.session():
        builders.account_with_sender(clock, folder, base_url=base_url)
        # More than a number may ever send: the engine's own speed is asked for here, not the pace.
        account.add_sender(918040214022, "1000002", UNPACED, clock.now())
        seconds = []
        for sender_id, rows in ((2, MESSAGES), (1, HELD_RATE * 10)):
            campaign_id = builders.draft(clock, folder, rows, sender_id=sender_id)
            launch.send_now(builders.context(clock), campaign_id)
            seconds.append(asyncio.run(_run(base_url, campaign_id)))
        return asyncio.run(_bare(base_url, MESSAGES)), seconds[0], seconds[1]


def main() -> dict[str, Any]:
    """The simulator answers at once, in a process of its own."""
    command = [sys.executable, "-m", "engine.gateway.simulator", "--listen", "127.0.0.1:0", "--parent"]
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "instant.toml"
        scenario.write_text("delivered = 0.0\n[latency_ms]\nmedian = 0\nspread = 0\n", encoding="utf-8")
        with subprocess.Popen(
            [*command, "--scenario", str(scenario)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as simulator:
            assert simulator.stdin is not None and simulator.stdout is not None
            base_url = json.loads(simulator.stdout.readline())["listening"]
            bare, unpaced, paced = _measure(Path(folder), base_url)
            simulator.stdin.close()
    figures = {
        "messages_per_s": round(MESSAGES / unpaced),
        "held_at_1000": round(HELD_RATE * 10 / paced, 1),
    }
    baseline = {"bare_posts_per_s": round(MESSAGES / bare)}
    return harness.report("send", figures, baseline, {"messages": round(bare / unpaced, 2)})
