"""Who may hand out work for a sender: one row each, with an owner, an end and a fence (DESIGN section 4.6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from store.database import transaction
from store.errors import Fenced
from store.models import Lease as LeaseModel
from store.types import Lease


def name_of(sender_id: int) -> str:
    """The lease's name for a sender."""
    return f"sender:{sender_id}"


def take(
    name: str, owner: str, now: int, until: int, *, host: str, pid: int, role: str, owner_is_dead: bool = False
) -> Lease | None:
    """Take the lease if it is free, has run out, or its owner is known to be dead; else `None`.

    A new owner gets a new fence. `owner_is_dead` needs proof from outside, such as the owner's file lock being free.
    """
    free = (LeaseModel.owner == "") | (LeaseModel.until < now)
    query = LeaseModel.update(
        owner=owner,
        fence=LeaseModel.fence + 1,
        until=until,
        host=host,
        pid=pid,
        role=role,
        since=now,
        status="",
    ).where(LeaseModel.name == name)
    if not owner_is_dead:
        query = query.where(free)
    # In one transaction, or somebody else's term might be read back as one's own.
    with transaction():
        LeaseModel.insert(name=name).on_conflict_ignore().execute()
        return get(name) if query.execute() else None


def renew(lease: Lease, until: int, status: str = "") -> bool:
    """Move the end of this very term; false when it belongs to somebody else by now."""
    return bool(
        LeaseModel.update(until=until, status=status)
        .where(LeaseModel.name == lease.name, LeaseModel.owner == lease.owner, LeaseModel.fence == lease.fence)
        .execute()
    )


def resign(lease: Lease) -> None:
    """Give the lease back, so that a stand-by takes it at once."""
    LeaseModel.update(owner="", until=0).where(
        LeaseModel.name == lease.name, LeaseModel.owner == lease.owner, LeaseModel.fence == lease.fence
    ).execute()


def assert_held(lease: Lease) -> None:
    """Touch the lease inside a claim's transaction. Raises `Fenced` when a newer owner has it."""
    touched = (
        LeaseModel.update(pid=lease.pid)
        .where(LeaseModel.name == lease.name, LeaseModel.owner == lease.owner, LeaseModel.fence == lease.fence)
        .execute()
    )
    if not touched:
        raise Fenced(f"{lease.name} has a new owner")


@contextmanager
def under(lease: Lease) -> Iterator[None]:
    """One transaction for what only the owner may write. Raises `Fenced`, before anything else is done in it."""
    with transaction():
        assert_held(lease)
        yield


def _lease(row: Any) -> Lease:
    return Lease(row.name, row.owner, row.fence, row.until, row.host, row.pid, row.role, row.since, row.status)


def get(name: str) -> Lease | None:
    """One lease as it stands."""
    row = LeaseModel.get_or_none(LeaseModel.name == name)
    return None if row is None else _lease(row)


def held(now: int) -> list[Lease]:
    """The leases that somebody holds now."""
    query = LeaseModel.select().where(LeaseModel.owner != "", LeaseModel.until >= now).order_by(LeaseModel.name)
    return [_lease(row) for row in query]
