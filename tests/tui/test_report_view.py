"""The report as lines of text. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.content import Content

from engine.report import SKIP_WORDS, Cause, ErrorLine, Report
from engine.timeline import Pause, Timeline
from store.types import Audience, Campaign, Hold, OverQuota, Progress, Sender, SkipReason, Status, Template
from tests.clock import START
from tests.tui import scenes
from tests.tui.context import MINUTE
from tui import report_view

ZONE = "Asia/Kolkata"
HOUR = 60 * MINUTE
SENDER = Sender(1, 918040214021, "1000001", 80, "GREEN", "CONNECTED")
TEMPLATE = Template(1, "season_sale", "en_US", "APPROVED", "MARKETING", "POSITIONAL", (), "GREEN", START)
CAMPAIGN = Campaign(
    id=1,
    name="Renewal July",
    status=Status.COMPLETED,
    status_reason=None,
    status_detail={},
    hold=None,
    sender_id=1,
    template_id=1,
    template_frozen=None,
    fills={},
    audience=Audience(1, "july.csv", ("Name", "Phone"), "Phone", None),
    over_quota=OverQuota.FAIL,
    grace=60,
    scheduled_at=START - 2 * HOUR,
    timezone=ZONE,
    send_now=False,
    price=100,
    prices={},
    created_by="asha",
    created_at=START - 24 * HOUR,
    edited_at=START - 24 * HOUR,
    started_at=START - 2 * HOUR,
    finished_at=START - HOUR,
    duplicate_of=None,
    series_id=None,
    occurrence=None,
    locked=False,
    progress=Progress(
        audience=110,
        skipped=10,
        sent=90,
        failed=8,
        unknown=2,
        delivered=60,
        read=15,
        undelivered=3,
        reserved=100,
        settled=90,
        released=8,
    ),
    version=3,
)


def report(**changes: object) -> Report:
    """A report of the campaign with some fields changed."""
    fields = {name: getattr(CAMPAIGN, name) for name in Campaign.__slots__}
    campaign = Campaign(**{**fields, **changes})
    return Report(campaign, ZONE, SENDER, TEMPLATE, None, (), {})


def plain(lines: list[Content]) -> list[str]:
    return [line.plain for line in lines]


def test_the_summary_says_in_one_line_how_it_stands() -> None:
    assert plain(report_view.summary(report(progress=Progress()), START)) == ["Renewal July   ✓ Completed  today 13:30"]
    running = report(status=Status.IN_PROGRESS, finished_at=None, progress=Progress())
    assert plain(report_view.summary(running, START)) == ["Renewal July   ▶ In Progress  since today 12:30"]
    ahead = report(status=Status.SCHEDULED, scheduled_at=START + HOUR, started_at=None, finished_at=None)
    assert plain(report_view.summary(replace(ahead, campaign=replace(ahead.campaign, progress=Progress())), START)) == [
        "Renewal July   ○ Scheduled  Mon 23 Nov 2026 15:30 IST, in 1 h 00 min"
    ]
    draft = report(status=Status.DRAFT, started_at=None, finished_at=None, progress=Progress())
    assert plain(report_view.summary(draft, START)) == ["Renewal July   · Draft  edited yesterday 14:30"]


def test_R40_a_root_cause_comes_first_with_what_to_do() -> None:
    failed = replace(report(status=Status.FAILED), root_cause=Cause("x", "It broke.", "Mend it."))
    assert plain(report_view.summary(failed, START)) == ["Renewal July   FAILED: It broke.", "  What to do: Mend it."]


def test_R45_a_hold_says_why_and_when_it_lifts() -> None:
    held = report(status=Status.IN_PROGRESS, progress=Progress(), hold=Hold("paused", "It is paused.", START, None))
    assert plain(report_view.summary(held, START))[1] == "  on hold: It is paused.  Press R to resume."
    until = replace(held.campaign, hold=Hold("paused", "It is paused.", START, START + HOUR))
    told = plain(report_view.summary(replace(held, campaign=until), START))
    assert told[1] == "  on hold: It is paused.  It tries again by itself today 15:30."


def test_R42_unknown_ones_are_explained() -> None:
    told = plain(report_view.summary(report(), START))
    assert told[1].startswith("  2 unknown: handed over when")
    assert "never sent again by themselves" in told[1]


def test_R41_the_line_is_checked_and_not_assumed() -> None:
    assert report_view.always_true(CAMPAIGN).plain == (
        "audience 110 = sent 90 + failed 8 + pending 0 + skipped 10 + unknown 2  ✓ holds"
    )
    wrong = replace(CAMPAIGN, progress=replace(CAMPAIGN.progress, sent=91))
    assert report_view.always_true(wrong).plain.endswith("✗ DOES NOT ADD UP")


def test_R47_the_funnel_has_every_share_beside_its_n_of_m() -> None:
    lines = [line.split() for line in plain(report_view.funnel(CAMPAIGN, 120))]
    assert [(line[0], *line[-4:]) for line in lines[:4]] == [
        ("sent", "90.0%", "90", "of", "100"),
        ("delivered", "66.7%", "60", "of", "90"),
        ("read", "25.0%", "15", "of", "60"),
        ("failed", "8.0%", "8", "of", "100"),
    ]
    assert plain(report_view.funnel(CAMPAIGN, 120))[4].split()[-4:] == ["3.3%", "3", "of", "90"]
    nothing = replace(CAMPAIGN, progress=Progress())
    assert [line.split()[-4:] for line in plain(report_view.funnel(nothing, 120))] == [["-", "0", "of", "0"]] * 4


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_funnel_fits_the_screen(width: int) -> None:
    many = replace(CAMPAIGN, progress=Progress(audience=9_999_999, sent=9_999_999, delivered=9_999_999, read=9_999_998))
    for line in report_view.funnel(many, width):
        assert line.cell_length <= width - 2


def test_R35_skips_are_told_with_their_reasons() -> None:
    assert report_view.skips(report(), 100) == []
    told = report_view.skips(replace(report(), skips={"opted_out": 1_200, "mangled_number": 3}), 100)
    assert plain(told) == ["skipped  opted out 1,200   mangled by a spreadsheet 3"]
    assert set(SKIP_WORDS) == {reason.value for reason in SkipReason}


@pytest.mark.parametrize("width", range(12, 60))
def test_R35_no_number_is_torn_off_its_reason(width: int) -> None:
    found = {"duplicate": 21, "mangled_number": 4, "opted_out": 7}
    lines = plain(report_view.skips(replace(report(), skips=found), width))
    assert all(len(line) <= max(width, len("skipped  mangled by a spreadsheet 4")) for line in lines)
    said = [part for line in lines for part in line.removeprefix("skipped").strip().split("   ")]
    assert said == ["duplicate 21", "mangled by a spreadsheet 4", "opted out 7"]


def test_R48_errors_carry_their_code_words_and_advice() -> None:
    lines = (
        ErrorLine(131026, "Not on WhatsApp", "Check the number.", 1_200, False),
        ErrorLine(-1, "Not attempted", "Duplicate it.", 3, False),
        ErrorLine(131049, "Held back", "Wait.", 2, True),
    )
    told = plain(report_view.errors(replace(report(), errors=lines)))
    assert told[0] == "    1,200 Not on WhatsApp (131026)"
    assert told[1].strip() == "Check the number."
    assert told[2].strip() == "3 Not attempted", "codes of our own mean nothing to people"
    assert told[4].endswith("Held back (131049), after it was sent")
    assert len(plain(report_view.errors(replace(report(), errors=lines), limit=1))) == 2


def test_the_facts_name_template_sender_file_credits_and_times() -> None:
    told = plain(report_view.facts(report(), START))
    assert told == [
        "template season_sale:en_US   sender +91 80 4021 4021   file july.csv",
        "credits 90 spent, 8 given back, 2 still reserved",
        "scheduled today 12:30   started today 12:30   ended today 13:30",
    ]
    overruled = plain(report_view.facts(replace(report(), refunded=3), START))
    assert overruled[1] == "credits 87 spent, 11 given back, 2 still reserved"
    draft = report(status=Status.DRAFT, started_at=None, finished_at=None, scheduled_at=None, audience=None)
    bare = replace(draft, sender=None, template=None)
    assert plain(report_view.facts(bare, START)) == ["template -   sender -   file -", "credits 100 needed"]
    cancelled = replace(bare, campaign=replace(bare.campaign, status=Status.CANCELLED, finished_at=START))
    assert plain(report_view.facts(cancelled, START))[1] == "credits none taken, 100 needed"


@pytest.mark.parametrize("name", scenes.ROUGH_NAMES)
def test_whatever_a_name_holds_is_plain_text(name: str) -> None:
    audience = Audience(1, name, (), "", None)
    one = replace(
        report(name=name, audience=audience, hold=Hold("x", name, START, None)), template=replace(TEMPLATE, name=name)
    )
    text = report_view.joined([*report_view.pane(one, START, 120), *report_view.facts(one, START)])
    assert not any(ord(character) < 32 and character != "\n" for character in text.plain)
    assert not any("click" in str(span.style) for span in text.spans)
    assert report_view.summary(one, START)[0].cell_length < 120


def test_R48_the_timeline_is_one_line_of_blocks_with_the_holds_marked() -> None:
    start = START - 10_000
    pauses = (
        Pause(start + 2_000, start + 5_000, "paused"),
        Pause(start + 6_000, start + 6_100, "[b]again[/b]"),
        Pause(start + 9_000, None, "still"),
    )
    line = Timeline(start, None, {0: 8, 1: 4, 5: 1, 6: 8, 7: 1}, pauses)
    told = plain(report_view.timeline(line, ZONE, START, 120))
    assert told[0] == "  timeline      █▄‖‖‖▁█▁·‖"
    assert told[1].split("   ")[-2:] == [" 14:29:50 to 14:30:00", "1 second a column, up to 8 sent"]
    assert told[2:] == [
        "  on hold       today 14:29 to today 14:29: paused",
        "  on hold       today 14:29 to today 14:29: [b]again[/b]",
    ], "the one that lasts stands above everything already"
    many = Timeline(start, START, {}, (pauses[0],) * 5)
    told = plain(report_view.timeline(many, ZONE, START, 120))
    assert "nothing was sent" in told[1]
    assert told[-1].strip() == "and 2 holds before"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("seconds", [1, 600, 7_300, 300_000])
def test_the_timeline_fits_the_screen(width: int, seconds: int) -> None:
    line = Timeline(START, START + seconds * 1_000, {0: 1_000_000, seconds - 1: 3}, ())
    assert all(one.cell_length <= width - 2 for one in report_view.timeline(line, ZONE, START, width))
