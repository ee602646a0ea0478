"""What the console's screens share: the one gate that every key passes, and how a command's refusal is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, ParamSpec, TypeVar, cast

from textual.screen import Screen

from engine.errors import Busy, EngineError, NotFound
from store.errors import Missing, StoreError
from tui.command import Command, Scope, refusal
from tui.commands import COMMANDS

if TYPE_CHECKING:
    from store.types import CampaignRow
    from tui.app import SendoffApp
    from tui.services import Services

P = ParamSpec("P")
T = TypeVar("T")


class ConsoleScreen(Screen[None]):
    """A screen whose keys come from the registry of commands."""

    SCOPE: ClassVar[Scope] = Scope.EVERYWHERE

    @property
    def console(self) -> SendoffApp:
        """The application."""
        from tui.app import SendoffApp

        return cast(SendoffApp, self.app)

    @property
    def services(self) -> Services:
        """Store, operator, clock."""
        return self.console.services

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed from here."""
        return self.services.read_only

    @property
    def subject(self) -> CampaignRow | None:
        """The campaign a command would act on."""
        return None

    @property
    def marked(self) -> int:
        """How many campaigns are marked."""
        return 0

    def refuses(self, command: Command) -> EngineError | None:
        """What the engine would answer now."""
        return None

    async def action_command(self, command_id: str) -> None:
        """Do what a key stands for, or say why not: the one way from any key, the palette and the footer."""
        command = COMMANDS[command_id]
        why_not = refusal(command, self)
        if why_not is not None:
            self.tell(why_not)
            return
        await self.run_action(command.action)

    def tell(self, error: EngineError) -> None:
        """Show a refusal with what to do instead."""
        text = f"{error.message} {error.hint}".strip()
        self.notify(text, severity="warning", markup=False, timeout=8)

    async def reading(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Read something off the loop; a failure is told and gives `None`."""
        try:
            return await self.services.threads.read(function, *args, **kwargs)
        except (EngineError, StoreError) as error:
            self.tell(as_told(error))
            return None

    async def doing(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Give the engine a command off the loop; a refusal is told and gives `None`."""
        try:
            return await self.services.threads.write(function, *args, **kwargs)
        except (EngineError, StoreError) as error:
            self.tell(as_told(error))
            return None


def as_told(error: EngineError | StoreError) -> EngineError:
    """An error of either layer as something to show."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, Missing):
        return NotFound("not_found", "It is not there any more.", "Somebody else deleted it.")
    return Busy("busy", str(error), "Try again in a moment.")
