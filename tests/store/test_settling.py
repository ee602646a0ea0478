"""Settling unknown recipients by hand, and the evidence that may come later (R42, R29, R41)."""

from __future__ import annotations

import pytest

from store import audit, callbacks, campaigns, ledger, outcomes, recipients, settling, tallies, transitions, windows
from store import quota_meter as quota
from store.types import (
    NOT_SENT_BY_HAND,
    Balance,
    Delivery,
    LedgerKind,
    Recipient,
    RecipientState,
    Result,
    ResultKind,
    Status,
    StatusUpdate,
)
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import CREDITS, PRICES, Scene, contacts, result

ALL = sum(PRICES.values())


def unknown(scene: Scene, n: int = 3) -> int:
    """A run whose rows are all unknown, their countries and prices in turn: 3, 2, 1."""
    campaign_id = scene.running(contacts(n))
    scene.claim(campaign_id, scene.lease("w1"), n)
    windows.recover(campaign_id, scene.lease("w2").fence, START)
    assert campaigns.progress(campaign_id).unknown == n
    return campaign_id


def row(campaign_id: int, seq: int = 1) -> Recipient:
    return recipients.page(campaign_id, [seq])[seq]


def settle(campaign_id: int, *seqs: int, sent: bool) -> settling.Settled:
    done = settling.settle(campaign_id, list(seqs) or None, sent=sent, actor="asha", now=START)
    check_invariants()
    return done


def callback(campaign_id: int, status: str = "delivered", seq: int = 1, code: int | None = None) -> int:
    update = StatusUpdate(campaign_id, seq, f"wamid.{seq}", status, START + 1_000, code)
    unmatched = callbacks.apply([], [update], START + 2_000)
    check_invariants()
    return unmatched


def late(campaign_id: int, kind: ResultKind, seq: int = 1, **facts: object) -> Result:
    """What a worker that had lost its lease records after all."""
    one = result(seq, kind, START + 500, **facts)
    country = row(campaign_id, seq).country
    outcomes.record(campaign_id, [one], {seq: country}, [], START + 500)
    check_invariants()
    return one


def test_R42_R29_settled_as_sent_spends_the_credit_once(scene: Scene) -> None:
    campaign_id = unknown(scene)
    assert settle(campaign_id, 2, sent=True) == (1, PRICES[""])
    found = row(campaign_id, 2)
    assert (found.state, found.message_id, found.sent_at) == (RecipientState.SENT, None, found.handed_at)
    assert ledger.balance() == Balance(CREDITS - ALL, ALL - 2, 2)
    assert settle(campaign_id, 2, sent=True) == (0, 0)
    assert settle(campaign_id, 2, sent=False) == (0, 0)
    assert ledger.balance() == Balance(CREDITS - ALL, ALL - 2, 2)
    entry = ledger.entries(campaign_id)[-1]
    assert (entry.amount, entry.actor) == (2, "asha")


def test_R42_R29_settled_as_failed_gives_the_credit_back_once(scene: Scene) -> None:
    campaign_id = unknown(scene)
    assert settle(campaign_id, 2, 3, sent=False) == (2, 3)
    assert (row(campaign_id, 2).state, row(campaign_id, 2).error) == (RecipientState.FAILED, NOT_SENT_BY_HAND)
    assert tallies.of(campaign_id, tallies.ERROR) == {str(NOT_SENT_BY_HAND): 2}
    assert ledger.balance() == Balance(CREDITS - 3, 3, 0)
    assert settle(campaign_id, sent=False) == (1, 3)
    assert ledger.balance() == Balance(CREDITS, 0, 0)


@pytest.mark.parametrize("sent", [True, False])
def test_R42_all_unknown_ones_at_once_and_nothing_else(scene: Scene, sent: bool) -> None:
    campaign_id, other = scene.running(contacts(600)), unknown(scene)
    lease = scene.lease("w1")
    window, rows = scene.claim(campaign_id, lease, 500)
    outcomes.record(
        campaign_id,
        [result(one.seq, (ResultKind.SENT, ResultKind.FAILED, ResultKind.UNKNOWN)[one.seq % 3]) for one in rows],
        {one.seq: one.country for one in rows},
        [window.id],
        START,
    )
    before = campaigns.progress(campaign_id)
    done = settle(campaign_id, sent=sent)
    after = campaigns.progress(campaign_id)
    assert done.rows == before.unknown == 167
    assert (after.unknown, after.pending) == (0, before.pending)
    assert (after.sent, after.failed) == (before.sent + sent * done.rows, before.failed + (not sent) * done.rows)
    assert campaigns.progress(other).unknown == 3


