"""A field for a file's path that completes it: tab or → takes what is suggested."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.suggester import Suggester

from engine.confinement import place
from engine.errors import BadInput
from engine.text import shown
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from textual.binding import BindingType

CONTACT_FILES: Final = frozenset((".csv", ".tsv", ".txt", ".xlsx"))
_MOST_ENTRIES: Final = 10_000
_PATIENCE_S: Final = 0.5
"""How long tab waits for a slow folder; meanwhile no other key is taken."""


def complete(typed: str) -> str | None:
    """The path that `typed` may be the beginning of: the first folder or contact file by name; `~` stays as typed.

    Folders end with a separator, so that the next tab goes on inside. Answers `None` when there is none or nothing
    to add.
    """
    if not typed:
        return None
    folder, name = os.path.split(typed)
    try:
        with os.scandir(place(folder or ".")) as entries:
            fitting = sorted(
                (entry.is_dir(), entry.name)
                for _, entry in zip(range(_MOST_ENTRIES), entries, strict=False)
                if entry.name.startswith(name) and _offered(entry, name)
            )
    except (OSError, ValueError, BadInput):
        # No such folder, no right to look into it, a character no path can hold, outside what this console may use.
        return None
    if (False, name) in fitting:
        # It is whole, whatever other names begin with it.
        return None
    # A contact file goes before a folder of the same beginning.
    for is_folder, found in fitting:
        return typed[: len(typed) - len(name)] + found + (os.sep if is_folder else "")
    return None


def _offered(entry: os.DirEntry[str], name: str) -> bool:
    if entry.name.startswith(".") and not name.startswith("."):
        return False
    if shown(entry.name) != entry.name:
        # A name that cannot be shown as it is cannot be typed either.
        return False
    return entry.is_dir() or Path(entry.name).suffix.lower() in CONTACT_FILES


class PathSuggester(Suggester):
    """Looks at the folder anew each time, off the loop: the file may have been copied there a moment ago."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete, value)


class PathInput(PlainInput):
    """A field whose tab completes first and moves on when there is nothing to complete."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    def __init__(self, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, suggester=PathSuggester(), id=id)

    async def action_complete(self) -> None:
        """Complete what stands there now, else go to the next field; the suggestion may be behind fast typing."""
        typed, found = self.value, None
        # All of it is chosen where one only passes through.
        if self.selection.is_empty and self.cursor_at_end:
            with suppress(TimeoutError):
                found = await asyncio.wait_for(asyncio.to_thread(complete, typed), _PATIENCE_S)
        if found is None or self.value != typed:
            self.screen.focus_next()
        else:
            self.value = found
            self.cursor_position = len(found)
