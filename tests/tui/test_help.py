"""The help screen and the palette, made from the registry."""

from __future__ import annotations

import pytest
from textual.app import ComposeResult
from textual.widgets import Static

from store.types import Status
from tests.driver import Console, check_text_snapshot
from tests.tui.context import FakeContext, row
from tests.tui.harness import Harness
from tui.command import Scope
from tui.commands import commands_of
from tui.screens.help import Help, help_lines

SCOPES = (Scope.CAMPAIGNS, Scope.DRAFT, Scope.REPORT)


def told(query: str = "", status: Status = Status.DRAFT, scope: Scope = Scope.CAMPAIGNS, width: int = 200) -> list[str]:
    return [line.plain for line in help_lines(commands_of(scope), FakeContext(row(status)), width, query)]


@pytest.mark.parametrize("scope", SCOPES)
def test_every_command_of_the_screen_is_listed_with_its_sentence(scope: Scope) -> None:
    text = "\n".join(told(scope=scope))
    for command in commands_of(scope):
        assert command.help in text
        assert command.group in text


def test_keys_are_called_what_people_call_them() -> None:
    text = "\n".join(told())
    assert "pgdn, ctrl+d" in text
    assert "esc " in text


def test_every_word_of_the_filter_has_to_stand_somewhere() -> None:
    found = [line.strip() for line in told("draft back", Status.SCHEDULED) if line.startswith("  ")]
    assert len(found) == 1
    assert found[0].startswith("b  ")
    assert told("CANCEL")[0] == " Campaign"


def test_a_filter_that_fits_nothing_says_so() -> None:
    assert told("xyzzy [b]") == [" No key fits “xyzzy [b]”."]


def test_R53_what_does_not_work_now_says_why() -> None:
    lines = told("edit the draft", Status.COMPLETED)
    assert [line.split() for line in lines if "Edit" in line] == [["e", "Edit", "the", "draft."]]
    assert "Not now: Only a Draft can be edited" in lines[2]
    assert len(told("edit the draft", Status.DRAFT)) == 2


@pytest.mark.parametrize("width", [60, 80])
def test_sentences_stay_in_their_column(width: int) -> None:
    for line in told(status=Status.COMPLETED, width=width):
        assert len(line) <= width - 3


class Listing(Harness):
    """A screen with help on it."""

    def compose(self) -> ComposeResult:
        yield Static("the list", markup=False)

    def on_mount(self) -> None:
        self.push_screen(Help("Campaigns", commands_of(Scope.CAMPAIGNS), FakeContext(row(Status.DRAFT))))


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
async def test_typing_filters_and_escape_goes_back(size: tuple[int, int]) -> None:
    async with Console(Listing(), size) as screen:
        await screen.expect("Keys: Campaigns", "Open the report, or the draft.")
        await screen.type("duplic")
        await screen.expect("Make a new draft")
        check_text_snapshot(f"help_filtered_{size[0]}x{size[1]}", screen.screen)
        assert not screen.sees("Open the report, or the draft.")
        await screen.press("escape")
        await screen.expect("the list")


async def test_the_list_scrolls_by_keys() -> None:
    async with Console(Listing(), (80, 24)) as screen:
        await screen.expect("Open the report, or the draft.")
        assert not screen.sees("Find a command by its name.")
        for _ in range(6):
            await screen.press("pagedown")
        await screen.expect("Find a command by its name.")
        await screen.press("up", "down")
        await screen.type("mark")
        await screen.expect("Mark or unmark the row.")
