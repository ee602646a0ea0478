"""Contact files as tables of text, whatever kind of file they are (R33)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import files
from engine.audience.sniff import HEAD, refuse_known
from engine.audience.table import LONGEST_CELL, Format, Record, Table, empty
from engine.audience.text_file import open_text
from engine.errors import BadInput
from engine.text import shown

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LONGEST_CELL", "Format", "Record", "Table", "tables"]

_ZIP, _OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


def tables(path: Path, sheet: str | None = None) -> list[Table]:
    """The tables in a file: one of a text file, every visible sheet of a workbook that is not empty, or the one named.

    Raises:
        BadInput: `unreadable_file`, `not_a_file`, `empty_file`, `not_text`, `nul_bytes`, `unreadable_workbook`,
            `workbook_protected`, `sheet_scattered`, `no_such_sheet`.
    """
    found = files.regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        if not head:
            raise empty(path.name)
        # Imported late: most files are text, and loading it takes longer than reading a short one.
        if head.startswith(_ZIP):
            from engine.audience.workbook import open_workbook

            return open_workbook(path, sheet)
        if head.startswith(_OLD_OFFICE):
            from engine.audience.workbook import refuse_old

            raise refuse_old(path)
        refuse_known(path, head)
        if sheet is not None:
            raise BadInput(
                "no_such_sheet",
                f"{path.name} is a text file and has no sheet {shown(sheet)!r}.",
                "Leave out the sheet.",
            )
        return [open_text(path, found)]
    except OSError as error:
        raise files.unreadable(path, error) from error
