"""Files for headers: which ones WhatsApp takes, and how long an uploaded one lives. Pure but for a look at the file.

Types and sizes are Meta's (Cloud API, *Media*): images 5 MB, videos 16 MB, documents 100 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine import confinement
from engine.clock import DAY
from engine.errors import BadInput
from engine.text import shown

if TYPE_CHECKING:
    from pathlib import Path

LIFETIME_MS: Final = 30 * DAY
EXPIRED: Final = "expired"
EXPIRES: Final = "expires"
_MB: Final = 1 << 20
LIMITS: Final = {"image": 5 * _MB, "video": 16 * _MB, "document": 100 * _MB}
"""Bytes a file of a kind may have."""
_TYPES: Final = {
    ".jpg": ("image", "image/jpeg", b"\xff\xd8\xff", 0),
    ".jpeg": ("image", "image/jpeg", b"\xff\xd8\xff", 0),
    ".png": ("image", "image/png", b"\x89PNG\r\n\x1a\n", 0),
    ".mp4": ("video", "video/mp4", b"ftyp", 4),
    ".3gp": ("video", "video/3gpp", b"ftyp", 4),
    ".pdf": ("document", "application/pdf", b"%PDF-", 0),
    ".txt": ("document", "text/plain", b"", 0),
    ".doc": ("document", "application/msword", b"\xd0\xcf\x11\xe0", 0),
    ".xls": ("document", "application/vnd.ms-excel", b"\xd0\xcf\x11\xe0", 0),
    ".ppt": ("document", "application/vnd.ms-powerpoint", b"\xd0\xcf\x11\xe0", 0),
    ".docx": ("document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK", 0),
    ".xlsx": ("document", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK", 0),
    ".pptx": ("document", "application/vnd.openxmlformats-officedocument.presentationml.presentation", b"PK", 0),
}
"""By suffix: the kind, its type, and the bytes it has at a place near its beginning."""
SUFFIXES: Final = frozenset(_TYPES)


@dataclass(frozen=True, slots=True)
class File:
    """A file that WhatsApp will take."""

    path: Path
    kind: str
    """image, video or document."""
    mime: str
    size: int


def checked(path: Path) -> File:
    """Look at a file before it is uploaded.

    Raises `BadInput`: `outside_folder`, `unreadable_file`, `media_type` for a kind that WhatsApp does not take or
    content that is not what the name says, `media_size` for an empty or too large one.
    """
    confinement.check(path)
    found = _TYPES.get(path.suffix.lower())
    if found is None:
        raise BadInput(
            "media_type",
            f"WhatsApp takes no files of the kind {shown(path.suffix) or 'without a suffix'} in a header.",
            f"It takes {', '.join(sorted(suffix.removeprefix('.') for suffix in _TYPES))}.",
        )
    kind, mime, magic, at = found
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            beginning = handle.read(at + len(magic))
    except OSError as error:
        raise BadInput(
            "unreadable_file", f"{shown(str(path))} cannot be read: {error.strerror or error}.", "Check the path."
        ) from error
    if size == 0 or size > LIMITS[kind]:
        much = "is empty" if size == 0 else f"has {size / _MB:.1f} MB"
        raise BadInput(
            "media_size",
            f"{shown(path.name)} {much}; WhatsApp takes {kind}s up to {LIMITS[kind] // _MB} MB.",
            "Make it smaller, or give a link to it instead." if size else "Choose another file.",
        )
    if beginning[at:] != magic:
        raise BadInput(
            "media_type",
            f"{shown(path.name)} does not hold what its name says.",
            "Save it anew in that format, or give it the right suffix.",
        )
    return File(path, kind, mime, size)


def expires_at(uploaded_at: int) -> int:
    """When an uploaded file is gone; times are UTC epoch ms."""
    return uploaded_at + LIFETIME_MS


def problem(uploaded_at: int, now: int | None, at: int | None) -> str:
    """`EXPIRED` now, `EXPIRES` before `at`, or nothing; what is not known is no problem."""
    gone = expires_at(uploaded_at)
    if now is not None and gone <= now:
        return EXPIRED
    return EXPIRES if at is not None and gone <= at else ""
