"""One campaign's report on the whole screen: what happened, then every recipient."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from engine import why
from engine.commands import drafts, launch, settling
from engine.lifecycle import refusal as lifecycle_refusal
from engine.text import counted, shown
from store import recipients
from store.errors import Missing, StoreError
from store.types import RecipientState
from tui import recipient_cells, report_view, settle_view
from tui.command import Command, Scope, footer
from tui.commands import bindings, of
from tui.recipient_cells import ALL, FILTERS
from tui.screens.base import ConsoleScreen, as_told
from tui.screens.report_parts import PARTS, which
from tui.screens.report_reading import report_and_row, seqs
from tui.signs import named
from tui.widgets.footer import Footer
from tui.widgets.paged_table import PagedTable
from tui.widgets.pane import Pane
from tui.widgets.plain_input import PlainInput
from tui.widgets.status_bar import READ_ONLY, clock
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
        yield PlainInput(placeholder="number, whole or its last digits; enter finds it", id="find", compact=True)
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
        now, width = self.services.now, self.size.width
        lines = [
            *report_view.summary(report, now),
            report_view.always_true(report.campaign, width),
        ]
        if report.campaign.started_at is not None:
            lines += report_view.funnel(report.campaign, width)
        if self._timeline is not None:
            lines += report_view.timeline(self._timeline, report.zone, now, width)
        skipped = report_view.skips(report)
        if skipped is not None:
            lines.append(skipped)
        lines += [*report_view.errors(report), *report_view.facts(report, now)]
        self._say(report_view.joined(lines))
        self._show_title()
        self._show_footer()

    def _say(self, told: Content) -> None:
        if self._told is None or not self._told.is_same(told):
            self._told = told
            self.query_one("#report-text", Static).update(told)

    def _show_title(self) -> None:
        left = Content.styled(" Report", "bold")
        if self.read_only:
            left = Content.assemble(left, "   ", (READ_ONLY, "bold reverse $held"))
        if self._trouble:
            left = Content.assemble(left, "   ", (f"! {shown(self._trouble)}", "bold $held"))
        self.query_one(TitleLine).show(left, Content(f"{clock(self.services.now, self.services.zone)} "))

    def _show_rows(self) -> None:
        """The filter and how many it lets through, or that there is none."""
        reason = self._reason
        names = [
            Content.styled(f"[{key} {name}]", "bold $foreground")
            if key == self._filter and reason is None
            else Content(f"{key} {name}")
            for key, (name, _, _) in FILTERS.items()
        ]
        n = len(self._table.window)
        told = Content.assemble(" ", Content("  ").join(names), f"   {counted(n, 'row')}")
        if reason is not None:
            told = Content.assemble(told, "\n ", (f"[e {shown(reason.words)}]", "bold $foreground"))
        self.query_one("#recipient-filter", Static).update(told)
        pane = self.query_one("#recipient-list", Pane)
        if n:
            pane.show_content()
        elif reason is not None:
            pane.show_empty("No recipient has that error any more.", str(ALL), "shows all")
        elif self._filter != ALL:
            pane.show_empty(f"No recipient is {FILTERS[self._filter][0]}.", str(ALL), "shows all")
        else:
            pane.show_empty("There is no audience yet.")

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

    async def action_why(self) -> None:
        """Everything that was decided about the recipient under the cursor."""
        from tui.screens.why import WhyScreen

        row = self._under_cursor
        if row is None:
            self.notify("There is no recipient under the cursor.", severity="warning")
            return
        found = await self.reading(why.of_row, row.campaign_id, row.seq)
        if found is not None and self.in_use:
            self.app.push_screen(WhyScreen(found, self.to_clipboard))

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
            self.notify(f"No row of this campaign has a number that ends in {digits}.", severity="warning")
            return
        if self._filtered:
            await self.action_state(ALL)
        self.query_one("#find", Input).display = False
        self._table.move_to_id(found[0])
        self._table.focus()
        if len(found) > 1:
            self.notify(f"{len(found):,} rows have it; this is the first.")

    async def action_export(self) -> None:
        """Every row, or the whole report, as a file."""
        if self._report is not None:
            self.run_worker(self.export(self._report.campaign.id, self._report.campaign.name))

    async def action_duplicate(self) -> None:
        """A new Draft of all or a part of the audience."""
        if self._row is not None:
            self.run_worker(self._duplicate(self._row))

    async def _duplicate(self, row: CampaignRow) -> None:
        parts = await self.reading(drafts.parts, row.id, self.services.now)
        if parts is None:
            return
        only: str | None = None
        if any(parts.values()):
            answer = await self.app.push_screen_wait(which(row, parts, self.services.context.clock.steady))
            if answer not in PARTS:
                return
            only = PARTS[answer]
        copy_id = await self.doing(drafts.duplicate, self.services.context, row.id, only)
        if copy_id is not None:
            of = "" if only is None else f"the {only} ones of "
            self.notify(f"Duplicated {of}{named(row.name)}: a new draft, nothing scheduled.", markup=False)
            await self.console.open_list(copy_id)

    def action_resume(self) -> None:
        """Let a held run go on."""
        row = self._row
        if row is not None:
            self.run_worker(self._resume(row))

    async def _resume(self, row: CampaignRow) -> None:
        from tui.screens.resuming import hear

        told = await hear(self, [row])
        if await self.did(launch.resume, self.services.context, row.id):
            said = shown(" ".join((f"Resumed: {named(row.name)}.", *told.warnings)))
            self.notify(said, severity="warning" if told.warnings else "information", markup=False)
            await self._read()

    def action_settle(self) -> None:
        """Decide what became of the unknown recipient under the cursor."""
        row = self._under_cursor
        if self._row is not None and row is not None and row.phone is not None:
            self.run_worker(
                self._settle(self._row, f"+{row.phone}", settle_view.one(row, self.services.zone, self.services.now))
            )

    def action_settle_all(self) -> None:
        """Decide what became of all that are unknown."""
        if self._row is not None:
            self.run_worker(self._settle(self._row, None, settle_view.everybody(self._row)))

    async def _settle(self, row: CampaignRow, number: str | None, question: settle_view.Question) -> None:
        from tui.screens.draft_choice import STAY, Choice

        steady = self.services.context.clock.steady
        answer = await self.app.push_screen_wait(
            Choice(question.title, question.lines, settle_view.WAYS, settle_view.STAY, steady)
        )
        if answer == STAY:
            return
        numbers = None if number is None else [number]
        done = await self.doing(settling.settle, self.services.context, row.id, settle_view.FATES[answer], numbers)
        if done is not None:
            self.notify(settle_view.done(done, settle_view.FATES[answer]), markup=False)
        await self.action_refresh()

    def action_reroute(self) -> None:
        """Let a held run go on by the other endpoint."""
        row = self._row
        if row is not None:
            self.run_worker(self._reroute(row))

    async def _reroute(self, row: CampaignRow) -> None:
        from tui.screens.rerouting import reroute

        if await reroute(self, row):
            await self._read()

    async def action_refresh(self) -> None:
        """Read everything again."""
        await self._read()
        await self._reread_rows()

    async def action_audit(self) -> None:
        """Who did what with this campaign."""
        row = self._row
        if row is not None:
            await self.console.open_audit(row.id, partial(self.console.open_report, row.id))

    def action_copy(self) -> None:
        """The number under the cursor to the clipboard."""
        row = self._under_cursor
        if row is None or row.phone is None:
            self.notify("This row has no number.", severity="warning")
        else:
            self.to_clipboard(f"+{row.phone}")
