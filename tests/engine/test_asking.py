"""What the gateway says of number and template, in the preflight and before a hold lifts by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine import asking, ending, preflight, preflight_facts, preflight_reading
from engine.commands import launch, resuming, setup
from engine.decide import HoldOrder
from engine.errors import Refused
from engine.gateway.graph import Graph
from engine.gateway.link import Link
from engine.inquiries import OURS
from engine.preflight_facts import Level
from engine.starting import WORKER
from engine.worker import Worker
from store import account, campaigns
from store.types import Gateway, Hold, Status
from tests import builders
from tests.clock import FakeClock
from tests.graph_server import TOKEN, WABA, GraphServer, graph_server
from tests.sending import Scripted, events, step_until, takes_all

NUMBER = "1000001"
BLOCKED = {
    "entity_type": "PHONE_NUMBER",
    "can_send_message": "BLOCKED",
    "errors": [{"error_code": 1, "error_description": "It is restricted.", "possible_solution": "Appeal."}],
}
LIMITED = {"entity_type": "WABA", "can_send_message": "LIMITED", "additional_info": ["Verify the business."]}
FINE = {"entity_type": "PHONE_NUMBER", "can_send_message": "AVAILABLE"}


def says(*entities: dict[str, Any]) -> dict[str, Any]:
    return {"id": NUMBER, "health_status": {"can_send_message": "AVAILABLE", "entities": list(entities)}}


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as server:
        yield server


@pytest.fixture
def draft(db: str, clock: FakeClock, tmp_path: Path, graph: GraphServer, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    builders.account_with_sender(clock, tmp_path)
    setup.set_gateway(builders.context(clock), gateway=Gateway.CLOUD_API, base_url=graph.url, waba_id=WABA)
    return builders.draft(clock, tmp_path, 3)


def asked(campaign_id: int, clock: FakeClock) -> bool:
    """Ask as a command does; whether there was anything to ask."""
    campaign = campaigns.get(campaign_id)
    assert campaign.sender_id is not None and campaign.template_id is not None
    sender, template = account.get_sender(campaign.sender_id), account.get_template(campaign.template_id)
    wanted = asking.question(sender, template, clock.now())
    if wanted is None:
        return False
    asking.keep(asyncio.run(asking.ask(wanted)), clock.now())
    return True


def checks(campaign_id: int, clock: FakeClock) -> dict[str, preflight_facts.Check]:
    found = preflight.run(preflight_reading.facts_of(campaigns.get(campaign_id), clock.now())).checks
    return {check.code: check for check in found if check.code.startswith("health")}


@pytest.mark.parametrize(
    ("entity", "code", "level", "text", "advice"),
    [
        (FINE, "health", Level.OK, "WhatsApp says that it can be sent", ""),
        (LIMITED, "health_limited", Level.WARN, "the WhatsApp Business Account is limited: Verify the business.",
         "See WhatsApp Manager for why."),
        (BLOCKED, "health_blocked", Level.BLOCK, "the number is blocked: It is restricted.", "Appeal."),
        ({"can_send_message": "HMM"}, "health_limited", Level.WARN, "something: HMM", "See WhatsApp Manager for why."),
    ],
)  # fmt: skip
def test_R22_what_the_gateway_says_stands_in_the_preflight(
    draft: int, clock: FakeClock, graph: GraphServer, entity: dict[str, Any], code: str, level: Level, text: str,
    advice: str,
) -> None:  # fmt: skip
    graph.nodes[NUMBER] = says(entity)
    assert asked(draft, clock)
    (check,) = checks(draft, clock).values()
    assert (check.code, check.level, check.text, check.advice) == (code, level, text, advice)


def test_a_blocked_number_is_not_launched(draft: int, clock: FakeClock, graph: GraphServer) -> None:
    graph.nodes[NUMBER] = says(BLOCKED)
    asked(draft, clock)
    with pytest.raises(Refused) as caught:
        launch.send_now(builders.context(clock), draft)
    assert caught.value.code == "health_blocked"
    assert "Appeal." in caught.value.hint


def test_who_was_not_asked_is_said_not_to_have_been(draft: int, clock: FakeClock, graph: GraphServer) -> None:
    # The server knows no such number, which is no answer.
    assert asked(draft, clock)
    assert checks(draft, clock)["health_not_asked"].level is Level.WARN
    launch.send_now(builders.context(clock), draft)


def test_R22_without_a_token_the_preflight_says_so(
    draft: int, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENDOFF_TOKEN")
    assert not asked(draft, clock)
    (check,) = checks(draft, clock).values()
    assert (check.code, check.level) == ("health_not_asked", Level.WARN)
    assert "There is no access token" in check.text and "SENDOFF_TOKEN" in check.advice


def test_without_a_network_nothing_is_known_and_nothing_waits(draft: int, clock: FakeClock) -> None:
    setup.set_gateway(builders.context(clock), base_url="http://127.0.0.1:1")
    assert asked(draft, clock)
    assert list(checks(draft, clock)) == ["health_not_asked"]
    assert not asked(draft, clock), "in vain a moment ago"


def test_nothing_is_asked_twice_within_a_minute(draft: int, clock: FakeClock, graph: GraphServer) -> None:
    graph.nodes[NUMBER] = says(FINE)
    assert asked(draft, clock)
    clock.advance(59_000)
    assert not asked(draft, clock)
    assert "health" in checks(draft, clock)
    clock.advance(2_000)
    assert "health_not_asked" in checks(draft, clock)
    assert asked(draft, clock)
    assert len(graph.requests) == 2


def test_the_template_is_asked_about_once_its_id_is_known(draft: int, clock: FakeClock, graph: GraphServer) -> None:
    account.change_template(account.templates()[0].id, clock.now(), {"remote_id": "77"})
    graph.nodes[NUMBER] = says(FINE)
    graph.nodes["77"] = {
        "health_status": {"can_send_message": "BLOCKED", "entities": [{**BLOCKED, "entity_type": "X"}]}
    }
    assert asked(draft, clock)
    assert {one.path.rpartition("/")[2] for one in graph.requests} == {NUMBER, "77"}
    assert checks(draft, clock)["health_blocked"].text == "x is blocked: It is restricted."


def test_the_simulator_inside_the_worker_is_not_asked(db: str, clock: FakeClock, tmp_path: Path) -> None:
    builders.account_with_sender(clock, tmp_path)
    campaign_id = builders.draft(clock, tmp_path, 1)
    assert not asked(campaign_id, clock)
    assert checks(campaign_id, clock) == {}


@asynccontextmanager
async def working(clock: FakeClock, server: GraphServer) -> AsyncIterator[Worker]:
    async with Graph(Link(server.url, "v24.0", TOKEN)) as client:
        worker = Worker(clock, Scripted(takes_all), "service", Random(1), graph=client)
        try:
            yield worker
        finally:
            worker.stop()
            await worker.work()


def held(draft: int, clock: FakeClock) -> None:
    """In Progress, on hold for a minute."""
    launch.send_now(builders.context(clock), draft)
    ending.hold(clock, draft, HoldOrder("maintenance", "The number is being upgraded", clock.now() + 60_000), WORKER)


async def test_R45_a_hold_lifts_by_itself_only_when_the_gateway_says_it_can_send(
    draft: int, clock: FakeClock, graph: GraphServer
) -> None:
    graph.nodes[NUMBER] = says(FINE)
    held(draft, clock)
    since = campaigns.get(draft).hold
    assert since is not None
    async with working(clock, graph) as worker:
        await asked_about_it(worker, clock, graph)
        assert campaigns.get(draft).hold == since, "nothing to add"
        graph.nodes[NUMBER] = says(BLOCKED)
        clock.advance(61_000)
        await step_until(worker, clock, lambda: "WhatsApp says" in hold_of(draft).text)
        hold = hold_of(draft)
        assert hold.text == (
            "The number is being upgraded; WhatsApp says: the number is blocked: It is restricted. Appeal."
        )
        assert (hold.reason, hold.since) == ("maintenance", since.since)
        assert hold.until is not None and hold.until > clock.now() + 50_000
        graph.nodes[NUMBER] = says(FINE)
        clock.advance(61_000)
        await step_until(worker, clock, lambda: campaigns.get(draft).status is Status.COMPLETED)
    assert "campaign.resume" in [event.action for event in events(draft)]


async def test_R45_without_an_answer_a_hold_lifts_as_before(draft: int, clock: FakeClock, graph: GraphServer) -> None:
    held(draft, clock)
    async with working(clock, graph) as worker:
        clock.advance(61_000)
        await step_until(worker, clock, lambda: campaigns.get(draft).status is Status.COMPLETED)
    assert len(graph.requests) == 2, "when it began, and before it lifted"


# When a hold begins


def hold_of(campaign_id: int) -> Hold:
    hold = campaigns.get(campaign_id).hold
    assert hold is not None
    return hold


async def asked_about_it(worker: Worker, clock: FakeClock, graph: GraphServer) -> None:
    """Until the gateway was asked once, and its answer taken."""

    def over() -> bool:
        return bool(graph.requests) and not worker._holding.inquiries.under_way

    await step_until(worker, clock, over)
    await worker.step()


def on_hold(draft: int, clock: FakeClock, reason: str = "account_paused") -> None:
    launch.send_now(builders.context(clock), draft)
    ending.hold(clock, draft, HoldOrder(reason, "The account is restricted (131031)"), WORKER)


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        (BLOCKED, "; WhatsApp says: the number is blocked: It is restricted. Appeal."),
        (LIMITED, "; WhatsApp says: the WhatsApp Business Account is limited: Verify the business."),
        (FINE, ""),
    ],
)
async def test_R45_what_the_gateway_says_of_a_hold_stands_in_its_words_as_it_begins(
    draft: int, clock: FakeClock, graph: GraphServer, entity: dict[str, Any], said: str
) -> None:
    graph.nodes[NUMBER] = says(entity)
    on_hold(draft, clock)
    async with working(clock, graph) as worker:
        await asked_about_it(worker, clock, graph)
        assert hold_of(draft).text == f"The account is restricted (131031){said}"
        assert hold_of(draft).until is None, "it waits for a person as before"
        clock.advance(600_000)
        for _ in range(5):
            await worker.step()
    assert len(graph.requests) == 1, "once for each hold"
    # The same hold told again, by a callback for instance, is no news and takes nothing away.
    ending.hold(clock, draft, HoldOrder("account_paused", "The account is restricted (131031)"), WORKER)
    assert hold_of(draft).text == f"The account is restricted (131031){said}"
    assert [event.action for event in events(draft)].count("campaign.hold") == 1


async def test_R45_a_second_hold_is_asked_about_too(draft: int, clock: FakeClock, graph: GraphServer) -> None:
    graph.nodes[NUMBER] = says(BLOCKED)
    on_hold(draft, clock)
    async with working(clock, graph) as worker:
        await asked_about_it(worker, clock, graph)
        clock.advance(1_000)
        ending.hold(clock, draft, HoldOrder("template_unavailable", "Template greeting:en_US is paused"), WORKER)
        await step_until(worker, clock, lambda: "WhatsApp says" in hold_of(draft).text)
    assert hold_of(draft).text.startswith("Template greeting:en_US is paused; WhatsApp says: the number is blocked")
    assert len(graph.requests) == 2


@pytest.mark.parametrize("reason", sorted(OURS))
async def test_of_what_only_this_program_knows_the_gateway_is_not_asked(
    reason: str, draft: int, clock: FakeClock, graph: GraphServer
) -> None:
    on_hold(draft, clock, reason)
    async with working(clock, graph) as worker:
        for _ in range(5):
            await worker.step()
            assert not worker._holding.inquiries.under_way
    assert graph.requests == []


async def test_a_worker_that_ends_when_idle_waits_for_the_answer(
    draft: int, clock: FakeClock, graph: GraphServer
) -> None:
    graph.nodes[NUMBER] = says(BLOCKED)
    on_hold(draft, clock)
    async with working(clock, graph) as worker:
        await worker.work(until_idle=True)
    assert "It is restricted." in hold_of(draft).text


# When an operator resumes


@pytest.mark.parametrize(
    ("entity", "told"),
    [(FINE, ""), (LIMITED, "WhatsApp says: the WhatsApp Business Account is limited: Verify the business.")],
)
def test_R45_a_resume_is_told_what_the_gateway_says(
    draft: int, clock: FakeClock, graph: GraphServer, entity: dict[str, Any], told: str
) -> None:
    graph.nodes[NUMBER] = says(entity)
    on_hold(draft, clock)
    assert asked(draft, clock)
    assert resuming.resumes_into(campaigns.get(draft), clock.now()) == told
    assert resuming.resume(builders.context(clock), draft).hold is None


def test_R45_a_resume_that_would_run_into_the_same_wall_is_refused(
    draft: int, clock: FakeClock, graph: GraphServer
) -> None:
    graph.nodes[NUMBER] = says(BLOCKED)
    on_hold(draft, clock)
    assert asked(draft, clock)
    with pytest.raises(Refused) as caught:
        resuming.resume(builders.context(clock), draft)
    assert (caught.value.code, caught.value.hint) == ("health_blocked", "Appeal.")
    assert caught.value.message == "It cannot go on yet: the number is blocked: It is restricted."
    assert hold_of(draft).reason == "account_paused"
    # What is not known any more stands in nobody's way.
    clock.advance(61_000)
    assert resuming.resume(builders.context(clock), draft).hold is None
