"""What the keys of the opt-out list do: opt numbers out, take one off the list, import, export, copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine import phone, schedule
from engine.commands import optouts as commands
from engine.confinement import place
from engine.errors import Refused
from engine.text import counted, shown
from tui.screens.base import ConsoleScreen
from tui.screens.exporting import export_echo, may_write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from store.types import OptOut

NOBODY: Final = Refused("not_now", "There is no number under the cursor.")


class OptOutActions(ConsoleScreen):
    """The actions of the opt-out list; the screen itself reads and shows."""

    _search: str
    """The digits that only some numbers have; empty shows all."""

    @property
    def chosen(self) -> OptOut | None:
        """The entry under the cursor."""
        raise NotImplementedError

    async def _load(self, *, to_top: bool = False, show: int | None = None) -> None:
        """Read the list again, the cursor on its number or on the number `show`."""
        raise NotImplementedError

    def action_add(self) -> None:
        """Opt numbers out."""
        self.run_worker(self._add())

    async def _add(self) -> None:
        typed = await self._prompt("Opt numbers out", _number_echo, placeholder="+91 98765 43210", does="opts out")
        if typed is None:
            return
        numbers = [commands.parse(one) for one in phone.split(typed)]
        added = await self.doing(commands.add, self.services.context, [f"+{number}" for number in numbers])
        if added is not None:
            self.notify(_added(list(dict.fromkeys(numbers)), added), markup=False)
            self._search = ""
            await self._load(show=numbers[-1])

    def action_remove(self) -> None:
        """Take the number under the cursor off the list."""
        entry = self.chosen
        if entry is not None:
            self.run_worker(self._remove(entry))

    async def _remove(self, entry: OptOut) -> None:
        number, zone = phone.display(entry.phone), self.services.zone
        lines = [
            f"Opted out since {schedule.short(entry.since, zone, self.services.now)}: {entry.origin}.",
            "It may get every campaign again that has not handed over its message yet.",
            "Do it only when the person has asked for messages.",
        ]
        if await self.ask(f"Take {number} off the opt-out list?", lambda now: lines, "Yes, take it off"):
            if await self.did(commands.remove, self.services.context, [f"+{entry.phone}"]):
                self.notify(f"{number} may get campaigns again.", markup=False)
            await self._load()

    def action_import(self) -> None:
        """Opt out every number of a file."""
        self.run_worker(self._import())

    async def _import(self) -> None:
        from tui.screens.optout_import import import_file

        done = await import_file(self, self.services.context, self._prompt)
        if done is not None:
            self.notify(done.words, markup=False)
        await self._load()

    def action_export(self) -> None:
        """Write the whole list to a file."""
        self.run_worker(self._export())

    async def _export(self) -> None:
        file = await self._prompt("Export the opt-out list as CSV", export_echo, value="opt-outs.csv", does="writes it")
        if file is None:
            return
        path = place(file)
        if not await may_write(self, path):
            return
        entries = await self.doing(commands.export, self.services.context, path, self.services.zone)
        if entries is not None:
            self.notify(shown(f"{counted(entries, 'number')} written to {path}."), markup=False)

    def action_copy(self) -> None:
        """The number under the cursor to the clipboard."""
        entry = self.chosen
        if entry is None:
            self.tell(NOBODY)
        else:
            self.to_clipboard(f"+{entry.phone}")

    async def _prompt(
        self, title: str, echo: Callable[[str], str], *, value: str = "", placeholder: str = "", does: str = "takes it"
    ) -> str | None:
        from tui.screens.prompt import PromptScreen

        prompt = PromptScreen(title, echo, value=value, placeholder=placeholder, does=does)
        return await self.app.push_screen_wait(prompt)


def _number_echo(typed: str) -> str:
    numbers = [phone.display(commands.parse(one)) for one in phone.split(typed)]
    if not numbers:
        return ""
    who = f"{numbers[0]} gets" if len(numbers) == 1 else f"{len(numbers)} numbers get"
    return f"{who} no campaign, also none that is being sent now"


def _added(numbers: Sequence[int], added: int) -> str:
    if len(numbers) == 1:
        what = "gets no campaign from now on." if added else "was opted out already."
        return f"{phone.display(numbers[0])} {what}"
    known = len(numbers) - added
    already = f" {counted(known, 'number')} {'was' if known == 1 else 'were'} opted out already." if known else ""
    return f"{counted(added, 'number')} {'gets' if added == 1 else 'get'} no campaign from now on.{already}"
