"""The first line of a screen that has something of its own to say there."""

from __future__ import annotations

from textual.content import Content

from tui.widgets.one_line import OneLine, ends


class TitleLine(OneLine):
    """What the screen shows at the left, the time at the right; the left gives way."""

    DEFAULT_CSS = "TitleLine { background: $panel; }"

    _left = Content()
    _right = Content()

    def show(self, left: Content, right: Content) -> None:
        """Show something else; nothing is repainted when it looks the same."""
        self._left, self._right = left, right
        self.redraw()

    def line(self, width: int) -> Content:
        room = max(width - self._right.cell_length - 2, 10)
        return ends(self._left.truncate(room, ellipsis=True), self._right, width)
