"""Times and time zones (R12, R13, R16, R20)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import zones
from engine.clock import DAY, HOUR, MINUTE
from engine.errors import BadInput, EngineError, Refused
from engine.schedule import describe, duration, iso, late, parse_when, short, to_utc

IST = "Asia/Kolkata"
BERLIN = "Europe/Berlin"
ZONES = (BERLIN, "America/New_York", "Australia/Lord_Howe", IST, "Africa/Casablanca", "UTC", "Pacific/Chatham")


def ms(text: str) -> int:
    """UTC milliseconds of an ISO time with offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


NOW = ms("2026-11-23T14:32:00+05:30")
EARLY = ms("2026-01-01T00:00:00+00:00")


def when(text: str, zone_name: str = IST, now: int = NOW) -> str:
    return iso(parse_when(text, zone_name, now), zone_name)


def refused(text: str, zone_name: str = IST, now: int = NOW) -> EngineError:
    with pytest.raises(EngineError) as caught:
        parse_when(text, zone_name, now)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01 10:00", "2026-12-01T10:00:00+05:30"),
        ("2026-12-01T10:00:30", "2026-12-01T10:00:30+05:30"),
        (" 2026-12-01   9:05 ", "2026-12-01T09:05:00+05:30"),
        ("2026-12-01T10:00+05:30", "2026-12-01T10:00:00+05:30"),
        ("2026-12-01 10:00 +01:00", "2026-12-01T14:30:00+05:30"),
        ("2026-12-01T10:00:00-0800", "2026-12-01T23:30:00+05:30"),
        ("2026-12-01T10:00Z", "2026-12-01T15:30:00+05:30"),
        ("15:00", "2026-11-23T15:00:00+05:30"),
        ("14:32", "2026-11-24T14:32:00+05:30"),
        ("10:00", "2026-11-24T10:00:00+05:30"),
        ("today 15:00", "2026-11-23T15:00:00+05:30"),
        ("Tomorrow 10:00", "2026-11-24T10:00:00+05:30"),
        ("Fri 09:00", "2026-11-27T09:00:00+05:30"),
        ("friday 09:00", "2026-11-27T09:00:00+05:30"),
        ("Mon 15:00", "2026-11-23T15:00:00+05:30"),
        ("Mon 14:00", "2026-11-30T14:00:00+05:30"),
        ("24 Nov 10:00", "2026-11-24T10:00:00+05:30"),
        ("24 november 2027 10:00", "2027-11-24T10:00:00+05:30"),
        ("in 10 min", "2026-11-23T14:42:00+05:30"),
        ("in 30 s", "2026-11-23T14:32:30+05:30"),
        ("in 2 h", "2026-11-23T16:32:00+05:30"),
        ("in 1 h 30 min", "2026-11-23T16:02:00+05:30"),
        ("in 1h30m", "2026-11-23T16:02:00+05:30"),
        ("in 1 day", "2026-11-24T14:32:00+05:30"),
    ],
)
def test_R13_times_are_read_in_the_zone_named(text: str, expected: str) -> None:
    assert when(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "10", "10am", "25:00", "10:60", "2026-13-01 10:00", "2026-02-30 10:00", "01.12.2026 10:00", "10:00 PM",
     "someday 10:00", "30 Feb 10:00", "24 Foo 10:00", "in", "in 2", "in 3 months", "in x min", "2026-12-01",
     "2026-12-01 10:00 IST", "2026-12-01T10:00+99:00", "in 999999 days in", "٢٠٢٦-12-01 10:00", "\x1b[2J"],
)  # fmt: skip
def test_R13_anything_else_is_refused_with_examples(text: str) -> None:
    error = refused(text)
    assert isinstance(error, BadInput)
    assert error.code == "bad_time"
    assert "2026-12-01 10:00" in error.hint
    assert "\x1b" not in error.message


@pytest.mark.parametrize(
    "text", ["2026-11-23 14:31", "today 10:00", "2026-11-23T09:01:59Z", "23 Nov 10:00", "in 0 min"]
)
def test_R12_a_past_time_is_refused(text: str) -> None:
    error = refused(text)
    assert error.code == "time_in_past"
    assert isinstance(error, Refused)
    assert "send now" in error.hint


def test_R12_this_very_moment_is_past_and_the_next_millisecond_is_not() -> None:
    at = ms("2026-12-01T10:00:00+05:30")
    assert refused("2026-12-01 10:00", now=at).code == "time_in_past"
    assert parse_when("2026-12-01 10:00", IST, at - 1) == at


