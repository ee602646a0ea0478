"""`sendoff series`: create, list, show, pause, resume, end (R21)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.clock import DAY, HOUR
from tests.cli import Here
from tests.clock import FakeClock
from tests.tui.cli_scene import draft, set_up

MONDAYS = ("--cron", "0 10 * * MON")


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


@pytest.fixture
def source(sendoff: Here, tmp_path: Path) -> int:
    return draft(sendoff, tmp_path, name="Weekly offer")


def test_R21_a_series_is_made_and_shown_with_its_next_five_firings(sendoff: Here, source: int) -> None:
    made = sendoff.json("series", "create", "--from", source, *MONDAYS)
    assert (made["id"], made["state"], made["words"]) == (1, "active", "every Monday at 10:00")
    assert made["timezone"] == "Asia/Kolkata"
    assert [one["local"] for one in made["upcoming"]] == [
        "2026-11-30T10:00", "2026-12-07T10:00", "2026-12-14T10:00", "2026-12-21T10:00", "2026-12-28T10:00",
    ]  # fmt: skip
    assert made["upcoming"][0]["utc"] == "2026-11-30T04:30:00+00:00"
    (first,) = made["occurrences"]
    assert (first["outcome"], first["status"]) == ("created", "scheduled")
    campaign = sendoff.json("campaign", "show", first["campaign"])
    assert campaign["name"] == "Weekly offer, Mon 30 Nov 10:00"
    assert (campaign["series"], campaign["occurrence"]) == (1, "2026-11-30T10:00")
    assert sendoff.json("campaign", "show", source)["series"] is None
    assert sendoff.json("series", "show", 1) == made
    text = sendoff("series", "show", 1).out
    assert 'Series 1 "Weekly offer": active' in text
    assert "Mon 30 Nov 10:00  Asia/Kolkata  2026-11-30T04:30:00+00:00" in text
    assert f"campaign {first['campaign']}: scheduled" in text


def test_R21_people_are_told_what_was_made(sendoff: Here, source: int) -> None:
    answer = sendoff("series", "create", "--from", source, *MONDAYS, "--name", "Offer\x1b[31m")
    assert answer.status == 0
    assert 'Series 1 "Offer␛[31m" fires every Monday at 10:00 (Asia/Kolkata).' in answer.out
    assert "scheduled for 2026-11-30T10:00:00+05:30" in answer.out


def test_R13_R21_another_zone_and_an_end(sendoff: Here, source: int) -> None:
    made = sendoff.json(
        "series", "create", "--from", source, *MONDAYS, "--timezone", "Europe/Berlin", "--until", "2026-12-07"
    )
    assert made["until"] == "2026-12-08T00:00:00+01:00"
    assert [one["at"] for one in made["upcoming"]] == ["2026-11-30T10:00:00+01:00", "2026-12-07T10:00:00+01:00"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--cron", "every monday"), (2, "bad_cron")),
        (("--cron", "0 0 10 * * MON"), (2, "bad_cron")),
        (("--cron", "@reboot"), (2, "bad_cron")),
        (("--cron", "0 0 30 2 *"), (3, "cron_never_fires")),
        ((*MONDAYS, "--timezone", "Mars/Olympus"), (2, "unknown_zone")),
        ((*MONDAYS, "--until", "soon"), (2, "bad_time")),
        ((*MONDAYS, "--until", "2026-11-24"), (3, "no_firing_left")),
        ((*MONDAYS, "--name", " "), (2, "name_missing")),
        ((), (2, "usage")),
    ],
)
def test_R21_what_cannot_repeat_is_refused(
    sendoff: Here, source: int, options: tuple[str, ...], expected: tuple[int, str]
) -> None:
    assert sendoff.refused("series", "create", "--from", source, *options) == expected
    assert sendoff.json("series", "list") == []
    assert len(sendoff.json("campaign", "list")) == 1


def test_R21_an_incomplete_campaign_is_refused_as_at_scheduling(sendoff: Here, tmp_path: Path) -> None:
    source = draft(sendoff, tmp_path, "--map", "1=Name")
    assert sendoff.refused("series", "create", "--from", source, *MONDAYS) == (3, "unmapped_placeholder")
    assert sendoff.refused("series", "create", "--from", 77, *MONDAYS) == (4, "not_found")


def test_R21_pause_resume_and_end_say_what_stays(sendoff: Here, source: int, clock: FakeClock) -> None:
    made = sendoff.json("series", "create", "--from", source, *MONDAYS)
    first = made["occurrences"][0]["campaign"]
    paused = sendoff("series", "pause", 1)
    assert "is paused: no further firing is made." in paused.out
    assert f"Campaign {first}, made already, still goes at 2026-11-30T10:00:00+05:30" in paused.out
    assert sendoff.refused("series", "pause", 1) == (3, "series_unchanged")
    assert sendoff.json("series", "show", 1)["upcoming"] == []
    clock.advance(10 * DAY)
    assert "the next firing: 2026-12-07T10:00:00+05:30" in sendoff("series", "resume", 1).out
    assert sendoff.refused("series", "end", 1) == (2, "not_confirmed")
    assert sendoff.json("series", "show", 1)["state"] == "active"
    assert sendoff.json("series", "end", 1, "--yes")["state"] == "ended"
    for command in (("pause", 1), ("resume", 1), ("end", 1, "--yes")):
        assert sendoff.refused("series", *command) == (3, "series_ended")
    assert sendoff.refused("series", "pause", 9) == (4, "not_found")
    assert sendoff.refused("series", "end", 9, "--yes") == (4, "not_found")


def test_R21_the_list_has_the_next_firing_of_each(sendoff: Here, source: int, clock: FakeClock) -> None:
    assert "There is no series yet" in sendoff("series", "list").out
    sendoff.json("series", "create", "--from", source, *MONDAYS)
    sendoff.json("series", "create", "--from", source, "--cron", "*/15 * * * *", "--name", "Often")
    sendoff.json("series", "end", 1, "--yes")
    found = sendoff.json("series", "list")
    assert [(one["id"], one["state"]) for one in found] == [(2, "active"), (1, "ended")]
    lines = sendoff("series", "list").out.splitlines()
    assert lines[0].split() == ["ID", "STATE", "NAME", "FIRES", "ZONE", "NEXT", "NOTE"]
    assert "every 15 minutes" in lines[1]
    assert "2026-11-23T14:45:00+05:30" in lines[1]


async def test_R21_a_worker_on_the_command_line_makes_and_sends_firings(
    sendoff: Here, source: int, clock: FakeClock
) -> None:
    from store import database
    from tests.sending import Scripted, takes_all, work

    sendoff.json("series", "create", "--from", source, "--cron", "0 * * * *")
    clock.advance(3 * HOUR)
    database.open_database(str(sendoff.database))
    with database.session():
        await work(clock, Scripted(takes_all))
    database.close_database()
    shown = sendoff.json("series", "show", 1)
    assert [(one["local"][-5:], one["outcome"], one["status"]) for one in shown["occurrences"]] == [
        ("18:00", "created", "scheduled"), ("17:00", "late", "completed"), ("16:00", "missed", None),
        ("15:00", "created", "failed"),
    ]  # fmt: skip
    assert shown["note"] == "1 firing missed up to Mon 23 Nov 16:00"
    assert "missed: no worker ran" in sendoff("series", "show", 1).out


def test_R16_R21_a_first_firing_within_five_minutes_says_that_it_is_locked(sendoff: Here, source: int) -> None:
    # It is 14:30 in Kolkata.
    answer = sendoff("series", "create", "--from", source, "--cron", "34 14 * * *")
    assert "it is locked from birth" in answer.out
    assert "locked" not in sendoff("series", "create", "--from", source, "--cron", "35 14 * * *").out
