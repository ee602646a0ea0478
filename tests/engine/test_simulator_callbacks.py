"""Status callbacks of the simulator."""

from __future__ import annotations

import json
from collections import Counter

import aiohttp
import pytest

from engine.callbacks import Receiver, register
from engine.gateway.base import Accepted, Unknown
from engine.gateway.cloud_api import CloudApi
from engine.gateway.simulator.scenario import Scenario
from engine.gateway.simulator.server import Simulator
from engine.statuses import parse
from tests.simulating import SECRET, Inbox, payload, send_all


async def test_callbacks_carry_id_reference_and_a_signature_that_holds() -> None:
    inbox = Inbox()
    receiver = Receiver(SECRET, inbox.handle)
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        await register(simulator.base_url, await receiver.start(), SECRET)
        accepted = await api.send("106540352242922", payload())
        updates = await inbox.until(lambda updates: len(updates) == 3)
        assert (
            simulator.counts["callbacks"] == {"posted": 3, "waiting": 0} or simulator.counts["callbacks"]["posted"] == 0
        )
        await receiver.close()
    assert isinstance(accepted, Accepted)
    assert [update.status for update in updates] == ["sent", "delivered", "read"]
    assert {(update.campaign_id, update.seq, update.message_id) for update in updates} == {(1, 1, accepted.message_id)}
    assert abs(updates[0].at - simulator.accepted[0].at) < 1000
    value = json.loads(inbox.bodies[0])["entry"][0]["changes"][0]["value"]
    assert value["metadata"]["phone_number_id"] == "106540352242922"
    sent = value["statuses"][0]
    assert (sent["recipient_id"], sent["timestamp"].isdigit(), sent["pricing"]["type"]) == (
        "16505551234",
        True,
        "regular",
    )


async def test_callbacks_wait_until_somebody_registers_and_come_in_batches() -> None:
    n = 700
    inbox = Inbox()
    receiver = Receiver(SECRET, inbox.handle)
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        await send_all(api, n)
        assert simulator.counts["callbacks"] == {"posted": 0, "waiting": n}
        await register(simulator.base_url, await receiver.start(), SECRET)
        updates = await inbox.until(lambda updates: len(updates) >= 3 * n)
        await receiver.close()
    assert len(updates) == 3 * n
    assert Counter(update.status for update in updates) == {"sent": n, "delivered": n, "read": n}
    assert {update.seq for update in updates} == set(range(n))
    assert len(inbox.bodies) <= 4
    assert max(len(parse(body)) for body in inbox.bodies) <= 1000


async def test_callbacks_that_are_not_taken_come_again() -> None:
    inbox = Inbox(refuse=2)
    receiver = Receiver(SECRET, inbox.handle)
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        await register(simulator.base_url, await receiver.start(), SECRET)
        await api.send("1", payload())
        updates = await inbox.until(lambda updates: len(updates) == 3)
        await receiver.close()
    assert inbox.refused == 2
    assert [update.status for update in updates] == ["sent", "delivered", "read"]


async def test_callbacks_go_to_the_next_registered_when_one_is_gone() -> None:
    inbox = Inbox()
    gone, here = Receiver(SECRET, inbox.handle), Receiver(SECRET, inbox.handle)
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        await register(simulator.base_url, await here.start(), SECRET)
        await register(simulator.base_url, await gone.start(), SECRET)
        await gone.close()
        await api.send("1", payload())
        assert len(await inbox.until(lambda updates: len(updates) == 3)) == 3
        await here.close()


async def test_failures_and_lost_answers_are_reported_by_callback() -> None:
    scenario = Scenario(lost_answer=1.0, delivered=0.0, undelivered={131049: 1.0})
    inbox = Inbox()
    receiver = Receiver(SECRET, inbox.handle)
    async with Simulator(scenario) as simulator, CloudApi(simulator.base_url, "token") as api:
        await register(simulator.base_url, await receiver.start(), SECRET)
        assert isinstance(await api.send("1", payload()), Unknown)
        updates = await inbox.until(lambda updates: len(updates) == 2)
        await receiver.close()
    assert [(update.status, update.code) for update in updates] == [("sent", None), ("failed", 131049)]
    assert updates[1].detail


@pytest.mark.parametrize(
    "registration",
    [{}, [], {"url": "http://127.0.0.1:1/"}, {"url": "http://example.com/", "secret": "x"}, {"url": 7, "secret": "x"}],
)
async def test_a_registration_without_secret_or_off_this_machine_is_refused(registration: object) -> None:
    async with (
        Simulator() as simulator,
        aiohttp.ClientSession() as session,
        session.post(f"{simulator.base_url}/simulator/callbacks", json=registration) as answer,
    ):
        assert answer.status == 400
