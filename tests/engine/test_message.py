"""The message on the wire, and as its recipient will see it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.message import Composer, Preview, parse_reference, payload, preview, problems, reference
from engine.template_reading import parse
from tests.engine.test_templates import CREATIONS, DOCS, OPENAPI

LINK = "https://example.com/a.jpg"
TO = 16505551234


def wire(example: dict[str, Any]) -> dict[str, Any]:
    """One of Meta's send examples the way this program writes: plus, string indexes, lower case, media by link."""
    body: dict[str, Any] = json.loads(json.dumps(example))
    body |= {"to": f"+{body['to'].lstrip('+')}", "recipient_type": "individual", "biz_opaque_callback_data": "7.1.1"}
    for part in body["template"]["components"]:
        if part["type"] == "button":
            part |= {"index": str(part["index"]), "sub_type": part["sub_type"].lower()}
        for parameter in part["parameters"]:
            if "image" in parameter:
                parameter["image"] = {"link": LINK}
    return body


def made(creation: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    spec = parse(creation)
    return payload(spec.name, spec.language, spec.components, spec.parameter_format, values, TO, "7.1.1")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "welcome_discount_template",
            {
                "header.media": LINK,
                "body.first_name": "Jessica",
                "body.discount_code": "WELCOME25",
                "body.discount_amount": "25%",
            },
        ),
        (
            "reservation_confirmation",
            {
                "header.media": LINK,
                "body.number_of_guests": "4",
                "body.day": "Saturday",
                "body.date": "August 30th, 2025",
                "body.time": "7:30 pm",
            },
        ),
        ("coupon_code_fall2023_25off", {"body.1": "25OFF", "body.2": "25%", "button.1.code": "25OFF"}),
    ],
)
def test_payloads_are_those_of_meta_s_pages(name: str, values: dict[str, str]) -> None:
    assert made(DOCS[name]["create"], values) == wire(DOCS[name]["send"])


def test_body_header_and_url_button_are_those_of_meta_s_limited_time_offer() -> None:
    # Without the offer itself, which this program cannot fill yet.
    creation, send = (json.loads(json.dumps(DOCS["limited_time_offer"][key])) for key in ("create", "send"))
    creation["components"] = [part for part in creation["components"] if part["type"] != "limited_time_offer"]
    parts = send["template"]["components"]
    send |= {"to": "16505551234"}
    send["template"]["components"] = [part for part in parts if part["type"] != "limited_time_offer"]
    values = {
        "header.media": LINK,
        "body.1": "Pablo",
        "body.2": "CARIBE25",
        "button.0.code": "CARIBE25",
        "button.1.1": "n3mtql",
    }
    assert made(creation, values) == wire(send)


def test_body_text_and_quick_replies_are_those_of_meta_s_openapi_file() -> None:
    example = OPENAPI["send_template_requests"]["Send Message Template Interactive"]
    expected = json.loads(json.dumps(example["template"]["components"]))
    # Currency and date parameters are a thing of templates that nobody can create any more.
    expected[1]["parameters"] = expected[1]["parameters"][:1]
    components: list[dict[str, Any]] = [
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "x {{1}} y"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "A"}, {"type": "QUICK_REPLY", "text": "B"}]},
    ]
    values = {
        "header.media": "http(s)://the-image-url",
        "body.1": "text-string",
        "button.0.payload": "aGlzIHRoaXMgaXMgY29v",
        "button.1.payload": "9rwnB8RbYmPF5t2Mn09x4h",
    }
    message = payload("template-name", "de", components, "POSITIONAL", values, TO, "r")
    assert message["template"]["components"] == expected


def test_a_template_without_placeholders_has_no_components() -> None:
    hello = OPENAPI["list_templates"]["Example response"]["value"]["data"][0]
    assert made(hello, {}) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+16505551234",
        "type": "template",
        "biz_opaque_callback_data": "7.1.1",
        "template": {"name": "hello_world", "language": {"code": "en_US"}},
    }


def test_a_quick_reply_without_a_payload_is_left_out() -> None:
    creation = CREATIONS["Create template w/ text header, text body, text footer, and 2 quick reply buttons"]
    values = {"header.1": "Sale", "body.1": "a", "body.2": "b", "body.3": "c", "button.1.payload": "all"}
    parts = made(creation, values)["template"]["components"]
    assert [(part["type"], part.get("index")) for part in parts] == [("header", None), ("body", None), ("button", "1")]


@pytest.mark.parametrize("form", ["image", "video", "document"])
def test_media_go_by_link(form: str) -> None:
    components = [{"type": "header", "format": form.upper()}]
    (part,) = payload("t", "en", components, "POSITIONAL", {"header.media": LINK}, TO, "r")["template"]["components"]
    assert part == {"type": "header", "parameters": [{"type": form, form: {"link": LINK}}]}


def test_a_document_may_have_a_name() -> None:
    values = {"header.media": LINK, "header.filename": "Bill.pdf"}
    components = [{"type": "header", "format": "DOCUMENT"}]
    (part,) = payload("t", "en", components, "POSITIONAL", values, TO, "r")["template"]["components"]
    assert part["parameters"][0]["document"] == {"link": LINK, "filename": "Bill.pdf"}


