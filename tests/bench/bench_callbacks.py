"""Status updates taken in and applied while a run sends 1,000 a second, against a bare server that stores nothing.

First in many small POSTs and in batches of a thousand, as fast as they go; then 3,000 updates a second beside a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.clock import SystemClock
from engine.commands import launch
from engine.gateway.cloud_api import CloudApi
from engine.worker import Worker
from store import callbacks, campaigns, database
from tests import builders
from tests.bench import harness

SECRET = "bench secret"
ROWS = 10_000
"""Of the campaign that the updates are about; each row gets three."""
SENDING = 12_000
"""Of the campaign that is sent meanwhile."""
UPDATES_PER_S = 3_000
SMALL_POSTS = 6_000
KINDS = ("sent", "delivered", "read")
BARE = """
import asyncio, json
from aiohttp import web
async def answer(request):
    await request.read()
    return web.Response()
async def main():
    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"listening": "http://127.0.0.1:%d/" % runner.addresses[0][1]}), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def listening(command: list[str], **env: str) -> Iterator[str]:
    """A process that prints where it listens; it is terminated at the end and has to end in order."""
    with subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **env}
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["listening"]
        finally:
            process.terminate()


async def _load(url: str, **order: Any) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.callback_load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps({"url": url, "secret": SECRET, "per_s": 0, **order}).encode())
    answered: dict[str, Any] = json.loads(out)
    assert set(answered["answers"]) == {"200"}, answered
    return answered


async def _applied(campaign_id: int) -> float:
    """Seconds until nothing that was taken in waits any more."""
    began = time.perf_counter()
    while callbacks.waiting(1):
        await asyncio.sleep(0.02)
    return time.perf_counter() - began


async def _send(base_url: str) -> None:
    async with CloudApi(base_url, "bench") as client:
        await Worker(SystemClock(), client, "service").work(until_idle=True)


async def _while_sending(base_url: str, url: str, reported: int, sent: int) -> dict[str, Any]:
    launch.send_now(builders.context(SystemClock()), sent)
    began = time.perf_counter()
    sending = asyncio.create_task(_send(base_url))
    load = await _load(url, campaign=reported, rows=ROWS, statuses=KINDS, size=100, in_flight=64, per_s=UPDATES_PER_S)
    behind = await _applied(reported)
    await sending
    took = time.perf_counter() - began
    counters, run = campaigns.progress(reported), campaigns.progress(sent)
    assert counters.read == counters.delivered == ROWS, counters
    assert run.sent == SENDING, run
    return {
        "updates_per_s": load["updates_per_s"],
        "applied_per_s": round(ROWS * len(KINDS) / (load["seconds"] + behind)),
        "answer_ms_p50": load["ms_p50"],
        "answer_ms_p99": load["ms_p99"],
        "behind_s": round(behind, 2),
        "messages_per_s": round(SENDING / took),
    }


def _measure(folder: Path, base_url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    clock = SystemClock()
    path = folder / "callbacks.db"
    database.open_database(str(path), create=True)
    with database.session():
        builders.account_with_sender(clock, folder, base_url=base_url)
        ids = [builders.draft(clock, folder, rows) for rows in (ROWS, SMALL_POSTS, ROWS, SENDING)]
        for one in ids[:3]:
            launch.send_now(builders.context(clock), one)
        asyncio.run(_send(base_url))
        serve = ["-m", "tui", "--database", str(path), "callbacks", "--listen", "127.0.0.1:0", "--json"]
        small = {"rows": SMALL_POSTS, "statuses": ["delivered"], "size": 1, "in_flight": 64}
        large = {"rows": ROWS, "statuses": KINDS, "size": 1_000, "in_flight": 8}
        with listening(serve, SENDOFF_APP_SECRET=SECRET) as url:
            figures = {"sending": asyncio.run(_while_sending(base_url, url, ids[0], ids[3]))}
            for name, order, campaign in (("small_posts", small, ids[1]), ("batches", large, ids[2])):
                took = asyncio.run(_load(url, campaign=campaign, **order))
                behind = asyncio.run(_applied(campaign))
                figures[name] = {key: took[key] for key in ("updates_per_s", "posts_per_s", "ms_p50", "ms_p99")} | {
                    "behind_s": round(behind, 2)
                }
        assert campaigns.progress(ids[1]).delivered == SMALL_POSTS
        assert campaigns.progress(ids[2]).read == ROWS
        with listening(["-c", BARE]) as url:
            baseline = {
                name: asyncio.run(_load(url, campaign=1, **order))
                for name, order in (("small_posts", small), ("batches", large))
            }
    return figures, {
        name: {key: one[key] for key in ("updates_per_s", "posts_per_s", "ms_p50", "ms_p99")}
        for name, one in baseline.items()
    }


def main() -> dict[str, Any]:
    """The simulator answers at once and reports nothing; the updates come from a process of their own."""
    command = ["-m", "engine.gateway.simulator", "--listen", "127.0.0.1:0"]
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "instant.toml"
        scenario.write_text("delivered = 0.0\n[latency_ms]\nmedian = 0\nspread = 0\n", encoding="utf-8")
        with listening([*command, "--scenario", str(scenario)]) as base_url:
            figures, baseline = _measure(Path(folder), base_url)
    ratio = {
        name: round(figures[name]["posts_per_s"] / baseline[name]["posts_per_s"], 2)
        for name in ("small_posts", "batches")
    }
    return harness.report("callbacks", figures, baseline, ratio)
