"""The registry as Textual's command palette: find a command by its name, and see the key to use next time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui.command import Scope, key_word, refusal
from tui.commands import commands_of
from tui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.command import Command


class CommandProvider(Provider):
    """The commands of the screen below; those that do not work now say why."""

    async def discover(self) -> Hits:
        """All of them, in the registry's order."""
        for command, screen in self._offered():
            yield DiscoveryHit(
                _name(command), partial(screen.action_command, command.id), command.label, _help(command, screen)
            )

    async def search(self, query: str) -> Hits:
        """Those whose name or sentence fits what was typed, the name counting more."""
        matcher = self.matcher(query)
        for command, screen in self._offered():
            by_name, by_help = matcher.match(command.label), matcher.match(command.help)
            score = max(by_name, by_help / 2)
            if score > 0:
                run = partial(screen.action_command, command.id)
                yield Hit(score, _name(command), run, command.label, _help(command, screen))

    def _offered(self) -> Iterator[tuple[Command, ConsoleScreen]]:
        screen = self.screen
        if isinstance(screen, ConsoleScreen):
            for command in commands_of(screen.SCOPE):
                # Moving by name makes no sense, and the palette would open itself.
                if command.scope is not Scope.TABLE and command.id != "console.palette":
                    yield command, screen


def _name(command: Command) -> Content:
    keys = "  ".join(key_word(key) for key in command.keys)
    return Content.assemble(command.label, (f"   {keys}", "dim"))


def _help(command: Command, screen: ConsoleScreen) -> str:
    why_not = refusal(command, screen)
    return command.help if why_not is None else f"Not now: {why_not.message}"
