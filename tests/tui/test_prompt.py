"""The dialog that asks for one line and shows how it is understood."""

from __future__ import annotations

import pytest
from textual.events import Paste

from engine.errors import BadInput
from tests.driver import Console
from tests.tui.harness import Harness
from tui.screens.prompt import PromptScreen


def echo(typed: str) -> str:
    if not typed.isdigit():
        raise BadInput("no_number", f"{typed!r} is no number.", "Type digits.")
    return f"{int(typed) * 2} is twice [b]that[/b]"


class Asking(Harness):
    """Asks when it starts; `answers` gets what came back."""

    def __init__(self, value: str = "") -> None:
        super().__init__()
        self.value = value
        self.answers: list[str | None] = []

    def on_mount(self) -> None:
        self.push_screen(
            PromptScreen("How many of “[i]x”?", echo, value=self.value, placeholder="a number"), self.answers.append
        )


async def test_what_was_typed_is_echoed_and_answered() -> None:
    app = Asking()
    async with Console(app, (90, 16)) as screen:
        await screen.expect("How many of “[i]x”?", "a number", "esc leaves everything as it is")
        await screen.type("21")
        await screen.expect("42 is twice [b]that[/b]")
        await screen.press("enter")
        assert app.answers == ["21"]


async def test_what_cannot_be_is_told_and_enter_does_nothing() -> None:
    app = Asking()
    async with Console(app, (90, 16)) as screen:
        await screen.type("2x")
        await screen.expect("! '2x' is no number. Type digits.")
        await screen.press("enter")
        assert app.answers == []
        await screen.press("backspace")
        await screen.expect("4 is twice")
        await screen.press("enter")
        assert app.answers == ["2"]


@pytest.mark.parametrize("typed", ["", "   "])
async def test_nothing_is_no_answer(typed: str) -> None:
    app = Asking()
    async with Console(app, (90, 16)) as screen:
        await screen.type(typed)
        await screen.press("enter")
        assert app.answers == []
        await screen.press("escape")
        assert app.answers == [None]


async def test_a_proposed_answer_is_echoed_from_the_start() -> None:
    app = Asking("8")
    async with Console(app, (90, 16)) as screen:
        await screen.expect("16 is twice")
        await screen.press("enter")
        assert app.answers == ["8"]


async def test_spaces_around_it_do_not_count() -> None:
    app = Asking()
    async with Console(app, (90, 16)) as screen:
        await screen.type("  8 ")
        await screen.expect("16 is twice")
        await screen.press("enter")
        assert app.answers == ["8"]


async def test_an_escape_sequence_in_an_error_is_shown_as_a_sign() -> None:
    app = Asking("\x1b[31m")
    async with Console(app, (90, 16)) as screen:
        await screen.expect("is no number")
        assert "\x1b" not in screen.screen
        screen.app.post_message(Paste("\x1b]0;owned\x07"))
        await screen.expect("]0;owned")
        assert "\x1b" not in screen.screen
