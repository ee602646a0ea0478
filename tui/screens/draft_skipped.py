"""The rows of a draft's audience that get no message: line, number, reason; written to a file on request (R35)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine import audience
from engine.confinement import place
from engine.errors import BadInput, EngineError
from engine.report import SKIP_WORDS
from engine.text import shown
from store import recipients
from store.errors import StoreError
from store.types import ContactRow, Recipient, RecipientState
from tui.screens.base import as_told
from tui.screens.prompt import PromptScreen
from tui.widgets.columns import Cell, Column
from tui.widgets.paged_table import PagedTable

if TYPE_CHECKING:
    from array import array

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from store.types import Audience
    from tui.store_threads import StoreThreads

COLUMNS: Final = (
    Column("line", "LINE", 9, "right"),
    Column("number", "NUMBER AS TYPED", 22),
    Column("reason", "REASON", 30),
    Column("cells", "ROW", 20, flex=1, min_total_width=90),
)


def reasons(skipped: Mapping[str, int]) -> str:
    """How many for each reason, in words, most first."""
    most_first = sorted(skipped.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{SKIP_WORDS.get(reason, shown(reason))} {count:,}" for reason, count in most_first)


def result(one: Audience, valid: int, skipped: Mapping[str, int]) -> str:
    """What a file gives, in one sentence, as in `contacts.csv, 5,000 rows: 4,963 will get it, 37 skipped`."""
    out = sum(skipped.values())
    rows = "1 row" if valid + out == 1 else f"{valid + out:,} rows"
    tail = f", {out:,} skipped" if out else ""
    return f"{shown(one.file)}, {rows}: {valid:,} will get it{tail}"


def cells(row: Recipient, number_at: int) -> list[Cell]:
    """One skipped row in the order of `COLUMNS`."""
    number = row.cells[number_at] if number_at < len(row.cells) else ""
    rest = [cell for at, cell in enumerate(row.cells) if at != number_at]
    reason = "" if row.skip is None else SKIP_WORDS.get(row.skip.value, row.skip.value)
    return [Cell(f"{row.line:,}"), Cell(number), Cell(reason), Cell("  ".join(rest))]


def _contacts(audience_id: int) -> Iterator[ContactRow]:
    for chunk in recipients.chunks(audience_id):
        for row in chunk:
            yield ContactRow(row.line, row.cells, row.phone, row.country, row.skip)


def write(path: Path, one: Audience) -> int:
    """Write the skipped rows of an audience to a new file; answers how many.

    Raises:
        BadInput: `file_exists`, `unwritable_file`.
    """
    if path.exists():
        raise BadInput("file_exists", f"{path} is there already.", "Choose another name.")
    return audience.write_rejects(path, one.columns, one.number_column, _contacts(one.id))


def _check_path(typed: str) -> str:
    """The prompt's echo: where the file will be."""
    path = place(typed)
    if path.exists():
        raise BadInput("file_exists", f"{path} is there already.", "Choose another name.")
    if not path.parent.is_dir():
        raise BadInput("unwritable_file", f"There is no folder {path.parent}.", "Choose another place for it.")
    return f"writes {path.absolute()}"


class SkippedRows(ModalScreen[None]):
    """The list, as long as it may be, over the form."""

    CSS_PATH = "draft.tcss"
    AUTO_FOCUS = "#skipped"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,f9,q", "leave", "back"), ("ctrl+e,x", "export", "export")]

    def __init__(
        self, threads: StoreThreads, campaign_id: int, one: Audience, skipped: Mapping[str, int], note: str = ""
    ) -> None:
        super().__init__()
        self._threads = threads
        self._campaign_id = campaign_id
        self._audience = one
        self._skipped = skipped
        self._note = note
        self._number_at = list(one.columns).index(one.number_column)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content(f"Rows of {shown(self._audience.file)} that get no message")
            yield Static(Content(f"{reasons(self._skipped)}{self._note}"), id="summary")
            yield PagedTable[Recipient](COLUMNS, lambda row: cells(row, self._number_at), id="skipped")
            yield Static(Content("ctrl+e writes them to a CSV file   esc back to the form"), id="keys")

    async def on_mount(self) -> None:
        try:
            found = await self._threads.read(self._seqs)
        except StoreError as error:
            self._tell(as_told(error))
            return
        self._table.set_ids(found, keep_cursor=False)

    @property
    def _table(self) -> PagedTable[Recipient]:
        return self.query_one("#skipped", PagedTable)

    def _seqs(self) -> array[int]:
        return recipients.seqs(self._campaign_id, states=[RecipientState.SKIPPED])

    @on(PagedTable.RowsWanted)
    async def _load(self, event: PagedTable.RowsWanted) -> None:
        wanted = event.table.window.missing(event.first, event.last)
        try:
            rows = await self._threads.read(recipients.page, self._campaign_id, wanted)
        except StoreError as error:
            self._tell(as_told(error))
            return
        event.table.update_rows(rows, wanted)

    def action_leave(self) -> None:
        """Back to the form."""
        self.dismiss(None)

    def action_export(self) -> None:
        """Ask for a file and write the rows there."""
        self.run_worker(self._export(), exclusive=True)

    async def _export(self) -> None:
        suggested = f"{Path(self._audience.file).stem}-skipped.csv"
        typed = await self.app.push_screen_wait(
            PromptScreen("Write the skipped rows to a CSV file", _check_path, value=suggested, does="writes it")
        )
        if typed is None:
            return
        try:
            path = place(typed)
            count = await self._threads.read(write, path, self._audience)
        except (EngineError, StoreError) as error:
            self._tell(as_told(error))
            return
        self.notify(f"Wrote {count:,} rows to {shown(str(path))}.", markup=False)

    def _tell(self, error: EngineError) -> None:
        self.notify(shown(f"{error.message} {error.hint}".strip()), severity="warning", markup=False)
