"""The simulator decides by seed, number and attempt."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gateway.simulator.behaviour import Behaviour, Kind
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.gateway.simulator.scenario_file import load
from tests.simulating import number

ROUGH = load("rough")


@given(seed=st.integers(), to=st.from_regex(r"[0-9]{7,15}", fullmatch=True), attempt=st.integers(0, 9))
def test_a_fate_is_a_function_of_seed_number_and_attempt(seed: int, to: str, attempt: int) -> None:
    first, again = Behaviour(ROUGH, seed), Behaviour(ROUGH, seed)
    assert first.fate(to, attempt) == again.fate(to, attempt)
    assert first.callbacks(to, attempt) == again.callbacks(to, attempt)


def test_another_seed_gives_another_campaign() -> None:
    first, second = Behaviour(ROUGH, 1), Behaviour(ROUGH, 2)
    assert [first.fate(number(i), 1) for i in range(200)] != [second.fate(number(i), 1) for i in range(200)]


def test_the_shares_are_what_the_scenario_says() -> None:
    n = 40_000
    behaviour = Behaviour(ROUGH, 5)
    fates = [behaviour.fate(number(i), 1) for i in range(n)]
    codes = Counter(fate.code for fate in fates if fate.kind is Kind.REJECT)
    for code, share in ROUGH.rejected.items():
        assert codes[code] / n == pytest.approx(share, abs=0.004)
    for code, share in ROUGH.retry.items():
        assert codes[code] / n == pytest.approx(share, abs=0.003)
    kinds = Counter(fate.kind for fate in fates)
    assert kinds[Kind.LOST_ANSWER] / n == pytest.approx(ROUGH.lost_answer, abs=0.002)
    assert kinds[Kind.RESET] / n == pytest.approx(ROUGH.reset_before, abs=0.002)
    assert kinds[Kind.LATE_ANSWER] / n == pytest.approx(ROUGH.late_answer, abs=0.001)
    assert kinds[Kind.HTTP_500] == pytest.approx(kinds[Kind.HTTP_500_TAKEN], rel=0.4)
    assert sum(fate.held for fate in fates) / n == pytest.approx(ROUGH.held, abs=0.003)
    latencies = sorted(fate.latency for fate in fates if fate.kind is Kind.ACCEPT)
    assert latencies[len(latencies) // 2] == pytest.approx(0.180, rel=0.05)


def test_delivered_read_and_failed_are_what_the_scenario_says() -> None:
    behaviour, n = Behaviour(load("friendly"), 5), 20_000
    ends = [[step for step in behaviour.callbacks(number(i), 1) if step.status][-1] for i in range(n)]
    delivered = sum(end.status in ("delivered", "read") for end in ends)
    assert delivered / n == pytest.approx(0.95, abs=0.006)
    assert sum(end.status == "read" for end in ends) / delivered == pytest.approx(0.60, abs=0.012)
    assert sum(end.code == 131049 for end in ends) / n == pytest.approx(0.012, abs=0.003)
    assert sum(end.status == "sent" for end in ends) / n == pytest.approx(0.03, abs=0.005)


def test_who_cannot_be_reached_stays_so_and_what_goes_wrong_on_the_way_does_not() -> None:
    behaviour = Behaviour(Scenario(rejected={131026: 0.3}, retry={131000: 0.3}), 9)
    for i in range(300):
        fates = [behaviour.fate(number(i), attempt) for attempt in range(1, 12)]
        for_good = [fate.code == 131026 for fate in fates]
        assert all(for_good) or not any(for_good)
        assert any(for_good) or any(fate.kind is Kind.ACCEPT for fate in fates)


def test_callbacks_come_in_order_unless_the_scenario_says_otherwise() -> None:
    delays = {"sent_ms": Delay(100, 0.5), "delivered_ms": Delay(100, 0.5), "read_ms": Delay(100, 0.5)}
    straight, turned = (Behaviour(Scenario(**delays, reorder=share)) for share in (0.0, 1.0))  # type: ignore[arg-type]  # mixed fields
    for i in range(100):
        steps, back = straight.callbacks(number(i), 1), turned.callbacks(number(i), 1)
        assert [step.status for step in steps] == ["sent", "delivered", "read"]
        assert all(step.due == step.stamp for step in steps)
        assert [step.status for step in back] == ["read", "delivered", "sent"]
        assert [step.due for step in back] == [step.due for step in steps]
        assert [step.stamp for step in reversed(back)] == [step.stamp for step in steps]
        assert all(before.due <= after.due for before, after in pairwise(steps))


def test_held_messages_report_later() -> None:
    behaviour = Behaviour(Scenario(held=1.0, held_ms=5000))
    assert behaviour.fate(number(1), 1).held
    assert [step.due for step in behaviour.callbacks(number(1), 1)] == [5.0, 5.0, 5.0]


def test_repeated_callbacks_are_true_copies() -> None:
    steps = Behaviour(Scenario(duplicate=1.0)).callbacks(number(1), 1)
    assert Counter((step.status, step.stamp) for step in steps) == {
        ("sent", 0.0): 2,
        ("delivered", 0.0): 2,
        ("read", 0.0): 2,
    }
