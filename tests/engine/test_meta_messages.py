"""Every template message that Meta prints, made from a template and a row; what else it prints is named with why not.

A campaign writes a few things in one way where Meta's own examples differ among themselves; `wire` brings the examples
to that way, and each line of it says which.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.message import Composer, preview
from engine.placeholders import Filler, unmapped, used
from engine.template_reading import parse
from engine.templates import TemplateSpec, sendable
from store.types import Fill

CONTRACT = Path(__file__).parent.parent / "data" / "contract"
OPENAPI: dict[str, Any] = json.loads((CONTRACT / "meta-openapi-examples.json").read_text("utf-8"))
DOCS: dict[str, Any] = json.loads((CONTRACT / "meta-docs-examples.json").read_text("utf-8"))
TO = 16505551234


def printed() -> Iterator[tuple[str, Any]]:
    """Every example of both files with a name: group and title, or page and position."""
    for group, examples in OPENAPI.items():
        if isinstance(examples, dict):
            for title, example in examples.items():
                yield f"{group}/{title}", example
    for page, examples in DOCS.items():
        if isinstance(examples, list):
            for at, example in enumerate(examples):
                yield f"{page.rpartition('/')[2]}/{at}", example["value"]


EXAMPLES = dict(printed())
SENDS = {name: one for name, one in EXAMPLES.items() if isinstance(one, dict) and "to" in one and "type" in one}
CREATIONS = {
    name: one
    for name, one in EXAMPLES.items()
    if isinstance(one, dict) and "language" in one and isinstance(one.get("components"), list)
}
LISTED = {one["name"]: one for one in EXAMPLES["list_templates/Example response"]["value"]["data"]}
LEFT_OUT = {
    "send-messages/0": "no template: a free text, which a campaign never sends",
    "about-the-platform/0": "no template: a free text, which a campaign never sends",
    "phone-numbers/6": "no template: a free text, which a campaign never sends",
}


class Made(NamedTuple):
    """A template's definition and a row for it, by placeholder."""

    definition: dict[str, Any]
    row: dict[str, str]


def text_template(name: str, language: str, *components: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "language": language, "category": "MARKETING", "components": list(components)}


def body(text: str) -> dict[str, Any]:
    return {"type": "BODY", "text": text}


def buttons(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(items)}


IMAGE = {"type": "HEADER", "format": "IMAGE"}
QUICK_REPLY = {"type": "QUICK_REPLY", "text": "Yes"}
MONEY = {
    "body.1": "text-string",
    "body.2": "$100.99",
    "body.2.currency": "USD 100.99",
    "body.3": "February 25, 1977",
    "body.3.date_time": "1977-02-25 15:33",
}
MONEY_BODY = body("A {{1}} b {{2}} c {{3}}.")
PICTURE = {"header.media": "http(s)://the-image-url"}


def created(name: str) -> dict[str, Any]:
    return CREATIONS[name]


def renamed(name: str, new: str) -> dict[str, Any]:
    """A creation example whose send example has another name."""
    return {**CREATIONS[name], "name": new}


