"""The doctor: each thing it looks at is told as a fault, a warning or in order, and nothing is changed by looking."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import doctor
from engine.clock import DAY, HOUR, MINUTE
from engine.doctor import Item, Level, Looking, Report
from engine.invariants import CHECKS
from engine.lock import watch
from store import callbacks, database, leases
from tests import builders
from tests.clock import FakeClock

PLENTY = 1 << 40


def look(clock: FakeClock, folder: Path, free: int = PLENTY) -> Report:
    return doctor.examine(Looking(clock, free=lambda _: free, secrets=folder / "secrets.toml"))


def told(report: Report, level: Level) -> set[str]:
    assert all(item.text.endswith(".") for item in report.items)
    assert all(item.advice for item in report.items if item.level is not Level.OK)
    return {item.code for item in report.at(level)}


def item(report: Report, code: str) -> Item:
    (found,) = [one for one in report.items if one.code == code]
    return found


def bad(report: Report) -> set[str]:
    return told(report, Level.FAULT) | told(report, Level.WARNING)


def test_a_database_in_order_has_no_fault_and_no_warning(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    report = look(clock, tmp_path)
    assert bad(report) == set()
    assert told(report, Level.OK) == {
        "schema", "integrity", "invariants", "file_mode", "disk", "secrets", "clock", "callbacks", "gateway", "lease",
    }  # fmt: skip
    assert f"All {len(CHECKS)} promises" in item(report, "invariants").text


def test_a_broken_promise_is_a_fault_with_its_finding(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, 3)
    database.execute("UPDATE progress SET read = 2")
    report = look(clock, tmp_path)
    assert told(report, Level.FAULT) == {"counters"}
    found = item(report, "counters")
    assert found.finding is not None and found.finding.ids == (campaign_id,)
    assert found.text == "R41: campaign 1: the counters say read = 2, the rows 0."


def test_a_schema_that_is_older_or_newer_is_a_fault_and_nothing_else_is_believed(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    database.execute("INSERT INTO schema_migration SELECT NULL, '9999_later', applied FROM schema_migration LIMIT 1")
    newer = look(clock, tmp_path)
    assert told(newer, Level.FAULT) == {"schema_newer"}
    assert "9999_later" in item(newer, "schema_newer").text
    assert "invariants" not in told(newer, Level.OK)
    database.execute("DELETE FROM schema_migration WHERE name >= '0011'")
    older = look(clock, tmp_path)
    assert told(older, Level.FAULT) == {"schema_older"}


def test_damage_is_a_fault_in_sqlites_words(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.draft(clock, tmp_path, 2_000)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    root = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit'").fetchone()[0]
    size = database.execute("PRAGMA page_size").fetchone()[0]
    database.close_database()
    with acme.open("r+b") as file:
        file.seek((root - 1) * size + size - 300)
        file.write(b"\xff" * 300)
    database.open_as_it_is(str(acme))
    with database.session():
        assert "file_damaged" in told(look(clock, tmp_path), Level.FAULT)


def test_references_that_lead_nowhere_are_a_fault(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    database.execute("PRAGMA foreign_keys = 0")
    database.execute("INSERT INTO retry VALUES (77, 1, 1)")
    report = look(clock, tmp_path)
    assert "rows_dangling" in told(report, Level.FAULT)
    assert item(report, "rows_dangling").text == "1 row of retry belong to something that is not there."


@pytest.mark.parametrize(
    ("free", "level", "code"),
    [
        (doctor.LEAST_FREE - 1, Level.FAULT, "disk_full"),
        (doctor.LEAST_FREE, Level.WARNING, "disk_low"),
        (doctor.LITTLE_FREE - 1, Level.WARNING, "disk_low"),
        (doctor.LITTLE_FREE, Level.OK, "disk"),
    ],
)
def test_little_room_is_told_and_none_is_a_fault(
    free: int, level: Level, code: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    assert item(look(clock, tmp_path, free), code).level is level


def test_files_and_folders_of_others_are_faults(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('token = "x"')
    secrets.chmod(0o640)
    acme.chmod(0o644)
    acme.parent.chmod(0o777)
    found = look(clock, tmp_path)
    assert told(found, Level.FAULT) == {"file_readable", "folder_not_private", "secrets_readable"}
    assert item(found, "file_readable").advice == f"Close it: chmod go= {acme}"
    for path, mode in ((secrets, 0o600), (acme, 0o600), (acme.parent, 0o1777)):
        path.chmod(mode)
    assert bad(look(clock, tmp_path)) == set()


def test_a_clock_that_was_set_back_is_a_warning(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    watch(clock, builders.OPERATOR)
    clock.set(clock.now() - HOUR)
    report = look(clock, tmp_path)
    assert bad(report) == {"clock_set_back"}
    assert "1 h 00 min" in item(report, "clock_set_back").text


def test_a_clock_behind_the_newest_event_is_a_warning_after_a_restart_too(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    earlier = FakeClock(clock.now() - DAY, boot="another")
    assert bad(look(earlier, tmp_path)) == {"clock_behind"}
    assert bad(look(FakeClock(clock.now() - 4_000, boot="another"), tmp_path)) == set()


def test_a_zone_that_this_machine_does_not_know_is_a_fault(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    database.execute("UPDATE account SET timezone = 'Mars/Olympus'")
    assert bad(look(clock, tmp_path)) == {"zone_unknown"}


def test_callbacks_that_wait_or_never_come_are_warnings(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    callbacks.keep("{}", clock.now())
    clock.advance(5 * MINUTE + 1)
    assert bad(look(clock, tmp_path)) == {"callbacks_waiting"}
    database.execute("UPDATE callback_event SET applied_at = 1")
    assert item(look(clock, tmp_path), "callbacks").text == "The last callback came in 05:00 ago."
    # A day without one is no news for the simulator, and some for WhatsApp once something was sent.
    clock.advance(DAY)
    database.execute("INSERT INTO contact VALUES (4915, 0, 1, ?, 0)", (clock.now() - HOUR,))
    database.execute("UPDATE quota_meter SET used = 1")
    assert bad(look(clock, tmp_path)) == set()
    database.execute("UPDATE account SET gateway = 'cloud_api', base_url = 'http://127.0.0.1:9'")
    assert "callbacks_silent" in bad(look(clock, tmp_path))


def test_a_gateway_that_answers_or_does_not(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.gateway.simulator", "--listen", "127.0.0.1:0"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().decode().split('"')[3]
        database.execute("UPDATE account SET base_url = ?", (url,))
        assert "answers within" in item(look(clock, tmp_path), "gateway").text
    finally:
        process.kill()
        process.communicate()
    assert bad(look(clock, tmp_path)) == {"gateway_unreachable"}
    database.execute("UPDATE account SET gateway = 'cloud_api'")
    assert bad(look(clock, tmp_path)) == {"gateway_unusable"}


def test_who_holds_what_is_told(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    leases.take("sender:1", "x", clock.now(), clock.now() + MINUTE, host="attic", pid=77, role="service")
    report = look(clock, tmp_path)
    assert item(report, "lease").text == "Process 77 on attic (service) holds sender:1."
    assert [one.pid for one in report.leases] == [77]
    clock.advance(2 * MINUTE)
    assert look(clock, tmp_path).leases == ()


@pytest.fixture
def closed(acme: Path) -> Iterator[Path]:
    """The file of a database that nobody has open."""
    database.close_database()
    yield acme
    database.close_database()


def contents(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if file.is_file()}


def test_looking_changes_nothing_and_leaves_nothing(closed: Path, clock: FakeClock, tmp_path: Path) -> None:
    before = contents(tmp_path)
    database.open_as_it_is(str(closed))
    with database.session():
        assert bad(look(clock, tmp_path)) == set()
    assert contents(tmp_path) == before


def test_what_a_killed_process_left_in_the_log_is_read_and_stays_there(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    # What stands in the log alone: a copy of both is what a power cut leaves.
    builders.draft(clock, tmp_path, 3)
    left = tmp_path / "left"
    left.mkdir(mode=0o700)
    for end in ("", "-wal"):
        (left / f"x.db{end}").write_bytes(acme.with_name(acme.name + end).read_bytes())
        (left / f"x.db{end}").chmod(0o600)
    database.close_database()
    before = contents(left)
    assert len((left / "x.db-wal").read_bytes()) > 0
    database.open_as_it_is(str(left / "x.db"))
    with database.session():
        assert bad(look(clock, tmp_path)) == set()
        assert database.execute("SELECT COUNT(*) FROM campaign").fetchone() == (1,)
    database.close_database()
    after = contents(left)
    assert {name: after[name] for name in before} == before


def test_a_copy_that_cannot_be_written_is_looked_at_too(closed: Path, clock: FakeClock, tmp_path: Path) -> None:
    closed.chmod(0o400)
    closed.parent.chmod(0o500)
    try:
        database.open_as_it_is(str(closed))
        with database.session():
            assert bad(look(clock, tmp_path)) == set()
    finally:
        closed.parent.chmod(0o700)
