"""Leases: who may hand out work for a sender, and since when nobody else may."""

from __future__ import annotations

import threading

import pytest

from store import database, leases, restored
from store.errors import Fenced
from store.types import Lease
from tests.clock import START
from tests.store.scene import Scene

TTL = 15_000
NAME = leases.name_of(1)


def take(owner: str, now: int = START, *, dead: bool = False, name: str = NAME) -> Lease | None:
    return leases.take(name, owner, now, now + TTL, host="host", pid=7, role="service", owner_is_dead=dead)


def taken(owner: str, now: int = START, *, dead: bool = False) -> Lease:
    lease = take(owner, now, dead=dead)
    assert lease is not None
    return lease


def test_a_free_lease_is_taken_and_says_who_has_it(db: str) -> None:
    assert leases.get(NAME) is None
    lease = taken("w1")
    assert lease == Lease("sender:1", "w1", 1, START + TTL, "host", 7, "service", START)
    assert leases.get(NAME) == lease
    assert leases.held(START) == [lease]


def test_a_held_lease_is_not_taken_until_it_has_run_out(db: str) -> None:
    taken("w1")
    assert take("w2", START + TTL) is None
    assert take("w1", START + TTL) is None, "not even by its owner, who renews"
    lease = taken("w2", START + TTL + 1)
    assert (lease.owner, lease.fence, lease.since) == ("w2", 2, START + TTL + 1)


def test_a_dead_owners_lease_is_taken_at_once(db: str) -> None:
    taken("w1")
    assert taken("w2", START + 1, dead=True).fence == 2


def test_the_fence_grows_with_every_new_owner_and_never_falls(db: str) -> None:
    fences = []
    for n in range(5):
        lease = taken(f"w{n}", START + n, dead=True)
        fences.append(lease.fence)
        if n % 2:
            leases.resign(lease)
    assert fences == [1, 2, 3, 4, 5]


def test_renewing_moves_the_end_of_this_very_term(db: str) -> None:
    lease = taken("w1")
    assert leases.renew(lease, START + 5_000 + TTL, '{"sending":[3]}')
    found = leases.get(NAME)
    assert found is not None
    assert (found.fence, found.until, found.status) == (1, START + 5_000 + TTL, '{"sending":[3]}')
    assert take("w2", START + TTL + 1) is None


def test_a_term_that_ended_is_not_renewed_by_its_old_owner(db: str) -> None:
    old = taken("w1")
    new = taken("w2", START + 1, dead=True)
    assert not leases.renew(old, START + 10 * TTL)
    leases.resign(old)
    assert leases.get(NAME) == new
    again = taken("w1", START + 2, dead=True)
    assert not leases.renew(old, START + 10 * TTL), "the owner is the same, the term is not"
    assert leases.get(NAME) == again


def test_what_an_owner_said_of_itself_goes_with_it(db: str) -> None:
    leases.renew(taken("w1"), START + TTL, "busy")
    assert taken("w2", START + 1, dead=True).status == ""


def test_a_lease_given_back_is_free_at_once(db: str) -> None:
    lease = taken("w1")
    leases.resign(lease)
    assert leases.held(START) == []
    assert taken("w2", START + 1).fence == 2


def test_a_lease_counts_as_held_to_its_last_millisecond(db: str) -> None:
    taken("w1")
    assert [one.owner for one in leases.held(START + TTL)] == ["w1"]
    assert leases.held(START + TTL + 1) == []


def test_leases_of_different_senders_do_not_meet(db: str) -> None:
    taken("w1")
    other = take("w2", name=leases.name_of(2))
    assert other is not None
    assert [(one.name, one.owner) for one in leases.held(START)] == [("sender:1", "w1"), ("sender:2", "w2")]


def test_R43_only_the_newest_owner_passes_the_fence(db: str) -> None:
    old = taken("w1")
    with database.transaction():
        leases.assert_held(old)
    new = taken("w2", START + 1, dead=True)
    with pytest.raises(Fenced), database.transaction():
        leases.assert_held(old)
    with database.transaction():
        leases.assert_held(new)
    leases.resign(new)
    with pytest.raises(Fenced), database.transaction():
        leases.assert_held(new)


def test_R43_two_leases_of_one_owner_and_fence_are_two(db: str) -> None:
    lost, other = taken("w1"), take("w1", name=leases.name_of(2))
    assert other is not None and (lost.owner, lost.fence) == (other.owner, other.fence)
    new = taken("w2", START + 1, dead=True)
    assert leases.get(other.name) == other, "one sender was taken over, not both"
    with pytest.raises(Fenced), database.transaction():
        leases.assert_held(lost)
    assert not leases.renew(lost, START + 10 * TTL)
    leases.resign(lost)
    assert (leases.get(NAME), leases.get(other.name)) == (new, other)


def test_R43_an_earlier_term_of_the_same_owner_neither_passes_the_fence_nor_ends_the_new_one(db: str) -> None:
    old = taken("w1")
    taken("w2", START + 1, dead=True)
    again = taken("w1", START + 2, dead=True)
    with pytest.raises(Fenced), database.transaction():
        leases.assert_held(old)
    leases.resign(old)
    assert leases.get(NAME) == again


def test_R43_of_many_that_take_at_once_one_wins(db: str) -> None:
    together = threading.Barrier(6)
    won: list[Lease] = []

    def try_to_take(owner: str) -> None:
        with database.session():
            together.wait(10)
            lease = take(owner)
            if lease is not None:
                won.append(lease)

    threads = [threading.Thread(target=try_to_take, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [one.fence for one in won] == [1]
    assert won == leases.held(START)


def test_R43_of_many_that_all_believe_the_owner_dead_each_reads_back_its_own_term(db: str) -> None:
    together = threading.Barrier(6)
    terms: dict[str, Lease | None] = {}

    def take_over(owner: str) -> None:
        with database.session():
            together.wait(10)
            for _ in range(20):
                lease = take(owner, dead=True)
                terms[f"{owner} {lease.fence if lease else 0}"] = lease

    threads = [threading.Thread(target=take_over, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [name for name, lease in terms.items() if lease is None or lease.owner != name.split()[0]] == []
    assert sorted(lease.fence for lease in terms.values() if lease) == list(range(1, 121))


def test_R43_a_restored_database_has_no_lease_that_anybody_holds(scene: Scene) -> None:
    lease = scene.lease()
    assert leases.held(START) == [lease]
    restored.keep_waiting("restored", START)
    assert leases.held(START) == []
    assert not leases.renew(lease, START + 60_000), "who had it in the backup has it no more"
