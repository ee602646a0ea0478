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
    nothing. `does` says what enter does else: often there is no other question.
    """

    CSS_PATH = "prompt.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave")]

    def __init__(
        self,
        title: str,
        echo: Callable[[str], str],
        *,
        value: str = "",
        placeholder: str = "",
        does: str = "takes it",
    ) -> None:
        super().__init__()
        self._title = title
        self._echo = echo
        self._value = value
        self._placeholder = placeholder
        self._does = does

    def compose(self) -> ComposeResult:
        """Title, field, echo, keys."""
        with VerticalGroup(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            yield PlainInput(self._value, placeholder=self._placeholder, compact=True)
            # Said at once for a value that stands there already: a dialog is laid out for what it says at first.
            yield Static(self._said(self._value)[0], id="echo", markup=False)
            yield Static(f"enter {self._does}   esc leaves everything as it is", classes="dialog-keys", markup=False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._understood(event.value)

    def _understood(self, typed: str) -> bool:
        words, good = self._said(typed)
        self.query_one("#echo", Static).update(words)
        return good

    def _said(self, typed: str) -> tuple[str, bool]:
        """What to say of the text, and whether it can be taken."""
        if not typed.strip():
            return "", False
        try:
            return self._echo(typed.strip()), True
        except EngineError as error:
            return shown(f"! {error.message} {error.hint}"), False

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._understood(event.value):
            self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
