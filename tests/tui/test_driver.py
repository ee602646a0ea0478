"""The driver itself: a test tool that passes whatever happens would be worse than none."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.widgets import Input, Static

from tests.driver import Console, check_text_snapshot
from tests.tui.harness import Harness


class Echo(Harness):
    def compose(self) -> ComposeResult:
        yield Input()
        yield Static("said: ", markup=False, id="said")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one("#said", Static).update(f"said: {event.value}")


async def test_typing_pressing_and_expecting() -> None:
    async with Console(Echo(), (40, 6)) as screen:
        await screen.type("hello")
        await screen.press("enter")
        await screen.expect("said: hello")
        assert screen.sees("hello")
        assert screen.line("said").strip() == "said: hello"
        assert "<svg" in screen.svg()


async def test_what_does_not_come_fails_with_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.driver.PATIENCE", 3)
    async with Console(Echo(), (40, 6)) as screen:
        with pytest.raises(AssertionError, match=r"(?s)expected .'goodbye'.*said:"):
            await screen.expect("goodbye")
        with pytest.raises(AssertionError, match=r"(?s)did not expect .'said'.*said:"):
            await screen.expect_not("said")
        with pytest.raises(AssertionError, match=r"(?s)no line with 'goodbye'.*said:"):
            screen.line("goodbye")
        with pytest.raises(AssertionError, match="pigs fly"):
            await screen.until(lambda: False, "pigs fly")


def test_a_snapshot_that_is_missing_fails_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"(?s)no snapshot list yet.*--snapshot-update.*rows"):
        check_text_snapshot("list", "rows", tmp_path, update=False)
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_is_written_when_asked_for_and_then_compared(tmp_path: Path) -> None:
    check_text_snapshot("list", "one\ntwo\n\n", tmp_path, update=True)
    assert (tmp_path / "list.txt").read_text() == "one\ntwo\n"
    check_text_snapshot("list", "one\ntwo", tmp_path, update=False)
    with pytest.raises(AssertionError, match=r"(?s)list looks different.*-two.*\+three"):
        check_text_snapshot("list", "one\nthree", tmp_path, update=False)
