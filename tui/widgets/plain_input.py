"""An `Input` that holds nothing a terminal would take for a command, whatever is pasted or was imported."""

from __future__ import annotations

import re
from typing import Final

from textual.widgets import Input

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
