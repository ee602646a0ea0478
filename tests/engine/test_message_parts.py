"""Carousels, offers, products, Flows, passwords and uploaded files: keys, wire form, preview, limits."""

from __future__ import annotations

from typing import Any

import pytest

from engine.message import Composer, preview, problems
from engine.placeholders import Filler, canonical_key, extras, placeholders, unmapped
from engine.preview import Preview
from engine.template_reading import parse
from engine.templates import only_by_marketing, sendable
from store.types import Fill
from tests.engine.test_meta_messages import CREATIONS

TO = 16505551234
BODY = {"type": "BODY", "text": "Hello"}
NOW = 1_795_424_400_000
CAROUSEL = CREATIONS["media-card-carousel-templates/0"]["components"]
OFFER = CREATIONS["limited-time-offer-templates/0"]["components"]
OTP = CREATIONS["create_template_requests/Create authentication template w/ OTP one-tap autofill button"]["components"]
LISTED_OTP = [
    {"type": "BODY", "text": "*{{1}}* is your verification code.", "add_security_recommendation": True},
    {
        "type": "BUTTONS",
        "buttons": [
            {
                "type": "URL",
                "text": "Copy code",
                "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}",
            }
        ],
    },
]
MPM = CREATIONS["create_template_requests/Create multi-product message template"]["components"]
PRODUCT: list[dict[str, Any]] = [
    {"type": "HEADER", "format": "PRODUCT"},
    BODY,
    {"type": "BUTTONS", "buttons": [{"type": "SPM"}]},
]
SECTIONS = '[{"title":"New","product_items":[{"product_retailer_id":"a"},{"product_retailer_id":"b"}]}]'


def button(kind: str, **more: Any) -> list[dict[str, Any]]:
    return [BODY, {"type": "BUTTONS", "buttons": [{"type": kind, "text": "Go", **more}]}]


def keys(components: list[dict[str, Any]], *, required: bool = True) -> list[str]:
    return [one.key for one in placeholders(components, "POSITIONAL") if one.required is required]


def parts(components: list[dict[str, Any]], values: dict[str, str]) -> list[dict[str, Any]]:
    message = Composer("t", "en", components, "POSITIONAL").payload(values, TO, "r")
    found: list[dict[str, Any]] = message["template"].get("components", [])
    return found


# Keys


def test_R25_every_card_of_a_carousel_has_its_own_placeholders() -> None:
    assert keys(CAROUSEL) == [
        "body.1",
        "body.2",
        "body.3",
        *(f"card.{at}.{key}" for at in range(3) for key in ("header.media", "button.1.1")),
    ]
    assert keys(CAROUSEL, required=False) == [
        f"card.{at}.{key}" for at in range(3) for key in ("header.media_id", "button.0.payload")
    ]
    found = {one.key: one for one in placeholders(CAROUSEL, "POSITIONAL")}
    assert found["card.1.button.1.1"].example == "BUDDHA"
    assert (found["card.1.button.1.1"].card, found["card.1.button.1.1"].index, found["body.1"].card) == (1, 1, None)


@pytest.mark.parametrize(
    ("components", "required", "optional"),
    [
        (
            OFFER,
            ["header.media", "body.1", "body.2", "offer.expires", "button.0.code", "button.1.1"],
            ["header.media_id"],
        ),
        ([{"type": "limited_time_offer", "limited_time_offer": {"text": "x"}}], [], []),
        (
            [{"type": "limited_time_offer", "limited_time_offer": {"text": "x", "has_expiration": False}}],
            [],
            ["offer.expires"],
        ),
        (OTP, ["body.1"], []),
        (LISTED_OTP, ["body.1"], []),
        (button("FLOW"), [], ["button.0.flow_token", "button.0.flow_data"]),
        (button("CATALOG"), [], ["button.0.product"]),
        (MPM, ["header.1", "body.1", "button.0.product", "button.0.sections"], []),
        (PRODUCT, ["header.product", "header.catalog"], []),
        ([BODY, {"type": "CALL_PERMISSION_REQUEST"}], [], []),
    ],
)
def test_R25_the_placeholders_of_each_part(
    components: list[dict[str, Any]], required: list[str], optional: list[str]
) -> None:
    assert keys(components) == required
    assert keys(components, required=False) == optional
    assert sendable(parse({"name": "t", "language": "en", "components": components})) is None


def test_money_and_time_are_taken_where_they_are_named_and_never_asked_for() -> None:
    components = [{"type": "BODY", "text": "{{1}}"}]
    known, more = placeholders(components, "POSITIONAL"), extras(components, "POSITIONAL")
    assert [one.key for one in more] == ["body.1.currency", "body.1.date_time"]
    assert canonical_key("1.currency", known, more) == "body.1.currency"
    assert canonical_key("1", known, more) == "body.1"


# An uploaded file


