"""The pacer in virtual time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.pacing import CAREFUL_S, CAREFUL_SHARE, LATE_S, MOST, RECOVERY, SHARE, TENTH_MOST, Pacer
from tests.clock import FakeClock

RATES = (20, 80, 1000)
"""What WhatsApp gives a number: shared with the app, ordinary, high throughput."""


def permits(pacer: Pacer, clock: FakeClock, n: int, late_ms: Sequence[float] = (0.0,)) -> list[float]:
    """The times of `n` permits for a caller who asks for the next at once; his waits end late, by these in turn."""
    times = []
    lateness = cycle(late_ms)
    for _ in range(n):
        permit = pacer.reserve(clock.steady())
        if permit.at > clock.steady():
            clock.advance(1000 * (permit.at - clock.steady()) + next(lateness))
        permit.at = max(permit.at, clock.steady())
        times.append(clock.steady())
    return times


def most_in_a_window(times: Sequence[float], seconds: float) -> int:
    """The fullest window of this length, wherever it begins; its end is the next one's beginning."""
    # A hair less: sums of floats must not put a permit into the window before.
    return max(bisect_left(times, start + seconds - 1e-6) - i for i, start in enumerate(times))


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_is_held_within_two_percent_over_thirty_seconds(rate: int, clock: FakeClock) -> None:
    times = permits(Pacer(rate, clock), clock, rate * 31)
    in_30_s = bisect_left(times, times[0] + 30)
    assert 0.98 * rate * 30 <= in_30_s <= 1.02 * rate * 30
    assert most_in_a_window(times, 1.0) <= rate, "evenly, where nobody is late"


@settings(deadline=None)
@given(late_ms=st.lists(st.floats(0, 50), min_size=1, max_size=60), rate=st.sampled_from(RATES))
def test_whose_timers_end_up_to_50_ms_late_holds_the_rate_and_no_second_is_above_five_percent(
    late_ms: list[float], rate: int
) -> None:
    clock = FakeClock()
    times = permits(Pacer(rate, clock), clock, rate * 31, late_ms)
    in_30_s = bisect_left(times, times[0] + 30)
    assert 0.98 * rate * 30 <= in_30_s <= 1.02 * rate * 30
    assert most_in_a_window(times, 1.0) <= 1.05 * rate


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 200)),
        st.tuples(st.just("stall"), st.floats(0, 5000, allow_nan=False)),
        st.tuples(st.just("crowd"), st.integers(1, 200)),
        st.tuples(st.just("slow"), st.just(0)),
        st.tuples(st.just("rest"), st.integers(0, 3)),
        st.tuples(st.just("rate"), st.sampled_from(RATES)),
    ),
    min_size=1,
    max_size=40,
)


@given(steps=steps, late_ms=st.lists(st.floats(0, 50), min_size=1, max_size=10))
def test_no_second_is_above_five_percent_whatever_happened_before_it(
    steps: list[tuple[str, float]], late_ms: list[float]
) -> None:
    clock = FakeClock()
    rate = 1000.0
    pacer = Pacer(rate, clock)
    times: list[float] = []
    highest = rate
    for what, amount in steps:
        match what:
            case "wait":
                times += permits(pacer, clock, int(amount), late_ms)
            case "stall":
                clock.advance(amount)
            case "crowd":
                # Many runs of one sender, which ask together and wait each for itself.
                found = [pacer.reserve(clock.steady()).at for _ in range(int(amount))]
                times += found
                clock.advance(1000 * (max(found) - clock.steady()))
            case "slow":
                pacer.slow()
            case "rest":
                pacer.rest(amount)
            case _:
                pacer.set_rate(amount)
    # Lower rates are tried above; this one has the bound of the highest.
    if times:
        times.sort()
        assert most_in_a_window(times, 1.0) <= 1.05 * highest
        assert most_in_a_window(times, 0.1) <= TENTH_MOST * highest / 10


@given(stall_ms=st.floats(0, 5000), rate=st.sampled_from(RATES), window=st.floats(0.5, 10))
def test_what_is_made_up_for_after_a_stall_has_a_bound_for_any_time(stall_ms: float, rate: int, window: float) -> None:
    clock = FakeClock()
    pacer = Pacer(rate, clock)
    times = permits(pacer, clock, rate)
    clock.advance(stall_ms)
    times += permits(pacer, clock, rate * 10)
    assert most_in_a_window(times, window) <= SHARE * rate * (window + LATE_S) + 1 + 1e-6


@pytest.mark.parametrize("rate", [80, 1000])
def test_a_machine_that_stands_still_for_a_moment_again_and_again_makes_up_for_it(rate: int, clock: FakeClock) -> None:
    pacer = Pacer(rate, clock)
    began, n = clock.steady(), 0
    while clock.steady() < began + 30:
        if n % (2 * rate) == rate:
            clock.advance(100)
        clock.advance(1000 * (pacer.reserve(clock.steady()).at - clock.steady()))
        n += 1
    assert n / 30 == pytest.approx(rate, rel=0.02)


