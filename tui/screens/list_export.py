"""Exporting many campaigns of the list: one folder is asked for, and each becomes a CSV file in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import export
from engine.confinement import place
from engine.errors import EngineError
from engine.text import counted, shown
from store.errors import StoreError
from tui import bulk, bulk_export
from tui.bulk import Judged
from tui.screens.base import as_told
from tui.screens.campaign_deeds import NOTICE_S
from tui.screens.exporting import may_write
from tui.screens.prompt import PromptScreen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from store.types import CampaignRow
    from tui.screens.base import ConsoleScreen
    from tui.services import Services


async def export_many(screen: ConsoleScreen, rows: Sequence[CampaignRow]) -> None:
    """Ask for the folder, write each campaign's file, tell; marks stay, for nothing changed. Call it in a worker."""
    title = f"Export {len(rows)} campaign{'s' if len(rows) > 1 else ''} as CSV into the folder"
    typed = await screen.app.push_screen_wait(
        PromptScreen(title, lambda folder: bulk_export.echo(folder, rows), value=".", does="writes them")
    )
    if typed is None:
        return
    folder = place(typed)
    wanted = [row for row in rows if bulk_export.why_not(row) is None]
    if not await may_write(screen, *bulk_export.files(wanted, folder).values()):
        return
    written, found = await _write_each(screen.services, rows, folder)
    where = shown(f"{counted(written, 'row')} written to {folder.absolute()}.")
    text = f"{bulk.outcome('Exported', found, left='')}\n{where}"
    complete = len(bulk.done(found)) == len(rows)
    screen.notify(text, markup=False, severity="information" if complete else "warning", timeout=NOTICE_S)


async def _write_each(services: Services, rows: Sequence[CampaignRow], folder: Path) -> tuple[int, list[Judged]]:
    """How many rows were written, and what became of each campaign."""
    written, found = 0, []
    for row in rows:
        against = bulk_export.why_not(row)
        if against is None:
            path = bulk_export.files([row], folder)[row.id]
            try:
                written += await services.threads.read(export.write_csv, row.id, path, services.zone)
            except (EngineError, StoreError) as error:
                against = as_told(error).message
        found.append(Judged(row, against))
    return written, found
