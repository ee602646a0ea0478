"""Contact files as tables of text: encodings, delimiters, quotes and workbooks (R33)."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import StringIO
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetVisibleEnum

from engine.audience.columns import is_usual
from engine.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_CELL: Final = 32_767
"""Characters; the most a cell of a spreadsheet can hold."""

Record: TypeAlias = tuple[int, list[str]]
"""Where the record starts (line of a text file, row of a sheet, from 1) and its cells."""
Value: TypeAlias = int | float | str | bool | time | date | datetime | timedelta

_DELIMITERS: Final = (",", ";", "\t", "|")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEP_LINE: Final = re.compile(r'"?sep=([^\r\n])"?\s*', re.IGNORECASE)
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Format:
    """What a file turned out to be."""

    kind: str
    """`csv` or `xlsx`."""
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    warnings: tuple[str, ...] = ()
    """What an operator should know about the reading, in sentences."""


class Table(Protocol):
    """One table of a file; `records` starts over with every call and leaves out lines without anything on them."""

    @property
    def format(self) -> Format: ...

    def records(self) -> Iterator[Record]: ...


def tables(path: Path) -> list[Table]:
    """The tables in a file: one of a text file, every visible sheet of a workbook that is not empty.

    Raises:
        BadInput: `unreadable_file`, `empty_file`, `not_text`, `unreadable_workbook`.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if not head:
            raise BadInput("empty_file", f"{path.name} is empty.", "Choose the file with the contacts.")
        if head.startswith(b"PK\x03\x04"):
            return _sheets(path)
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            raise BadInput(
                "unreadable_workbook",
                f"{path.name} is an old Excel workbook or protected by a password.",
                "Save it as .xlsx without a password, or as CSV.",
            )
        return [_text_table(path)]
    except OSError as error:
        raise BadInput(
            "unreadable_file",
            f"{path} cannot be read: {error.strerror or error}.",
            "Check the path and its permissions.",
        ) from error


@dataclass(frozen=True, slots=True)
class _TextTable:
    path: Path
    format: Format
    skip_lines: int

    def records(self) -> Iterator[Record]:
        assert self.format.encoding is not None and self.format.delimiter is not None
        errors = "replace" if self.format.encoding == "cp1252" else "strict"
        # newline="" splits at CR, LF and CRLF alike and leaves the line ends inside quotes as they are.
        with self.path.open(encoding=self.format.encoding, errors=errors, newline="") as file:
            for _ in range(self.skip_lines):
                next(file)
            yield from _records(file, self.format.delimiter, self.skip_lines)


def _text_table(path: Path) -> _TextTable:
    encoding = _encoding(path)
    warnings: tuple[str, ...] = ()
    if encoding == "cp1252":
        warnings = ("The file is not UTF-8 and was read as Windows-1252: check that names with accents look right.",)
    errors = "replace" if encoding == "cp1252" else "strict"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        sample = file.read(1 << 16)
    lines = list(StringIO(sample, newline=""))
    if len(sample) == 1 << 16 and len(lines) > 1:
        lines.pop()
    if not sample.strip():
        raise BadInput("empty_file", f"{path.name} is empty.", "Choose the file with the contacts.")
    # Excel writes and obeys a first line such as "sep=;".
    told = _SEP_LINE.fullmatch(lines[0])
    delimiter = told[1] if told else _delimiter(lines)
    return _TextTable(path, Format("csv", delimiter, encoding, warnings=warnings), 1 if told else 0)


def _encoding(path: Path) -> str:
    """The encoding of the whole file, every byte of it looked at."""
    with path.open("rb") as file:
        head = file.read(4)
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                _refuse_nul(path, decoder.decode(chunk))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise _not_text(path) from error
    else:
        return encoding
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            _refuse_nul(path, chunk.decode("cp1252", "replace"))
    return "cp1252"


def _refuse_nul(path: Path, text: str) -> None:
    if "\0" in text:
        raise _not_text(path)


