"""What a message and its three callbacks cost the simulator, in CPU seconds of its process: it must hold 1,000/s."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engine import message
from engine.callbacks import Receiver, register
from engine.gateway.cloud_api import CloudApi
from tests import builders
from tests.bench import harness

MESSAGES = 20_000
IN_FLIGHT = 200
SECRET = "bench"
HELD = 1_000
"""Messages a second and number, with three callbacks each, that one core has to hold."""


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _exchange(base_url: str, pid: int) -> tuple[float, float]:
    """Send everything and take every callback; the simulator's CPU seconds, and the seconds it all took."""
    composer = message.Composer("greeting", "en_US", builders.GREETING["components"], "POSITIONAL")
    slots = asyncio.Semaphore(IN_FLIGHT)
    statuses = 0
    all_there = asyncio.Event()

    def handle(raw: bytes) -> None:
        nonlocal statuses
        statuses += raw.count(b'"status"')
        if statuses >= 3 * MESSAGES:
            all_there.set()

    receiver = Receiver(SECRET, handle)
    async with CloudApi(base_url, "bench") as client:

        async def one(i: int) -> None:
            values = {"body.1": f"Customer {i}", "body.2": f"C{i:06d}"}
            await client.send("1000001", composer.payload(values, 491517_0000000 + i, f"1.{i}.1"))
            slots.release()

        await register(base_url, await receiver.start(), SECRET)
        began, before = time.perf_counter(), _cpu_s(pid)
        async with asyncio.TaskGroup() as group:
            for i in range(MESSAGES):
                await slots.acquire()
                group.create_task(one(i))
        async with asyncio.timeout(60):
            await all_there.wait()
        took = time.perf_counter() - began
        await receiver.close()
    return _cpu_s(pid) - before, took


def main() -> dict[str, Any]:
    """The simulator answers at once, in a process of its own, every message delivered and read."""
    command = [sys.executable, "-m", "engine.gateway.simulator", "--listen", "127.0.0.1:0", "--parent"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "accepted.log"
        with subprocess.Popen(
            [*command, "--scenario", "perfect", "--log", str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as simulator:
            assert simulator.stdin is not None and simulator.stdout is not None
            base_url = json.loads(simulator.stdout.readline())["listening"]
            cpu_s, took = asyncio.run(_exchange(base_url, simulator.pid))
            simulator.stdin.close()
    figures = {
        "cpu_ms_per_message": round(1000 * cpu_s / MESSAGES, 3),
        "messages_per_core_s": round(MESSAGES / cpu_s),
        "messages_per_s": round(MESSAGES / took),
    }
    return harness.report("simulator", figures, {"held_per_s": HELD}, {"core_used": HELD * cpu_s / MESSAGES})
