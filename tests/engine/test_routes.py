"""Which endpoint takes a campaign, through HTTP, and the way to the other one while a run is on hold (131063)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine import ending, message, preflight, preflight_reading, routes
from engine.commands import drafts, duplicating, launch, recurring, resuming
from engine.decide import HoldOrder, decide
from engine.errors import Refused
from engine.gateway.base import Action, Rejection
from engine.gateway.cloud_api import CloudApi
from store import account, campaigns, database, transitions
from store.types import ORDINARY, Endpoint, ProductPolicy, RecipientState, Route, Status
from tests import builders
from tests.clock import FakeClock
from tests.graph_server import TOKEN, Answer, GraphServer, graph_server
from tests.sending import Scripted, Watched, actions, numbers, takes_all, work
from tests.store.invariants import check_invariants

STRICT = Route(Endpoint.MARKETING, ProductPolicy.STRICT, True)
OPENAPI: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data/contract/meta-openapi-examples.json").read_text("utf-8")
)


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as server:
        yield server


def campaign(clock: FakeClock, folder: Path, route: Route = ORDINARY, rows: int = 3) -> int:
    if not account.has_account():
        builders.account_with_sender(clock, folder)
    campaign_id = builders.draft(clock, folder, rows)
    made = campaigns.get(campaign_id)
    fields = replace(drafts.fields_of(made), route=route)
    drafts.edit(builders.context(clock), campaign_id, made.version, fields)
    return campaign_id


def taken(graph: GraphServer, n: int) -> None:
    """Both endpoints take so many messages."""
    for end in Endpoint:
        graph.instead[end.value] = [Answer(200, {"messages": [{"id": f"wamid.{end.value}{i}"}]}) for i in range(n)]


def send(clock: FakeClock, graph: GraphServer) -> None:
    async def run() -> None:
        async with CloudApi(graph.url, TOKEN) as client:
            await work(clock, client)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("route", "extra"),
    [
        (ORDINARY, {}),
        (Route(Endpoint.MARKETING), {}),
        (STRICT, {"product_policy": "STRICT", "message_activity_sharing": True}),
        (
            Route(Endpoint.MARKETING, ProductPolicy.FALLBACK, False),
            {"product_policy": "CLOUD_API_FALLBACK", "message_activity_sharing": False},
        ),
    ],
)
def test_every_message_goes_to_the_campaign_s_endpoint(
    db: Path, clock: FakeClock, tmp_path: Path, graph: GraphServer, route: Route, extra: dict[str, Any]
) -> None:
    campaign_id = campaign(clock, tmp_path, route)
    taken(graph, 3)
    launch.send_now(builders.context(clock), campaign_id)
    send(clock, graph)
    posted = [one for one in graph.requests if one.method == "POST"]
    assert {one.path.rpartition("/")[2] for one in posted} == {route.endpoint.value}
    for one in posted:
        body = json.loads(one.body)
        known = ("product_policy", "message_activity_sharing")
        assert {name: body[name] for name in known if name in body} == extra
    assert campaigns.get(campaign_id).status is Status.COMPLETED


def test_131063_holds_the_run_and_the_other_endpoint_takes_the_rest(
    db: Path, clock: FakeClock, tmp_path: Path, graph: GraphServer
) -> None:
    campaign_id = campaign(clock, tmp_path)
    taken(graph, 3)
    graph.instead["messages"].clear()
    graph.refuse("messages", 131063)
    launch.send_now(builders.context(clock), campaign_id)
    send(clock, graph)
    held = campaigns.get(campaign_id)
    assert held.hold is not None and held.hold.reason == routes.OTHER_ENDPOINT
    assert held.hold.until is None, "it never lifts by itself"
    assert "--endpoint marketing_messages" in held.hold.text and "131063" in held.hold.text
    assert numbers(campaign_id, RecipientState.PENDING) == {builders.number(i)[1:] for i in range(3)}
    with pytest.raises(Refused) as refusal:
        resuming.reroute(builders.context(clock), campaign_id, Endpoint.MARKETING, "errors_in_a_row")
    assert refusal.value.code == "changed_meanwhile", "another hold than the one on the screen stays"
    assert campaigns.get(campaign_id).hold == held.hold
    on = resuming.reroute(builders.context(clock), campaign_id, Endpoint.MARKETING, held.hold.reason)
    assert on.hold is None and on.route.endpoint is Endpoint.MARKETING
    assert actions(campaign_id)[-1] == "campaign.reroute"
    send(clock, graph)
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    paths = [one.path.rpartition("/")[2] for one in graph.requests if one.method == "POST"]
    assert paths == ["messages"] + ["marketing_messages"] * 3


@pytest.mark.parametrize(("code", "endpoint"), [(131055, "messages"), (134100, "messages"), (134102, "messages")])
def test_what_the_marketing_endpoint_does_not_take_offers_the_ordinary_one(code: int, endpoint: str) -> None:
    refused = Rejection(code, "", 400, Action.PAUSE_CAMPAIGN)
    hold = decide(refused, 1, 0, 0, 0, Random(1)).hold
    assert hold is not None and hold.reason == routes.OTHER_ENDPOINT
    assert hold.text.endswith(f"(M, or sendoff campaign resume ID --endpoint {endpoint})")


def test_other_holds_offer_nothing() -> None:
    hold = decide(Rejection(132001, "", 404, Action.PAUSE_CAMPAIGN), 1, 0, 0, 0, Random(1)).hold
    assert hold is not None and hold.reason == "campaign_paused" and "endpoint" not in hold.text


@pytest.mark.parametrize("rate", [1, 1000])
async def test_R43_R45_a_run_that_is_rerouted_before_it_came_to_its_end_goes_on_by_the_other_endpoint(
    db: Path, clock: FakeClock, tmp_path: Path, rate: int
) -> None:
    """What put the run on hold was a callback: its worker still hands a window over."""
    builders.account_with_sender(clock, tmp_path, rate=rate)
    campaign_id = campaign(clock, tmp_path, rows=60)
    context = builders.context(clock)

    def reroute(n: int) -> None:
        if n == 5:
            assert transitions.hold(campaign_id, "campaign_paused", "paused", clock.now(), None)
            resuming.reroute(context, campaign_id, Endpoint.MARKETING)

    launch.send_now(context, campaign_id)
    gateway = Watched(Scripted(takes_all), reroute)
    await work(clock, gateway)
    # Of a fast sender the rest of the window is on its way by then.
    begun = 5 if rate == 1 else 11
    assert gateway.endpoints[begun:] == [Endpoint.MARKETING] * (60 - begun)
    assert len(set(gateway.handed)) == len(gateway.handed) == 60
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    check_invariants()


def test_a_run_that_is_not_on_hold_keeps_its_endpoint(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = campaign(clock, tmp_path)
    launch.send_now(builders.context(clock), campaign_id)
    with pytest.raises(Refused) as caught:
        resuming.reroute(builders.context(clock), campaign_id, Endpoint.MARKETING)
    assert caught.value.code == "not_held"
    assert campaigns.get(campaign_id).route == ORDINARY


def test_R45_a_run_of_another_category_stays_on_hold_when_sent_to_the_marketing_endpoint(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = campaign(clock, tmp_path)
    account.change_template(account.templates()[0].id, clock.now(), {"category": "UTILITY"})
    launch.send_now(builders.context(clock), campaign_id)
    ending.hold(clock, campaign_id, HoldOrder("errors_in_a_row", "50 refusals in a row"), builders.OPERATOR)
    before = campaigns.get(campaign_id)
    with pytest.raises(Refused) as caught:
        resuming.reroute(builders.context(clock), campaign_id, Endpoint.MARKETING)
    assert (caught.value.code, campaigns.get(campaign_id)) == ("endpoint_unfit", before)
    assert before.hold is not None and before.route == ORDINARY


def test_only_marketing_templates_go_to_the_marketing_endpoint(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = campaign(clock, tmp_path, STRICT)
    template = account.templates()[0]
    account.change_template(template.id, clock.now(), {"category": "UTILITY"})
    found = preflight.run(preflight_reading.facts_of(campaigns.get(campaign_id)))
    assert [check.code for check in found.blocking] == ["endpoint_unfit"]
    with pytest.raises(Refused) as caught:
        launch.send_now(builders.context(clock), campaign_id)
    assert caught.value.code == "endpoint_unfit"


def test_copies_and_series_keep_the_route(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = campaign(clock, tmp_path, STRICT)
    assert campaigns.get(duplicating.duplicate(context, campaign_id)).route == STRICT
    series = recurring.create(context, campaign_id, "0 10 * * MON").series
    assert series.route == STRICT
    fired = campaigns.due(clock.now() + 10 * 86_400_000, account.senders()[0].id)
    assert [campaigns.get(one).route for one in fired] == [STRICT]


def test_what_the_ordinary_endpoint_does_not_know_is_not_sent_to_it() -> None:
    body = {"to": "+1"}
    assert message.routed(dict(body), STRICT._replace(endpoint=Endpoint.MESSAGES)) == body


@pytest.mark.parametrize("name", OPENAPI["marketing_requests"])
def test_meta_s_own_requests_are_what_a_route_makes_of_a_message(name: str) -> None:
    wanted = OPENAPI["marketing_requests"][name]
    policy, sharing = wanted.get("product_policy"), wanted.get("message_activity_sharing")
    route = Route(Endpoint.MARKETING, None if policy is None else ProductPolicy(policy), sharing)
    bare = {key: value for key, value in wanted.items() if key not in ("product_policy", "message_activity_sharing")}
    assert message.routed(bare, route) == wanted


def test_a_route_survives_the_store(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = campaign(clock, tmp_path, STRICT)
    database.close_database()
    database.open_database(str(db))
    with database.session():
        assert campaigns.get(campaign_id).route == STRICT
