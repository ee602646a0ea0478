"""The filter of the list as typed text and as words. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from store.types import ListFilter, Sender, Status
from tests.clock import START
from tests.store.scene import HOUR
from tui import list_filter
from tui.list_filter import Typed

ZONE = "Asia/Kolkata"
DAY = 24 * HOUR
TODAY = START - 14 * HOUR - HOUR // 2
"""Midnight in India of the day that `START` is in."""


def sender(n: int, number: int) -> Sender:
    return Sender(id=n, number=number, phone_number_id=f"{n}", rate=80, quality="GREEN", status="CONNECTED")


SENDERS = [sender(1, 918040214021), sender(2, 918061747780), sender(3, 442079460018), sender(4, 911140217780)]
HERE = ListFilter(Status.FAILED, search="sale")


def parse(since: str = "", until: str = "", number: str = "") -> ListFilter:
    return list_filter.parse(Typed(since, until, number), HERE, ZONE, START, SENDERS)


def refusal(since: str = "", until: str = "", number: str = "") -> BadInput:
    with pytest.raises(BadInput) as caught:
        parse(since, until, number)
    return caught.value


def test_R51_the_filter_combines_with_the_tab_and_the_search() -> None:
    found = parse("2026-11-23", "2026-11-24", "4021")
    assert found == ListFilter(Status.FAILED, 1, "sale", TODAY, TODAY + 2 * DAY)
    assert parse() == HERE
    assert list_filter.cleared(found) == HERE
    assert (list_filter.is_set(found), list_filter.is_set(HERE)) == (True, False)


@pytest.mark.parametrize("only", [{"since": "today"}, {"until": "today"}, {"number": "0018"}])
def test_each_field_alone_is_a_filter(only: dict[str, str]) -> None:
    assert list_filter.is_set(parse(**only))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-23", TODAY),
        ("today", TODAY),
        (" Yesterday ", TODAY - DAY),
        ("TOMORROW", TODAY + DAY),
        ("2026-11-23 14:30", START),
        ("2026-11-23T09:00Z", START),
        ("2026-11-23t10:00+01:00", START),
        ("23 Nov", TODAY),
        ("23  november 14:30", START),
        ("3 Feb 2025", TODAY - 658 * DAY),
        ("today 14:30", START),
        ("yesterday 14:30", START - DAY),
    ],
)
def test_a_range_begins_with_a_day_or_a_time_in_the_accounts_zone(text: str, at: int) -> None:
    assert parse(since=text).since == at


@pytest.mark.parametrize(
    ("text", "at"), [("2026-11-23", TODAY + DAY), ("yesterday", TODAY), ("22 Nov", TODAY), ("2026-11-23 14:30", START)]
)
def test_the_last_day_is_part_of_the_range(text: str, at: int) -> None:
    assert parse(until=text).until == at


@pytest.mark.parametrize(
    "text",
    [
        "last week",
        "2026-02-30",
        "25:00",
        "23.11.2026",
        "31 Nov",
        "3 Foo",
        "today 25:00",
        "22 Nov 9:00",
        "9999-12-31",
        "[b]x[/b]",
        "\x1b[31m",
    ],
)
def test_a_day_that_cannot_be_read_is_told(text: str) -> None:
    error = refusal(until=text)
    assert error.code == "bad_time"
    assert "2026-12-01" in error.hint
    assert "\x1b" not in error.message


def test_a_range_that_ends_before_it_begins_is_none() -> None:
    assert refusal("today", "yesterday").code == "bad_filter"
    assert refusal("2026-11-23 14:30", "2026-11-23 14:30").code == "bad_filter"
    assert parse("today", "today").until == TODAY + DAY


@pytest.mark.parametrize(("text", "found"), [("4021", 1), ("+91 80 4021 4021", 1), ("0018", 3), ("61747780", 2)])
def test_a_sender_is_named_by_its_last_digits(text: str, found: int) -> None:
    assert parse(number=text).sender_id == found


def test_a_sender_that_is_none_or_several_is_told_with_those_there_are() -> None:
    none, several, words = refusal(number="9999"), refusal(number="7780"), refusal(number="acme")
    assert {one.code for one in (none, several, words)} == {"no_such_sender"}
    assert none.message == "No sender's number ends in '9999'."
    assert "+442079460018" in none.hint
    assert several.hint == "The senders are: +918061747780, +911140217780."
    with pytest.raises(BadInput, match="No sender's number"):
        list_filter.parse(Typed(sender="1"), HERE, ZONE, START, [])


def test_what_is_filtered_is_told_in_words() -> None:
    told = list_filter.words(parse("2026-11-01", "2026-11-30", "4021"), ZONE, "..4021")
    assert told == "2026-11-01 to 2026-11-30, sender ..4021"
    assert list_filter.words(parse("2026-11-01 10:15", "2026-11-01 18:00"), ZONE, "") == (
        "2026-11-01 10:15 to 2026-11-01 18:00"
    )
    assert list_filter.words(parse("2026-11-01"), ZONE, "") == "from 2026-11-01"
    assert list_filter.words(parse("", "2026-11-01", "4021"), ZONE, "x") == "to 2026-11-01, sender x"
    assert list_filter.words(HERE, ZONE, "") == ""


def test_a_remembered_time_of_another_age_is_told_too() -> None:
    assert list_filter.words(ListFilter(since=2**62), ZONE, "") == "from another age"


@given(
    since=st.none() | st.integers(0, 4_000_000_000),
    lasts=st.none() | st.integers(1, 900_000),
    number=st.sampled_from([None, 1, 2, 3, 4]),
    zone=st.sampled_from([ZONE, "UTC", "America/New_York", "Asia/Kathmandu"]),
)
def test_what_stands_in_the_fields_is_read_back_as_the_same_filter(
    since: int | None, lasts: int | None, number: int | None, zone: str
) -> None:
    """Whole minutes outside the hour that the clocks repeat: what is typed without an offset is read as the first."""
    at = None if since is None else since // 60 * 60_000
    until = None if lasts is None else (START if at is None else at) + lasts * 60_000
    wanted = ListFilter(None, number, "", at, until)
    once = list_filter.parse(list_filter.typed(wanted, zone, SENDERS), wanted, zone, START, SENDERS)
    again = list_filter.parse(list_filter.typed(once, zone, SENDERS), once, zone, START, SENDERS)
    assert again == once
    if zone != "America/New_York":
        assert once == wanted
