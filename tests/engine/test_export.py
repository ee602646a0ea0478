"""A campaign's recipients as CSV."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import export
from engine.commands import drafts
from engine.context import Context
from engine.errors import BadInput
from engine.sample import fill
from store import campaigns, database, listing, recipients
from store.errors import Missing
from store.types import Actor, DraftFields, ListFilter, Status
from tests.builders import account_with_sender, contacts_file, context, number
from tests.clock import FakeClock

WORDS = {"skipped", "pending", "sent", "delivered", "read", "undelivered", "failed", "unknown"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sample") / "sample.db"
    database.open_database(str(file), create=True)
    with database.session():
        fill(Context(FakeClock(), Actor("asha", "test")))
    return file


@pytest.fixture
def opened(sample: Path) -> Iterator[None]:
    database.open_database(str(sample))
    with database.session():
        yield


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[None]:
    database.open_database(str(tmp_path / "empty.db"), create=True)
    with database.session():
        account_with_sender(FakeClock(), tmp_path)
        yield


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_R48_the_export_has_one_line_for_every_row_and_counts_as_the_report_does(opened: None, tmp_path: Path) -> None:
    seen: set[str] = set()
    for campaign_id in listing.ids(ListFilter()):
        campaign = campaigns.get(campaign_id)
        file = tmp_path / f"{campaign_id}.csv"
        count = export.write_csv(campaign_id, file, "Asia/Kolkata")
        rows = read(file)
        words = Counter(row["state"] for row in rows)
        seen |= set(words)
        counters = campaign.progress
        assert count == len(rows) == counters.audience
        assert [words[word] for word in ("skipped", "pending", "failed", "unknown", "read", "undelivered")] == [
            counters.skipped, counters.pending, counters.failed, counters.unknown, counters.read, counters.undelivered,
        ]  # fmt: skip
        assert words["delivered"] + words["read"] == counters.delivered
        assert sum(words[word] for word in ("sent", "delivered", "read", "undelivered")) == counters.sent
    assert seen == WORDS


def test_each_state_has_its_facts_beside_it(opened: None, tmp_path: Path) -> None:
    (campaign_id,) = listing.ids(ListFilter(search="Catalogue launch", status=Status.COMPLETED))
    export.write_csv(campaign_id, tmp_path / "x.csv", "Asia/Kolkata")
    rows = read(tmp_path / "x.csv")
    assert tuple(rows[0]) == export.COLUMNS
    lines = [int(row["line"]) for row in rows]
    assert lines == list(range(2, 612))
    for row in rows:
        state = row["state"]
        assert (row["reason"] != "") == (state == "skipped")
        assert (row["error_code"] != "") == (state in ("failed", "undelivered"))
        assert (row["error_text"] != "") == (row["error_code"] != "")
        assert (row["message_id"] != "") == (state in ("sent", "delivered", "read", "undelivered"))
        assert (row["read_at"] != "") == (state == "read")
        if state != "skipped":
            assert row["number"].startswith("+")
            assert row["handed_at"].startswith("2026-11-20T18:00:0")
            assert row["handed_at"].endswith("+05:30")


def test_a_number_that_is_none_is_shown_as_it_was_typed(opened: None, tmp_path: Path) -> None:
    (campaign_id,) = listing.ids(ListFilter(search="Winter preview"))
    export.write_csv(campaign_id, tmp_path / "x.csv", "UTC")
    reasons = {row["reason"]: row["number"] for row in read(tmp_path / "x.csv") if row["state"] == "skipped"}
    assert reasons["mangled_number"] == "4.42E+11"
    assert reasons["missing_country_code"] in ("02079460123", "01 99 00 12 34")
    assert reasons["duplicate"].startswith("+")


def test_what_a_spreadsheet_would_run_is_defused(empty: None, tmp_path: Path) -> None:
    rows = [("A", '=HYPERLINK("http://x","y")', "C"), ("B", number(1), "C"), ("C", "@SUM(A1)", "C")]
    ctx = context(FakeClock())
    campaign_id = drafts.create(ctx, DraftFields("Sale"))
    drafts.import_audience(ctx, campaign_id, campaigns.get(campaign_id).version, contacts_file(tmp_path, rows))
    assert export.write_csv(campaign_id, tmp_path / "x.csv", "UTC") == 3
    numbers = [row["number"] for row in read(tmp_path / "x.csv")]
    assert numbers == ['\'=HYPERLINK("http://x","y")', number(1), "'@SUM(A1)"]


def test_a_draft_without_an_audience_is_a_header(empty: None, tmp_path: Path) -> None:
    campaign_id = drafts.create(context(FakeClock()), DraftFields("Untitled"))
    assert export.write_csv(campaign_id, tmp_path / "x.csv", "UTC") == 0
    assert (tmp_path / "x.csv").read_text(encoding="utf-8").strip() == ",".join(export.COLUMNS)


def test_the_file_appears_whole_or_not_at_all(opened: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (campaign_id,) = listing.ids(ListFilter(search="Winter preview"))
    file = tmp_path / "x.csv"
    file.write_text("the one before", encoding="utf-8")
    real, begun = recipients.chunks, list[str]()

    def interrupted(audience_id: int, campaign: int = 0) -> Iterator[object]:
        yield next(iter(real(audience_id, campaign)))
        begun.extend(oct(path.stat().st_mode & 0o777) for path in tmp_path.glob(".x.csv.*.partial"))
        raise KeyboardInterrupt

    monkeypatch.setattr(recipients, "chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export.write_csv(campaign_id, file, "UTC")
    assert begun == ["0o600"], "others on the machine must not read people's numbers"
    assert file.read_text(encoding="utf-8") == "the one before"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    monkeypatch.undo()
    assert export.write_csv(campaign_id, file, "UTC") == 610
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_a_place_that_cannot_be_written_is_named(opened: None, tmp_path: Path) -> None:
    (campaign_id,) = listing.ids(ListFilter(search="Winter preview"))
    with pytest.raises(BadInput) as caught:
        export.write_csv(campaign_id, tmp_path / "missing" / "x.csv", "UTC")
    assert caught.value.code == "unwritable_file"
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput):
        export.write_csv(campaign_id, tmp_path / "folder", "UTC")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_campaign_that_is_not_there_is_missing(opened: None, tmp_path: Path) -> None:
    with pytest.raises(Missing):
        export.write_csv(99, tmp_path / "x.csv", "UTC")
    assert list(tmp_path.iterdir()) == []
