"""The database fails under a worker that sends: nothing twice, no outcome lost, and a sentence that says what to do."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import peewee
import pytest

from engine.logs import trouble_in
from store import database
from store.errors import StoreFailed, StoreGone
from store.types import Status
from tests.faults.processes import Field, field_of, let_pass, wait_until
from tests.faults.truth import assert_true
from tests.sending import eventually
from tui.store_threads import StoreThreads
from tui.supervisor import Supervisor, WorkerState

RECIPIENTS = 200
RATE = 200
IN_FLIGHT_S = 0.5
"""Longer than a request takes."""


WAITING = "they cannot be recorded yet, and nothing more goes out until they are: "


def said(one: Field, text: str) -> None:
    """Wait until the worker said it, as the console tells it or in the log's own words."""

    def heard() -> bool:
        return any(text in line or text in trouble_in(line) for line in one.said().splitlines())

    wait_until(heard, lambda: f"'{text}' in {one.said()}")


def stands_still(one: Field) -> int:
    """That nothing goes out any more; answers how many did."""
    let_pass(IN_FLIGHT_S)
    before = len(one.accepted())
    let_pass(2 * IN_FLIGHT_S)
    assert len(one.accepted()) == before < RECIPIENTS, "it goes on handing out"
    return before


def completed(one: Field) -> None:
    """The run ends with nobody unknown: no outcome was lost."""
    one.wait_for_the_end()
    assert_true(one)
    found = one.progress()
    assert (one.status(), found.sent, found.unknown) == (Status.COMPLETED, RECIPIENTS, 0)


def schema() -> list[tuple[str, str]]:
    with database.session():
        return list(database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall())


def test_R42_R43_a_copy_of_the_moment_the_power_failed_opens_and_goes_on(tmp_path: Path) -> None:
    dice = Random(1)
    with field_of(tmp_path, 400, RATE) as one:
        as_made = schema()
        for n in range(5):
            worker = one.fork()
            one.wait_for(len(one.accepted()) + 1 + dice.randrange(30))
            # Frozen between two instructions, then what the disk holds of it.
            worker.send_signal(signal.SIGSTOP)
            copy = tmp_path / f"copy-{n}.db"
            shutil.copy(one.database, copy)
            log = shutil.copy(f"{one.database}-wal", f"{copy}-wal")
            with Path(log).open("ab") as torn:
                # A write that was under way.
                torn.write(dice.randbytes(dice.randrange(1, 4096)))
            worker.kill()
            worker.wait()
            one.database = copy
            database.open_database(str(copy))
            with database.session():
                assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert schema() == as_made, "nothing to migrate"
            one.check_after_a_kill()
        one.finish()
        assert_true(one)
        assert one.progress().sent + one.progress().unknown == 400