MADE = {
    "send_template_requests/Send Catalog Template Message": Made(
        text_template(
            "intro_catalog_offer",
            "en_US",
            body("Get {{1}} or {{2}} or {{3}} off!"),
            buttons({"type": "CATALOG", "text": "View catalog"}),
        ),
        {"body.1": "100", "body.2": "400", "body.3": "3", "button.0.product": "2lc20305pt"},
    ),
    "send_template_requests/Send Flow Template Message": Made(
        created("create_template_requests/Create Flow Template Message by ID"),
        {"button.0.flow_token": "<FLOW_TOKEN>", "button.0.flow_data": '{"<CUSTOM_KEY>": "<CUSTOM_VALUE>"}'},
    ),
    "send_template_requests/Send Message Template Interactive": Made(
        text_template(
            "template-name", "language-and-locale-code", IMAGE, MONEY_BODY, buttons(QUICK_REPLY, QUICK_REPLY)
        ),
        {
            **PICTURE,
            **MONEY,
            "button.0.payload": "aGlzIHRoaXMgaXMgY29v",
            "button.1.payload": "9rwnB8RbYmPF5t2Mn09x4h",
        },
    ),
    "send_template_requests/Send Message Template Media": Made(
        text_template("template-name", "language-and-locale-code", IMAGE, MONEY_BODY), {**PICTURE, **MONEY}
    ),
    "send_template_requests/Send Message Template Text": Made(
        text_template("template-name", "language-and-locale-code", MONEY_BODY), MONEY
    ),
    "send_template_requests/Send Sample Issue Resolution Template": Made(
        text_template(
            "sample_issue_resolution", "en_US", body("Hi {{1}}, is it solved?"), buttons(QUICK_REPLY, QUICK_REPLY)
        ),
        {"body.1": "*Mr. Jones*", "button.0.payload": "true", "button.1.payload": "false"},
    ),
    "send_template_requests/Send Sample Shipping Confirmation Template": Made(
        text_template("template-name", "language-and-locale-code", MONEY_BODY), MONEY
    ),
    "marketing_requests/Simple Template Message": Made({**LISTED["hello_world"], "language": "en"}, {}),
    "marketing_requests/Template with Product Policy": Made(
        text_template("welcome_offer", "en_US", body("Welcome!")), {}
    ),
    "marketing_requests/Parameterized Template": Made(
        text_template("promotional_offer", "en", body("{{1}}, only {{2}}!")),
        {"body.1": "John Doe", "body.2": "$25.00", "body.2.currency": "USD 25"},
    ),
    "custom-marketing-templates/4": Made(
        created("custom-marketing-templates/1"),
        {
            "header.media_id": "1339522734477770",
            "body.first_name": "Jessica",
            "body.discount_code": "WELCOME25",
            "body.discount_amount": "25%",
        },
    ),
    "media-card-carousel-templates/3": Made(
        created("media-card-carousel-templates/0"),
        {
            "body.1": "Pablo",
            "body.2": "20%",
            "body.3": "20OFF",
            "card.0.header.media_id": "1558081531584829",
            "card.0.button.0.payload": "more-aloes",
            "card.0.button.1.1": "blue-elf",
            "card.1.header.media_id": "861236878885705",
            "card.1.button.0.payload": "more-crassulas",
            "card.1.button.1.1": "buddhas-temple",
            "card.2.header.media_id": "1587064918516321",
            "card.2.button.0.payload": "more-echeverias",
            "card.2.button.1.1": "black-prince",
        },
    ),
    "limited-time-offer-templates/2": Made(
        created("limited-time-offer-templates/0"),
        {
            "header.media_id": "1602186516975000",
            "body.1": "Pablo",
            "body.2": "CARIBE25",
            "offer.expires": "1209600000",
            "button.0.code": "CARIBE25",
            "button.1.1": "n3mtql",
        },
    ),
    "coupon-templates/4": Made(
        created("coupon-templates/2"), {"body.1": "25OFF", "body.2": "25%", "button.1.code": "25OFF"}
    ),
    "utility-templates/4": Made(
        created("utility-templates/1"),
        {
            "header.media_id": "2871834006348767",
            "body.number_of_guests": "4",
            "body.day": "Saturday",
            "body.date": "August 30th, 2025",
            "body.time": "7:30 pm",
        },
    ),
    "copy-code-button-authentication-templates/3": Made(
        {
            **renamed("copy-code-button-authentication-templates/0", "<TEMPLATE_NAME>"),
            "language": "<TEMPLATE_LANGUAGE_CODE>",
        },
        {"body.1": "<ONE-TIME PASSWORD>"},
    ),
    "copy-code-button-authentication-templates/5": Made(
        renamed("copy-code-button-authentication-templates/0", "verification_code"), {"body.1": "J$FpnYnP"}
    ),
    "get-started/0": Made(
        text_template("<TEMPLATE_NAME>", "<LANGUAGE_AND_LOCALE_CODE>", body("Hello {{1}}!")),
        {"body.1": "text-string"},
    ),
}


def test_every_send_example_is_made_or_left_out_for_a_reason() -> None:
    assert len(SENDS) >= 19
    assert SENDS.keys() == MADE.keys() | LEFT_OUT.keys()
    assert not MADE.keys() & LEFT_OUT.keys()
    assert {name for name, example in SENDS.items() if example["type"] != "template"} == LEFT_OUT.keys()


