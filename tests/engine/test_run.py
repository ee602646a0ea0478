"""One campaign's send against the simulator over loopback HTTP."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine import recorder, run, streaks, turns, worker
from engine.clock import DAY, HOUR, MINUTE, SystemClock
from engine.commands import launch, resuming
from engine.gateway.answers import read_answer
from engine.gateway.base import Outcome
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.gateway.simulator.scenario_file import load
from engine.leasing import Leases
from engine.pacing import Pacer
from engine.recorder import Recorder
from engine.worker import Worker
from store import account, campaigns, database, history, leases, ledger, optouts, outcomes, windows
from store.errors import StoreBusy
from store.types import (
    Actor,
    Balance,
    Endpoint,
    Lease,
    RecipientState,
    Result,
    ResultKind,
    RootCause,
    SkipReason,
    Status,
)
from tests import builders
from tests.clock import FakeClock
from tests.sending import (
    Bench,
    Scripted,
    actions,
    bench,
    busy_for,
    check_against,
    progress,
    refused,
    rows,
    started,
    step_until,
    takes_all,
    work,
)
from tests.store.invariants import check_invariants

CREDITS = 1_000_000
ROUGH = replace(
    load("rough"),
    latency_ms=Delay(3, 0.8),
    throughput=0,
    reset_before=0.03,
    http_500=0.04,
    lost_answer=0.03,
    late_answer=0.0,
    # Nobody tells these runs what becomes of what is held back; see test_held.
    held=0.0,
)
SILENT = ("reset_before", "http_500", "http_500_taken", "lost_answer", "late_answer")


def hold_of(campaign_id: int) -> str:
    hold = campaigns.get(campaign_id).hold
    assert hold is not None
    return hold.reason


def states(campaign_id: int) -> Counter[RecipientState]:
    return Counter(row.state for row in rows(campaign_id))


def claims(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each window asked for, filled while it runs."""
    asked: list[int] = []
    claim = windows.claim

    def noted(campaign_id: int, lease: Lease, size: int, now: int) -> Any:
        asked.append(size)
        return claim(campaign_id, lease, size, now)

    monkeypatch.setattr(windows, "claim", noted)
    return asked


# Everybody once


async def test_a_perfect_run_sends_to_everybody_once_and_is_completed(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 120)
    async with bench(clock) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        references = {message.reference for message in one.simulator.accepted}
    ended = campaigns.get(campaign_id)
    assert (ended.status, ended.progress.sent, ended.progress.unknown) == (Status.COMPLETED, 120, 0)
    assert references == {f"{campaign_id}.{seq}.1" for seq in range(1, 121)}
    by_number = {str(row.phone): row.message_id for row in rows(campaign_id)}
    assert {message.to: message.message_id for message in one.simulator.accepted} == by_number
    assert all(row.handed_at and row.sent_at and row.attempt == 1 for row in rows(campaign_id))
    assert ledger.balance() == Balance(CREDITS - 120, 0, 120)


@pytest.mark.parametrize("seed", range(4))
async def test_R43_on_a_rough_day_nobody_gets_it_twice_and_nobody_is_missed(
    seed: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 150)
    async with bench(clock, ROUGH, seed=seed) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        counts = one.simulator.counts
    ended = campaigns.get(campaign_id)
    assert ended.status is Status.COMPLETED and ended.progress.pending == 0
    # R42: every silence is an unknown, none of them was tried again, and nothing else is unknown.
    assert ended.progress.unknown == sum(counts[kind] for kind in SILENT)
    assert ended.progress.sent + counts["http_500_taken"] + counts["lost_answer"] == counts["accepted"]
    assert ended.progress.sent + ended.progress.failed + ended.progress.unknown == 150


@pytest.mark.parametrize(
    ("faults", "taken"),
    [
        ({"lost_answer": 0.2}, True),
        ({"reset_before": 0.2}, False),
        ({"late_answer": 0.1, "late_answer_ms": 6_000.0}, True),
    ],
)
async def test_R42_without_an_answer_it_is_unknown_and_never_resent(
    faults: Mapping[str, float], taken: bool, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 60)
    async with bench(clock, Scenario(**faults), timeout=1.5) as one:  # type: ignore[arg-type]  # shares by name
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        unknown = progress(campaign_id).unknown
        assert 0 < unknown < 20
        assert one.simulator.counts["requests"] == 60
        assert sum(one.accepted().values()) == (60 if taken else 60 - unknown)
    # A credit behind an unknown stays reserved (R29).
    assert ledger.balance() == Balance(CREDITS - 60, unknown, 60 - unknown)


