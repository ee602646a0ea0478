"""The line at the bottom: the next key is always on screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message

from engine.text import shown
from tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from textual.events import Click

    from tui.command import Entry

WIDE = 100
"""From here on entries stand three cells apart, below it two."""
WORDY = 80
"""From here on what is dimmed is not so by colour alone."""


class Placed(NamedTuple):
    """An entry with its place and, where there is room for it, the reason why it is dimmed."""

    entry: Entry
    x: int
    reason: str = ""

    @property
    def text(self) -> str:
        """The key, what it does, and why not."""
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.entry.key} {self.entry.label}{reason}"

    @property
    def end(self) -> int:
        """The first cell behind it."""
        return self.x + cell_len(self.text)


def lay_out(entries: Sequence[Entry], width: int) -> list[Placed]:
    """The entries that fit: the last ones that are not pinned go first.

    With room left, the first dimmed entry says why it is; from `WORDY` on a reason of one word has room.
    """
    gap = 3 if width >= WIDE else 2
    kept = list(entries)
    while len(kept) > 1 and _length(kept, gap) + (_brief(kept) if width >= WORDY else 0) > width:
        loose = [entry for entry in kept if not entry.pinned] or kept
        kept.remove(loose[-1])
    room = width - _length(kept, gap) - len(" ()")
    placed: list[Placed] = []
    x = 1
    for entry in kept:
        reason = next((one for one in _reasons(entry) if cell_len(one) <= room), "")
        if reason:
            room = -1
        placed.append(Placed(entry, x, reason))
        x = placed[-1].end + gap
    return placed


def _reasons(entry: Entry) -> list[str]:
    """Why it is dimmed, the whole of it and in short, which is what stands before the colon."""
    whole = shown(entry.why_not or "").rstrip(".")
    short, _, rest = whole.partition(":")
    if entry.brief:
        whole, short = f"{entry.brief}:{rest}" if rest else entry.brief, entry.brief
    return [whole, short] if whole else []


def _brief(entries: Sequence[Entry]) -> int:
    """Cells for the first reason of one word."""
    return next((cell_len(f" ({one.brief})") for one in entries if one.brief), 0)


def _length(entries: Sequence[Entry], gap: int) -> int:
    return 1 + sum(cell_len(f"{one.key} {one.label}") for one in entries) + gap * (len(entries) - 1)


class Footer(OneLine):
    """What `tui.command.footer` offers; a click is the same as the key."""

    class Pressed(Message):
        """An entry was clicked."""

        def __init__(self, command_id: str) -> None:
            super().__init__()
            self.command_id = command_id

    _entries: Sequence[Entry] = ()

    def show(self, entries: Sequence[Entry]) -> None:
        """Show other entries; nothing is repainted when they look the same."""
        self._entries = entries
        self.redraw()

    def line(self, width: int) -> Content:
        parts: list[str | tuple[str, str]] = []
        x = 0
        for one in lay_out(self._entries, width):
            parts.append(" " * (one.x - x))
            if one.entry.why_not is None:
                parts += [(one.entry.key, "bold"), one.text.removeprefix(one.entry.key)]
            else:
                parts.append((one.text, "dim"))
            x = one.end
        return Content.assemble(*parts)

    def on_click(self, event: Click) -> None:
        event.stop()
        for one in lay_out(self._entries, self.size.width):
            if one.x <= event.x < one.end:
                self.post_message(self.Pressed(one.entry.id))