def wire(example: dict[str, Any]) -> dict[str, Any]:
    """A send example the way a campaign writes it."""
    message = copy.deepcopy(example)
    # Numbers always with a plus; many examples have words in their place.
    message["to"] = f"+{message['to'].removeprefix('+')}" if message["to"].strip("+").isdigit() else f"+{TO}"
    # Left out in some examples, where it is the default.
    message["recipient_type"] = "individual"
    # They belong to the endpoint that a campaign chooses, not to template and row.
    message.pop("product_policy", None)
    message.pop("message_activity_sharing", None)
    # "deterministic" is the only policy there is, and the reference does without.
    message["template"]["language"].pop("policy", None)
    # A language is written with an underscore; this one is a word in its place.
    message["template"]["language"]["code"] = message["template"]["language"]["code"].replace("-", "_")
    parts = message["template"].get("components", [])
    for part in [*parts, *(inner for one in parts for card in one.get("cards", ()) for inner in card["components"])]:
        if part["type"] == "button":
            # Both a number and a string, and both cases, are in Meta's examples.
            part |= {"index": str(part["index"]), "sub_type": part["sub_type"].lower()}
            if part["sub_type"] == "quick_reply":
                # The reference says payload; one example has a text that is true or false.
                part["parameters"] = [
                    {"type": "payload", "payload": str(one["text"]).lower()} if one["type"] == "text" else one
                    for one in part["parameters"]
                ]
    return message


def values_of(spec: TemplateSpec, row: dict[str, str]) -> dict[str, str]:
    """What a row of a contact file with these columns puts into the template, as in a run."""
    fills = {key: Fill(column=key) for key in row}
    known = used(spec.components, spec.parameter_format, fills)
    assert unmapped(known, fills, tuple(row)) == []
    assert {one.key for one in known} >= fills.keys()
    values = Filler(known, fills, tuple(row), "Asia/Kolkata").fill(tuple(row.values()))
    assert values is not None
    return values


@pytest.mark.parametrize("name", MADE)
def test_a_template_and_a_row_make_the_message_that_meta_prints(name: str) -> None:
    made = MADE[name]
    spec = parse(made.definition)
    assert sendable(spec) is None
    expected = wire(SENDS[name])
    composer = Composer(spec.name, spec.language, spec.components, spec.parameter_format)
    message = composer.payload(values_of(spec, made.row), int(expected["to"]), "7.1.1")
    assert message.pop("biz_opaque_callback_data") == "7.1.1"
    assert json.loads(json.dumps(message)) == expected


def test_a_location_header_is_the_one_that_meta_prints() -> None:
    expected = EXAMPLES["components/6"]
    row = {f"header.{key}": value for key, value in expected["parameters"][0]["location"].items()}
    spec = parse(created("components/20"))
    row |= {"body.1": "Mark", "body.2": "566701"}
    message = Composer(spec.name, spec.language, spec.components, spec.parameter_format).payload(
        values_of(spec, row), TO, "7.1.1"
    )
    assert message["template"]["components"][0] == expected


# Definitions


def test_every_definition_is_found() -> None:
    assert len(CREATIONS) >= 20
    assert set(OPENAPI["create_template_requests"]) == {
        name.partition("/")[2] for name in CREATIONS if name.startswith("create_template_requests/")
    }


@pytest.mark.parametrize("name", [*CREATIONS, *LISTED])
def test_every_definition_is_read_and_shown_and_can_be_sent(name: str) -> None:
    definition = (CREATIONS | LISTED)[name]
    spec = parse(definition)
    assert spec.components == tuple(definition["components"])
    assert sendable(spec) is None
    shown = preview(spec.components, {})
    for part in definition["components"]:
        kind = part["type"].upper()
        # Every component is seen in the preview, whatever it is.
        seen = {
            "HEADER": shown.header,
            "BODY": shown.body,
            "FOOTER": shown.footer,
            "BUTTONS": len(shown.buttons) == len(part.get("buttons", ())) and all(shown.buttons),
            "LIMITED_TIME_OFFER": shown.offer,
            "CAROUSEL": len(shown.cards) == len(part.get("cards", ())) and all(one.header for one in shown.cards),
        }[kind]
        assert seen, f"{kind} is not in the preview"
        if kind in ("HEADER", "BODY", "FOOTER") and "text" in part:
            assert part["text"] in (shown.header, shown.body, shown.footer)
