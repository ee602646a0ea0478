"""Opening, locking and committing: what everything else in the store rests on."""

from __future__ import annotations

import fcntl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import peewee
import pytest

from store import account, campaigns, database, ledger, migrate, optouts, sqlite_file
from store.errors import NoDatabase, StoreBusy, StoreError, StoreFailed
from store.models import OptOut
from store.types import OptOut as OptOutEntry
from tests.clock import START
from tests.store.scene import Scene

ROOT = Path(__file__).parents[2]


def in_threads(*jobs: Callable[[], None]) -> list[BaseException]:
    """Run each job in a thread of its own, all at once, and answer what they raised."""
    together = threading.Barrier(len(jobs))
    raised: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            together.wait(10)
            with database.session():
                job()
        except Exception as error:  # handed back to the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("campaigns.db", "campaigns.db"),
        ("/var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:///campaigns.db", "campaigns.db"),
        ("sqlite:////var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:////var/my%20data/x.db", "/var/my data/x.db"),
        ("file:campaigns.db", "campaigns.db"),
    ],
)
def test_an_address_of_a_file_is_a_path_or_a_sqlite_url(url: str, path: str) -> None:
    assert sqlite_file.path_of(url) == Path(path)


def test_an_address_under_the_home_folder_is_expanded() -> None:
    assert sqlite_file.path_of("~/x.db") == Path.home() / "x.db"


def test_an_address_of_a_server_is_no_file() -> None:
    assert sqlite_file.path_of("postgresql://localhost/sendoff") is None


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_the_write_ahead_log_needs_a_sqlite_with_the_fix(version: tuple[int, int, int], fixed: bool) -> None:
    assert sqlite_file.wal_reset_fixed(version) is fixed


def test_a_database_that_is_not_there_is_said_to_be_missing_and_not_made(tmp_path: Path) -> None:
    file = tmp_path / "none" / "x.db"
    with pytest.raises(NoDatabase, match=r"x\.db"):
        database.open_database(str(file))
    assert not file.parent.exists()