def test_a_location_header() -> None:
    place = {"latitude": "52.5", "longitude": "13.4", "name": "Office", "address": "Hauptstr. 1"}
    values = {f"header.{key}": value for key, value in place.items()}
    (part,) = payload("t", "en", [{"type": "HEADER", "format": "LOCATION"}], "POSITIONAL", values, TO, "r")["template"][
        "components"
    ]
    assert part == {"type": "header", "parameters": [{"type": "location", "location": place}]}


def test_R37_a_message_with_a_hole_is_never_made() -> None:
    composer = Composer("t", "en", [{"type": "BODY", "text": "{{1}} {{2}}"}], "POSITIONAL")
    with pytest.raises(KeyError):
        composer.payload({"body.1": "a"}, TO, "r")


def test_one_composer_serves_every_row_of_a_run() -> None:
    composer = Composer("t", "en", [{"type": "BODY", "text": "{{1}}"}], "POSITIONAL")
    first, second = (composer.payload({"body.1": text}, TO, text) for text in ("a", "b"))
    assert first["template"]["components"][0]["parameters"] == [{"type": "text", "text": "a"}]
    assert second["template"]["components"][0]["parameters"] == [{"type": "text", "text": "b"}]


@given(st.integers(0, 10**12), st.integers(0, 10**9), st.integers(0, 99))
def test_a_reference_leads_back_to_its_row(campaign: int, seq: int, attempt: int) -> None:
    text = reference(campaign, seq, attempt)
    assert parse_reference(text) == (campaign, seq, attempt)
    assert len(text) <= 512


@pytest.mark.parametrize("text", ["", "1.2", "1.2.3.4", "c1.2.3", "1.2.-3", "1.2.3\n", "١.2.3", "9" * 30 + ".1.1"])
def test_a_reference_of_somebody_else_is_none_of_ours(text: str) -> None:
    assert parse_reference(text) is None


def test_the_preview_is_what_the_recipient_will_see() -> None:
    creation = CREATIONS["Create template w/ text header, text body, text footer, and 2 quick reply buttons"]
    values = {"header.1": "Sale", "body.1": "[b]May[/b]", "body.3": "25%"}
    assert preview(creation["components"], values) == Preview(
        "Our Sale is on!",
        "Shop now through [b]May[/b] and use code {{2}} to get 25% off of all merchandise.",
        "Use the buttons below to manage your marketing subscriptions",
        ("Unsubcribe from Promos", "Unsubscribe from All"),
    )


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert preview([{"type": "BODY", "text": "{{1}} {{2}}"}], {"body.1": "{{2}}", "body.2": "x"}).body == "{{2}} x"


@pytest.mark.parametrize(
    ("form", "values", "header"),
    [
        ("IMAGE", {"header.media": LINK}, f"[image: {LINK}]"),
        ("VIDEO", {}, "[video: {{media}}]"),
        ("LOCATION", {"header.name": "Office"}, "[location: Office, {{address}}]"),
    ],
)
def test_the_preview_of_a_header_that_is_no_text(form: str, values: dict[str, str], header: str) -> None:
    assert preview([{"type": "HEADER", "format": form}], values).header == header


def test_the_preview_shows_what_a_button_copies() -> None:
    components = DOCS["coupon_code_fall2023_25off"]["create"]["components"]
    assert preview(components, {"button.1.code": "X1"}).buttons == ("Unsubscribe", "Copy code: X1")


def test_a_message_within_the_limits_has_no_problems() -> None:
    assert problems([{"type": "BODY", "text": "{{1}}"}], {"body.1": "x" * 1_024}) == []
    assert problems([{"type": "BODY", "text": "{{1}}"}], {}) == []


@pytest.mark.parametrize(
    ("component", "values", "part"),
    [
        ({"type": "BODY", "text": "{{1}}!"}, {"body.1": "x" * 1_024}, "1,025 characters"),
        ({"type": "HEADER", "format": "TEXT", "text": "{{1}}"}, {"header.1": "x" * 61}, "61 characters"),
        ({"type": "HEADER", "format": "IMAGE"}, {"header.media": "a.jpg"}, "whole link"),
        ({"type": "HEADER", "format": "IMAGE"}, {"header.media": "https://a b"}, "whole link"),
        ({"type": "HEADER", "format": "LOCATION"}, {"header.latitude": "91"}, "latitude"),
        ({"type": "HEADER", "format": "LOCATION"}, {"header.longitude": "east"}, "longitude"),
        ({"type": "BUTTONS", "buttons": [{"type": "COPY_CODE"}]}, {"button.0.code": "x" * 16}, "15 characters"),
        (
            {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x/{{1}}"}]},
            {"button.0.1": "a b"},
            "spaces",
        ),
        (
            {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x/{{1}}"}]},
            {"button.0.1": "a" * 2_000},
            "2,000",
        ),
    ],
)
def test_what_whatsapp_would_refuse_is_said_beforehand(
    component: dict[str, Any], values: dict[str, str], part: str
) -> None:
    (problem,) = problems([component], values)
    assert part in problem