def _not_text(path: Path) -> BadInput:
    return BadInput(
        "not_text",
        f"{path.name} is neither a text file nor an .xlsx workbook.",
        "Save the contacts as CSV in UTF-8, or as .xlsx.",
    )


def _delimiter(lines: list[str]) -> str:
    """The delimiter that splits the most lines like the header, preferring one that uncovers a number column."""
    best, best_score = ",", (False, 0.0, 1)
    for delimiter in _DELIMITERS:
        try:
            rows = [row for row in islice(csv.reader(lines, delimiter=delimiter), 200) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        alike = sum(len(row) == width for row in rows) / len(rows)
        score = (any(is_usual(cell) for cell in rows[0]), alike, width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


class _Feed:
    """Lines on their way to the csv reader, those of the current record kept so that they can be read another way."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.size = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        self.size += len(line)
        return line

    def give_back(self) -> str:
        """Put back all but the first line of the record, and answer the first."""
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        self.taken = [first]
        return first

    def next_record(self) -> int:
        """Forget the lines of the record that was read; answers how many they were."""
        count = len(self.taken)
        self.taken, self.size = [], 0
        return count


def _records(lines: Iterator[str], delimiter: str, before: int) -> Iterator[Record]:
    """The records of a text table, read strictly so that a stray quotation mark never swallows the lines after it."""
    feed = _Feed(lines)
    strict = csv.reader(feed, delimiter=delimiter, strict=True)
    line = before + 1
    while True:
        try:
            cells = next(strict)
            broken = feed.size > LONGEST_CELL and any(len(cell) > LONGEST_CELL for cell in cells)
        except StopIteration:
            return
        except csv.Error:
            cells, broken = [], True
        if broken:
            cells = _mended(feed, delimiter, line)
        if cells:
            yield line, cells
        line += feed.next_record()


def _mended(feed: _Feed, delimiter: str, line: int) -> list[str]:
    """The first line of a record that cannot be read as it is quoted; the lines after it are records of their own."""
    first = feed.give_back()
    following = iter((first, ""))
    try:
        cells = next(csv.reader(following, delimiter=delimiter), [])
        if next(following, None) is None:
            # The reader went on past the line: the mark opens nothing and is a character like any other.
            cells = next(csv.reader([first], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
    except csv.Error:
        cells = [first]
    if any(len(cell) > LONGEST_CELL for cell in cells):
        raise BadInput(
            "cell_too_long",
            f"Line {line:,} has a cell of more than {LONGEST_CELL:,} characters.",
            "Check that this is a contact list with one contact per line.",
        )
    return cells


class _Sheet:
    def __init__(self, sheet: CalamineSheet) -> None:
        self._sheet = sheet
        self.format = Format("xlsx", sheet=sheet.name)

    def records(self) -> Iterator[Record]:
        for row, values in enumerate(self._sheet.iter_rows(), start=1):
            cells = [value if isinstance(value, str) else _cell(value) for value in values]
            if any(cells):
                yield row, cells


def _sheets(path: Path) -> list[Table]:
    try:
        workbook = CalamineWorkbook.from_path(path)
        visible = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible is SheetVisibleEnum.Visible]
        sheets = [workbook.get_sheet_by_name(name) for name in visible]
    except PasswordError as error:
        raise BadInput(
            "unreadable_workbook", f"{path.name} is protected by a password.", "Save it without one."
        ) from error
    except CalamineError as error:
        raise BadInput(
            "unreadable_workbook",
            f"{path.name} cannot be read as a workbook: {error}.",
            "Open it in a spreadsheet program and save it again as .xlsx or CSV.",
        ) from error
    filled: list[Table] = [_Sheet(sheet) for sheet in sheets if sheet.start is not None]
    if not filled:
        raise BadInput(
            "empty_file", f"{path.name} has no sheet with anything in it.", "Choose the file with the contacts."
        )
    return filled


def _cell(value: Value) -> str:
    """A cell's value as text: whole numbers without decimals, dates and times in ISO 8601.

    Workbooks keep every number as a float, so a phone number arrives as 4915123252822.0; 15 digits are all Excel keeps.
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(value, ".15g")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
