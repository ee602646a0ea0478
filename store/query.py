"""Reading plain tuples out of a Peewee query, typed as what they are."""

from __future__ import annotations

from typing import Any


def tuples(query: Any) -> list[tuple[Any, ...]]:
    """All rows of a query as tuples, without building model instances."""
    return list(query.tuples())


def first(query: Any) -> tuple[Any, ...] | None:
    """The first row as a tuple."""
    row = query.tuples().first()
    return None if row is None else tuple(row)
