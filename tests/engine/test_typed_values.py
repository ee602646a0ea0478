"""Values that are more than text: what people write, and what the Cloud API gets."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.placeholders import Filler, Placeholder, unmapped
from engine.typed_values import WORDS, Kind, canonical, decoded
from store.types import Fill

KOLKATA = "Asia/Kolkata"


def test_a_text_is_its_own() -> None:
    assert canonical(Kind.TEXT, " a  b ", "UTC") == " a  b "


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1798761540000", 1_798_761_540_000),
        ("1209600000", 1_209_600_000),
        ("2026-12-31 23:59", 1_798_741_740_000),
        ("2026-12-31T23:59:30", 1_798_741_770_000),
        ("2026-12-31 23:59+00:00", 1_798_761_540_000),
        ("2026-12-31T23:59Z", 1_798_761_540_000),
        ("2026-12-31", 1_798_655_400_000),
    ],
)
def test_the_end_of_an_offer_is_milliseconds_or_a_time_in_the_account_s_zone(text: str, ms: int) -> None:
    assert int(canonical(Kind.EXPIRY, text, KOLKATA)) == ms


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "9" * 20, "2026-13-01 10:00", "2026-12-31 25:00", "١٢٣"])
def test_what_is_no_time_has_no_canonical_text(text: str) -> None:
    assert canonical(Kind.EXPIRY, text, KOLKATA) == ""


def test_a_time_that_a_clock_change_skips_cannot_be_read() -> None:
    assert canonical(Kind.EXPIRY, "2026-03-29 02:30", "Europe/Berlin") == ""
    assert canonical(Kind.EXPIRY, "2026-03-29 03:30", "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "code", "thousandths"),
    [
        ("USD 100.99", "USD", 100_990),
        ("100.99 usd", "USD", 100_990),
        ("EUR25", "EUR", 25_000),
        ("KWD 1.234", "KWD", 1_234),
        ("INR -5", "INR", -5_000),
    ],
)
def test_money_is_counted_in_thousandths(text: str, code: str, thousandths: int) -> None:
    assert decoded(canonical(Kind.MONEY, text, KOLKATA)) == {"code": code, "amount_1000": thousandths}


@pytest.mark.parametrize("text", ["", "100", "USD", "$ 5", "USD 1.2345", "USD 1,5", "USD 1.2.3", "US 5", "USD 9" * 9])
def test_what_is_no_money_has_no_canonical_text(text: str) -> None:
    assert canonical(Kind.MONEY, text, KOLKATA) == ""


@given(st.dates(min_value=date(1900, 1, 1)), st.integers(0, 23), st.integers(0, 59))
def test_a_day_of_the_week_is_that_of_the_date(day: date, hour: int, minute: int) -> None:
    told = decoded(canonical(Kind.DATE_TIME, f"{day.isoformat()} {hour:02}:{minute:02}", KOLKATA))
    assert told == {
        "year": day.year,
        "month": day.month,
        "day_of_month": day.day,
        "day_of_week": day.isoweekday(),
        "hour": hour,
        "minute": minute,
        "calendar": "GREGORIAN",
    }


def test_a_date_has_no_hour() -> None:
    assert "hour" not in decoded(canonical(Kind.DATE_TIME, "1977-02-25", KOLKATA))
    assert canonical(Kind.DATE_TIME, "25.2.1977", KOLKATA) == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", "null", "{a: 1}", '{"a": ', "[" * 100_000])
def test_data_is_an_object_with_something_in_it(text: str) -> None:
    assert canonical(Kind.DATA, text, KOLKATA) == ""
    assert decoded(canonical(Kind.DATA, ' {"a": {"b": ["ü"]}} ', KOLKATA)) == {"a": {"b": ["ü"]}}


SECTIONS = [
    {"title": "Our: best", "product_items": [{"product_retailer_id": "a1"}, {"product_retailer_id": "b 2"}]},
    {"title": "New", "product_items": [{"product_retailer_id": "c3"}]},
]


@pytest.mark.parametrize("text", ["Our: best: a1, b 2; New: c3", " Our: best :a1,b 2,;New:c3; ", json.dumps(SECTIONS)])
def test_products_stand_under_titles(text: str) -> None:
    assert decoded(canonical(Kind.SECTIONS, text, KOLKATA)) == SECTIONS


@pytest.mark.parametrize(
    "text", ["", "a1, b2", ": a1", "New:", "New: ,;", "[]", "[1]", '[{"title": "x", "product_items": [{}]}]', "[{"]
)
def test_what_is_no_list_of_products_has_no_canonical_text(text: str) -> None:
    assert canonical(Kind.SECTIONS, text, KOLKATA) == ""


@given(st.text(), st.sampled_from(list(Kind)))
def test_whatever_stands_in_a_cell_is_read_or_not_and_never_raised(text: str, kind: Kind) -> None:
    found = canonical(kind, text, KOLKATA)
    if found and kind is not Kind.TEXT:
        assert canonical(kind, found, KOLKATA) or kind in (Kind.MONEY, Kind.DATE_TIME)
        assert decoded(found) is not None


EXPIRES = Placeholder("offer.expires", "offer", None, "expires", "", kind=Kind.EXPIRY)


def test_R37_a_cell_that_cannot_be_read_takes_the_fallback_or_is_a_hole() -> None:
    ends = Filler([EXPIRES], {EXPIRES.key: Fill(column="Ends", fallback="2026-12-31T10:00Z")}, ("Ends",), KOLKATA)
    assert ends.fill(("2026-12-01 10:00",)) == {EXPIRES.key: "1796099400000"}
    assert ends.fill(("next week",)) == {EXPIRES.key: "1798711200000"}
    assert ends.uses_fallback(("next week",))
    assert Filler([EXPIRES], {EXPIRES.key: Fill(column="Ends")}, ("Ends",)).fill(("next week",)) is None


@pytest.mark.parametrize("fill", [Fill(fixed="soon"), Fill(column="Ends", fallback="soon")])
def test_R25_a_fixed_text_or_fallback_that_cannot_be_read_blocks(fill: Fill) -> None:
    (problem,) = unmapped([EXPIRES], {EXPIRES.key: fill}, ("Ends",))
    assert (problem.code, problem.key) == ("unreadable_value", EXPIRES.key)
    assert "'soon'" in problem.message and WORDS[Kind.EXPIRY] in problem.hint
