"""With known templates the simulator checks what a message brings, as the Cloud API does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadInput
from engine.gateway.simulator.account import Account
from engine.gateway.simulator.checks import Message, check
from engine.gateway.simulator.needs import Surroundings, check_components
from tests.simulating import ROOT, graph, payload

DOCS: dict[str, Any] = json.loads((ROOT / "tests/data/contract/meta-docs-templates.json").read_text("utf-8"))
PAIRS = [name for name in DOCS if not name.startswith("_")]
NOW = 1_795_424_400_000


def template(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "sale", "language": "en_US", "category": "MARKETING", "components": list(components), **more}


def code(definition: dict[str, Any], *components: dict[str, Any], media: tuple[str, ...] = ()) -> int:
    """The code that a message with these components is refused with, 0 for none."""
    account = Account()
    needs = account.add_templates([definition])[0].needs
    assert needs is not None
    message = check(payload(name="sale", components=list(components)))
    if not isinstance(message, Message):
        return message.code
    fault = check_components(needs, message.components, Surroundings(NOW, lambda media_id: media_id in media))
    return 0 if fault is None else fault.code


def texts(*values: str, **named: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": value} for value in values] + [
        {"type": "text", "parameter_name": name, "text": value} for name, value in named.items()
    ]


def body(*values: str, **named: str) -> dict[str, Any]:
    return {"type": "body", "parameters": texts(*values, **named)}


def header(kind: str, value: object) -> dict[str, Any]:
    return {"type": "header", "parameters": [{"type": kind, kind: value}]}


def button(index: object, sub_type: str, **parameter: object) -> dict[str, Any]:
    kind = next(iter(parameter), "")
    parameters = [{"type": kind, **parameter}] if parameter else []
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": parameters}


def buttons(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(listed)}


BODY = {"type": "BODY", "text": "Hello {{1}}, use {{2}} today."}
NAMED = {"type": "BODY", "text": "Hello {{name}}, use {{code}} today."}
PLAIN = {"type": "BODY", "text": "Hello."}
TITLE = {"type": "HEADER", "format": "TEXT", "text": "For {{1}}"}
STOP = buttons({"type": "QUICK_REPLY", "text": "Stop"})
CODE = buttons({"type": "COPY_CODE", "example": "C"})
FLOW = buttons({"type": "FLOW", "text": "Go"})
IMAGE = {"type": "HEADER", "format": "IMAGE"}
PLACE = {"type": "HEADER", "format": "LOCATION"}
URL = {"type": "URL", "text": "Look", "url": "https://x.example/{{1}}"}
FIXED = {"type": "URL", "text": "Look", "url": "https://x.example/"}
HERE = {"latitude": "52.5", "longitude": 13.4, "name": "Here", "address": "A street"}


@pytest.mark.parametrize("name", PAIRS)
def test_what_the_documentation_sends_fits_the_template_it_creates(name: str) -> None:
    account, message = Account(), check(DOCS[name]["send"])
    created = account.add_templates([DOCS[name]["create"]])[0]
    assert isinstance(message, Message) and created.needs is not None
    assert check_components(created.needs, message.components, Surroundings(0)) is None


@pytest.mark.parametrize("name", PAIRS)
def test_what_the_documentation_sends_with_a_part_left_out_does_not_fit(name: str) -> None:
    account, message = Account(), check(DOCS[name]["send"])
    created = account.add_templates([DOCS[name]["create"]])[0]
    assert isinstance(message, Message) and created.needs is not None
    for left_out in range(len(message.components)):
        rest = [part for at, part in enumerate(message.components) if at != left_out]
        if message.components[left_out].get("sub_type") in ("quick_reply", "QUICK_REPLY"):
            continue
        assert check_components(created.needs, rest, Surroundings(0)) is not None, message.components[left_out]


@pytest.mark.parametrize(
    ("definition", "components", "expected"),
    [
        (template(BODY), [body("Ana", "C1")], 0),
        (template(BODY), [body("Ana")], 132000),
        (template(BODY), [body("Ana", "C1", "more")], 132000),
        (template(BODY), [], 132000),
        (template(PLAIN), [], 0),
        (template(PLAIN), [body()], 0),
        (template(PLAIN), [body("Ana")], 132000),
        (template(BODY), [body("Ana", "C1"), body("Ana", "C1")], 100),
        (template(BODY), [body(name="Ana", code="C1")], 132012),
        (template(BODY), [body("Ana", "x" * 1100)], 132005),
        (template(BODY), [body("Ana", "x\ny")], 132018),
        (template(BODY), [header("text", "Ana"), body("Ana", "C1")], 132000),
        (template(NAMED, parameter_format="NAMED"), [body(code="C1", name="Ana")], 0),
        (template(NAMED, parameter_format="NAMED"), [body("Ana", "C1")], 132012),
        (template(NAMED, parameter_format="NAMED"), [body(name="Ana", other="C1")], 132012),
        (template(NAMED, parameter_format="NAMED"), [{"type": "body", "parameters": texts(name="A") * 2}], 132012),
        (template(TITLE, PLAIN), [header("text", "Ana")], 0),
        (template(TITLE, PLAIN), [header("text", "A" * 60)], 132005),
        (template(TITLE, PLAIN), [], 132000),
        (template(IMAGE, PLAIN), [header("image", {"link": "https://x.example/a.png"})], 0),
        (template(IMAGE, PLAIN), [header("image", {"id": "1"})], 0),
        (template(IMAGE, PLAIN), [header("image", {"id": "2"})], 100),
        (template(IMAGE, PLAIN), [header("image", {"id": "1", "link": "https://x.example/a.png"})], 131008),
        (template(IMAGE, PLAIN), [header("image", {"link": "ftp://x.example/a.png"})], 100),
        (template(IMAGE, PLAIN), [header("image", {"link": "https://x.example/a.png", "size": 3})], 100),
        (template(IMAGE, PLAIN), [header("video", {"link": "https://x.example/a.mp4"})], 132012),
        (template(IMAGE, PLAIN), [], 132012),
        (template(PLACE, PLAIN), [header("location", HERE)], 0),
        (template(PLACE, PLAIN), [header("location", {**HERE, "latitude": 91})], 131009),
        (template(PLACE, PLAIN), [header("location", {**HERE, "longitude": "east"})], 131009),
        (template(PLACE, PLAIN), [header("location", {**HERE, "address": ""})], 131008),
        (template(PLAIN, buttons(URL)), [button("0", "url", text="a")], 0),
        (template(PLAIN, buttons(URL)), [button(0, "URL", text="a")], 0),
        (template(PLAIN, buttons(URL)), [], 131008),
        (template(PLAIN, buttons(URL)), [button("0", "url")], 131008),
        (template(PLAIN, buttons(URL)), [button("0", "quick_reply", payload="a")], 132012),
        (template(PLAIN, buttons(URL)), [button("0", "url", payload="a")], 132012),
        (template(PLAIN, buttons(URL)), [button("0", "url", text="a b")], 131009),
        (template(PLAIN, buttons(URL)), [button("0", "url", text="a" * 2000)], 131009),
        (template(PLAIN, buttons(URL)), [button("0", "url", text="a"), button("1", "url", text="a")], 131009),
        (template(PLAIN, buttons(URL)), [button("0", "url", text="a"), button("0", "url", text="a")], 100),
        (template(PLAIN, buttons(URL)), [button("first", "url", text="a")], 100),
        (template(PLAIN, buttons(FIXED)), [], 0),
        (template(PLAIN, buttons(FIXED)), [button("0", "url", text="a")], 132000),
        (template(PLAIN, STOP), [], 0),
        (template(PLAIN, STOP), [button("0", "quick_reply", payload="s")], 0),
        (template(PLAIN, CODE), [button("0", "copy_code", coupon_code="C1")], 0),
        (template(PLAIN, CODE), [button("0", "copy_code", text="C1")], 132012),
        (
            template(PLAIN, CODE),
            [button("0", "copy_code", coupon_code="C" * 16)],
            131009,
        ),
        (template(PLAIN, CODE), [], 131008),
        (template(PLAIN, FLOW), [button("0", "flow", action={"flow_token": "t"})], 0),
        (template(PLAIN, FLOW), [], 131008),
        (template(PLAIN, buttons({"type": "PHONE_NUMBER", "text": "Call"})), [button("0", "url", text="a")], 132012),
    ],
)  # fmt: skip
def test_a_message_has_to_bring_what_its_template_asks_for(
    definition: dict[str, Any], components: list[dict[str, Any]], expected: int
) -> None:
    assert code(definition, *components, media=("1",)) == expected


@pytest.mark.parametrize(("expires", "expected"), [(NOW + 1, 0), (NOW, 131009), (str(NOW + 1), 131009), (None, 131009)])
def test_an_offer_has_to_expire_in_the_future(expires: object, expected: int) -> None:
    definition = template(
        {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Soon over", "has_expiration": True}}, PLAIN
    )
    parameter = {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": expires}}
    assert code(definition, {"type": "limited_time_offer", "parameters": [parameter]}) == expected
    assert code(definition) == 131008


def test_a_carousel_brings_all_of_its_cards() -> None:
    card = {"components": [IMAGE, buttons(URL)]}
    definition = template(PLAIN, {"type": "CAROUSEL", "cards": [card, card]})

    def filled(index: int, *more: dict[str, Any]) -> dict[str, Any]:
        return {"card_index": index, "components": [header("image", {"id": "1"}), *more]}

    link = button("0", "url", text="a")
    cases: list[tuple[list[dict[str, Any]], int]] = [
        ([filled(0, link), filled(1, link)], 0),
        ([filled(1, link), filled(0, link)], 0),
        ([filled(0, link)], 132000),
        ([filled(0, link), filled(0, link)], 131009),
        ([filled(0, link), filled(1)], 131008),
        ([filled(0, link), {"components": []}], 131008),
        ([filled(0, link), {**filled(1, link), "colour": "red"}], 100),
    ]
    for cards, expected in cases:
        assert code(definition, {"type": "carousel", "cards": cards}, media=("1",)) == expected
    assert code(definition) == 132000


async def test_registered_templates_are_what_can_be_sent() -> None:
    async with graph() as (simulator, client):
        assert await client.send(name="anything") == 200
        status, told = await client.post("/simulator/templates", {"data": [template(BODY)]})
        assert (status, len(told["ids"])) == (200, 1)
        assert await client.send(name="sale", components=[body("Ana", "C1")]) == 200
        assert await client.send(name="sale") == 132000
        assert await client.send(name="anything") == 132001
        assert await client.send(name="sale", language={"code": "de"}, components=[body("Ana", "C1")]) == 132001
    assert len(simulator.accepted) == 2


@pytest.mark.parametrize(
    "listed",
    [
        None,
        {},
        ["sale"],
        [template(name="Sale")],
        [template(language="")],
        [template(category="NEWS")],
        [template(components={})],
        [template({"type": "SIDEBAR"})],
        [template(), template(language=7)],
    ],
)
async def test_what_is_no_template_is_refused_and_nothing_is_learnt(listed: object) -> None:
    async with graph() as (simulator, client):
        status, document = await client.post("/simulator/templates", listed)
        assert (status, document["error"]["code"]) == (400, 100)
        assert not simulator.account.templates


@pytest.mark.parametrize("listed", [None, [{}], [{"id": 7}], [{"id": "7"}, {"id": "seven"}]])
async def test_what_is_no_number_is_refused(listed: object) -> None:
    async with graph() as (simulator, client):
        assert (await client.post("/simulator/phone_numbers", listed))[0] == 400
        assert not simulator.account.numbers


async def test_registered_numbers_are_what_can_send() -> None:
    async with graph() as (_, client):
        await client.post("/simulator/phone_numbers", [{"id": "5", "display_phone_number": "+91 80 4021 4021"}])
        assert await client.send(sender="5") == 200
        status, document = await client.post("/v23.0/6/messages", payload())
        assert (status, document["error"]["code"], document["error"]["error_subcode"]) == (400, 100, 33)


async def test_without_a_plus_the_senders_country_code_is_put_in_front() -> None:
    async with graph() as (simulator, client):
        await client.post("/simulator/phone_numbers", [{"id": "5", "display_phone_number": "+91 80 4021 4021"}])
        assert await client.send("16505551234", sender="5") == 200
        assert await client.send("+16505551234", sender="5") == 200
    assert [message.to for message in simulator.accepted] == ["9116505551234", "16505551234"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("account.json", json.dumps({"templates": [template(BODY)], "phone_numbers": [{"id": "5"}], "waba_id": "9"})),
        ("account.json", json.dumps({"data": [template(BODY)]})),
        ("account.json", json.dumps([template(BODY)])),
        ("account.toml", '[[templates]]\nname = "sale"\nlanguage = "en_US"\n[[phone_numbers]]\nid = "5"\n'),
    ],
)
async def test_an_account_file_is_read(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    async with graph(account=file) as (simulator, client):
        assert list(simulator.account.templates) == ["sale/en_US"]
        assert await client.send(name="other", sender="5") == 132001


@pytest.mark.parametrize("text", ["{", '"x"', '{"templates": 7}', '{"phone_numbers": [{}]}'])
def test_an_account_file_with_a_mistake_is_refused_in_words(tmp_path: Path, text: str) -> None:
    file = tmp_path / "account.json"
    file.write_text(text, encoding="utf-8")
    for path in (file, tmp_path / "missing.json"):
        with pytest.raises(BadInput) as caught:
            Account().read(path)
        assert caught.value.code in ("account_invalid", "account_unreadable")
        assert caught.value.hint