async def test_R42_a_500_without_a_graph_error_proves_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 80)
    async with bench(clock, Scenario(http_500=0.2)) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        counts = one.simulator.counts
    assert counts["http_500"] > 0 and counts["http_500_taken"] > 0
    assert progress(campaign_id).unknown == counts["http_500"] + counts["http_500_taken"]


# Rate limits and retries


async def test_R44_rate_limits_5xx_and_the_pair_limit_are_waited_out(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 80)
    began = clock.now()
    async with bench(clock, Scenario(retry={130429: 0.15, 131056: 0.1, 131016: 0.1})) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        refused = one.simulator.counts["rejected"]
    assert set(refused) == {"130429", "131056", "131016"}
    assert (progress(campaign_id).sent, progress(campaign_id).failed) == (80, 0)
    again = [row for row in rows(campaign_id) if row.attempt > 1]
    assert sum(row.attempt - 1 for row in again) == sum(refused.values())
    # Being asked to slow down uses up no try.
    assert sum(row.tried for row in again) == refused["131056"] + refused["131016"]
    assert clock.now() - began > 1_000


async def test_R44_a_throughput_limit_costs_nobody_the_message(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 110)
    async with bench(clock, Scenario(throughput=30, throttle_http_status=429)) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        assert one.simulator.counts["rejected"]["130429"] > 0
    assert progress(campaign_id).sent == 110


async def test_R44_who_is_throttled_again_and_again_waits_ever_longer(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 1)
    gateway = Scripted(lambda to, n: refused(130429, 429) if n <= 6 else takes_all(to, n))
    began = clock.now()
    await work(clock, gateway)
    assert progress(campaign_id).sent == 1
    # Six delays that did not grow would come to six seconds at most.
    assert clock.now() - began > 20_000


