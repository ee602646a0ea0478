"""What the simulator refuses of a request before it looks any further."""

from __future__ import annotations

import aiohttp
import pytest

from engine.gateway.simulator.checks import Message, check
from engine.gateway.simulator.faults import Fault
from engine.gateway.simulator.server import Simulator
from tests.simulating import EXAMPLES, body_of, payload


@pytest.mark.parametrize("name", EXAMPLES["send_template_requests"])
def test_the_examples_of_meta_are_in_order(name: str) -> None:
    found = check({**EXAMPLES["send_template_requests"][name], "to": "+16505551234"})
    if name == "Send Sample Issue Resolution Template":
        # Meta's example has booleans where its reference asks for text.
        assert isinstance(found, Fault)
    else:
        assert isinstance(found, Message)
        assert (found.to, found.reference, found.attempt) == ("16505551234", "", 0)


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        (None, 100),
        ([], 100),
        ({**payload(), "messaging_product": "sms"}, 100),
        ({key: value for key, value in payload().items() if key != "type"}, 131008),
        ({**payload(), "type": "text"}, 131051),
        ({**payload(), "to": ""}, 131008),
        ({**payload(), "to": "Ana"}, 131009),
        ({**payload(), "to": 16505551234}, 131009),
        ({**payload(), "to": "+123"}, 131009),
        ({**payload(), "biz_opaque_callback_data": "x" * 513}, 100),
        ({**payload(), "template": "hello_world"}, 131008),
        (payload(name=""), 131008),
        (payload(language="en"), 131008),
        (payload(language={}), 131008),
        (payload(components={}), 100),
        (payload(components=["body"]), 100),
        (payload(components=[{"parameters": []}]), 131008),
        (payload(components=[{"type": "body", "parameters": "x"}]), 100),
        (payload(components=[{"type": "body", "parameters": ["x"]}]), 100),
        (payload(components=[{"type": "body", "parameters": [{"text": "x"}]}]), 131008),
        (payload(components=[{"type": "header", "parameters": [{"type": "image"}]}]), 131008),
        (payload(components=[{"type": "button", "parameters": []}]), 131008),
        (body_of(""), 131008),
        (body_of(7), 100),
        (body_of("fine", "two\nlines"), 132018),
        (body_of("tab\there"), 132018),
        (body_of("five     spaces"), 132018),
    ],
)
async def test_a_faulty_request_is_refused_with_the_code_of_the_cloud_api(request_body: object, code: int) -> None:
    found = check(request_body)
    assert isinstance(found, Fault)
    assert found.code == code
    async with Simulator() as simulator, aiohttp.ClientSession() as session:
        url, headers = f"{simulator.base_url}/v23.0/1/messages", {"Authorization": "Bearer x"}
        async with session.post(url, json=request_body, headers=headers) as answer:
            error = (await answer.json())["error"]
    assert (answer.status, error["code"], error["error_data"]["details"]) == (400, code, found.details)
    assert simulator.accepted == []


@pytest.mark.parametrize("to", ["+1 (650) 555-1234", "16505551234", "+1-650-555-1234"])
def test_numbers_may_be_punctuated(to: str) -> None:
    found = check(payload(to))
    assert isinstance(found, Message)
    assert (found.to, found.attempt, found.international) == ("16505551234", 1, to.startswith("+"))


@pytest.mark.parametrize(("reference", "attempt"), [("7.8.9", 9), ("", 0), ("7.8", 0), ("a.b.c", 0), ("1.2.3.4", 0)])
def test_the_attempt_comes_out_of_the_reference(reference: str, attempt: int) -> None:
    found = check(payload(reference=reference))
    assert isinstance(found, Message)
    assert (found.reference, found.attempt) == (reference, attempt)


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v23.0/1/messages", {}, 401, 190),
        ("/v23.0/1/messages", {"Authorization": "Bearer "}, 401, 190),
        ("/v23.0/1/messages", {"Authorization": "Basic eDp5"}, 401, 190),
        ("/23/1/messages", {"Authorization": "Bearer x"}, 400, 100),
        ("/v23.0/me/messages", {"Authorization": "Bearer x"}, 400, 100),
        ("/v23.0/1/other", {"Authorization": "Bearer x"}, 400, 100),
        ("/", {}, 400, 100),
    ],
)
async def test_what_is_no_message_gets_a_graph_error(
    path: str, headers: dict[str, str], status: int, code: int
) -> None:
    async with (
        Simulator() as simulator,
        aiohttp.ClientSession() as session,
        session.post(simulator.base_url + path, json=payload(), headers=headers) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)
    assert simulator.accepted == []
