"""The simulator's virtual time: nothing waits, and everything comes when its time has come."""

from __future__ import annotations

import asyncio

import pytest

from engine.gateway.simulator.clock import VirtualClock
from engine.gateway.simulator.scenario import Delay, Scenario
from tests.simulating import graph, listening


async def test_who_sleeps_is_woken_in_order_when_the_time_has_come() -> None:
    clock, woken = VirtualClock(), list[str]()

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    tasks = [asyncio.create_task(sleep(name, seconds)) for name, seconds in (("b", 60.0), ("a", 1.0), ("c", 3600.0))]
    await asyncio.sleep(0)
    assert clock.sleeping == 3
    before = clock.now(), clock.steady()
    clock.advance(60)
    await asyncio.gather(*tasks[:2])
    assert woken == ["a", "b"]
    assert (clock.now() - before[0], clock.steady() - before[1]) == (60_000, 60.0)
    tasks[2].cancel()
    await asyncio.wait(tasks)
    clock.advance(3600)
    assert clock.sleeping == 0


def test_time_does_not_pass_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        VirtualClock().advance(-1)


async def test_a_day_of_callbacks_takes_no_waiting() -> None:
    clock = VirtualClock()
    hour = 3_600_000
    scenario = Scenario(sent_ms=Delay(hour), delivered_ms=Delay(8 * hour), read_ms=Delay(15 * hour))
    async with graph(scenario, clock=clock) as (simulator, client), listening(simulator) as inbox:
        began = clock.now()
        assert await client.send() == 200
        for passed, status in ((1, "sent"), (8, "delivered"), (15, "read")):
            assert status not in [update.status for update in inbox.updates]
            clock.advance(passed * 3600)
            updates = await inbox.until(lambda updates, status=status: updates and updates[-1].status == status)  # type: ignore[misc]  # bound now
        assert [(update.at - began) // hour for update in updates] == [1, 9, 24]


async def test_an_answer_waits_for_virtual_time_only() -> None:
    clock = VirtualClock()
    async with graph(Scenario(latency_ms=Delay(90_000)), clock=clock) as (simulator, client):
        sending = asyncio.create_task(client.send())
        while clock.sleeping == 0:
            await asyncio.sleep(0)
        assert len(simulator.accepted) == 1
        clock.advance(89.9)
        await asyncio.sleep(0)
        assert not sending.done()
        clock.advance(0.2)
        assert await sending == 200


async def test_time_passes_over_http_where_the_clock_is_virtual() -> None:
    clock = VirtualClock()
    async with graph(clock=clock) as (_, client):
        before = clock.now()
        status, told = await client.post("/simulator/advance", {"seconds": 5})
        assert (status, told["now"]) == (200, before + 5000)
        wrong: object
        for wrong in ({}, {"seconds": -1}, {"seconds": True}, []):
            assert (await client.post("/simulator/advance", wrong))[0] == 400
    async with graph() as (_, client):
        assert (await client.post("/simulator/advance", {"seconds": 5}))[0] == 400
