"""What a file that is no contact list is, by its first bytes, so that the error can name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

HEAD: Final = 16
"""So many bytes are looked at."""

_SAVE: Final = "Save the contacts as CSV in UTF-8, or as .xlsx."
_UNPACK: Final = "Unpack it, and choose the CSV or .xlsx file inside."
_KINDS: Final = (
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", _SAVE),
    (b"\xff\xd8\xff", "a picture (JPEG)", _SAVE),
    (b"GIF87a", "a picture (GIF)", _SAVE),
    (b"GIF89a", "a picture (GIF)", _SAVE),
    (b"%PDF-", "a PDF document", _SAVE),
    (b"{\\rtf", "a text document (RTF)", _SAVE),
    (b"SQLite format 3\0", "a database (SQLite)", "Export the contacts as CSV."),
    (b"\x7fELF", "a program", _SAVE),
    (b"PK\x05\x06", "an empty ZIP archive", _SAVE),
    (b"\x1f\x8b", "packed (gzip)", _UNPACK),
    (b"BZh", "packed (bzip2)", _UNPACK),
    (b"\xfd7zXZ\0", "packed (xz)", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed (zstd)", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7-Zip)", _UNPACK),
    (b"Rar!\x1a\x07", "an archive (RAR)", _UNPACK),
)


def refuse_known(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes say that it is something else. Raises `BadInput` with `not_text`."""
    for magic, what, hint in _KINDS:
        if head.startswith(magic):
            raise BadInput("not_text", f"{path.name} is {what}, not a contact list.", hint)


def not_text(path: Path, why: str = "is neither a text file nor an .xlsx workbook") -> BadInput:
    """The error of a file that is no text."""
    return BadInput("not_text", f"{path.name} {why}.", _SAVE)


def archive(path: Path) -> BadInput:
    """The error of a ZIP archive that is no workbook."""
    return BadInput("not_text", f"{path.name} is a ZIP archive, not a contact list.", _UNPACK)
