"""What befalls templates, numbers and the account during a run, and how WhatsApp tells it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.gateway.simulator.clock import VirtualClock
from engine.gateway.simulator.scenario import Delay, Pacing, Scenario, Trouble
from engine.gateway.simulator.server import Simulator
from tests.simulating import Graph, graph, listening, number, payload

HOUR = 3_600_000
SALE: dict[str, Any] = {"name": "sale", "language": "en_US", "category": "MARKETING", "id": "77"}
RECEIPT: dict[str, Any] = {"name": "receipt", "language": "en_US", "category": "UTILITY", "id": "78"}


async def send(client: Graph, n: int, first: int = 0, **more: Any) -> list[int]:
    """So many messages to different people, one after the other."""
    return [await client.send("+" + number(i), f"1.{i}.1", **more) for i in range(first, first + n)]


async def test_a_paced_template_is_held_and_then_released() -> None:
    clock = VirtualClock()
    scenario = Scenario(pacing=Pacing(after=2, held_ms=HOUR), sent_ms=Delay(1000))
    async with graph(scenario, clock=clock) as (simulator, client), listening(simulator) as inbox:
        answers = [(await client.post("/v23.0/1/messages", payload("+" + number(i), f"1.{i}.1")))[1] for i in range(4)]
        statuses = [answer["messages"][0]["message_status"] for answer in answers]
        assert statuses == ["accepted"] * 2 + ["held_for_quality_assessment"] * 2
        assert simulator.counts["held"] == 2
        clock.advance(1)
        await inbox.until(lambda updates: len(updates) == 6)
        assert {update.seq for update in inbox.updates} == {0, 1}
        clock.advance(3600)
        await inbox.until(lambda updates: len(updates) == 12)
        released = [update for update in inbox.updates if update.seq in (2, 3)]
        assert {update.at - simulator.accepted[2].at for update in released} <= {3_600_000, 3_601_000, 3_602_000}
        # What was released is known to be good.
        assert (await client.post("/v23.0/1/messages", payload()))[1]["messages"][0]["message_status"] == "accepted"
    assert inbox.values("message_template_status_update") == []


async def test_a_paced_template_is_held_and_then_dropped_and_paused_until_unpaused_by_hand() -> None:
    clock = VirtualClock()
    scenario = Scenario(pacing=Pacing(after=2, held_ms=HOUR, dropped=True))
    async with graph(scenario, clock=clock) as (simulator, client), listening(simulator) as inbox:
        await client.post("/simulator/templates", [SALE, RECEIPT])
        assert await send(client, 5, name="sale") == [200] * 5
        clock.advance(3600)
        told = await inbox.until_values("message_template_status_update", 1)
        await inbox.until(lambda updates: len(updates) == 9)
        dropped = {(update.seq, update.status, update.code) for update in inbox.updates if update.seq in (2, 3, 4)}
        assert dropped == {(seq, "failed", 132015) for seq in (2, 3, 4)}
        assert (told[0]["event"], told[0]["other_info"]["title"]) == ("PAUSED", "RATE_LIMITING_PAUSE")
        assert told[0]["message_template_id"] == 77
        assert await send(client, 1, 5, name="sale") == [132015]
        assert await send(client, 1, 6, name="receipt") == [200]
        assert await status_of(client, "77") == "PAUSED"
        # It does not lift by itself.
        clock.advance(48 * 3600)
        assert await send(client, 1, 7, name="sale") == [132015]
        assert (await client.post("/v23.0/77/unpause"))[0] == 200
        assert (await client.post("/v23.0/77/unpause"))[0] == 400
        # Then it is looked at again.
        assert await send(client, 3, 10, name="sale") == [200] * 3
        assert simulator.counts["held"] == 4
        assert (await inbox.until_values("message_template_status_update", 2))[1]["other_info"]["title"] == "UNPAUSE"


async def test_a_template_of_known_quality_is_not_paced() -> None:
    async with graph(Scenario(pacing=Pacing(after=1))) as (simulator, client):
        await client.post("/simulator/templates", [{**SALE, "quality_score": {"score": "GREEN"}}])
        assert await send(client, 3, name="sale") == [200] * 3
        assert simulator.counts["held"] == 0


async def test_a_template_is_paused_for_a_time_twice_and_then_disabled() -> None:
    clock = VirtualClock()
    troubles = (Trouble(132015, after=2, lasts_ms=3 * HOUR, times=2), Trouble(132016, after=6))
    async with graph(Scenario(trouble=troubles), clock=clock) as (simulator, client), listening(simulator) as inbox:
        await client.post("/simulator/templates", [SALE, RECEIPT])
        for _ in range(2):
            assert await send(client, 3, name="sale") == [200, 200, 132015]
            assert await status_of(client, "77") == "PAUSED"
            clock.advance(3 * 3600)
            assert await status_of(client, "77") == "APPROVED"
        assert await send(client, 4, name="sale") == [200, 200, 132016, 132016]
        assert await send(client, 3, name="receipt") == [200, 200, 132015]
        told = await inbox.until_values("message_template_status_update", 6)
    mine = [(value["event"], value["other_info"]["title"]) for value in told if value["message_template_id"] == 77]
    assert mine == [
        ("PAUSED", "FIRST_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("PAUSED", "SECOND_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("DISABLED", "DISABLED"),
    ]
    assert told[0]["message_template_language"] == "en-US"


async def test_a_pause_that_was_lifted_by_hand_is_not_lifted_again() -> None:
    clock = VirtualClock()
    scenario = Scenario(trouble=(Trouble(132015, after=1, lasts_ms=HOUR),))
    async with graph(scenario, clock=clock) as (simulator, client), listening(simulator) as inbox:
        await client.post("/simulator/templates", [SALE])
        assert await send(client, 2, name="sale") == [200, 132015]
        await client.post("/v23.0/77/unpause")
        assert await send(client, 1, name="sale") == [200]
        clock.advance(2 * 3600)
        await client.post("/simulator/templates", [{**SALE, "status": "REJECTED"}])
        told = await inbox.until_values("message_template_status_update", 3)
    assert [value["event"] for value in told] == ["PAUSED", "APPROVED", "REJECTED"]


async def test_an_upgrade_is_a_minute_of_maintenance_and_then_more_throughput() -> None:
    clock = VirtualClock()
    upgrade = Trouble(131057, after=2, lasts_ms=60_000, throughput=1000)
    scenario = Scenario(throughput=2, trouble=(upgrade,))
    async with graph(scenario, clock=clock) as (simulator, client), listening(simulator) as inbox:
        assert await send(client, 3) == [200, 200, 131057]
        assert await send(client, 3, sender="2") == [200, 200, 131057]
        clock.advance(60)
        assert await send(client, 5) == [200] * 5
        told = await inbox.until_values("phone_number_quality_update", 2)
    assert told[0] == {
        "display_phone_number": "1",
        "event": "THROUGHPUT_UPGRADE",
        "current_limit": "TIER_UNLIMITED",
    }


async def test_a_restricted_number_refuses_and_its_neighbour_does_not() -> None:
    clock = VirtualClock()
    scenario = Scenario(trouble=(Trouble(131048, after=2, lasts_ms=HOUR),))
    async with graph(scenario, clock=clock) as (simulator, client), listening(simulator) as inbox:
        await client.post("/simulator/phone_numbers", [{"id": "5", "display_phone_number": "+91 80 4021 4021"}])
        assert await send(client, 3, sender="5") == [200, 200, 131048]
        _, item = await client.get("/v23.0/5?fields=status,quality_rating,health_status")
        assert (item["status"], item["quality_rating"]) == ("RESTRICTED", "RED")
        assert item["health_status"]["can_send_message"] == "BLOCKED"
        assert item["health_status"]["entities"][0]["errors"][0]["error_code"] == 131048
        clock.advance(3600)
        assert await send(client, 1, sender="5") == [200]
        _, item = await client.get("/v23.0/5?fields=status,health_status")
        assert (item["status"], item["health_status"]["can_send_message"]) == ("CONNECTED", "AVAILABLE")
        told = await inbox.until_values("phone_number_quality_update", 2)
    assert [(value["event"], value["display_phone_number"]) for value in told] == [
        ("FLAGGED", "918040214021"),
        ("UNFLAGGED", "918040214021"),
    ]


async def test_without_payment_messages_are_taken_and_fail_by_callback() -> None:
    async with graph(Scenario(trouble=(Trouble(131042, after=1),))) as (simulator, client):
        async with listening(simulator) as inbox:
            assert await send(client, 3) == [200] * 3
            await inbox.until(lambda updates: len(updates) == 5)
        failed = [(update.seq, update.code) for update in inbox.updates if update.status == "failed"]
        assert sorted(failed) == [(1, 131042), (2, 131042)]
        assert {update.seq for update in inbox.updates if update.status != "failed"} == {0}
        _, item = await client.get("/v23.0/100000000000001?fields=health_status")
        assert item["health_status"]["can_send_message"] == "BLOCKED"


async def test_a_blocked_account_says_so_and_until_when() -> None:
    clock = VirtualClock()
    scenario = Scenario(trouble=(Trouble(368, after=1, lasts_ms=24 * HOUR),))
    async with graph(scenario, clock=clock) as (simulator, client), listening(simulator) as inbox:
        assert await send(client, 2) == [200, 368]
        told = await inbox.until_values("account_update", 1)
        assert told[0]["event"] == "ACCOUNT_RESTRICTION"
        assert told[0]["restriction_info"][0]["expiration"] == clock.now() // 1000 + 86_400
        clock.advance(86_400)
        assert await send(client, 1) == [200]
        await inbox.until_values("account_update", 2)


async def test_marketing_that_is_off_goes_over_the_other_endpoint_and_utility_does_not() -> None:
    scenario = Scenario(trouble=(Trouble(131063, after=0),))
    async with graph(scenario) as (simulator, client), listening(simulator) as inbox:
        await client.post("/simulator/templates", [SALE, RECEIPT])
        assert await send(client, 1, name="sale") == [131063]
        assert await send(client, 1, name="receipt") == [200]
        marketing = {**payload(reference="1.9.1", name="sale"), "product_policy": "STRICT"}
        assert (await client.post("/v23.0/1/marketing_messages", marketing))[0] == 200
        refused = await client.post("/v23.0/1/marketing_messages", payload(name="receipt"))
        assert (refused[0], refused[1]["error"]["code"]) == (400, 131055)
        await inbox.until(lambda updates: len(updates) == 6)
    categories = {status["pricing"]["category"] for status in inbox.statuses if "pricing" in status}
    assert categories == {"utility", "marketing_lite"}


async def test_a_trouble_may_come_anywhere_and_by_either_way() -> None:
    troubles = (Trouble(131026, after=1, scope="number", by="callback"), Trouble(999_999, after=2, scope="account"))
    async with graph(Scenario(trouble=troubles)) as (simulator, client), listening(simulator) as inbox:
        assert await send(client, 3) == [200, 200, 999_999]
        await inbox.until(lambda updates: len(updates) == 4)
    assert [(update.seq, update.code) for update in inbox.updates if update.status == "failed"] == [(1, 131026)]


@pytest.mark.parametrize("status", ["PENDING", "REJECTED"])
async def test_only_approved_templates_can_be_sent(status: str) -> None:
    async with graph() as (_, client):
        await client.post("/simulator/templates", [{**SALE, "status": status}])
        assert await send(client, 1, name="sale") == [132001]


async def test_templates_that_were_listed_as_paused_or_disabled_answer_so() -> None:
    async with graph() as (_, client):
        await client.post("/simulator/templates", [{**SALE, "status": "PAUSED"}, {**RECEIPT, "status": "DISABLED"}])
        assert await send(client, 1, name="sale") + await send(client, 1, name="receipt") == [132015, 132016]


async def status_of(client: Graph, template_id: str) -> str:
    """What the template's node says."""
    _, item = await client.get(f"/v23.0/{template_id}?fields=status")
    return str(item["status"])


def test_simulators_do_not_share_their_accounts() -> None:
    first, second = Simulator(), Simulator()
    first.account.add_templates([SALE])
    assert not second.account.templates
