"""Owning senders: taking, renewing and trusting leases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.leasing import MARGIN_S, RENEW_S, TTL_MS, Leases
from store import database, leases, sqlite_file
from store.types import Lease
from tests.clock import FakeClock

SENDER = 1
NAME = leases.name_of(SENDER)
TTL_S = TTL_MS / 1000


def held_by(owner: Leases) -> bool:
    found = leases.get(NAME)
    return found is not None and found.owner == owner.owner


def taken(owner: Leases) -> Lease:
    lease = owner.ensure(SENDER)
    assert lease is not None
    return lease


@pytest.fixture
def no_file_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a database that is no file of this machine."""
    monkeypatch.setattr(sqlite_file, "path_of", lambda url: None)


def test_a_free_lease_is_taken_with_who_and_where(acme: Path, clock: FakeClock) -> None:
    owner = Leases(clock, "console")
    lease = taken(owner)
    assert (lease.owner, lease.fence, lease.until) == (owner.owner, 1, clock.now() + TTL_MS)
    assert (lease.pid, lease.role, lease.since) == (os.getpid(), "console", clock.now())
    assert owner.held() == [SENDER] and owner.trusts(SENDER, lease)


def test_a_worker_has_a_new_name_at_every_start(clock: FakeClock) -> None:
    assert Leases(clock, "service").owner != Leases(clock, "service").owner


def test_somebody_elses_lease_is_not_taken(acme: Path, clock: FakeClock) -> None:
    owner, other = Leases(clock, "service"), Leases(clock, "service")
    taken(owner)
    assert other.ensure(SENDER) is None
    assert other.held() == [] and held_by(owner)


def test_it_is_renewed_every_third_of_its_time(acme: Path, clock: FakeClock) -> None:
    owner = Leases(clock, "service")
    first = taken(owner)
    clock.advance(1000 * RENEW_S - 1)
    assert taken(owner).until == first.until
    clock.advance(1)
    assert taken(owner).until == clock.now() + TTL_MS
    stored = leases.get(NAME)
    assert stored is not None and (stored.until, stored.fence) == (clock.now() + TTL_MS, first.fence)


def test_a_renewal_tells_the_screens_how_it_goes(acme: Path, clock: FakeClock) -> None:
    owner = Leases(clock, "service")
    taken(owner)
    clock.advance(1000 * RENEW_S)
    owner.ensure(SENDER, '{"gateway_ms": 5}')
    stored = leases.get(NAME)
    assert stored is not None and stored.status == '{"gateway_ms": 5}'


def test_trust_ends_before_the_lease_does_and_by_the_steady_clock(acme: Path, clock: FakeClock) -> None:
    owner = Leases(clock, "service")
    lease = taken(owner)
    clock.set(clock.now() - 3_600_000)
    clock.advance(1000 * (TTL_S - MARGIN_S) - 1)
    assert owner.trusts(SENDER, lease)
    clock.advance(1)
    assert not owner.trusts(SENDER, lease)


def test_a_lease_that_nobody_took_is_renewed_however_late(acme: Path, clock: FakeClock) -> None:
    owner = Leases(clock, "service")
    lease = taken(owner)
    clock.advance(10 * TTL_MS)
    assert not owner.trusts(SENDER, lease)
    assert taken(owner).fence == lease.fence and owner.trusts(SENDER, lease)


def test_resigning_lets_a_stand_by_in_at_once(acme: Path, clock: FakeClock) -> None:
    owner, other = Leases(clock, "service"), Leases(clock, "console")
    lease = taken(owner)
    owner.resign_all()
    assert owner.held() == [] and not owner.trusts(SENDER, lease)
    assert taken(other).fence == lease.fence + 1


def test_a_lease_that_ran_out_is_taken_over_with_a_new_fence(acme: Path, clock: FakeClock, no_file_lock: None) -> None:
    owner, other = Leases(clock, "service"), Leases(clock, "service")
    old = taken(owner)
    clock.advance(TTL_MS)
    assert other.ensure(SENDER) is None
    clock.advance(1)
    assert taken(other).fence == old.fence + 1
    assert owner.ensure(SENDER) is None and not owner.trusts(SENDER, old)


def test_a_free_file_lock_proves_the_owner_dead(acme: Path, clock: FakeClock) -> None:
    owner, other = Leases(clock, "service"), Leases(clock, "service")
    old = taken(owner)
    # What the kernel does the moment a process ends.
    owner._unlock(SENDER)
    assert taken(other).fence == old.fence + 1


def test_R43_a_link_to_the_database_has_the_same_file_lock(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(acme)
    owner, other = Leases(clock, "service"), Leases(clock, "console")
    taken(owner)
    database.close_database()
    database.open_database(str(link))
    with database.session():
        assert other.ensure(SENDER) is None
        owner.resign_all()
        taken(other)
        assert [file.name for file in link.parent.iterdir()] == ["link.db"]
    database.open_database(str(acme))
    database.connect()


def test_the_file_lock_is_readable_by_nobody_else(acme: Path, clock: FakeClock) -> None:
    taken(Leases(clock, "service"))
    (lock,) = acme.parent.glob("*.sender-1.lock")
    assert lock.stat().st_mode & 0o077 == 0


def hung_and_taken_over(clock: FakeClock) -> tuple[Leases, Leases, Lease, Lease]:
    """A worker that hung past its lease, still holding the file lock, and the one that took over."""
    hung, other = Leases(clock, "service"), Leases(clock, "service")
    old = taken(hung)
    clock.advance(TTL_MS + 1)
    return hung, other, old, taken(other)


def test_a_worker_that_wakes_up_does_not_take_its_sender_back(acme: Path, clock: FakeClock) -> None:
    hung, other, old, new = hung_and_taken_over(clock)
    for _ in range(8):
        # It may look several times before the new owner has got hold of the file lock.
        assert [hung.ensure(SENDER) for _ in range(3)] == [None] * 3
        assert taken(other).fence == new.fence
        clock.advance(250)
    assert held_by(other) and not hung.trusts(SENDER, old)


def test_the_file_lock_passes_on_to_the_new_owner(acme: Path, clock: FakeClock) -> None:
    hung, other, _, new = hung_and_taken_over(clock)
    assert hung.ensure(SENDER) is None
    taken(other)
    # A third one finds the lock taken, and so no proof that the owner is dead.
    assert Leases(clock, "service").ensure(SENDER) is None
    other._unlock(SENDER)
    assert taken(Leases(clock, "service")).fence == new.fence + 1


def test_who_is_refused_the_lease_keeps_no_file_lock(acme: Path, clock: FakeClock) -> None:
    hung, other, _, new = hung_and_taken_over(clock)
    # The second time it gets hold of the file lock, which proves nothing then.
    assert [hung.ensure(SENDER), hung.ensure(SENDER)] == [None, None]
    taken(other)
    # The new owner dies: had the other one kept the lock, nobody could tell.
    other._unlock(SENDER)
    assert taken(Leases(clock, "service")).fence == new.fence + 1


def test_trust_in_one_term_is_no_trust_in_another(acme: Path, clock: FakeClock) -> None:
    hung, other, old, _ = hung_and_taken_over(clock)
    assert hung.ensure(SENDER) is None
    other.resign_all()
    again = taken(hung)
    assert hung.trusts(SENDER, again)
    assert not hung.trusts(SENDER, old)


def test_each_sender_has_a_lease_of_its_own(acme: Path, clock: FakeClock) -> None:
    owner, other = Leases(clock, "service"), Leases(clock, "service")
    taken(owner)
    assert other.ensure(2) is not None
    assert (owner.held(), other.held()) == ([1], [2])
