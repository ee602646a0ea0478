"""A dialog with more than one way on; its default leaves everything as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
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
        ("left", "app.focus_previous", "Other button"),
        ("right", "app.focus_next", "Other button"),
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
            with Horizontal(id="answers"):
                yield Button(Content(f"[ {self._stay} ]"), id="stay", compact=True)
                for way in self._ways:
                    yield Button(Content(f"{way.key}  {way.label}"), id=f"way-{way.key}", compact=True)

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