def test_a_pause_is_no_reserve_and_a_stall_lets_no_more_go_at_once_than_a_tenth_of_a_second_may_hold(
    clock: FakeClock,
) -> None:
    pacer = Pacer(1000, clock)
    permits(pacer, clock, 5000)
    clock.advance(3_600_000)
    at_once = 0
    while pacer.reserve(clock.steady()).at == clock.steady():
        at_once += 1
    assert at_once == 1
    clock.advance(400)
    at_once = 0
    while pacer.reserve(clock.steady()).at == clock.steady():
        at_once += 1
    assert at_once == TENTH_MOST * 100


def test_R44_slowing_halves_the_rate_and_it_recovers_evenly(clock: FakeClock) -> None:
    pacer = Pacer(100, clock)
    assert pacer.rate == pacer.ceiling == 99
    pacer.slow()
    assert pacer.rate == 47.5
    clock.advance(15_000)
    assert pacer.rate == pytest.approx(47.5 + 95 / 4)
    clock.advance(15_000)
    assert pacer.rate == pacer.ceiling == 95


def test_a_number_that_was_slowed_down_is_sent_with_care_for_an_hour(clock: FakeClock) -> None:
    pacer = Pacer(1000, clock)
    permits(pacer, clock, 1000)
    pacer.slow()
    clock.advance(RECOVERY * 1000)
    times = permits(pacer, clock, 3000)
    clock.advance(300)
    times += permits(pacer, clock, 3000)
    # What WhatsApp refuses is a second above the rate itself.
    assert most_in_a_window(times, 1.0) <= 1000
    assert pacer.ceiling == CAREFUL_SHARE * 1000
    clock.advance(CAREFUL_S * 1000)
    assert pacer.rate == pacer.ceiling == SHARE * 1000


def test_a_burst_of_refusals_slows_only_once_a_second(clock: FakeClock) -> None:
    pacer = Pacer(100, clock)
    for _ in range(50):
        pacer.slow()
        clock.advance(10)
    assert pacer.rate == pytest.approx(47.5, rel=0.02)
    clock.advance(600)
    pacer.slow()
    assert pacer.rate == pytest.approx(24.6, rel=0.02)


def test_slowing_never_goes_below_one_a_second(clock: FakeClock) -> None:
    pacer = Pacer(20, clock)
    for _ in range(30):
        clock.advance(1000)
        pacer.slow()
    assert pacer.rate == 1
    slowest = Pacer(1, clock)
    slowest.slow()
    assert slowest.rate == slowest.ceiling == CAREFUL_SHARE


def test_permits_come_at_the_slowed_rate_and_nothing_is_made_up_for(clock: FakeClock) -> None:
    pacer = Pacer(100, clock)
    permits(pacer, clock, 10)
    clock.advance(500)
    pacer.slow()
    times = permits(pacer, clock, 50)
    assert 49 / (times[-1] - times[0]) == pytest.approx(47.5 * 1.02, rel=0.03)


def test_R44_a_rest_gives_out_nothing_and_is_not_made_up_for(clock: FakeClock) -> None:
    pacer = Pacer(80, clock)
    permits(pacer, clock, 80)
    pacer.rest(60.0)
    assert pacer.reserve(clock.steady()).at - clock.steady() == pytest.approx(60.0)
    clock.advance(60_000)
    assert most_in_a_window(permits(pacer, clock, 800), 1.0) <= math.ceil(SHARE * 80)


def test_callers_that_wait_together_get_different_permits(clock: FakeClock) -> None:
    pacer = Pacer(80, clock)
    found = [pacer.reserve(clock.steady()).at for _ in range(10)]
    assert len(set(found)) == 10 and found == sorted(found)


@pytest.mark.parametrize("rate", [0, -5])
def test_a_rate_must_be_positive(rate: float, clock: FakeClock) -> None:
    with pytest.raises(BadInput, match="messages a second"):
        Pacer(rate, clock)
    with pytest.raises(BadInput, match="messages a second"):
        Pacer(80, clock).set_rate(rate)


def test_a_number_s_new_rate_holds_at_once_also_when_it_is_slowed_down(clock: FakeClock) -> None:
    pacer = Pacer(1000, clock)
    permits(pacer, clock, 100)
    pacer.set_rate(80)
    times = permits(pacer, clock, 3000)
    assert len(times) / (times[-1] - times[0]) == pytest.approx(SHARE * 80, rel=0.02)
    assert most_in_a_window(times, 1.0) <= MOST * 80
    pacer.slow()
    assert pacer.rate == pytest.approx(38)
    pacer.set_rate(1000)
    assert pacer.rate == pytest.approx(38), "what the gateway asked for goes on"
    clock.advance(RECOVERY * 1000)
    assert pacer.rate == pacer.ceiling == 950
