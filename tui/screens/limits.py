"""The account's limits in a dialog: what they are, and at once how a change is understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import VerticalGroup
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from engine.commands import limits
from engine.commands.limits import Limits
from engine.errors import EngineError
from engine.text import counted, shown
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import Input


def _quota(typed: str) -> str:
    most = limits.parse_quota(typed)
    return "as many people as you like" if most is None else f"{most:,} people within 24 hours"


def _frequency(typed: str) -> str:
    cap, days = limits.parse_frequency(typed)
    if cap is None or days is None:
        return "any number of marketing messages to a person"
    return f"at most {counted(cap, 'marketing message')} to a person in {counted(days, 'day')}"


def _countries(typed: str) -> str:
    names = limits.parse_countries(typed)
    return "messages may go to every country" if names is None else f"messages may go to {', '.join(names)} only"


_FIELDS: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "quota": ("Messaging quota: a number, or 250, 2K, 10K, 100K, unlimited", _quota),
    "frequency": ("Frequency cap: such as 2 in 7 days, or none", _frequency),
    "countries": ("Countries: two letters each, such as IN, AE, or all", _countries),
}


class LimitsScreen(ModalScreen[Limits | None]):
    """Answers the limits as typed, or `None` when it was left with esc; `usage` says how much of them is used."""

    CSS_PATH = "prompt.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "leave"),
        ("ctrl+s", "take", "take"),
        ("f2", "take", "take"),
    ]

    def __init__(self, known: Limits, usage: str) -> None:
        super().__init__()
        self._known = limits.words(known)
        self._usage = usage

    def compose(self) -> ComposeResult:
        """A line and its echo for each limit."""
        with VerticalGroup(classes="dialog") as dialog:
            dialog.border_title = Content("Limits of the account")
            yield Static(self._usage, markup=False)
            for name, (label, _) in _FIELDS.items():
                yield Label(label, classes="dialog-keys", markup=False)
                yield PlainInput(self._known[name], id=name, compact=True)
                yield Static(self._said(name, self._known[name])[0], id=f"{name}-echo", markup=False)
            yield Static(
                "ctrl+s or f2 sets them   enter next line   esc changes nothing",
                classes="dialog-keys",
                markup=False,
            )

    def _said(self, name: str, typed: str) -> tuple[str, bool]:
        """What to say of a line, and whether it can be taken."""
        try:
            return shown(f"  {_FIELDS[name][1](typed)}"), True
        except EngineError as error:
            return shown(f"! {error.message} {error.hint}"), False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say how it is understood while it is typed."""
        name = event.input.id or ""
        self.query_one(f"#{name}-echo", Static).update(self._said(name, event.value)[0])

    def on_input_submitted(self) -> None:
        """Enter goes to the next line."""
        self.focus_next()

    def action_take(self) -> None:
        """Answer what is typed; a line that cannot be read gets the focus instead."""
        typed = {name: self.query_one(f"#{name}", PlainInput).value for name in _FIELDS}
        for name, text in typed.items():
            if not self._said(name, text)[1]:
                self.query_one(f"#{name}").focus()
                return
        cap, days = limits.parse_frequency(typed["frequency"])
        self.dismiss(Limits(limits.parse_quota(typed["quota"]), cap, days, limits.parse_countries(typed["countries"])))

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
