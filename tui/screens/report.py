"""One campaign's report on the whole screen: what happened, then every recipient."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from engine.lifecycle import refusal as lifecycle_refusal
from store import recipients
from store.errors import Missing, StoreError
from store.types import RecipientState
from tui import recipient_cells, report_frame, settle_view
from tui.command import Command, Scope, footer
from tui.commands import bindings, of
from tui.recipient_cells import ALL
from tui.screens.base import as_told
from tui.screens.report_actions import ReportActions
from tui.screens.report_reading import report_and_row, seqs
from tui.widgets.footer import Footer
from tui.widgets.paged_table import PagedTable
from tui.widgets.pane import Pane
from tui.widgets.plain_input import PlainInput
from tui.widgets.status_bar import clock
from tui.widgets.title_line import TitleLine
from tui.widgets.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.errors import EngineError
    from engine.report import Report
    from engine.timeline import Timeline
    from store.types import CampaignRow, Recipient
    from tui.recipient_cells import Reason
    from tui.widgets.columns import Cell

POLL_S = 0.4


class ReportScreen(ReportActions):
    """The report of one campaign; a mode that is kept and opened again for another."""

    SCOPE = Scope.REPORT
    CSS_PATH = "report.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.REPORT, Scope.EVERYWHERE)
    AUTO_FOCUS = "PagedTable"

    def __init__(self) -> None:
        super().__init__()
        self._campaign_id: int | None = None
        self._report: Report | None = None
        self._row: CampaignRow | None = None
        self._timeline: Timeline | None = None
        self._filter = ALL
        self._reason: Reason | None = None
        self._reading = False
        self._drawn_version = -1
        self._told: Content | None = None
        self._trouble = ""

    def compose(self) -> ComposeResult:
        """Summary above, recipients below."""
        yield TitleLine()
        with VerticalScroll(id="report-head"):
            yield Static("", id="report-text", markup=False)
        yield Static("", id="recipient-filter", markup=False)
        yield PlainInput(placeholder="digits of a number; enter finds it", id="find", compact=True)
        table: PagedTable[Recipient] = PagedTable(recipient_cells.COLUMNS, self._cells, Window(), id="recipients")
        yield Pane(table, id="recipient-list")
        yield Footer()

    def on_mount(self) -> None:
        """Look again while something may change."""
        self.query_one("#find", Input).display = False
        self.set_interval(POLL_S, self._poll)

    async def open(self, campaign_id: int) -> None:
        """Show a campaign's report from its beginning."""
        self._campaign_id, self._filter, self._reason = campaign_id, ALL, None
        self._forget("Reading the report …")
        self.query_one("#find", Input).display = False
        self.query_one("#report-head").scroll_home(animate=False)
        await self._read()
        await self._load_ids()
        self._table.focus()

    @property
    def _table(self) -> PagedTable[Recipient]:
        return self.query_one("#recipients", PagedTable)

    @property
    def _filtered(self) -> bool:
        return self._filter != ALL or self._reason is not None

    @property
    def _under_cursor(self) -> Recipient | None:
        window = self._table.window
        return None if window.cursor is None else window.row(window.cursor_index)

    # Reading

    def _forget(self, instead: str) -> None:
        """Show nothing of any campaign, but say why."""
        self._report = self._row = self._timeline = None
        self._drawn_version = -1
        # Rows are known by their place in the file: another campaign has the same ones.
        self._table.window.invalidate()
        self._table.set_ids((), keep_cursor=False)
        self.query_one("#recipient-list", Pane).show_empty("")
        self.query_one("#recipient-filter", Static).update("")
        self._say(Content(instead))
        self._show_title()
        self._show_footer()

    def _poll(self) -> None:
        if self.in_use and self._campaign_id is not None and not self._reading:
            self.in_background(self._refresh, "report")

    async def _refresh(self) -> None:
        before = self._drawn_version
        await self._read()
        if self.app.is_running and self._drawn_version != before and before >= 0:
            await self._reread_rows()

    async def _read(self) -> None:
        campaign_id = self._campaign_id
        if campaign_id is None or not self.app.is_running:
            return
        self._reading = True
        found: tuple[Report, CampaignRow, Timeline | None] | None = None
        trouble: StoreError | None = None
        try:
            found = await self.services.threads.read(report_and_row, campaign_id)
        except StoreError as error:
            trouble = error
        finally:
            self._reading = False
        if campaign_id != self._campaign_id or not self.app.is_running:
            return
        self._trouble = "" if trouble is None else as_told(trouble).message
        if isinstance(trouble, Missing):
            self._trouble, self._campaign_id = "", None
            self._forget("This campaign is not there any more. esc goes back.")
        if found is None:
            # What was read before stays; the next look tries again.
            self._show_title()
            return
        self._report, self._row, self._timeline = found
        # Skips and transitions change the campaign, everything else its counters: together they tell of any change.
        self._drawn_version = self._report.campaign.progress.version + 1_000_000 * self._report.campaign.version
        self._show()

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

    def _show(self) -> None:
        report = self._report
        if report is None:
            return
        self._say(report_frame.head(report, self._timeline, self.services.now, self.size.width))
        self._show_title()
        self._show_footer()

    def _say(self, told: Content) -> None:
        if self._told is None or not self._told.is_same(told):
            self._told = told
            self.query_one("#report-text", Static).update(told)

    def _show_title(self) -> None:
        left = report_frame.title(self.read_only, self._trouble)
        self.query_one(TitleLine).show(left, Content(f"{clock(self.services.now, self.services.zone)} "))

    def _show_rows(self) -> None:
        """The filter and how many it lets through, or that there is none."""
        n = len(self._table.window)
        self.query_one("#recipient-filter", Static).update(report_frame.filters(self._filter, self._reason, n))
        pane = self.query_one("#recipient-list", Pane)
        if n:
            pane.show_content()
        else:
            pane.show_empty(*report_frame.nobody(self._filter, self._reason))

    def _show_footer(self) -> None:
        typing = isinstance(self.focused, Input)
        self.query_one(Footer).show(footer(of(Scope.REPORT, Scope.EVERYWHERE), self, typing))

    def _cells(self, row: Recipient) -> Sequence[Cell]:
        return recipient_cells.cells(row, self.services.zone)

    # Keys

    @property
    def subject(self) -> CampaignRow | None:
        """The campaign the report is of."""
        return self._row

    def refuses(self, command: Command) -> EngineError | None:
        """The rule that forbids it for this campaign, or this recipient, now."""
        row = self._row
        if command.id == "report.settle":
            recipient = self._under_cursor
            unknown = recipient is not None and recipient.state is RecipientState.UNKNOWN
            return None if unknown else settle_view.NOT_UNKNOWN
        if command.act is None or row is None:
            return None
        return lifecycle_refusal(
            command.act,
            row.status,
            scheduled_at=row.scheduled_at,
            now=self.services.now,
            held=row.hold_reason is not None,
            locked=row.locked,
        )

    async def action_back(self) -> None:
        """Close the number search, else back to the list."""
        box = self.query_one("#find", Input)
        if box.display:
            box.display = False
            self._table.focus()
            return
        await self.console.open_list(self._campaign_id)

    async def action_state(self, key: int) -> None:
        """Show only recipients in one state."""
        self._filter, self._reason = key, None
        await self._load_ids()
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

    async def action_refresh(self) -> None:
        """Read everything again."""
        await self._read()
        await self._reread_rows()