def test_a_read_only_start_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(NoDatabase):
        database.open_database(str(tmp_path / "x.db"), create=True, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_database_until_it_is_made_one(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.touch()
    with pytest.raises(NoDatabase):
        database.open_database(str(file))
    database.open_database(str(file), create=True)
    with database.session():
        assert not account.has_account()


def test_a_file_that_is_something_else_is_refused_in_the_stores_words(tmp_path: Path) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0 no database at all " * 200)
    with pytest.raises(StoreFailed, match="not a database"):
        database.open_database(str(file))


def test_an_address_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(StoreFailed, match="no database this program knows"):
        database.open_database("oracle://localhost/x")


def test_the_file_and_its_log_are_for_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "x.db"
    database.open_database(str(file), create=True)
    with database.session():
        with database.transaction():
            optouts.add(1, START, "test")
        modes = {
            one.name: stat.S_IMODE(one.stat().st_mode) for one in file.parent.glob("x.db*") if "lock" not in one.name
        }
    assert modes == dict.fromkeys(modes, 0o600)
    assert "x.db" in modes
    if sqlite_file.wal_reset_fixed(sqlite_file.library_version()):
        assert {"x.db-wal", "x.db-shm"} <= modes.keys()


def test_the_settings_hold_on_every_connection(db: str) -> None:
    def setting(name: str) -> object:
        return database.execute(f"PRAGMA {name}").fetchone()[0]

    wal = sqlite_file.wal_reset_fixed(sqlite_file.library_version())
    found: list[tuple[object, ...]] = []

    def look() -> None:
        found.append(tuple(setting(name) for name in ("journal_mode", "synchronous", "foreign_keys")))

    look()
    assert in_threads(look, look) == []
    assert found == [("wal" if wal else "delete", 2, 1)] * 3


def test_an_old_sqlite_keeps_a_rollback_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "library_version", lambda: (3, 40, 1))
    database.open_database(str(tmp_path / "x.db"), create=True)
    with database.session():
        assert database.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_only_one_process_at_a_time_makes_the_first_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It turns the write-ahead log on, and SQLite does not wait when two do that at once."""
    file, locked = tmp_path / "x.db", []
    connect = peewee.SqliteDatabase._connect  # type: ignore[attr-defined]  # the stubs leave it out

    def look_and_connect(self: peewee.SqliteDatabase) -> object:
        with (tmp_path / "x.db.migrate.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                locked.append(False)
            except BlockingIOError:
                locked.append(True)
        return connect(self)

    monkeypatch.setattr(peewee.SqliteDatabase, "_connect", look_and_connect)
    database.open_database(str(file), create=True)
    assert locked == [True, False], "the second needs no lock: the log is on"
    database.open_database(str(file))
    assert locked == [True, False, False]


@pytest.mark.parametrize("round_", range(4))
def test_three_processes_that_open_a_new_database_at_once_all_succeed(tmp_path: Path, round_: int) -> None:
    code = (
        "import sys, playhouse.migrations\n"
        "from store import database, migrate\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
        "database.open_database(sys.argv[1], create=True)\n"
        "with database.session():\n"
        "    print(database.execute('SELECT COUNT(*) FROM schema_migration').fetchone()[0])\n"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "x.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        # The starting shot: each reads its end of file now.
        racer.stdin.close()
        racer.stdin = None
    ends = [(*racer.communicate(timeout=30), racer.returncode) for racer in racers]
    # Each migration ran once, whoever was first.
    assert ends == [(f"{len(migrate.known())}\n", "", 0)] * 3


def test_read_only_refuses_every_write(db: str) -> None:
    with database.transaction():
        optouts.add(1, START, "test")
    database.close_database()
    database.open_database(db, read_only=True)
    with database.session():
        assert optouts.numbers() == {1}
        with pytest.raises(StoreFailed, match="readonly"), database.transaction():
            optouts.add(2, START, "test")
        with pytest.raises(StoreFailed, match="readonly"), database.transaction():
            database.execute("DELETE FROM opt_out")
        assert optouts.numbers() == {1}


def test_two_threads_that_read_and_then_write_both_succeed(scene: Scene) -> None:
    both_in = threading.Semaphore(0)

    def add() -> None:
        with database.transaction():
            both_in.release()
            before = ledger.balance().free
            # With a deferred transaction both have read by now, and the second to write is refused at once.
            both_in.acquire(timeout=0.2)
            both_in.acquire(timeout=0.2)
            ledger.top_up(START, 1, "ann")
            assert ledger.balance().free == before + 1

    before = ledger.balance().free
    assert in_threads(add, add) == []
    assert ledger.balance().free == before + 2


def test_a_lock_that_is_not_to_be_had_is_said_to_be_busy(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction():
            held.set()
            done.wait(10)

    def wait_in_vain() -> None:
        assert held.wait(10)
        database.execute("PRAGMA busy_timeout = 10")
        try:
            with pytest.raises(StoreBusy, match="busy"), database.transaction():
                optouts.add(1, START, "test")
        finally:
            done.set()

    assert in_threads(hold, wait_in_vain) == []
    assert optouts.numbers() == frozenset()


def test_a_transaction_that_is_rolled_back_leaves_nothing(scene: Scene) -> None:
    before = ledger.balance(), len(ledger.entries())
    with pytest.raises(RuntimeError, match="stop"), database.transaction():
        ledger.top_up(START, 500, "ann")
        campaigns.create(scene.fields(), "spring_sale", "ann", START)
        raise RuntimeError("stop")
    assert (ledger.balance(), len(ledger.entries())) == before
    assert database.execute("SELECT COUNT(*) FROM campaign").fetchone() == (0,)


def test_an_inner_transaction_that_is_rolled_back_leaves_the_outer_one(db: str) -> None:
    with database.transaction():
        optouts.add(1, START, "outer")
        with pytest.raises(RuntimeError), database.transaction():
            optouts.add(2, START, "inner")
            raise RuntimeError
    assert optouts.numbers() == {1}


def test_a_broken_constraint_stays_an_integrity_error(db: str) -> None:
    with pytest.raises(peewee.IntegrityError), database.transaction():
        for _ in range(2):
            OptOut.insert(phone=1, since=START, origin="test").execute()


def test_nested_sessions_close_once(database_url: str) -> None:
    database.open_database(database_url, create=True)
    assert database.proxy.is_closed()
    with database.session():
        with database.session():
            assert not database.proxy.is_closed()
        assert not database.proxy.is_closed()
    assert database.proxy.is_closed()


def test_a_connection_left_open_is_closed_by_close_database(db: str) -> None:
    seen: list[bool] = []

    def live_long() -> None:
        database.connect()
        database.connect()
        seen.append(database.proxy.is_closed())
        database.close_database()
        seen.append(database.proxy.is_closed())

    thread = threading.Thread(target=live_long)
    thread.start()
    thread.join(10)
    assert seen == [False, True]
    assert not database.proxy.is_closed()


def test_the_address_is_remembered(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.url() == db
    monkeypatch.setattr(database, "_url", None)
    with pytest.raises(StoreError):
        database.url()


def test_the_data_version_changes_when_another_connection_commits(db: str) -> None:
    before = database.data_version()
    optouts.add(1, START, "mine")
    assert database.data_version() == before

    def write() -> None:
        optouts.add(2, START, "theirs")

    assert in_threads(write) == []
    assert database.data_version() != before


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_full_disk_is_named_as_the_reason_and_leaves_nothing(db: str, many: bool, depth: int) -> None:
    sql = "INSERT INTO opt_out (phone, since, origin) VALUES (?, ?, ?)"
    rows = [(phone, START, "a long origin " * 20) for phone in range(1_000)]
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreFailed, match=r"full$"), ExitStack() as stack:
        for _ in range(depth):
            stack.enter_context(database.transaction())
        if many:
            database.execute_many(sql, rows)
        for row in rows:
            database.execute(sql, row)
    assert optouts.numbers() == frozenset()
    with database.transaction():
        optouts.add(1, START, "test")
    assert optouts.numbers() == {1}


def test_many_rows_at_once_are_the_rows_one_by_one(db: str) -> None:
    with database.transaction():
        database.execute_many("INSERT INTO opt_out (phone, since, origin) VALUES (?, ?, ?)", [(1, 2, "a"), (3, 4, "b")])
    assert optouts.all_entries() == [OptOutEntry(1, 2, "a"), OptOutEntry(3, 4, "b")]
