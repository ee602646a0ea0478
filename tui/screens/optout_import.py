"""Importing opt-outs: the file, the country of its numbers, and what the file itself leaves open, asked one by one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from engine import phone
from engine.commands import optouts as commands
from engine.confinement import place
from engine.errors import BadInput, EngineError
from engine.text import fold, shown
from store.errors import StoreError
from tui.screens.base import as_told
from tui.screens.draft_form import FileChoice
from tui.screens.draft_import import columns_in, sheets_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.commands.optouts import Imported
    from engine.context import Context
    from tui.screens.base import ConsoleScreen

NO_COUNTRY: Final = "-"
_MOST: Final = 8
"""So many names of sheets or columns stand in a dialog."""


class Ask(Protocol):
    """Asks for one line of text; `None` when it was left."""

    async def __call__(
        self, title: str, echo: Callable[[str], str], *, value: str = "", placeholder: str = "", does: str = "takes it"
    ) -> str | None: ...


async def import_file(screen: ConsoleScreen, context: Context, ask: Ask) -> Imported | None:
    """Ask, read the file and opt out its numbers; a refusal is told. `None` when nothing was imported."""
    file = await ask("Opt out every number of a file", file_echo, placeholder="CSV or XLSX")
    if file is None:
        return None
    country = await ask("Of which country are numbers without +?", country_echo, value=NO_COUNTRY, does="imports it")
    if country is None:
        return None
    path = place(file)
    # Given only to what has been asked: each of the two is unclear at most once.
    sheet = column = None
    while True:
        screen.notify(shown(f"Reading {path} …"), markup=False)
        try:
            return await screen.services.threads.write(
                partial(
                    commands.import_file,
                    context,
                    path,
                    country=None if country == NO_COUNTRY else country,
                    number_column=column,
                    sheet=sheet,
                )
            )
        except BadInput as error:
            choice = FileChoice(str(path), sheet=sheet)
            if error.code == "sheet_unclear" and sheet is None:
                sheet = answer = await _choose(screen, ask, "Which sheet has the numbers?", partial(sheets_in, choice))
            elif error.code == "number_column_unclear" and column is None:
                column = answer = await _choose(
                    screen, ask, "Which column has the numbers?", partial(columns_in, choice)
                )
            else:
                screen.tell(error)
                return None
            if answer is None:
                return None
        except (EngineError, StoreError) as error:
            screen.tell(as_told(error))
            return None


async def _choose(screen: ConsoleScreen, ask: Ask, title: str, names: Callable[[], Sequence[str]]) -> str | None:
    """Which one of them, spelt as it is in the file; the first one stands there already."""
    found = await screen.reading(names)
    if not found:
        return None
    typed = await ask(title, partial(name_echo, found), value=found[0], does="imports it")
    return None if typed is None else _spelt(found, typed)


def _spelt(names: Sequence[str], typed: str) -> str | None:
    if typed in names:
        return typed
    alike = [name for name in names if fold(name) == fold(typed)]
    return alike[0] if len(alike) == 1 else None


def name_echo(names: Sequence[str], typed: str) -> str:
    """How the name of a sheet or a column is understood, and which others there are. Raises `BadInput`."""
    found = _spelt(names, typed)
    others = [shown(name) for name in names if name != found]
    more = f" and {len(others) - _MOST} more" if len(others) > _MOST else ""
    listed = f"{', '.join(others[:_MOST])}{more}"
    if found is None:
        raise BadInput("not_found", f"There is no {typed!r}.", f"There are: {listed}.")
    return f"reads {shown(found)}; there are also: {listed}" if others else f"reads {shown(found)}"


def file_echo(typed: str) -> str:
    """How the name of a file to read is understood. Raises `BadInput`."""
    path = place(typed)
    if not path.is_file():
        raise BadInput("unreadable_file", f"There is no file {path}.", "Check its path.")
    return f"reads {path.absolute()}; an export of this list keeps its dates and origins"


def country_echo(typed: str) -> str:
    """How the country is understood. Raises `BadInput` with `unknown_country`."""
    if typed == NO_COUNTRY:
        return "rows whose number has no + are skipped"
    return f"numbers without + are completed as numbers of {phone.country_code(typed)}"
