"""How the list is read: a look at the store every little while, rows as they come into view, the cursor's campaign."""

from __future__ import annotations

from textual import on

from store import listing
from store.errors import StoreError
from store.types import ListFilter
from tui.feed import Ask, Feed, Snapshot
from tui.screens.campaign_finding import CampaignFinding
from tui.widgets.paged_table import PagedTable
from tui.widgets.status_tabs import StatusTabs

PANE_DELAY_S = 0.15
"""The pane follows the cursor only when it rests: a held key costs no bytes there."""


class CampaignReading(CampaignFinding):
    """One look at a time; what was read is kept, and the screen shows it."""

    def __init__(self, first: Snapshot | None) -> None:
        """`first` was read before the console opened; `None` without account."""
        super().__init__()
        self._feed = Feed()
        self._asked = Ask() if first is None else first.ask
        self._snapshot = first
        self._polling = False
        self._again = False
        self._trouble = ""
        self._jump_to = self._asked.chosen
        """The campaign to put the cursor on as soon as it is in the list."""
        self._must_show = False
        """Whether tab, search and filter give way when they hide it."""

    def come_back(self, select: int | None) -> None:
        """Shown again: read anew, the cursor on `select` when given."""
        if select is not None and not self._table.move_to_id(select):
            self._jump_to = select
            self._must_show = True
            self._ask_for(chosen=select)
        self.poll()

    def poll(self) -> None:
        """Look at the store once; asked for while a look is under way, look again after it."""
        if not self.in_use:
            return
        if self._polling:
            self._again = True
            return
        self._polling = True
        self.in_background(self._look, "poll")

    async def _look(self) -> None:
        try:
            while True:
                asked = self._asked
                ask = Ask(asked.wanted, asked.sort, asked.reverse, tuple(self._table.visible_ids), asked.chosen)
                self._again = False
                try:
                    snapshot = await self.services.threads.read(self._feed.poll, ask, self.services.now)
                except StoreError as error:
                    if self.app.is_running:
                        self._show_trouble(error)
                    return
                self._trouble = ""
                if not self.app.is_running:
                    return
                if snapshot is not None:
                    self._show(snapshot)
                if not self._again:
                    return
        finally:
            self._polling = False

    def _show(self, snapshot: Snapshot) -> None:
        """Have all of the screen say what was read."""
        raise NotImplementedError

    def _show_trouble(self, error: StoreError) -> None:
        """Say why nothing could be read; what was read before stays."""
        raise NotImplementedError

    def _jump(self, last_try: bool) -> None:
        """Put the cursor where it is wanted; the first screenful may not have that campaign yet."""
        if self._jump_to is None:
            return
        there = self._table.move_to_id(self._jump_to)
        if last_try and not there and self._must_show and self._asked.wanted != ListFilter():
            self._close_search()
            self.query_one(StatusTabs).active = None
            self._narrow(ListFilter())
        elif last_try or there:
            self._jump_to, self._must_show = None, False

    @on(PagedTable.RowsWanted)
    async def _load_rows(self, event: PagedTable.RowsWanted) -> None:
        wanted = event.table.window.missing(event.first, event.last)
        found = await self.reading(listing.rows, wanted)
        if found is not None:
            event.table.update_rows(found, wanted)

    @on(PagedTable.Highlighted)
    def _cursor_moved(self) -> None:
        self._show_footer()
        self.set_timer(PANE_DELAY_S, self._follow_cursor)

    def _follow_cursor(self) -> None:
        if self._jump_to is not None:
            # It is about to be elsewhere.
            return
        cursor = self._table.window.cursor
        if (cursor is not None and cursor != self._asked.chosen) or (self._snapshot and self._snapshot.report is None):
            self._ask_for(chosen=cursor)
            self.poll()

    def action_refresh(self) -> None:
        """Read everything again."""
        self._feed = Feed()
        self.poll()
