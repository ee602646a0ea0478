"""One campaign's report on the whole screen: what happened, then every recipient."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from engine.lifecycle import refusal as lifecycle_refusal
from store.errors import Missing, StoreError
from store.types import RecipientState
from tui import recipient_cells, report_frame, settle_view
from tui.command import Command, Scope, footer
from tui.commands import bindings, of
from tui.recipient_cells import ALL
from tui.screens.base import as_told
from tui.screens.report_actions import ReportActions
from tui.screens.report_reading import report_and_row
from tui.screens.report_recipients import ReportRecipients
from tui.widgets.footer import Footer
from tui.widgets.paged_table import PagedTable
from tui.widgets.pane import Pane
from tui.widgets.plain_input import PlainInput
from tui.widgets.status_bar import clock
from tui.widgets.title_line import TitleLine
from tui.widgets.told import Told
from tui.widgets.window import Window

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.errors import EngineError
    from engine.report import Report
    from engine.timeline import Timeline
    from store.types import CampaignRow, Recipient

POLL_S = 0.4
SETTLING = ("report.settle", "report.settle_all")


class ReportScreen(ReportRecipients, ReportActions):
    """The report of one campaign; a mode that is kept and opened again for another."""

    SCOPE = Scope.REPORT
    CSS_PATH = "report.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.REPORT, Scope.EVERYWHERE)
    AUTO_FOCUS = "PagedTable"

    def __init__(self) -> None:
        super().__init__()
        self._report: Report | None = None
        self._row: CampaignRow | None = None
        self._timeline: Timeline | None = None
        self._reading = False
        self._drawn_version = -1
        self._told: Content | None = None
        self._trouble = ""

    def compose(self) -> ComposeResult:
        """Summary above, recipients below."""
        yield TitleLine()
        with VerticalScroll(id="report-head"):
            yield Told("", id="report-text", markup=False)
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

    # Reading

    def _forget(self, instead: str) -> None:
        """Show nothing of any campaign, but say why."""
        self._report = self._row = self._timeline = None
        self._drawn_version = -1
        self._forget_rows()
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

    def _show_footer(self) -> None:
        typing = isinstance(self.focused, Input)
        commands = of(Scope.REPORT, Scope.EVERYWHERE)
        if self._unknown_chosen:
            # Whoever looks at them wants to settle them.
            commands = [replace(one, footer=2) if one.id in SETTLING else one for one in commands]
        self.query_one(Footer).show(footer(commands, self, typing))

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

    async def action_refresh(self) -> None:
        """Read everything again."""
        await self._read()
        await self._reread_rows()
