"""When a series fires: cron on the clocks of a zone, across their changes (R13, R21)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given

from engine.clock import DAY, HOUR, MINUTE
from engine.cron_words import words
from engine.errors import BadInput, Refused
from engine.recurrence import Occurrence, Recurrence
from engine.schedule import iso
from tests.engine.cron_model import crons, instants, zones_and_starts

BERLIN = "Europe/Berlin"


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def firings(cron: str, zone: str, since: str, count: int) -> list[str]:
    found = Recurrence(cron, zone).upcoming(ms(since), count)
    assert [one.local for one in found] == [iso(one.at, zone)[:16] for one in found]
    return [iso(one.at, zone)[:16] + iso(one.at, zone)[19:] for one in found]


def test_R21_every_monday_at_ten_stays_at_ten_over_both_changes() -> None:
    assert firings("0 10 * * MON", BERLIN, "2026-03-20T00:00:00+01:00", 3) == [
        "2026-03-23T10:00+01:00", "2026-03-30T10:00+02:00", "2026-04-06T10:00+02:00",
    ]  # fmt: skip
    assert firings("0 10 * * 1", BERLIN, "2026-10-19T12:00:00+02:00", 2) == [
        "2026-10-26T10:00+01:00", "2026-11-02T10:00+01:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "cron", "since", "expected"),
    [
        (BERLIN, "30 2 * * *", "2026-03-28T12:00:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("America/New_York", "15 2 * * *", "2026-03-07T12:00:00-05:00",
         ["2026-03-08T03:00-04:00", "2026-03-09T02:15-04:00"]),
        ("Australia/Lord_Howe", "10 2 * * *", "2026-10-03T12:00:00+10:30",
         ["2026-10-04T02:30+11:00", "2026-10-05T02:10+11:00"]),
        ("Africa/Casablanca", "0 2 * * *", "2026-03-21T12:00:00+00:00",
         ["2026-03-22T03:00+01:00", "2026-03-23T02:00+01:00"]),
    ],
)  # fmt: skip
def test_R13_a_skipped_time_fires_when_the_change_is_over(
    zone: str, cron: str, since: str, expected: list[str]
) -> None:
    assert firings(cron, zone, since, 2) == expected


def test_R13_several_skipped_times_and_the_one_at_the_change_fire_as_one() -> None:
    assert firings("*/20 2,3 * * *", BERLIN, "2026-03-28T12:00:00+01:00", 4) == [
        "2026-03-29T03:00+02:00", "2026-03-29T03:20+02:00", "2026-03-29T03:40+02:00", "2026-03-30T02:00+02:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "cron", "since", "expected"),
    [
        (BERLIN, "30 2 * * *", "2026-10-24T12:00:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        (BERLIN, "*/30 2 * * *", "2026-10-24T12:00:00+02:00",
         ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:00+01:00"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00+11:00",
         ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]),
        # Asked between the two, and in the second of them.
        (BERLIN, "30 2 * * *", "2026-10-25T02:30:00+02:00", ["2026-10-26T02:30+01:00"]),
        (BERLIN, "30 2 * * *", "2026-10-25T02:10:00+01:00", ["2026-10-26T02:30+01:00"]),
    ],
)  # fmt: skip
def test_R13_a_time_that_happens_twice_fires_once(zone: str, cron: str, since: str, expected: list[str]) -> None:
    assert firings(cron, zone, since, len(expected)) == expected


def test_R21_what_passed_is_told_the_latest_first_and_bounded() -> None:
    every_day = Recurrence("0 10 * * *", BERLIN)
    since, now = ms("2026-10-23T10:00:00+02:00"), ms("2026-10-27T10:00:00+01:00")
    assert [one.local for one in every_day.passed(since, now, 9)] == [
        "2026-10-27T10:00", "2026-10-26T10:00", "2026-10-25T10:00", "2026-10-24T10:00",
    ]  # fmt: skip
    assert len(every_day.passed(since, now, 2)) == 2
    assert every_day.passed(now, now, 9) == []


def test_R13_what_fired_before_the_clocks_went_back_has_passed_when_they_show_it_again() -> None:
    found = Recurrence("30 2 * * *", BERLIN).passed(0, ms("2026-10-25T02:10:00+01:00"), 1)
    assert [one.local for one in found] == ["2026-10-25T02:30"]


def test_R21_a_leap_day_comes_every_fourth_year() -> None:
    found = Recurrence("0 0 29 2 *", "UTC").upcoming(ms("2026-01-01T00:00:00+00:00"), 2)
    assert [one.local for one in found] == ["2028-02-29T00:00", "2032-02-29T00:00"]


def test_R21_an_end_is_the_last_moment_of_a_firing() -> None:
    daily = Recurrence("0 10 * * *", "UTC")
    end = ms("2026-12-02T10:00:00+00:00")
    assert daily.next(end - 1, end) == Occurrence("2026-12-02T10:00", end)
    assert daily.next(end - 1, end - 1) is None
    assert len(daily.upcoming(end - 2 * DAY, 9, end)) == 2


@pytest.mark.parametrize(
    "cron",
    ["", "soon", "* * * *", "* * * * * *", "0 0 1 1 * 2027", "@daily", "@reboot", "H * * * *", "R * * * *",
     "0 10 * * H", "0-H * * * *", "61 * * * *", "*/0 * * * *", "0 0 1 13 *", "0 10 * * MONDAY", "\x1b[31m",
     "0 0 * * *; rm", "٥ * * * *", "0 " + "1," * 200 + "1 * * *", "-1 * * * *"],
)  # fmt: skip
def test_R21_what_is_no_plain_cron_of_five_fields_is_refused(cron: str) -> None:
    with pytest.raises(BadInput) as caught:
        Recurrence(cron, "UTC")
    assert caught.value.code == "bad_cron"
    assert "0 10 * * MON" in caught.value.hint
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *"])
def test_R21_a_date_that_no_year_has_is_refused(cron: str) -> None:
    with pytest.raises(Refused) as caught:
        Recurrence(cron, "UTC")
    assert caught.value.code == "cron_never_fires"


def test_R21_days_and_weekdays_that_do_not_contradict_each_other_are_taken() -> None:
    # Cron's "or": there is no 31 April, but there are Mondays.
    assert Recurrence("0 0 31 4 MON", "UTC").next(ms("2026-01-01T00:00:00+00:00")) is not None


def test_R13_an_unknown_zone_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        Recurrence("0 10 * * *", "Mars/Olympus")
    assert caught.value.code == "unknown_zone"


@given(zones_and_starts(), crons())
def test_R13_R21_the_firings_are_those_that_stepping_minute_by_minute_finds(place: tuple[str, int], cron: str) -> None:
    zone, since = place
    end = since + 30 * HOUR
    expected = instants(cron, zone, since, end)
    recurrence = Recurrence(cron, zone)
    found = [one.at for one in recurrence.upcoming(since, len(expected) + 1, end)]
    assert found == expected
    # Backwards it finds the same ones.
    assert [one.at for one in recurrence.passed(since, end, len(expected) + 1)][::-1] == expected
    # One moment before a firing it is still ahead, at the firing no longer.
    for at in expected[:3]:
        ahead, then = recurrence.next(at - 1), recurrence.next(at)
        assert ahead is not None
        assert ahead.at == at
        assert then is None or then.at > at


@given(zones_and_starts(), crons())
def test_R21_the_key_of_an_occurrence_is_the_time_clocks_show_and_never_comes_back(
    place: tuple[str, int], cron: str
) -> None:
    zone, since = place
    found = Recurrence(cron, zone).upcoming(since, 60)
    assert [one.local for one in found] == [iso(one.at, zone)[:16] for one in found]
    assert all(one.local < then.local and one.at < then.at for one, then in pairwise(found))
    assert all(one.at % MINUTE == 0 for one in found)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 10 * * MON", "every Monday at 10:00"),
        ("30 8 * * 1-5", "every Monday to Friday at 08:30"),
        ("0 9 * * SAT,SUN", "every Saturday and Sunday at 09:00"),
        ("0 9 * * 5-7", "every Friday, Saturday and Sunday at 09:00"),
        ("0 9 * * *", "every day at 09:00"),
        ("15 * * * *", "every hour at :15"),
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("0 9 1 * *", "on day 1 of every month at 09:00"),
        ("0 9 L * *", "on the last day of every month at 09:00"),
        # Not told in words that would be wrong.
        ("0 9 1 * MON", "cron 0 9 1 * MON"),
        ("*/7 * * * *", "cron */7 * * * *"),
        ("*/0 * * * *", "cron */0 * * * *"),
        ("0 9 * 2 *", "cron 0 9 * 2 *"),
        ("0 9 * * MON#1", "cron 0 9 * * MON#1"),
        ("*/15 * * * MON", "cron */15 * * * MON"),
        ("0 9-17 * * *", "cron 0 9-17 * * *"),
    ],
)
def test_R21_a_cron_in_words(cron: str, expected: str) -> None:
    assert words(cron) == expected


def test_R21_the_second_day_of_a_change_is_ordinary_again() -> None:
    one = Recurrence("30 2 * * *", BERLIN).next(ms("2026-10-26T00:00:00+01:00"))
    assert one == Occurrence("2026-10-26T02:30", ms("2026-10-26T02:30:00+01:00"))
    assert one.at - ms("2026-10-25T02:30:00+02:00") == timedelta(hours=25) // timedelta(milliseconds=1)
