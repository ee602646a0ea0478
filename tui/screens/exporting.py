"""Writing a report to a file from the console: the name, what is there under it, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.confinement import place
from engine.errors import BadInput, EngineError
from engine.text import shown
from store.errors import StoreError
from tui.screens.base import as_told
from tui.signs import named
from tui.store_threads import Closing

if TYPE_CHECKING:
    from tui.screens.base import ConsoleScreen

_MOST_NAMED = 3
"""Files named before they are replaced."""
_EXPORTS = {
    "csv": "every recipient",
    "xlsx": "a workbook: the figures, and every recipient",
    "html": "the whole report as one page",
}


def report_echo(typed: str) -> str:
    """How a file name to write a report to is understood. Raises `BadInput` for one that cannot be."""
    from engine import export

    return f"{export_echo(typed)}: {_EXPORTS[export.format_of(Path(typed))]}"


def export_echo(typed: str) -> str:
    """How a file name to write to is understood. Raises `BadInput` for one that cannot be."""
    path = place(typed)
    if path.is_dir():
        raise BadInput("is_a_folder", f"{path} is a folder.", "Add a file name.")
    if not path.parent.is_dir():
        raise BadInput("no_such_folder", f"There is no folder {path.parent}.", "Choose one that is there.")
    return f"{'REPLACES' if path.exists() else 'writes'} {path.absolute()}"


async def may_write(screen: ConsoleScreen, *paths: Path) -> bool:
    """Whether to write these files: one that is there is replaced only after a yes. Call it in a worker."""
    there = [path for path in paths if path.is_file()]
    if not there:
        return True
    what, yes = ("this file", "Yes, replace it") if len(there) == 1 else ("these files", "Yes, replace them")
    more = [] if len(there) <= _MOST_NAMED else [f"and {len(there) - _MOST_NAMED} more"]
    lines = [*(str(path.absolute()) for path in there[:_MOST_NAMED]), *more, "What is in there now is lost."]
    return await screen.ask(f"Replace {what}?", lambda now: lines, yes)


async def export_report(screen: ConsoleScreen, campaign_id: int, name: str) -> None:
    """Ask for a file name, whose ending says in which format, and write a campaign's report there."""
    from engine import export
    from tui import bulk_export
    from tui.screens.prompt import PromptScreen

    file = await screen.app.push_screen_wait(
        PromptScreen(
            f"Export “{named(name, 30)}” as .csv, .xlsx or .html",
            report_echo,
            value=bulk_export.file_name(name, campaign_id),
            does="writes it",
        )
    )
    if file is None:
        return
    zone, now = screen.services.zone, screen.services.now
    try:
        path = place(file)
        if not await may_write(screen, path):
            return
        screen.notify(f"Writing {shown(path.name)} …", markup=False)
        rows = await screen.services.threads.export(lambda told: export.write(campaign_id, path, zone, now, told))
    except (EngineError, StoreError) as error:
        screen.tell(as_told(error))
    except Closing:
        # Nothing is left of it, and nobody to tell.
        return
    else:
        screen.notify(shown(f"{rows:,} rows written to {path}."), markup=False)
