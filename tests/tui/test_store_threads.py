"""The console's threads: a long export neither delays a page nor outlives the console."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from engine import export
from engine.export import rows
from store import account, listing
from store.types import ListFilter
from tests.clock import FakeClock
from tests.tui import scenes
from tui.store_threads import Closing, StoreThreads


async def test_a_page_comes_while_an_export_runs_and_closing_breaks_the_export_off(
    tmp_path: Path, clock: FakeClock
) -> None:
    scenes.empty(tmp_path, clock)
    threads = StoreThreads()
    begun, go_on = Event(), Event()

    def endless(told: Callable[[int], None]) -> None:
        begun.set()
        while True:
            told(1)
            go_on.wait(0.01)

    running = asyncio.create_task(threads.export(endless))
    await asyncio.to_thread(begun.wait)
    assert (await threads.read(account.get_account)).name == "Acme"
    await asyncio.to_thread(threads.close)
    with pytest.raises(Closing):
        await running


async def test_R48_what_is_broken_off_leaves_no_file(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = scenes.sampled(tmp_path, clock)
    monkeypatch.setattr(rows, "TOLD_EVERY", 100)
    threads = StoreThreads()
    (campaign_id,) = await threads.read(listing.ids, ListFilter(search="Order updates"))
    folder = tmp_path / "exports"
    folder.mkdir()
    for ending in ("csv", "xlsx"):
        seen: list[int] = []

        def broken_off(done: int, seen: list[int] = seen) -> None:
            seen.append(done)
            if done == 200:
                raise Closing

        file = folder / f"x.{ending}"

        def work(told: object, file: Path = file, stop: Callable[[int], None] = broken_off) -> int:
            return export.write(campaign_id, file, "UTC", desk.clock.now(), stop)

        with pytest.raises(Closing):
            await threads.export(work)
        assert seen == [100, 200]
    assert list(folder.iterdir()) == []
    threads.close()
