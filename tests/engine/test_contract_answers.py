"""Every answer, error and list among Meta's own examples is read into what it means, and none raises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import health, remote_senders, remote_templates
from engine.errors import Busy, Refused
from engine.gateway.answers import read_answer
from engine.gateway.base import Accepted, Action, Rejection, Unknown
from engine.gateway.graph import refusal
from engine.health import Health, State
from engine.wire_words import quota_of

CONTRACT = Path(__file__).parents[1] / "data" / "contract"
OPENAPI: dict[str, Any] = json.loads((CONTRACT / "meta-openapi-examples.json").read_text("utf-8"))
PAGES: dict[str, list[Any]] = json.loads((CONTRACT / "meta-docs-answers.json").read_text("utf-8"))
GETS = ("get_phone_number", "list_phone_numbers", "message_history")
SENDS = {**OPENAPI["send_responses"], **OPENAPI["marketing_responses"]}
ERRORS = {
    f"{edge} {status} {name}": (int(status), body)
    for edge in GETS
    for status, examples in OPENAPI[edge].items()
    for name, body in examples.items()
    if "error" in body
} | {f"page {i}": (400, body) for i, body in enumerate(PAGES["support/error-codes"])}
ANSWERS = {f"{edge} {name}": body for edge in GETS for name, body in OPENAPI[edge]["200"].items()} | {
    f"{page} {i}": body for page, bodies in PAGES.items() if page != "_source" for i, body in enumerate(bodies)
}
EXPECTED = {
    0: Action.AUTH, 2: Action.RETRY, 4: Action.SLOW, 17: Action.SLOW, 80007: Action.SLOW, 100: Action.PAUSE_CAMPAIGN,
    104: Action.AUTH, 190: Action.AUTH, 200: Action.AUTH, 130429: Action.SLOW,
}  # fmt: skip
NUMBERS = {16315555555: "GREEN", 16315555556: "UNKNOWN"}


def raw(body: object) -> bytes:
    return json.dumps(body).encode()


def test_there_is_something_to_read() -> None:
    assert len(SENDS) == 45 and len(ERRORS) == 23 and len(ANSWERS) == 35


@pytest.mark.parametrize("name", SENDS)
def test_every_send_answer(name: str) -> None:
    body = SENDS[name]
    outcome = read_answer(200, {}, raw(body))
    if "messages" in body:
        assert outcome == Accepted(body["messages"][0]["id"])
    else:
        # The answer to a read receipt says nothing of a message.
        assert body == {"success": True} and isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    ("status", "held"), [("accepted", False), ("held_for_quality_assessment", True), ("new", False)]
)
def test_every_message_status(status: str, held: bool) -> None:
    body = {"messages": [{"id": "wamid.A", "message_status": status}], "contacts": [{"user_id": "US.1", "input": "x"}]}
    assert read_answer(200, {}, raw(body)) == Accepted("wamid.A", held=held)


@pytest.mark.parametrize("name", ERRORS)
def test_every_error(name: str) -> None:
    status, body = ERRORS[name]
    code = body["error"]["code"]
    outcome = read_answer(status, {}, raw(body))
    assert isinstance(outcome, Rejection)
    assert (outcome.code, outcome.http_status) == (code, status)
    if code in EXPECTED:
        assert outcome.action is EXPECTED[code]
    details = body["error"].get("error_data", {}).get("details")
    assert outcome.detail == (details or body["error"]["message"])
    told = refusal(outcome, {})
    waits = outcome.action in (Action.SLOW, Action.RETRY)
    assert isinstance(told, Busy if waits else Refused)
    assert outcome.detail in told.message and told.hint


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_passes_every_reader_without_raising(name: str) -> None:
    """A reader that meets an answer of another kind keeps what it can and counts the rest."""
    body = ANSWERS[name]
    items = body["data"] if isinstance(body.get("data"), list) else [body]
    templates = remote_templates.plan([], items)
    senders = remote_senders.plan([], items)
    assert len(templates.added) + templates.unreadable <= len(items)
    assert len(senders.added) + senders.unreadable + len(senders.conflicts) == len(items)
    assert health.read(body.get("health_status")).state in State


@pytest.mark.parametrize("name", ["multiple_phone_numbers", "single_phone_number"])
def test_meta_s_list_of_numbers(name: str) -> None:
    data = OPENAPI["list_phone_numbers"]["200"][name]["data"]
    added = remote_senders.plan([], data).added
    assert {one.item.number: one.item.quality for one in added} == dict(list(NUMBERS.items())[: len(data)])
    assert [one.item.status for one in added] == [item["status"] for item in data]
    assert {one.rate for one in added} == {80}


def test_the_first_number_of_meta_s_list_says_everything() -> None:
    data = OPENAPI["list_phone_numbers"]["200"]["multiple_phone_numbers"]["data"]
    assert remote_senders.read(data[0]) == remote_senders.Listed(
        "1906385232743451", 16315555555, "Jasper's Market", "GREEN", "LINKED", "APPROVED", "", "TIER_1K"
    )
    assert remote_senders.plan([], data).limit == "TIER_1K"


@pytest.mark.parametrize("name", OPENAPI["get_phone_number"]["200"])
def test_every_answer_about_one_number(name: str) -> None:
    body = OPENAPI["get_phone_number"]["200"][name]
    listed = remote_senders.read(body)
    assert listed is not None
    assert (listed.phone_number_id, listed.number, listed.name) == ("106853218861309", 15555555555, "Jaspers Market")
    assert (listed.quality, listed.name_status) == ("GREEN", body.get("name_status", ""))


def test_the_numbers_on_the_pages() -> None:
    one, two = PAGES["business-phone-numbers/phone-numbers"][4]["data"]
    assert [(found.name, found.quality) for item in (one, two) if (found := remote_senders.read(item))] == [
        ("Jasper's Market", "GREEN"),
        ("Jasper's Ice Cream", "NA"),
    ]
    platform = remote_senders.read(PAGES["about-the-platform"][0])
    assert platform is not None and (platform.throughput, remote_senders.rate_of(platform.throughput)) == (
        "STANDARD",
        80,
    )
    limit = PAGES["messaging-limits"][0]["whatsapp_business_manager_messaging_limit"]
    assert quota_of(limit) == 250


def test_meta_s_list_of_templates() -> None:
    data = OPENAPI["list_templates"]["Example response"]["value"]["data"]
    added = remote_templates.plan([], data).added
    assert [(one.item.ref, one.item.status, one.item.remote_id) for one in added] == [
        ("hello_world:en_US", "APPROVED", "1192339204654487"),
        ("2023_april_promo:en_US", "APPROVED", "920070352646140"),
    ]
    assert added[0].fields["extra"] == {"previous_category": "ACCOUNT_UPDATE"}
    assert [list(one.fields["components"]) for one in added] == [item["components"] for item in data]


def test_lists_without_a_language_keep_nothing_and_say_so() -> None:
    """The page's examples leave it out, because they ask for other fields."""
    for page in PAGES["templates/template-management"][:2]:
        assert remote_templates.plan([], page["data"]).unreadable == len(page["data"])


