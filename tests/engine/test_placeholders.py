"""Placeholders and what fills them (R25, R37)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.placeholders import Filler, Placeholder, canonical_key, clean_value, placeholders, suggest, unmapped
from store.types import Fill
from tests.engine.test_templates import CREATIONS

COLUMNS = ("Name", "Phone number", "Coupon Code")
HEADER = {"type": "HEADER", "format": "TEXT", "text": "Our {{1}}", "example": {"header_text": ["Sale"]}}
BODY = {"type": "BODY", "text": "Hi {{2}} and {{1}}, {{2}}!", "example": {"body_text": [["Asha", "C1"]]}}
BUTTONS = {
    "type": "BUTTONS",
    "buttons": [
        {"type": "QUICK_REPLY", "text": "Stop"},
        {"type": "URL", "text": "Shop", "url": "https://x.example/{{1}}", "example": ["https://x.example/a"]},
        {"type": "URL", "text": "Plain", "url": "https://x.example/"},
        {"type": "COPY_CODE", "example": "CODE"},
        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+49"},
    ],
}
KNOWN = placeholders([HEADER, BODY, BUTTONS], "POSITIONAL")
HI = placeholders([{"type": "BODY", "text": "Hi {{1}}"}], "POSITIONAL")


def keys(components: list[dict[str, Any]], parameter_format: str = "POSITIONAL", *, required: bool = True) -> list[str]:
    return [item.key for item in placeholders(components, parameter_format) if item.required is required]


def test_R25_every_placeholder_of_header_body_and_buttons_is_found() -> None:
    assert [item.key for item in KNOWN if item.required] == [
        "header.1",
        "body.1",
        "body.2",
        "button.1.1",
        "button.3.code",
    ]


def test_R25_positional_ones_come_by_number_each_once_with_their_examples() -> None:
    assert KNOWN[:3] == (
        Placeholder("header.1", "header", None, "1", "Sale"),
        Placeholder("body.1", "body", None, "1", "Asha"),
        Placeholder("body.2", "body", None, "2", "C1"),
    )
    many = {"type": "BODY", "text": "{{10}} {{9}} {{2}}"}
    assert keys([many]) == ["body.2", "body.9", "body.10"]


def test_R25_named_ones_are_called_by_their_names() -> None:
    template = CREATIONS["welcome_discount_template"]
    found = placeholders(template["components"], "NAMED")
    assert [(item.key, item.example) for item in found if item.required] == [
        ("header.media", ""),
        ("body.first_name", "Pablo"),
        ("body.discount_code", "WELCOME20"),
        ("body.discount_amount", "20%"),
    ]


@pytest.mark.parametrize(
    ("form", "required", "optional"),
    [
        ("IMAGE", ["header.media"], ["header.media_id"]),
        ("video", ["header.media"], ["header.media_id"]),
        ("gif", ["header.media"], ["header.media_id"]),
        ("DOCUMENT", ["header.media"], ["header.media_id", "header.filename"]),
        ("PRODUCT", ["header.product", "header.catalog"], []),
        ("LOCATION", ["header.latitude", "header.longitude", "header.name", "header.address"], []),
        ("TEXT", [], []),
    ],
)
def test_R25_a_header_that_is_no_text_needs_its_own_values(form: str, required: list[str], optional: list[str]) -> None:
    header = {"type": "header", "format": form}
    assert keys([header]) == required
    assert keys([header], required=False) == optional


def test_a_quick_reply_may_have_a_payload_but_needs_none() -> None:
    assert keys([BUTTONS], required=False) == ["button.0.payload"]
    assert unmapped(placeholders([{"type": "BUTTONS", "buttons": [BUTTONS["buttons"][0]]}], "POSITIONAL"), {}, ()) == []


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("1", "body.1"),
        ("body.1", "body.1"),
        ("{{2}}", "body.2"),
        ("header.1", "header.1"),
        (" Button.1.1 ", "button.1.1"),
    ],
)
def test_without_a_prefix_the_body_is_meant(typed: str, key: str) -> None:
    assert canonical_key(typed, KNOWN) == key


@pytest.mark.parametrize("typed", ["3", "header.2", "button.2.1", "name", "", "body."])
def test_an_unknown_placeholder_is_refused_with_the_ones_there_are(typed: str) -> None:
    with pytest.raises(BadInput) as caught:
        canonical_key(typed, KNOWN)
    assert caught.value.code == "unknown_placeholder"
    assert "header.1, body.1" in caught.value.hint


@pytest.mark.parametrize(
    "fill", [Fill(column="Name"), Fill(column="coupon_code"), Fill(fixed="Friday"), Fill(fallback="there")]
)
def test_R25_a_column_a_fixed_text_or_a_fallback_is_enough(fill: Fill) -> None:
    assert unmapped(HI, {"body.1": fill}, COLUMNS) == []


@pytest.mark.parametrize(
    "fills", [{}, {"body.1": Fill()}, {"body.1": Fill(fixed=" ", fallback="\n")}, {"body.2": Fill(fixed="x")}]
)
def test_R25_an_unmapped_placeholder_is_a_problem(fills: dict[str, Fill]) -> None:
    (problem,) = unmapped(HI, fills, COLUMNS)
    assert (problem.code, problem.key) == ("unmapped_placeholder", "body.1")
    assert "--map body.1=COLUMN" in problem.hint


def test_R25_a_column_that_is_not_there_is_a_problem_even_with_a_fallback() -> None:
    (problem,) = unmapped(HI, {"body.1": Fill(column="Vorname", fallback="x")}, COLUMNS)
    assert (problem.code, problem.key) == ("no_such_column", "body.1")
    assert "Coupon Code" in problem.hint


def test_R25_all_problems_come_at_once() -> None:
    assert [problem.key for problem in unmapped(KNOWN, {}, COLUMNS)] == [
        "header.1",
        "body.1",
        "body.2",
        "button.1.1",
        "button.3.code",
    ]


def filled(fill: Fill, cells: list[str]) -> dict[str, str] | None:
    return Filler(HI, {"body.1": fill}, COLUMNS).fill(cells)


def test_R37_a_cell_fills_its_placeholder() -> None:
    assert filled(Fill(column="Name", fallback="there"), ["Asha", "+49", "C1"]) == {"body.1": "Asha"}
    assert filled(Fill(column="coupon code"), ["Asha", "+49", "C1"]) == {"body.1": "C1"}


@pytest.mark.parametrize("blank", ["", " ", "\u00a0\t\n", "\x1b"])
def test_R37_a_blank_cell_takes_its_fallback(blank: str) -> None:
    assert filled(Fill(column="Name", fallback="there"), [blank]) == {"body.1": "there"}


@pytest.mark.parametrize("blank", ["", " ", "\u00a0\t\n", "\x1b"])
def test_R37_a_blank_cell_without_a_fallback_skips_the_row(blank: str) -> None:
    assert filled(Fill(column="Name"), [blank]) is None
    assert filled(Fill(column="Name", fallback=" "), [blank]) is None


def test_R37_a_row_that_is_too_short_has_blank_cells() -> None:
    assert filled(Fill(column="Coupon Code"), ["Asha"]) is None
    assert filled(Fill(column="Coupon Code", fallback="x"), ["Asha"]) == {"body.1": "x"}


def test_R25_a_fixed_text_is_the_same_for_every_row() -> None:
    assert filled(Fill(fixed="Friday", column="Name"), ["Asha"]) == {"body.1": "Friday"}
    assert filled(Fill(fallback="there"), ["Asha"]) == {"body.1": "there"}


def test_R37_a_message_with_a_hole_is_never_made() -> None:
    assert Filler(HI, {}, COLUMNS).fill(["Asha"]) is None
    assert Filler(HI, {"body.1": Fill(column="gone")}, COLUMNS).fill(["Asha"]) is None


def test_an_optional_value_is_left_out_when_blank() -> None:
    known = placeholders([BUTTONS], "POSITIONAL")
    fills = {
        "button.0.payload": Fill(column="Name"),
        "button.1.1": Fill(fixed="a"),
        "button.3.code": Fill(column="Coupon Code"),
    }
    filler = Filler(known, fills, COLUMNS)
    assert filler.fill(["", "", "C1"]) == {"button.1.1": "a", "button.3.code": "C1"}
    assert filler.fill(["p", "", "C1"]) == {"button.1.1": "a", "button.3.code": "C1", "button.0.payload": "p"}


def test_R37_which_rows_use_a_fallback_is_known() -> None:
    filler = Filler(KNOWN, {"body.1": Fill(column="Name", fallback="x"), "body.2": Fill(column="Coupon Code")}, COLUMNS)
    assert filler.uses_fallback([" ", "", "C1"])
    assert not filler.uses_fallback(["Asha", "", ""])
    assert Filler(KNOWN, {"body.1": Fill(column="Name", fallback="x")}, COLUMNS).uses_fallback([])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Asha ", "Asha"),
        ("two\nlines", "two lines"),
        ("two \r\n\r\n lines", "two lines"),
        ("tab\there", "tab here"),
        ("a     b", "a b"),
        ("a    b", "a    b"),
        ("sep\u2028arator\x85x", "sep arator x"),
        ("\x1b[31mred\x07", "[31mred"),
        ("[bold] *x* =1+1 مريم", "[bold] *x* =1+1 مريم"),
    ],
)
def test_values_are_made_what_whatsapp_takes(text: str, expected: str) -> None:
    # 132018 refuses line breaks, tabs and more than four spaces in a row.
    assert clean_value(text) == expected


@given(st.text(st.sampled_from("ab \t\n\r\x0b\x1b\x85\u00a0\u2028\x1c"), max_size=30))
def test_no_value_that_whatsapp_refuses_is_left(text: str) -> None:
    value = clean_value(text)
    assert not re.search(r"[\n\r\t]|\s{5}", value)
    assert value == value.strip()
    assert clean_value(value) == value
    assert [sign for sign in value if sign in "ab"] == [sign for sign in text if sign in "ab"]


def test_R33_named_placeholders_are_suggested_columns_of_their_name() -> None:
    body = {"type": "BODY", "text": "{{name}} {{coupon_code}} {{city}}"}
    assert suggest(placeholders([body], "NAMED"), COLUMNS) == {
        "body.name": Fill(column="Name"),
        "body.coupon_code": Fill(column="Coupon Code"),
    }
    assert suggest(KNOWN, ("1", "2")) == {}


@pytest.mark.parametrize(
    "example", [None, [], {"body_text": []}, {"body_text": [[]]}, {"body_text": "x"}, {"body_text": [[1]]}]
)
def test_odd_examples_do_no_harm(example: object) -> None:
    (found,) = placeholders([{"type": "BODY", "text": "{{1}}", "example": example}], "POSITIONAL")
    assert found.example == ""
