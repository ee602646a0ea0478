"""The terminal on the other end."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Refused
from tests.cli import ROOT
from tui import terminal

SSH = {"SSH_CONNECTION": "198.51.100.7 50000 203.0.113.9 22", "TERM": "xterm"}


def test_over_ssh_nothing_is_animated_and_frames_are_fewer() -> None:
    environ = dict(SSH)
    profile = terminal.prepare(environ)
    assert profile.remote
    assert not profile.blink
    assert environ == SSH | {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_FPS": "30"}


def test_what_the_operator_set_stays() -> None:
    environ = SSH | {"TEXTUAL_ANIMATIONS": "full", "TEXTUAL_FPS": "5"}
    profile = terminal.prepare(environ)
    assert environ["TEXTUAL_ANIMATIONS"] == "full"
    assert environ["TEXTUAL_FPS"] == "5"
    assert profile.ours == ()


def test_on_the_machine_itself_nothing_is_set() -> None:
    environ = {"TERM": "xterm"}
    profile = terminal.prepare(environ)
    assert (profile.remote, profile.blink, profile.tmux) == (False, True, False)
    assert environ == {"TERM": "xterm"}


def test_importing_it_does_not_import_textual() -> None:
    code = "import sys, tui.terminal; sys.exit(any(name.split('.')[0] in ('textual', 'rich') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


IMPORTED = """
import os, sys, types
app = types.ModuleType("tui.app")
def run_console(url, **options):
    from textual import constants
    print(constants.MAX_FPS, constants.TEXTUAL_ANIMATIONS)
    return 0
app.run_console = run_console
sys.modules["tui.app"] = app
import tui.cli.console
tui.cli.console.need_terminal = lambda: None
from tui.cli import main
sys.exit(main(["--database", sys.argv[1]]))
"""


@pytest.mark.parametrize(("environ", "said"), [(SSH, "30 none"), ({}, "60 none")])
def test_textual_is_told_before_it_is_imported_and_looks(environ: dict[str, str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORTED, str(tmp_path / "x.db")]
    # Whoever runs the tests has no animations either way.
    done = subprocess.run(command, env={**os.environ, **environ}, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, said), done.stderr


def test_a_child_process_gets_the_environment_as_it_was() -> None:
    environ = SSH | {"NO_COLOR": "1", "EDITOR": "vi"}
    profile = terminal.prepare(environ)
    del environ["NO_COLOR"]
    assert terminal.child_environment(profile, environ) == SSH | {"NO_COLOR": "1", "EDITOR": "vi"}


def test_a_child_process_keeps_what_the_operator_set() -> None:
    environ = SSH | {"TEXTUAL_FPS": "5"}
    profile = terminal.prepare(environ)
    assert terminal.child_environment(profile, environ)["TEXTUAL_FPS"] == "5"
    assert "NO_COLOR" not in terminal.child_environment(profile, environ)


@pytest.mark.parametrize(
    ("width", "height", "fits"), [(60, 16, True), (59, 16, False), (60, 15, False), (200, 50, True)]
)
def test_a_terminal_that_cannot_hold_a_screen_is_told_what_it_needs(width: int, height: int, fits: bool) -> None:
    said = terminal.too_small(width, height)
    assert (said is None) == fits
    if said is not None:
        assert f"{width} x {height}" in said
        assert "60 x 16" in said


def decoded(sequence: str) -> str:
    assert sequence.startswith("\x1b]52;c;")
    assert sequence.endswith("\x07")
    return base64.b64decode(sequence[len("\x1b]52;c;") : -1]).decode()


@pytest.mark.parametrize("text", ["+91 98765 43210", "日本語 🎉", "a\x1b[31m\nb", ""])
def test_osc_52_carries_the_text_and_nothing_of_it_is_an_escape(text: str) -> None:
    sequence = terminal.osc52(text)
    assert decoded(sequence) == text
    assert sequence.count("\x1b") == 1


def test_what_cannot_be_encoded_is_replaced() -> None:
    assert decoded(terminal.osc52("file\udcff")) == "file?"


def test_inside_tmux_the_sequence_is_wrapped_for_the_outer_terminal() -> None:
    sequence = terminal.osc52("x", tmux=True)
    assert sequence.startswith("\x1bPtmux;\x1b\x1b]52;c;")
    assert sequence.endswith("\x07\x1b\\")


def test_text_too_long_for_a_terminal_is_refused() -> None:
    assert len(terminal.osc52("x" * terminal.COPY_LIMIT)) <= 100_000
    with pytest.raises(Refused) as refused:
        terminal.osc52("é" * terminal.COPY_LIMIT)
    assert refused.value.code == "too_long_to_copy"
    assert "Export" in refused.value.hint


def test_copying_says_what_was_sent_and_not_that_it_arrived() -> None:
    written: list[str] = []
    assert terminal.copy("42", written.append) == "Sent 2 characters to the terminal's clipboard."
    assert terminal.copy("4", written.append) == "Sent 1 character to the terminal's clipboard."
    assert [decoded(one) for one in written] == ["42", "4"]


class Tmux:
    """Stands in for `subprocess.run`."""

    def __init__(self, outcome: int | Exception) -> None:
        self.outcome = outcome
        self.calls: list[tuple[list[str], bytes]] = []

    def __call__(self, command: list[str], *, input: bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
        self.calls.append((command, input))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return subprocess.CompletedProcess(command, self.outcome)


def test_inside_tmux_its_buffer_gets_the_text_too() -> None:
    written: list[str] = []
    tmux = Tmux(0)
    said = terminal.copy("a b", written.append, tmux=True, run=tmux)
    assert said == "Sent 3 characters to the terminal's clipboard and to tmux's buffer."
    assert tmux.calls == [(["tmux", "load-buffer", "-w", "-"], b"a b")]
    assert len(written) == 1


@pytest.mark.parametrize("outcome", [1, FileNotFoundError("tmux"), subprocess.TimeoutExpired("tmux", 2)])
def test_a_tmux_that_does_not_answer_costs_only_its_buffer(outcome: int | Exception) -> None:
    written: list[str] = []
    said = terminal.copy("x", written.append, tmux=True, run=Tmux(outcome))
    assert said == "Sent 1 character to the terminal's clipboard."
    assert len(written) == 1
