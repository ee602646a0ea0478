"""A campaign's report as files: every recipient as CSV or XLSX, and the whole report as one page of HTML (R48)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.errors import BadInput
from engine.export.csv_file import write_csv
from engine.export.page import write_html
from engine.export.rows import COLUMNS, Progress, silent, state_word, typed_number
from engine.export.xlsx_file import write_xlsx

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "COLUMNS",
    "FORMATS",
    "format_of",
    "state_word",
    "typed_number",
    "write",
    "write_csv",
    "write_html",
    "write_xlsx",
]

FORMATS: Final = ("csv", "xlsx", "html")
"""What `write` can make, by the ending of the file's name."""


def format_of(file: Path) -> str:
    """The format that a file's name asks for. Raises `BadInput` with `unknown_format`."""
    ending = file.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise BadInput(
            "unknown_format", f"{file.name} ends in none of .csv, .xlsx and .html.", "The ending says what is written."
        )
    return ending


def write(campaign_id: int, file: Path, zone: str, now: int, progress: Progress = silent) -> int:
    """Write an export in the format that the file's name asks for, and answer how many recipients are in it.

    `now` is when the report was made; `progress` is called with the rows written so far, and may raise to break off.
    Raises what the formats raise, and `BadInput` with `unknown_format`.
    """
    match format_of(file):
        case "html":
            return write_html(campaign_id, file, zone, now)
        case "xlsx":
            return write_xlsx(campaign_id, file, zone, progress)
        case _:
            return write_csv(campaign_id, file, zone, progress)
