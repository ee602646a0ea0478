"""The pacer in virtual time."""

from __future__ import annotations

import asyncio
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.pacing import SHARE, Pacer
from tests.clock import FakeClock

CREDIT = 0.03


def permits(pacer: Pacer, clock: FakeClock, n: int) -> list[float]:
    """The times of `n` permits for one caller who asks for the next as soon as the last one holds."""
    times = []
    for _ in range(n):
        clock.advance(pacer.reserve(clock.steady()) * 1000)
        times.append(clock.steady())
    return times


def most_in_a_window(times: list[float], seconds: float) -> int:
    return max(bisect_right(times, start + seconds) - i for i, start in enumerate(times))


@pytest.mark.parametrize("rate", [20, 80, 1000])
def test_the_asked_rate_is_held_within_two_percent(rate: int, clock: FakeClock) -> None:
    pacer = Pacer(rate, clock)
    began = clock.steady()
    times = permits(pacer, clock, rate * 10)
    assert len(times) / (times[-1] - began) == pytest.approx(SHARE * rate, rel=0.02)


@pytest.mark.parametrize("rate", [80, 1000])
@pytest.mark.parametrize("late_ms", [1, 5, 20])
def test_a_caller_whose_sleeps_end_late_still_gets_the_rate(late_ms: int, rate: int, clock: FakeClock) -> None:
    pacer = Pacer(rate, clock, CREDIT)
    began = clock.steady()
    for _ in range(rate * 10):
        wait = pacer.reserve(clock.steady())
        if wait > 0:
            clock.advance(wait * 1000 + late_ms)
    assert rate * 10 / (clock.steady() - began) == pytest.approx(SHARE * rate, rel=0.02)


@pytest.mark.parametrize("idle_ms", [0, 100, 3_600_000])
def test_after_a_long_sleep_no_more_than_the_credit_goes_at_once(idle_ms: int, clock: FakeClock) -> None:
    pacer = Pacer(1000, clock, CREDIT)
    permits(pacer, clock, 5000)
    clock.advance(idle_ms)
    at_once = 0
    while pacer.reserve(clock.steady()) == 0:
        at_once += 1
    assert at_once <= CREDIT * SHARE * 1000 + 1


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.just("idle"), st.floats(0, 5000, allow_nan=False)),
        st.tuples(st.just("slow"), st.just(0)),
    ),
    min_size=1,
    max_size=40,
)


@given(steps=steps, rate=st.sampled_from([1, 7, 80, 1000]), window=st.floats(0.001, 10))
def test_no_window_ever_holds_more_than_its_share_and_the_credit(
    steps: list[tuple[str, float]], rate: int, window: float
) -> None:
    clock = FakeClock()
    pacer = Pacer(rate, clock, CREDIT)
    times: list[float] = []
    for what, amount in steps:
        if what == "wait":
            times += permits(pacer, clock, int(amount))
        elif what == "idle":
            clock.advance(amount)
        else:
            pacer.slow()
    if times:
        assert most_in_a_window(times, window) <= SHARE * rate * (window + CREDIT) + 1 + 1e-6


@given(asked=st.lists(st.floats(0, 0.2), min_size=2, max_size=200))
def test_many_callers_at_odd_times_never_exceed_the_rate_either(asked: list[float]) -> None:
    clock = FakeClock()
    pacer = Pacer(80, clock, CREDIT)
    times = []
    for gap in asked:
        clock.advance(gap * 1000)
        times.append(clock.steady() + pacer.reserve(clock.steady()))
    assert times == sorted(times)
    assert most_in_a_window(times, 1.0) <= SHARE * 80 * (1.0 + CREDIT) + 1 + 1e-6


def test_R44_slowing_halves_the_rate_and_it_recovers_evenly(clock: FakeClock) -> None:
    pacer = Pacer(100, clock)
    assert pacer.rate == pacer.ceiling == 95
    pacer.slow()
    assert pacer.rate == 47.5
    clock.advance(15_000)
    assert pacer.rate == pytest.approx(47.5 + 95 / 4)
    clock.advance(15_000)
    assert pacer.rate == pytest.approx(95)
    clock.advance(3_600_000)
    assert pacer.rate == 95


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
    assert slowest.rate == slowest.ceiling == SHARE


def test_permits_come_at_the_slowed_rate(clock: FakeClock) -> None:
    pacer = Pacer(100, clock)
    permits(pacer, clock, 10)
    pacer.slow()
    times = permits(pacer, clock, 50)
    assert 49 / (times[-1] - times[0]) == pytest.approx(47.5 * 1.02, rel=0.03)


async def test_waiting_sleeps_by_the_given_clock(clock: FakeClock) -> None:
    pacer = Pacer(80, clock, credit=0.0)
    began = clock.steady()
    for _ in range(77):
        await pacer.wait()
    assert clock.steady() - began == pytest.approx(1.0, abs=1e-6)
    assert clock.slept == pytest.approx([1 / 76] * 76)


async def test_callers_that_wait_together_get_different_permits(clock: FakeClock) -> None:
    pacer = Pacer(80, clock)
    waits = [pacer.reserve(clock.steady()) for _ in range(10)]
    assert len(set(waits[4:])) == 6
    await asyncio.gather(*(pacer.wait() for _ in range(3)))
    assert len(clock.slept) == 3


@pytest.mark.parametrize("rate", [0, -5])
def test_a_rate_must_be_positive(rate: float, clock: FakeClock) -> None:
    with pytest.raises(BadInput, match="messages a second"):
        Pacer(rate, clock)


def test_a_number_s_new_rate_holds_at_once_also_when_it_is_slowed_down(clock: FakeClock) -> None:
    pacer = Pacer(1000, clock)
    permits(pacer, clock, 100)
    pacer.set_rate(80)
    times = permits(pacer, clock, 800)
    assert len(times) / (times[-1] - times[0]) == pytest.approx(SHARE * 80, rel=0.02)
    pacer.slow()
    assert pacer.rate == pytest.approx(38)
    pacer.set_rate(1000)
    assert pacer.rate == pytest.approx(38), "what the gateway asked for goes on"
    clock.advance(60_000)
    assert pacer.rate == pacer.ceiling == 950
