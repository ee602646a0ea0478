"""The series on the whole screen: what repeats, when it fires next, and what became of it (R21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.commands import recurring
from engine.errors import Refused
from engine.lifecycle import cancel_locked
from store.series import State
from store.types import Status
from tui import series_view
from tui.command import Command, Scope, footer
from tui.commands import bindings, of
from tui.screens.base import ConsoleScreen
from tui.signs import named
from tui.widgets.footer import Footer
from tui.widgets.paged_table import PagedTable
from tui.widgets.pane import Pane
from tui.widgets.status_bar import READ_ONLY, clock
from tui.widgets.title_line import TitleLine
from tui.widgets.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.commands.recurring import Shown
    from engine.context import Context
    from engine.errors import EngineError
    from tui.widgets.columns import Cell

POLL_S = 2.0
_TITLE = 40
_NO_SERIES = Refused("not_now", "There is no series under the cursor.")
_AFTER = {"series.pause": State.PAUSED, "series.resume": State.ACTIVE, "series.end": State.ENDED}


class SeriesScreen(ConsoleScreen):
    """All series; a mode that is kept and opened again."""

    SCOPE = Scope.SERIES
    CSS_PATH = "series.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.SERIES, Scope.EVERYWHERE)
    AUTO_FOCUS = "PagedTable"

    def __init__(self) -> None:
        super().__init__()
        self._reading = False

    def compose(self) -> ComposeResult:
        """The series, and the one under the cursor in full."""
        yield TitleLine()
        table: PagedTable[Shown] = PagedTable(series_view.COLUMNS, self._cells, Window(), id="series-table")
        yield Pane(table, id="series-list")
        with VerticalScroll(id="series-one"):
            yield Static("", id="series-text", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Look again now and then: a worker makes firings."""
        self.set_interval(POLL_S, self._poll)

    async def open(self) -> None:
        """Show the series as they are now."""
        await self._load()
        self._table.focus()

    @property
    def _table(self) -> PagedTable[Shown]:
        return self.query_one("#series-table", PagedTable)

    def _poll(self) -> None:
        if self.in_use and not self._reading:
            self.in_background(self._load, "series")

    async def _load(self) -> None:
        self._reading = True
        try:
            found = await self.reading(_everyone, self.services.now)
        finally:
            self._reading = False
        if found is None or not self.app.is_running:
            return
        rows = {one.series.id: one for one in found}
        with self.app.batch_update():
            self._table.set_ids(list(rows), keep_cursor=True)
            self._table.update_rows(rows, list(rows))
            self._show()

    # Drawing

    def _cells(self, one: Shown) -> Sequence[Cell]:
        return series_view.cells(one, self.services.zone, self.services.now)

    def _show(self) -> None:
        left = Content.styled(" Series", "bold")
        if self.read_only:
            left = Content.assemble(left, "   ", (READ_ONLY, "bold reverse $held"))
        self.query_one(TitleLine).show(left, Content(f"{clock(self.services.now, self.services.zone)} "))
        pane = self.query_one("#series-list", Pane)
        there = len(self._table.window) > 0
        if there:
            pane.show_content()
        else:
            pane.show_empty("Nothing repeats yet.", "P", "on a campaign in the list repeats it; esc goes back there")
        self.query_one("#series-one").display = there
        self._show_one()

    @on(PagedTable.Highlighted)
    def _show_one(self) -> None:
        one = self.chosen
        told = Content() if one is None else series_view.details(one, self.services.zone)
        self.query_one("#series-text", Static).update(told)
        self.query_one(Footer).show(footer(of(Scope.SERIES, Scope.EVERYWHERE), self))

    # What the registry asks

    @property
    def chosen(self) -> Shown | None:
        """The series under the cursor."""
        window = self._table.window
        return None if window.cursor is None else window.row(window.cursor_index)

    def refuses(self, command: Command) -> EngineError | None:
        """Why the series under the cursor cannot be paused, resumed or ended."""
        after, one = _AFTER.get(command.id), self.chosen
        if after is None:
            return None
        return _NO_SERIES if one is None else recurring.refusal(one.series.state, after)

    # Keys

    async def action_back(self) -> None:
        """Back to the list."""
        await self.console.open_list()

    async def action_campaign(self) -> None:
        """The list, the cursor on the campaign that was made last."""
        made = [] if self.chosen is None else [one.campaign_id for one in self.chosen.occurrences if one.status]
        if made:
            await self.console.open_list(made[0])
        else:
            self.notify("No campaign of this series is there.", severity="warning", markup=False)

    async def action_pause(self) -> None:
        """Make no firings for now."""
        await self._do(recurring.pause, "is paused: no further firing is made.")

    async def action_resume(self) -> None:
        """Make firings again."""
        await self._do(recurring.resume, "is active again.")

    def action_end(self) -> None:
        """End it for good."""
        one = self.chosen
        if one is not None:
            self.run_worker(self._end(one))

    async def _end(self, one: Shown) -> None:
        lines = ["No further firing is made; it cannot be made active again.", self._stays(one)]
        if await self.ask(
            f"End the series “{named(one.series.name, _TITLE)}”?",
            lambda now: [line for line in lines if line],
            "Yes, end it",
        ):
            await self._do(recurring.end, "has ended.", one)

    async def action_refresh(self) -> None:
        """Read everything again."""
        await self._load()

    async def _do(self, command: Callable[[Context, int], Shown], said: str, one: Shown | None = None) -> None:
        one = one or self.chosen
        if one is None:
            return
        done = await self.doing(command, self.services.context, one.series.id)
        if done is not None:
            stays = "" if done.series.state is State.ACTIVE else self._stays(done)
            self.notify(f"“{named(done.series.name)}” {said} {stays}".strip(), markup=False)
        await self._load()

    def _stays(self, one: Shown) -> str:
        """R21: the campaign that was made ahead is an ordinary one, and is the operator's to cancel."""
        ahead = [each for each in one.occurrences[:1] if each.status is Status.SCHEDULED]
        if not ahead:
            return ""
        at = series_view.local(ahead[0].at, one.series.timezone)
        if cancel_locked(ahead[0].at, self.services.now):
            return f"The campaign made for {at} is locked: it goes at its time."
        return f"The campaign made for {at} stays and goes at its time; cancel it in the list."


def _everyone(now: int) -> list[Shown]:
    return [recurring.show(one.series.id, now) for one in recurring.everyone(now)]
