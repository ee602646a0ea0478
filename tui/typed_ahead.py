"""Keys that were typed before the screen had caught up, as they arrive over a slow line: several at once.

Textual sends a key to the widget that has the focus when the key arrives. Of `/sale`, arriving together, all five go to
the list, and only then does the slash open the search: without more, `s` would sort and `e` edit.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from textual.events import Key
    from textual.widget import Widget

_MOST: Final = 256
"""Keys remembered: more than a line delivers at once."""


class TypedAhead:
    """Whom each of the last keys was sent to."""

    def __init__(self) -> None:
        self._sent: deque[tuple[Key, Widget | None]] = deque(maxlen=_MOST)

    def sent(self, key: Key, to: Widget | None) -> None:
        """A key goes to the widget that has the focus now."""
        self._sent.append((key, to))

    def belongs_to(self, key: Key, focused: Widget | None) -> bool:
        """Whether a key that nothing took was meant for the field that has got the focus since."""
        if focused is None or not _takes_text(focused):
            return False
        return any(one is key and to is not focused for one, to in self._sent)


def _takes_text(widget: Widget) -> bool:
    return widget.check_consume_key("a", "a")
