"""Messages that WhatsApp takes and holds back: not sent, never resent, decided by callbacks or not at all (R42)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import callback_intake, report, why
from engine.callbacks import register
from engine.clock import HOUR, MINUTE
from engine.commands import duplicating, resuming, settling
from engine.commands import testsends as testing
from engine.decide import HELD_BACK, HELD_MS, HELD_WORDS
from engine.errors import Refused
from engine.export import state_word
from engine.gateway.base import Accepted, Outcome, Unknown
from engine.gateway.errors import Internal
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.testsends import words
from store import callbacks, campaigns, held, ledger, outcomes, testsends
from store.types import Balance, Delivery, RecipientState, RootCause, Status, StatusUpdate
from tests import builders
from tests.clock import FakeClock
from tests.engine.test_replies import SECRET, receiving
from tests.sending import (
    Scripted,
    actions,
    bench,
    check_against,
    eventually,
    progress,
    refused,
    rows,
    started,
    takes_all,
    work,
)
from tests.store.invariants import check_invariants

CREDITS = 1_000_000
DROPPED = 132015
FIRST = builders.number(0).lstrip("+")


def holds(*numbers: int) -> Callable[[str, int], Outcome]:
    """These of the campaign's numbers are held back, everybody else is taken."""
    kept = {builders.number(one).lstrip("+") for one in numbers}
    return lambda to, n: Accepted(f"wamid.{to}", held=True) if to in kept else takes_all(to, n)


def told(campaign_id: int, seq: int, status: str, at: int, code: int | None = None) -> None:
    callbacks.apply([], [StatusUpdate(campaign_id, seq, None, status, at, code)], at)


@pytest.fixture
def waiting(acme: Path, clock: FakeClock, tmp_path: Path) -> int:
    """A run of four of which two are held back, and nothing else is left."""
    campaign_id = started(clock, tmp_path, 4)
    asyncio.run(work(clock, Scripted(holds(1, 2))))
    check_invariants()
    return campaign_id


def again(clock: FakeClock) -> Scripted:
    """Let a worker look again; answers what it handed over."""
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    check_invariants()
    return gateway


def test_R41_R42_what_is_held_back_is_pending_and_the_run_is_not_over(waiting: int, clock: FakeClock) -> None:
    found = campaigns.get(waiting)
    assert (found.status, found.progress.sent, found.progress.pending) == (Status.IN_PROGRESS, 2, 2)
    assert ledger.balance() == Balance(CREDITS - 4, 2, 2)
    assert found.hold is not None
    assert (found.hold.reason, found.hold.until) == (HELD_BACK, held.last(waiting))
    assert HELD_WORDS in found.hold.text and found.hold.text.startswith("2 messages are ")
    assert [state_word(row) for row in rows(waiting)] == ["sent", "held", "held", "sent"]
    one = report.read(waiting)
    assert (one.held, report.report_json(one)["held"], report.adds_up(found)) == (2, 2, True)


def test_R43_it_is_never_handed_over_again_not_even_by_a_resume(waiting: int, clock: FakeClock) -> None:
    for _ in range(3):
        clock.advance(20 * MINUTE)
        assert again(clock).handed == []
    resuming.resume(builders.context(clock), waiting)
    assert again(clock).handed == []
    assert progress(waiting).pending == 2 and campaigns.get(waiting).hold is not None


def test_R42_a_callback_lets_it_count_as_sent_and_the_last_one_ends_the_run(waiting: int, clock: FakeClock) -> None:
    told(waiting, 2, "sent", clock.now())
    assert again(clock).handed == []
    assert (progress(waiting).sent, progress(waiting).pending) == (3, 1)
    assert campaigns.get(waiting).status is Status.IN_PROGRESS
    told(waiting, 3, "delivered", clock.now())
    again(clock)
    ended = campaigns.get(waiting)
    assert (ended.status, ended.progress.sent, ended.progress.delivered) == (Status.COMPLETED, 4, 1)
    assert [row.attempt for row in rows(waiting)] == [1, 1, 1, 1]
    assert ledger.balance() == Balance(CREDITS - 4, 0, 4)
    events = [event.what for event in why.read(waiting, builders.number(1)).events if "campaign" not in event.what]
    assert events[-3:] == ["handed_over", "held", "released"]


