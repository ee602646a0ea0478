"""The encoding of a text file, every byte of it looked at (R33)."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from engine.audience.sniff import not_text
from engine.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

CHUNK: Final = 1 << 20
"""Bytes that are read at once."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 1 << 16
_CONTROLS: Final = re.compile(r"[\x01-\x08\x0e-\x19\x1c-\x1f\x7f]")
"""What no text holds; the form feed, the vertical tab, the end mark of DOS and the escape sign do occur."""
_MOST_CONTROLS: Final = 100
"""Of what is not even UTF-8, one in so many characters; a stray one is no reason to refuse a list."""


def detect(path: Path) -> tuple[str, tuple[str, ...]]:
    """A text file's encoding, by its mark, else by what all its bytes are; and what an operator should know of it.

    Raises:
        BadInput: `not_text`, `nul_bytes`.
        OSError: when the file cannot be read.
    """
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    marked = next((name for bom, name in _BOMS if sample.startswith(bom)), None)
    if marked is not None:
        if not _decodes(path, marked):
            raise not_text(path, f"begins like {marked.removesuffix('-sig').upper()} text and is none further on")
        return marked, ()
    if (wide := _without_mark(sample)) is not None and _decodes(path, wide):
        return wide, ("The file has no byte order mark and was read as UTF-16: check that the names look right.",)
    if _decodes(path, "utf-8"):
        return "utf-8", ()
    _decodes(path, "cp1252")
    return "cp1252", ("The file is not UTF-8 and was read as Windows-1252: check that names with accents look right.",)


def errors(encoding: str) -> str:
    """How to open a file of that encoding; Windows-1252 leaves five bytes without a meaning."""
    return "replace" if encoding == "cp1252" else "strict"


def _decodes(path: Path, encoding: str) -> bool:
    """Whether the whole file is text in that encoding. Raises `BadInput` for what is text in none."""
    decoder = codecs.getincrementaldecoder(encoding)(errors(encoding))
    wide = encoding in ("utf-16-le", "utf-16-be")
    size = controls = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
            if "\0" in text:
                if wide:
                    return False
                raise _nul(path)
            if encoding == "cp1252":
                size += len(text)
                controls += len(_CONTROLS.findall(text))
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    if controls * _MOST_CONTROLS > size:
        raise not_text(path)
    return True


def _without_mark(sample: bytes) -> str | None:
    """UTF-16 that does not say so: of every character of ASCII one byte is zero, always the same one of the two."""
    units = len(sample) // 2
    first, second = sample[: units * 2 : 2].count(0), sample[1 : units * 2 : 2].count(0)
    # Letters of other scripts have a zero here and there in the other byte.
    if max(first, second) * 4 < units or min(first, second) * 10 > max(first, second):
        return None
    return "utf-16-le" if second > first else "utf-16-be"


def _nul(path: Path) -> BadInput:
    return BadInput(
        "nul_bytes",
        f"{path.name} holds zero bytes, which no text has: it is damaged, or no text file.",
        "Export the contacts again, as CSV in UTF-8 or as .xlsx.",
    )