@pytest.mark.parametrize(
    ("zone_name", "skipped", "before", "after"),
    [
        (BERLIN, "2026-03-29 02:30", "2026-03-29 01:59", "2026-03-29 03:00"),
        (BERLIN, "2026-03-29 02:00", "2026-03-29 01:59", "2026-03-29 03:00"),
        (BERLIN, "2026-03-29 02:59:59", "2026-03-29 01:59", "2026-03-29 03:00"),
        ("America/New_York", "2026-03-08 02:15", "2026-03-08 01:59", "2026-03-08 03:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:10", "2026-10-04 01:59", "2026-10-04 02:30"),
        ("Africa/Casablanca", "2026-03-22 02:30", "2026-03-22 01:59", "2026-03-22 03:00"),
    ],
)
def test_R13_a_skipped_time_is_refused_with_the_two_nearest(
    zone_name: str, skipped: str, before: str, after: str
) -> None:
    error = refused(skipped, zone_name, EARLY)
    assert error.code == "time_skipped"
    assert isinstance(error, Refused)
    assert f"{before} and {after}" in error.hint
    # Both exist, and a minute lies between them.
    assert parse_when(after, zone_name, EARLY) - parse_when(before, zone_name, EARLY) == MINUTE


@pytest.mark.parametrize(
    ("zone_name", "twice", "first", "second"),
    [
        (BERLIN, "2026-10-25 02:30", "2026-10-25 02:30+02:00", "2026-10-25 02:30+01:00"),
        (BERLIN, "2026-10-25 02:00", "2026-10-25 02:00+02:00", "2026-10-25 02:00+01:00"),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01 01:30-04:00", "2026-11-01 01:30-05:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-05 01:45+11:00", "2026-04-05 01:45+10:30"),
        ("Africa/Casablanca", "2026-02-15 02:30", "2026-02-15 02:30+01:00", "2026-02-15 02:30+00:00"),
    ],
)
def test_R13_a_time_that_happens_twice_asks_which(zone_name: str, twice: str, first: str, second: str) -> None:
    error = refused(twice, zone_name, EARLY)
    assert error.code == "time_ambiguous"
    assert isinstance(error, Refused)
    assert first in error.hint
    assert second in error.hint
    # What it tells to type is understood, and the two are the two.
    assert parse_when(first, zone_name, EARLY) < parse_when(second, zone_name, EARLY)


@pytest.mark.parametrize(
    ("zone_name", "text"),
    [
        (BERLIN, "2026-03-29 01:59"),
        (BERLIN, "2026-03-29 03:00"),
        (BERLIN, "2026-10-25 01:59"),
        (BERLIN, "2026-10-25 03:00"),
        ("America/New_York", "2026-11-01 02:00"),
        ("Australia/Lord_Howe", "2026-04-05 02:00"),
        (IST, "2026-03-29 02:30"),
    ],
)
def test_R13_the_times_around_a_change_are_ordinary(zone_name: str, text: str) -> None:
    assert iso(parse_when(text, zone_name, EARLY), zone_name).startswith(text.replace(" ", "T"))


def test_R13_friendly_forms_obey_the_changes_too() -> None:
    evening = ms("2026-03-28T20:00:00+01:00")
    for text in ("02:30", "tomorrow 02:30", "Sun 02:30", "29 Mar 02:30"):
        assert refused(text, BERLIN, evening).code == "time_skipped"
    assert when("in 7 h", BERLIN, evening) == "2026-03-29T04:00:00+02:00"


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(lambda at: at.replace(microsecond=0, fold=0)),
)
def test_R13_a_wall_time_is_one_instant_or_refused(zone_name: str, naive: datetime) -> None:
    where = ZoneInfo(zone_name)
    # What the instants around say, independently of how the product finds it.
    low = naive.replace(tzinfo=UTC) - timedelta(hours=15)
    shifts = {(low + timedelta(hours=step)).astimezone(where).utcoffset() for step in range(31)}
    instants = {
        at
        for shift in shifts
        if shift is not None and (at := naive.replace(tzinfo=UTC) - shift)
        if at.astimezone(where).replace(tzinfo=None) == naive
    }
    try:
        found = to_utc(naive, where)
    except Refused as error:
        assert len(instants) == {"time_skipped": 0, "time_ambiguous": 2}[error.code]
    else:
        assert [found] == [round(at.timestamp() * 1_000) for at in instants]