@pytest.mark.parametrize("prefix", ["", "card.1."])
def test_R25_an_uploaded_file_stands_in_for_the_link(prefix: str) -> None:
    image = {"type": "HEADER", "format": "IMAGE"}
    card = {"components": [image]}
    cards: dict[str, Any] = {"type": "CAROUSEL", "cards": [{"components": [BODY]}, card]}
    components: list[dict[str, Any]] = [BODY, cards] if prefix else [image, BODY]
    known = placeholders(components, "POSITIONAL")
    link, uploaded = f"{prefix}header.media", f"{prefix}header.media_id"
    assert [one.key for one in unmapped(known, {}, ())] == [link]
    assert unmapped(known, {link: Fill(fixed="https://x/a.jpg")}, ()) == []
    assert unmapped(known, {uploaded: Fill(fixed="123")}, ()) == []
    both = {link: Fill(fixed="https://x/a.jpg"), uploaded: Fill(column="File")}
    # As required as the link it stands in for.
    assert Filler(known, both, ("File",)).fill(("",)) is None
    assert Filler(known, both, ("File",)).fill(("123",)) == {uploaded: "123"}


@pytest.mark.parametrize("form", ["image", "video", "document", "gif"])
def test_media_go_by_the_id_of_an_upload(form: str) -> None:
    header = {"type": "HEADER", "format": form.upper()}
    (part,) = parts([header], {"header.media_id": "123"})
    assert part == {"type": "header", "parameters": [{"type": form, form: {"id": "123"}}]}
    assert preview([header], {"header.media_id": "123"}).header == f"[{form}: uploaded file 123]"
    assert only_by_marketing([header]) is (form == "gif")


# On the wire


def test_a_product_list() -> None:
    values = {"header.1": "Pablo", "body.1": "10OFF", "button.0.product": "a", "button.0.sections": SECTIONS}
    assert parts(MPM, values)[-1] == {
        "type": "button",
        "sub_type": "mpm",
        "index": "0",
        "parameters": [
            {
                "type": "action",
                "action": {
                    "thumbnail_product_retailer_id": "a",
                    "sections": [
                        {
                            "title": "New",
                            "product_items": [{"product_retailer_id": "a"}, {"product_retailer_id": "b"}],
                        }
                    ],
                },
            }
        ],
    }


@pytest.mark.parametrize("hole", ["button.0.product", "button.0.sections"])
def test_R37_a_product_list_with_a_hole_is_never_made(hole: str) -> None:
    values = {"header.1": "Pablo", "body.1": "10OFF", "button.0.product": "a", "button.0.sections": SECTIONS}
    del values[hole]
    with pytest.raises(KeyError):
        parts(MPM, values)


def test_R37_an_offer_or_a_card_with_a_hole_is_never_made() -> None:
    with pytest.raises(KeyError):
        parts([{"type": "limited_time_offer", "limited_time_offer": {"text": "x", "has_expiration": True}}], {})
    with pytest.raises(KeyError):
        parts(CAROUSEL, {"body.1": "a", "body.2": "b", "body.3": "c"})


def test_a_single_product_goes_in_the_header() -> None:
    assert parts(PRODUCT, {"header.product": "sku1", "header.catalog": "194836987003835"}) == [
        {
            "type": "header",
            "parameters": [
                {"type": "product", "product": {"product_retailer_id": "sku1", "catalog_id": "194836987003835"}}
            ],
        }
    ]


def test_a_catalogue_button_without_a_product_takes_the_catalogue_s_first() -> None:
    assert parts(button("CATALOG"), {}) == [{"type": "button", "sub_type": "catalog", "index": "0"}]


def test_a_flow_without_a_token_gets_meta_s_own_word_for_none() -> None:
    (part,) = parts(button("FLOW"), {})
    assert part["parameters"] == [{"type": "action", "action": {"flow_token": "unused"}}]


@pytest.mark.parametrize("components", [OTP, LISTED_OTP])
def test_a_password_goes_in_the_body_and_in_the_button(components: list[dict[str, Any]]) -> None:
    assert parts(components, {"body.1": "123456"}) == [
        {"type": "body", "parameters": [{"type": "text", "text": "123456"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "123456"}]},
    ]


def test_named_values_may_be_money_too() -> None:
    components = [{"type": "BODY", "text": "Only {{price}}!"}]
    values = {"body.price": "5 €", "body.price.currency": '{"code":"EUR","amount_1000":5000}'}
    message = Composer("t", "en", components, "NAMED").payload(values, TO, "r")
    assert message["template"]["components"][0]["parameters"] == [
        {
            "parameter_name": "price",
            "type": "currency",
            "currency": {"fallback_value": "5 €", "code": "EUR", "amount_1000": 5000},
        }
    ]


def test_every_card_goes_even_one_without_a_value() -> None:
    cards = [{"components": [BODY]}, {"components": [{"type": "BODY", "text": "{{1}}"}]}]
    (part,) = parts([BODY, {"type": "CAROUSEL", "cards": cards}], {"card.1.body.1": "x"})
    assert part["cards"] == [
        {"card_index": 0, "components": []},
        {"card_index": 1, "components": [{"type": "body", "parameters": [{"type": "text", "text": "x"}]}]},
    ]


