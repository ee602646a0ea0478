"""Keys that arrive together, as over a slow line, in the order in which they were typed.

Textual gives a key to the widget that has the focus when the key arrives, and looks for its binding only once no widget
on its way up to the app took it. A field takes letters at once, so of `Sale`, ctrl+u, `Fair` arriving together ctrl+u
would come last and empty the field, and of `Sale`, tab, `Fair` both words would stand in the first field.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from textual import on
from textual.app import App
from textual.events import Key, Paste
from textual.message import Message
from textual.widgets import Input

from tui.typed_ahead import TypedAhead
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.events import Event
    from textual.timer import Timer
    from textual.widget import Widget

_PATIENCE_S: Final = 1.0
"""How long a key may take."""
_LOOK_S: Final = 0.05


class _Done(Message):
    """Goes the way a key went, behind everything that came of it."""

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key


@dataclass
class _Ahead:
    """A key on its way up to the app."""

    key: Key
    to: Widget
    timer: Timer
    through: bool = False
    looks: int = 0

    @property
    def still_there(self) -> bool:
        """Whether it was given to a field that has the focus still, and so may be telling others of it."""
        return isinstance(self.to, PlainInput) and self.to.is_attached and self.to.screen.focused is self.to


def _passes(to: Widget, key: Key) -> bool:
    """Whether a widget lets a key through, for its binding to be found; a dialog, or another's field, may keep any."""
    ours = isinstance(to, PlainInput) or not (isinstance(to, Input) or to.screen.is_modal)
    return ours and not to.check_consume_key(key.key, key.character)


class OrderedKeys(App[int]):
    """An app in which a key waits until the one before it has done what it does; letters for a field need not wait."""

    def __init__(self, driver_class: type[Driver]) -> None:
        super().__init__(driver_class=driver_class)
        self._typed_ahead = TypedAhead()
        self._ahead: _Ahead | None = None
        self._behind: deque[Key | Paste] = deque()

    async def on_event(self, event: Event) -> None:
        """What is typed or pasted goes its way, or waits for the key before."""
        if not isinstance(event, Key | Paste):
            await super().on_event(event)
        elif event.is_forwarded:
            await super().on_event(event)
            if isinstance(event, Key):
                await self._came_through(event)
        elif self._ahead is not None:
            self._behind.append(event)
        else:
            await self._send(event)

    async def _send(self, typed: Key | Paste) -> None:
        if isinstance(typed, Key):
            to = self.focused or self.screen
            self._typed_ahead.sent(typed, self.focused)
            if _passes(to, typed):
                self._ahead = _Ahead(typed, to, self.set_interval(_LOOK_S, partial(self._look_after, typed)))
        await super().on_event(typed)
        if self._ahead is not None and self._ahead.key is typed and not typed.is_forwarded:
            # A binding that comes before every widget: it is done.
            await self._go_on()

    async def _came_through(self, key: Key) -> None:
        """No widget took it, and its binding has been followed; a field may still tell others of it."""
        ahead = self._ahead
        if ahead is None or ahead.key is not key:
            return
        ahead.through = True
        if not ahead.still_there or not ahead.to.post_message(_Done(key)):
            await self._go_on()

    @on(_Done)
    async def _key_done(self, event: _Done) -> None:
        event.stop()
        if self._ahead is not None and self._ahead.key is event.key:
            await self._go_on()

    async def _go_on(self) -> None:
        """Send what waited, up to the next key that has to be waited for."""
        if self._ahead is not None:
            self._ahead.timer.stop()
        self._ahead = None
        while self._behind and self._ahead is None:
            await self._send(self._behind.popleft())

    async def _look_after(self, key: Key) -> None:
        """A field that went away tells nothing more; and some widget may have kept the key."""
        ahead = self._ahead
        if ahead is None or ahead.key is not key:
            return
        ahead.looks += 1
        if ahead.through and not ahead.still_there:
            await self._go_on()
        elif ahead.looks * _LOOK_S >= _PATIENCE_S:
            if not ahead.still_there:
                # So late nobody can mean it any more for what has the focus now.
                self._behind.clear()
            await self._go_on()

    def on_key(self, event: Key) -> None:
        """A key that nothing took: one typed before a field got the focus goes to the field, and is no command."""
        field = self.focused
        if field is not None and self._typed_ahead.belongs_to(event, field):
            event.prevent_default()
            field._forward_event(Key(event.key, event.character))