HEALTH = [
    Health(State.AVAILABLE),
    Health(
        State.LIMITED,
        (
            "the number is limited: Your display name has not been approved yet. Your message limit will increase after"
            " the display name is approved.",
        ),
    ),
    Health(
        State.BLOCKED,
        ("the template is blocked: Message templates can only be sent out if they are approved.",),
        ("Edit or appeal the message template review decision.",),
    ),
    # Only calls are blocked in the last one, whatever its first line says.
    Health(State.AVAILABLE),
]


@pytest.mark.parametrize("i", range(len(HEALTH)))
def test_every_health_status(i: int) -> None:
    assert health.read(PAGES["support/health-status"][i]["health_status"]) == HEALTH[i]


@pytest.mark.parametrize(
    ("answer", "state", "text"),
    [
        (None, State.UNKNOWN, ""),
        ("AVAILABLE", State.UNKNOWN, ""),
        ({}, State.UNKNOWN, "WhatsApp says nothing and nothing more"),
        ({"can_send_message": "BLOCKED"}, State.BLOCKED, "WhatsApp says BLOCKED and nothing more"),
        ({"can_send_message": "AVAILABLE", "entities": {}}, State.AVAILABLE, ""),
        ({"entities": ["x", {"can_send_message": "SLEEPY", "entity_type": "MOON"}]}, State.UNKNOWN, "moon: SLEEPY"),
        ({"entities": [{"can_send_message": "BLOCKED", "errors": "x"}]}, State.BLOCKED, "something is blocked"),
        ({"entities": [{"can_send_message": "BLOCKED", "errors": [1, {}]}]}, State.BLOCKED, "something is blocked"),
    ],
)
def test_odd_health_is_kept_in_words(answer: object, state: State, text: str) -> None:
    found = health.read(answer)
    assert (found.state, found.text) == (state, text)


def test_several_answers_are_as_bad_as_the_worst() -> None:
    parts = [Health(State.LIMITED, ("a",), ("do a",)), Health(State.BLOCKED, ("b", "a")), Health(State.AVAILABLE)]
    assert health.together(parts) == Health(State.BLOCKED, ("a", "b"), ("do a",))
    assert health.together([]).state is State.UNKNOWN
