"""`sendoff doctor` on the command line: its exit status, its document, and that it only looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import audit, database
from tests.cli import Here
from tests.clock import FakeClock
from tests.tui.cli_scene import draft, set_up


@pytest.fixture
def sendoff(tmp_path: Path) -> Here:
    here = Here(tmp_path / "here.db", FakeClock())
    set_up(here, tmp_path)
    draft(here, tmp_path)
    return here


def change(sendoff: Here, sql: str) -> None:
    database.open_database(str(sendoff.database))
    with database.session():
        database.execute(sql)


def test_a_database_in_order_is_status_0(sendoff: Here) -> None:
    found = sendoff.json("doctor")
    assert found["ok"] is True
    assert (found["findings"], found["leases"], found["last_callback_at"]) == ([], [], None)
    assert found["schema"].startswith("00")
    assert found["checked_at"].endswith("+05:30")
    answer = sendoff("doctor")
    assert answer.status == 0
    assert answer.out.splitlines()[0].startswith("Database ")
    assert "No fault was found" in answer.out


def test_a_fault_is_status_1_and_told_first_or_last_for_people_and_programs(sendoff: Here) -> None:
    change(sendoff, "UPDATE progress SET read = 3")
    answer = sendoff("doctor", "--json")
    assert (answer.status, answer.err) == (1, "")
    assert answer.json["ok"] is False
    (finding,) = answer.json["findings"]
    assert (finding["code"], finding["rule"], finding["of"], finding["ids"]) == ("counters", "R41", "campaign", [1])
    assert finding["message"] and finding["hint"]
    told = sendoff("doctor")
    assert told.status == 1
    assert "FAULT  R41: campaign 1: the counters say read = 3, the rows 0." in told.out
    assert told.out.rstrip().splitlines()[-1].startswith("1 fault found")


def test_a_warning_is_told_and_is_status_0(sendoff: Here) -> None:
    change(sendoff, "UPDATE account SET base_url = 'http://127.0.0.1:9'")
    found = sendoff.json("doctor")
    assert "gateway_unreachable" in [one["code"] for one in found["warnings"]]
    assert "look   The gateway at http://127.0.0.1:9 does not answer." in sendoff("doctor").out


def test_it_writes_nothing_not_even_that_somebody_looked(sendoff: Here) -> None:
    before = sendoff.database.read_bytes()
    names = sorted(file.name for file in sendoff.database.parent.iterdir())
    for _ in range(2):
        assert sendoff("--read-only", "doctor").status == 0
    assert sendoff.database.read_bytes() == before
    assert sorted(file.name for file in sendoff.database.parent.iterdir()) == names


def test_a_newer_or_older_schema_is_a_finding_and_no_refusal(sendoff: Here) -> None:
    change(sendoff, "INSERT INTO schema_migration SELECT NULL, '9999_later', applied FROM schema_migration LIMIT 1")
    answer = sendoff("doctor", "--json")
    assert (answer.status, [one["code"] for one in answer.json["findings"]]) == (1, ["schema_newer"])
    assert sendoff.refused("campaign", "list") == (1, "schema_too_new")


def test_where_nothing_is_there_it_says_so(tmp_path: Path) -> None:
    assert Here(tmp_path / "none.db", FakeClock()).refused("doctor") == (4, "no_database")
    other = tmp_path / "text.db"
    other.write_text("This is no database at all, only text that somebody wrote. " * 40)
    other.chmod(0o600)
    assert Here(other, FakeClock()).refused("doctor") == (1, "store_failed")


def test_R56_somebody_without_a_role_is_told_nothing(sendoff: Here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[roles]\nnobody = "agent"\n')
    config.chmod(0o644)
    assert sendoff.refused("--config", config, "doctor") == (5, "not_allowed")
    database.open_database(str(sendoff.database))
    with database.session():
        assert not [event for event in audit.events() if event.action.endswith(".refused")]


def test_a_folder_that_others_can_write_to_is_refused_and_the_doctor_says_why(sendoff: Here) -> None:
    folder = sendoff.database.parent
    folder.chmod(0o777)
    try:
        assert sendoff.refused("campaign", "list") == (3, "folder_not_private")
        answer = sendoff("doctor", "--json")
        assert (answer.status, [one["code"] for one in answer.json["findings"]]) == (1, ["folder_not_private"])
    finally:
        folder.chmod(0o700)
