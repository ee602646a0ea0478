"""The endpoints that tell about the account: pages, fields, health, media."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from engine.gateway.simulator.clock import VirtualClock
from engine.gateway.simulator.media import LARGEST
from engine.gateway.simulator.scenario import Portfolio, Scenario
from tests.simulating import Graph, graph

WABA = "/v23.0/102290129340398"


def template(i: int, **more: Any) -> dict[str, Any]:
    return {"name": f"sale_{i}", "language": "en_US", "category": "MARKETING", "id": str(1000 + i), **more}


async def pages(client: Graph, path: str, **query: object) -> list[list[dict[str, Any]]]:
    """All pages, by their cursors."""
    found: list[list[dict[str, Any]]] = []
    after: dict[str, str] = {}
    while True:
        status, document = await client.get(f"{path}?{urlencode({**query, **after})}")
        assert status == 200
        found.append(document["data"])
        if "next" not in document.get("paging", {}):
            return found
        after = {"after": document["paging"]["cursors"]["after"]}


async def test_templates_come_in_pages_by_cursor() -> None:
    async with graph() as (simulator, client):
        await client.post("/simulator/templates", [template(i) for i in range(60)])
        by_default = await pages(client, f"{WABA}/message_templates")
        assert [len(page) for page in by_default] == [25, 25, 10]
        by_seven = await pages(client, f"{WABA}/message_templates", limit=7, fields="name")
        assert [len(page) for page in by_seven] == [7] * 8 + [4]
        names = [item["name"] for page in by_seven for item in page]
        assert names == [f"sale_{i}" for i in range(60)]
        assert set(by_seven[0][0]) == {"name", "id"}
        # The address of the next page holds everything that was asked for.
        _, first = await client.get(f"{WABA}/message_templates?limit=50&fields=name")
        _, second = await client.get(first["paging"]["next"].removeprefix(simulator.base_url))
        assert (len(second["data"]), set(second["data"][0])) == (10, {"name", "id"})
        before = second["paging"]["cursors"]["before"]
        _, back = await client.get(f"{WABA}/message_templates?limit=50&before={before}")
        assert [item["name"] for item in back["data"]] == names[:50]


async def test_an_account_without_templates_has_an_empty_page() -> None:
    async with graph() as (_, client):
        assert await client.get(f"{WABA}/message_templates") == (200, {"data": []})


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "after=x", "after=bm8=", "fields=colour"])
async def test_a_question_that_cannot_be_answered_is_refused(query: str) -> None:
    async with graph() as (_, client):
        await client.post("/simulator/templates", [template(1)])
        status, document = await client.get(f"{WABA}/message_templates?{query}")
        assert (status, document["error"]["code"]) == (400, 100)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=PAUSED", {"sale_2"}),
        ("category=UTILITY", {"sale_3"}),
        ("language=de", {"sale_4"}),
        ("name=sale_1", {"sale_1"}),
        ("status=APPROVED&language=en_US", {"sale_1", "sale_3"}),
    ],
)
async def test_templates_are_filtered(query: str, expected: set[str]) -> None:
    changes: list[dict[str, Any]] = [{}, {"status": "PAUSED"}, {"category": "UTILITY"}, {"language": "de"}]
    async with graph() as (_, client):
        await client.post("/simulator/templates", [template(i, **more) for i, more in enumerate(changes, start=1)])
        _, document = await client.get(f"{WABA}/message_templates?{query}")
    assert {item["name"] for item in document["data"]} == expected


async def test_a_template_is_shown_as_it_was_registered_and_with_what_was_asked_for() -> None:
    body = {"type": "BODY", "text": "Hello {{1}}", "example": {"body_text": [["Ana"]]}}
    async with graph() as (_, client):
        await client.post("/simulator/templates", [template(1, components=[body], rejected_reason="NONE")])
        _, item = await client.get(
            "/v23.0/1001?fields=components,quality_score{score},rejected_reason,parameter_format"
        )
        assert item == {
            "id": "1001",
            "components": [body],
            "rejected_reason": "NONE",
            "parameter_format": "POSITIONAL",
            "quality_score": {"score": "UNKNOWN"},
        }
        _, usual = await client.get("/v23.0/1001")
        assert set(usual) == {"id", "name", "language", "status", "category", "components"}


async def test_a_template_that_is_not_approved_is_blocked() -> None:
    async with graph() as (_, client):
        await client.post("/simulator/templates", [template(1), template(2, status="REJECTED")])
        _, good = await client.get("/v23.0/1001?fields=health_status")
        _, bad = await client.get("/v23.0/1002?fields=health_status")
    assert good["health_status"]["can_send_message"] == "AVAILABLE"
    assert bad["health_status"]["can_send_message"] == "BLOCKED"
    entity = bad["health_status"]["entities"][0]
    assert (entity["entity_type"], entity["errors"][0]["error_code"]) == ("MESSAGE_TEMPLATE", 141002)
    assert [entity["entity_type"] for entity in bad["health_status"]["entities"][1:]] == ["WABA", "BUSINESS", "APP"]


async def test_numbers_are_listed_with_what_was_registered_of_them() -> None:
    numbers = [{"id": "5", "display_phone_number": "+91 80 4021 4021", "quality_rating": "YELLOW"}, {"id": "6"}]
    scenario = Scenario(throughput=1000, portfolio=Portfolio(limit=2000))
    async with graph(scenario) as (_, client):
        await client.post("/simulator/phone_numbers", numbers)
        fields = "display_phone_number,quality_rating,status,throughput,whatsapp_business_manager_messaging_limit"
        found = await pages(client, f"{WABA}/phone_numbers", fields=fields, limit=1)
    assert [item["id"] for page in found for item in page] == ["5", "6"]
    assert found[0][0] == {
        "id": "5",
        "display_phone_number": "+91 80 4021 4021",
        "quality_rating": "YELLOW",
        "status": "CONNECTED",
        "throughput": {"level": "HIGH"},
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
    }


async def test_what_does_not_exist_is_an_unsupported_request() -> None:
    async with graph() as (simulator, client):
        simulator.account.id, simulator.account.named = "9", True
        await client.post("/simulator/phone_numbers", [{"id": "5"}])
        for path in ("/v23.0/8/message_templates", "/v23.0/8/phone_numbers", "/v23.0/8?fields=health_status"):
            status, document = await client.get(path)
            assert (status, document["error"]["code"], document["error"]["error_subcode"]) == (400, 100, 33)
        assert (await client.get("/v23.0/9/phone_numbers"))[0] == 200
        assert (await client.post("/v23.0/8/unpause"))[0] == 400
        client.token = ""
        assert (await client.get("/v23.0/9/phone_numbers"))[0] == 401


def upload(size: int, kind: str, **fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value)
    form.add_field("file", BytesIO(b"x" * size), filename="picture", content_type=kind)
    return form


async def test_media_is_uploaded_and_known_for_30_days() -> None:
    clock = VirtualClock()
    header = {"type": "HEADER", "format": "IMAGE"}
    async with graph(clock=clock) as (_, client):
        await client.post("/simulator/templates", [template(1, components=[header])])

        async def send(media_id: str) -> int:
            image = {"type": "image", "image": {"id": media_id}}
            return await client.send(name="sale_1", components=[{"type": "header", "parameters": [image]}])

        form = upload(3_000_000, "image/png", messaging_product="whatsapp", type="image/png")
        status, document = await client.post("/v23.0/1/media", data=form)
        assert status == 200
        assert await send("1") == 100
        assert await send(document["id"]) == 200
        clock.advance(30 * 86_400)
        assert await send(document["id"]) == 100


@pytest.mark.parametrize(
    ("size", "kind", "fields", "code"),
    [
        (1, "image/png", {}, 100),
        (1, "image/gif", {"messaging_product": "whatsapp"}, 100),
        (0, "image/png", {"messaging_product": "whatsapp"}, 131053),
        (LARGEST["image/png"] + 1, "image/png", {"messaging_product": "whatsapp"}, 131053),
    ],
)
async def test_an_upload_that_whatsapp_would_not_take_is_refused(
    size: int, kind: str, fields: dict[str, str], code: int
) -> None:
    async with graph() as (simulator, client):
        status, document = await client.post("/v23.0/1/media", data=upload(size, kind, **fields))
        assert (status, document["error"]["code"]) == (400, code)
        assert simulator.counts["media"] == 0


async def test_an_upload_without_a_file_or_that_is_none_is_refused() -> None:
    form = aiohttp.FormData({"messaging_product": "whatsapp"}, default_to_multipart=True)
    async with graph() as (_, client):
        assert (await client.post("/v23.0/1/media", data=form))[1]["error"]["code"] == 131008
        assert (await client.post("/v23.0/1/media", data={"messaging_product": "whatsapp"}))[1]["error"]["code"] == 100


async def test_a_broken_multipart_body_is_refused() -> None:
    async with graph() as (_, client):
        headers = {"Authorization": "Bearer x", "Content-Type": "multipart/form-data; boundary=b"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{client.base_url}/v23.0/1/media", data=b"--c\r\n\r\nx", headers=headers) as answer,
        ):
            assert answer.status == 400
