"""What every kind of contact file becomes: tables of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from engine.errors import BadInput

LONGEST_CELL: Final = 32_767
"""Characters; the most a cell of a spreadsheet can hold."""

Record: TypeAlias = tuple[int, list[str]]
"""Where the record starts (line of a text file, row of a sheet, from 1) and its cells."""


@dataclass(frozen=True, slots=True)
class Format:
    """What a file turned out to be."""

    kind: str
    """`csv` or `xlsx`."""
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    """Every sheet of the workbook that can be chosen, in its order."""
    warnings: tuple[str, ...] = ()
    """What an operator should know about the reading, in sentences."""


class Table(Protocol):
    """One table of a file; `records` starts over with every call and leaves out lines without anything on them."""

    @property
    def format(self) -> Format: ...

    def records(self) -> Iterator[Record]: ...


def empty(name: str) -> BadInput:
    """The error of a file that has nothing in it."""
    return BadInput("empty_file", f"{name} is empty.", "Choose the file with the contacts.")


def too_long(where: str) -> BadInput:
    """The error of a cell that no spreadsheet could hold."""
    return BadInput(
        "cell_too_long",
        f"{where} has a cell of more than {LONGEST_CELL:,} characters.",
        "Check that this is a contact list with one contact per line.",
    )
