"""From a contact file to audience rows: each valid with its number, or skipped with one reason (R33 to R36)."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from engine.audience.columns import MOST_COLUMNS, headers, is_only_number, number_column
from engine.audience.reader import Format, Table, tables
from engine.errors import BadInput
from engine.files import whole
from engine.phone import Phone, country_code, parse_many
from engine.text import shown, spreadsheet_safe
from store.types import ContactRow, SkipReason

if TYPE_CHECKING:
    from pathlib import Path

_NUMBER: Final = "Number"
"""What the only column of a bare list of numbers is called."""
_BATCH: Final = 2_000
"""Rows whose numbers are worked out together; see `engine.phone.parse_many`."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """A contact file that is ready to be read."""

    name: str
    """The file's name, without its folder."""
    columns: tuple[str, ...]
    number_column: str
    country: str | None
    format: Format
    _table: Table = field(repr=False)
    headless: bool = False
    """Its first line is a row like any other."""

    def rows(self) -> Iterator[ContactRow]:
        """Every row in the order of the file, from the start with every call; of one number the first valid row wins.

        A row shorter than the header has blank cells at its end. One with more than blank cells beyond the header was
        torn apart by an unquoted delimiter: its columns cannot be trusted, so it is skipped as an invalid number, and
        of its cells no more than any file may have are kept.
        """
        records = self._table.records()
        if not self.headless:
            next(records, None)
        width, at = len(self.columns), self.columns.index(self.number_column)
        seen: set[int] = set()
        while batch := list(islice(records, _BATCH)):
            lines = [line for line, _ in batch]
            rows = [_fitted(cells, width) for _, cells in batch]
            for line, cells, phone in zip(
                lines, rows, parse_many([row[at] for row in rows], self.country), strict=True
            ):
                if not isinstance(phone, Phone):
                    yield ContactRow(line, cells, None, None, phone)
                elif len(cells) > width:
                    yield ContactRow(line, cells, None, None, SkipReason.INVALID_NUMBER)
                elif phone.number in seen:
                    yield ContactRow(line, cells, phone.number, phone.country, SkipReason.DUPLICATE)
                else:
                    seen.add(phone.number)
                    yield ContactRow(line, cells, phone.number, phone.country, None)

    def read_through(self) -> None:
        """Read the file to its end and keep nothing. Raises `BadInput` where `rows` would, however far down."""
        for _ in self._table.records():
            pass


@dataclass(frozen=True, slots=True)
class AudienceCheck:
    """What a file would give as an audience (R35)."""

    rows: int
    valid: int
    skipped: dict[SkipReason, int]
    """Only the reasons that occur."""
    columns: tuple[str, ...]
    number_column: str
    country: str | None
    format: Format


def open_contacts(
    path: Path, *, country: str | None = None, number_column: str | None = None, sheet: str | None = None
) -> Contacts:
    """Find out how a contact file is to be read, without reading its rows.

    `country` completes national numbers (R34); `number_column` names the column with the numbers where its header
    is not a usual one; `sheet` names the sheet of a workbook.

    Raises:
        BadInput: what `reader.tables` raises, `no_header`, `too_many_columns`, `number_column_unclear`,
            `no_such_column`, `sheet_unclear`, `unknown_country`, `cell_too_long`, `file_changed`.
    """
    code = country_code(country) if country is not None else None
    table, columns, at = _chosen_table(tables(path, sheet), number_column)
    return Contacts(path.name, columns, columns[at], code, table.format, table)


def open_numbers(path: Path, *, country: str | None = None, sheet: str | None = None) -> Contacts | None:
    """A bare list of numbers, one a line and nothing else anywhere, not even a header; `None` for any other file.

    Raises:
        BadInput: what `reader.tables` raises, `unknown_country`, `cell_too_long`, `file_changed`.
    """
    code = country_code(country) if country is not None else None
    found = tables(path, sheet)
    if len(found) != 1 or not all(is_only_number(cells) for _, cells in found[0].records()):
        return None
    return Contacts(path.name, (_NUMBER,), _NUMBER, code, found[0].format, found[0], headless=True)


