"""The main journey on a real terminal: from an empty database to the report of a campaign that went out."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli import ROOT, Cli
from tests.terminal import Terminal

DATA = Path(__file__).parent / "data"
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))["messy.csv"]
TEMPLATE = {
    "name": "season_sale",
    "language": "en_US",
    "category": "MARKETING",
    "status": "APPROVED",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Hello {{1}}"},
        {"type": "BODY", "text": "Your coupon is {{1}}."},
    ],
}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """An account with the simulator, a fast sender, a template and credits."""
    cli = Cli(tmp_path / "journey.db")
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE), encoding="utf-8")
    shutil.copy(DATA / "messy.csv", tmp_path / "messy.csv")
    cli.json("init", "--timezone", "Asia/Kolkata", "--gateway", "simulator")
    cli.json("sender", "add", "+918040214021", "--phone-number-id", "1000001", "--rate", "1000")
    cli.json("template", "add", tmp_path / "template.json")
    cli.json("credits", "add", "50000")
    return cli


def _choose(terminal: Terminal, steps: int) -> None:
    """Open the list under the focus and take the option so many steps down."""
    terminal.settle()
    terminal.press("enter")
    terminal.settle()
    terminal.press(*["down"] * steps, "enter")
    terminal.settle()


def _write_draft(terminal: Terminal) -> None:
    terminal.press("n")
    terminal.expect("new, not saved yet")
    terminal.press("Spring sale")
    terminal.type_next("")
    terminal.expect("+91 80 4021 4021")
    terminal.type_next("")
    _choose(terminal, 1)
    terminal.expect("season_sale  en_US")
    terminal.expect("messages, the ordinary one")
    terminal.type_next("")
    terminal.type_next("messy.csv")
    terminal.expect("enter reads it")
    terminal.press("enter")
    terminal.expect(f"{EXPECTED['valid']:,} will get it", 30)
    terminal.expect("header.1")


def _map_placeholders(terminal: Terminal) -> None:
    terminal.press("f8")
    terminal.settle()
    # choose ..., always the text, then the file's columns in order
    _choose(terminal, 2)
    terminal.expect("column Custom")
    terminal.type_next("there")
    terminal.type_next("")
    _choose(terminal, 3)
    terminal.expect("column Coupon")


def test_draft_schedule_back_to_draft_schedule_again_report_quit(cli: Cli, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tui", "--database", str(cli.database)]
    with Terminal(command, env={**cli.env, "PYTHONPATH": str(ROOT)}, cwd=str(tmp_path)) as terminal:
        terminal.expect("No campaigns yet.")
        _write_draft(terminal)
        _map_placeholders(terminal)
        terminal.expect("every placeholder filled")
        terminal.press("f8")
        terminal.settle()
        terminal.press("in 20 min", "ctrl+g")
        terminal.expect("Schedule “Spring sale”?")
        terminal.expect("It can be cancelled until")
        terminal.settle()
        terminal.press("y")
        terminal.expect("locks in 14:")

        terminal.press("b")
        terminal.expect("Take “Spring sale” back to draft?")
        terminal.settle()
        terminal.press("y")
        terminal.expect("· Draft")

        terminal.press("e")
        terminal.expect("2,163 will get it")
        terminal.expect("every placeholder filled")
        terminal.press("f8")
        terminal.settle()
        terminal.press("in 3 s", "ctrl+g")
        terminal.expect("LOCKED from the start")
        terminal.settle()
        terminal.press("y")
        terminal.expect("✓ Completed", 40)

        terminal.press("enter")
        terminal.expect("audience 3,000 = sent")
        terminal.expect("mangled by a spreadsheet 151")
        terminal.press("6")
        terminal.expect("837 rows")
        terminal.press("escape")
        terminal.expect("SENT%")
        terminal.press("q")
        assert terminal.expect_end() == 0

    report = cli.json("campaign", "report", "1")
    assert report["status"] == "completed"
    assert report["skips"] == EXPECTED["skipped"]
    assert report["sent"] + report["failed"] + report["unknown"] == EXPECTED["valid"]
    assert report["pending"] == 0
    assert report["unknown"] == 0
    assert cli.json("credits", "show") == {"free": 50000 - report["sent"], "reserved": 0, "spent": report["sent"]}
