"""Everything that was decided about one recipient, over the report (R50)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine import phone
from engine.text import shown
from tui import why_view
from tui.signs import named

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Resize

    from engine.why import Why

_FRAME = 5
"""The box's border and padding, and its scroll bar."""


class WhyScreen(ModalScreen[None]):
    """A story to read; esc, q and w close it, y copies it with `copy`."""

    CSS_PATH = "why.tcss"
    AUTO_FOCUS = "#story"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,w,enter", "dismiss(None)", "close"),
        ("y", "copy", "copy"),
        ("j", "scroll(1)", "down"),
        ("k", "scroll(-1)", "up"),
    ]

    def __init__(self, found: Why, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._found = found
        self._copy = copy
        self._width = self.app.size.width

    def compose(self) -> ComposeResult:
        """Whose story it is, the story, the keys."""
        number = self._found.number
        if self._found.main.phone is not None:
            number = phone.display(self._found.main.phone)
        whose = number or f"line {self._found.main.line}"
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content(f"why {shown(whose)} in {named(self._found.campaign.name, 30)}")
            with VerticalScroll(id="story"):
                # There from the start: a dialog is laid out for what it says at first.
                yield Static(self._told(), id="story-text", markup=False)
            yield Static("esc back   y copy   up, down scroll", id="story-keys", markup=False)

    def on_resize(self, event: Resize) -> None:
        """Break the lines anew."""
        if event.size.width != self._width:
            self._width = event.size.width
            self.query_one("#story-text", Static).update(self._told())

    def _told(self) -> Content:
        return Content("\n").join(why_view.lines(self._found, self._width - _FRAME))

    def action_scroll(self, step: int) -> None:
        """Up or down by a line."""
        self.query_one("#story", VerticalScroll).scroll_relative(y=step, animate=False)

    def action_copy(self) -> None:
        """The whole story to the clipboard."""
        self._copy(why_view.plain(self._found))
