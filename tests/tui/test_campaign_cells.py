"""What each column of the campaign list says. Pure."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from rich.cells import cell_len

from store.types import CampaignRow, Progress, RootCause, SortKey, Status
from tests.clock import START
from tests.tui import scenes
from tests.tui.context import DRAFT, MINUTE, row
from tui import campaign_cells
from tui.campaign_cells import COLUMNS, REASONS
from tui.cli.campaign_arguments import SORTS
from tui.widgets.columns import fit, place
from tui.widgets.lines import GUTTER, MARGIN

ZONE = "Asia/Kolkata"
HOUR = 60 * MINUTE


def told(one: CampaignRow, now: int = START) -> dict[str, str]:
    """The texts by column."""
    found = campaign_cells.cells(one, ZONE, now)
    return {column.key: cell.text for column, cell in zip(COLUMNS, found, strict=True)}


def run(status: Status, **counters: int) -> CampaignRow:
    """A campaign that started two hours ago."""
    return replace(
        DRAFT,
        status=status,
        started_at=START - 2 * HOUR,
        finished_at=None if status is Status.IN_PROGRESS else START - HOUR,
        progress=Progress(**counters),
    )


def test_R52_every_column_is_named_and_in_its_order() -> None:
    assert [column.title for column in COLUMNS] == [
        "STATUS", "NAME", "SENDER", "TEMPLATE", "WHEN", "AUDIENCE", "PROGRESS", "SENT%", "DLVD%", "READ%", "FAIL%",
    ]  # fmt: skip


def shown_at(width: int) -> list[str]:
    return [placed.column.key for placed in place(COLUMNS, width, GUTTER, MARGIN)]


@pytest.mark.parametrize("width", [120, 132, 200])
def test_R52_from_120_columns_on_everything_is_there(width: int) -> None:
    assert shown_at(width) == [column.key for column in COLUMNS]


def test_R52_at_80_columns_what_tells_most_stays() -> None:
    assert shown_at(80) == ["status", "name", "when", "audience", "progress", "sent"]


@pytest.mark.parametrize("width", range(60, 80))
def test_R15_R52_below_80_columns_how_far_it_is_and_the_lock_stay_and_the_audience_goes_first(width: int) -> None:
    shown = shown_at(width)
    assert shown[:2] == ["status", "name"] and "progress" in shown
    assert "audience" not in shown or "sent" in shown


@pytest.mark.parametrize("width", range(60, 201))
def test_R52_columns_never_overlap_and_status_and_name_never_go(width: int) -> None:
    placed = place(COLUMNS, width, GUTTER, MARGIN)
    assert [one.column.key for one in placed[:2]] == ["status", "name"]
    assert all(a.x + a.width < b.x for a, b in pairwise(placed))
    assert placed[-1].x + placed[-1].width <= width - MARGIN
    assert all(one.width >= (one.column.least or one.column.width) for one in placed)


def test_R52_there_is_an_order_for_every_column() -> None:
    assert {column.key for column in COLUMNS} == set(SortKey)
    assert set(SORTS) == set(SortKey)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.DRAFT, "· Draft"),
        (Status.SCHEDULED, "○ Scheduled"),
        (Status.IN_PROGRESS, "▶ In Progress"),
        (Status.COMPLETED, "✓ Completed"),
        (Status.FAILED, "✗ Failed"),
        (Status.CANCELLED, "- Cancelled"),
    ],
)
def test_R52_status_is_a_sign_and_a_word(status: Status, words: str) -> None:
    assert told(row(status))["status"] == words


def test_R45_a_run_on_hold_is_seen_in_the_list() -> None:
    assert told(row(Status.IN_PROGRESS, held=True))["status"] == "‖ On hold"


@pytest.mark.parametrize("counter", ["failed", "unknown", "undelivered"])
def test_R5_completed_with_a_flaw_carries_a_mark(counter: str) -> None:
    assert told(run(Status.COMPLETED, audience=10, sent=9, **{counter: 1}))["status"] == "✓ Completed !"
    assert told(run(Status.COMPLETED, audience=10, sent=10))["status"] == "✓ Completed"


def test_R47_shares_are_of_their_own_whole() -> None:
    cells = told(run(Status.COMPLETED, audience=110, skipped=10, sent=90, failed=10, delivered=60, read=15))
    assert (cells["sent"], cells["delivered"], cells["read"], cells["failed"]) == ("90.0", "66.7", "25.0", "10.0")


def test_R47_none_of_none_is_a_dash() -> None:
    cells = told(run(Status.FAILED, audience=5, skipped=5))
    assert (cells["sent"], cells["delivered"], cells["read"], cells["failed"]) == ("-", "-", "-", "-")


@pytest.mark.parametrize("status", [Status.DRAFT, Status.SCHEDULED, Status.CANCELLED])
def test_what_never_ran_has_no_shares(status: Status) -> None:
    cells = told(row(status))
    assert (cells["sent"], cells["delivered"], cells["read"], cells["failed"]) == ("-", "-", "-", "-")


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (3 * 24 * HOUR, "locks in 2 d"),
        (20 * HOUR, "locks in 19 h"),
        (65 * MINUTE, "locks in 1 h"),
        (30 * MINUTE, "locks in 25:00"),
        (5 * MINUTE, "locks in 00:00"),
        (5 * MINUTE - 1, "LOCKED  04:59"),
        (1_000, "LOCKED  00:01"),
        (0, "LOCKED  due"),
        (-MINUTE, "LOCKED  due"),
    ],
)
def test_R15_a_scheduled_one_counts_down_to_its_lock_and_then_to_its_time(ahead: int, words: str) -> None:
    assert told(replace(row(Status.SCHEDULED), scheduled_at=START + ahead))["progress"] == words


@pytest.mark.parametrize("cause", list(RootCause))
def test_R40_a_failed_one_names_its_root_cause(cause: RootCause) -> None:
    failed = replace(row(Status.FAILED), status_reason=cause.value)
    assert told(failed)["progress"] == REASONS[cause.value]


def test_a_run_shows_how_much_of_it_has_an_outcome() -> None:
    half = run(Status.IN_PROGRESS, audience=110, skipped=10, pending=50, sent=45, failed=5)
    assert told(half)["progress"] == "█████·····  50"
    almost = run(Status.IN_PROGRESS, audience=1_000, pending=1, sent=999)
    assert told(almost)["progress"].endswith(" 99"), "100 is kept for all of it"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"template": None, "sender": None}, "needs template"),
        ({"sender": None}, "needs sender"),
        ({"progress": Progress()}, "needs audience"),
        ({"progress": Progress(audience=3, skipped=3)}, "nobody valid"),
        ({}, "not scheduled"),
    ],
)
def test_a_draft_says_what_it_still_needs(changes: dict[str, object], words: str) -> None:
    draft = CampaignRow(**{**{name: getattr(DRAFT, name) for name in CampaignRow.__slots__}, **changes})
    assert told(draft)["progress"] == words


def test_the_time_is_the_one_that_matters_for_the_status() -> None:
    assert told(row(Status.SCHEDULED, 30))["when"] == "today 15:00"
    assert told(run(Status.IN_PROGRESS, audience=1, pending=1))["when"] == "since 12:30"
    assert told(run(Status.COMPLETED, audience=1, sent=1))["when"] == "today 12:30"
    assert told(replace(row(Status.CANCELLED), finished_at=START - 26 * HOUR))["when"] == "yesterday 12:30"
    assert told(DRAFT)["when"] == "today 14:30"


def test_R45_a_held_run_says_until_when() -> None:
    held = row(Status.IN_PROGRESS, held=True)
    assert told(held)["when"] == "until resumed"
    assert told(replace(held, hold_until=START + 26 * MINUTE))["when"] == "until 14:56"
    assert told(replace(held, hold_until=START + 20 * HOUR))["when"] == "until tomorrow"


def test_what_does_not_fit_beside_the_date_is_the_time_of_day() -> None:
    assert told(replace(row(Status.SCHEDULED), scheduled_at=START + 400 * 24 * HOUR))["when"] == "28 Dec 2027"
    started = replace(run(Status.IN_PROGRESS, audience=1, pending=1), started_at=START - 26 * HOUR)
    assert told(started)["when"] == "since yesterday"


def test_senders_are_told_by_their_last_digits() -> None:
    assert told(DRAFT)["sender"] == "..4021"
    assert told(replace(DRAFT, sender=49151700042))["sender"] == "..0042"
    assert told(replace(DRAFT, sender=None))["sender"] == "-"


def test_a_campaign_without_a_name_is_untitled() -> None:
    assert told(replace(DRAFT, name=""))["name"] == "Untitled"
    assert told(replace(DRAFT, name="   "))["name"] == "Untitled"


@pytest.mark.parametrize("name", scenes.ROUGH_NAMES)
def test_names_hold_no_control_characters(name: str) -> None:
    cells = told(replace(DRAFT, name=name, template=name))
    for text in (cells["name"], cells["template"]):
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("ahead", [1, 4, 30, 90, 3_000, 90_000])
def test_what_is_said_fits_its_column(status: Status, ahead: int) -> None:
    cells = told(row(status, ahead))
    widths = {column.key: column.width for column in COLUMNS}
    for key in ("status", "when", "audience", "progress", "sent", "delivered", "read", "failed"):
        assert cell_len(cells[key]) <= widths[key], (key, cells[key])


def test_the_root_causes_fit_their_column() -> None:
    width = next(column.width for column in COLUMNS if column.key == "progress")
    assert [words for words in REASONS.values() if cell_len(words) > width] == []
    assert set(REASONS) == {cause.value for cause in RootCause}


def test_large_audiences_fit_their_column() -> None:
    many = told(run(Status.IN_PROGRESS, audience=9_999_999, pending=1, sent=9_999_998))
    assert many["audience"] == "9,999,999"


def test_what_waits_after_a_restore_says_so_instead_of_counting_down() -> None:
    ahead = replace(DRAFT, status=Status.SCHEDULED, scheduled_at=START + HOUR)
    assert told(ahead)["progress"].startswith("locks in ")
    held = told(replace(ahead, hold_reason="restored"))
    assert held["status"].endswith("On hold")
    assert held["progress"] == "restored, waits"
    assert cell_len(held["progress"]) <= 15


@pytest.mark.parametrize("width", [80, 120])
def test_R21_firings_of_one_series_are_told_apart_where_their_names_are_cut(width: int) -> None:
    (name,) = [one for one in place(COLUMNS, width, GUTTER, MARGIN) if one.column.key == "name"]
    texts = []
    for day in (30, 7):
        one = replace(DRAFT, name=f"Weekly offer for everybody, Mon {day} Nov 10:00", series_id=1)
        cell = campaign_cells.cells(one, ZONE, START)[name.index]
        texts.append(fit(cell.text, name.width, tails=cell.tails))
    assert [text.endswith(f"…{day} Nov 10:00") for text, day in zip(texts, (30, 7), strict=True)] == [True, True]


def test_a_name_that_only_looks_like_a_firings_is_cut_at_its_end() -> None:
    one = replace(DRAFT, name="Doors open Mon 30 Nov 10:00")
    assert not campaign_cells.cells(one, ZONE, START)[1].tails
