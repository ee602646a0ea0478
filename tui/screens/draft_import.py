"""Reading a contact file into a draft while the console goes on: how far it is, and how to stop it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.audience.columns import headers
from engine.audience.reader import tables
from engine.commands import drafts
from engine.confinement import place

if TYPE_CHECKING:
    from engine.commands.importing import Imported
    from engine.context import Context
    from tui.screens.draft_form import FileChoice


class Stopped(Exception):
    """The operator stopped the import; the audience there was stays."""


class Import:
    """One import. `run` belongs to the store's thread, the rest to the screen."""

    def __init__(self, choice: FileChoice) -> None:
        self.choice = choice
        self.rows = 0
        """Read so far."""
        self._stopping = False

    def stop(self) -> None:
        """End it at the next chance, a few thousand rows later at most."""
        self._stopping = True

    def run(self, context: Context, campaign_id: int, version: int) -> Imported:
        """Raises `Stopped` besides what the engine raises."""
        return drafts.import_audience(
            context,
            campaign_id,
            version,
            path_of(self.choice),
            country=self.choice.country or None,
            number_column=self.choice.number_column,
            sheet=self.choice.sheet,
            progress=self._progress,
        )

    def _progress(self, rows: int) -> None:
        self.rows = rows
        if self._stopping:
            raise Stopped

    @property
    def words(self) -> str:
        """How far it is."""
        name = Path(self.choice.path).name
        return f"reading {name}: {self.rows:,} rows so far   esc stops"


def columns_in(choice: FileChoice) -> Sequence[str]:
    """The columns of a contact file, of every sheet of a workbook unless one is chosen; raises `BadInput`."""
    found: dict[str, None] = {}
    for table in tables(path_of(choice), choice.sheet):
        record = next(iter(table.records()), None)
        if record is not None:
            found.update(dict.fromkeys(headers(record[1])))
    return tuple(found)


def sheets_in(choice: FileChoice) -> Sequence[str]:
    """The sheets of a workbook, none of a text file; raises `BadInput`."""
    return tables(path_of(choice))[0].format.sheets


def path_of(choice: FileChoice) -> Path:
    """The path as the system takes it. Raises `BadInput` with `outside_folder` in a locked-down console."""
    return place(choice.path)
