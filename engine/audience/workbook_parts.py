"""What the parts of an .xlsx file hold, looked at before the workbook is loaded.

Loading takes a whole sheet into memory, a place for every cell between the first and the last one. A few bytes can ask
for gigabytes that way, so how much they ask for is found out first, in pieces. Formulas whose value was not stored are
found on the way: to the loader they are blank cells.
"""

from __future__ import annotations

import posixpath
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final
from xml.etree import ElementTree
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from engine.audience.sniff import archive
from engine.errors import BadInput
from engine.text import shown

if TYPE_CHECKING:
    from pathlib import Path

_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_OTHERS: Final = (
    ("xl/workbook.bin", "a binary workbook (.xlsb)"),
    ("content.xml", "an OpenDocument file"),
    ("word/document.xml", "a text document (Word)"),
    ("ppt/presentation.xml", "a presentation (PowerPoint)"),
)
_PIECE: Final = 1 << 20
_LARGEST_INDEX: Final = 1 << 20
"""Bytes of the list of sheets."""
_UNPACKED: Final = 1 << 26
"""Bytes that a workbook may always unpack to; beyond them so many times its size:"""
_MOST_TIMES: Final = 100
_FREE_CELLS: Final = 2_000_000
"""Places that a sheet may always take; beyond them so many times its filled cells:"""
_MOST_EMPTY: Final = 5
_DEEPEST: Final = 100
"""Elements within each other; a sheet has a dozen. For each that is open the parser keeps more than its tag."""
_PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class _Extent:
    """Where the filled cells of a sheet are, found while its part is read; a cell with only a format is not filled."""

    def __init__(self) -> None:
        self.cells = 0
        self.blanks = 0
        """Formulas without a value."""
        self.first_blank = ""
        self._left = self._top = 1 << 24
        self._right = self._bottom = 0
        self._row = self._column = 0
        self._columns: dict[str, int] = {}
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._close
        parser.StartDoctypeDeclHandler = self._refuse_entities
        self._depth = 0
        # Of the cell that is being read:
        self._at = self._type = ""
        self._filled = False
        self._value = ""

    def read(self, file: IO[bytes]) -> None:
        """Read the whole part. Raises `ExpatError` or `ValueError` for one that is no sheet."""
        for piece in _pieces(file):
            self._parser.Parse(piece, False)
        self._parser.Parse(b"", True)

    @property
    def area(self) -> int:
        """Places between the outermost cells."""
        return (self._bottom - self._top + 1) * (self._right - self._left + 1) if self.cells else 0

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} of its elements stand within each other")
        name = tag.rpartition(":")[2]
        if name == "c":
            self._at, self._type = attributes.get("r", ""), attributes.get("t", "")
            self._filled = False
            if self._at:
                place = _PLACE.fullmatch(self._at)
                if place is None:
                    raise ValueError(f"{self._at} is no place in a sheet")
                self._column, self._row = self._number(place[1]), int(place[2])
            else:
                self._column += 1
        elif name == "row":
            self._row = int(attributes["r"]) if "r" in attributes else self._row + 1
            self._column = 0
        elif name in ("v", "is", "f"):
            if not self._filled:
                self._fill()
            if name == "f":
                self._value = ""
                self._parser.EndElementHandler = self._end

    def _fill(self) -> None:
        self._filled = True
        self.cells += 1
        self._left, self._right = min(self._left, self._column), max(self._right, self._column)
        self._top, self._bottom = min(self._top, self._row), max(self._bottom, self._row)

    def _close(self, tag: str) -> None:
        self._depth -= 1

    def _end(self, tag: str) -> None:
        """Only listened to from a formula to the end of its cell."""
        self._depth -= 1
        name = tag.rpartition(":")[2]
        if name == "f":
            self._parser.CharacterDataHandler = self._text
        elif name == "c":
            self._parser.EndElementHandler, self._parser.CharacterDataHandler = self._close, None
            # A formula whose result is an empty text says so by its type.
            if not self._value.strip() and self._type != "str":
                self.blanks += 1
                self.first_blank = self.first_blank or self._at

    def _text(self, text: str) -> None:
        self._value += text

    def _number(self, letters: str) -> int:
        number = self._columns.get(letters)
        if number is None:
            number = 0
            for letter in letters:
                number = number * 26 + ord(letter) - 64
            self._columns[letters] = number
        return number

    def _refuse_entities(self, *_: object) -> None:
        raise ValueError("a part of it has a document type")


