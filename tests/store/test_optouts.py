"""The opt-out list."""

from __future__ import annotations

import pytest

from store import database, optouts
from store.types import OptOut
from tests.clock import START


def test_R38_an_entry_has_its_origin_and_date_and_keeps_the_first(db: str) -> None:
    optouts.add(919000000002, START, "STOP reply")
    optouts.add(919000000001, START + 1, "list.csv")
    optouts.add(919000000002, START + 2, "list.csv")
    assert optouts.all_entries() == [
        OptOut(919000000001, START + 1, "list.csv"),
        OptOut(919000000002, START, "STOP reply"),
    ]
    assert optouts.numbers() == {919000000001, 919000000002}


def test_R38_a_number_opts_in_again(db: str) -> None:
    optouts.add(919000000001, START, "STOP reply")
    assert optouts.remove(919000000001)
    assert not optouts.remove(919000000001)
    assert optouts.all_entries() == []


def test_which_of_some_numbers_are_out(db: str) -> None:
    for phone in (1, 3, 5):
        optouts.add(phone, START, "test")
    assert optouts.among([1, 2, 3, 4]) == {1, 3}
    assert optouts.among(iter([])) == frozenset()
    assert optouts.among(range(400)) == {1, 3, 5}


def many(db: str, n: int = 50) -> list[OptOut]:
    """Entries of which five were opted out at each moment, in the list's order."""
    entries = [OptOut(919000000000 + i, START + i // 5, "list.csv") for i in range(n)]
    with database.transaction():
        assert optouts.add_many(entries) == n
    return sorted(entries, key=lambda entry: (-entry.since, entry.phone))


def test_R38_only_what_is_new_is_counted(db: str) -> None:
    entries = many(db)
    more = [*entries[:20], *(OptOut(919000000100 + i, START, "list.csv") for i in range(250)), entries[0]]
    assert optouts.add_many(more) == 250
    assert optouts.add_many([]) == 0


@pytest.mark.parametrize(("offset", "limit"), [(0, 10), (7, 10), (45, 10), (50, 10), (99, 1), (12, None)])
def test_R38_a_page_is_a_part_of_the_whole_list(db: str, offset: int, limit: int | None) -> None:
    whole = many(db)
    assert optouts.page() == whole
    assert optouts.page(limit=limit, offset=offset) == whole[offset:][:limit]


@pytest.mark.parametrize("search", ["", "9", "0003", "91900000001", "7777"])
def test_R38_a_number_s_place_is_where_its_page_has_it(db: str, search: str) -> None:
    having = [entry for entry in many(db) if search in str(entry.phone)]
    assert optouts.count(search) == len(having)
    assert optouts.page(search) == having
    assert [optouts.place(entry.phone, search) for entry in having] == list(range(len(having)))
    assert optouts.place(1, search) is None


def test_R38_a_number_that_does_not_match_has_no_place(db: str) -> None:
    many(db)
    assert optouts.place(919000000001, "2222") is None
