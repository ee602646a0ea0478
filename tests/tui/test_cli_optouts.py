"""`sendoff optout`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import contacts_file, number
from tests.cli import Here
from tests.clock import FakeClock
from tests.tui.cli_scene import draft, set_up


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


def test_R38_add_list_and_remove(sendoff: Here) -> None:
    assert sendoff("optout", "list").out == "No number is opted out.\n"
    assert sendoff("optout", "add", number(1), number(2)).out == "2 numbers opted out.\n"
    assert sendoff.json("optout", "list", "--search", number(2)) == [
        {"number": number(2), "since": "2026-11-23T14:30:00+05:30", "origin": "operator"}
    ]
    assert sendoff.json("optout", "remove", number(1)) == {"removed": 1}
    assert sendoff.refused("optout", "remove", number(1)) == (3, "not_opted_out")
    assert sendoff.refused("optout", "add", "12") == (2, "bad_number")
    assert "operator" in sendoff("optout", "list").out


def test_R38_import_and_export(sendoff: Here, tmp_path: Path) -> None:
    done = sendoff.json("optout", "import", contacts_file(tmp_path, [("A", number(1), ""), ("B", "", "")]))
    assert done == {"rows": 2, "added": 1, "known": 0, "skipped": {"blank": 1}, "without_header": False}
    answer = sendoff("optout", "export", tmp_path / "out.csv")
    assert (answer.status, answer.out) == (0, f"1 entry written to {tmp_path / 'out.csv'}.\n")
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "number,since,origin"


def test_R38_a_campaign_leaves_out_who_opted_out(sendoff: Here, tmp_path: Path) -> None:
    assert sendoff("optout", "add", number(0)).status == 0
    campaign_id = draft(sendoff, tmp_path)
    assert sendoff.json("campaign", "report", campaign_id)["skips"] == {"opted_out": 1}
