"""Keys that arrive together, as over a slow line, in the order in which they were typed.

Textual gives a key to the widget that has the focus when the key arrives, and looks for its binding only once no widget
on its way up to the app took it. A field takes letters at once, so of `Sale`, ctrl+u, `Fair` arriving together ctrl+u
would come last and empty the field, and of `Sale`, tab, `Fair` both words would stand in the first field.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from textual import on
from textual.app import App
from textual.events import Key
from textual.message import Message
from textual.widgets import Input

from tui.typed_ahead import TypedAhead
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from textual.events import Event
    from textual.timer import Timer
    from textual.widget import Widget

_PATIENCE_S: Final = 1.0
"""How long a key may take; a field that is gone by then can tell nothing of it."""


class _Done(Message):
    """Goes the way a key went, behind everything that came of it."""

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key


def _passes(to: Widget, key: Key) -> bool:
    """Whether a widget lets a key through, for its binding to be found; a dialog, or another's field, may keep any."""
    ours = isinstance(to, PlainInput) or not (isinstance(to, Input) or to.screen.is_modal)
    return ours and not to.check_consume_key(key.key, key.character)


class OrderedKeys(App[int]):
    """An app in which a key waits until the one before it has done what it does; letters for a field need not wait."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # as `App` takes them
        self._typed_ahead = TypedAhead()
        self._ahead: tuple[Key, Widget] | None = None
        """A key on its way up to the app, and whom it was sent to."""
        self._behind: deque[Key] = deque()
        self._patience: Timer | None = None

    async def on_event(self, event: Event) -> None:
        """A key goes its way, or waits for the one before."""
        if not isinstance(event, Key):
            await super().on_event(event)
        elif event.is_forwarded:
            await super().on_event(event)
            await self._came_through(event)
        elif self._ahead is not None:
            self._behind.append(event)
        else:
            await self._send(event)

    async def _send(self, key: Key) -> None:
        to = self.focused or self.screen
        self._typed_ahead.sent(key, self.focused)
        if _passes(to, key):
            self._ahead = key, to
            self._patience = self.set_timer(_PATIENCE_S, partial(self._give_up, key))
        await super().on_event(key)
        if self._is_ahead(key) and not key.is_forwarded:
            # A binding that comes before every widget: it is done.
            await self._go_on()

    def _is_ahead(self, key: Key) -> bool:
        return self._ahead is not None and self._ahead[0] is key

    async def _came_through(self, key: Key) -> None:
        """No widget took it, and its binding has been followed; a field may still tell others of it."""
        if self._ahead is not None and self._is_ahead(key):
            to = self._ahead[1]
            if not isinstance(to, PlainInput) or not to.post_message(_Done(key)):
                await self._go_on()

    @on(_Done)
    async def _key_done(self, event: _Done) -> None:
        event.stop()
        if self._is_ahead(event.key):
            await self._go_on()

    async def _go_on(self) -> None:
        """Send what waited, up to the next key that has to be waited for."""
        if self._patience is not None:
            self._patience.stop()
        self._ahead = None
        while self._behind and self._ahead is None:
            await self._send(self._behind.popleft())

    async def _give_up(self, key: Key) -> None:
        """Some widget kept it. What waited is for a field that has the focus still, else nobody can mean it by now."""
        if self._ahead is None or not self._is_ahead(key):
            return
        if self._ahead[1] is not self.focused or not isinstance(self.focused, PlainInput):
            self._behind.clear()
        await self._go_on()

    def on_key(self, event: Key) -> None:
        """A key that nothing took: one typed before a field got the focus goes to the field, and is no command."""
        field = self.focused
        if field is not None and self._typed_ahead.belongs_to(event, field):
            event.prevent_default()
            field._forward_event(Key(event.key, event.character))