def test_a_full_disk_loses_no_outcome_and_stops_the_sending_until_there_is_room(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        one.fork(hooks=["full:6"])
        said(one, f"{WAITING}The disk that holds the database is full")
        out = stands_still(one)
        assert one.progress().sent < out, "what the full disk did not take"
        (tmp_path / "room").touch()
        completed(one)
        assert "event=outcomes.recorded" in one.said()


def test_a_disk_that_turns_read_only_loses_no_outcome_and_stops_the_sending(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        one.fork(hooks=["readonly:5"])
        said(one, f"{WAITING}The database file, or its disk, is read-only")
        stands_still(one)
        (tmp_path / "room").touch()
        completed(one)


@contextmanager
def locked(one: Field) -> Iterator[None]:
    """Another process (this one) holds the write lock."""
    other = peewee.SqliteDatabase(str(one.database))
    other.connect()
    try:
        other.execute_sql("BEGIN IMMEDIATE")
        yield
        other.execute_sql("ROLLBACK")
    finally:
        other.close()


def test_a_database_that_another_process_locks_loses_no_outcome_and_ends_no_worker(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        one.fork(hooks=["patience:0.2"])
        one.wait_for(40)
        with locked(one):
            said(one, f"{WAITING}The database is busy")
            stands_still(one)
        completed(one)


@pytest.mark.nightly
def test_a_database_that_is_locked_for_30_seconds(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        one.fork()
        one.wait_for(40)
        with locked(one):
            let_pass(30)
        completed(one)


def test_a_database_file_that_nobody_may_write_is_told_and_nothing_is_sent(tmp_path: Path) -> None:
    with field_of(tmp_path, 20, RATE) as one:
        one.fork("--until-idle", hooks=["readonly:0"])
        said(one, "The database file, or its disk, is read-only")
        assert one.accepted() == []


@contextmanager
def kept(one: Field) -> Iterator[None]:
    """Its files under other names too, so that a test can read them when they are gone; looked at in the end."""
    keep = one.folder / "kept.db"
    os.link(one.database, keep)
    os.link(f"{one.database}-wal", f"{keep}-wal")
    yield
    one.database = keep
    database.open_database(str(keep))
    assert_true(one)


def gone(one: Field, exit_status: int | None, words: str) -> None:
    """The worker ended in order, said why, and handed out nothing more."""
    assert exit_status == 4, one.said()
    assert words in one.said() and "Sending stops" in one.said()
    stands_still(one)


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_R43_a_database_file_that_is_deleted_or_replaced_ends_the_sending(how: str, tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        old = shutil.copy(one.database, tmp_path / "old.db")
        worker = one.fork()
        one.wait_for(40)
        path = one.database
        with kept(one):
            if how == "deleted":
                path.unlink()
            else:
                Path(old).replace(path)
            gone(one, worker.wait(15), "is not there any more" if how == "deleted" else "was replaced by another one")
            assert path.exists() is (how == "replaced"), "no empty database in its place"
        assert one.progress().unknown == 0, "what was on its way is recorded in the old one"


def test_a_database_file_that_is_put_back_is_gone_on_with(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        worker = one.fork()
        one.wait_for(40)
        away = one.database.with_name("away.db")
        one.database.rename(away)
        gone(one, worker.wait(15), "is not there any more")
        away.rename(one.database)
        one.finish()
        completed(one)


async def test_the_console_says_that_its_database_is_gone_and_starts_no_worker(tmp_path: Path) -> None:
    file = tmp_path / "console.db"
    database.open_database(str(file), create=True)
    threads = StoreThreads()
    try:
        assert await threads.read(lambda: 1) == 1
        file.rename(tmp_path / "elsewhere.db")
        with pytest.raises(StoreGone, match="is not there any more"):
            await threads.read(lambda: 1)
        supervisor = Supervisor(str(file), command=("false",))
        supervisor.start()
        await eventually(lambda: supervisor.state is WorkerState.STOPPED)
        await supervisor.stop(5)
        assert "is not there any more" in supervisor.log[-1] and supervisor.pid is None
        (tmp_path / "elsewhere.db").rename(file)
        assert await threads.read(lambda: 1) == 1
    finally:
        threads.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts the handles of this process there")
def test_without_file_handles_the_worker_goes_on_and_says_so(tmp_path: Path) -> None:
    with field_of(tmp_path, 60, 400) as one:
        worker = one.fork(hooks=["handles:4"])
        said(one, "too many files are open on this machine; raise the limit (ulimit -n, LimitNOFILE=)")
        assert worker.poll() is None, "no crash loop"
        (tmp_path / "room").touch()
        one.wait_for_the_end()
        assert_true(one)
        assert "worker started" in one.said() and one.said().count("worker started") == 1
        found = one.progress()
        assert (found.sent, found.unknown) == (60, 0)


def test_too_many_open_files_are_told_as_such(tmp_path: Path) -> None:
    told = "The database file cannot be opened: it is forbidden, or too many files are open"
    with pytest.raises(StoreFailed, match=told), database.translated():
        raise peewee.OperationalError("unable to open database file")
