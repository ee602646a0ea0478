"""Signs, words and tones of a status, bars and percentages: the small marks every screen draws. Pure."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len, set_cell_size

from engine.text import shown
from store.types import Status

DASH: Final = "-"
UNTITLED: Final = "Untitled"
MARK: Final = "*"
"""Stands before a marked row and behind the name of a changed field."""
REPEATS: Final = "↻"
"""Stands before the name of a campaign that a series made."""

_SIGNS: Final = {
    Status.DRAFT: "·",
    Status.SCHEDULED: "○",
    Status.IN_PROGRESS: "▶",
    Status.COMPLETED: "✓",
    Status.FAILED: "✗",
    Status.CANCELLED: "-",
}
_WORDS: Final = {
    Status.DRAFT: "Draft",
    Status.SCHEDULED: "Scheduled",
    Status.IN_PROGRESS: "In Progress",
    Status.COMPLETED: "Completed",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancelled",
}
_TONES: Final = {
    Status.DRAFT: "dim $draft",
    Status.SCHEDULED: "$scheduled",
    Status.IN_PROGRESS: "bold $in_progress",
    Status.COMPLETED: "$completed",
    Status.FAILED: "bold $failed",
    Status.CANCELLED: "dim $cancelled",
}
_HELD_SIGN: Final = "‖"
_HELD_TONE: Final = "bold $held"
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


_HOLDABLE: Final = (Status.IN_PROGRESS, Status.SCHEDULED)


def named(name: str, most: int = 60) -> str:
    """A campaign's name in a sentence or a title: safe to show, cut to `most` cells, never empty."""
    text = shown(name).strip() or UNTITLED
    return text if cell_len(text) <= most else f"{set_cell_size(text, most - 1).rstrip()}…"


def sign(status: Status, held: bool = False) -> str:
    """The one-cell sign of a status; `held` marks one on hold (R45)."""
    return _HELD_SIGN if held and status in _HOLDABLE else _SIGNS[status]


def word(status: Status, held: bool = False) -> str:
    """The status in words, so that neither sign nor colour is needed to read it (R52)."""
    return "On hold" if held and status in _HOLDABLE else _WORDS[status]


def tone(status: Status, held: bool = False) -> str:
    """The status's style in terms of theme variables, such as `bold $failed`."""
    return _HELD_TONE if held and status in _HOLDABLE else _TONES[status]


def bar(fraction: float, width: int) -> str:
    """A progress bar of exactly `width` cells.

    It is rounded down, so that a full bar means all of it, and shows a sliver for anything above nothing.
    """
    if width <= 0:
        return ""
    eighths = int(min(max(fraction, 0.0), 1.0) * width * 8)
    if fraction > 0 and eighths == 0:
        eighths = 1
    full, part = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(width, "·")


def rate(part: int, whole: int) -> str:
    """A percentage without its sign, for columns that carry it in their title; 0 of 0 is a dash (R47).

    One decimal, except a bare `0` and `100`, which are kept for exactly none and exactly all.
    """
    if whole <= 0:
        return DASH
    if part <= 0:
        return "0"
    if part >= whole:
        return "100"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f}"


def percent(part: int, whole: int) -> str:
    """`rate` with its sign; 0 of 0 is a bare dash (R47)."""
    text = rate(part, whole)
    return text if text == DASH else f"{text}%"