def test_R42_what_is_dropped_has_failed_and_costs_nothing(waiting: int, clock: FakeClock) -> None:
    for seq in (2, 3):
        told(waiting, seq, "failed", clock.now(), DROPPED)
        told(waiting, seq, "failed", clock.now(), DROPPED)
    again(clock)
    ended = campaigns.get(waiting)
    assert (ended.status, ended.progress.sent, ended.progress.failed) == (Status.COMPLETED, 2, 2)
    assert {(row.error, row.delivery) for row in rows(waiting) if row.state is RecipientState.FAILED} == {
        (DROPPED, Delivery.NONE)
    }
    assert ledger.balance() == Balance(CREDITS - 2, 0, 2)
    assert duplicating.parts(waiting, clock.now())["failed"] == 2
    told_of = [event.text for event in why.read(waiting, builders.number(1)).events if event.what == "dropped"]
    assert len(told_of) == 1 and told_of[0].startswith("dropped by WhatsApp, never sent: The template is paused")


def test_R42_what_is_dropped_was_never_sent_although_its_answer_was_lost(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 2)
    asyncio.run(work(clock, Scripted(lambda to, n: Unknown("no answer") if to == FIRST else takes_all(to, n))))
    assert rows(campaign_id)[0].state is RecipientState.UNKNOWN
    told(campaign_id, 1, "failed", clock.now(), DROPPED)
    check_invariants()
    row = rows(campaign_id)[0]
    assert (row.state, row.error, row.delivery) == (RecipientState.FAILED, DROPPED, Delivery.NONE)
    assert ledger.balance() == Balance(CREDITS - 1, 0, 1)


