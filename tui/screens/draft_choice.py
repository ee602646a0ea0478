"""A dialog with more than one way on; its default leaves everything as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from engine.text import shown
from tui.screens.confirm import DEAF_S

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Key

STAY = ""
"""The answer that changes nothing."""
_ROOM = 72
"""Cells of the dialog for its answers, see draft.tcss."""
_BETWEEN = 4
"""Cells before each of them, and within."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way on: the letter that takes it, and what it does."""

    key: str
    label: str


class Choice(ModalScreen[str]):
    """Answers the letter of the way taken, or `STAY`; deaf at first, as every dialog is."""

    CSS_PATH = "draft.tcss"
    AUTO_FOCUS = "#stay"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "answer('')", "Stay"),
        ("left,up", "app.focus_previous", "Other button"),
        ("right,down", "app.focus_next", "Other button"),
    ]

    def __init__(
        self, title: str, lines: Sequence[str], ways: Sequence[Way], stay: str, steady: Callable[[], float]
    ) -> None:
        super().__init__()
        self._title = title
        self._said = lines
        self._ways = ways
        self._stay = stay
        self._steady = steady
        self._opened = steady()

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content(shown(self._title))
            yield Static(Content("\n").join([Content(shown(line)) for line in self._said]), id="lines")
            labels = [f"[ {self._stay} ]", *(f"{way.key}  {way.label}" for way in self._ways)]
            # More than one line has room for: each on a line of its own.
            stacked = sum(cell_len(label) + _BETWEEN for label in labels) > _ROOM
            with Container(id="answers", classes="-stacked" if stacked else ""):
                yield Button(Content(labels[0]), id="stay", compact=True)
                for way, label in zip(self._ways, labels[1:], strict=True):
                    yield Button(Content(label), id=f"way-{way.key}", compact=True)

    def on_mount(self) -> None:
        self._opened = self._steady()

    def on_key(self, event: Key) -> None:
        """A way's letter."""
        if event.character in {way.key for way in self._ways}:
            event.stop()
            self.action_answer(event.character or STAY)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_answer((event.button.id or "").removeprefix("way-") if event.button.id != "stay" else STAY)

    def action_answer(self, answer: str) -> None:
        """Take a way, unless the key was meant for the screen below."""
        if self._steady() - self._opened >= DEAF_S:
            self.dismiss(answer)
