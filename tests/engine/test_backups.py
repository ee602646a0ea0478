"""Backups and restores: whole, private, and never sending again by themselves what was sent since."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from engine import invariants
from engine.clock import HOUR, MINUTE
from engine.commands import backups, launch, recurring, resuming
from engine.commands.backups import Plan, Restored
from engine.context import Context
from engine.errors import BadInput, Busy, EngineError, NotAllowed, Refused
from engine.roles import Role, rights
from store import audit, campaigns, copying, database, leases, place, restored, series
from store.errors import SchemaTooNew
from store.series import State
from store.types import RecipientState, Status
from tests import builders
from tests.clock import START, FakeClock
from tests.engine import busy
from tests.sending import Scripted, actions, numbers, schedule_in, takes_all, work

ROOT = Path(__file__).parents[2]


def refused(kind: type[EngineError], what: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        what()
    assert caught.value.message.endswith(".") and caught.value.hint.endswith(".")
    return caught.value.code


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


# Backup


def test_a_backup_is_the_database_as_it_is_whole_private_and_alone(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.draft(clock, tmp_path, 3)
    before = names(tmp_path)
    old = os.umask(0)
    made = backups.make(builders.context(clock), tmp_path / "backup.db")
    os.umask(old)
    assert names(tmp_path) - before == {"backup.db"}
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert made.size == made.file.stat().st_size and made.seconds > 0
    (event,) = audit.events(actions=["backup.make"])
    assert event.after == {"file": "backup.db", "size": made.size}
    database.close_database()
    database.open_as_it_is(str(made.file))
    with database.session():
        assert invariants.findings(now=clock.now()) == []
        assert campaigns.get(1).progress.audience == 3


def test_a_backup_replaces_a_file_only_when_told_and_never_the_database(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context, file = builders.context(clock), tmp_path / "backup.db"
    file.write_text("somebody's")
    assert refused(BadInput, lambda: backups.make(context, file)) == "file_exists"
    assert file.read_text() == "somebody's"
    link = tmp_path / "link.db"
    link.symlink_to(acme)
    for same in (acme, link):
        assert refused(BadInput, partial(backups.make, context, same, force=True)) == "backup_is_database"
    assert refused(BadInput, lambda: backups.make(context, tmp_path / "no" / "b.db")) == "unwritable_file"
    assert backups.make(context, file, force=True).size > 0
    copying.examine(file)


def test_a_backup_that_fails_leaves_nothing(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = names(tmp_path)

    def full(source: object, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copying, "_copy", full)
    assert refused(BadInput, lambda: backups.make(builders.context(clock), tmp_path / "b.db")) == "unwritable_file"
    assert names(tmp_path) == before


def test_R57_who_may_make_and_who_may_restore(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    file = backups.make(builders.context(clock), tmp_path / "b.db").file
    manager, admin = (Context(clock, builders.OPERATOR, rights(role)) for role in (Role.MANAGER, Role.ADMIN))
    assert refused(NotAllowed, lambda: backups.make(manager, tmp_path / "c.db")) == "not_allowed"
    assert backups.make(admin, tmp_path / "c.db").size
    what = backups.plan(database.url(), file)
    assert refused(NotAllowed, lambda: backups.restore(admin, what)) == "not_allowed"
    assert "engine.db.replaced" not in " ".join(names(tmp_path))
    with database.session():
        assert [event.after for event in audit.events(actions=["backup.restore.refused"])] == [{"code": "not_allowed"}]


WRITER = """
import sys
from engine.clock import SystemClock
from engine.commands import setup
from tests import builders
from store import database
database.open_database(sys.argv[1])
print("ready", flush=True)
with database.session():
    while True:
        setup.add_credits(builders.context(SystemClock()), 7)
