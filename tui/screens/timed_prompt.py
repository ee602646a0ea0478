"""A prompt for what is possible only until a moment: it counts down to it, and from then on only closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input, Static

from engine import schedule
from tui.screens.confirm import TICK_S
from tui.screens.prompt import PromptScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.clock import Clock


class TimedPrompt(PromptScreen):
    """Says above the echo how long it is possible still; what was typed stays on the screen when it is too late."""

    def __init__(
        self,
        title: str,
        echo: Callable[[str], str],
        clock: Clock,
        *,
        until: int,
        too_late: Callable[[int], str | None],
        placeholder: str = "",
        does: str = "takes it",
    ) -> None:
        """`until` is the last moment (UTC milliseconds); `too_late` says why nothing is taken any more."""
        super().__init__(title, echo, placeholder=placeholder, does=does)
        self._clock = clock
        self._until = until
        self._too_late = too_late
        self._late: str | None = None
        self._shown = ""

    def on_mount(self) -> None:
        """Count down."""
        self.set_interval(TICK_S, self.tick)

    def tick(self) -> None:
        """Say what is true now; only what changed is painted again."""
        typed, before = self.query_one(Input).value, self._shown
        if self._said(typed)[0] != before:
            self._understood(typed)

    def _understood(self, typed: str) -> bool:
        good = super()._understood(typed)
        if self._late is not None:
            self.query_one(".dialog-keys", Static).update("esc closes; everything stays as it is")
        return good

    def _said(self, typed: str) -> tuple[str, bool]:
        now = self._clock.now()
        # Once said it stays, also when the clock is set back.
        self._late = self._late or self._too_late(now)
        if self._late is not None:
            self._shown, good = f"! {self._late}", False
        else:
            words, good = super()._said(typed)
            self._shown = f"Still possible for {schedule.duration(self._until - now)}.\n{words}".rstrip()
        return self._shown, good
