"""Callbacks on their way to the disk: many in one commit, none answered before it, none beyond the room there is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import peewee
import pytest

from engine import callback_writer
from engine.callback_writer import Writer
from engine.errors import Busy
from store import callbacks, database
from tests.builders import refuse_callbacks
from tests.clock import START, FakeClock
from tests.sending import eventually


async def test_many_callbacks_share_a_commit_and_keep_their_order(db: Path, clock: FakeClock) -> None:
    async with Writer(clock) as writer:
        await asyncio.gather(*(writer.keep(b'{"n": %d}' % n) for n in range(500)))
        assert (writer.kept, writer.commits < 10) == (500, True)
        assert [body for _, body in callbacks.waiting(1_000)] == [f'{{"n": {n}}}' for n in range(500)]
    assert database.execute("SELECT DISTINCT received_at FROM callback_event").fetchall() == [(START,)]


async def test_none_is_answered_before_it_is_stored(db: Path, clock: FakeClock) -> None:
    async with Writer(clock) as writer:
        with database.transaction():
            # Nobody can write while this lasts.
            keeping = asyncio.create_task(writer.keep(b"{}"))
            await asyncio.wait({keeping}, timeout=0.2)
            assert not keeping.done()
        await keeping
        assert [body for _, body in callbacks.waiting()] == ["{}"]


async def test_beyond_its_room_whoever_comes_is_told_to_come_again(db: Path, clock: FakeClock) -> None:
    async with Writer(clock, most_waiting=10) as writer:
        with database.transaction():
            first = asyncio.create_task(writer.keep(b"12345678"))
            await asyncio.sleep(0)
            with pytest.raises(Busy):
                await writer.keep(b"123")
        await first
        await writer.keep(b"123")
    assert [body for _, body in callbacks.waiting()] == ["12345678", "123"]


async def test_a_store_that_fails_is_told_to_everybody_who_waits_and_tried_again_for_the_next(
    db: Path, clock: FakeClock
) -> None:
    async with Writer(clock) as writer:
        database.execute("ALTER TABLE callback_event RENAME TO hidden")
        found = await asyncio.gather(*(writer.keep(b"{}") for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in found] == [Busy] * 3
        database.execute("ALTER TABLE hidden RENAME TO callback_event")
        await writer.keep(b"{}")
    assert len(callbacks.waiting()) == 1


async def test_R46_a_writing_that_breaks_is_told_to_everybody_who_waits_and_to_whoever_looks_after_it(
    db: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_writer, "AT_ONCE", 2)
    refuse_callbacks()
    told: list[bool] = []
    async with asyncio.timeout(10):
        with pytest.raises(peewee.IntegrityError):
            async with Writer(clock) as writer:
                writer.when_broken(lambda: told.append(True))
                found = await asyncio.gather(*(writer.keep(b"{}") for _ in range(5)), return_exceptions=True)
                assert [type(one) for one in found] == [Busy] * 5
                with pytest.raises(peewee.IntegrityError):
                    await writer.ended()
                assert told == [True]
                # Whoever comes after is not left waiting either.
                with pytest.raises(Busy):
                    await writer.keep(b"{}")
    assert (writer.kept, callbacks.waiting()) == (0, [])


async def test_a_writer_that_ends_in_order_tells_nobody_that_it_broke(db: Path, clock: FakeClock) -> None:
    told: list[bool] = []
    async with Writer(clock) as writer:
        writer.when_broken(lambda: told.append(True))
        waiting = asyncio.create_task(writer.ended())
        await writer.keep(b"{}")
        assert not waiting.done()
    await waiting
    assert told == []


async def test_what_waits_at_the_end_is_written(db: Path, clock: FakeClock) -> None:
    writer = Writer(clock)
    async with writer:
        keeping = [asyncio.create_task(writer.keep(b"{}")) for _ in range(5)]
        await asyncio.sleep(0)
    await asyncio.gather(*keeping)
    assert len(callbacks.waiting()) == 5
    with pytest.raises(Busy):
        await writer.keep(b"{}")


async def test_a_client_that_is_gone_leaves_its_callback_stored(db: Path, clock: FakeClock) -> None:
    async with Writer(clock) as writer:
        keeping = asyncio.create_task(writer.keep(b"{}"))
        await asyncio.sleep(0)
        keeping.cancel()
        await writer.keep(b"[]")
    assert [body for _, body in callbacks.waiting()] == ["{}", "[]"]


async def test_a_commit_has_so_many_bytes_and_no_more(
    db: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_writer, "AT_ONCE_BYTES", 100)
    async with Writer(clock) as writer:
        await asyncio.gather(*(writer.keep(b" " * size) for size in (60, 60, 500, 30, 30, 30)))
        await eventually(lambda: writer.commits == 4)
    assert writer.kept == 6