@given(st.sampled_from(ZONES), st.integers(ms("1990-01-01T00:00:00+00:00"), ms("2090-01-01T00:00:00+00:00")))
def test_R13_what_is_printed_is_read_back(zone_name: str, at: int) -> None:
    at -= at % 1_000
    assert parse_when(iso(at, zone_name), "UTC", at - 1) == at


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("../etc/passwd", "IANA name"),
        ("Europe", ""),
        ("", "IANA name"),
        ("Qqqqqq/Zzzzzz\x1b", "IANA name"),
    ],
)
def test_R13_an_unknown_zone_is_refused_with_names_that_come_near(name: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        zones.named(name)
    assert caught.value.code == "unknown_zone"
    assert hint in caught.value.hint
    assert "\x1b" not in caught.value.message


def test_R13_another_zone_may_be_typed() -> None:
    assert when("2026-12-01 10:00", "America/New_York") == "2026-12-01T10:00:00-05:00"
    assert refused("2026-12-01 10:00", "Nowhere/None").code == "unknown_zone"


@pytest.mark.parametrize(
    ("at", "zone_name", "expected"),
    [
        (ms("2026-11-24T10:00:00+05:30"), IST, "Tue 24 Nov 2026 10:00 IST, in 19 h 28 min"),
        (NOW + 22 * MINUTE + 30_000, IST, "Mon 23 Nov 2026 14:54:30 IST, in 22 min"),
        (NOW + 45_000, IST, "Mon 23 Nov 2026 14:32:45 IST, in 45 s"),
        (NOW + 2 * DAY + 4 * HOUR, IST, "Wed 25 Nov 2026 18:32 IST, in 2 d 4 h"),
        (NOW - 3 * MINUTE, IST, "Mon 23 Nov 2026 14:29 IST, 3 min ago"),
        (ms("2026-07-01T10:00:00+02:00"), BERLIN, "Wed 1 Jul 2026 10:00 CEST, 145 d 1 h ago"),
        (ms("2026-12-01T10:00:00+01:00"), "Africa/Casablanca", "Tue 1 Dec 2026 10:00 UTC+01:00, in 7 d 23 h"),
    ],
)
def test_R13_a_time_in_full_shows_its_zone(at: int, zone_name: str, expected: str) -> None:
    assert describe(at, zone_name, NOW) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T15:00:00+05:30", "today 15:00"),
        ("2026-11-23T00:00:00+05:30", "today 00:00"),
        ("2026-11-24T10:00:00+05:30", "tomorrow 10:00"),
        ("2026-11-22T23:59:59+05:30", "yesterday 23:59"),
        ("2026-11-25T10:00:00+05:30", "25 Nov 10:00"),
        ("2026-01-02T10:00:00+05:30", "2 Jan 10:00"),
        ("2027-11-24T10:00:00+05:30", "24 Nov 2027 10:00"),
    ],
)
def test_a_time_for_a_narrow_column(at: str, expected: str) -> None:
    assert short(ms(at), IST, NOW) == expected


def test_the_day_is_that_of_the_zone() -> None:
    late_evening = ms("2026-11-23T20:00:00+00:00")
    assert short(late_evening, IST, NOW) == "tomorrow 01:30"
    assert short(late_evening, "UTC", NOW) == "today 20:00"


def test_iso_carries_the_offset_of_that_day() -> None:
    assert iso(ms("2026-07-01T10:00:00+02:00"), BERLIN) == "2026-07-01T10:00:00+02:00"
    assert iso(ms("2026-12-01T10:00:00+01:00"), BERLIN) == "2026-12-01T10:00:00+01:00"
    assert iso(1_795_424_400_412, "UTC") == "2026-11-23T09:00:00.412+00:00"


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (-1, "00:00"),
        (0, "00:00"),
        (999, "00:00"),
        (22 * MINUTE + 53_999, "22:53"),
        (HOUR - 1, "59:59"),
        (HOUR, "1 h 00 min"),
        (3 * HOUR + 5 * MINUTE, "3 h 05 min"),
        (DAY - 1, "23 h 59 min"),
        (DAY, "1 d 0 h"),
        (2 * DAY + 4 * HOUR + 59 * MINUTE, "2 d 4 h"),
    ],
)
def test_lengths_of_time(length: int, expected: str) -> None:
    assert duration(length) == expected


@pytest.mark.parametrize(
    ("behind", "grace", "expected"),
    [
        (-1, 60, "not_due"),
        (0, 60, "due"),
        (2_000, 60, "due"),
        (2_001, 60, "late"),
        (60 * MINUTE, 60, "late"),
        (60 * MINUTE + 1, 60, "missed"),
        (0, 0, "due"),
        (2_000, 0, "due"),
        (2_001, 0, "missed"),
    ],
)
def test_R20_a_late_campaign_runs_within_its_grace_only(behind: int, grace: int, expected: str) -> None:
    assert late(NOW, NOW + behind, grace) == expected