def check(
    path: Path,
    *,
    country: str | None = None,
    number_column: str | None = None,
    sheet: str | None = None,
    rejects: Path | None = None,
) -> AudienceCheck:
    """Read a whole file without keeping anything; with `rejects`, write the skipped rows there in the same go.

    Raises:
        BadInput: as `open_contacts`, and `rejects_is_source` when both are the same file.
    """
    contacts = open_contacts(path, country=country, number_column=number_column, sheet=sheet)
    counts: Counter[SkipReason | None] = Counter()
    torn = 0

    def counted() -> Iterator[ContactRow]:
        nonlocal torn
        for row in contacts.rows():
            counts[row.skip] += 1
            torn += len(row.cells) > len(contacts.columns)
            yield row

    if rejects is None:
        for _ in counted():
            pass
    elif rejects.exists() and rejects.samefile(path):
        raise BadInput("rejects_is_source", f"{rejects} is the contact file itself.", "Name another file.")
    else:
        write_rejects(rejects, contacts.columns, contacts.number_column, counted())
    form = contacts.format
    if torn:
        which = "1 row has" if torn == 1 else f"{torn:,} rows have"
        warning = f"{which} more cells than there are columns and cannot be trusted: some cell holds a delimiter."
        form = replace(form, warnings=(*form.warnings, warning))
    skipped = {reason: counts[reason] for reason in SkipReason if counts[reason]}
    return AudienceCheck(
        rows=counts.total(),
        valid=counts[None],
        skipped=skipped,
        columns=contacts.columns,
        number_column=contacts.number_column,
        country=contacts.country,
        format=form,
    )


def write_rejects(path: Path, columns: Sequence[str], number_column: str, rows: Iterable[ContactRow]) -> int:
    """Write the skipped rows among `rows` as CSV (line, number as typed, reason, cells) and answer how many they are.

    The file is UTF-8 with a byte order mark, for spreadsheets, and appears whole or not at all. Cells that would
    start a formula are defused.

    Raises:
        BadInput: `unwritable_file`.
    """
    at = columns.index(number_column)
    count = 0
    with whole(path) as partial, partial.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        out = csv.writer(file)
        out.writerow(["line", "number as typed", "reason", *map(spreadsheet_safe, columns)])
        for row in rows:
            if row.skip is not None:
                number = row.cells[at] if at < len(row.cells) else ""
                out.writerow([row.line, *map(spreadsheet_safe, (number, row.skip.value, *row.cells))])
                count += 1
    return count


def _fitted(cells: list[str], width: int) -> list[str]:
    """The cells with blanks added up to the header's width, and blank ones beyond it left out."""
    if len(cells) < width:
        return cells + [""] * (width - len(cells))
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    return cells[: MOST_COLUMNS + 1]


def _chosen_table(found: Sequence[Table], chosen: str | None) -> tuple[Table, tuple[str, ...], int]:
    """The table to read, its columns and the position of the number column; of several sheets the only fitting one.

    That it was taken, and from among which, is told by its format.
    """
    if len(found) == 1:
        columns = headers(_header(found[0]))
        return found[0], columns, number_column(columns, chosen)
    fitting = []
    for table in found:
        with suppress(BadInput):
            columns = headers(_header(table))
            fitting.append((table, columns, number_column(columns, chosen)))
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(shown(table.format.sheet or "") for table in found)
    if not fitting:
        wanted = "a recognised number column" if chosen is None else f"a column {shown(chosen)!r}"
        raise BadInput(
            "number_column_unclear" if chosen is None else "no_such_column",
            f"No sheet of the workbook has {wanted}. Its sheets are: {names}.",
            f"Choose the column with --number-column, or the sheet{_as_in(found[0])}.",
        )
    several = ", ".join(shown(table.format.sheet or "") for table, _, _ in fitting)
    others = "" if len(fitting) == len(found) else f" Its sheets are: {names}."
    raise BadInput(
        "sheet_unclear",
        f"Several sheets of the workbook look like contact lists: {several}.{others}",
        f"Choose one{_as_in(fitting[0][0])}.",
    )


def _as_in(table: Table) -> str:
    return f', as in --sheet "{shown(table.format.sheet or "")}"'


def _header(table: Table) -> list[str]:
    first = next(table.records(), None)
    if first is None:
        raise BadInput("empty_file", "The file has nothing in it.", "Choose the file with the contacts.")
    return first[1]
