"""A dialog that asks for one line of text and shows at once how it is understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import VerticalGroup
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.errors import EngineError
from engine.text import shown
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class PromptScreen(ModalScreen[str | None]):
    """Answers the text, or `None` when it was left with esc.

    `echo` says in words how the text is understood and raises an `EngineError` for what cannot be; then enter does
    nothing.
    """

    CSS_PATH = "prompt.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave")]

    def __init__(self, title: str, echo: Callable[[str], str], *, value: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._title = title
        self._echo = echo
        self._value = value
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """Title, field, echo, keys."""
        with VerticalGroup(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            yield PlainInput(self._value, placeholder=self._placeholder, compact=True)
            yield Static("", id="echo", markup=False)
            yield Static("enter takes it   esc leaves everything as it is", classes="dialog-keys", markup=False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._understood(event.value)

    def _understood(self, typed: str) -> bool:
        line = self.query_one("#echo", Static)
        if not typed.strip():
            line.update("")
            return False
        try:
            line.update(self._echo(typed.strip()))
        except EngineError as error:
            line.update(shown(f"! {error.message} {error.hint}"))
            return False
        return True

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._understood(event.value):
            self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