"""


def test_R29_a_backup_beside_a_busy_writer_is_of_one_moment(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.draft(clock, tmp_path, 5_000)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(acme)], cwd=ROOT, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    seen = []
    try:
        assert writer.stdout.readline() == b"ready\n"
        for n in range(3):
            seen.append(backups.make(builders.context(clock), tmp_path / f"{n}.db").file)
    finally:
        writer.kill()
        writer.communicate()
    database.close_database()
    entries = []
    for file in seen:
        database.open_as_it_is(str(file))
        with database.session():
            assert invariants.findings() == []
            entries.append(database.execute("SELECT COUNT(*) FROM ledger").fetchone()[0])
        database.close_database()
    # It wrote all the while.
    assert entries[0] < entries[1] < entries[2]


# What is no backup


def test_a_file_that_is_no_backup_is_refused_and_changes_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    url = database.url()
    text, empty, other, damaged = (tmp_path / name for name in ("text", "empty", "other", "damaged"))
    text.write_text("no database " * 500)
    empty.write_bytes(b"")
    subprocess.run(
        [sys.executable, "-c", f"import sqlite3; sqlite3.connect({str(other)!r}).execute('CREATE TABLE t(x)')"]
    )
    backups.make(builders.context(clock), damaged)
    content = bytearray(damaged.read_bytes())
    content[8192:12288] = os.urandom(4096)
    damaged.write_bytes(bytes(content))
    for file in (text, empty, other, damaged):
        assert refused(BadInput, partial(backups.plan, url, file)) == "not_a_backup", file
    assert refused(BadInput, lambda: backups.plan(url, tmp_path / "gone")) == "unreadable_file"
    assert refused(BadInput, lambda: backups.plan(url, tmp_path)) == "not_a_file"
    assert refused(BadInput, lambda: backups.plan(url, acme)) == "restore_is_database"
    assert refused(Refused, lambda: backups.plan("postgresql://x/y", text)) == "not_sqlite"


def test_a_backup_of_a_newer_release_is_refused(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    database.execute("INSERT INTO schema_migration SELECT NULL, '9999_later', applied FROM schema_migration LIMIT 1")
    file = backups.make(builders.context(clock), tmp_path / "b.db").file
    with pytest.raises(SchemaTooNew, match="9999_later"):
        backups.plan(str(acme), file)


# Restore


@pytest.fixture
def full(db: Path, clock: FakeClock, tmp_path: Path) -> tuple[Path, busy.Busy]:
    """The backup of a busy store that goes on meanwhile."""
    store = busy.fill(clock, tmp_path)
    recurring.create(builders.context(clock), store.ids[Status.DRAFT], "0 10 * * MON", timezone="UTC")
    leases.resign(leases.get("sender:1"))  # type: ignore[arg-type]  # it is there
    return backups.make(builders.context(clock), tmp_path / "backup.db").file, store


def restore(db: Path, file: Path, clock: FakeClock) -> Restored:
    done = backups.restore(builders.context(clock), backups.plan(str(db), file))
    database.open_database(str(db))
    database.connect()
    return done


def test_after_a_restore_everything_ahead_or_on_its_way_waits_and_says_why(
    full: tuple[Path, busy.Busy], db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    file, store = full
    before = names(tmp_path)
    done = restore(db, file, clock)
    scheduled, running = store.ids[Status.SCHEDULED], store.ids[Status.IN_PROGRESS]
    firing = done.waiting.scheduled[-1]
    assert done.waiting == restored.Waiting([scheduled, firing], [running], [1], 1)
    assert done.kept is not None and done.kept.name.startswith("engine.db.replaced-2026")
    assert names(tmp_path) - before - {one.name for one in place.beside(db)} == {done.kept.name}
    assert {stat.S_IMODE(one.stat().st_mode) for one in (*place.beside(db), done.kept)} == {0o600}
    for campaign_id in (scheduled, running):
        hold = campaigns.get(campaign_id).hold
        assert hold is not None and (hold.reason, hold.until) == ("restored", None)
        assert hold.text.startswith("The database was restored from a backup of ")
        assert actions(campaign_id)[-1] == "campaign.hold"
    assert series.get(1).state is State.PAUSED
    assert "restored" in series.get(1).note
    assert audit.events(actions=["backup.restore"])[0].after["in_progress"] == [running]
    assert restored.waiting() == 3
    # What ended stays as it is, and every promise holds.
    assert campaigns.get(store.ids[Status.COMPLETED]).hold is None
    assert invariants.findings(now=clock.now()) == []


def test_R43_a_restored_database_sends_nothing_until_somebody_says_so(
    full: tuple[Path, busy.Busy], db: Path, clock: FakeClock
) -> None:
    file, store = full
    restore(db, file, clock)
    scheduled, running = store.ids[Status.SCHEDULED], store.ids[Status.IN_PROGRESS]
    clock.advance(2 * HOUR)
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    assert gateway.handed == []
    assert campaigns.get(scheduled).status is Status.SCHEDULED
    # Its window was on its way when the backup was made: taken over as ever, and on hold all the same. The third is
    # what WhatsApp held back, of which nothing was heard.
    found = campaigns.get(running)
    assert (found.status, found.progress.unknown) == (Status.IN_PROGRESS, 3)
    assert invariants.findings(now=clock.now()) == []


def test_each_goes_on_by_itself_when_somebody_says_so(full: tuple[Path, busy.Busy], db: Path, clock: FakeClock) -> None:
    file, store = full
    restore(db, file, clock)
    context, scheduled, running = builders.context(clock), store.ids[Status.SCHEDULED], store.ids[Status.IN_PROGRESS]
    assert resuming.resume(context, running).hold is None
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    # Rows 2 (put back) and 7 to 12; 1 and 3 were taken, 4 refused, 5 and 6 were on their way.
    assert len(gateway.handed) == 7
    assert numbers(running, RecipientState.UNKNOWN).isdisjoint(gateway.handed)
    resumed = resuming.resume(context, scheduled)
    assert (resumed.status, resumed.hold) == (Status.SCHEDULED, None)
    assert actions(scheduled)[-1] == "campaign.resume"
    clock.advance(2 * HOUR)
    asyncio.run(work(clock, gateway))
    assert campaigns.get(scheduled).status is Status.COMPLETED
    assert invariants.findings(now=clock.now()) == []


def test_what_is_scheduled_can_also_get_another_time_or_be_called_off(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    ids = [schedule_in(clock, tmp_path) for _ in range(3)]
    file = backups.make(context, tmp_path / "b.db").file
    restore(acme, file, clock)
    launch.reschedule(context, ids[0], "in 3 h")
    launch.cancel(context, ids[1])
    launch.reopen(context, ids[2])
    assert [campaigns.get(one).hold for one in ids] == [None, None, None]
    assert [campaigns.get(one).status for one in ids] == [Status.SCHEDULED, Status.CANCELLED, Status.DRAFT]
    assert invariants.findings(now=clock.now()) == []
    assert campaigns.next_due() is not None


def test_one_that_waited_past_its_grace_is_missed_when_it_is_resumed(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path)
    restore(acme, backups.make(builders.context(clock), tmp_path / "b.db").file, clock)
    assert campaigns.next_due() is None
    clock.advance(3 * HOUR)
    resuming.resume(builders.context(clock), campaign_id)
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    found = campaigns.get(campaign_id)
    assert (found.status, found.status_reason, gateway.handed) == (Status.FAILED, "missed_window", [])


def test_a_live_lease_or_a_living_worker_refuses_it(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    file = backups.make(context, tmp_path / "b.db").file
    leases.take("sender:1", "x", clock.now(), clock.now() + MINUTE, host="attic", pid=77, role="service")
    held = backups.in_use(acme, clock.now())
    assert refused(Refused, lambda: backups.refuse_in_use(held)) == "lease_held"
    clock.advance(2 * MINUTE)
    backups.refuse_in_use(backups.in_use(acme, clock.now()))
    # Frozen beyond its lease, and still there.
    database.close_database()
    with (tmp_path / f"{acme.name}.sender-1.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        before = acme.read_bytes()
        what = backups.plan(str(acme), file)
        assert refused(Refused, lambda: backups.restore(context, what)) == "lease_held"
        assert acme.read_bytes() == before
    assert {one for one in names(tmp_path) if one.endswith(".partial")} == set()


def test_R43_a_restore_by_a_link_meets_a_living_worker_and_keeps_the_link(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    file = backups.make(context, tmp_path / "b.db").file
    builders.draft(clock, tmp_path, 2)
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(acme)
    database.close_database()
    what = backups.plan(str(link), file)
    with (tmp_path / f"{acme.name}.sender-1.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert refused(Refused, lambda: backups.restore(context, what)) == "lease_held"
    done = backups.restore(context, what)
    assert names(link.parent) == {"link.db"} and link.is_symlink()
    assert done.target == link and done.kept is not None and done.kept.parent == tmp_path
    database.open_database(str(acme))
    with database.session():
        assert actions()[-1] == "backup.restore" and "campaign.create" not in actions()


def test_a_restore_sees_the_worker_of_a_database_with_brackets_in_its_name(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    file = backups.make(context, tmp_path / "b.db").file
    database.close_database()
    odd = Path(shutil.copy(file, tmp_path / "odd[1].db"))
    with (tmp_path / "odd[1].db.sender-1.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        what = backups.plan(str(odd), file)
        assert refused(Refused, lambda: backups.restore(context, what)) == "lease_held"


HOLDER = """
import sys
from store import database
database.open_database(sys.argv[1])
database.connect()
print("ready", flush=True)
sys.stdin.read()
"""


def test_somebody_who_has_it_open_refuses_it_and_nothing_changes(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    builders.draft(clock, tmp_path, 2)
    file = backups.make(context, tmp_path / "b.db").file
    database.close_database()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(acme)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"ready\n"
        before = acme.read_bytes()
        what = backups.plan(str(acme), file)
        assert refused(Busy, lambda: backups.restore(context, what)) == "busy"
        assert acme.read_bytes() == before
    finally:
        holder.communicate(b"")
    assert restore(acme, file, clock).kept is not None


def test_the_log_of_the_replaced_database_never_meets_the_new_one(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    """What a killed process left in the write-ahead log goes with the database it belongs to."""
    context = builders.context(clock)
    file = backups.make(context, tmp_path / "b.db").file
    builders.draft(clock, tmp_path, 2)
    left = tmp_path / "left"
    left.mkdir(mode=0o700)
    for end in ("", "-wal"):
        shutil.copy(acme.with_name(acme.name + end), left / f"x.db{end}")
    database.close_database()
    done = restore(left / "x.db", file, clock)
    assert database.execute("SELECT COUNT(*) FROM campaign").fetchone() == (0,)
    database.close_database()
    assert done.kept is not None
    database.open_as_it_is(str(done.kept))
    with database.session():
        assert database.execute("SELECT COUNT(*) FROM campaign").fetchone() == (1,)


def test_a_database_that_cannot_be_read_any_more_can_be_replaced(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    file = backups.make(builders.context(clock), tmp_path / "b.db").file
    database.close_database()
    acme.write_text("this is broken " * 1000)
    done = restore(acme, file, clock)
    assert done.kept is not None and done.kept.read_text().startswith("this is broken")
    assert invariants.findings(now=clock.now()) == []


def test_where_there_is_no_database_it_becomes_one(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    file = backups.make(builders.context(clock), tmp_path / "b.db").file
    database.close_database()
    what = backups.plan(str(tmp_path / "new" / "x.db"), file)
    assert what == Plan(file, tmp_path / "new" / "x.db", what.schema, START, replaces=False)
    assert restore(tmp_path / "new" / "x.db", file, clock).kept is None
    assert names(tmp_path / "new") == {"x.db", "x.db-wal", "x.db-shm"}
    assert file.exists()
