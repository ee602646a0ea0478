"""What a client learns from the simulator, and what the simulator keeps on record."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from engine.errors import BadInput
from engine.gateway.base import Accepted, Action, Rejection, Unknown
from engine.gateway.cloud_api import CloudApi
from engine.gateway.simulator.behaviour import Behaviour, Kind
from engine.gateway.simulator.scenario import Scenario
from engine.gateway.simulator.server import Simulator
from tests.simulating import number, payload, send_all


async def test_every_outcome_of_a_rough_day_is_what_was_decided(tmp_path: Path) -> None:
    scenario = Scenario(
        rejected={131026: 0.1},
        retry={130429: 0.1, 131056: 0.05, 131000: 0.05},
        throttle_http_status=429,
        lost_answer=0.1,
        reset_before=0.1,
        http_500=0.1,
        http_502=0.1,
        html_200=0.05,
        redirect=0.05,
        half_answer=0.05,
        held=0.2,
    )
    log, n = tmp_path / "accepted.log", 600
    async with Simulator(scenario, seed=3, log=log) as simulator, CloudApi(simulator.base_url, "token") as api:
        outcomes = await send_all(api, n)
    taken = {message.reference: message for message in simulator.accepted}
    behaviour = Behaviour(scenario, 3)
    seen: Counter[Kind] = Counter()
    for i, outcome in enumerate(outcomes):
        fate = behaviour.fate(number(i), 1)
        seen[fate.kind] += 1
        message = taken.get(f"1.{i}.1")
        assert (message is not None) == fate.kind.taken
        if fate.kind is Kind.ACCEPT:
            assert message is not None
            assert outcome == Accepted(message.message_id, fate.held)
            assert message.to == number(i)
        elif fate.kind is Kind.REJECT:
            assert isinstance(outcome, Rejection)
            assert outcome.code == fate.code
            assert outcome.http_status == {131026: 400, 131000: 500}.get(fate.code, 429)
        else:
            assert isinstance(outcome, Unknown)
    assert set(seen) == set(Kind) - {Kind.LATE_ANSWER}
    assert len(simulator.accepted) == len(taken)
    assert [json.loads(line)["reference"] for line in log.read_text().splitlines()] == list(taken)
    counts = simulator.counts
    assert (counts["requests"], counts["accepted"], counts["lost_answer"]) == (n, len(taken), seen[Kind.LOST_ANSWER])
    assert sum(counts["rejected"].values()) == seen[Kind.REJECT]


async def test_the_same_seed_gives_the_same_campaign_again_and_new_message_ids() -> None:
    kinds, ids = [], []
    for _ in range(2):
        async with Simulator(ROUGH_AND_QUICK, seed=8) as simulator, CloudApi(simulator.base_url, "token") as api:
            outcomes = await send_all(api, 200)
        kinds.append([(type(outcome), getattr(outcome, "code", 0)) for outcome in outcomes])
        ids.append({message.message_id for message in simulator.accepted})
    assert kinds[0] == kinds[1]
    assert not ids[0] & ids[1]


ROUGH_AND_QUICK = Scenario(rejected={131026: 0.1}, retry={131000: 0.1}, lost_answer=0.1)


async def test_without_a_reference_every_repetition_is_another_attempt() -> None:
    async with Simulator(Scenario(retry={131000: 0.5})) as simulator, CloudApi(simulator.base_url, "token") as api:
        kinds = {type(await api.send("1", payload(reference=""))) for _ in range(30)}
    assert kinds == {Accepted, Rejection}


async def test_a_message_sent_twice_is_on_record_twice() -> None:
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        first, second = [await api.send("1", payload()) for _ in range(2)]
    assert first != second
    assert [message.reference for message in simulator.accepted] == ["1.1.1", "1.1.1"]


async def test_a_late_answer_is_taken_and_unknown_to_the_client() -> None:
    scenario = Scenario(late_answer=1.0, late_answer_ms=60_000)
    async with Simulator(scenario) as simulator, CloudApi(simulator.base_url, "token", timeout=0.2) as api:
        assert isinstance(await api.send("1", payload()), Unknown)
    assert len(simulator.accepted) == 1


async def test_above_its_throughput_a_number_is_throttled() -> None:
    async with Simulator(Scenario(throughput=20)) as simulator, CloudApi(simulator.base_url, "token") as api:
        outcomes = await asyncio.gather(*(api.send("1", payload()) for _ in range(30)))
        other = await api.send("2", payload())
    refused = [outcome for outcome in outcomes if isinstance(outcome, Rejection)]
    assert len(refused) == 10
    assert {(outcome.code, outcome.action) for outcome in refused} == {(130429, Action.SLOW)}
    assert isinstance(other, Accepted)


async def test_accepted_messages_and_counts_can_be_asked_for() -> None:
    async with (
        Simulator() as simulator,
        CloudApi(simulator.base_url, "token") as api,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{simulator.base_url}/simulator/accepted") as answer:
            assert await answer.json() == []
        await send_all(api, 2500)
        async with session.get(f"{simulator.base_url}/simulator/accepted") as answer:
            listed = await answer.json()
        async with session.get(f"{simulator.base_url}/simulator/counts") as answer:
            counts = await answer.json()
    assert {item["reference"] for item in listed} == {f"1.{i}.1" for i in range(2500)}
    assert set(listed[0]) == {"reference", "to", "message_id", "at"}
    assert len({item["message_id"] for item in listed}) == 2500
    assert counts["accepted"] == counts["requests"] == 2500


async def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    simulator = Simulator(log=tmp_path / "missing" / "log")
    with pytest.raises(BadInput) as caught:
        await simulator.start()
    await simulator.close()
    assert caught.value.code == "log_unwritable"
