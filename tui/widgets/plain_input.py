"""An `Input` that holds nothing a terminal would take for a command, whatever is pasted or was imported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual.widgets import Input

if TYPE_CHECKING:
    from textual.events import Paste

_SPACE: Final = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(text: str) -> str:
    """The text in one line without control characters."""
    return _CONTROL.sub("", _SPACE.sub(" ", text))


class PlainInput(Input):
    """Textual draws an `Input`'s value as it is, escape sequences included; here none gets in."""

    def validate_value(self, value: str) -> str:
        """Called by Textual with every new value, before it is kept."""
        return plain(value)

    def _on_paste(self, event: Paste) -> None:
        """All lines of what is pasted, in one: Textual would keep the first and drop the others without a word."""
        event.stop()
        event.prevent_default()
        if event.text:
            self.replace(plain(event.text.strip("\r\n")), *self.selection)
