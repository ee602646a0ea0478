"""Waiting times between hand-overs."""

from __future__ import annotations

from random import Random

import pytest

from engine.gateway import answers, errors
from engine.retry import BUDGET, LONGEST, LONGEST_PAIR, delay, pair_delay
from store.types import LONGEST_WAIT_MS


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1), (2, 4), (3, 16), (4, 64), (5, 64), (1000, 64)])
def test_R44_delays_grow_and_are_drawn_from_their_full_range(attempt: int, longest: float) -> None:
    rng = Random(7)
    drawn = [delay(attempt, rng) for _ in range(4000)]
    assert all(0 <= seconds <= longest for seconds in drawn)
    assert min(drawn) < longest * 0.02
    assert max(drawn) > longest * 0.98
    assert sum(drawn) / len(drawn) == pytest.approx(longest / 2, rel=0.05)


def test_delays_come_from_the_given_random_source_alone() -> None:
    assert [delay(3, Random(1)) for _ in range(3)] == [delay(3, Random(1))] * 3
    assert delay(3, Random(1)) != delay(3, Random(2))


def test_R44_the_pair_limit_is_waited_out_with_powers_of_four() -> None:
    assert [pair_delay(attempt) for attempt in range(1, 6)] == [1, 4, 16, 64, 256]


def test_the_pair_delay_never_exceeds_the_hour_the_limit_is_counted_in() -> None:
    assert pair_delay(10_000) == 3600


@pytest.mark.parametrize("function", [pair_delay, lambda attempt: delay(attempt, Random(0))])
def test_attempts_count_from_one(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="from 1"):
        function(0)


def test_a_recipient_is_handed_over_five_times_at_most() -> None:
    assert BUDGET == 5


def test_R44_nothing_is_put_back_for_longer_than_the_store_believes() -> None:
    singles, ranges = errors._table()
    told = [row.retry_after or 0.0 for row in (*singles.values(), *(row for _, _, row in ranges))]
    assert max(LONGEST, LONGEST_PAIR, answers.LONGEST_RETRY_AFTER, *told) * 1000 < LONGEST_WAIT_MS
