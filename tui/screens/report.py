"""One campaign's report on the whole screen: what happened, then every recipient."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from textual import on
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from engine import phone
from engine.commands import drafts, launch
from engine.export import state_word
from engine.gateway import errors
from engine.lifecycle import refusal as lifecycle_refusal
from engine.report import Report
from engine.report import read as read_report
from engine.text import shown
from store import listing, recipients
from store.errors import Missing
from store.types import CampaignRow, Delivery, Recipient, RecipientState, SkipReason
from tui import report_view
from tui.command import Command, Scope, footer
from tui.commands import bindings, of
from tui.report_view import SKIP_WORDS
from tui.screens.base import ConsoleScreen
from tui.signs import DASH
from tui.widgets.columns import Cell, Column
from tui.widgets.footer import Footer
from tui.widgets.paged_table import PagedTable
from tui.widgets.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.errors import EngineError

POLL_S = 0.4

COLUMNS = (
    Column("line", "LINE", 7, "right"),
    Column("number", "NUMBER", 19),
    Column("state", "STATE", 12),
    Column("time", "LAST", 9),
    Column("why", "WHY", 20, flex=3),
    Column("cells", "ROW", 16, flex=2, min_total_width=110),
)

FILTERS: dict[int, tuple[str, tuple[RecipientState, ...], tuple[Delivery, ...]]] = {
    1: ("all", (), ()),
    2: ("pending", (RecipientState.PENDING,), ()),
    3: ("sent", (RecipientState.SENT,), ()),
    4: ("failed", (RecipientState.FAILED,), ()),
    5: ("unknown", (RecipientState.UNKNOWN,), ()),
    6: ("skipped", (RecipientState.SKIPPED,), ()),
    7: ("read", (RecipientState.SENT,), (Delivery.READ,)),
}


def reason(row: Recipient) -> str:
    """Why a row stands where it stands, in words."""
    if row.skip is SkipReason.DUPLICATE:
        return "the same number stands further up"
    if row.skip is not None:
        return SKIP_WORDS[row.skip.value]
    if row.error is not None:
        code = f" ({row.error})" if row.error > 0 else ""
        return f"{errors.text_of(row.error)}{code}"
    if row.state is RecipientState.UNKNOWN:
        return "handed over, no answer came back"
    return ""


class ReportScreen(ConsoleScreen):
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
        self._filter = 1
        self._reading = False
        self._drawn_version = -1

    def compose(self) -> ComposeResult:
        """Summary above, recipients below."""
        with VerticalScroll(id="report-head", can_focus=False):
            yield Static("", id="report-text", markup=False)
        yield Static("", id="recipient-filter", markup=False)
        yield Input(placeholder="number, whole or its last digits; enter finds it", id="find", compact=True)
        table: PagedTable[Recipient] = PagedTable(COLUMNS, self._cells, Window(), id="recipients")
        yield table
        yield Footer()

    def on_mount(self) -> None:
        """Look again while something may change."""
        self.query_one("#find", Input).display = False
        self.set_interval(POLL_S, self._poll)

    async def open(self, campaign_id: int) -> None:
        """Show a campaign's report from its beginning."""
        self._campaign_id, self._filter, self._drawn_version = campaign_id, 1, -1
        self._report = None
        self.query_one("#find", Input).display = False
        self.query_one("#report-text", Static).update("Reading the report …")
        self._table.set_ids((), keep_cursor=False)
        await self._read()
        await self._load_ids()
        self._table.focus()

    @property
    def _table(self) -> PagedTable[Recipient]:
        return self.query_one("#recipients", PagedTable)

    # Reading

    def _poll(self) -> None:
        if self.is_current and self._campaign_id is not None and not self._reading:
            self.run_worker(self._refresh(), group="report")

    async def _refresh(self) -> None:
        before = self._drawn_version
        await self._read()
        if self._drawn_version != before and before >= 0:
            await self._reread_rows()

    async def _read(self) -> None:
        campaign_id = self._campaign_id
        if campaign_id is None:
            return
        self._reading = True
        try:
            found = await self.services.threads.read(_report_and_row, campaign_id)
        except Missing:
            self.query_one("#report-text", Static).update("This campaign is not there any more. esc goes back.")
            return
        finally:
            self._reading = False
        if campaign_id != self._campaign_id:
            return
        self._report, self._row = found
        # Skips and transitions change the campaign, everything else its counters: together they tell of any change.
        self._drawn_version = self._report.campaign.progress.version + 1_000_000 * self._report.campaign.version
        self._show()

    async def _load_ids(self) -> None:
        if self._campaign_id is None:
            return
        ids = await self.reading(_seqs, self._campaign_id, self._filter)
        if ids is not None:
            self._table.set_ids(ids, keep_cursor=False)

    async def _reread_rows(self) -> None:
        """Read the rows in view again, and under a filter which rows they are."""
        if self._campaign_id is None:
            return
        if self._filter != 1:
            ids = await self.reading(_seqs, self._campaign_id, self._filter)
            if ids is not None and list(ids) != list(self._table.window.ids):
                self._table.set_ids(ids)
        visible = list(self._table.visible_ids)
        rows = await self.reading(recipients.page, self._campaign_id, visible)
        if rows is not None:
            self._table.update_rows(rows, visible)

    @on(PagedTable.RowsWanted)
    async def _rows_wanted(self, event: PagedTable.RowsWanted) -> None:
        if self._campaign_id is None:
            return
        wanted = event.table.window.missing(event.first, event.last)
        found = await self.reading(recipients.page, self._campaign_id, wanted)
        if found is not None:
            event.table.update_rows(found, wanted)

    # Drawing

    def _show(self) -> None:
        report = self._report
        if report is None:
            return
        now, width = self.services.now, self.size.width
        lines = [
            *report_view.summary(report, now),
            report_view.always_true(report.campaign),
            *report_view.facts(report, now),
        ]
        if report.campaign.started_at is not None:
            lines += report_view.funnel(report.campaign, width)
        skipped = report_view.skips(report)
        if skipped is not None:
            lines.append(skipped)
        lines += report_view.errors(report)
        self.query_one("#report-text", Static).update(report_view.joined(lines))
        self._show_filter()
        self._show_footer()

    def _show_filter(self) -> None:
        names = "  ".join(
            f"[{key} {name}]" if key == self._filter else f"{key} {name}" for key, (name, _, _) in FILTERS.items()
        )
        self.query_one("#recipient-filter", Static).update(f" {names}   {len(self._table.window):,} rows")

    def _show_footer(self) -> None:
        typing = isinstance(self.focused, Input)
        self.query_one(Footer).show(footer(of(Scope.REPORT, Scope.EVERYWHERE), self, typing))

    def _cells(self, row: Recipient) -> Sequence[Cell]:
        state = state_word(row)
        style = {"failed": "$failed", "undelivered": "$failed", "unknown": "$held"}.get(state, "")
        at = row.read_at or row.delivered_at or row.sent_at or row.handed_at
        return [
            Cell(str(row.line)),
            Cell(DASH if row.phone is None else phone.display(row.phone)),
            Cell(state, style),
            Cell(DASH if at is None else self._clock(at)),
            Cell(reason(row)),
            Cell(shown(" | ".join(cell for cell in row.cells if cell.strip()))),
        ]

    def _clock(self, at: int) -> str:
        return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(self.services.zone)):%H:%M:%S}"

    # Keys

    @property
    def subject(self) -> CampaignRow | None:
        """The campaign the report is of."""
        return self._row

    def refuses(self, command: Command) -> EngineError | None:
        """The rule that forbids it for this campaign now."""
        row = self._row
        if command.act is None or row is None:
            return None
        return lifecycle_refusal(
            command.act,
            row.status,
            scheduled_at=row.scheduled_at,
            now=self.services.now,
            held=row.hold_reason is not None,
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
        self._filter = key
        await self._load_ids()
        self._show_filter()

    def action_search(self) -> None:
        """Ask for a number."""
        box = self.query_one("#find", Input)
        box.display = True
        box.value = ""
        box.focus()

    @on(Input.Submitted, "#find")
    async def _find(self, event: Input.Submitted) -> None:
        digits = "".join(character for character in event.value if character.isdigit())
        if not digits or self._campaign_id is None:
            return
        found = await self.reading(recipients.find_digits, self._campaign_id, digits)
        if not found:
            self.notify(f"No row of this campaign has a number that ends in {digits}.", severity="warning")
            return
        if self._filter != 1:
            await self.action_state(1)
        self.query_one("#find", Input).display = False
        self._table.move_to_id(found[0])
        self._table.focus()
        if len(found) > 1:
            self.notify(f"{len(found):,} rows have it; this is the first.")

    async def action_export(self) -> None:
        """Every row as CSV."""
        if self._report is not None:
            self.run_worker(self.export(self._report.campaign.id, self._report.campaign.name))

    async def action_duplicate(self) -> None:
        """A new Draft of the same campaign."""
        if self._campaign_id is None:
            return
        copy_id = await self.doing(drafts.duplicate, self.services.context, self._campaign_id)
        if copy_id is not None:
            self.notify("Duplicated: a new draft, nothing scheduled.")
            await self.console.open_list(copy_id)

    async def action_resume(self) -> None:
        """Let a held run go on."""
        if self._campaign_id is not None:
            await self.doing(launch.resume, self.services.context, self._campaign_id)
            await self._read()

    async def action_refresh(self) -> None:
        """Read everything again."""
        await self._read()
        await self._reread_rows()

    def action_copy(self) -> None:
        """The number under the cursor to the clipboard."""
        window = self._table.window
        row = None if window.cursor is None else window.row(window.cursor_index)
        if row is not None and row.phone is not None:
            self.to_clipboard(f"+{row.phone}")


def _report_and_row(campaign_id: int) -> tuple[Report, CampaignRow]:
    rows: Mapping[int, CampaignRow] = listing.rows([campaign_id])
    if campaign_id not in rows:
        raise Missing(f"no campaign {campaign_id}")
    return read_report(campaign_id), rows[campaign_id]


def _seqs(campaign_id: int, key: int) -> array[int]:
    _, states, delivery = FILTERS[key]
    try:
        return recipients.seqs(campaign_id, states=states, delivery=delivery)
    except Missing:
        # A campaign without an audience has no rows.
        return array("q")
