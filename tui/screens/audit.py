"""The audit trail on the whole screen: who did what, the newest first, and one event in full (R11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from engine.text import counted, shown
from store import audit
from tui import audit_cells
from tui.command import Scope, footer
from tui.commands import bindings, of
from tui.screens.base import ConsoleScreen
from tui.widgets.footer import Footer
from tui.widgets.paged_table import PagedTable
from tui.widgets.pane import Pane
from tui.widgets.plain_input import PlainInput
from tui.widgets.status_bar import READ_ONLY, clock
from tui.widgets.title_line import TitleLine
from tui.widgets.window import Window

if TYPE_CHECKING:
    from array import array
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from store.types import AuditEvent
    from tui.widgets.columns import Cell

POLL_S = 2.0


class AuditScreen(ConsoleScreen):
    """Events by campaign and text; a mode that is kept and opened again."""

    SCOPE = Scope.AUDIT
    CSS_PATH = "audit.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.AUDIT, Scope.EVERYWHERE)
    AUTO_FOCUS = "PagedTable"

    def __init__(self) -> None:
        super().__init__()
        self._campaign_id: int | None = None
        self._search = ""
        self._back: Callable[[], Awaitable[None]] | None = None
        self._newest = -1
        self._reading = False
        self._told: int | None = None
        """The event that is shown in full."""

    def compose(self) -> ComposeResult:
        """What is shown, the events, the event under the cursor."""
        yield TitleLine()
        yield Static("", id="audit-filter", markup=False)
        yield PlainInput(placeholder="a text in any part of an event; enter finds it", id="audit-find", compact=True)
        table: PagedTable[AuditEvent] = PagedTable(audit_cells.COLUMNS, self._cells, Window(), id="audit-events")
        yield Pane(table, id="audit-list")
        with VerticalScroll(id="audit-event"):
            yield Static("", id="audit-text", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """The search is closed at first; look again now and then, because others work too."""
        self.query_one("#audit-find", Input).display = False
        self.set_interval(POLL_S, self._poll)

    async def open(self, campaign_id: int | None, back: Callable[[], Awaitable[None]]) -> None:
        """Show the trail from its newest event, of one campaign when given."""
        self._campaign_id, self._search, self._back = campaign_id, "", back
        self.query_one("#audit-find", Input).display = False
        await self._load()
        self._table.focus()

    @property
    def _table(self) -> PagedTable[AuditEvent]:
        return self.query_one("#audit-events", PagedTable)

    # Reading

    def _poll(self) -> None:
        if self.in_use and not self._reading:
            self.in_background(self._look_again, "audit")

    async def _look_again(self) -> None:
        if await self.reading(audit.newest) != self._newest:
            await self._load(follow=True)
        elif self.app.is_running:
            self._show_title()
            self._table.redraw()

    async def _load(self, *, follow: bool = False) -> None:
        """Read which events there are; with `follow` the cursor stays on its event, else it goes to the newest."""
        asked = (self._campaign_id, self._search)
        self._reading = True
        try:
            found = await self.reading(_look, *asked)
        finally:
            self._reading = False
        if found is None or asked != (self._campaign_id, self._search) or not self.app.is_running:
            return
        self._newest, ids = found
        table = self._table
        at_top = follow and not round(table.scroll_y)
        with self.app.batch_update():
            # Events never change: those that were read stay.
            table.set_ids(ids, keep_cursor=follow)
            if at_top and table.window.cursor_index < table.size.height - 1:
                # Whoever looks at the newest ones sees those that come.
                table.scroll_to(y=0, animate=False)
            self._show_frame()
            self._show_event()

    @on(PagedTable.RowsWanted)
    async def _rows_wanted(self, event: PagedTable.RowsWanted) -> None:
        wanted = event.table.window.missing(event.first, event.last)
        found = await self.reading(audit.page, wanted)
        if found is not None and self.app.is_running:
            event.table.update_rows(found, wanted)
            self._show_event()

    # Drawing

    def _cells(self, event: AuditEvent) -> Sequence[Cell]:
        return audit_cells.cells(event, self.services.zone, self.services.now)

    def _show_title(self) -> None:
        left = Content.styled(" Audit trail", "bold")
        if self.read_only:
            left = Content.assemble(left, "   ", (READ_ONLY, "bold reverse $held"))
        self.query_one(TitleLine).show(left, Content(f"{clock(self.services.now, self.services.zone)} "))

    def _show_frame(self) -> None:
        self._show_title()
        n = len(self._table.window)
        what = "every campaign" if self._campaign_id is None else f"campaign {self._campaign_id}"
        having = f", with “{shown(self._search)}”" if self._search else ""
        self.query_one("#audit-filter", Static).update(Content(f"{counted(n, 'event')} of {what}{having}"))
        pane = self.query_one("#audit-list", Pane)
        if n:
            pane.show_content()
        elif self._search:
            pane.show_empty("No event has this text.", "/", "searches for another")
        else:
            pane.show_empty("Nothing has happened yet.")
        self._show_footer()

    @on(PagedTable.Highlighted)
    def _show_event(self) -> None:
        event = self._event
        if event is not None and event.id == self._told:
            # Where somebody has scrolled to in it stays in view.
            return
        self._told = None if event is None else event.id
        told = Content() if event is None else audit_cells.details(event, self.services.zone)
        self.query_one("#audit-text", Static).update(told)
        self.query_one("#audit-event").scroll_home(animate=False)

    def _show_footer(self) -> None:
        typing = isinstance(self.focused, Input)
        self.query_one(Footer).show(footer(of(Scope.AUDIT, Scope.EVERYWHERE), self, typing))

    @property
    def _event(self) -> AuditEvent | None:
        window = self._table.window
        return None if window.cursor is None else window.row(window.cursor_index)

    # Keys

    async def action_back(self) -> None:
        """Close the search and forget it, else back to where the trail was opened."""
        box = self.query_one("#audit-find", Input)
        if box.display or self._search:
            box.display = False
            searched, self._search = self._search, ""
            if searched:
                await self._load()
            self._table.focus()
            self._show_footer()
        elif self._back is not None:
            await self._back()

    def action_search(self) -> None:
        """Ask for a text."""
        box = self.query_one("#audit-find", Input)
        box.display = True
        box.value = self._search
        self.set_focus(box)
        self.call_after_refresh(self._show_footer)

    @on(Input.Submitted, "#audit-find")
    async def _find(self, event: Input.Submitted) -> None:
        self._search = event.value.strip()
        self.query_one("#audit-find", Input).display = False
        self._table.focus()
        await self._load()

    async def action_campaign(self) -> None:
        """Between the campaign of the event under the cursor and every campaign."""
        event = self._event
        if self._campaign_id is not None:
            self._campaign_id = None
        elif event is None or event.campaign_id is None:
            self.notify("This event is of no campaign.", severity="warning")
            return
        else:
            self._campaign_id = event.campaign_id
        await self._load()

    async def action_refresh(self) -> None:
        """Read everything again."""
        await self._load()

    def action_copy(self) -> None:
        """The event under the cursor to the clipboard."""
        event = self._event
        if event is None:
            self.notify("There is no event under the cursor.", severity="warning")
        else:
            self.to_clipboard(audit_cells.text(event, self.services.zone))


def _look(campaign_id: int | None, search: str) -> tuple[int, array[int]]:
    """The newest event there is, and the ids of those that are asked for."""
    return audit.newest(), audit.ids(campaign_id, search)
