"""The time field: what is understood, what is refused, what follows."""

from __future__ import annotations

import pytest

from engine.clock import MINUTE
from engine.preflight_facts import Check, Level
from tests.clock import START
from tui.screens import draft_timing
from tui.screens.draft_timing import Timing

# 14:30 in Kolkata, a Monday.
NOW = START
ZONE = "Asia/Kolkata"


def problem(timing: Timing) -> Check:
    """The check that a wrong time gives."""
    check = draft_timing.check(timing)
    assert check is not None
    return check


def test_an_empty_field_is_missing_and_blocks() -> None:
    timing = draft_timing.read("  ", ZONE, NOW)
    assert timing.missing
    check = problem(timing)
    assert (check.level, check.code, check.field) == (Level.BLOCK, "time_missing", "when")
    assert draft_timing.echo(timing, ZONE, NOW) == ""


def test_a_time_is_echoed_in_full_with_its_zone_and_distance() -> None:
    timing = draft_timing.read("tomorrow 10:00", ZONE, NOW)
    assert draft_timing.echo(timing, ZONE, NOW) == "Tue 24 Nov 2026 10:00 IST, in 19 h 30 min"
    assert draft_timing.check(timing) is None


@pytest.mark.parametrize("word", ["now", " NOW "])
def test_R12_now_means_send_now(word: str) -> None:
    timing = draft_timing.read(word, ZONE, NOW)
    assert timing == Timing(now=True)
    assert "cannot be cancelled" in draft_timing.echo(timing, ZONE, NOW)


def test_R12_a_past_time_blocks_with_the_reason() -> None:
    timing = draft_timing.read("2026-11-23 14:29", ZONE, NOW)
    check = problem(timing)
    assert (check.level, check.code, check.field) == (Level.BLOCK, "time_in_past", "when")
    assert "in the past" in check.text


def test_R13_another_zone_may_be_typed_and_a_wrong_one_is_the_zone_fields_fault() -> None:
    assert draft_timing.read("11:00", "Europe/Berlin", NOW).at == NOW + 60 * MINUTE
    timing = draft_timing.read("10:00", "Asia/Kolkatta", NOW)
    assert timing.wrong_zone
    check = problem(timing)
    assert check.field == "zone"
    assert "Asia/Kolkata" in check.advice


def test_R13_a_time_that_is_skipped_is_refused_with_the_real_ones() -> None:
    check = problem(draft_timing.read("2027-03-28 02:30", "Europe/Berlin", NOW))
    assert check.code == "time_skipped"
    assert "03:00" in check.advice


def test_a_relative_time_is_a_whole_second_and_never_sooner_than_asked() -> None:
    timing = draft_timing.read("in 3 min", ZONE, NOW + 250)
    assert timing.at == NOW + 3 * MINUTE + 1_000
    assert draft_timing.echo(timing, ZONE, NOW + 250).endswith("in 3 min")


def test_R16_less_than_five_minutes_ahead_is_locked_from_the_start() -> None:
    at = NOW + 5 * MINUTE
    assert draft_timing.lock_words(at, ZONE, NOW) == "can be cancelled until today 14:30 IST"
    assert draft_timing.lock_words(at, ZONE, NOW + 1).startswith("LOCKED from the start")


def test_R13_until_when_it_can_be_cancelled_is_told_with_the_zone_that_was_typed() -> None:
    at = NOW + 10 * MINUTE
    assert draft_timing.lock_words(at, "Europe/Berlin", NOW) == "can be cancelled until today 10:05 CET"


def test_the_outlook_says_when_it_goes_how_long_it_takes_and_until_when_it_can_be_cancelled() -> None:
    timing = draft_timing.read("tomorrow 10:00", ZONE, NOW)
    assert draft_timing.outlook(timing, ZONE, NOW, 4_963, 80) == [
        "goes tomorrow 10:00 IST (04:30 UTC), in 19 h 30 min",
        "sending takes 2 min at 80 a second, done tomorrow 10:01",
        "can be cancelled until tomorrow 09:55 IST",
    ]


@pytest.mark.parametrize(
    ("zone", "said"),
    [("Europe/Berlin", "10:00 CET (09:00 UTC)"), ("UTC", "10:00 UTC"), ("Asia/Dubai", "10:00 UTC+04:00 (06:00 UTC)")],
)
def test_R13_the_outlook_names_the_zone_that_was_typed(zone: str, said: str) -> None:
    timing = draft_timing.read("tomorrow 10:00", zone, NOW)
    assert draft_timing.outlook(timing, zone, NOW, 0, None)[0].startswith(f"goes tomorrow {said}, in ")


def test_R17_the_outlook_of_send_now_says_that_it_cannot_be_cancelled() -> None:
    lines = draft_timing.outlook(Timing(now=True), ZONE, NOW, 1, 80)
    assert lines[-1] == "sending now cannot be cancelled"


def test_without_a_time_or_people_the_outlook_says_only_what_is_known() -> None:
    assert draft_timing.outlook(Timing(), ZONE, NOW, 0, None) == []
    assert draft_timing.outlook(Timing(), ZONE, NOW, 100, 10) == ["sending takes 11 s at 10 a second"]


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "1 s"),
        (59_000, "59 s"),
        (59_001, "1 min"),
        (61_000, "2 min"),
        (3_600_000, "1 h 00 min"),
        (11_100_000, "3 h 05 min"),
    ],
)
def test_lengths_are_rounded_up(ms: int, words: str) -> None:
    assert draft_timing.length(ms) == words
