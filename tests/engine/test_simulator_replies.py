"""What people write back to the simulator's messages (R38)."""

from __future__ import annotations

import json

import pytest

from engine.callbacks import Receiver, register
from engine.errors import BadInput
from engine.gateway.base import Accepted
from engine.gateway.cloud_api import CloudApi
from engine.gateway.simulator.behaviour import Behaviour
from engine.gateway.simulator.scenario import Delay, Replies, Scenario
from engine.gateway.simulator.scenario_file import parse as parse_scenario
from engine.gateway.simulator.server import Simulator
from tests.simulating import SECRET, Inbox, number, payload

REPLYING = Scenario(replies=Replies(stop=0.3, start=0.5, after_ms=Delay(500, 0.5)))


def said(behaviour: Behaviour, to: str, attempt: int = 1) -> list[str]:
    return [step.said for step in behaviour.callbacks(to, attempt) if step.said]


def test_R38_who_writes_stop_and_start_follows_from_the_seed_alone() -> None:
    n = 10_000
    first, again, other = Behaviour(REPLYING, 3), Behaviour(REPLYING, 3), Behaviour(REPLYING, 4)
    every = [said(first, number(i)) for i in range(n)]
    assert every == [said(again, number(i)) for i in range(n)]
    assert every != [said(other, number(i)) for i in range(n)]
    assert [said(first, number(i), 2) for i in range(500)] == every[:500], "a matter of the person"
    assert sum("STOP" in one for one in every) / n == pytest.approx(0.3, abs=0.015)
    assert sum("START" in one for one in every) / n == pytest.approx(0.15, abs=0.012)
    assert {tuple(one) for one in every} == {(), ("STOP",), ("STOP", "START")}


def test_R38_a_start_is_written_at_least_a_second_after_the_stop_and_both_after_the_delivery() -> None:
    behaviour = Behaviour(Scenario(replies=Replies(stop=1.0, start=1.0)))
    for i in range(50):
        steps = behaviour.callbacks(number(i), 1)
        delivered, stop, start = (
            next(step for step in steps if word in (step.status, step.said)) for word in ("delivered", "STOP", "START")
        )
        assert delivered.stamp <= stop.stamp <= start.stamp - 1.0


def test_R38_without_rates_nobody_writes_and_nothing_else_is_decided_differently() -> None:
    quiet = Behaviour(Scenario(read=0.5), 3)
    loud = Behaviour(Scenario(read=0.5, replies=Replies(stop=1.0)), 3)
    for i in range(100):
        assert quiet.callbacks(number(i), 1) == [step for step in loud.callbacks(number(i), 1) if not step.said]


async def test_R38_replies_come_signed_and_as_meta_writes_them() -> None:
    inbox = Inbox()
    receiver = Receiver(SECRET, inbox.handle)
    async with (
        Simulator(Scenario(replies=Replies(stop=1.0))) as simulator,
        CloudApi(simulator.base_url, "token") as api,
    ):
        await register(simulator.base_url, await receiver.start(), SECRET)
        accepted = await api.send("106540352242922", payload())
        await inbox.until(lambda updates: len(updates) == 3 and any(b'"STOP"' in body for body in inbox.bodies))
        await receiver.close()
    assert isinstance(accepted, Accepted)
    values = [
        change["value"] for body in inbox.bodies for entry in json.loads(body)["entry"] for change in entry["changes"]
    ]
    (value,) = [one for one in values if "messages" in one]
    assert "statuses" not in value
    assert value["metadata"]["phone_number_id"] == "106540352242922"
    assert value["contacts"][0]["wa_id"] == "16505551234"
    (message,) = value["messages"]
    assert message["context"] == {"from": "106540352242922", "id": accepted.message_id}
    assert (message["from"], message["type"], message["text"]) == ("16505551234", "text", {"body": "STOP"})
    assert message["timestamp"].isdigit()


def test_R38_rates_of_replies_are_read_from_a_scenario_file() -> None:
    text = "[replies]\nstop = 0.02\nstart = 0.5\n[replies.after_ms]\nmedian = 200\nspread = 1.0\n"
    assert parse_scenario(text, "mine").replies == Replies(0.02, 0.5, Delay(200, 1.0))


@pytest.mark.parametrize(
    "text",
    ["replies = 1", "[replies]\nhalt = 1", "[replies]\nstop = 1.5", "[replies]\nstart = -1", '[replies]\nstop = "x"',
     "[replies]\nafter_ms = 3"],
)  # fmt: skip
def test_R38_rates_of_replies_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_scenario(text, "mine")
    assert caught.value.code == "scenario_invalid"
