"""Which part of an audience a new draft is made of, asked from the report (R49)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from engine.text import counted
from tui.screens.draft_choice import Choice, Way
from tui.signs import named

if TYPE_CHECKING:
    from store.types import CampaignRow

PARTS: Final = {"f": "failed", "u": "unknown", "r": "unread", "a": None}
"""The letters of the parts that a new draft can be made of."""


def which(row: CampaignRow, parts: Mapping[str, int], steady: Callable[[], float]) -> Choice:
    """The question of which part of the audience a new draft gets."""
    counters = row.progress
    said = {
        "failed": f"failed: {parts['failed']:,} that may be retried, of {counters.failed:,}",
        "unknown": f"unknown: {parts['unknown']:,} that were handed over and never answered; they may get it twice",
        "unread": f"unread: {parts['unread']:,} that were sent and not read so far",
    }
    keys = {only: key for key, only in PARTS.items()}
    lines = [f"{keys[only]}  {text}" for only, text in said.items() if parts[only]]
    ways = [Way(keys[only], only) for only in said if parts[only]]
    lines.append(f"a  all: {counted(counters.audience, 'row')}, the skipped ones too")
    return Choice(f"A new draft of “{named(row.name, 40)}”", lines, [*ways, Way("a", "all")], "Not now", steady)