@pytest.mark.parametrize("sent", [True, False])
def test_R42_a_callback_that_was_first_wins(scene: Scene, sent: bool) -> None:
    campaign_id = unknown(scene, 1)
    callback(campaign_id, "read")
    before = row(campaign_id), ledger.balance()
    assert settle(campaign_id, 1, sent=sent) == (0, 0)
    after = campaigns.progress(campaign_id)
    assert (row(campaign_id), ledger.balance()) == before
    assert (after.sent, after.failed, after.unknown) == (1, 0, 0)


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_R42_R46_what_is_settled_as_sent_goes_on_with_callbacks(scene: Scene, status: str) -> None:
    campaign_id = unknown(scene, 1)
    settle(campaign_id, sent=True)
    credits = ledger.balance()
    assert callback(campaign_id, status, code=131026 if status == "failed" else None) == 0
    assert row(campaign_id).message_id == "wamid.1"
    assert ledger.balance() == credits, "paid for once"
    counters = campaigns.progress(campaign_id)
    assert (counters.sent, counters.undelivered) == (1, int(status == "failed"))


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_R42_R29_proof_against_failed_by_hand_makes_it_sent_and_takes_the_credit_again(
    scene: Scene, status: str
) -> None:
    campaign_id = unknown(scene)
    settle(campaign_id, sent=False)
    assert ledger.balance() == Balance(CREDITS, 0, 0)
    assert callback(campaign_id, status, seq=2, code=131026 if status == "failed" else None) == 0
    found = row(campaign_id, 2)
    assert (found.state, found.message_id, found.sent_at) == (RecipientState.SENT, "wamid.2", START + 1_000)
    assert found.error == (131026 if status == "failed" else None)
    assert ledger.balance() == Balance(CREDITS - 2, 0, 2)
    counters = campaigns.progress(campaign_id)
    assert (counters.sent, counters.failed, counters.unknown) == (1, 2, 0)
    assert tallies.of(campaign_id, tallies.ERROR) == {str(NOT_SENT_BY_HAND): 2}
    callback(campaign_id, status, seq=2, code=131026 if status == "failed" else None)
    assert ledger.balance() == Balance(CREDITS - 2, 0, 2), "once, however often it is proven"


def test_R11_R42_a_proof_that_overrules_an_operator_is_an_audit_event(scene: Scene) -> None:
    campaign_id = unknown(scene)
    settle(campaign_id, sent=False)
    callback(campaign_id, "read", seq=2)
    event = audit.events(campaign_id)[-1]
    assert (event.action, event.actor) == ("campaign.proven", "callback")
    assert event.before == {"row": 2, "state": "failed"}
    assert event.after == {"row": 2, "state": "sent", "credits": 2, "unpaid": 0}


def test_R42_R29_without_a_free_credit_the_truth_stands_and_the_balance_is_not_made_negative(scene: Scene) -> None:
    campaign_id = unknown(scene)
    settle(campaign_id, sent=False)
    # A run that is somewhere else and holds every credit there is.
    everything = ledger.balance().free
    ledger.reserve(START, 999, everything, "somebody else")
    assert callbacks.apply([], [StatusUpdate(campaign_id, 2, "wamid.2", "read", START + 1_000)], START) == 0
    ledger.release(START, 999, everything, "somebody else")
    check_invariants()
    assert row(campaign_id, 2).delivery is Delivery.READ
    assert ledger.balance().spent == 0
    assert tallies.of(campaign_id, tallies.UNPAID) == {tallies.CREDITS: 2}
    assert audit.events(campaign_id)[-1].after == {"row": 2, "state": "sent", "credits": 0, "unpaid": 2}


