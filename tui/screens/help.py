"""Every key of a screen with a sentence each, made from the registry; typing filters."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.text import shown
from tui.command import Context, key_word, refusal
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Resize

    from tui.command import Command

_INDENT = 21
_MARGIN = 3
"""The scroll bar and a little air."""


def help_lines(commands: Sequence[Command], context: Context, width: int, query: str = "") -> list[Content]:
    """The commands under their headings; with a query those where every word of it stands somewhere.

    Sentences are wrapped to stay in their column. What does not work now is dimmed and says why.
    """
    words = query.casefold().split()
    groups: dict[str, list[Content]] = {}
    for command in commands:
        keys = ", ".join(key_word(key) for key in command.keys)
        text = f"{keys} {command.label} {command.help} {command.group}".casefold()
        if all(word in text for word in words):
            groups.setdefault(command.group, []).extend(_told(command, keys, context, width - _INDENT - _MARGIN))
    lines: list[Content] = []
    for group, members in groups.items():
        lines += [*([Content("")] if lines else []), Content.styled(f" {group}", "bold $accent"), *members]
    return lines or [Content(f" No key fits “{shown(query.strip())}”.")]


def _told(command: Command, keys: str, context: Context, width: int) -> list[Content]:
    why_not = refusal(command, context)
    first, *more = wrap(command.help, max(width, 20))
    if why_not is None:
        head = Content.assemble((f"  {keys:<{_INDENT - 2}}", "bold"), first)
        return [head, *(Content(" " * _INDENT + line) for line in more)]
    more += wrap(f"Not now: {shown(why_not.message)}", max(width, 20))
    dimmed = [f"  {keys:<{_INDENT - 2}}{first}", *(" " * _INDENT + line for line in more)]
    return [Content.styled(line, "dim") for line in dimmed]


class Help(ModalScreen[None]):
    """The keys of the screen below."""

    AUTO_FOCUS = "#help-filter"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,f1", "close", "Close"),
        ("down", "scroll(1)", "Down"),
        ("up", "scroll(-1)", "Up"),
        ("pagedown", "scroll(10)", "Page down"),
        ("pageup", "scroll(-10)", "Page up"),
    ]
    DEFAULT_CSS = """
    Help {
        background: $background;
    }
    Help > #help-title {
        height: 1;
        text-style: bold;
        background: $panel;
    }
    Help > #help-filter {
        margin: 0 1;
    }
    Help > #help-scroll {
        height: 1fr;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
    }
    Help #help-lines {
        height: auto;
    }
    """

    def __init__(self, title: str, commands: Sequence[Command], context: Context) -> None:
        super().__init__()
        self._title = title
        self._commands = commands
        self._asked = context
        # There from the start: set at mounting, everything would be laid out and painted twice.
        self._width = self.app.size.width
        self._lines = Static(self._content(""), markup=False, id="help-lines")

    def compose(self) -> ComposeResult:
        yield Static(Content(f" Keys: {shown(self._title)}   type to filter   esc closes"), id="help-title")
        filter_input = PlainInput(placeholder="filter", compact=True, id="help-filter")
        filter_input.cursor_blink = False
        yield filter_input
        with VerticalScroll(id="help-scroll", can_focus=False):
            yield self._lines

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._lines.update(self._content(event.value))
        self.query_one("#help-scroll").scroll_home(animate=False)

    def on_resize(self, event: Resize) -> None:
        if event.size.width != self._width:
            self._width = event.size.width
            self._lines.update(self._content(self.query_one("#help-filter", Input).value))

    def _content(self, query: str) -> Content:
        return Content("\n").join(help_lines(self._commands, self._asked, self._width, query))

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one("#help-scroll").scroll_relative(y=lines, animate=False)

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss(None)