# The preview


def test_the_preview_of_a_carousel_shows_every_card() -> None:
    values = {"body.1": "Ana", "card.0.header.media": "https://x/a.jpg", "card.1.header.media_id": "9"}
    shown = preview(CAROUSEL, values)
    assert shown.body.startswith("Rare succulents for sale! Ana,")
    assert shown.cards == (
        Preview("[image: https://x/a.jpg]", "", "", ("Send me more like this!", "Shop")),
        Preview("[image: uploaded file 9]", "", "", ("Send me more like this!", "Shop")),
        Preview("[image: {{media}}]", "", "", ("Send me more like this!", "Shop")),
    )


def test_the_preview_of_an_offer_says_when_it_ends_in_the_account_s_zone() -> None:
    assert preview(OFFER, {}).offer == "Expiring offer! · ends {{expires}}"
    ends = {"offer.expires": "1798761540000"}
    assert preview(OFFER, ends, "UTC").offer == "Expiring offer! · ends Thu 31 Dec 2026, 23:59"
    assert preview(OFFER, ends, "Asia/Kolkata").offer == "Expiring offer! · ends Fri 1 Jan 2027, 05:29"


@pytest.mark.parametrize(
    ("components", "values", "label"),
    [
        (button("CATALOG"), {}, "Go"),
        ([BODY, {"type": "BUTTONS", "buttons": [{"type": "CATALOG"}]}], {}, "View catalog"),
        (MPM, {"button.0.sections": SECTIONS}, "View items: 2 products"),
        (MPM, {}, "View items"),
        (PRODUCT, {}, "View"),
        (button("FLOW"), {}, "Go"),
        (OTP, {"body.1": "123"}, "Copy Code"),
    ],
)
def test_the_preview_of_buttons(components: list[dict[str, Any]], values: dict[str, str], label: str) -> None:
    assert preview(components, values).buttons == (label,)


def test_the_preview_of_a_password_is_what_whatsapp_writes() -> None:
    shown = preview(OTP, {"body.1": "123456"})
    assert shown.body == "123456 is your verification code. For your security, do not share this code."
    assert shown.footer == "This code expires in 10 minutes."


def test_the_preview_of_a_product_and_of_a_request_to_call() -> None:
    assert preview(PRODUCT, {"header.product": "sku1"}).header == "[product: sku1]"
    assert "may call" in preview([BODY, {"type": "CALL_PERMISSION_REQUEST"}], {}).note


# Limits


@pytest.mark.parametrize(
    ("components", "values", "part"),
    [
        (OFFER, {"offer.expires": str(NOW)}, "ended already"),
        (OFFER, {"offer.expires": str(NOW // 1000 + 86_400)}, "milliseconds"),
        (OTP, {"body.1": "1" * 16}, "password is longer than 15"),
        (MPM, {"button.0.product": "x" * 101}, "longer than 100"),
        (MPM, {"button.0.sections": SECTIONS.replace("New", "N" * 25)}, "longer than 24"),
        (MPM, {"button.0.sections": "[" + ",".join([SECTIONS[1:-1]] * 11) + "]"}, "11 sections"),
        (PRODUCT, {"header.product": "x" * 101}, "longer than 100"),
        (PRODUCT, {"header.catalog": "main"}, "must be its number"),
        ([{"type": "HEADER", "format": "IMAGE"}], {"header.media_id": "a b"}, "no id has"),
        (CAROUSEL, {"card.2.header.media": "a.jpg"}, "header of card 2 needs a whole link"),
        (CAROUSEL, {"card.0.button.1.1": "a b"}, "button 1 of card 0 has spaces"),
        (CAROUSEL, {"card.0.button.0.payload": "a" * 257}, "button 0 of card 0 answers with is longer than 256"),
        (
            [BODY, {"type": "CAROUSEL", "cards": [{"components": [{"type": "BODY", "text": "{{1}}!"}]}] * 2}],
            {"card.1.body.1": "x" * 160},
            "card 1 is 161 characters",
        ),
    ],
)
def test_what_whatsapp_would_refuse_is_said_beforehand(
    components: list[dict[str, Any]], values: dict[str, str], part: str
) -> None:
    (problem,) = problems(components, values, NOW)
    assert part in problem and problem.endswith(".")


def test_an_offer_that_ends_later_is_no_problem() -> None:
    assert problems(OFFER, {"offer.expires": str(NOW + 1)}, NOW) == []
    assert problems(OFFER, {"offer.expires": str(NOW - 1)}) == []


def test_thirty_products_are_taken_and_no_more() -> None:
    item = '{"product_retailer_id":"a"}'
    for n, expected in ((30, 0), (31, 1)):
        sections = f'[{{"title":"New","product_items":[{",".join([item] * n)}]}}]'
        assert len(problems(MPM, {"button.0.sections": sections})) == expected
