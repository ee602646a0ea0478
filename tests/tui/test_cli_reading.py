"""`campaign list`, `show` and `report`."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from engine.commands import setup
from engine.context import Context
from engine.sample import fill
from store import database
from store.types import Actor, SortKey
from tests.cli import Here
from tests.clock import START, FakeClock
from tests.tui.cli_scene import OTHER_SENDER, draft, set_up
from tui.cli.listing import moment

CAMPAIGN_NAMES = {
    "id", "name", "status", "status_reason", "hold", "sender", "template", "audience", "skipped", "pending", "sent",
    "delivered", "read", "failed", "unknown", "scheduled_at", "lock_at", "started_at", "finished_at", "price",
    "created_by",
}  # fmt: skip
REPORT_NAMES = {"root_cause", "skips", "errors", "rates"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Here:
    """The sample account, for tests that only read."""
    clock = FakeClock()
    file = tmp_path_factory.mktemp("sample") / "sample.db"
    database.open_database(str(file), create=True)
    with database.session():
        fill(Context(clock, Actor("asha", "test")))
    return Here(file, clock)


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    return Here(tmp_path / "here.db", clock)


def names(sample: Here, *options: object) -> list[str]:
    return [one["name"] for one in sample.json("campaign", "list", *options)]


def by_name(sample: Here) -> dict[str, int]:
    return {one["name"]: one["id"] for one in sample.json("campaign", "list")}


# The list


def test_the_list_is_campaigns_under_the_names_of_the_contract(sample: Here) -> None:
    found = sample.json("campaign", "list")
    assert len(found) == 15
    for one in found:
        assert set(one) >= CAMPAIGN_NAMES
        assert one["audience"] == sum(one[key] for key in ("skipped", "pending", "sent", "failed", "unknown"))
    assert {one["status"] for one in found} == {
        "draft", "scheduled", "in_progress", "completed", "failed", "cancelled",
    }  # fmt: skip


def test_what_runs_comes_first_then_what_is_next_then_the_newest(sample: Here) -> None:
    assert names(sample)[:5] == [
        "Diwali early access",
        "Lunch offer",
        "Flash sale",
        "Renewal December",
        "Winter preview",
    ]


def test_R51_the_list_is_narrowed_by_status_sender_search_and_date_together(sample: Here) -> None:
    assert set(names(sample, "--status", "draft")) == {"New year teaser", "Winter preview"}
    assert names(sample, "--status", "in-progress") == ["Diwali early access"]
    assert names(sample, "--sender", "+44 20 7946 0018") == ["Diwali early access"]
    assert set(names(sample, "--search", "RENEWAL", "--status", "scheduled")) == {"Renewal December"}
    assert names(sample, "--search", "weekend_offer") == ["Weekend offer"]
    assert names(sample, "--from", "2026-11-15", "--to", "2026-11-16") == ["Morning news", "Weekend offer"]
    assert names(sample, "--from", "2026-11-15T03:30:00Z", "--to", "2026-11-15 09:00") == []
    assert names(sample, "--from", "2026-11-15 09:00", "--to", "2026-11-15 09:01", "--status", "draft") == []
    assert names(sample, "--from", "2026-11-15 09:00", "--to", "2026-11-15 09:01") == ["Weekend offer"]


def test_R52_the_list_is_sorted_and_cut(sample: Here) -> None:
    every = names(sample, "--sort", "name")
    assert every == sorted(every, key=str.lower)
    assert names(sample, "--sort", "name", "--reverse", "--limit", 2) == every[::-1][:2]
    failed = [one["failed"] for one in sample.json("campaign", "list", "--sort", "failed", "--reverse", "--limit", 1)]
    assert failed == [40]


@pytest.mark.parametrize("sort", list(SortKey))
def test_R52_every_column_is_sorted_by_from_the_command_line_too(sort: SortKey, sample: Here) -> None:
    every = names(sample, "--sort", sort)
    assert len(every) == 15
    assert names(sample, "--sort", sort, "--reverse") == every[::-1]
    assert sort is SortKey.WHEN or every != names(sample)


def test_R52_another_word_is_no_column(sample: Here) -> None:
    assert sample.refused("campaign", "list", "--sort", "colour")[0] == 2


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize("text", ["yesterday-ish", "2026-02-30", "2026-11-1", "25:00", ""])
def test_a_date_that_cannot_be_read_is_status_2(option: str, text: str, sample: Here) -> None:
    assert sample.refused("campaign", "list", option, text) == (2, "bad_time")


def test_a_day_begins_and_ends_in_the_accounts_zone() -> None:
    hour = 3_600_000
    assert moment("2026-11-23", "UTC") == START - 9 * hour
    assert moment("2026-11-23", "UTC", end=True) == START + 15 * hour
    assert moment("2026-11-23", "Asia/Kolkata") == START - 9 * hour - 11 * hour // 2
    # A day of 23 hours.
    assert moment("2027-03-28", "Europe/Berlin", end=True) - moment("2027-03-28", "Europe/Berlin") == 23 * hour
    assert moment("2026-11-23T10:00+01:00", "Asia/Kolkata") == START


def test_R47_R52_the_table_shows_status_in_words_and_every_share_with_its_n_of_m(sample: Here) -> None:
    lines = sample("campaign", "list").out.splitlines()
    assert lines[0].split() == [
        "ID", "STATUS", "NAME", "SENDER", "TEMPLATE", "WHEN", "AUDIENCE", "PROGRESS", "SENT", "DELIVERED", "READ",
        "FAILED",
    ]  # fmt: skip
    row = {name: line for line in lines for name in by_name(sample) if f"  {name}  " in line}
    assert len(row) == 15
    assert "✗ Failed: template unavailable" in row["Weekend offer"]
    assert "40/40 100%" in row["Win-back 2019"]
    assert row["New year teaser"].split()[-5:] == ["-"] * 5
    assert "2026-11-24T10:00:00+05:30" in row["Renewal December"]


def test_an_empty_list_says_what_to_do(sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    assert sendoff.json("campaign", "list") == []
    assert "sendoff campaign create" in sendoff("campaign", "list").out
    draft(sendoff, tmp_path)
    assert sendoff("campaign", "list", "--search", "nothing").out == "No campaign matches.\n"


def test_columns_stay_below_each_other_beside_wide_characters(sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    for name in ("セール", "Sale", "cafe\u0301"):
        draft(sendoff, tmp_path, name=name)
    from rich.cells import cell_len

    lines = sendoff("campaign", "list").out.splitlines()
    assert len({cell_len(line[: line.index("+918")]) for line in lines[1:]}) == 1


# One campaign


def test_show_gives_the_campaign_and_what_it_is_made_of(sample: Here) -> None:
    shown = sample.json("campaign", "show", by_name(sample)["Flash sale"])
    assert set(shown) >= CAMPAIGN_NAMES
    assert (shown["status"], shown["sender"], shown["template"]) == ("scheduled", "+918040214021", "season_sale:en_US")
    assert shown["scheduled_at"] == "2026-11-23T14:42:00+05:30"
    assert shown["lock_at"] == "2026-11-23T14:37:00+05:30"
    assert shown["placeholders"]["body.2"] == {"column": None, "fixed": "Friday", "fallback": None}
    assert 'always "Friday"' in sample("campaign", "show", shown["id"]).out


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("Weekend offer", "template_unavailable", "paused"),
        ("Flash Friday", "insufficient_credits", "missing"),
        ("Morning news", "missed_window", "3 h 20 min"),
        ("Win-back 2019", "all_rejected", "131026"),
    ],
)
def test_R40_a_failed_campaigns_report_begins_with_the_cause_and_what_to_do(
    name: str, code: str, said: str, sample: Here
) -> None:
    found = sample.json("campaign", "report", by_name(sample)[name])
    assert set(found) >= CAMPAIGN_NAMES | REPORT_NAMES
    assert (found["status"], found["status_reason"], found["sent"]) == ("failed", code, 0)
    assert found["root_cause"]["code"] == code
    assert said in found["root_cause"]["text"]
    lines = sample("campaign", "report", found["id"]).out.splitlines()
    assert found["root_cause"]["text"] in lines[1]
    assert lines[2] == f"What to do: {found['root_cause']['advice']}"


def test_R41_R47_a_report_adds_up_and_gives_its_rates(sample: Here) -> None:
    found = sample.json("campaign", "report", by_name(sample)["Catalogue launch"])
    assert found["root_cause"] is None
    assert found["unknown"] > 0
    valid = found["audience"] - found["skipped"]
    assert found["rates"]["sent"] == pytest.approx(100 * found["sent"] / valid)
    assert found["rates"]["delivered"] == pytest.approx(100 * found["delivered"] / found["sent"])
    assert found["rates"]["read"] == pytest.approx(100 * found["read"] / found["delivered"])
    assert found["rates"]["failed"] == pytest.approx(100 * found["failed"] / valid)
    assert sum(found["skips"].values()) == found["skipped"]
    assert sum(line["n"] for line in found["errors"] if not line["after_sent"]) == found["failed"]
    assert {"code", "text", "n"} <= set(found["errors"][0])
    said = sample("campaign", "report", found["id"]).out
    assert f"= skipped {found['skipped']} + pending 0 + sent {found['sent']} + failed" in said
    assert "DOES NOT ADD UP" not in said


def test_R47_nothing_of_nothing_is_no_rate(sample: Here) -> None:
    found = sample.json("campaign", "report", by_name(sample)["New year teaser"])
    assert found["rates"] == {"sent": None, "delivered": None, "read": None, "failed": None}


def test_R48_a_report_is_exported(sample: Here, tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    campaign_id = by_name(sample)["Order updates"]
    found = sample.json("campaign", "report", campaign_id, "--csv", file)
    assert found["csv"] == {"file": str(file), "rows": 610}
    with file.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == found["audience"]
    assert sum(row["state"] == "read" for row in rows) == found["read"]
    assert f"610 rows written to {file}." in sample("campaign", "report", campaign_id, "--csv", file).out
    assert sample.refused("campaign", "report", campaign_id, "--csv", tmp_path / "no" / "x.csv") == (
        2,
        "unwritable_file",
    )


def test_many_campaigns_are_listed_in_order(sendoff: Here, tmp_path: Path, clock: FakeClock) -> None:
    set_up(sendoff, tmp_path)
    database.open_database(str(sendoff.database))
    with database.session():
        setup.add_sender(Context(clock, Actor("asha")), OTHER_SENDER, "2")
    first = draft(sendoff, tmp_path, rows=1)
    for _ in range(4):
        clock.advance(1_000)
        sendoff.json("campaign", "duplicate", first)
    assert [one["id"] for one in sendoff.json("campaign", "list")] == [5, 4, 3, 2, 1]
    lines = sendoff("campaign", "list", "--limit", 3).out.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "5", "4", "3"]


def test_R48_a_report_is_written_in_three_formats_at_once(sample: Here, tmp_path: Path) -> None:
    campaign_id = by_name(sample)["Order updates"]
    files = {ending: tmp_path / f"report.{ending}" for ending in ("csv", "xlsx", "html")}
    options = [part for ending, file in files.items() for part in (f"--{ending}", file)]
    found = sample.json("campaign", "report", campaign_id, *options)
    assert {ending: found[ending] for ending in files} == {
        ending: {"file": str(file), "rows": 610} for ending, file in files.items()
    }
    assert files["xlsx"].read_bytes().startswith(b"PK")
    assert files["html"].read_text(encoding="utf-8").startswith("<!doctype html>")
    said = sample("campaign", "report", campaign_id, *options).out
    assert f"610 rows written to {files['html']}." in said


def test_R48_the_timeline_of_a_report_adds_up_to_what_was_sent(sample: Here) -> None:
    found = sample.json("campaign", "report", by_name(sample)["Order updates"])
    line = found["timeline"]
    assert sum(slice["n"] for slice in line["sent"]) == found["sent"]
    assert line["start"] == found["started_at"] and line["end"] == found["finished_at"]
    assert line["sent"][0]["at"] == "2026-11-22T10:00:00+05:30" and line["holds"] == []
    assert sample.json("campaign", "report", by_name(sample)["Flash sale"])["timeline"] is None


def test_R50_why_tells_what_was_decided_about_a_number(sample: Here) -> None:
    campaign_id = by_name(sample)["Order updates"]
    lines = sample("campaign", "why", campaign_id, "+1 303-555-0174").out.splitlines()
    assert lines[0] == f'why +13035550174 in campaign {campaign_id} "Order updates": read; 1 credit spent'
    assert lines[1].split(None, 1) == ["2026-11-22T09:10:00+05:30", "row 1 of contacts.csv, line 2: valid"]
    assert lines[-1].split(None, 1)[1] == "read"
    found = sample.json("campaign", "why", campaign_id, "0013035550174")
    assert (found["number"], found["state"], found["campaign"]["name"]) == ("+13035550174", "read", "Order updates")
    assert [event["what"] for event in found["events"]][-4:] == ["handed_over", "accepted", "delivered", "read"]


def test_R50_a_number_or_a_campaign_that_there_is_not_is_exit_status_4(sample: Here) -> None:
    campaign_id = by_name(sample)["Order updates"]
    assert sample.refused("campaign", "why", campaign_id, "+4915111111111") == (4, "no_such_recipient")
    assert sample.refused("campaign", "why", campaign_id, "nobody") == (4, "no_such_recipient")
    assert sample.refused("campaign", "why", 999, "+4915111111111") == (4, "not_found")
    said = sample("campaign", "why", campaign_id, "\x1b[31m1").err
    assert "\x1b" not in said and "No row of this campaign has the number" in said
