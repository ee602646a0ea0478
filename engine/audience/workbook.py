"""Workbooks as tables: one for each sheet (R33)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from engine.audience import workbook_parts
from engine.audience.table import LONGEST_CELL, Format, Record, Table, too_long
from engine.errors import BadInput
from engine.text import fold, shown

if TYPE_CHECKING:
    from pathlib import Path

Value: TypeAlias = int | float | str | bool | time | date | datetime | timedelta

_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
"""What Office keeps an encrypted workbook under."""


class _Sheet:
    def __init__(self, sheet: CalamineSheet, warnings: tuple[str, ...]) -> None:
        self._sheet = sheet
        self.format = Format("xlsx", sheet=sheet.name, warnings=warnings)

    def records(self) -> Iterator[Record]:
        for row, values in enumerate(self._sheet.iter_rows(), start=1):
            cells = [value if isinstance(value, str) else _cell(value) for value in values]
            if any(cells):
                if any(len(cell) > LONGEST_CELL for cell in cells):
                    raise too_long(f"Row {row:,}")
                yield row, cells


def open_workbook(path: Path, chosen: str | None) -> list[Table]:
    """Every visible sheet with something in it, or the one chosen by its name, which may be a hidden one.

    Raises:
        BadInput: `unreadable_workbook`, `not_text`, `empty_file`, `no_such_sheet`, `sheet_scattered`.
        OSError: when the file cannot be read.
    """
    parts = workbook_parts.inspect(path)
    try:
        workbook = CalamineWorkbook.from_path(path)
        known = [sheet for sheet in workbook.sheets_metadata if sheet.typ is SheetTypeEnum.WorkSheet]
        if chosen is None:
            wanted = [sheet.name for sheet in known if sheet.visible is SheetVisibleEnum.Visible]
        else:
            wanted = [_named(path, chosen, [sheet.name for sheet in known])]
        sheets = [_Sheet(workbook.get_sheet_by_name(name), parts.warnings(name)) for name in wanted]
    except PasswordError as error:
        raise _protected(path) from error
    except CalamineError as error:
        raise workbook_parts.damaged(path, str(error)) from error
    filled = [sheet for sheet in sheets if sheet._sheet.start is not None]
    if not filled:
        raise BadInput(
            "empty_file",
            f"{path.name} has no sheet with anything in it."
            if chosen is None
            else f"Sheet {shown(chosen)} of {path.name} has nothing in it.",
            "Choose the file with the contacts.",
        )
    names = tuple(sheet.name for sheet in known if sheet.visible is SheetVisibleEnum.Visible)
    for sheet in filled:
        sheet.format = replace(sheet.format, sheets=names)
    return list(filled)


def refuse_old(path: Path) -> BadInput:
    """The error of a file in the container that Office had before, which it still uses for encrypted workbooks.

    Raises `OSError` when the file cannot be read.
    """
    with path.open("rb") as file:
        tail = b""
        while chunk := file.read(1 << 20):
            if _ENCRYPTED in tail + chunk:
                return _protected(path)
            tail = chunk[-len(_ENCRYPTED) :]
    return BadInput(
        "unreadable_workbook",
        f"{path.name} is an old Office document, such as an .xls workbook.",
        "Save it as .xlsx or CSV.",
    )


def _protected(path: Path) -> BadInput:
    return BadInput(
        "workbook_protected",
        f"{path.name} is protected by a password.",
        "Open it in a spreadsheet program and save it as .xlsx without a password, or as CSV.",
    )


def _named(path: Path, chosen: str, names: list[str]) -> str:
    """The sheet of that name: spelt exactly, else the only one that is the same after folding."""
    if chosen in names:
        return chosen
    alike = [name for name in names if fold(name) == fold(chosen)]
    if len(alike) == 1:
        return alike[0]
    raise BadInput(
        "no_such_sheet",
        f"{path.name} has no sheet {shown(chosen)!r}.",
        f"Its sheets are: {', '.join(map(shown, names))}.",
    )


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
