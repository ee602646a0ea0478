"""Numbers that get no campaign (R38)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.models import OptOut as OptOutModel
from store.query import tuples
from store.types import OptOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CHUNK = 200
"""Rows of one statement: SQLite takes a limited number of values."""


def add(phone: int, now: int, origin: str) -> None:
    """Opt a number out; one that is out already keeps its first date."""
    OptOutModel.insert(phone=phone, since=now, origin=origin).on_conflict_ignore().execute()


def add_many(entries: Sequence[OptOut]) -> int:
    """Opt numbers out in one statement; those that are out already keep their first date. Answers how many are new."""
    before = count()
    for start in range(0, len(entries), _CHUNK):
        rows = [
            {"phone": entry.phone, "since": entry.since, "origin": entry.origin}
            for entry in entries[start : start + _CHUNK]
        ]
        OptOutModel.insert_many(rows).on_conflict_ignore().execute()
    return count() - before


def count() -> int:
    """How many numbers are opted out."""
    return int(OptOutModel.select().count())


def page(search: str = "", *, limit: int | None = None) -> list[OptOut]:
    """Entries whose number contains these digits, the newest first."""
    query = OptOutModel.select().order_by(OptOutModel.since.desc(), OptOutModel.phone)
    if search:
        query = query.where(OptOutModel.phone.cast("TEXT").contains(search))
    return [OptOut(row.phone, row.since, row.origin) for row in (query if limit is None else query.limit(limit))]


def remove(phone: int) -> bool:
    """Opt a number in again; answers whether it was out."""
    return bool(OptOutModel.delete().where(OptOutModel.phone == phone).execute())


def all_entries() -> list[OptOut]:
    """The whole list by number."""
    return [OptOut(row.phone, row.since, row.origin) for row in OptOutModel.select().order_by(OptOutModel.phone)]


def find(phone: int) -> OptOut | None:
    """The entry of one number."""
    row = OptOutModel.get_or_none(OptOutModel.phone == phone)
    return None if row is None else OptOut(row.phone, row.since, row.origin)


def numbers() -> frozenset[int]:
    """Every opted-out number, for one pass over a large audience."""
    return frozenset(phone for (phone,) in tuples(OptOutModel.select(OptOutModel.phone)))


def among(phones: Iterable[int]) -> frozenset[int]:
    """Which of a few hundred numbers are opted out now."""
    wanted = list(phones)
    if not wanted:
        return frozenset()
    query = OptOutModel.select(OptOutModel.phone).where(OptOutModel.phone.in_(wanted))
    return frozenset(phone for (phone,) in tuples(query))
