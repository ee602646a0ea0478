"""How a run ends, and how it is held meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine import ending, report
from engine.clock import HOUR
from engine.commands import resuming
from engine.decide import HoldOrder
from engine.gateway.base import Outcome, Unknown
from engine.gateway.errors import Internal
from store import campaigns, leases, ledger, optouts, restored, windows
from store.types import Actor, Balance, Campaign, RecipientState, RootCause, Status
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, actions, events, refused, refuses_all, rows, started, takes_all, work
from tests.store.invariants import check_invariants

WORKER = Actor("worker", "test")
EXPIRED = HoldOrder("not_authorised", "The access token has expired (190)")
LIMIT = 72 * HOUR


def play(clock: FakeClock, campaign_id: int, gateway: Scripted) -> Campaign:
    asyncio.run(work(clock, gateway))
    check_invariants()
    return campaigns.get(campaign_id)


def tend(clock: FakeClock, campaign_id: int) -> bool:
    return ending.tend_hold(clock, campaigns.get(campaign_id), WORKER)


def only(numbers: dict[str, Outcome], rest: Outcome | None = None) -> Scripted:
    """A gateway that answers the numbers ending so in that way, and takes the others or answers `rest`."""

    def outcome(to: str, n: int) -> Outcome:
        return numbers.get(to[-1]) or rest or takes_all(to, n)

    return Scripted(outcome)


def test_R5_one_message_sent_is_completed_and_never_implies_all(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 10)
    ended = play(clock, campaign_id, only({"3": takes_all("3", 1)}, refused(131026)))
    assert (ended.status, ended.status_reason) == (Status.COMPLETED, None)
    assert ended.finished_at is not None and START < ended.finished_at <= clock.now()
    assert (ended.progress.sent, ended.progress.failed, ended.progress.pending) == (1, 9, 0)


def test_R6_R40_when_every_message_is_refused_it_failed_with_the_breakdown(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 10)
    ended = play(clock, campaign_id, only({"1": refused(131009), "2": refused(131009)}, refused(131026)))
    assert (ended.status, ended.status_reason) == (Status.FAILED, RootCause.ALL_REJECTED)
    assert [(one["code"], one["n"]) for one in ended.status_detail["errors"]] == [(131026, 8), (131009, 2)]
    cause = report.cause_of(ended)
    assert cause is not None and "8 x 131026" in cause.text and cause.advice
    assert ledger.balance() == Balance(1_000_000, 0, 0)


def test_R6_R40_without_any_answer_the_gateway_was_unreachable(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 3)
    ended = play(clock, campaign_id, Scripted(lambda to, n: Unknown("time-out")))
    assert (ended.status, ended.status_reason) == (Status.FAILED, RootCause.GATEWAY_UNREACHABLE)
    # R29: a credit behind an unknown stays reserved until that is settled.
    assert (ended.progress.unknown, ledger.balance()) == (3, Balance(999_997, 3, 0))


def test_R31_R40_when_all_opt_out_in_mid_run_nobody_is_left(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 3)
    for row in rows(campaign_id):
        optouts.add(row.phone or 0, clock.now(), "reply: STOP")
    ended = play(clock, campaign_id, Scripted(takes_all))
    assert (ended.status, ended.status_reason) == (Status.FAILED, RootCause.NO_VALID_RECIPIENTS)
    assert ended.status_detail == {"skipped": {"opted_out": 3}}
    assert ledger.balance() == Balance(1_000_000, 0, 0)


def test_R11_the_end_leaves_an_event_with_the_figures_and_the_credits(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 10)
    play(clock, campaign_id, only({"3": refused(131026), "4": Unknown("time-out")}))
    last = events(campaign_id)[-1]
    assert (last.action, last.actor, last.before) == ("campaign.completed", "worker", {"status": "in_progress"})
    assert last.after == {
        "status": "completed",
        "reason": None,
        "sent": 8,
        "failed": 1,
        "unknown": 1,
        "skipped": 0,
        "settled": 8,
        "released": 1,
    }


def test_a_run_with_somebody_left_does_not_end(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    assert ending.finish(clock, campaign_id, WORKER) is None
    assert campaigns.get(campaign_id).status is Status.IN_PROGRESS


def test_R9_a_run_ends_once(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    play(clock, campaign_id, Scripted(takes_all))
    assert ending.finish(clock, campaign_id, WORKER) is None
    assert actions(campaign_id).count("campaign.completed") == 1


def test_R45_a_hold_has_a_reason_and_a_time_and_leaves_an_event(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    order = HoldOrder("gateway_unreachable", "No route", until=START + 4_000)
    ending.hold(clock, campaign_id, order, WORKER)
    hold = campaigns.get(campaign_id).hold
    assert hold is not None
    assert (hold.reason, hold.text, hold.since, hold.until) == ("gateway_unreachable", "No route", START, START + 4_000)
    last = events(campaign_id)[-1]
    assert (last.action, last.detail) == ("campaign.hold", "No route")
    assert last.after == {"reason": "gateway_unreachable", "until": START + 4_000}


@pytest.mark.parametrize(
    "before",
    [
        HoldOrder("held_back", "Held back", START + HOUR),
        HoldOrder("quota_reached", "Used up"),
        HoldOrder("gateway_unreachable", "No route"),
    ],
)
def test_R45_a_hold_that_waits_for_nobody_gives_way_to_another_that_lifts_by_itself(
    before: HoldOrder, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, before, WORKER)
    ending.hold(clock, campaign_id, HoldOrder("not_authorised", "Expired", START + 2 * HOUR), WORKER)
    hold = campaigns.get(campaign_id).hold
    assert hold is not None and (hold.reason, hold.until) == ("not_authorised", START + 2 * HOUR)


def test_R45_a_run_without_a_hold_may_send(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    assert tend(clock, started(clock, tmp_path))


def test_R45_a_hold_lifts_by_itself_when_its_time_has_come(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, HoldOrder("gateway_silent", "No answer", until=START + 4_000), WORKER)
    clock.advance(3_999)
    assert not tend(clock, campaign_id)
    clock.advance(1)
    assert tend(clock, campaign_id)
    assert campaigns.get(campaign_id).hold is None
    assert actions(campaign_id)[-2:] == ["campaign.hold", "campaign.resume"]


def test_R45_a_hold_without_a_time_waits_for_an_operator(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, EXPIRED, WORKER)
    clock.advance(LIMIT - 1)
    assert not tend(clock, campaign_id)
    assert campaigns.get(campaign_id).hold is not None


def test_R45_R40_after_72_hours_the_rest_was_not_attempted_and_it_failed(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 4)
    ending.hold(clock, campaign_id, EXPIRED, WORKER)
    clock.advance(LIMIT)
    assert not tend(clock, campaign_id)
    ended = campaigns.get(campaign_id)
    assert (ended.status, ended.status_reason, ended.hold) == (Status.FAILED, RootCause.GATEWAY_UNREACHABLE, None)
    assert ended.status_detail == {"reason": EXPIRED.text}
    assert {(row.state, row.error) for row in rows(campaign_id)} == {(RecipientState.FAILED, Internal.NOT_ATTEMPTED)}
    assert ledger.balance() == Balance(1_000_000, 0, 0)
    check_invariants()


def test_R45_R5_after_72_hours_a_run_that_sent_something_is_completed(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 10)
    held = play(clock, campaign_id, only({"5": refused(190, 401)}))
    assert held.hold is not None and held.progress.sent > 0
    clock.advance(LIMIT)
    ended = play(clock, campaign_id, Scripted(takes_all))
    assert ended.status is Status.COMPLETED
    assert ended.progress.failed == held.progress.pending > 0


def test_R45_a_hold_that_follows_a_hold_counts_from_the_first(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, EXPIRED, WORKER)
    clock.advance(LIMIT - HOUR)
    ending.prolong(clock, campaigns.get(campaign_id), clock.now() + 10 * HOUR)
    hold = campaigns.get(campaign_id).hold
    assert hold is not None and (hold.since, hold.reason, hold.text) == (START, EXPIRED.reason, EXPIRED.text)
    clock.advance(HOUR)
    assert not tend(clock, campaign_id)
    assert campaigns.get(campaign_id).status is Status.FAILED


@pytest.mark.parametrize("again", [False, True])
def test_R45_what_was_resumed_meanwhile_is_neither_held_again_nor_given_up(
    again: bool, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, EXPIRED, WORKER)
    clock.advance(LIMIT)
    read = campaigns.get(campaign_id)
    # The worker waits for the write lock behind the operator's commit.
    resuming.resume(builders.context(clock), campaign_id)
    if again:
        ending.hold(clock, campaign_id, EXPIRED, WORKER)
    after = campaigns.get(campaign_id)
    ending.prolong(clock, read, clock.now() + HOUR)
    assert not ending.tend_hold(clock, read, WORKER)
    assert campaigns.get(campaign_id) == after
    assert (after.progress.pending, after.progress.failed) == (3, 0)


def test_R45_rows_that_a_dead_worker_left_in_flight_do_not_keep_a_held_run_for_ever(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 4)
    dead = leases.take("sender:1", "dead", clock.now(), clock.now() + 15_000, host="h", pid=1, role="service")
    assert dead is not None and windows.claim(campaign_id, dead, 2, clock.now()) is not None
    ending.hold(clock, campaign_id, EXPIRED, WORKER)
    play(clock, campaign_id, Scripted(takes_all))
    assert [row.state for row in rows(campaign_id)][:2] == [RecipientState.UNKNOWN] * 2
    assert windows.open_windows(campaign_id) == []
    clock.advance(LIMIT)
    ended = play(clock, campaign_id, Scripted(takes_all))
    assert (ended.status, ended.progress.unknown, ended.progress.failed) == (Status.FAILED, 2, 2)


@pytest.mark.parametrize("audience", [1, 20, 50])
def test_R45_a_reason_to_hold_that_comes_with_the_last_recipient_holds_nobody(
    audience: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    refused_all = play(clock, started(clock, tmp_path, audience), Scripted(refuses_all))
    assert (refused_all.status, refused_all.hold) == (Status.FAILED, None)


def test_R45_twenty_silences_of_twenty_end_the_run(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    silent = play(clock, started(clock, tmp_path, 20), Scripted(lambda to, n: Unknown("time-out")))
    assert (silent.status, silent.hold, silent.progress.unknown) == (Status.FAILED, None, 20)


def test_R45_a_run_on_hold_keeps_its_credits(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 4)
    play(clock, campaign_id, Scripted(lambda to, n: refused(190, 401)))
    assert campaigns.get(campaign_id).hold is not None
    assert ledger.balance() == Balance(999_996, 4, 0)


@pytest.mark.parametrize(
    "order",
    [
        HoldOrder("template_stopped", "WhatsApp paused the template"),
        HoldOrder("rate_limited", "Too many messages", until=START + HOUR),
        HoldOrder("account_restricted", "WhatsApp restricted the account"),
        HoldOrder("quota_reached", "The quota is used up"),
    ],
    ids=lambda order: order.reason,
)
def test_R43_R45_the_hold_of_a_restored_run_is_replaced_by_no_other(
    order: HoldOrder, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 3)
    restored.keep_waiting("The database was restored", clock.now())
    before = campaigns.get(campaign_id)
    assert before.hold is not None and before.hold.reason == restored.REASON
    ending.hold(clock, campaign_id, order, builders.OPERATOR)
    assert campaigns.get(campaign_id) == before
    assert "campaign.hold" not in actions(campaign_id)
