"""The dialog that narrows the campaign list to a range of days and a sender (R51)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, VerticalGroup
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.errors import EngineError
from engine.text import shown
from store.types import ListFilter
from tui import list_filter
from tui.list_filter import Typed
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.clock import Clock
    from store.types import Sender

_FIELDS = (("since", "From", "any day"), ("until", "To", "any day"), ("sender", "Sender", "any sender"))
_MOST = 3
"""Senders named in the dialog; the others are reached with the arrows."""


class _SenderInput(PlainInput):
    """The last digits of a number, or the arrows."""

    BINDINGS: ClassVar[list[BindingType]] = [("down", "step(1)", "Next sender"), ("up", "step(-1)", "Previous sender")]

    class Stepped(Message):
        """An arrow: the next sender, or the one before."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def action_step(self, step: int) -> None:
        """Ask for the sender that many further."""
        self.post_message(self.Stepped(step))


class FilterScreen(ModalScreen[ListFilter | None]):
    """Answers the filter with what was typed, or `None` when it was left with esc.

    What is typed is read at once; while it cannot be, the dialog says why and enter does nothing.
    """

    CSS_PATH = "filter.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave"), ("ctrl+r", "empty", "empty")]

    def __init__(self, wanted: ListFilter, senders: Sequence[Sender], zone: str, clock: Clock) -> None:
        super().__init__()
        self._wanted = wanted
        self._senders = senders
        self._zone = zone
        self._clock = clock

    def compose(self) -> ComposeResult:
        """The three fields, how they are understood, the keys."""
        there = list_filter.typed(self._wanted, self._zone, self._senders)
        with VerticalGroup(classes="dialog") as dialog:
            dialog.border_title = "Show only"
            for (name, label, nothing), value in zip(_FIELDS, there, strict=True):
                kind = _SenderInput if name == "sender" else PlainInput
                with Horizontal(classes="filter-line"):
                    yield Static(label, classes="filter-label", markup=False)
                    yield kind(value, placeholder=nothing, compact=True, id=name)
            yield Static(self._help(), id="filter-help", markup=False)
            yield Static(self._read(there)[0], id="echo", markup=False)
            yield Static(
                "enter filters   tab next field   ctrl+r empties all   esc leaves it",
                classes="dialog-keys",
                markup=False,
            )

    def _help(self) -> str:
        numbers = [f"+{one.number}" for one in self._senders]
        more = f" and {len(numbers) - _MOST} more" if len(numbers) > _MOST else ""
        listed = f"{', '.join(numbers[:_MOST])}{more}" if numbers else "there is none yet"
        return (
            f"A day (2026-12-01, today, 22 Nov) or a time (yesterday 10:00) as in the\n"
            f"column WHEN, in {self._zone}; the last day is included.\n"
            f"Senders, by their last digits or ↑ ↓: {listed}"
        )

    @property
    def _typed(self) -> Typed:
        return Typed(*(self.query_one(f"#{name}", Input).value for name, _, _ in _FIELDS))

    def _read(self, typed: Typed) -> tuple[str, ListFilter | None]:
        """What to say of it, and the filter if it can be read."""
        try:
            wanted = list_filter.parse(typed, self._wanted, self._zone, self._clock.now(), self._senders)
        except EngineError as error:
            return shown(f"! {error.message} {error.hint}"), None
        sender = next((f"+{one.number}" for one in self._senders if one.id == wanted.sender_id), "")
        said = list_filter.words(wanted, self._zone, sender)
        return f"Shows only: {said}" if said else "Shows all days and senders.", wanted

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#echo", Static).update(self._read(self._typed)[0])

    @on(Input.Submitted)
    def _submitted(self) -> None:
        _, wanted = self._read(self._typed)
        if wanted is not None:
            self.dismiss(wanted)

    @on(_SenderInput.Stepped)
    def _stepped(self, event: _SenderInput.Stepped) -> None:
        box = self.query_one("#sender", Input)
        choices = ["", *(f"+{one.number}" for one in self._senders)]
        at = choices.index(box.value) if box.value in choices else 0
        box.value = choices[(at + event.step) % len(choices)]
        box.cursor_position = len(box.value)

    def action_empty(self) -> None:
        """Empty every field; enter then shows everything again."""
        for name, _, _ in _FIELDS:
            self.query_one(f"#{name}", Input).value = ""

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
