"""A database of every released schema, with data in it, comes up to date with nothing lost and every promise kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import invariants
from store import audit, campaigns, database, leases, ledger, migrate, quota_meter, windows
from store.types import RecipientState, Status
from tests.store import released
from tests.store.released import AT, RUNNING

RELEASED = migrate.known()


@pytest.fixture(params=RELEASED)
def old(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The file of a database that one release left."""
    file = tmp_path / "old.db"
    released.make(
        file, request.param, tmp_path / "migrations", lambda folder: monkeypatch.setattr(migrate, "DIRECTORY", folder)
    )
    yield file
    database.close_database()


def test_nothing_is_lost_and_every_promise_holds(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database.open_as_it_is(str(old))
    with database.session():
        before = released.kept()
        had = migrate.applied(database.proxy.obj)
    database.close_database()
    monkeypatch.undo()
    database.open_database(str(old))
    with database.session():
        assert migrate.applied(database.proxy.obj) == RELEASED
        assert RELEASED[: len(had)] == had
        assert released.kept() == before
        assert {table: len(rows) for table, rows in before.items()}["recipient"] == 20
        assert invariants.findings(now=AT + 10_000) == []
        assert [str(one[0]) for one in database.execute("PRAGMA integrity_check").fetchall()] == ["ok"]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_program_of_today_goes_on_with_it(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R43: what an old release had on its way becomes unknown, what had not had its turn is still handed out."""
    monkeypatch.undo()
    database.open_database(str(old))
    with database.session():
        assert [campaigns.get(one).status for one in range(1, 7)] == [Status(one) for one in released.STATUSES]
        found = campaigns.get(RUNNING)
        assert found.progress.pending == 4 and not found.locked
        lease = leases.take("sender:1", "today", AT, AT + 15_000, host="attic", pid=2, role="service")
        assert lease is not None and lease.fence == 4
        assert windows.recover(RUNNING, lease.fence, AT + 1_000) == 1
        claimed = windows.claim(RUNNING, lease, 10, AT + 2_000)
        assert claimed is not None
        assert [row.seq for row in claimed[1]] == [5, 7, 8]
        assert {row.state for row in claimed[1]} == {RecipientState.PENDING}
        assert invariants.findings(now=AT + 20_000, codes=["windows_dead", "counters", "campaign_credits"]) == []
        assert invariants.findings() == []
        assert ledger.topped_up() == 1_000
        # What went out before the upgrade counts for the quota of the same day.
        assert quota_meter.used(AT + 3_000) >= 5
        assert len(audit.events(RUNNING)) == 2


def test_there_is_a_database_of_every_release() -> None:
    assert RELEASED[0] == "0001_initial"
    assert len(RELEASED) >= 9
