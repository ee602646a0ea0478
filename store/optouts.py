"""Numbers that get no campaign (R38)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.models import OptOut as OptOutModel
from store.query import tuples
from store.types import OptOut

if TYPE_CHECKING:
    from collections.abc import Iterable


def add(phone: int, now: int, origin: str) -> None:
    """Opt a number out; one that is out already keeps its first date."""
    OptOutModel.insert(phone=phone, since=now, origin=origin).on_conflict_ignore().execute()


def remove(phone: int) -> bool:
    """Opt a number in again; answers whether it was out."""
    return bool(OptOutModel.delete().where(OptOutModel.phone == phone).execute())


def all_entries() -> list[OptOut]:
    """The whole list by number."""
    return [OptOut(row.phone, row.since, row.origin) for row in OptOutModel.select().order_by(OptOutModel.phone)]


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
