"""The report as a workbook: the figures on one sheet, every recipient on the next (R48)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from engine import export
from engine.commands import drafts
from engine.errors import BadInput
from engine.sample import fill
from store import campaigns, database, listing, recipients
from store.errors import Missing
from store.types import DraftFields, ListFilter
from tests import builders
from tests.clock import FakeClock


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample account."""
    file = tmp_path_factory.mktemp("sample") / "sample.db"
    database.open_database(str(file), create=True)
    with database.session():
        fill(builders.context(FakeClock()))
    return file


@pytest.fixture
def opened(sample: Path) -> Iterator[None]:
    database.open_database(str(sample))
    with database.session():
        yield


def book(campaign_id: int, folder: Path, rows_of_a_sheet: int = 1_000) -> dict[str, list[tuple[Any, ...]]]:
    """The values of every sheet, as a spreadsheet reads them back."""
    file = folder / "report.xlsx"
    export.write_xlsx(campaign_id, file, builders.ZONE, rows_of_a_sheet=rows_of_a_sheet)
    found = openpyxl.load_workbook(file)
    sheets = {name: [tuple(row) for row in found[name].iter_rows(values_only=True)] for name in found.sheetnames}
    found.close()
    return sheets


def by_name(name: str) -> int:
    (found,) = listing.ids(ListFilter(search=name))
    return found


def test_R48_the_workbook_has_the_figures_and_one_line_for_every_row(opened: None, tmp_path: Path) -> None:
    campaign_id = by_name("Order updates")
    counters = campaigns.get(campaign_id).progress
    sheets = book(campaign_id, tmp_path)
    assert list(sheets) == ["Report", "Recipients"]
    facts = {row[0]: row[1:] for row in sheets["Report"] if row[0]}
    assert facts["Campaign"][0] == "Order updates" and facts["Started"][0] == "2026-11-22T10:00:00+05:30"
    assert facts["sent"][:3] == (counters.sent, 600, pytest.approx(counters.sent / 600))
    assert facts["read"][:2] == (counters.read, counters.delivered)
    assert facts["duplicate"][0] == 3
    assert facts["Adds up"][0].endswith("holds")
    titles, *rows = sheets["Recipients"]
    assert titles == export.COLUMNS
    assert len(rows) == 610
    assert Counter(row[2] for row in rows)["read"] == counters.read
    assert [row[0] for row in rows] == list(range(2, 612)), "lines are numbers, to be sorted as such"


def test_R48_the_workbook_says_the_same_as_the_csv(opened: None, tmp_path: Path) -> None:
    campaign_id = by_name("Catalogue launch")
    export.write_csv(campaign_id, tmp_path / "x.csv", builders.ZONE)
    import csv

    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as handle:
        expected = list(csv.reader(handle))
    found = [["" if cell is None else str(cell) for cell in row] for row in book(campaign_id, tmp_path)["Recipients"]]
    assert found == expected


def test_R48_what_a_spreadsheet_would_run_is_defused(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    rows = [("A", '=HYPERLINK("http://x","y")', "C"), ("B", "@SUM(A1)\x1b\ufffe", "C"), ("C", "http://x.example", "C")]
    campaign_id = builders.draft(clock, tmp_path, rows, name="=1+1")
    file = tmp_path / "report.xlsx"
    export.write_xlsx(campaign_id, file, "UTC")
    found = openpyxl.load_workbook(file)
    assert found["Report"]["B1"].value == "'=1+1"
    cells = [row[1] for row in found["Recipients"].iter_rows(min_row=2)]
    assert [cell.data_type for cell in cells] == ["s", "s", "s"], "text, never a formula"
    assert [cell.hyperlink for cell in cells] == [None] * 3
    assert cells[0].value == '\'=HYPERLINK("http://x","y")'
    found.close()


def test_R48_more_rows_than_a_sheet_holds_go_on_on_another(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, 7)
    sheets = book(campaign_id, tmp_path, rows_of_a_sheet=4)
    assert list(sheets) == ["Report", "Recipients", "Recipients 2", "Recipients 3"]
    assert [len(rows) for rows in list(sheets.values())[1:]] == [4, 4, 2]
    assert {rows[0] for rows in list(sheets.values())[1:]} == {export.COLUMNS}


def test_a_draft_without_an_audience_is_a_header(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = drafts.create(builders.context(clock), DraftFields("Untitled"))
    assert book(campaign_id, tmp_path)["Recipients"] == [export.COLUMNS]


def test_the_workbook_appears_whole_or_not_at_all(
    opened: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = by_name("Order updates")
    file = tmp_path / "x.xlsx"
    file.write_text("the one before", encoding="utf-8")
    real = recipients.chunks

    def interrupted(audience_id: int, campaign: int = 0) -> Iterator[object]:
        yield next(iter(real(audience_id, campaign)))
        raise KeyboardInterrupt

    monkeypatch.setattr(recipients, "chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export.write_xlsx(campaign_id, file, "UTC")
    assert file.read_text(encoding="utf-8") == "the one before"
    monkeypatch.undo()
    with pytest.raises(BadInput) as caught:
        export.write_xlsx(campaign_id, tmp_path / "missing" / "x.xlsx", "UTC")
    assert caught.value.code == "unwritable_file"
    with pytest.raises(Missing):
        export.write_xlsx(99, tmp_path / "y.xlsx", "UTC")
    assert [path.name for path in tmp_path.iterdir()] == ["x.xlsx"]
