"""What is pasted holds no keys: a terminal puts a paste between two marks, but sends what is in it as it is.

Textual's parser takes an escape within a paste for the beginning of a sequence, gives up waiting for the rest, and then
what was pasted becomes keys: text copied from a log may schedule a campaign.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.message import Message

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""All but tab and the ends of lines."""


class PasteFilter:
    """Takes control characters out of pastes, however what arrives is cut in pieces; all else it leaves alone."""

    def __init__(self) -> None:
        self._inside = False
        self._kept = ""
        """The end of what came last that may be the beginning of a mark: outside a paste it was passed on."""

    def __call__(self, text: str) -> str:
        """The next piece as the parser may see it; empty while it has to be waited for what comes next."""
        passed: list[str] = []
        while text:
            text = self._leave(text, passed) if self._inside else self._enter(text, passed)
        return "".join(passed)

    def _enter(self, text: str, passed: list[str]) -> str:
        """Pass on what is no paste, the mark at its end too; answers what comes after."""
        seen = len(self._kept)
        whole = self._kept + text
        before, mark, after = whole.partition(BRACKETED_PASTE_START)
        passed.append((before + mark)[seen:])
        self._inside = bool(mark)
        self._kept = "" if mark else _beginning(whole, BRACKETED_PASTE_START)
        return after

    def _leave(self, text: str, passed: list[str]) -> str:
        """Pass on what is pasted, then the mark in one piece, for an escape alone would not be waited for."""
        whole = self._kept + text
        pasted, mark, after = whole.partition(BRACKETED_PASTE_END)
        self._inside = not mark
        self._kept = "" if mark else _beginning(whole, BRACKETED_PASTE_END)
        passed.append(_CONTROL.sub("", pasted[: len(pasted) - len(self._kept)]) + mark)
        return after


def _beginning(text: str, mark: str) -> str:
    """The longest end of a text that a mark may begin with."""
    return next((mark[:n] for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), "")


class PasteParser(XTermParser):
    """Textual's parser, which sees of a paste only text."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._filter = PasteFilter()

    def feed(self, data: str) -> Iterable[Message]:
        """What has arrived as keys, pastes and the like; nothing means the end of it."""
        seen = self._filter(data)
        return super().feed(seen) if seen or not data else ()