def dropped(clock: FakeClock, campaign_id: int, *seqs: int) -> None:
    """WhatsApp's own callback that these messages were dropped, taken in as any."""
    error = {"code": DROPPED, "title": "Template is Paused"}
    statuses = [
        {
            "id": f"wamid.{seq}",
            "status": "failed",
            "timestamp": str(clock.now() // 1_000),
            "recipient_id": "1",
            "biz_opaque_callback_data": f"{campaign_id}.{seq}.1",
            "errors": [error],
        }
        for seq in seqs
    ]
    value = {"metadata": {"phone_number_id": "1000001"}, "statuses": statuses}
    body = {"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}
    callback_intake.keep(clock, json.dumps(body).encode())
    callback_intake.apply_waiting(clock)


def test_R45_a_run_whose_last_messages_are_dropped_is_over_and_waits_for_nobody(waiting: int, clock: FakeClock) -> None:
    dropped(clock, waiting, 2)
    hold = campaigns.get(waiting).hold
    assert hold is not None and (hold.reason, hold.until) == ("campaign_paused", None)
    again(clock)
    # One is still waited for, and a person may want to see why.
    assert campaigns.get(waiting).status is Status.IN_PROGRESS
    dropped(clock, waiting, 3)
    again(clock)
    ended = campaigns.get(waiting)
    assert (ended.status, ended.hold, ended.progress.sent, ended.progress.failed) == (Status.COMPLETED, None, 2, 2)


def test_R42_another_failure_came_after_it_was_let_go(waiting: int, clock: FakeClock) -> None:
    told(waiting, 2, "failed", clock.now(), 131026)
    check_invariants()
    found = rows(waiting)[1]
    assert (found.state, found.delivery, found.error) == (RecipientState.SENT, Delivery.UNDELIVERED, 131026)


@pytest.mark.parametrize("late", [-1, 0])
def test_R42_after_75_minutes_without_news_it_is_unknown_and_the_run_ends(
    late: int, waiting: int, clock: FakeClock
) -> None:
    until = held.last(waiting)
    assert until is not None and 0 < clock.now() + HELD_MS - until < MINUTE
    clock.set(until + late)
    assert again(clock).handed == []
    found = campaigns.get(waiting)
    if late < 0:
        assert found.progress.pending >= 1 and found.status is Status.IN_PROGRESS
        return
    assert (found.status, found.progress.sent, found.progress.unknown) == (Status.COMPLETED, 2, 2)
    assert ledger.balance() == Balance(CREDITS - 4, 2, 2)
    assert "campaign.held_lapsed" in actions(waiting)
    assert "75 minutes" in " ".join(event.text for event in why.read(waiting, builders.number(1)).events)


@pytest.mark.parametrize(
    ("status", "code", "state", "balance"),
    [
        ("sent", None, RecipientState.SENT, Balance(CREDITS - 4, 1, 3)),
        ("failed", DROPPED, RecipientState.FAILED, Balance(CREDITS - 3, 1, 2)),
    ],
)
def test_R42_news_that_comes_later_still_settles_it(
    status: str, code: int | None, state: RecipientState, balance: Balance, waiting: int, clock: FakeClock
) -> None:
    clock.advance(2 * HOUR)
    again(clock)
    told(waiting, 2, status, clock.now(), code)
    check_invariants()
    assert (rows(waiting)[1].state, ledger.balance()) == (state, balance)
    assert campaigns.get(waiting).status is Status.COMPLETED


def test_R42_it_cannot_be_settled_by_hand_and_is_in_no_duplicate_while_it_is_held(
    waiting: int, clock: FakeClock
) -> None:
    with pytest.raises(Refused):
        settling.settle(builders.context(clock), waiting, settling.Fate.FAILED)
    assert duplicating.parts(waiting, clock.now()) == {"failed": 0, "unknown": 0, "unread": 2}
    copy_id = duplicating.duplicate(builders.context(clock), waiting, "unknown")
    assert campaigns.get(copy_id).progress.audience == 0


def test_R42_when_nothing_was_heard_of_any_the_run_has_failed(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 2)
    asyncio.run(work(clock, Scripted(holds(0, 1))))
    clock.advance(HELD_MS)
    again(clock)
    ended = campaigns.get(campaign_id)
    assert (ended.status, ended.progress.unknown) == (Status.FAILED, 2)
    assert ended.status_reason == RootCause.GATEWAY_UNREACHABLE


def test_R45_when_the_rest_is_given_up_what_is_held_is_not(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 4)
    outcome = holds(0)
    # The first is held back, the second meets a pause of the template.
    asyncio.run(work(clock, Scripted(lambda to, n: outcome(to, n) if to == FIRST else refused(DROPPED))))
    assert (held.seqs(campaign_id), progress(campaign_id).pending) == ([1], 4)
    assert outcomes.fail_rest(campaign_id, int(Internal.NOT_ATTEMPTED), clock.now()) == 3
    check_invariants()
    assert [row.state for row in rows(campaign_id)] == [RecipientState.PENDING, *[RecipientState.FAILED] * 3]


async def test_R42_the_simulator_lets_them_go_by_and_by(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 40)
    scenario = Scenario(held=0.4, held_ms=300.0, sent_ms=Delay(5), delivered_ms=Delay(5), read_ms=Delay(5))
    most = 0

    def over() -> bool:
        nonlocal most
        most = max(most, held.count(campaign_id))
        return campaigns.get(campaign_id).status is Status.COMPLETED

    async with bench(clock, scenario) as one, receiving(clock) as url:
        await register(one.simulator.base_url, url, SECRET)
        sending = one.worker()
        task = asyncio.create_task(sending.work())
        await eventually(over)
        sending.stop()
        await task
        check_against(one.accepted().elements(), campaign_id)
    assert most > 5
    assert (progress(campaign_id).sent, one.simulator.counts["requests"]) == (40, 40)


def test_R32_a_test_send_that_is_held_is_told_so(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    testing.send(builders.context(clock), campaign_id, [builders.number(1)])
    asyncio.run(work(clock, Scripted(holds(1))))
    (test,) = testsends.of_campaign(campaign_id, 1)
    assert test.state is RecipientState.UNKNOWN and HELD_WORDS in words(test)
    update = StatusUpdate(None, None, None, "failed", clock.now(), DROPPED, test_id=test.id)
    callbacks.apply([], [update], clock.now())
    check_invariants()
    (test,) = testsends.of_campaign(campaign_id, 1)
    assert (test.state, test.error) == (RecipientState.FAILED, DROPPED)
    assert ledger.balance() == Balance(CREDITS, 0, 0)
