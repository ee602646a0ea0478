"""Replies judged by their own times (R38)."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import database, optouts, replies
from store.types import OptOut, Reply
from tests.clock import START

PHONE = 919_000_000_001
SECOND = 1_000


def stop(seconds: int) -> Reply:
    return Reply(PHONE, START + seconds * SECOND, True, "reply: STOP")


def start(seconds: int) -> Reply:
    return Reply(PHONE, START + seconds * SECOND, False, "reply: START")


def take(*written: Reply, now: int = START + 3_600 * SECOND) -> list[bool]:
    """Whether each was news."""
    return [replies.take(one, now) is not None for one in written]


def is_out() -> bool:
    return PHONE in optouts.among([PHONE])


def test_R38_a_stop_opts_out_from_when_it_was_written(db: str) -> None:
    found = replies.take(stop(5), START + 60 * SECOND)
    entry = OptOut(PHONE, START + 5 * SECOND, "reply: STOP")
    assert found == replies.Taken(None, entry)
    assert optouts.all_entries() == [entry]


def test_R38_a_start_opts_in_whoever_had_opted_out(db: str) -> None:
    optouts.add(PHONE, START, "operator")
    assert take(start(1)) == [True]
    assert not is_out()


@pytest.mark.parametrize("order", list(permutations([stop(1), start(2), stop(3)])))
def test_R38_the_reply_written_last_counts_in_whatever_order_they_come(db: str, order: tuple[Reply, ...]) -> None:
    take(*order)
    assert is_out()


@pytest.mark.parametrize("order", list(permutations([start(1), stop(2), start(3)])))
def test_R38_an_older_stop_never_overrides_a_newer_start(db: str, order: tuple[Reply, ...]) -> None:
    take(*order)
    assert not is_out()


@pytest.mark.parametrize("order", [(stop(1), start(1)), (start(1), stop(1))])
def test_R38_of_two_in_one_second_the_stop_counts(db: str, order: tuple[Reply, ...]) -> None:
    take(*order)
    assert is_out()


def test_R38_a_repeated_reply_is_no_news_also_after_an_operator_decided_otherwise(db: str) -> None:
    assert take(stop(1), stop(1)) == [True, False]
    optouts.remove(PHONE)
    assert take(stop(1)) == [False]
    assert not is_out()


def test_R38_a_stop_that_nobody_had_seen_counts_after_a_removal_too(db: str) -> None:
    take(stop(1))
    optouts.remove(PHONE)
    assert take(stop(2)) == [True]
    assert is_out()


def test_R38_an_opt_out_of_the_same_moment_as_the_start_stays(db: str) -> None:
    optouts.add(PHONE, START + SECOND, "operator")
    take(start(1))
    assert is_out()


def test_R38_an_opt_out_newer_than_the_start_stays(db: str) -> None:
    optouts.add(PHONE, START + 10 * SECOND, "operator")
    assert take(start(5)) == [True]
    assert optouts.get(PHONE) == OptOut(PHONE, START + 10 * SECOND, "operator")


def test_R38_who_is_out_already_keeps_date_and_origin_and_a_start_between_changes_nothing(db: str) -> None:
    optouts.add(PHONE, START, "import list.csv")
    take(stop(10), start(5))
    assert optouts.get(PHONE) == OptOut(PHONE, START, "import list.csv")


def test_R38_a_clock_that_is_ahead_opts_nobody_out_from_tomorrow_on(db: str) -> None:
    take(stop(86_400), now=START)
    assert optouts.all_entries()[0].since == START
    take(start(86_401), now=START)
    assert not is_out()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    written=st.lists(
        st.builds(lambda at, out: stop(at) if out else start(at), st.integers(0, 6), st.booleans()), min_size=1
    ),
    random=st.randoms(use_true_random=False),
)
def test_R38_any_order_and_any_repetition_come_to_the_same(db: str, written: list[Reply], random: Random) -> None:
    newest = max(written, key=lambda one: (one.at, one.stop))
    shuffled = written + written[::2]
    random.shuffle(shuffled)
    with database.transaction():
        database.execute("DELETE FROM reply")
        database.execute("DELETE FROM opt_out")
    take(*shuffled)
    assert is_out() is newest.stop
