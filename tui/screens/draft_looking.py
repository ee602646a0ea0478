"""When the draft editor looks at what its form would do: as soon as the typing rests, and every few seconds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from textual import on

from tui.screens.base import ConsoleScreen
from tui.screens.draft_outlook import Looker
from tui.screens.draft_panel import FormPanel
from tui.widgets.preview import MessagePreview

if TYPE_CHECKING:
    from textual.timer import Timer

    from engine.preflight_facts import Facts
    from tui.screens.draft_form import OpenDraft
    from tui.screens.draft_outlook import Outlook

DELAY_S: Final = 0.25
"""The right-hand side follows the typing only when it rests."""
TICK_S: Final = 1.0
SLOW_S: Final = 0.5
"""An answer that takes longer is announced."""
_LOOK_AGAIN_TICKS: Final = 5
"""Balance, template and sender may change while the form is open."""


class DraftLooking(ConsoleScreen):
    """One look at a time; what was found is kept, and the screen shows it."""

    draft: OpenDraft

    def __init__(self) -> None:
        super().__init__()
        self.outlook: Outlook | None = None
        self.position = 0
        """Which recipient the preview shows, from 0."""
        self._looker = Looker()
        self._request = 0
        self._looking = False
        self._slow = False
        self._asking = False
        self._again = False
        self._delay: Timer | None = None
        self._ticks = 0

    def on_mount(self) -> None:
        """The clocks move only while the editor is on the screen."""
        self.set_interval(TICK_S, self._tick)

    @property
    def panel(self) -> FormPanel:
        """The form."""
        return self.query_one(FormPanel)

    def show_header(self) -> None:
        """The first line."""
        raise NotImplementedError

    def show_timing(self) -> None:
        """What depends on the time, and that counting takes long."""
        raise NotImplementedError

    def _show(self, outlook: Outlook) -> None:
        """Have all of the screen say what was found."""
        raise NotImplementedError

    def forget(self) -> None:
        """Another draft: what is being read for the one before is dropped when it comes."""
        self._request += 1
        self.outlook = None
        self.position = 0

    @on(FormPanel.Changed)
    def _form_changed(self) -> None:
        self.show_header()
        if self._delay is not None:
            self._delay.stop()
        self._delay = self.set_timer(DELAY_S, self.look)

    def look(self) -> None:
        """Work out what would happen now; asked for while that is under way, once more after it."""
        self.show_timing()
        # What is being counted for the form as it was is given up.
        self._request += 1
        if self._looking:
            self._again = True
            return
        self._looking = True
        self.run_worker(self._look(), group="look")

    async def _look(self) -> None:
        slow = self.set_timer(SLOW_S, self._show_slow)
        try:
            while True:
                self._again = False
                request = self._request
                panel = self.panel
                fields = panel.form.fields(panel.keys)
                outlook = await self.reading(
                    self._looker.look,
                    fields,
                    self.draft.campaign_id,
                    self.position,
                    self.services.now,
                    partial(self._is_last, request),
                )
                # On its way out a screen loses its parts first.
                there = self.is_mounted and self.query_one_optional(MessagePreview) is not None
                if outlook is not None and self._is_last(request) and there:
                    self._slow = False
                    self._show(outlook)
                    self.in_background(partial(self._ask_gateway, outlook.facts), "health")
                if not self._again:
                    return
        finally:
            slow.stop()
            self._looking = self._slow = False

    async def _ask_gateway(self, facts: Facts) -> None:
        """Beside everything else, and at most once a minute: the preflight only reads what was answered."""
        if self._asking:
            return
        self._asking = True
        try:
            if await self.asked_gateway(facts.sender, facts.template) and self.is_mounted:
                self.look()
        finally:
            self._asking = False

    def _show_slow(self) -> None:
        self._slow = True
        self.show_timing()

    def _is_last(self, request: int) -> bool:
        return request == self._request

    def _tick(self) -> None:
        if not self.is_current:
            return
        self._ticks += 1
        if self._ticks % _LOOK_AGAIN_TICKS == 0 and self.outlook is not None and not self._looking:
            self.look()
        else:
            self.show_timing()
        self.show_header()
