"""A pane that is never blank: content, or why there is none and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container
from textual.content import Content
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Static

from engine.text import shown

if TYPE_CHECKING:
    from textual.widget import Widget


class Pane(Container):
    """Its children are its content; in the other three states a few lines of text stand in their place."""

    DEFAULT_CSS = """
    Pane > #pane-message {
        display: none;
        width: 1fr;
        height: 1fr;
        padding: 1 2;
    }
    Pane.-message > * {
        display: none;
    }
    Pane.-message > #pane-message {
        display: block;
    }
    """

    # Textual's own lays out and paints everything once more when it becomes known; a pane never scrolls.
    virtual_size = Reactive(Size(0, 0), repaint=False)

    def __init__(self, *children: Widget, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(*children, id=id, classes=classes)
        self._message: Static | None = None
        """Made with the first message: every widget that is there at the start delays the first frame."""
        self._said: Content | None = None

    @property
    def state(self) -> str:
        """`content`, or what the pane says instead of it."""
        return "content" if self._said is None else self._said.plain

    def show_content(self) -> None:
        """Show the children."""
        self._said = None
        self.remove_class("-message")

    def show_empty(self, what: str, key: str = "", does: str = "") -> None:
        """Nothing is there: say so, and the key that changes it (`n`, `starts a new draft`)."""
        self._say(Content.assemble(shown(what), *((("\n\n", ""), (key, "bold"), f"  {does}") if key else ())))

    def show_loading(self, what: str) -> None:
        """It is on its way. Nothing moves meanwhile."""
        self._say(Content.styled(f"{shown(what)} …", "$text-muted"))

    def show_error(self, message: str, hint: str = "") -> None:
        """It went wrong: what, and what to do."""
        self._say(Content.assemble(("! ", "bold $failed"), (shown(message), "bold"), f"\n\n  {shown(hint)}"))

    def _say(self, said: Content) -> None:
        if self._message is None:
            self._message = Static(said, markup=False, id="pane-message")
            self.mount(self._message)
        elif self._said is None or not self._said.is_same(said):
            self._message.update(said)
        self._said = said
        self.add_class("-message")