@dataclass(frozen=True, slots=True)
class Parts:
    """What is known of the sheets, by their names."""

    _blanks: Mapping[str, tuple[int, str]]

    def warnings(self, sheet: str) -> tuple[str, ...]:
        """What an operator should know of a sheet."""
        count, first = self._blanks.get(sheet, (0, ""))
        if not count:
            return ()
        which = f"Cell {first} holds" if count == 1 else f"{count:,} cells hold, {first} as the first,"
        return (
            f"{which} a formula whose value was never stored, and counts as blank: open the workbook in a spreadsheet"
            " program and save it again.",
        )


def inspect(path: Path) -> Parts:
    """Look through a workbook without loading it.

    Raises:
        BadInput: `unreadable_workbook`, `not_text` for an archive of something else, `sheet_scattered`.
        OSError: when the file cannot be read.
    """
    try:
        with ZipFile(path) as parts:
            _refuse_others(path, parts)
            _refuse_huge(path, parts)
            blanks = {}
            for name, part in _sheets(parts):
                extent = _Extent()
                with parts.open(part) as file:
                    extent.read(file)
                if extent.area > _FREE_CELLS + _MOST_EMPTY * extent.cells:
                    raise _scattered(path, name, extent)
                blanks[name] = extent.blanks, extent.first_blank
            return Parts(blanks)
    except (
        # Encrypted, or packed in a way that no spreadsheet program uses.
        NotImplementedError,
        RuntimeError,
        BadZipFile,
        ElementTree.ParseError,
        expat.ExpatError,
        EOFError,
        LookupError,
        ValueError,
        zlib.error,
    ) as error:
        raise damaged(path, str(error)) from error


def _refuse_others(path: Path, parts: ZipFile) -> None:
    names = frozenset(parts.namelist())
    if _WORKBOOK in names:
        return
    for part, what in _OTHERS:
        if part in names:
            raise BadInput("unreadable_workbook", f"{path.name} is {what}.", "Save it as .xlsx or CSV.")
    if "[Content_Types].xml" in names:
        raise damaged(path, "its list of sheets is missing")
    raise archive(path)


def _refuse_huge(path: Path, parts: ZipFile) -> None:
    size = path.stat().st_size
    unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > max(_UNPACKED, _MOST_TIMES * size):
        raise damaged(path, f"its {size:,} bytes would unpack to {unpacked:,}")
    for name in parts.namelist():
        # Read to its end, a part that holds more than it says is found out.
        if name.startswith("xl/") and name.endswith(".xml") and "/worksheets/" not in name:
            with parts.open(name) as file:
                for _ in _pieces(file):
                    pass


def _sheets(parts: ZipFile) -> Iterator[tuple[str, str]]:
    """The name of every sheet and of its part, as the loader finds them."""
    names = {name.lower(): name for name in parts.namelist()}
    if len(names) < len(parts.namelist()):
        raise BadZipFile("it holds a part twice")
    relations = _xml(parts, _RELATIONS) if _RELATIONS in parts.namelist() else ()
    targets = {one.get("Id", ""): one.get("Target", "") for one in relations}
    for element in _xml(parts, _WORKBOOK).iter():
        if element.tag.rpartition("}")[2] != "sheet":
            continue
        relation = next((value for key, value in element.items() if key.rpartition("}")[2] == "id"), "")
        target = targets.get(relation, "").lstrip("/")
        part = posixpath.normpath(target if target.startswith("xl/") else f"xl/{target}")
        if part.lower() not in names:
            raise BadZipFile(f"sheet {element.get('name', '')} is missing")
        yield element.get("name", ""), names[part.lower()]


def _xml(parts: ZipFile, name: str) -> ElementTree.Element:
    with parts.open(name) as file:
        content = file.read(_LARGEST_INDEX + 1)
    if len(content) > _LARGEST_INDEX:
        raise BadZipFile("its list of sheets is too long")
    return ElementTree.fromstring(content)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _scattered(path: Path, sheet: str, extent: _Extent) -> BadInput:
    filled = "1 filled cell" if extent.cells == 1 else f"{extent.cells:,} filled cells"
    return BadInput(
        "sheet_scattered",
        f"Sheet {shown(sheet)} of {path.name} has {filled} scattered over {extent.area:,} places.",
        "Delete what stands far below or beside the list, or save the list as CSV.",
    )


def damaged(path: Path, why: str) -> BadInput:
    """The error of a workbook that cannot be read."""
    return BadInput(
        "unreadable_workbook",
        f"{path.name} is damaged and cannot be read as a workbook: {shown(why)}.",
        "Open it in a spreadsheet program and save it again as .xlsx or CSV.",
    )
