"""Text that follows something: only what looks different is painted, and it is laid out only for another height.

Textual's own paints all of it at each change, and the whole screen when it may have another height. That is kilobytes
a second over a thin line while a run goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rich.cells import cell_len
from textual.geometry import Region
from textual.visual import Visual
from textual.widgets import Static

if TYPE_CHECKING:
    from rich.style import Style
    from textual.strip import Strip
    from textual.visual import VisualType


class Told(Static):
    """A `Static` whose `update` costs what has changed."""

    _silent = False

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show another text; nothing else on the screen moves while it has as many lines."""
        width, height = self.size
        before = self._strips() if width and self._is_mounted else []
        self._silent = True
        try:
            super().update(content, layout=False)
        finally:
            self._silent = False
        after = self._strips() if before else []
        # Of a text whose layout is still to come there may be fewer lines than there is room for.
        as_many = len(before) == len(after) > 0
        if not as_many or self.visual.get_height(self.styles.get_rules(), width) != height:
            self.refresh(layout=layout)
            return
        changed = [
            Region(start, y, end - start, 1)
            for y, (old, new) in enumerate(zip(before, after, strict=True))
            for start, end in [_difference(old, new)]
            if end > start
        ]
        if changed:
            self.refresh(*changed)

    def refresh(self, *regions: Region, **how: Any) -> Self:
        """Textual's, but for the one within `update`."""
        return self if self._silent else super().refresh(*regions, **how)

    def _strips(self) -> list[Strip]:
        width, height = self.size
        return Visual.to_strips(self, self.visual, width, height, self.visual_style)


def _difference(old: Strip, new: Strip) -> tuple[int, int]:
    """From which cell to which (excluded) two lines of one width differ."""
    before, after = _parts(old), _parts(new)
    same = _alike(before, after)
    if same == len(before) == len(after):
        return 0, 0
    tail = _alike(before[same:][::-1], after[same:][::-1])
    start = sum(cell_len(text) for text, _ in after[:same])
    return start, new.cell_length - sum(cell_len(text) for text, _ in after[len(after) - tail :])


def _parts(line: Strip) -> list[tuple[str, Style | None]]:
    """Letter by letter where each has one cell; else by runs of one style, for a letter may be made of several."""
    plain = len(line.text) == line.cell_length
    return [(text, run.style) for run in line for text in (run.text if plain else (run.text,))]


def _alike(one: list[tuple[str, Style | None]], other: list[tuple[str, Style | None]]) -> int:
    """How many at the beginning are the same."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
