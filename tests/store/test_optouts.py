"""The opt-out list."""

from __future__ import annotations

from store import optouts
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
