"""Settling unknown recipients as an operator does (R42), and what the report says then (R40, R46)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine import callback_intake, report, why
from engine.commands import settling
from engine.commands.settling import Fate
from engine.context import Context
from engine.errors import BadInput, EngineError, NotAllowed, NotFound, Refused
from engine.export import tables
from engine.gateway.base import Unknown
from engine.gateway.errors import Internal, text_of
from engine.roles import Permission, Rights, Role, rights
from store import campaigns, database, ledger, outcomes, tallies
from store.types import Balance, RecipientState, Result, ResultKind, Status
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, events, numbers, progress, rows, started, takes_all, work
from tests.store.invariants import check_invariants


def silent(to: str, n: int) -> Unknown:
    return Unknown("time-out")


def unknown(clock: FakeClock, folder: Path, audience: int = 3) -> int:
    """A run that got no answer to anything: Failed, with everybody unknown."""
    campaign_id = started(clock, folder, audience)
    asyncio.run(work(clock, Scripted(silent)))
    found = campaigns.get(campaign_id)
    assert (found.status, found.progress.unknown) == (Status.FAILED, audience)
    return campaign_id


def callback(clock: FakeClock, campaign_id: int, seq: int, status: str = "delivered") -> None:
    told: dict[str, Any] = {
        "id": f"wamid.{seq}",
        "status": status,
        "timestamp": str(START // 1000 + 60),
        "biz_opaque_callback_data": f"{campaign_id}.{seq}.1",
    }
    body = {"entry": [{"changes": [{"value": {"statuses": [told]}}]}]}
    callback_intake.keep(clock, json.dumps(body).encode())
    callback_intake.apply_waiting(clock)


def refused(campaign_id: int, context: Context, typed: list[str] | None, fate: Fate = Fate.SENT) -> EngineError:
    before = rows(campaign_id), progress(campaign_id), ledger.balance()
    with pytest.raises(EngineError) as caught:
        settling.settle(context, campaign_id, fate, typed)
    assert (rows(campaign_id), progress(campaign_id), ledger.balance()) == before
    return caught.value


@pytest.mark.parametrize(
    ("fate", "balance", "state"),
    [
        (Fate.SENT, Balance(999_997, 2, 1), RecipientState.SENT),
        (Fate.FAILED, Balance(999_998, 2, 0), RecipientState.FAILED),
    ],
)
def test_R42_one_number_is_settled(
    acme: Path, clock: FakeClock, tmp_path: Path, fate: Fate, balance: Balance, state: RecipientState
) -> None:
    campaign_id = unknown(clock, tmp_path)
    done = settling.settle(builders.context(clock), campaign_id, fate, [builders.number(1)])
    assert (done.rows, done.already, done.credits) == (1, 0, 1)
    assert numbers(campaign_id, state) == {builders.number(1).removeprefix("+")}
    assert ledger.balance() == balance
    assert done.campaign.progress.unknown == 2
    check_invariants()


@pytest.mark.parametrize("fate", Fate)
def test_R11_R42_settling_is_one_audit_event_with_before_and_after(
    acme: Path, clock: FakeClock, tmp_path: Path, fate: Fate
) -> None:
    campaign_id = unknown(clock, tmp_path)
    settling.settle(builders.context(clock), campaign_id, fate, [builders.number(1)])
    settling.settle(builders.context(clock), campaign_id, fate)
    one, rest = events(campaign_id)[-2:]
    credits = "credits_taken" if fate is Fate.SENT else "credits_given_back"
    named = {"numbers": ["4915170000001"]}
    assert (one.action, one.actor) == ("campaign.settle", "asha")
    assert one.before == {**named, "unknown": 3}
    assert one.after == {**named, "unknown": 2, "settled_as": fate.value, "rows": 1, credits: 1}
    assert (rest.before, rest.after) == (
        {"unknown": 2},
        {"unknown": 0, "settled_as": fate.value, "rows": 2, credits: 2},
    )


def test_R50_R42_the_story_tells_a_settling_once_and_only_to_whom_it_settled(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = unknown(clock, tmp_path)
    settling.settle(builders.context(clock), campaign_id, Fate.SENT, [builders.number(1)])

    def told(n: int) -> list[str]:
        return [one.text for one in why.read(campaign_id, builders.number(n)).events if "by hand" in one.text]

    assert told(1) == ["settled by hand as sent, by asha"]
    assert told(0) == ["still unknown: a status callback may settle it, or an operator by hand"]


def test_R42_numbers_that_are_not_unknown_any_more_stay_as_they_are(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = unknown(clock, tmp_path)
    callback(clock, campaign_id, 1, "read")
    both = [builders.number(0), builders.number(1), builders.number(1)]
    done = settling.settle(builders.context(clock), campaign_id, Fate.FAILED, both)
    assert (done.rows, done.already) == (1, 1)
    assert (done.campaign.progress.sent, done.campaign.progress.failed) == (1, 1)
    check_invariants()


def test_R42_what_cannot_be_settled_is_refused_and_changes_nothing(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = unknown(clock, tmp_path)
    stranger = refused(campaign_id, context, [builders.number(0), builders.number(99), builders.number(98)])
    assert (type(stranger), stranger.code) == (Refused, "not_in_audience")
    assert "+4915170000099, nor 1 other" in stranger.message
    assert events(campaign_id)[-1].action == "campaign.settle.refused"
    junk = refused(campaign_id, context, ["12"])
    assert (type(junk), junk.code) == (BadInput, "bad_number")
    settling.settle(context, campaign_id, Fate.SENT)
    for typed in (None, [builders.number(0)]):
        assert refused(campaign_id, context, typed).code == "not_unknown"
    assert refused(builders.draft(clock, tmp_path), context, None).code == "not_unknown"
    with pytest.raises(NotFound):
        settling.settle(context, 999, Fate.SENT)


def test_R57_R42_settling_needs_the_permission_to_send(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = unknown(clock, tmp_path)
    agent = Context(clock, builders.OPERATOR, rights(Role.AGENT))
    assert isinstance(refused(campaign_id, agent, None), NotAllowed)
    manager = Context(clock, builders.OPERATOR, Rights(Role.MANAGER, frozenset({Permission.SEND})))
    assert settling.settle(manager, campaign_id, Fate.SENT).rows == 3


def test_R42_R5_R6_R9_settling_as_sent_leaves_failed_final_and_makes_the_words_true(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = unknown(clock, tmp_path)
    cause = report.cause_of(campaigns.get(campaign_id))
    assert cause is not None and "accepted no message" in cause.text and "unknown ones" in cause.advice
    settling.settle(builders.context(clock), campaign_id, Fate.SENT)
    found = report.read(campaign_id)
    assert (found.campaign.status, found.campaign.progress.sent) == (Status.FAILED, 3)
    assert report.rates(found.campaign)["sent"] == 100.0
    cause = found.root_cause
    assert cause is not None and cause.code == "gateway_unreachable"
    assert "accepted no message" not in cause.text
    assert "3 messages turned out to have gone out" in cause.text
    assert "failed recipients only" in cause.advice
    check_invariants()


def test_R42_R40_with_nothing_unknown_left_the_advice_waits_for_no_callback(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = unknown(clock, tmp_path)
    settling.settle(builders.context(clock), campaign_id, Fate.FAILED)
    found = report.read(campaign_id)
    assert found.root_cause is not None and "unknown" not in found.root_cause.advice
    (line,) = found.errors
    assert (line.code, line.text, line.n) == (-10, "Settled by hand as not sent", 3)


def test_R40_a_callback_that_proves_a_failed_campaign_sent_makes_the_words_true_as_well(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = unknown(clock, tmp_path)
    settling.settle(builders.context(clock), campaign_id, Fate.FAILED)
    callback(clock, campaign_id, 2)
    cause = report.cause_of(campaigns.get(campaign_id))
    assert cause is not None and "1 message turned out to have gone out" in cause.text
    check_invariants()


async def test_R42_R46_a_completed_campaign_s_figures_go_on(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 3)
    await work(clock, Scripted(lambda to, n: takes_all(to, n) if to.endswith("0") else silent(to, n)))
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    version = progress(campaign_id).version
    settling.settle(builders.context(clock), campaign_id, Fate.SENT, [builders.number(1)])
    settling.settle(builders.context(clock), campaign_id, Fate.FAILED)
    found = campaigns.get(campaign_id)
    assert found.status is Status.COMPLETED
    assert (found.progress.sent, found.progress.failed, found.progress.unknown) == (2, 1, 0)
    assert found.progress.version > version
    check_invariants()


def test_R42_R40_a_run_that_ends_with_all_settled_by_hand_was_not_refused_by_the_gateway(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    from engine import ending
    from store import leases, windows

    campaign_id = started(clock, tmp_path, 2)
    sender = campaigns.get(campaign_id).sender_id
    assert sender is not None
    for owner in ("w1", "w2"):
        now = clock.now()
        lease = leases.take(leases.name_of(sender), owner, now, now + 15_000, host="h", pid=1, role="service")
        assert lease is not None
        if owner == "w1":
            assert windows.claim(campaign_id, lease, 2, now) is not None
            clock.advance(20_000)
        else:
            assert windows.recover(campaign_id, lease.fence, now) == 2
    settling.settle(builders.context(clock), campaign_id, Fate.FAILED)
    with database.transaction():
        ending.finish(clock, campaign_id, builders.OPERATOR)
    found = campaigns.get(campaign_id)
    assert (found.status, found.status_reason) == (Status.FAILED, "gateway_unreachable")
    assert tallies.of(campaign_id, tallies.ERROR) == {"-10": 2}
    check_invariants()


def test_R42_the_code_of_what_was_settled_by_hand_is_our_own() -> None:
    assert text_of(Internal.SETTLED_NOT_SENT) == "Settled by hand as not sent"


def test_R29_R42_R48_a_refusal_that_overrules_it_gives_the_credit_back_and_the_report_says_so(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = unknown(clock, tmp_path)
    settling.settle(builders.context(clock), campaign_id, Fate.SENT)
    now = clock.now()
    refusal = Result(1, ResultKind.FAILED, now, now, code=131026, http_status=400)
    outcomes.record(campaign_id, [refusal], {1: rows(campaign_id)[0].country}, [], now)
    check_invariants()
    # What is settled stays settled in the ledger; a top-up makes up for it.
    assert ledger.balance() == Balance(999_998, 0, 3)
    told = dict(tables.facts(report.read(campaign_id), "UTC"))
    assert told["Credits"] == "2 credits spent, 1 given back, 0 still reserved"
    story = [event.text for event in why.read(campaign_id, builders.number(0)).events]
    assert story[-1].startswith("refused by the gateway: ")
    assert why.read(campaign_id, builders.number(0)).stands == "failed; no credit taken"
