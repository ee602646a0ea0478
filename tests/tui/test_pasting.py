"""Pastes that hold escapes and other control characters: text, and never a key."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.message import Message

from tests.cli import ROOT
from tests.clock import FakeClock
from tests.terminal import Terminal
from tests.tui.draft_scene import Scene
from tui.pasting import PasteFilter, PasteParser

START, END = "\x1b[200~", "\x1b[201~"
ROUGH = "Sale\x07 \x1b[31mred\x1b\x1b[A\x1b[200~\x1b[201 now\x00\x7f,\tcol\r\nnext\x1b"
PLAIN = "Sale [31mred[A[200~[201 now,\tcol\r\nnext"
STREAM = f"a\x1b[A\x1b{START}{ROUGH}{END}\x07b{START}{END}\x1b[Bc"
CLEANED = f"a\x1b[A\x1b{START}{PLAIN}{END}\x07b{START}{END}\x1b[Bc"


def test_a_paste_loses_its_control_characters_and_what_is_typed_none() -> None:
    assert PasteFilter()(STREAM) == CLEANED


@pytest.mark.parametrize("cut", range(1, len(STREAM)))
def test_wherever_it_is_cut_in_two(cut: int) -> None:
    seen = PasteFilter()
    assert seen(STREAM[:cut]) + seen(STREAM[cut:]) == CLEANED


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_in_small_pieces_too_and_the_last_mark_comes_whole(size: int) -> None:
    seen = PasteFilter()
    pieces = [seen(STREAM[at : at + size]) for at in range(0, len(STREAM), size)]
    assert "".join(pieces) == CLEANED
    assert sum(END in piece for piece in pieces) == 2


def test_what_is_typed_is_never_kept_back() -> None:
    seen = PasteFilter()
    for typed in ("\x1b", "\x1b[", "200", "\x1b", "[", "2", "0", "1~"):
        assert seen(typed) == typed


@pytest.mark.parametrize("size", [1, 4, 1_000])
def test_the_parser_makes_one_paste_and_no_key_of_it(size: int) -> None:
    parser = PasteParser()
    text = f"{START}{ROUGH}{END}x"
    found: list[Message] = []
    for at in range(0, len(text), size):
        found += parser.feed(text[at : at + size])
    assert [one.text for one in found if isinstance(one, Paste)] == [PLAIN]
    assert [one.key for one in found if isinstance(one, Key)] == ["x"]


def test_what_is_pasted_into_a_draft_on_a_terminal_is_text_alone(tmp_path: Path, clock: FakeClock) -> None:
    scene = Scene.make(tmp_path, clock)
    command = [sys.executable, "-m", "tui", "--database", scene.url]
    with Terminal(command, env={"PYTHONPATH": str(ROOT)}) as terminal:
        terminal.expect("No campaigns yet")
        terminal.press("n")
        terminal.expect("what the campaign is called here")
        terminal.press(f"{START}Spring\x1b sale\x07\x1b")
        # As a terminal does that sends a long paste in pieces.
        terminal.settle()
        terminal.press(f" now{END}")
        terminal.expect("Spring sale now")
        terminal.press("!")
        terminal.expect("Spring sale now!")
        for said in ("Leave the draft?", "It cannot go yet", "Saved"):
            assert said not in terminal.screen
