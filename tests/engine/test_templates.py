"""Templates in the Cloud API's own shape (R23)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadInput
from engine.template_reading import load, parse
from engine.templates import TemplateSpec, buttons, media, names_in, sendable, status_words

CONTRACT = Path(__file__).parent.parent / "data" / "contract"
OPENAPI: dict[str, Any] = json.loads((CONTRACT / "meta-openapi-examples.json").read_text("utf-8"))
DOCS: dict[str, Any] = json.loads((CONTRACT / "meta-docs-templates.json").read_text("utf-8"))
CREATIONS: dict[str, dict[str, Any]] = OPENAPI["create_template_requests"] | {
    name: pair["create"] for name, pair in DOCS.items() if name != "_source"
}
BODY = {"type": "BODY", "text": "Hello"}


def template(**changes: Any) -> dict[str, Any]:
    return {"name": "greeting", "language": "en_US", "category": "MARKETING", "components": [BODY], **changes}


@pytest.mark.parametrize("name", CREATIONS)
def test_every_creation_request_of_meta_s_is_read(name: str) -> None:
    spec = parse(CREATIONS[name])
    assert spec.name == CREATIONS[name]["name"]
    assert spec.language == CREATIONS[name]["language"]
    assert spec.components == tuple(CREATIONS[name]["components"])
    assert spec.category in ("MARKETING", "UTILITY", "AUTHENTICATION")


def test_every_item_of_meta_s_list_is_read() -> None:
    page = OPENAPI["list_templates"]["Example response"]["value"]
    specs = [parse(item) for item in page["data"]]
    assert [(spec.name, spec.status, spec.language) for spec in specs] == [
        ("hello_world", "APPROVED", "en_US"),
        ("2023_april_promo", "APPROVED", "en_US"),
    ]


def test_R23_a_creation_request_from_a_file_counts_as_approved() -> None:
    assert parse(template()).status == "APPROVED"


@pytest.mark.parametrize("status", ["PENDING", "paused", "SOMETHING_NEW"])
def test_R23_a_status_is_kept_whatever_it_is(status: str) -> None:
    assert parse(template(status=status)).status == status.upper()


def test_the_parts_of_a_list_item() -> None:
    item = template(id="1", quality_score={"score": "GREEN", "date": 1}, parameter_format="named", extra=[1])
    assert parse(item) == TemplateSpec("greeting", "en_US", "APPROVED", "MARKETING", "NAMED", (BODY,), "GREEN")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Hi {{1}}", "POSITIONAL"), ("Hi", "POSITIONAL"), ("Hi {{first_name}}", "NAMED"), ("Hi {{ name }}", "NAMED")],
)
def test_without_a_parameter_format_the_placeholders_tell(text: str, expected: str) -> None:
    assert parse(template(components=[{"type": "BODY", "text": text}])).parameter_format == expected
    assert parse(template(components=[BODY], parameter_format="NAMED")).parameter_format == "NAMED"


@pytest.mark.parametrize(
    "language", ["en-US", {"code": "en_US"}, {"policy": "deterministic", "code": "en_US"}, " en_US "]
)
def test_a_language_is_read_in_every_spelling(language: object) -> None:
    assert parse(template(language=language)).language == "en_US"


@pytest.mark.parametrize(
    "data",
    [
        {},
        template(name=""),
        template(name=7),
        template(language=None),
        template(language={}),
        template(components=None),
        template(components={}),
        template(components=[]),
        template(components=["BODY"]),
        template(components=[{"text": "no type"}]),
    ],
)
def test_what_is_no_template_is_refused_with_an_example(data: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        parse(data)
    assert caught.value.code == "not_a_template"
    assert '"components"' in caught.value.hint


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (template(), ["greeting"]),
        ([template(), template(name="b")], ["greeting", "b"]),
        ({"data": [template()], "paging": {}}, ["greeting"]),
    ],
)
def test_a_file_holds_one_template_a_list_or_a_page(tmp_path: Path, data: object, names: list[str]) -> None:
    file = tmp_path / "t.json"
    file.write_text("\ufeff" + json.dumps(data), encoding="utf-8")
    assert [spec.name for spec in load(file)] == names


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_a_template"),
        (b"[1]", "not_a_template"),
        (b'"x"', "not_a_template"),
        (b'{"data": []}', "not_a_template"),
    ],
)
def test_a_file_that_holds_none_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "t.json"
    file.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        load(file)
    assert caught.value.code == code


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path / "none.json")
    assert caught.value.code == "unreadable_file"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("IMAGE", "image"),
        ("video", "video"),
        ("DOCUMENT", "document"),
        ("LOCATION", "location"),
        ("TEXT", ""),
        ("GIF", "video"),
        ("PRODUCT", ""),
    ],
)
def test_the_media_of_a_header(form: str, expected: str) -> None:
    header = {"type": "header", "format": form}
    assert media([header, BODY]) == expected
    assert media([BODY]) == ""
    # R26: a carousel costs what its first card's header makes a message cost.
    assert media([BODY, {"type": "carousel", "cards": [{"components": [header]}] * 2}]) == expected


@pytest.mark.parametrize(
    ("components", "part"),
    [
        ([BODY, {"type": "BUTTONS", "buttons": [{"type": "APP", "text": "Open"}]}], "a button that opens an app"),
        ([BODY, {"type": "BUTTONS", "buttons": [{"type": "ORDER_DETAILS", "text": "Pay"}]}], "an order with payment"),
        ([BODY, {"type": "CAROUSEL", "cards": [{"components": [BODY]}]}], "a carousel of 1 card; WhatsApp takes 2 to"),
        ([BODY, {"type": "CAROUSEL", "cards": [{"components": [BODY]}] * 11}], "a carousel of 11 cards"),
        ([BODY, {"type": "CAROUSEL", "cards": [{"components": [{"type": "FOOTER"}]}] * 2}], "of the kind FOOTER"),
        (
            [BODY, {"type": "CAROUSEL", "cards": [{"components": [{"type": "HEADER", "format": "AUDIO"}]}] * 2}],
            "of the kind AUDIO",
        ),
    ],
)
def test_what_cannot_be_filled_is_said_in_a_sentence(components: list[dict[str, Any]], part: str) -> None:
    reason = sendable(parse(template(components=components)))
    assert reason is not None
    assert part in reason
    assert reason.endswith(".")


@pytest.mark.parametrize(
    ("component", "problem"),
    [
        ({"type": "CAROUSEL"}, "without a list of cards"),
        ({"type": "CAROUSEL", "cards": ["a card"]}, "a card without a list of components"),
        ({"type": "CAROUSEL", "cards": [{"components": []}]}, "a card without a list of components"),
        ({"type": "CAROUSEL", "cards": [{"components": [{"text": "x"}]}]}, "a component without a type"),
        ({"type": "CAROUSEL", "cards": [{"components": [{"type": "carousel"}]}]}, "a carousel in a card"),
        ({"type": "CAROUSEL", "cards": [{"components": [{"type": "BODY", "text": 7}]}]}, "a card with a BODY"),
        ({"type": "limited_time_offer"}, "a LIMITED_TIME_OFFER without its offer"),
    ],
)
def test_a_card_or_an_offer_of_the_wrong_kind_is_refused(component: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(template(components=[BODY, component]))
    assert caught.value.code == "not_a_template"
    assert problem in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "welcome_discount_template",
        "reservation_confirmation",
        "coupon_code_fall2023_25off",
        "Create template w/ image header, text body, text footer, and 2 call-to-action buttons",
        "Create template w/ location header, text body, text footer, and a website buttons",
        "Create template w/ document header, text body, a phone number button, and a URL button",
    ],
)
def test_ordinary_templates_can_be_sent(name: str) -> None:
    assert sendable(parse(CREATIONS[name])) is None


@pytest.mark.parametrize(
    "components",
    [
        [{"type": "HOLOGRAM"}],
        [{"type": "HEADER", "format": "AUDIO"}],
        [{"type": "BUTTONS", "buttons": [{"type": "TELEPORT", "text": "Go"}]}],
    ],
)
def test_unknown_parts_are_kept_but_not_sent(components: list[dict[str, Any]]) -> None:
    spec = parse(template(components=components))
    assert spec.components == tuple(components)
    assert sendable(spec) is not None


def test_an_unknown_placeholder_format_is_not_sent() -> None:
    assert sendable(parse(template(parameter_format="RUNES"))) is not None


def test_odd_buttons_do_no_harm() -> None:
    assert buttons([{"type": "BUTTONS"}]) == []
    assert buttons([{"type": "BUTTONS", "buttons": ["x", {"type": "url"}]}]) == [(1, "URL", {"type": "url"})]


def test_names_of_placeholders_come_once_and_in_order() -> None:
    assert names_in("{{2}} {{1}} {{ 2 }} {{a_b}} {} {{}} {{a b}}") == ["2", "1", "a_b"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("APPROVED", "approved"),
        ("paused", "paused by WhatsApp for low quality"),
        ("BRAND_NEW", "brand new"),
        ("", "of unknown status"),
    ],
)
def test_R23_a_status_in_words(status: str, words: str) -> None:
    assert status_words(status) == words
