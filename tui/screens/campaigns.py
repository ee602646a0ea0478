"""The campaign list under its status tabs, the report pane below, the worker's line and the footer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from engine import schedule
from engine.lifecycle import refusal as lifecycle_refusal
from store.types import CampaignRow, SortKey, Status
from tui import campaign_cells, list_filter, state, terminal
from tui.command import Command, Entry, Scope, footer
from tui.commands import bindings, of
from tui.list_frame import top_status, worker_status
from tui.marked import possible
from tui.screens.base import ConsoleScreen, as_told
from tui.screens.campaign_actions import CampaignActions
from tui.screens.campaign_reading import CampaignReading
from tui.signs import named
from tui.widgets.footer import Footer
from tui.widgets.paged_lines import Sort
from tui.widgets.paged_table import PagedTable
from tui.widgets.pane import Pane
from tui.widgets.status_bar import TopBar, WorkerLine
from tui.widgets.status_tabs import StatusTabs
from tui.widgets.title_line import TitleLine
from tui.widgets.told import Told
from tui.widgets.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Resize

    from engine.errors import EngineError
    from engine.report import Report
    from store.errors import StoreError
    from tui.feed import Snapshot
    from tui.widgets.columns import Cell

POLL_S = 0.4
TICK_S = 1.0
FIRST_FRAME_S = 0.05
"""So long everything waits that the first frame can do without."""
PANE_FROM = 100
"""Columns the screen needs for the report pane below the list."""


class CampaignsScreen(CampaignReading, CampaignActions, ConsoleScreen):
    """Everything there is, what runs, what needs a person."""

    SCOPE = Scope.CAMPAIGNS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.CAMPAIGNS, Scope.EVERYWHERE)
    AUTO_FOCUS = "PagedTable"

    def __init__(self, first: Snapshot | None) -> None:
        """`first` was read before the console opened, so that the very first frame has rows; `None` without account."""
        super().__init__(first)
        self._told: Content | None = None

    def compose(self) -> ComposeResult:
        """Top to bottom; the pane with the report is shown with the first report."""
        asked = self._asked
        window: Window[CampaignRow] = Window()
        if self._snapshot is not None:
            window.set_ids(self._snapshot.ids or ())
            window.put(self._snapshot.rows)
            window.move_to(window.index_of(asked.chosen or 0) or 0)
        table = PagedTable(campaign_cells.COLUMNS, self._cells, window, id="campaigns")
        table.sort = Sort(asked.sort.value, asked.reverse)
        tabs = StatusTabs(asked.wanted.status, "/ search   f filter   s sort")
        # Not known yet: to count a hundred thousand takes longer than to show the first of them.
        tabs.set_reactive(StatusTabs.counts, None)
        yield TopBar()
        yield tabs
        narrowed = TitleLine(id="narrowed")
        narrowed.display = False
        yield narrowed
        yield Pane(table, id="list")
        with VerticalScroll(id="report-pane", can_focus=False) as pane:
            pane.display = False
            yield Told("", id="report", markup=False)
        yield WorkerLine()
        yield Footer()

    # Life

    def on_mount(self) -> None:
        """Show what was read already; everything else waits for its frame."""
        self.console.at_quit = self.remember
        if self._asked.wanted.search:
            self._open_search(self._asked.wanted.search)
        self.query_one(WorkerLine).calm = self.services.remote
        self._show_narrowed()
        self._show_top()
        self._show_worker()
        self._show_footer()
        if self._snapshot is None:
            self.query_one("#list", Pane).show_loading("Reading campaigns")
        elif not self._snapshot.ids:
            self._show_empty()
        self.set_timer(FIRST_FRAME_S, self._begin)

    def on_resize(self, event: Resize) -> None:
        """On a narrow screen the pane gives way: enter opens the report on the whole screen."""
        self._show_pane()
        self._show_narrowed()
        cramped = terminal.too_small(event.size.width, event.size.height)
        if cramped is not None:
            self.notify(cramped, severity="warning", markup=False)

    def remember(self) -> None:
        """Keep tab, order, search, filter and cursor for the next start."""
        asked, wanted = self._asked, self._asked.wanted
        seen = state.UiState(
            wanted.status,
            asked.sort,
            asked.reverse,
            wanted.search,
            wanted.sender_id,
            self._table.window.cursor,
            wanted.since,
            wanted.until,
        )
        state.save(state.default_path(), self.services.url, seen)

    # Showing

    def _cells(self, row: CampaignRow) -> Sequence[Cell]:
        return campaign_cells.cells(row, self.services.zone, self.services.now)

    def _show_trouble(self, error: StoreError) -> None:
        told = as_told(error)
        self._trouble = told.message
        if self._snapshot is None:
            self.query_one("#list", Pane).show_error(told.message, told.hint)
        self._show_worker()

    def _show(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        same_question = (snapshot.ask.wanted, snapshot.ask.sort, snapshot.ask.reverse) == (
            self._asked.wanted,
            self._asked.sort,
            self._asked.reverse,
        )
        with self.app.batch_update():
            if snapshot.ids is not None and same_question:
                self._table.set_ids(snapshot.ids, keep_cursor=True)
            if same_question:
                self._jump(last_try=self._jump_to == snapshot.ask.chosen)
            self._table.update_rows(snapshot.rows, snapshot.rows)
            if self._table.window.ids:
                self.query_one("#list", Pane).show_content()
            else:
                self._show_empty()
            self.query_one(StatusTabs).counts = dict(snapshot.overview.counts)
            self._show_narrowed()
            self._show_top()
            self._show_worker()
            if snapshot.ask.chosen == self._table.window.cursor:
                self._show_report(snapshot.report)
            self._show_pane()
            self._show_footer()
        if self._asked.chosen is None:
            self._follow_cursor()

    def _begin(self) -> None:
        self.console.started()
        self.set_interval(POLL_S, self.poll)
        self.set_interval(TICK_S, self._tick)
        self.poll()

    def _show_empty(self) -> None:
        pane = self.query_one("#list", Pane)
        wanted = self._asked.wanted
        if wanted.search:
            pane.show_empty(f"Nothing matches “{wanted.search}” here.", "esc", "clears the search")
        elif list_filter.is_set(wanted):
            pane.show_empty("No campaign here passes the filter.", "esc", "clears the filter")
        elif wanted.status is not None:
            pane.show_empty(f"No campaign is {wanted.status.replace('_', ' ')}.", "0", "shows all")
        else:
            pane.show_empty("No campaigns yet.", "n", "starts the first draft")
        self._show_report(None)

    def _show_report(self, report: Report | None) -> None:
        told = Content()
        if report is not None:
            from tui import report_view

            told = report_view.joined(report_view.pane(report, self.services.now, self.size.width))
        if self._told is None or not self._told.is_same(told):
            self._told = told
            self.query_one("#report", Static).update(told)
            self._show_pane()

    def _show_pane(self) -> None:
        there = self.size.width >= PANE_FROM and len(self._table.window) > 0 and self._told is not None
        self.query_one("#report-pane").display = there

    def _show_top(self) -> None:
        if self._snapshot is None:
            return
        self.query_one(TopBar).show(top_status(self._snapshot.overview, self.services))

    def _show_worker(self) -> None:
        seen = None if self._snapshot is None else self._snapshot.overview
        supervisor = self.services.supervisor
        self.query_one(WorkerLine).show(
            worker_status(seen, supervisor, self.console.keeps_worker, self._trouble, self.services.now)
        )

    def _show_footer(self) -> None:
        typing = isinstance(self.focused, Input)
        entries = footer(of(Scope.CAMPAIGNS, Scope.TABLE, Scope.EVERYWHERE), self, typing)
        clear = [Entry("list.clear", "esc", "clear the search", None)] if typing else []
        if self.marked and not typing:
            clear = [Entry("list.clear", "esc", f"unmark {self.marked:,}", None)]
        self.query_one(Footer).show([*clear, *entries])

    def _tick(self) -> None:
        """Move the clocks: what counts down, and nothing else, is drawn again."""
        if not self.in_use or self._snapshot is None:
            return
        self._table.redraw()
        seen = self._snapshot
        if seen.report is not None and seen.report.campaign.status is Status.SCHEDULED:
            self._show_report(seen.report)
        self._show_top()
        self._show_worker()
        self._show_footer()

    # Table

    @on(PagedTable.Opened)
    async def _opened(self, event: PagedTable.Opened) -> None:
        await self.action_command("campaign.open")

    @on(PagedTable.Marked)
    def _marked(self) -> None:
        self._show_footer()

    @on(PagedTable.SortAsked)
    def _sort_asked(self, event: PagedTable.SortAsked) -> None:
        self._sort_by(SortKey(event.key) if event.key in list(SortKey) else SortKey.WHEN)

    # What the registry asks

    @property
    def subject(self) -> CampaignRow | None:
        """The campaign under the cursor."""
        window = self._table.window
        return None if window.cursor is None else window.row(window.cursor_index)

    @property
    def marked(self) -> int:
        """How many are marked."""
        return len(self._table.window.marks)

    def refuses(self, command: Command) -> EngineError | None:
        """The rule that forbids it for the campaign under the cursor; with marks the dialog tells row by row."""
        row = self.subject
        if command.act is None or row is None or (self.marked and command.many):
            return None
        return lifecycle_refusal(
            command.act,
            row.status,
            scheduled_at=row.scheduled_at,
            now=self.services.now,
            held=row.hold_reason is not None,
            locked=row.locked,
        )

    def fits_marked(self, command: Command) -> bool:
        """Whether some marked campaign would let it be done; of those out of view it is not known."""
        window = self._table.window
        return command.act is None or possible(command.act, map(window.get, window.marks), self.services.now)

    def told(self, row: CampaignRow) -> str:
        """A campaign by name and time, for dialogs and notices."""
        at = f", {schedule.short(row.scheduled_at, self.services.zone, self.services.now)}" if row.scheduled_at else ""
        return f"{named(row.name, 30)}{at}"
