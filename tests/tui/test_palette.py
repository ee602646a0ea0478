"""The command palette, made from the registry."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App

from engine.errors import EngineError
from engine.lifecycle import Action
from engine.lifecycle import refusal as lifecycle_refusal
from store.types import CampaignRow, Status
from tests.clock import START
from tests.driver import Console
from tests.tui.context import row
from tests.tui.harness import STYLES
from tui.command import Command, Scope
from tui.commands import bindings
from tui.palette import CommandProvider
from tui.screens.base import ConsoleScreen
from tui.theme import STATUS_COLORS


class Listing(ConsoleScreen):
    """A campaign list without a store, on a Completed campaign."""

    SCOPE = Scope.CAMPAIGNS
    BINDINGS = bindings(Scope.CAMPAIGNS, Scope.EVERYWHERE)

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    @property
    def read_only(self) -> bool:
        return False

    @property
    def subject(self) -> CampaignRow | None:
        return row(Status.COMPLETED)

    def forbids(self, engine: str) -> EngineError | None:
        return None

    def refuses(self, command: Command) -> EngineError | None:
        if command.act is None:
            return None
        return lifecycle_refusal(Action(command.act), Status.COMPLETED, scheduled_at=None, now=START)

    def action_duplicate(self) -> None:
        self.done.append("duplicate")

    def action_cancel(self) -> None:
        self.done.append("cancel")


class Palette(App[None]):
    CSS_PATH = STYLES
    COMMANDS: ClassVar = {CommandProvider}

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(STATUS_COLORS)

    def on_mount(self) -> None:
        self.listing = Listing()
        self.push_screen(self.listing)


async def test_a_command_is_found_by_name_shows_its_key_and_runs() -> None:
    app = Palette()
    async with Console(app, (100, 30)) as screen:
        await screen.press(":")
        await screen.type("duplicate")
        await screen.expect("duplicate   D", "Make a new draft with the same")
        await screen.press("enter")
        await screen.until(lambda: app.listing.done == ["duplicate"], "it ran")


async def test_the_palette_passes_the_same_gate_as_the_keys() -> None:
    app = Palette()
    async with Console(app, (100, 30)) as screen:
        await screen.press("ctrl+p")
        await screen.type("cancel")
        await screen.expect("Not now: A campaign that is Completed cannot be cancelled.")
        await screen.press("enter")
        await screen.until(lambda: len(app._notifications) == 1, "it said why not")
        assert app.listing.done == []


async def test_an_empty_query_lists_the_screens_commands() -> None:
    async with Console(Palette(), (100, 40)) as screen:
        await screen.press(":")
        await screen.expect("report   enter", "new   n")
