"""The recipients of a report: which of them are in the table, by state or reason, and how one of them is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input, Static

from store import recipients
from store.types import RecipientState
from tui import recipient_cells, report_frame
from tui.recipient_cells import ALL, FILTERS
from tui.screens.base import ConsoleScreen
from tui.screens.report_reading import seqs
from tui.widgets.paged_table import PagedTable
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.report import Report
    from store.types import Recipient
    from tui.recipient_cells import Reason
    from tui.widgets.columns import Cell


class ReportRecipients(ConsoleScreen):
    """The table below the report; the screen itself reads and shows what is above it."""

    _report: Report | None

    def __init__(self) -> None:
        super().__init__()
        self._campaign_id: int | None = None
        self._filter = ALL
        self._reason: Reason | None = None

    def _show_footer(self) -> None:
        """Have the footer say what works now."""
        raise NotImplementedError

    @property
    def _table(self) -> PagedTable[Recipient]:
        return self.query_one("#recipients", PagedTable)

    @property
    def _filtered(self) -> bool:
        return self._filter != ALL or self._reason is not None

    @property
    def _unknown_chosen(self) -> bool:
        """Whether only those are shown of whom nobody knows whether the message went out."""
        return self._reason is None and FILTERS[self._filter][1] == (RecipientState.UNKNOWN,)

    @property
    def _under_cursor(self) -> Recipient | None:
        window = self._table.window
        return None if window.cursor is None else window.row(window.cursor_index)

    # Reading

    def _forget_rows(self) -> None:
        """Show nobody."""
        # Rows are known by their place in the file: another campaign has the same ones.
        self._table.window.invalidate()
        self._table.set_ids((), keep_cursor=False)
        self.query_one("#recipient-list", Pane).show_empty("")
        self.query_one("#recipient-filter", Static).update("")

    async def _load_ids(self) -> None:
        campaign_id = self._campaign_id
        if campaign_id is None:
            return
        asked = (self._filter, self._reason)
        ids = await self.reading(seqs, campaign_id, *asked)
        if ids is not None and campaign_id == self._campaign_id and asked == (self._filter, self._reason):
            self._table.set_ids(ids, keep_cursor=False)
            self._show_rows()

    async def _reread_rows(self) -> None:
        """Read the rows in view again, and where they may be others which rows they are."""
        campaign_id, report, window = self._campaign_id, self._report, self._table.window
        if campaign_id is None or report is None:
            return
        if self._filtered or report.campaign.progress.audience != len(window):
            ids = await self.reading(seqs, campaign_id, self._filter, self._reason)
            if ids is not None and campaign_id == self._campaign_id and ids != window.ids:
                self._table.set_ids(ids)
                self._show_rows()
        visible = list(self._table.visible_ids)
        rows = await self.reading(recipients.page, campaign_id, visible)
        if rows is not None and campaign_id == self._campaign_id:
            # Those out of view have changed too; they are read again when they come into view.
            window.invalidate()
            self._table.update_rows(rows, visible)

    @on(PagedTable.RowsWanted)
    async def _rows_wanted(self, event: PagedTable.RowsWanted) -> None:
        campaign_id = self._campaign_id
        if campaign_id is None:
            return
        wanted = event.table.window.missing(event.first, event.last)
        found = await self.reading(recipients.page, campaign_id, wanted)
        if found is not None and campaign_id == self._campaign_id:
            event.table.update_rows(found, wanted)

    # Drawing

    def _show_rows(self) -> None:
        """The filter and how many it lets through, or that there is none."""
        n = len(self._table.window)
        self.query_one("#recipient-filter", Static).update(report_frame.filters(self._filter, self._reason, n))
        pane = self.query_one("#recipient-list", Pane)
        if n:
            pane.show_content()
        else:
            pane.show_empty(*report_frame.nobody(self._filter, self._reason))

    def _cells(self, row: Recipient) -> Sequence[Cell]:
        return recipient_cells.cells(row, self.services.zone)

    # Keys

    async def action_state(self, key: int) -> None:
        """Show only recipients in one state; those that are shown already stay as they are, with the cursor."""
        if (self._filter, self._reason) != (key, None):
            self._filter, self._reason = key, None
            await self._load_ids()
            self._show_footer()
        if self.focused is None:
            # An empty list cannot hold the focus.
            self._table.focus()

    async def action_reason(self) -> None:
        """Show only recipients with one error or reason: the most frequent first, then the next, in the end all."""
        every = [] if self._report is None else list(recipient_cells.reasons(self._report))
        if not every:
            self.notify("There is no error, and nobody was skipped.", severity="warning")
            return
        at = every.index(self._reason) + 1 if self._reason in every else 0
        self._filter, self._reason = ALL, (every[at] if at < len(every) else None)
        await self._load_ids()
        self._show_footer()
        if self.focused is None:
            self._table.focus()

    def action_search(self) -> None:
        """Ask for a number."""
        box = self.query_one("#find", Input)
        box.display = True
        box.value = ""
        self.set_focus(box)
        self.call_after_refresh(self._show_footer)

    @on(Input.Submitted, "#find")
    async def _find(self, event: Input.Submitted) -> None:
        digits = "".join(character for character in event.value if character.isdigit())
        if self._campaign_id is None:
            return
        if not digits:
            self.notify("Type a number or its last digits.", severity="warning")
            return
        found = await self.reading(recipients.find_digits, self._campaign_id, digits)
        if not found:
            self.notify(f"No row of this campaign has {digits} in its number.", severity="warning")
            return
        if self._filtered:
            await self.action_state(ALL)
        self.query_one("#find", Input).display = False
        self._table.move_to_id(found[0])
        self._table.focus()
        if len(found) > 1:
            self.notify(f"{len(found):,} rows have it; this is the first.")
