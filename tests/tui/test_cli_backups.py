"""`sendoff backup` and `sendoff restore` as a person and a script meet them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from store import database, leases
from tests.cli import Here
from tests.clock import FakeClock
from tests.tui.cli_scene import draft, set_up


@pytest.fixture
def sendoff(tmp_path: Path) -> Here:
    """An account with a Draft and one that is scheduled for tomorrow."""
    here = Here(tmp_path / "here.db", FakeClock())
    set_up(here, tmp_path)
    draft(here, tmp_path)
    draft(here, tmp_path, name="Tomorrow")
    here.json("campaign", "schedule", 2, "--at", "tomorrow 10:00")
    return here


def test_a_backup_tells_where_how_large_and_how_long(sendoff: Here, tmp_path: Path) -> None:
    made = sendoff.json("backup", tmp_path / "b.db")
    assert made["file"] == str(tmp_path / "b.db")
    assert made["size"] == (tmp_path / "b.db").stat().st_size
    assert made["seconds"] >= 0
    assert stat.S_IMODE((tmp_path / "b.db").stat().st_mode) == 0o600
    assert sendoff.refused("backup", tmp_path / "b.db") == (2, "file_exists")
    answer = sendoff("backup", tmp_path / "b.db", "--force")
    assert answer.status == 0 and "is made and checked" in answer.out
    assert Here(tmp_path / "b.db", sendoff.clock)("doctor").status == 0


def test_a_restore_tells_what_waits_and_the_lists_and_reports_say_why(sendoff: Here, tmp_path: Path) -> None:
    sendoff.json("backup", tmp_path / "b.db")
    draft(sendoff, tmp_path, name="Made after the backup")
    asked = sendoff("restore", tmp_path / "b.db")
    assert asked.status == 2 and "--yes" in asked.err
    done = sendoff.json("restore", tmp_path / "b.db", "--yes")
    assert done["on_hold"] == {"scheduled": [2], "in_progress": []}
    assert (done["series_paused"], done["tests_withdrawn"]) == ([], 0)
    assert Path(done["replaced"]).parent == tmp_path
    assert [one["name"] for one in sendoff.json("campaign", "list")] == ["Tomorrow", "Spring sale"]
    shown = sendoff.json("campaign", "show", 2)
    assert (shown["status"], shown["hold"]["reason"], shown["hold"]["until"]) == ("scheduled", "restored", None)
    report = sendoff("campaign", "report", 2).out
    assert "On hold: The database was restored from a backup of " in report
    assert "Resume it: sendoff campaign resume" in report
    found = sendoff.json("doctor")
    assert [one["code"] for one in found["warnings"]] == ["restored_waiting"]
    assert "1 campaign on hold waits" in found["warnings"][0]["message"]
    assert "goes at its time" in sendoff("campaign", "resume", 2).out
    assert sendoff.json("campaign", "show", 2)["hold"] is None
    assert sendoff.json("doctor")["warnings"] == []
    # What was replaced still has what was made after the backup.
    before = Here(Path(done["replaced"]), sendoff.clock)
    assert len(before.json("campaign", "list")) == 3


def test_a_live_lease_refuses_a_restore(sendoff: Here, tmp_path: Path) -> None:
    sendoff.json("backup", tmp_path / "b.db")
    now = sendoff.clock.now()
    database.open_database(str(sendoff.database))
    with database.session():
        leases.take("sender:1", "x", now, now + 15_000, host="attic", pid=77, role="service")
    answer = sendoff("restore", tmp_path / "b.db", "--yes")
    assert answer.status == 3
    assert "Process 77 on attic (service) sends from this database." in answer.err
    assert len(sendoff.json("campaign", "list")) == 2
    assert not [file for file in tmp_path.iterdir() if "replaced" in file.name or file.name.endswith(".partial")]


def test_a_backup_of_a_newer_release_is_refused(sendoff: Here, tmp_path: Path) -> None:
    sendoff.json("backup", tmp_path / "b.db")
    database.open_database(str(tmp_path / "b.db"))
    with database.session():
        database.execute(
            "INSERT INTO schema_migration SELECT NULL, '9999_later', applied FROM schema_migration LIMIT 1"
        )
    assert sendoff.refused("restore", tmp_path / "b.db", "--yes") == (1, "schema_too_new")
    assert sendoff("doctor").status == 0
