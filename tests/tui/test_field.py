"""A line of a form, and a pane's four states."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import ComposeResult
from textual.widgets import Checkbox, Input, Select, Static, TextArea

from tests.driver import Console
from tests.tui.harness import Harness, collector
from tui.widgets.field import Field, choice
from tui.widgets.pane import Pane


class Form(Harness):
    """A form of one field of each kind; they need a running app to be made."""

    title_line: Field
    sender: Field
    wait: Field
    note: Field

    def compose(self) -> ComposeResult:
        self.title_line = Field("Name", Input("Diwali"), id="name")
        self.sender = Field("Sender", Select([choice("+91 [b]80[/b]", 1), choice("+91 81", 2)]), help="quality green")
        self.wait = Field("Wait", Checkbox("for quota"))
        self.note = Field("Note", TextArea("a"))
        yield from (self.title_line, self.sender, self.wait, self.note)


async def test_a_field_is_one_line_of_label_and_control() -> None:
    async with Console(Form(), (60, 12)) as screen:
        assert screen.lines[0].split() == ["Name", "Diwali"]
        assert screen.lines[1].split()[0] == "Sender"
        assert screen.lines[2].split() == ["quality", "green"]
        assert screen.lines[3].startswith("Wait")


async def test_an_error_stands_below_and_goes_before_the_help() -> None:
    app = Form()
    async with Console(app, (60, 12)) as screen:
        app.sender.set_error("Choose a sender [now].")
        await screen.expect("! Choose a sender [now].")
        assert not screen.sees("quality green")
        app.sender.set_error()
        await screen.expect("quality green")
        assert app.sender.error == ""


async def test_help_can_change_and_go() -> None:
    app = Form()
    async with Console(app, (60, 12)) as screen:
        app.title_line.set_help("Tue 24 Nov 10:00 IST")
        await screen.expect("Tue 24 Nov")
        app.title_line.set_help()
        await screen.until(lambda: screen.lines[1].startswith("Sender"), "an empty line takes no room")


async def test_a_changed_value_marks_the_label_until_it_is_saved_or_typed_back() -> None:
    app = Form()
    seen, hook = collector(Field.Changed)
    async with Console(app, (60, 12), hook) as screen:
        await screen.press("tab") if not app.title_line.field_control.has_focus else None
        await screen.press("end", "!")
        assert app.title_line.dirty
        await screen.expect("Name*")
        assert [one.field for one in seen] == [app.title_line]
        await screen.press("backspace")
        await screen.expect_not("Name*")
        await screen.press("?")
        app.title_line.mark_clean()
        await screen.expect_not("Name*")
        assert app.title_line.value == "Diwali?"


@pytest.mark.parametrize(
    ("field", "value"), [("title_line", "Holi"), ("sender", 2), ("sender", None), ("wait", True), ("note", "b\nc")]
)
async def test_setting_a_value_is_no_change_by_the_operator(field: str, value: Any) -> None:
    app = Form()
    seen, hook = collector(Field.Changed)
    async with Console(app, (60, 12), hook) as screen:
        one: Field = getattr(app, field)
        one.set_value(value)
        await screen.pilot.pause()
        assert one.value == value
        assert not one.dirty
        assert seen == []


async def test_choosing_ticking_and_writing_change_the_value() -> None:
    app = Form()
    async with Console(app, (60, 14)) as screen:
        app.sender.focus_control()
        await screen.press("enter", "down", "enter")
        app.wait.focus_control()
        await screen.press("space")
        app.note.focus_control()
        await screen.press("x")
        assert (app.sender.dirty, app.wait.value, app.note.value) == (True, True, "xa")
        assert app.sender.value in (1, 2)


async def test_an_option_is_shown_literally() -> None:
    app = Form()
    async with Console(app, (60, 12)) as screen:
        app.sender.set_value(1)
        await screen.expect("[b]80[/b]")


async def test_no_cursor_blinks() -> None:
    app = Form()
    async with Console(app, (60, 12)):
        assert [one.cursor_blink for one in (*app.query(Input), *app.query(TextArea))] == [False, False]


async def test_a_control_without_a_value_is_only_shown() -> None:
    field = Field("Time", Static("tomorrow", markup=False))
    async with Console(Harness(field), (60, 4)) as screen:
        await screen.expect("tomorrow")
        assert field.value is None
        field.set_value("x")
        assert not field.dirty


async def test_a_pane_shows_content_or_says_why_there_is_none() -> None:
    pane = Pane(Static("the rows", markup=False))
    async with Console(Harness(pane), (60, 8)) as screen:
        assert screen.sees("the rows")
        assert pane.state == "content"
        pane.show_loading("Reading campaigns")
        await screen.expect("Reading campaigns …")
        assert not screen.sees("the rows")
        pane.show_empty("No campaigns yet.", "n", "starts the first draft")
        await screen.expect("No campaigns yet.", "n  starts the first draft")
        pane.show_error("The store is [busy].", "Try again.")
        await screen.expect("! The store is [busy].", "Try again.")
        pane.show_content()
        await screen.expect("the rows")
        assert not screen.sees("busy")
