"""The names that operators give to campaigns and series. Pure."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 200
"""Characters. Names stand in lists, dialogs and files' names; what is longer was pasted by mistake."""


def problem(name: str) -> tuple[str, str] | None:
    """What is wrong with the length of a name and what to do about it, each a sentence."""
    if len(name) <= LONGEST:
        return None
    return f"The name has {len(name):,} characters; {LONGEST} are the most.", "Give it a shorter one."


def with_suffix(name: str, suffix: str) -> str:
    """The name with something behind it, cut in front of that where both would be too long."""
    room = LONGEST - len(suffix)
    return f"{name if len(name) <= room else name[: room - 1] + '…'}{suffix}"
