"""The console in the user's words: press, type, see. A thin layer over Textual's Pilot.

Waiting is for the screen and never for time: `expect` lets the program run until it is idle, again and again, and fails
with the screen when what it waits for does not come.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from textual._context import visible_screen_stack
from textual.app import App
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

PATIENCE = 100
"""How often `expect` looks; each look lets the program run until it has nothing to do, about 20 ms."""

# `Console.type` hides the builtin inside the class.
WidgetType = type[Widget]

SNAPSHOTS = Path(__file__).parent / "tui" / "snapshots"


def screen_text(app: App[Any]) -> str:
    """What is on the screen, line by line, without trailing blanks.

    The compositor is private to Textual; `App.export_screenshot` reads it the same way.
    """
    # What a dialog lies over is drawn when the dialog is, and kept: without it the dialog would lie over nothing.
    visible_screen_stack.set(app._background_screens)
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


class Console:
    """A running console. Use it as `async with Console(app) as console`."""

    def __init__(
        self, app: App[Any], size: tuple[int, int] = (120, 40), hook: Callable[[Message], None] | None = None
    ) -> None:
        self.app = app
        self._size = size
        self._hook = hook
        self._stack = AsyncExitStack()
        self._pilot: Pilot[Any] | None = None

    async def __aenter__(self) -> Self:
        running = self.app.run_test(size=self._size, message_hook=self._hook)
        self._pilot = await self._stack.enter_async_context(running)
        # Frozen looks: a cursor that blinks would be on one screen and not on the next.
        self.app.animation_level = "none"
        await self.pilot.pause()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def pilot(self) -> Pilot[Any]:
        """Textual's own pilot, for what has no words here."""
        assert self._pilot is not None, "the console runs only inside `async with`"
        return self._pilot

    @property
    def screen(self) -> str:
        """The screen as text."""
        return screen_text(self.app)

    @property
    def lines(self) -> list[str]:
        """The screen line by line."""
        return self.screen.split("\n")

    def line(self, text: str) -> str:
        """The first line on the screen that holds the text."""
        found = next((line for line in self.lines if text in line), None)
        if found is None:
            raise AssertionError(f"no line with {text!r} on the screen:\n{self.screen}")
        return found

    async def press(self, *keys: str) -> Self:
        """Press keys, named as Textual names them; single characters stand for themselves."""
        await self.pilot.press(*keys)
        await self.pilot.pause()
        return self

    async def type(self, text: str) -> Self:
        """Type text, key by key."""
        await self.pilot.press(*text)
        await self.pilot.pause()
        return self

    async def click(self, target: str | WidgetType, offset: tuple[int, int] = (0, 0), times: int = 1) -> Self:
        """Click on a widget, `offset` cells right and down of its corner."""
        await self.pilot.click(target, offset=offset, times=times)
        await self.pilot.pause()
        return self

    async def resize(self, width: int, height: int) -> Self:
        """Another size of the terminal's window."""
        await self.pilot.resize_terminal(width, height)
        await self.pilot.pause()
        return self

    def sees(self, text: str) -> bool:
        """Whether the text is on the screen now."""
        return text in self.screen

    async def expect(self, *texts: str) -> Self:
        """Wait until all these texts are on the screen; fails with the screen when they do not come."""
        await self._until(lambda screen: all(text in screen for text in texts), f"expected {list(texts)}")
        return self

    async def expect_not(self, *texts: str) -> Self:
        """Wait until none of these texts is on the screen; fails with the screen when one stays."""
        await self._until(lambda screen: not any(text in screen for text in texts), f"did not expect {list(texts)}")
        return self

    async def until(self, holds: Callable[[], bool], what: str) -> Self:
        """Wait until something else holds; `what` says what it is."""
        await self._until(lambda screen: holds(), what)
        return self

    async def _until(self, holds: Callable[[str], bool], what: str) -> None:
        for _ in range(PATIENCE):
            if holds(self.screen):
                return
            await self.pilot.pause()
        raise AssertionError(f"{what}; the screen is:\n{self.screen}")

    def svg(self) -> str:
        """The screen with its colours, as a picture."""
        return self.app.export_screenshot()


def check_text_snapshot(name: str, text: str, folder: Path = SNAPSHOTS, update: bool | None = None) -> None:
    """Compare a screen with the one kept as `NAME.txt`.

    With `--snapshot-update` (or `update`) the kept one is written instead. A missing one fails too, so that no run
    passes by writing what it then compares with.
    """
    path = folder / f"{name}.txt"
    text = f"{text.rstrip()}\n"
    if os.environ.get(UPDATE_VARIABLE) == "1" if update is None else update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    if not path.exists():
        raise AssertionError(
            f"there is no snapshot {name} yet; look at the screen, then run --snapshot-update:\n{text}"
        )
    kept = path.read_text(encoding="utf-8")
    if kept != text:
        diff = difflib.unified_diff(kept.splitlines(), text.splitlines(), "kept", "now", lineterm="", n=2)
        raise AssertionError(f"the screen {name} looks different:\n" + "\n".join(diff))


UPDATE_VARIABLE = "SENDOFF_SNAPSHOT_UPDATE"
"""Set by `tests/tui/conftest.py` when pytest was called with `--snapshot-update`, syrupy's own option."""
