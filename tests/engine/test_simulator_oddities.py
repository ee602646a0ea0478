"""Callbacks as they come on a bad day, and where the price stands in them."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

import aiohttp
import pytest

from engine.gateway.simulator.behaviour import STRANGE, Behaviour
from engine.gateway.simulator.clock import VirtualClock
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.gateway.simulator.scenario_file import load, shipped
from tests.simulating import graph, listening, number, payload

N = 4_000


def courses(scenario: Scenario, seed: int = 5) -> list[list[str]]:
    """The statuses of so many messages, in the order they are posted."""
    behaviour = Behaviour(scenario, seed)
    return [[step.status for step in behaviour.callbacks(number(i), 1)] for i in range(N)]


def test_the_price_stands_in_sent_and_in_one_of_delivered_and_read() -> None:
    behaviour, read = Behaviour(Scenario(read=0.5), 5), Counter[tuple[str, ...]]()
    for i in range(N):
        read[tuple(step.status for step in behaviour.callbacks(number(i), 1) if step.priced)] += 1
    assert set(read) == {("sent", "delivered"), ("sent", "read")}
    assert read["sent", "read"] / N == pytest.approx(0.25, abs=0.03)
    failed = Behaviour(Scenario(delivered=0.0, undelivered={131026: 1.0})).callbacks(number(1), 1)
    assert [step.priced for step in failed] == [True, False]


def test_callbacks_go_missing() -> None:
    posted = Counter(status for course in courses(Scenario(missing=0.25)) for status in course)
    assert all(posted[status] / N == pytest.approx(0.75, abs=0.03) for status in ("sent", "delivered", "read"))
    assert courses(Scenario(missing=1.0)) == [[]] * N


def test_late_callbacks_say_when_it_happened() -> None:
    for i in range(50):
        steps = Behaviour(Scenario(late=1.0, late_ms=60_000, sent_ms=Delay(500))).callbacks(number(i), 1)
        assert all(step.due - step.stamp == 60.0 for step in steps)


def test_a_failed_message_may_be_delivered_after_all() -> None:
    scenario = Scenario(delivered=0.0, undelivered={131026: 1.0}, after_failed=0.5)
    seen = Counter(tuple(course) for course in courses(scenario))
    assert set(seen) == {("sent", "failed"), ("sent", "failed", "delivered")}
    assert seen["sent", "failed"] / N == pytest.approx(0.5, abs=0.03)


def test_held_messages_may_be_dropped() -> None:
    behaviour = Behaviour(Scenario(held=1.0, held_ms=5000, dropped=0.5), 5)
    ends = [behaviour.callbacks(number(i), 1) for i in range(N)]
    dropped = [steps for steps in ends if steps[-1].status == "failed"]
    assert len(dropped) / N == pytest.approx(0.5, abs=0.03)
    assert all([(step.due, step.code) for step in steps] == [(5.0, 132015)] for steps in dropped)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_decides_the_same_again_whatever_the_order(name: str) -> None:
    first, again = Behaviour(load(name), 3), Behaviour(load(name), 3)
    forth = [(first.fate(number(i), 1), first.callbacks(number(i), 1)) for i in range(200)]
    back = [(again.fate(number(i), 1), again.callbacks(number(i), 1)) for i in reversed(range(200))]
    assert forth == back[::-1]


async def test_an_early_callback_is_taken_before_the_answer_comes() -> None:
    scenario = Scenario(early=1.0, sent_ms=Delay(60_000))
    async with graph(scenario) as (simulator, client), listening(simulator) as inbox:
        for i in range(3):
            assert await client.send("+" + number(i), f"1.{i}.1") == 200
            assert (i, "sent") in [(update.seq, update.status) for update in inbox.updates]


async def test_an_early_callback_that_nobody_takes_does_not_hold_the_answer_up() -> None:
    async with graph(Scenario(early=1.0)) as (_, client):
        assert await client.send() == 200


async def test_strange_statuses_come_beside_the_known_ones() -> None:
    async with graph(Scenario(strange=1.0)) as (simulator, client), listening(simulator) as inbox:
        await client.send()
        await inbox.until(lambda updates: {status["status"] for status in inbox.statuses} >= {STRANGE, "read"})
    assert [update.status for update in inbox.updates] == ["sent", "delivered", "read"]


async def test_an_unknown_code_is_told_like_any_other() -> None:
    scenario = Scenario(delivered=0.0, undelivered={999_999: 1.0})
    async with graph(scenario) as (simulator, client), listening(simulator) as inbox:
        await client.send()
        await inbox.until(lambda updates: len(updates) == 2)
    error = inbox.statuses[-1]["errors"][0]
    assert (error["code"], error["title"]) == (999_999, error["message"])


async def test_the_other_form_of_a_number_stands_in_answer_and_callback() -> None:
    async with graph(Scenario(wa_id_differs=True)) as (simulator, client), listening(simulator) as inbox:
        forms = {"5511987654321": "551187654321", "525512345678": "5215512345678", "16505551234": "16505551234"}
        for i, (to, form) in enumerate(forms.items()):
            _, document = await client.post("/v23.0/1/messages", payload(f"+{to}", f"1.{i}.1"))
            assert document["contacts"] == [{"input": to, "wa_id": form}]
        await inbox.until(lambda updates: len(updates) == 9)
    assert {status["recipient_id"] for status in inbox.statuses} == set(forms.values())
    assert [message.to for message in simulator.accepted] == list(forms)


@pytest.mark.parametrize("name", ["storm", "nastiest"])
async def test_in_a_storm_everything_that_is_to_come_comes(name: str) -> None:
    clock, n = VirtualClock(), 300
    async with graph(load(name), seed=7, clock=clock) as (simulator, client), listening(simulator) as inbox:

        async def send(i: int) -> None:
            # Whatever a client makes of a broken answer.
            with suppress(OSError, ValueError, aiohttp.ClientError):
                await client.send("+" + number(i), f"1.{i}.1")

        sending = asyncio.gather(*(send(i) for i in range(n)))
        while not sending.done():
            clock.advance(0.5)
            await asyncio.sleep(0.005)
        await sending
        behaviour, expected = Behaviour(load(name), 7), 0
        for message in simulator.accepted:
            expected += len(behaviour.callbacks(message.to, 1))
        clock.advance(86_400)
        await inbox.until(lambda updates: len(inbox.statuses) >= expected)
        while simulator.counts["callbacks"]["waiting"]:
            await asyncio.sleep(0.01)
    assert len(inbox.statuses) == expected
    assert {update.seq for update in inbox.updates} <= {
        int(message.reference.split(".")[1]) for message in simulator.accepted
    }
