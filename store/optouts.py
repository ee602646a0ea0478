"""Numbers that get no campaign (R38)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.database import execute
from store.models import OptOut as OptOutModel
from store.query import first, tuples
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
    added = 0
    for start in range(0, len(entries), _CHUNK):
        some = entries[start : start + _CHUNK]
        added += execute(
            f"INSERT INTO opt_out (phone, since, origin) VALUES {', '.join(['(?, ?, ?)'] * len(some))} "
            "ON CONFLICT (phone) DO NOTHING",
            tuple(value for entry in some for value in entry),
        ).rowcount
    return added


def count(search: str = "") -> int:
    """How many numbers are opted out; of those that contain these digits, when given."""
    return int(_having(OptOutModel.select(), search).count())


def page(search: str = "", *, limit: int | None = None, offset: int = 0) -> list[OptOut]:
    """Entries whose number contains these digits, the newest first; `limit` of them from place `offset` (from 0) on."""
    columns = OptOutModel.phone, OptOutModel.since, OptOutModel.origin
    query = _having(OptOutModel.select(*columns), search).order_by(OptOutModel.since.desc(), OptOutModel.phone)
    if limit is not None:
        query = query.limit(limit)
    return [OptOut(*row) for row in tuples(query.offset(offset) if offset else query)]


def place(phone: int, search: str = "") -> int | None:
    """Where a number stands in `page`, from 0; `None` when it is not opted out or does not contain these digits."""
    row = first(_having(OptOutModel.select(OptOutModel.since), search).where(OptOutModel.phone == phone))
    if row is None:
        return None
    # Two ranges of the index; one condition with `or` would be a walk through the whole list.
    newer = _having(OptOutModel.select(), search).where(OptOutModel.since > row[0])
    beside = _having(OptOutModel.select(), search).where(OptOutModel.since == row[0], OptOutModel.phone < phone)
    return int(newer.count()) + int(beside.count())


def _having(query: Any, search: str) -> Any:
    return query.where(OptOutModel.phone.cast("TEXT").contains(search)) if search else query


def get(phone: int) -> OptOut | None:
    """The entry of a number; `None` when it is not opted out."""
    row = first(
        OptOutModel.select(OptOutModel.phone, OptOutModel.since, OptOutModel.origin).where(OptOutModel.phone == phone)
    )
    return None if row is None else OptOut(*row)


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
    wanted = tuple(phones)
    if not wanted:
        return frozenset()
    # As text: making the statement out of so many values takes ten times as long as carrying it out, at every claim.
    marks = ", ".join("?" * len(wanted))
    return frozenset(phone for (phone,) in execute(f"SELECT phone FROM opt_out WHERE phone IN ({marks})", wanted))
