"""The client that asks the Cloud API, against a real loopback server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from engine.errors import BadInput, Busy, EngineError, Refused
from engine.gateway.graph import NUMBER_FIELDS, TEMPLATE_FIELDS, Graph
from engine.gateway.link import Link
from engine.gateway.network import Network
from tests.graph_server import TOKEN, WABA, Answer, GraphServer, graph_server

EXAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data/contract/meta-openapi-examples.json").read_text("utf-8")
)
T = TypeVar("T")


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as server:
        yield server


def ask(server: GraphServer, question: Callable[[Graph], Awaitable[T]], **network: float) -> T:
    """Ask over one session."""

    async def run() -> T:
        async with Graph(Link(server.url, "v24.0", TOKEN, WABA, Network(**network))) as client:  # type: ignore[arg-type]  # only times
            return await question(client)

    return asyncio.run(run())


def test_a_list_is_read_page_by_page_over_one_connection(graph: GraphServer) -> None:
    graph.lists["message_templates"] = [{"name": f"t{i}"} for i in range(7)]
    graph.page = 3
    seen: list[int] = []
    found = ask(graph, lambda client: client.templates(WABA, seen.append))
    assert [item["name"] for item in found] == [f"t{i}" for i in range(7)]
    assert seen == [3, 6, 7]
    assert [one.query.get("after") for one in graph.requests] == [None, "c3", "c6"]
    assert {one.path for one in graph.requests} == {f"/v24.0/{WABA}/message_templates"}
    assert {one.query["fields"] for one in graph.requests} == {TEMPLATE_FIELDS}
    assert {one.token for one in graph.requests} == {TOKEN}
    assert {one.connection for one in graph.requests} == {0}, "kept alive"


def test_meta_s_own_lists_are_read_to_their_end(graph: GraphServer) -> None:
    page = EXAMPLES["list_templates"]["Example response"]["value"]
    graph.instead["message_templates"] = [Answer(200, page)]
    numbers = EXAMPLES["list_phone_numbers"]["200"]["multiple_phone_numbers"]
    graph.instead["phone_numbers"] = [Answer(200, numbers)]
    assert ask(graph, lambda client: client.templates(WABA)) == page["data"]
    # Its cursor without a next page is the end.
    assert ask(graph, lambda client: client.phone_numbers(WABA)) == numbers["data"]
    assert len(graph.requests) == 2
    assert graph.requests[1].query["fields"] == NUMBER_FIELDS


@pytest.mark.parametrize(
    ("paging", "words"),
    [
        ({"next": "https://x.invalid/", "cursors": {"after": "c0"}}, "in a circle"),
        ({"next": "https://x.invalid/"}, "no cursor"),
        ({"next": "https://[bad"}, "no cursor"),
    ],
)
def test_pages_that_lead_nowhere_end_in_a_sentence(graph: GraphServer, paging: dict[str, Any], words: str) -> None:
    graph.instead["message_templates"] = [Answer(200, {"data": [], "paging": paging}) for _ in range(5)]
    with pytest.raises(EngineError) as caught:
        ask(graph, lambda client: client.templates(WABA))
    assert caught.value.code == "gateway_nonsense"
    assert words in caught.value.message


def test_the_cursor_may_stand_in_the_next_address_alone(graph: GraphServer) -> None:
    first = {"data": [1], "paging": {"next": "https://x.invalid/?after=c9"}}
    graph.instead["message_templates"] = [Answer(200, first)]
    assert ask(graph, lambda client: client.templates(WABA)) == [{"value": 1}]
    assert graph.requests[1].query["after"] == "c9"


@pytest.mark.parametrize(("code", "status"), [(4, 400), (17, 429), (80007, 400), (80008, 403), (613, 400)])
def test_a_limit_of_calls_tells_to_wait(graph: GraphServer, code: int, status: int) -> None:
    usage = json.dumps({"1": [{"type": "whatsapp", "estimated_time_to_regain_access": 19}, "x"], "2": None})
    graph.refuse("message_templates", code, status, {"x-business-use-case-usage": usage})
    with pytest.raises(Busy) as caught:
        ask(graph, lambda client: client.templates(WABA))
    assert caught.value.code == "gateway_busy"
    assert f"({code})" in caught.value.message and "the details" in caught.value.message
    assert caught.value.hint == "Wait 19 minutes, then try again."
    assert len(graph.requests) == 1, "nothing is retried"


@pytest.mark.parametrize(("header", "hint"), [("90", "Wait 2 minutes"), ("soon", "Wait a while")])
def test_retry_after_is_told_in_minutes(graph: GraphServer, header: str, hint: str) -> None:
    graph.refuse("message_templates", 80007, 400, {"Retry-After": header, "x-business-use-case-usage": "[no json"})
    with pytest.raises(Busy) as caught:
        ask(graph, lambda client: client.templates(WABA))
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(("code", "status"), [(190, 401), (10, 403), (200, 403), (100, 400), (123456, 400)])
def test_a_refusal_is_told_in_the_table_s_words(graph: GraphServer, code: int, status: int) -> None:
    graph.refuse("message_templates", code, status)
    with pytest.raises(Refused) as caught:
        ask(graph, lambda client: client.templates(WABA))
    assert caught.value.code == "gateway_refused"
    assert f"({code}): the details" in caught.value.message
    assert caught.value.hint
    assert len(graph.requests) == 1


def test_the_token_is_in_no_refusal(graph: GraphServer) -> None:
    error = {"code": 190, "message": f"Malformed access token {TOKEN}"}
    graph.instead["message_templates"] = [Answer(401, {"error": error})]
    with pytest.raises(Refused) as caught:
        ask(graph, lambda client: client.templates(WABA))
    assert TOKEN not in caught.value.message and "[token]" in caught.value.message


@pytest.mark.parametrize(
    ("status", "body"), [(200, "<html>"), (200, "[1]"), (200, '{"data": {}}'), (502, "<html>"), (200, "[" * 100_000)]
)
def test_what_is_no_answer_is_said_to_be_none(graph: GraphServer, status: int, body: str) -> None:
    graph.instead["message_templates"] = [Answer(status, body)]
    with pytest.raises(EngineError) as caught:
        ask(graph, lambda client: client.templates(WABA))
    assert caught.value.code == "gateway_nonsense"


def test_half_a_surrogate_pair_becomes_something_a_database_takes(graph: GraphServer) -> None:
    body = r'{"data": [{"name": "half \ud83d", "whole": "\ud83d\ude00"}]}'
    graph.instead["message_templates"] = [Answer(200, body)]
    assert ask(graph, lambda client: client.templates(WABA)) == [{"name": "half \ufffd", "whole": "\U0001f600"}]


def test_nobody_there_is_told_at_once() -> None:
    server = GraphServer()
    server.url = "http://127.0.0.1:1"
    with pytest.raises(Busy) as caught:
        ask(server, lambda client: client.templates(WABA))
    assert caught.value.code == "gateway_unreachable"
    assert TOKEN not in caught.value.message


def test_an_id_with_a_slash_stays_one_part_of_the_path(graph: GraphServer) -> None:
    with pytest.raises(Refused):
        ask(graph, lambda client: client.health("1/../2?x=1"))
    assert graph.requests[0].path.startswith("/v24.0/1")
    assert graph.requests[0].query == {"fields": "health_status"}


def test_a_file_is_uploaded_in_one_stream_with_its_length(graph: GraphServer, tmp_path: Path) -> None:
    file = tmp_path / "offer.png"
    file.write_bytes(bytes(range(256)) * 8_000)
    seen: list[int] = []
    media_id = ask(graph, lambda client: client.upload("1001", file, "image/png", seen.append))
    assert media_id == "media-1"
    told = graph.requests[0]
    assert told.path == "/v24.0/1001/media"
    assert told.form["messaging_product"] == b"whatsapp"
    assert told.form["type"] == b"image/png"
    assert told.form["file"] == file.read_bytes()
    assert (told.form["filename"], told.form["content_type"]) == ("offer.png", "image/png")
    assert int(told.form["length"]) > 2_048_000
    assert seen == sorted(seen) and seen[-1] == 2_048_000 and len(seen) >= 8, "it is told while it goes"


def test_an_upload_without_an_id_or_a_file_is_told(graph: GraphServer, tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(b"x")
    graph.instead["media"] = [Answer(200, {"success": True})]
    with pytest.raises(EngineError) as caught:
        ask(graph, lambda client: client.upload("1001", file, "image/png"))
    assert caught.value.code == "gateway_nonsense"
    with pytest.raises(BadInput) as missing:
        ask(graph, lambda client: client.upload("1001", tmp_path / "none", "image/png"))
    assert missing.value.code == "unreadable_file"
