"""A campaign's report as a workbook: the figures on one sheet, every recipient on the next (R48)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from engine.export.rows import COLUMNS, Progress, cells, rows, silent
from engine.export.tables import errors_table, facts, rates_table, skips_table
from engine.files import whole
from engine.report import NO_CALLBACKS, read
from engine.text import spreadsheet_safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.report import Report
    from store.types import Campaign

ROWS_OF_A_SHEET: Final = 1_048_576
"""What Excel reads; more recipients go on on another sheet."""
_LONGEST: Final = 32_767
_NO_XML: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")
_WIDTHS: Final = (8, 20, 12, 22, 12, 60, 40, 30, 30, 30, 30)
_AS_NUMBERS: Final = (COLUMNS.index("line"), COLUMNS.index("error_code"))


def write_xlsx(
    campaign_id: int, file: Path, zone: str, progress: Progress = silent, rows_of_a_sheet: int = ROWS_OF_A_SHEET
) -> int:
    """Write the figures and one line for every audience row, and answer how many those are; memory stays flat.

    `progress` is called with the rows written so far. Raises `store.errors.Missing`, and `BadInput` with
    `unwritable_file`.
    """
    report = read(campaign_id)
    with (
        whole(file) as partial,
        partial.open("wb") as handle,
        TemporaryDirectory(prefix="sendoff-") as scratch,
        _book(handle, scratch) as book,
    ):
        _figures(book, report, zone)
        return _recipients(book, report.campaign, zone, progress, rows_of_a_sheet)


@contextmanager
def _book(handle: BinaryIO, scratch: str) -> Iterator[Any]:
    """A workbook that is packed at the end, and dropped when something breaks off before."""
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    options = {"constant_memory": True, "tmpdir": scratch, "strings_to_formulas": False, "strings_to_urls": False}
    book = Workbook(handle, options)
    # A million rows are more than a small archive holds.
    book.use_zip64()
    try:
        yield book
    except BaseException:
        # Its destructor would pack all there is.
        book.fileclosed = True
        for sheet in book.worksheets():
            sheet.row_data_fh.close()
        raise
    try:
        book.close()
    except FileCreateError as error:
        raise OSError(str(error)) from error


def _figures(book: Any, report: Report, zone: str) -> None:
    sheet = book.add_worksheet("Report")
    bold, share = book.add_format({"bold": True}), book.add_format({"num_format": "0.0%"})
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 3, 16)
    sheet.set_column(4, 4, 60)
    for at, line in enumerate(_lines(report, zone)):
        for column, value in enumerate(line):
            if isinstance(value, float):
                sheet.write_number(at, column, value, share)
            elif isinstance(value, int):
                sheet.write_number(at, column, value)
            elif value:
                sheet.write_string(at, column, _text(value), bold if column == 0 else None)


def _lines(report: Report, zone: str) -> Iterator[Sequence[str | int | float]]:
    yield from facts(report, zone)
    yield ()
    yield "Figures", "n", "of", "share"
    for rate in rates_table(report.campaign):
        share: str | float = "-" if rate.whole == 0 else rate.part / rate.whole
        yield (rate.name, rate.part, rate.whole, share) if rate.known else (rate.name, "", "", NO_CALLBACKS)
    yield ()
    yield "Errors", "n", "code", "when", "what to do"
    for error in errors_table(report):
        yield error.text, error.n, error.code or "", "after it was sent" if error.after_sent else "", error.advice
    yield ()
    yield "Skipped", "n"
    yield from skips_table(report)


def _recipients(book: Any, campaign: Campaign, zone: str, progress: Progress, rows_of_a_sheet: int) -> int:
    bold = book.add_format({"bold": True})
    sheet: Any = None
    at, count, sheets = rows_of_a_sheet, 0, 0
    for row in rows(campaign, progress):
        if at >= rows_of_a_sheet:
            sheets += 1
            sheet = _sheet(book, bold, "Recipients" if sheets == 1 else f"Recipients {sheets}")
            at = 1
        # Without an audience there are no rows.
        assert campaign.audience is not None
        for column, cell in enumerate(cells(row, campaign.audience, zone)):
            if column in _AS_NUMBERS and cell:
                sheet.write_number(at, column, int(cell))
            elif cell:
                sheet.write_string(at, column, _text(cell))
        at += 1
        count += 1
    if sheet is None:
        _sheet(book, bold, "Recipients")
    return count


def _sheet(book: Any, bold: Any, name: str) -> Any:
    sheet = book.add_worksheet(name)
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 0)
    for column, title in enumerate(COLUMNS):
        sheet.write_string(0, column, title, bold)
    return sheet


def _text(value: str) -> str:
    return spreadsheet_safe(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", value))[:_LONGEST]
