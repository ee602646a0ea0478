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
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final
from xml.etree import ElementTree
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
# A cell with something in it; one that only has a format ends in "/>".
_CELL: Final = re.compile(rb'<(?:\w+:)?c\s[^<>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^<>]*(?<!/)>')
_FORMULA: Final = re.compile(
    rb'<(?:\w+:)?c\s(?P<of>[^<>]*?\br="(?P<at>[A-Z]{1,3}[0-9]{1,7})"[^<>]*)(?<!/)>\s*'
    rb"<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>\s*|<(?:\w+:)?v>\s*</(?:\w+:)?v>\s*)?</(?:\w+:)?c>"
)


@dataclass(slots=True)
class _Extent:
    cells: int = 0
    columns: set[bytes] = field(default_factory=set)
    top: int = 1 << 24
    bottom: int = 0
    blanks: int = 0
    """Formulas without a value."""
    first_blank: str = ""

    def take(self, xml: bytes) -> None:
        found = _CELL.findall(xml)
        if not found:
            return
        self.cells += len(found)
        self.columns.update(column for column, _ in found)
        rows = [int(row) for _, row in found]
        self.top, self.bottom = min(self.top, *rows), max(self.bottom, *rows)
        if b"f>" in xml or b"<f" in xml or b"f/>" in xml:
            for match in _FORMULA.finditer(xml):
                # A formula whose result is an empty text says so by its type.
                if b't="str"' not in match["of"]:
                    self.blanks += 1
                    self.first_blank = self.first_blank or match["at"].decode()

    @property
    def area(self) -> int:
        """Places between the outermost cells."""
        if not self.cells:
            return 0
        at = [_column_number(column) for column in self.columns]
        return (self.bottom - self.top + 1) * (max(at) - min(at) + 1)


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
        with path.open("rb") as file, ZipFile(file) as parts:
            _refuse_others(path, parts)
            _refuse_huge(path, parts)
            blanks = {}
            for name, part in _sheets(parts):
                extent = _extent(parts, part)
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
    """The name of every sheet and of its part."""
    relations = _xml(parts, _RELATIONS) if _RELATIONS in parts.namelist() else ()
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    for element in _xml(parts, _WORKBOOK).iter():
        if element.tag.rpartition("}")[2] != "sheet":
            continue
        relation = next((value for key, value in element.items() if key.rpartition("}")[2] == "id"), "")
        target = targets.get(relation) or ""
        part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
        if part in parts.namelist():
            yield element.get("name", ""), part


def _xml(parts: ZipFile, name: str) -> ElementTree.Element:
    with parts.open(name) as file:
        content = file.read(_LARGEST_INDEX + 1)
    if len(content) > _LARGEST_INDEX:
        raise BadZipFile("its list of sheets is too long")
    return ElementTree.fromstring(content)


def _extent(parts: ZipFile, name: str) -> _Extent:
    extent, rest = _Extent(), b""
    with parts.open(name) as file:
        for piece in _pieces(file):
            xml = rest + piece
            cut = xml.rfind(b"<c ")
            rest = xml[max(cut, 0) :]
            extent.take(xml[: max(cut, 0)])
    extent.take(rest)
    return extent


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


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
