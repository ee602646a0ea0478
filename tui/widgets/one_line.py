"""A widget of one line that is repainted only when the line looks different."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widget import Widget


class OneLine(Widget):
    """One line of text made for the width there is; subclasses say how in `line`."""

    DEFAULT_CSS = """
    OneLine {
        height: 1;
        width: 1fr;
        text-wrap: nowrap;
        text-overflow: clip;
    }
    """
    ALLOW_SELECT = False

    # Textual's own lays out and paints everything once more when it becomes known; a line never scrolls.
    virtual_size = Reactive(Size(0, 0), repaint=False)
    _drawn: Content | None = None

    def line(self, width: int) -> Content:
        """What stands in `width` cells. Pure: it is asked more often than it is drawn."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Repaint if the line would look different now."""
        if self._drawn is not None and not self._drawn.is_same(self.line(self.size.width)):
            self.refresh()

    def render(self) -> Content:
        """The line, remembered to compare with."""
        self._drawn = self.line(self.size.width)
        return self._drawn


def ends(left: Content, right: Content, width: int) -> Content:
    """Two texts at the two ends of a line."""
    return Content.assemble(left, " " * max(width - left.cell_length - right.cell_length, 0), right)