def test_R42_R43_the_answer_of_a_worker_that_had_lost_its_lease_is_proof_too(scene: Scene) -> None:
    campaign_id = unknown(scene)
    settle(campaign_id, sent=False)
    late(campaign_id, ResultKind.SENT, 2)
    assert (row(campaign_id, 2).state, row(campaign_id, 2).message_id) == (RecipientState.SENT, "wamid.2")
    assert ledger.balance() == Balance(CREDITS - 2, 0, 2)


def test_R42_a_late_refusal_gives_failed_by_hand_its_real_code(scene: Scene) -> None:
    campaign_id = unknown(scene)
    settle(campaign_id, sent=False)
    late(campaign_id, ResultKind.FAILED, 2)
    assert tallies.of(campaign_id, tallies.ERROR) == {str(NOT_SENT_BY_HAND): 2, "131026": 1}
    assert ledger.balance() == Balance(CREDITS, 0, 0)
    assert callback(campaign_id, "read", seq=2) == 1, "a refused row is not sent by a callback"


def test_R29_R42_a_late_refusal_of_what_was_settled_as_sent_fails_it_and_gives_the_credit_back_once(
    scene: Scene,
) -> None:
    campaign_id = unknown(scene)
    settle(campaign_id, sent=True)
    topped_up = ledger.topped_up()
    for _ in range(2):
        late(campaign_id, ResultKind.FAILED, 2)
        found = row(campaign_id, 2)
        assert (found.state, found.error, found.sent_at) == (RecipientState.FAILED, 131026, None)
        counters = campaigns.progress(campaign_id)
        assert (counters.sent, counters.failed, counters.unknown) == (2, 1, 0)
        assert ledger.balance() == Balance(CREDITS - ALL + 2, 0, ALL)
        assert ledger.topped_up() == topped_up + 2
    entry = ledger.entries(campaign_id)[-1]
    assert (entry.kind, entry.amount, entry.note) == (LedgerKind.TOP_UP, 2, "row 2 given back")
    assert [one.outcome for one in outcomes.attempts(campaign_id, 2)][:3] == ["taken_over", "settled_sent", "failed"]
    (event,) = audit.events(campaign_id, actions=["campaign.disproven"])
    assert (event.actor, event.after) == ("worker", {"row": 2, "state": "failed", "credits": 2})
    assert quota.used(START + 500) == 2
    assert callback(campaign_id, "read", seq=2) == 1, "a refused row is not sent by a callback"


def test_R42_a_late_refusal_does_not_overrule_a_callback(scene: Scene) -> None:
    campaign_id = unknown(scene, 1)
    settle(campaign_id, sent=True)
    callback(campaign_id, "sent")
    before = row(campaign_id), ledger.balance()
    late(campaign_id, ResultKind.FAILED)
    assert (row(campaign_id), ledger.balance()) == before


def test_R5_R42_a_run_that_ended_by_an_operators_word_keeps_its_status_when_that_is_overruled(scene: Scene) -> None:
    campaign_id = unknown(scene, 1)
    settle(campaign_id, sent=True)
    assert transitions.finish(campaign_id, Status.COMPLETED, None, {}, START)
    late(campaign_id, ResultKind.FAILED)
    assert (campaigns.status(campaign_id)[0], campaigns.progress(campaign_id).failed) == (Status.COMPLETED, 1)


def test_R43_a_row_settled_as_failed_is_never_handed_over_again(scene: Scene) -> None:
    campaign_id = scene.running(contacts(4))
    scene.claim(campaign_id, scene.lease("w1"), 2)
    lease = scene.lease("w2")
    windows.recover(campaign_id, lease.fence, START)
    settle(campaign_id, sent=False)
    _, rows = scene.claim(campaign_id, lease, 50)
    assert [one.seq for one in rows] == [3, 4]


def test_R42_who_decided_is_kept_with_the_row(scene: Scene) -> None:
    campaign_id = unknown(scene)
    settle(campaign_id, 1, sent=True)
    settle(campaign_id, sent=False)
    callback(campaign_id, "read", seq=3)
    told = {seq: [(one.outcome, one.detail) for one in outcomes.attempts(campaign_id, seq)] for seq in (1, 2, 3)}
    assert told == {
        1: [("taken_over", ""), ("settled_sent", "by asha")],
        2: [("taken_over", ""), ("settled_failed", "by asha")],
        3: [("taken_over", ""), ("settled_failed", "by asha"), ("proved", "wamid.3")],
    }