async def test_R44_a_run_that_only_waits_claims_nothing_until_the_time_comes(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(clock, tmp_path, 1)
    claimed, claim = list[int](), windows.claim

    def counted(*args: Any) -> Any:
        claimed.append(clock.now())
        return claim(*args)

    monkeypatch.setattr(windows, "claim", counted)
    began = clock.now()
    await work(clock, Scripted(lambda to, n: refused(130429, 429) if n <= 6 else takes_all(to, n)))
    assert clock.now() - began > 20_000
    # A hand-over takes one claim, one more waits for its answer, and one finds that there is nothing but to wait.
    assert len(claimed) <= 3 * 7


async def test_R44_a_retry_that_a_clock_dated_ahead_of_time_waits_no_more_once_it_is_right(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 3)
    right, record = clock.now(), outcomes.record
    clock.set(right + 365 * DAY)

    def recorded(*args: Any) -> None:
        record(*args)
        if clock.now() > right + DAY and windows.next_retry(campaign_id) is not None:
            clock.set(right + MINUTE)

    monkeypatch.setattr(outcomes, "record", recorded)
    last = builders.number(2)[1:]
    gateway = Scripted(lambda to, n: refused(131056) if (to, n) == (last, 1) else takes_all(to, n))
    one = Worker(clock, gateway, "service")
    try:
        await step_until(one, clock, lambda: progress(campaign_id).sent == 3, within_s=10.0)
    finally:
        one.stop()
        await one.work()
    assert clock.now() - right < HOUR


async def test_R44_when_the_retry_budget_is_spent_it_has_failed(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 8)
    async with bench(clock, Scenario(rejected={131016: 1.0})) as one:
        await one.run()
        assert one.simulator.counts["requests"] == 8 * 5
    ended = campaigns.get(campaign_id)
    assert (ended.status, ended.status_reason) == (Status.FAILED, RootCause.ALL_REJECTED)
    assert {(row.state, row.error, row.tried) for row in rows(campaign_id)} == {(RecipientState.FAILED, 131016, 4)}
    assert [one.code for one in outcomes.attempts(campaign_id, 1)] == [131016] * 5
    assert ledger.balance() == Balance(CREDITS, 0, 0)


async def test_R44_what_is_refused_for_good_fails_with_its_code(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 80)
    async with bench(clock, Scenario(rejected={131026: 0.2, 131009: 0.1})) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        assert one.simulator.counts["requests"] == 80
        refused = one.simulator.counts["rejected"]
    errors = Counter(str(row.error) for row in rows(campaign_id) if row.state is RecipientState.FAILED)
    assert dict(errors) == refused and set(refused) == {"131009", "131026"}


async def test_R38_who_wants_no_more_marketing_is_on_the_opt_out_list(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 3)
    async with bench(clock, Scenario(rejected={131050: 1.0})) as one:
        await one.run()
    assert optouts.numbers() == {row.phone for row in rows(campaign_id)}
    assert {entry.origin for entry in optouts.all_entries()} == {"gateway: stopped marketing messages"}


# The ramp, and what stops it


async def test_first_one_then_ten_then_full_and_each_waits_for_the_answers(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(clock, tmp_path, 120)
    asked: list[tuple[int, int, int]] = []
    claim = windows.claim
    async with bench(clock, Scenario(latency_ms=Delay(5))) as one:

        def noted(campaign_id: int, lease: Lease, size: int, now: int) -> Any:
            asked.append((size, len(one.gateway.handed), one.gateway.answered))
            return claim(campaign_id, lease, size, now)

        monkeypatch.setattr(windows, "claim", noted)
        await one.run()
    assert asked[:3] == [(1, 0, 0), (10, 1, 1), (50, 11, 11)]
    assert asked[3][0] == 50 and asked[3][2] < 61


@pytest.mark.parametrize(
    ("code", "reason"),
    [(132001, "campaign_paused"), (190, "not_authorised"), (131042, "account_paused"), (131048, "number_paused")],
)
async def test_R44_R45_a_fault_of_the_whole_campaign_shows_on_the_first_row(
    code: int, reason: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 100)
    async with bench(clock, Scenario(rejected={code: 1.0})) as one:
        await one.run()
        assert one.simulator.counts["requests"] == 1
    held = campaigns.get(campaign_id)
    assert (held.status, hold_of(campaign_id), held.progress.pending) == (Status.IN_PROGRESS, reason, 100)
    assert ledger.balance() == Balance(CREDITS - 100, 100, 0)
    assert actions(campaign_id)[-1] == "campaign.hold"
    check_invariants()


@pytest.mark.parametrize("late", [takes_all("", 1), refused(131026)])
async def test_R45_an_answer_that_comes_after_the_reason_to_hold_does_not_undo_it(
    late: Outcome, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 60)
    paused = asyncio.Event()

    class OneIsLate(Scripted):
        """The second message is on its way still when the third is told that the template is paused."""

        async def send(
            self, phone_number_id: str, payload: Mapping[str, Any], endpoint: Endpoint = Endpoint.MESSAGES
        ) -> Outcome:
            outcome = await super().send(phone_number_id, payload, endpoint)
            if len(self.handed) == 3:
                paused.set()
                return refused(132015)
            if len(self.handed) == 2:
                await paused.wait()
                await asyncio.sleep(0)
                return late
            return outcome

    gateway = OneIsLate(takes_all)
    await work(clock, gateway)
    assert (hold_of(campaign_id), campaigns.get(campaign_id).status) == ("campaign_paused", Status.IN_PROGRESS)
    # Those that were on their way already, and nobody after.
    assert len(gateway.handed) <= sum(streaks.RAMP)
    check_invariants(campaign_id)


async def test_fifty_refusals_in_a_row_put_the_run_on_hold(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MAX_IN_FLIGHT", 10)
    campaign_id = started(clock, tmp_path, 200)
    async with bench(clock, Scenario(rejected={131026: 1.0})) as one:
        await one.run()
        requests = one.simulator.counts["requests"]
    assert hold_of(campaign_id) == "errors_in_a_row"
    assert 50 <= progress(campaign_id).failed == requests < 60
    assert progress(campaign_id).pending == 200 - requests
    check_invariants()


async def test_a_message_that_is_taken_ends_the_row_of_refusals(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MAX_IN_FLIGHT", 10)
    campaign_id = started(clock, tmp_path, 150)
    async with bench(clock, Scenario(rejected={131026: 0.8})) as one:
        await one.run()
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    assert progress(campaign_id).failed > 2 * streaks.ERRORS_IN_A_ROW


async def test_twenty_silences_put_the_run_on_hold_before_the_tap_opens(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 200)
    asked = claims(monkeypatch)
    async with bench(clock, Scenario(lost_answer=1.0)) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
    assert hold_of(campaign_id) == "gateway_silent"
    assert asked == [1, 10, 10]
    assert progress(campaign_id).unknown == 21


async def test_R45_after_the_hold_an_operator_resumes_and_it_is_careful_again(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 60)
    async with bench(clock, Scenario(rejected={132001: 1.0})) as one:
        await one.run()
        resuming.resume(builders.context(clock), campaign_id)
        await one.run()
        assert one.simulator.counts["requests"] == 2
    resuming.resume(builders.context(clock), campaign_id)
    asked = claims(monkeypatch)
    async with bench(clock) as two:
        await two.run()
        check_against(two.accepted().elements(), campaign_id)
    assert asked[:3] == [1, 10, 50]
    assert campaigns.get(campaign_id).status is Status.COMPLETED


# Instants


async def test_R41_R29_the_figures_add_up_at_every_instant(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 120)
    flush, claim, seen = Recorder.flush, windows.claim, Counter[str]()

    def flushed(self: Recorder) -> bool:
        done = flush(self)
        check_invariants(campaign_id)
        seen["flush"] += 1
        return done

    def claimed(*args: Any) -> Any:
        found = claim(*args)
        check_invariants(campaign_id)
        seen["claim"] += 1
        return found

    monkeypatch.setattr(Recorder, "flush", flushed)
    monkeypatch.setattr(windows, "claim", claimed)
    async with bench(clock, ROUGH, seed=3) as one:
        one.gateway.before = lambda n: optouts.add(4_915_170_000_000 + 100, clock.now(), "test") if n == 60 else None
        await one.run()
    assert seen["flush"] > 5 and seen["claim"] > 4
    assert campaigns.get(campaign_id).status is Status.COMPLETED


async def test_R39_an_opt_out_in_mid_run_is_honoured_and_not_paid_for(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 120)
    late = rows(campaign_id)[110]
    async with bench(clock) as one:
        one.gateway.before = lambda n: optouts.add(late.phone or 0, clock.now(), "reply: STOP") if n == 20 else None
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        assert str(late.phone) not in one.accepted()
    assert rows(campaign_id)[110].skip is SkipReason.OPTED_OUT
    assert (progress(campaign_id).sent, progress(campaign_id).skipped) == (119, 1)
    assert ledger.balance() == Balance(CREDITS - 119, 0, 119)


async def test_R39_an_opt_out_is_honoured_within_the_window_of_a_slow_sender(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, rate=1)
    campaign_id = started(clock, tmp_path, 20)
    async with bench(clock) as one:

        def opt_out(n: int) -> None:
            if n == 12:
                # The window of rows 12 to 16 is claimed, and its last row goes out four seconds later.
                optouts.add(rows(campaign_id)[15].phone or 0, clock.now(), "reply: STOP")

        one.gateway.before = opt_out
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
    assert [row.seq for row in rows(campaign_id) if row.skip is SkipReason.OPTED_OUT] == [16]
    assert (progress(campaign_id).sent, ledger.balance().spent) == (19, 19)


async def test_R39_a_row_that_waits_for_its_retry_may_still_opt_out(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 1)
    async with bench(clock, Scenario(retry={131056: 1.0})) as one:
        one.gateway.before = lambda n: optouts.add(rows(campaign_id)[0].phone or 0, clock.now(), "test")
        await one.run()
        assert one.simulator.counts["requests"] == 1
    assert campaigns.get(campaign_id).status_reason == RootCause.NO_VALID_RECIPIENTS
    check_invariants()


async def test_R37_a_message_with_a_hole_is_never_sent(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 3)
    database.execute('UPDATE recipient SET cells = \'["", "", ""]\' WHERE seq = 2')
    async with bench(clock) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
    assert rows(campaign_id)[1].skip is SkipReason.MISSING_VARIABLE
    assert (progress(campaign_id).sent, progress(campaign_id).skipped) == (2, 1)


# A store that will not, a program that fails


@pytest.mark.parametrize(
    ("module", "name", "times"), [(outcomes, "record", 5), (windows, "claim", 3), (windows, "next_retry", 3)]
)
async def test_a_busy_store_delays_and_loses_nothing(
    module: Any, name: str, times: int, acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 70)
    raised = busy_for(monkeypatch, module, name, times)
    async with bench(clock) as one:
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
    assert len(raised) == times
    assert (progress(campaign_id).sent, progress(campaign_id).unknown) == (70, 0)


async def test_R42_outcomes_that_the_store_never_takes_are_unknown_and_not_sent_again(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 40)
    async with bench(clock) as one:
        raised = busy_for(monkeypatch, outcomes, "record", 1_000)
        await stopped_at(one, 1)
        assert len(raised) >= recorder.FLUSH_TRIES
        monkeypatch.undo()
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
    assert (campaigns.get(campaign_id).status, progress(campaign_id).unknown) == (Status.COMPLETED, 1)


async def test_R42_while_outcomes_wait_for_the_store_nothing_more_is_handed_over(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 100)
    record, handed = outcomes.record, list[int]()
    async with bench(clock) as one:

        def busy_in_mid_window(*args: Any) -> None:
            if len(one.gateway.handed) >= 30 and len(handed) < 5:
                handed.append(len(one.gateway.handed))
                raise StoreBusy("another process is writing")
            record(*args)

        monkeypatch.setattr(outcomes, "record", busy_in_mid_window)
        await one.run()
        assert handed == [handed[0]] * 5 and handed[0] < 50, "what is not known to be sent is not added to"
        check_against(one.accepted().elements(), campaign_id)
    assert progress(campaign_id).sent == 100


async def test_a_fault_in_recording_stops_the_run_and_is_shown(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MAX_IN_FLIGHT", 10)
    campaign_id = started(clock, tmp_path, 300)
    record = outcomes.record

    def breaks(campaign: int, results: Sequence[Result], *rest: Any) -> None:
        if any(result.seq > 100 for result in results):
            raise ZeroDivisionError
        record(campaign, results, *rest)

    monkeypatch.setattr(outcomes, "record", breaks)
    async with bench(clock) as one:
        await one.run()
        handed = len(one.gateway.handed)
        check_against(one.accepted().elements(), campaign_id)
    hold = campaigns.get(campaign_id).hold
    assert hold is not None and hold.reason == "program_fault" and "ZeroDivisionError" in hold.text
    # The rest was not sent on top of outcomes that nobody records.
    assert handed < 150


async def test_a_fault_with_one_row_makes_that_row_unknown_and_holds_the_run(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 60)
    async with bench(clock) as one:
        one.gateway.before = lambda n: 1 // (30 - n)
        await one.run()
        assert hold_of(campaign_id) == "program_fault"
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        assert progress(campaign_id).unknown == 1
    assert windows.open_windows(campaign_id) == []


async def test_R42_what_a_fault_kept_from_being_begun_is_not_unknown(
    db: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders.account_with_sender(clock, tmp_path, rate=1)
    campaign_id = started(clock, tmp_path, 40)
    among, looks = optouts.among, 0

    def breaks(phones: Iterable[int]) -> frozenset[int]:
        nonlocal looks
        looks += 1
        if looks == 20:
            raise ZeroDivisionError
        return among(phones)

    monkeypatch.setattr(optouts, "among", breaks)
    async with bench(clock) as one:
        await one.run()
        assert hold_of(campaign_id) == "program_fault"
        assert 0 < progress(campaign_id).sent < 40
        assert (progress(campaign_id).unknown, windows.open_windows(campaign_id)) == (0, [])
        resuming.resume(builders.context(clock), campaign_id)
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
    assert progress(campaign_id).sent == 40


async def test_R42_half_a_character_in_a_refusal_costs_no_other_row_its_outcome(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 60)
    cut = rb'{"error": {"code": 131026, "message": "x", "error_data": {"details": "Text Hi \ud83d is refused"}}}'
    refusal, victim = read_answer(400, {}, cut), str(rows(campaign_id)[29].phone)
    await work(clock, Scripted(lambda to, n: refusal if to == victim else takes_all(to, n)))
    found = progress(campaign_id)
    assert (found.sent, found.failed, found.unknown) == (59, 1, 0)
    assert history.of(campaign_id, 30)[-1].detail == "Text Hi \ufffd is refused"


# Leases


def test_R43_an_outcome_whose_commit_was_done_unheard_puts_back_nothing_that_is_in_flight_again(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id, now = started(clock, tmp_path, 1), clock.now()
    lease = leases.take("sender:1", "w", now, now + 1_000, host="h", pid=1, role="service")
    assert lease is not None
    claimed = windows.claim(campaign_id, lease, 1, now)
    assert claimed is not None
    heard, unheard = Recorder(campaign_id, clock), Recorder(campaign_id, clock)
    for one in (heard, unheard):
        one.expect(*claimed)
        one.add(claimed[0], Result(1, ResultKind.PUT_BACK, now, now, code=131056, not_before=now))
    assert heard.flush()
    # By now that may be somebody else's doing: its window has another id.
    assert windows.claim(campaign_id, lease, 1, now) is not None
    assert unheard.flush()
    assert windows.claim(campaign_id, lease, 1, now) is None


async def test_R43_a_worker_whose_lease_was_taken_claims_nothing_more_and_its_outcomes_count(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 200)
    # In the other clock's time a lease is over before a request has its answer.
    real = SystemClock()
    thief: list[Lease] = []

    def steal(n: int) -> None:
        if n == 40:
            now = real.now()
            lease = leases.take(
                "sender:1", "thief", now, now + 60_000, host="h", pid=1, role="service", owner_is_dead=True
            )
            assert lease is not None
            thief.append(lease)
            # The new owner's first act: what the old one has in flight is unknown.
            assert windows.recover(campaign_id, lease.fence, now) > 0

    async with bench(real, Scenario(latency_ms=Delay(3))) as one:
        one.gateway.before = steal
        sender = one.worker()
        await sender.step()
        (task,) = sender._runs.values()
        assert (await task) is run.Ended.LOST
        # Windows of 1, 10 and 50 rows were claimed before.
        assert len(one.gateway.handed) == 61
        check_against(one.accepted().elements(), campaign_id)
    assert states(campaign_id) == {RecipientState.SENT: 61, RecipientState.PENDING: 139}
    assert windows.open_windows(campaign_id) == []
    assert thief[0].fence == 2


async def test_R43_without_trust_in_its_lease_a_worker_hands_nothing_out(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 100)
    # The loop hangs so long in the middle of a window that the lease may be somebody else's.
    async with bench(clock) as one:
        one.gateway.before = lambda n: clock.advance(13_000) if n == 30 else None
        sender = one.worker()
        await sender.step()
        (task,) = sender._runs.values()
        assert (await task) is run.Ended.LOST
        assert len(one.gateway.handed) == 30
        check_invariants(campaign_id)
    # What was claimed and not begun is pending again, not unknown.
    assert states(campaign_id) == {RecipientState.SENT: 30, RecipientState.PENDING: 70}
    async with bench(clock) as two:
        await two.run()
        check_against([*one.accepted().elements(), *two.accepted().elements()], campaign_id)
    assert campaigns.get(campaign_id).status is Status.COMPLETED


@pytest.mark.parametrize("nth", range(100, 104))
async def test_R43_who_had_its_turn_when_trust_ended_is_not_handed_over(
    nth: int, acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 100)
    gateway, asked, handed = Scripted(takes_all), list[bool](), list[int]()

    def trusts(self: Leases, sender_id: int, lease: Lease) -> bool:
        asked.append(len(asked) < nth)
        if not asked[-1]:
            handed.append(len(gateway.handed))
        return asked[-1]

    monkeypatch.setattr(Leases, "trusts", trusts)
    sender = Worker(clock, gateway, "service", Random(1))
    await sender.step()
    (task,) = sender._runs.values()
    assert (await task) is run.Ended.LOST
    assert 0 < len(gateway.handed) == handed[0] < 100
    check_invariants(campaign_id)


async def test_who_may_not_go_after_all_gives_its_slot_back(clock: FakeClock) -> None:
    slots, answers = asyncio.Semaphore(1), iter([True, False])
    gateway, pacer = Scripted(takes_all), Pacer(1000, clock)
    tools = turns.Tools(clock, gateway, slots, pacer, Random(1), lambda: True, Actor("worker"))
    assert not await turns.turn(tools, lambda: next(answers))
    assert not slots.locked()


# Stopping


async def stopped_at(one: Bench, n: int) -> Worker:
    stopped = one.worker()
    one.gateway.before = lambda handed: stopped.stop() if handed == n else None
    await stopped.work()
    one.gateway.before = lambda handed: None
    return stopped


async def test_R43_a_last_answer_that_comes_in_the_very_moment_of_the_wait_breaks_nothing(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 1)
    one = Worker(clock, Scripted(takes_all), "service")
    sender = account.senders()[0]
    lease = one._leases.ensure(sender.id)
    assert lease is not None
    sending = run.Run(campaigns.get(campaign_id), sender, lease, one._tools(sender, lease))
    claimed = sending._claim(1)
    assert claimed is not None
    window, (row,) = claimed
    sending._recorder.expect(window, [row])
    stop = asyncio.Event()
    await sending._slots.acquire()
    task = asyncio.create_task(sending._hand_over(window, row, stop))
    sending._in_flight.add(task)
    task.add_done_callback(sending._landed)
    while not task.done():
        await asyncio.sleep(0)
    # Done, but its callback has its turn only after this: the set is emptied before the wait has begun.
    assert sending._in_flight == {task}
    await sending._drain(stop)
    assert (progress(campaign_id).sent, windows.open_windows(campaign_id)) == (1, [])


@pytest.mark.parametrize("n", [1, 5, 40, 100])
async def test_an_orderly_stop_leaves_nothing_unknown_and_the_next_worker_goes_on(
    n: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 120)
    async with bench(clock, Scenario(latency_ms=Delay(3, 0.5))) as one:
        await stopped_at(one, n)
        found = progress(campaign_id)
        assert (found.unknown, windows.open_windows(campaign_id)) == (0, [])
        assert n <= found.sent < 120 and found.sent == len(one.gateway.handed)
        assert leases.held(clock.now()) == []
        check_against(one.accepted().elements(), campaign_id)
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
    assert (campaigns.get(campaign_id).status, progress(campaign_id).sent) == (Status.COMPLETED, 120)


async def test_a_stop_in_the_middle_of_a_window_hands_over_nothing_more(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 100)
    async with bench(clock) as one:
        await stopped_at(one, 30)
        assert len(one.gateway.handed) == 30
    assert states(campaign_id) == {RecipientState.SENT: 30, RecipientState.PENDING: 70}
    check_invariants(campaign_id)


async def test_a_stop_does_not_wait_for_ever_for_an_answer(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STOP_PATIENCE_S", 0.1)
    campaign_id = started(clock, tmp_path, 10)
    async with bench(clock, Scenario(late_answer=1.0, late_answer_ms=60_000.0), timeout=60.0) as one:
        await stopped_at(one, 1)
        check_against(one.accepted().elements(), campaign_id)
    assert states(campaign_id) == {RecipientState.UNKNOWN: 1, RecipientState.PENDING: 9}
    assert windows.open_windows(campaign_id) == []


async def test_all_runs_together_have_no_more_requests_on_their_way_than_the_gateway_takes(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MAX_IN_FLIGHT", 20)
    for first_row in (0, 1_000, 2_000):
        contacts = [("Zoe", builders.number(first_row + i), "C") for i in range(60)]
        campaign_id = builders.draft(clock, tmp_path, contacts, f"From {first_row}")
        launch.send_now(builders.context(clock), campaign_id)
    most = 0
    async with bench(clock, Scenario(latency_ms=Delay(3))) as one:

        def count(n: int) -> None:
            nonlocal most
            most = max(most, n - one.gateway.answered)

        one.gateway.before = count
        await one.run()
        check_against(one.accepted().elements(), 1, 2, 3)
    assert 10 < most <= 20


async def test_two_campaigns_of_one_sender_share_its_pace_and_both_end(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    first = started(clock, tmp_path, 50)
    others = [("Zoe", builders.number(5_000 + i), "C") for i in range(50)]
    second = builders.draft(clock, tmp_path, others, "Second")
    launch.send_now(builders.context(clock), second)
    async with bench(clock) as one:
        await one.run()
        check_against(one.accepted().elements(), first, second)
    assert {campaigns.get(one).status for one in (first, second)} == {Status.COMPLETED}
