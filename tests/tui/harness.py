"""The smallest app in which one of our widgets can live."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message
from textual.widget import Widget

import tui
from tui.theme import STATUS_COLORS, THEMES

STYLES = Path(tui.__file__).parent / "sendoff.tcss"


class Harness(App[Any]):
    """Shows the widgets it is given, with our theme and our styles."""

    CSS_PATH = STYLES
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *widgets: Widget, theme: str = THEMES[0].name) -> None:
        super().__init__()
        self._widgets = widgets
        for known in THEMES:
            self.register_theme(known)
        self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(STATUS_COLORS)

    def compose(self) -> ComposeResult:
        yield from self._widgets


def collector(*kinds: type[Message]) -> tuple[list[Any], Callable[[Message], None]]:
    """A list and a message hook that puts the messages of these kinds in it, once each."""
    seen: list[Any] = []

    def hook(message: Message) -> None:
        # A bubbling message passes the hook once per widget.
        if isinstance(message, kinds) and not any(message is one for one in seen):
            seen.append(message)

    return seen, hook


def ids(messages: Iterable[Any]) -> list[Any]:
    """The row ids the messages carry."""
    return [message.row_id for message in messages]
