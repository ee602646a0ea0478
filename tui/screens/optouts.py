"""The opt-out list on the whole screen: who gets no campaign, since when and why (R38).

The list may have millions of numbers, so nothing but its length is read: a row is known by its place in the list, and
the places in view are read page by page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.content import Content
from textual.widgets import Input, Static

from engine.text import counted
from store import database, optouts
from tui import optout_cells
from tui.command import Command, Scope, footer
from tui.commands import bindings, of
from tui.screens.optout_actions import NOBODY, OptOutActions
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
    from store.types import OptOut
    from tui.widgets.columns import Cell

POLL_S = 2.0


class _Look(NamedTuple):
    """The list as it was at one moment."""

    version: int
    total: int
    matching: int
    place: int | None
    first: int
    rows: list[OptOut]


class OptOutsScreen(OptOutActions):
    """The numbers that get no campaign; a mode that is kept and opened again."""

    SCOPE = Scope.OPT_OUTS
    CSS_PATH = "optouts.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.OPT_OUTS, Scope.EVERYWHERE)
    AUTO_FOCUS = "PagedTable"

    def __init__(self) -> None:
        super().__init__()
        self._search = ""
        self._total = 0
        self._version = -1
        self._reading = False
        self._nth = 0

    def compose(self) -> ComposeResult:
        """How many there are, then the numbers."""
        yield TitleLine()
        yield Static("", id="optout-filter", markup=False)
        yield PlainInput(placeholder="digits of a number; enter finds them", id="optout-find", compact=True)
        table: PagedTable[OptOut] = PagedTable(optout_cells.COLUMNS, self._cells, Window(), id="optout-table")
        yield Pane(table, id="optout-list")
        yield Footer()

    def on_mount(self) -> None:
        """The search is closed at first; look again now and then, because people write STOP at any time."""
        self.query_one("#optout-find", Input).display = False
        self.set_interval(POLL_S, self._poll)

    async def open(self) -> None:
        """Show the list from its newest entry."""
        self._search = ""
        self.query_one("#optout-find", Input).display = False
        await self._load(to_top=True)
        self._table.focus()

    @property
    def _table(self) -> PagedTable[OptOut]:
        return self.query_one("#optout-table", PagedTable)

    # Reading

    def _poll(self) -> None:
        if self.in_use and not self._reading:
            self.in_background(self._look_again, "opt-outs")

    async def _look_again(self) -> None:
        if await self.reading(database.data_version) != self._version and not self._reading:
            await self._load()

    async def _load(self, *, to_top: bool = False, show: int | None = None) -> None:
        """Read the list's length and what is in view; the cursor stays on its number, or goes to the number `show`."""
        table, asked = self._table, self._search
        entry, height = self.chosen, max(table.size.height, 1)
        wanted = show if show is not None else None if to_top or entry is None else entry.phone
        first = 0 if to_top else max(round(table.scroll_y) - height, 0)
        self._reading, self._nth = True, self._nth + 1
        nth = self._nth
        try:
            look = await self.reading(_look, asked, wanted, first, 3 * height)
        finally:
            if nth == self._nth:
                self._reading = False
        # One that was overtaken knows of an older cursor, and may know of fewer numbers.
        if nth != self._nth or look is None or asked != self._search or not self.app.is_running:
            return
        self._version, self._total = look.version, look.total
        rows = dict(enumerate(look.rows, look.first))
        with self.app.batch_update():
            # Places, not numbers: with a number more or less every row below it is another one.
            table.clear_marks()
            table.window.invalidate()
            table.set_ids(range(look.matching), keep_cursor=not to_top)
            table.update_rows(rows)
            if look.place is not None:
                table.move_to_id(look.place)
            self._show_frame()

    @on(PagedTable.RowsWanted)
    async def _rows_wanted(self, event: PagedTable.RowsWanted) -> None:
        wanted, asked, version = event.table.window.missing(event.first, event.last), self._search, self._version
        if not wanted:
            return
        first, limit = wanted[0], wanted[-1] - wanted[0] + 1
        found = await self.reading(optouts.page, asked, limit=limit, offset=first)
        if found is not None and (asked, version) == (self._search, self._version) and self.app.is_running:
            event.table.update_rows(dict(enumerate(found, first)), wanted)
            self._show_footer()

    # Drawing

    def _cells(self, entry: OptOut) -> Sequence[Cell]:
        return optout_cells.cells(entry, self.services.zone, self.services.now)

    def _show_frame(self) -> None:
        left = Content.styled(" Opt-outs", "bold")
        if self.read_only:
            left = Content.assemble(left, "   ", (READ_ONLY, "bold reverse $held"))
        self.query_one(TitleLine).show(left, Content(f"{clock(self.services.now, self.services.zone)} "))
        matching = len(self._table.window)
        said = f"{counted(self._total, 'number')} {'gets' if self._total == 1 else 'get'} no campaign"
        if not self._total:
            said = ""
        if self._search:
            said = f"{matching:,} of {counted(self._total, 'number')} with {self._search}"
        self.query_one("#optout-filter", Static).update(Content(said))
        pane = self.query_one("#optout-list", Pane)
        if matching:
            pane.show_content()
        elif self._search:
            pane.show_empty(f"No opted-out number has {self._search}.", "esc", "shows all; / searches for another")
        else:
            pane.show_empty(
                "Nobody is opted out.", "a", "opts a number out; i imports a file; a STOP reply does it too"
            )
        self._show_footer()

    @on(PagedTable.Highlighted)
    def _show_footer(self) -> None:
        typing = isinstance(self.focused, Input)
        self.query_one(Footer).show(footer(of(Scope.OPT_OUTS, Scope.EVERYWHERE), self, typing))

    # What the registry asks

    @property
    def chosen(self) -> OptOut | None:
        """The entry under the cursor."""
        window = self._table.window
        return None if window.cursor is None else window.row(window.cursor_index)

    def refuses(self, command: Command) -> EngineError | None:
        """There has to be a number to take off the list."""
        return NOBODY if command.id == "optouts.remove" and self.chosen is None else None

    # Keys

    async def action_back(self) -> None:
        """Close the search and forget it, else back to the list of campaigns."""
        box = self.query_one("#optout-find", Input)
        if box.display or self._search:
            box.display = False
            searched, self._search = self._search, ""
            if searched:
                await self._load(to_top=True)
            self._table.focus()
            self._show_footer()
        else:
            await self.console.open_list()

    def action_search(self) -> None:
        """Ask for digits."""
        box = self.query_one("#optout-find", Input)
        box.display = True
        box.value = self._search
        self.set_focus(box)
        self.call_after_refresh(self._show_footer)

    @on(Input.Submitted, "#optout-find")
    async def _find(self, event: Input.Submitted) -> None:
        digits = "".join(sign for sign in event.value if sign.isascii() and sign.isdigit())
        if event.value.strip() and not digits:
            self.notify("Type digits of a number.", severity="warning", markup=False)
            return
        self._search = digits
        self.query_one("#optout-find", Input).display = False
        self._table.focus()
        await self._load(to_top=True)

    async def action_refresh(self) -> None:
        """Read the list again."""
        await self._load()


def _look(search: str, wanted: int | None, first: int, limit: int) -> _Look:
    version = database.data_version()
    total = optouts.count()
    return _Look(
        version,
        total,
        optouts.count(search) if search else total,
        None if wanted is None else optouts.place(wanted, search),
        first,
        optouts.page(search, limit=limit, offset=first),
    )
