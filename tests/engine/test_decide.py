"""What one outcome of a hand-over means."""

from __future__ import annotations

from random import Random

import pytest

from engine import retry
from engine.decide import GATEWAY_UNREACHABLE, Decision, decide
from engine.gateway.base import Accepted, NotTaken, Outcome, Unknown
from engine.gateway.errors import Internal
from store.types import ResultKind
from tests.sending import refused

HANDED, NOW = 1_000, 2_000


def judge(outcome: Outcome, tried: int = 0, attempt: int = 0, seed: int = 1) -> Decision:
    return decide(outcome, 7, tried, HANDED, NOW, Random(seed), attempt)


def wait_of(decision: Decision) -> int:
    assert decision.result.not_before is not None
    return decision.result.not_before - NOW


def test_an_accepted_message_is_sent_with_its_id() -> None:
    decision = judge(Accepted("wamid.1"))
    result = decision.result
    assert (result.seq, result.kind, result.message_id) == (7, ResultKind.SENT, "wamid.1")
    assert (result.handed_at, result.at) == (HANDED, NOW)
    assert (decision.hold, decision.slow, decision.suppress) == (None, False, False)


def test_R42_a_message_held_for_quality_assessment_is_not_sent_and_news_of_it_is_waited_for() -> None:
    result = judge(Accepted("wamid.1", held=True)).result
    assert (result.kind, result.message_id, result.not_before) == (ResultKind.HELD, "wamid.1", NOW + 75 * 60_000)


@pytest.mark.parametrize("tried", [0, 1, 4, 99])
def test_R42_R43_without_an_answer_it_is_unknown_and_never_tried_again(tried: int) -> None:
    decision = judge(Unknown("time-out"), tried)
    assert decision.result.kind is ResultKind.UNKNOWN
    assert (decision.result.code, decision.result.not_before) == (Internal.NO_ANSWER, None)
    assert decision.hold is None and decision.result.detail == "time-out"


def test_R43_what_never_left_goes_back_at_once_and_holds_the_run() -> None:
    decision = judge(NotTaken("connection refused"))
    result = decision.result
    assert (result.kind, result.code, result.counts, wait_of(decision)) == (ResultKind.PUT_BACK, None, False, 0)
    assert decision.hold is not None
    assert (decision.hold.reason, decision.hold.until) == (GATEWAY_UNREACHABLE, None)
    assert "connection refused" in decision.hold.text


@pytest.mark.parametrize("code", [131026, 131009, 131049, 130472, 132018, 999_999])
def test_R44_what_is_refused_for_good_fails_at_once_with_its_code(code: int) -> None:
    decision = judge(refused(code))
    assert (decision.result.kind, decision.result.code, decision.result.detail) == (
        ResultKind.FAILED,
        code,
        "details",
    )
    assert (decision.hold, decision.suppress) == (None, False)


def test_R38_who_wants_no_more_marketing_is_opted_out() -> None:
    decision = judge(refused(131050))
    assert decision.result.kind is ResultKind.FAILED and decision.suppress


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (132001, "campaign_paused"),
        (132015, "campaign_paused"),
        (131045, "number_paused"),
        (131031, "account_paused"),
        (131042, "account_paused"),
        (190, "not_authorised"),
        (Internal.HTTP_DENIED, "not_authorised"),
    ],
)
def test_R44_what_concerns_all_puts_the_run_on_hold_and_the_row_back(code: int, reason: str) -> None:
    decision = judge(refused(code), tried=4)
    assert (decision.result.kind, decision.result.counts) == (ResultKind.PUT_BACK, False)
    assert decision.hold is not None and decision.hold.reason == reason
    assert str(code) in decision.hold.text and decision.hold.until is None


@pytest.mark.parametrize("code", [130429, 4, 80007, Internal.HTTP_THROTTLED])
@pytest.mark.parametrize("tried", [0, 4, 50])
def test_R44_being_asked_to_slow_down_costs_no_try(code: int, tried: int) -> None:
    decision = judge(refused(code, 429), tried)
    assert (decision.result.kind, decision.result.counts, decision.slow) == (ResultKind.PUT_BACK, False, True)


@pytest.mark.parametrize("code", [130429, 131016])
def test_R44_delays_grow_and_are_jittered(code: int) -> None:
    longest = [
        max(wait_of(judge(refused(code), tried=n, attempt=n, seed=seed)) for seed in range(200)) for n in range(4)
    ]
    assert longest == sorted(longest)
    for n, wait in enumerate(longest):
        assert 0.8 * 1000 * 4**n < wait <= 1000 * 4**n
    assert len({wait_of(judge(refused(code), attempt=3, tried=3, seed=seed)) for seed in range(50)}) > 40


@pytest.mark.parametrize("tried", range(retry.BUDGET + 1))
def test_R44_the_retry_budget_is_spent_and_then_it_has_failed(tried: int) -> None:
    decision = judge(refused(131016, 500), tried)
    spent = tried + 1 >= retry.BUDGET
    assert decision.result.kind is (ResultKind.FAILED if spent else ResultKind.PUT_BACK)
    assert decision.result.counts and decision.result.code == 131016


@pytest.mark.parametrize(
    ("tried", "kind"), [(0, ResultKind.PUT_BACK), (1, ResultKind.PUT_BACK), (2, ResultKind.FAILED)]
)
def test_R44_a_code_may_have_a_smaller_budget_of_its_own(tried: int, kind: ResultKind) -> None:
    assert judge(refused(131000, 500), tried).result.kind is kind


def test_R44_the_pair_limit_waits_by_whatsapps_own_advice() -> None:
    waits = [wait_of(judge(refused(131056), tried=n)) for n in range(4)]
    assert waits == [1_000, 4_000, 16_000, 64_000]
    assert judge(refused(131056), tried=4).result.kind is ResultKind.FAILED
    assert not judge(refused(131056)).slow


def test_R44_the_gateways_own_waiting_time_is_kept_at_least() -> None:
    assert wait_of(judge(refused(134101))) >= 600_000
    assert wait_of(judge(refused(131057, 500))) >= 60_000
