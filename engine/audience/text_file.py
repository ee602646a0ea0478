"""Text files as tables: delimiters, quotes, and rows that are quoted wrongly (R33, R35)."""

from __future__ import annotations

import csv
import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from engine import files
from engine.audience import encoding
from engine.audience.columns import is_usual
from engine.audience.table import LONGEST_CELL, Format, Record, empty, too_long
from engine.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

_DELIMITERS: Final = (",", ";", "\t", "|")
_SEP_LINE: Final = re.compile(r'"?sep=([^\r\n"])"?\s*', re.IGNORECASE)
_SAMPLE: Final = 1 << 16

State: TypeAlias = tuple[int, int, int]
"""By which a file is known to be the same and unchanged."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """The one table of a text file."""

    path: Path
    format: Format
    skip_lines: int
    state: State

    def records(self) -> Iterator[Record]:
        """Raises `BadInput` with `file_changed` when the file is no longer what it was when it was looked at."""
        assert self.format.encoding is not None and self.format.delimiter is not None
        errors = encoding.errors(self.format.encoding)
        try:
            # newline="" splits at CR, LF and CRLF alike and leaves the line ends inside quotes as they are.
            with self.path.open(encoding=self.format.encoding, errors=errors, newline="") as file:
                self._refuse_changed(file.fileno())
                for _ in range(self.skip_lines):
                    next(file, "")
                yield from _records(file, self.format.delimiter, self.skip_lines)
                # An upload that still goes on, or a file cut short: half a list must not pass for a whole one.
                self._refuse_changed(file.fileno())
        except FileNotFoundError as error:
            raise self._changed() from error
        except UnicodeDecodeError as error:
            raise self._changed() from error
        except OSError as error:
            raise files.unreadable(self.path, error) from error

    def _refuse_changed(self, handle: int) -> None:
        if state_of(os.fstat(handle)) != self.state:
            raise self._changed()

    def _changed(self) -> BadInput:
        return BadInput(
            "file_changed",
            f"{self.path.name} was changed or taken away while it was being read.",
            "Wait until it is there as a whole, then try again.",
        )


def state_of(found: os.stat_result) -> State:
    """The state of a file that the system tells."""
    return found.st_ino, found.st_size, found.st_mtime_ns


def open_text(path: Path, found: os.stat_result) -> TextTable:
    """A text file as a table; `found` is what the system told before any of it was read.

    Raises:
        BadInput: `empty_file`, `not_text`, `nul_bytes`.
        OSError: when the file cannot be read.
    """
    name, warnings = encoding.detect(path)
    with path.open(encoding=name, errors=encoding.errors(name), newline="") as file:
        sample = file.read(_SAMPLE)
    lines = list(StringIO(sample, newline=""))
    if len(sample) == _SAMPLE and len(lines) > 1:
        lines.pop()
    if not sample.strip():
        raise empty(path.name)
    # Excel writes and obeys a first line such as "sep=;".
    told = _SEP_LINE.fullmatch(lines[0])
    delimiter = told[1] if told else _delimiter(lines)
    return TextTable(path, Format("csv", delimiter, name, warnings=warnings), 1 if told else 0, state_of(found))


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
        raise too_long(f"Line {line:,}")
    return cells
