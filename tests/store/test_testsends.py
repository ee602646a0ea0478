"""Test sends in the store: intent, outcome, take-over and callbacks, each with its credits (R29, R32, R42, R43)."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from store import account, callbacks, campaigns, ledger, optouts, quota_meter, testsends
from store import types as kinds
from store.errors import Fenced, ShortOfCredits
from store.types import Delivery, Progress, RecipientState, Result, ResultKind, Status, StatusUpdate
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import CREDITS, Scene, contacts

LATER = START + 1_000
NUMBER = 919_000_000_500


@pytest.fixture
def campaign_id(scene: Scene) -> int:
    return scene.draft(contacts(2))


def queue(scene: Scene, campaign_id: int, n: int = 1, price: int = 3) -> list[int]:
    messages = [(NUMBER + i, {"to": f"+{NUMBER + i}"}, price) for i in range(n)]
    return testsends.queue(campaign_id, scene.sender_id, "ann", messages, START)


def one(test_id: int) -> kinds.TestSend:
    (found,) = testsends.page([test_id])
    return found


def claimed(scene: Scene, campaign_id: int, owner: str = "w1") -> tuple[int, int]:
    """A test send that is in flight, and its fence."""
    (test_id,) = queue(scene, campaign_id)
    lease = scene.lease(owner)
    (row,) = testsends.claim(scene.sender_id, lease, START, START)
    assert row.id == test_id and row.fence == lease.fence
    return test_id, lease.fence


def result(test_id: int, kind: ResultKind, **facts: Any) -> Result:
    return Result(test_id, kind, LATER, START, **facts)


def balance() -> tuple[int, int, int]:
    found = ledger.balance()
    check_invariants()
    return CREDITS - found.free, found.reserved, found.spent


def test_R29_R32_asking_reserves_each_once_and_in_no_campaigns_name(scene: Scene, campaign_id: int) -> None:
    ids = queue(scene, campaign_id, 2)
    assert balance() == (6, 6, 0)
    entries = ledger.entries()[-2:]
    assert [entry.campaign_id for entry in entries] == [None, None]
    assert [entry.note for entry in entries] == [f"test send {test_id} of campaign {campaign_id}" for test_id in ids]
    assert [one(test_id).state for test_id in ids] == [RecipientState.PENDING] * 2
    assert campaigns.progress(campaign_id) == Progress(audience=2, pending=2, version=1)


def test_R32_too_few_credits_for_all_of_them_add_none(scene: Scene, campaign_id: int) -> None:
    with pytest.raises(ShortOfCredits) as short:
        queue(scene, campaign_id, 2, price=CREDITS - 1)
    assert (short.value.needed, short.value.free) == (2 * CREDITS - 2, CREDITS)
    assert testsends.waiting(scene.sender_id) == 0
    assert balance() == (0, 0, 0)


def test_R32_what_costs_nothing_moves_nothing(scene: Scene, campaign_id: int) -> None:
    (test_id,) = queue(scene, campaign_id, price=0)
    testsends.claim(scene.sender_id, scene.lease(), START, START)
    testsends.record(result(test_id, ResultKind.SENT, message_id="wamid.1"), 1)
    assert balance() == (0, 0, 0)


def test_R43_the_intent_is_there_before_anything_goes_and_nobody_else_can_claim_it(
    scene: Scene, campaign_id: int
) -> None:
    test_id, _ = claimed(scene, campaign_id)
    assert one(test_id).handed_at == START
    assert testsends.claim(scene.sender_id, scene.lease("w2"), LATER, START) == []
    assert not testsends.due(scene.sender_id, LATER)
    assert testsends.waiting(scene.sender_id) == 1


def test_R43_who_has_lost_the_lease_claims_nothing(scene: Scene, campaign_id: int) -> None:
    (test_id,) = queue(scene, campaign_id)
    old = scene.lease("w1")
    scene.lease("w2")
    with pytest.raises(Fenced):
        testsends.claim(scene.sender_id, old, START, START)
    assert one(test_id).fence is None


def test_another_senders_are_left_alone(scene: Scene, campaign_id: int) -> None:
    queue(scene, campaign_id)
    assert testsends.claim(scene.sender_id + 1, scene.lease(), START, START) == []
    assert not testsends.due(scene.sender_id + 1, START)


@pytest.mark.parametrize(
    ("kind", "facts", "state", "moved"),
    [
        (ResultKind.SENT, {"message_id": "wamid.1"}, RecipientState.SENT, (3, 0, 3)),
        (ResultKind.FAILED, {"code": 131026, "detail": "x"}, RecipientState.FAILED, (0, 0, 0)),
        (ResultKind.UNKNOWN, {"code": -1, "detail": "timed out"}, RecipientState.UNKNOWN, (3, 3, 0)),
    ],
)
def test_R29_R32_each_outcome_moves_its_credits_once(
    scene: Scene, campaign_id: int, kind: ResultKind, facts: dict[str, Any], state: RecipientState, moved: Any
) -> None:
    test_id, fence = claimed(scene, campaign_id)
    for _ in range(2):
        testsends.record(result(test_id, kind, **facts), fence)
        found = one(test_id)
        assert (found.state, found.attempt, found.ended_at) == (state, 1, LATER)
        assert (found.message_id, found.error) == (facts.get("message_id"), facts.get("code"))
        assert balance() == moved
    assert not testsends.due(scene.sender_id, LATER)


def test_R44_what_was_put_back_is_due_at_its_time_and_counts_its_tries(scene: Scene, campaign_id: int) -> None:
    test_id, fence = claimed(scene, campaign_id)
    testsends.record(result(test_id, ResultKind.PUT_BACK, code=130429, not_before=LATER, counts=False), fence)
    assert not testsends.due(scene.sender_id, LATER - 1)
    assert testsends.due(scene.sender_id, LATER)
    assert (one(test_id).attempt, one(test_id).tried, one(test_id).fence) == (1, 0, None)
    testsends.claim(scene.sender_id, scene.lease(), LATER, START)
    testsends.record(result(test_id, ResultKind.PUT_BACK, code=2, not_before=LATER), one(test_id).fence or 0)
    assert (one(test_id).attempt, one(test_id).tried) == (2, 1)
    assert balance() == (3, 3, 0)


def test_a_skip_is_no_outcome_of_a_test(scene: Scene, campaign_id: int) -> None:
    test_id, fence = claimed(scene, campaign_id)
    with pytest.raises(ValueError, match="skipped"):
        testsends.record(result(test_id, ResultKind.SKIPPED), fence)


def test_R42_a_take_over_makes_what_was_in_flight_unknown_and_leaves_the_rest(scene: Scene, campaign_id: int) -> None:
    test_id, _ = claimed(scene, campaign_id)
    (waits,) = queue(scene, campaign_id)
    new = scene.lease("w2")
    assert [row.id for row in testsends.recover(scene.sender_id, new.fence, LATER)] == [test_id]
    assert testsends.recover(scene.sender_id, new.fence, LATER) == []
    assert (one(test_id).state, one(test_id).attempt) == (RecipientState.UNKNOWN, 1)
    assert one(waits).state is RecipientState.PENDING
    assert balance() == (6, 6, 0), "R29: the credits of an unknown one stay reserved"


def test_R42_a_newer_owners_intent_is_not_taken_for_a_dead_ones(scene: Scene, campaign_id: int) -> None:
    old = scene.lease("w0")
    test_id, _ = claimed(scene, campaign_id)
    assert testsends.recover(scene.sender_id, old.fence, LATER) == []
    assert one(test_id).state is RecipientState.PENDING


def test_R42_a_take_over_of_one_sender_leaves_the_tests_of_another(scene: Scene, campaign_id: int) -> None:
    other = account.add_sender(918040214099, "1002", 80, START)
    assert other is not None
    test_id, fence = claimed(scene, campaign_id)
    assert testsends.recover(other, fence + 1, LATER) == []
    assert one(test_id).state is RecipientState.PENDING


@pytest.mark.parametrize("kind", [ResultKind.PUT_BACK, ResultKind.UNKNOWN])
def test_R43_an_older_claims_outcome_leaves_what_is_in_flight_again(
    scene: Scene, campaign_id: int, kind: ResultKind
) -> None:
    test_id, old = claimed(scene, campaign_id)
    testsends.record(result(test_id, ResultKind.PUT_BACK, code=2, not_before=LATER), old)
    (again,) = testsends.claim(scene.sender_id, scene.lease("w2"), LATER, START)
    before = one(test_id)
    # The store had written the first one when its worker was told that it had not.
    testsends.record(result(test_id, kind, code=2, not_before=LATER), old)
    assert one(test_id) == before
    assert before.fence == again.fence != old
    assert testsends.claim(scene.sender_id, scene.lease("w2"), LATER, START) == [], "it is on its way"
    assert balance() == (3, 3, 0)


@pytest.mark.parametrize("kind", [ResultKind.PUT_BACK, ResultKind.UNKNOWN])
def test_R42_an_unsure_outcome_changes_nothing_of_what_a_callback_proved_or_a_take_over_left(
    scene: Scene, campaign_id: int, kind: ResultKind
) -> None:
    proven, fence = claimed(scene, campaign_id)
    apply(proven, "delivered")
    lost, _ = claimed(scene, campaign_id)
    testsends.recover(scene.sender_id, fence + 1, LATER)
    before = testsends.page([proven, lost]), quota_meter.used(LATER)
    for test_id in (proven, lost):
        testsends.record(result(test_id, kind, code=2, not_before=LATER), one(test_id).fence or 0)
    assert (testsends.page([proven, lost]), quota_meter.used(LATER)) == before


def test_R32_each_outcome_is_of_its_own_test_send(scene: Scene, campaign_id: int) -> None:
    ids = queue(scene, campaign_id, 4)
    for test in testsends.claim(scene.sender_id, scene.lease(), START, START):
        assert test.fence is not None
    fence = one(ids[0]).fence or 0
    kinds_of = (ResultKind.SENT, ResultKind.FAILED, ResultKind.UNKNOWN, ResultKind.PUT_BACK)
    for test_id, kind in zip(ids, kinds_of, strict=True):
        rest = [other for other in ids if other != test_id]
        before = testsends.page(rest)
        testsends.record(result(test_id, kind, code=2, not_before=LATER), fence)
        assert testsends.page(rest) == before
        balance()
    (waits,) = queue(scene, campaign_id)
    before = testsends.page(ids)
    assert testsends.withdraw([waits], "taken back", LATER) == 1
    assert testsends.page(ids) == before, "the one that was put back waits for its turn"
    assert (one(waits).state, one(ids[3]).state) == (RecipientState.FAILED, RecipientState.PENDING)
    balance()


@pytest.mark.parametrize(
    ("kind", "facts", "state", "moved"),
    [
        (ResultKind.SENT, {"message_id": "wamid.1"}, RecipientState.SENT, (3, 0, 3)),
        (ResultKind.FAILED, {"code": 131026}, RecipientState.FAILED, (0, 0, 0)),
        (ResultKind.PUT_BACK, {"code": 2, "not_before": LATER}, RecipientState.UNKNOWN, (3, 3, 0)),
    ],
)
def test_R42_evidence_after_a_take_over_is_welcome_and_a_put_back_never_sends_again(
    scene: Scene, campaign_id: int, kind: ResultKind, facts: dict[str, Any], state: RecipientState, moved: Any
) -> None:
    test_id, fence = claimed(scene, campaign_id)
    testsends.recover(scene.sender_id, fence, LATER)
    testsends.record(result(test_id, kind, **facts), fence)
    assert (one(test_id).state, one(test_id).attempt >= 1) == (state, True)
    assert balance() == moved
    assert not testsends.due(scene.sender_id, LATER)


def test_R32_one_that_nobody_sent_in_time_is_dropped_at_the_next_look(scene: Scene, campaign_id: int) -> None:
    (test_id,) = queue(scene, campaign_id)
    assert testsends.claim(scene.sender_id, scene.lease(), LATER, START + 1) == []
    assert (one(test_id).state, one(test_id).detail) == (RecipientState.FAILED, "no worker sent it in time")
    assert balance() == (0, 0, 0)


def test_R32_R39_an_opt_out_in_between_is_honoured(scene: Scene, campaign_id: int) -> None:
    first, second = queue(scene, campaign_id, 2)
    optouts.add(NUMBER, START, "STOP reply")
    assert [row.id for row in testsends.claim(scene.sender_id, scene.lease(), START, START)] == [second]
    assert (one(first).state, one(first).detail) == (RecipientState.FAILED, "the number has opted out meanwhile")
    assert balance() == (3, 3, 0)


def test_R29_R32_a_test_of_a_draft_that_is_gone_is_ended_at_the_claim_and_no_other(
    scene: Scene, campaign_id: int
) -> None:
    (gone,) = queue(scene, campaign_id)
    (stays,) = queue(scene, scene.draft(contacts(2)))
    assert campaigns.delete(campaign_id, START)
    assert [row.id for row in testsends.claim(scene.sender_id, scene.lease(), START, START)] == [stays]
    assert (one(gone).state, one(gone).detail) == (RecipientState.FAILED, "its draft was deleted")
    assert balance() == (3, 3, 0)


def test_R32_only_what_nobody_has_begun_is_withdrawn(scene: Scene, campaign_id: int) -> None:
    flying, _ = claimed(scene, campaign_id)
    (waits,) = queue(scene, campaign_id)
    assert testsends.withdraw([flying, waits], "taken back", LATER) == 1
    assert testsends.withdraw([flying, waits], "taken back", LATER) == 0
    assert (one(flying).state, one(waits).state) == (RecipientState.PENDING, RecipientState.FAILED)
    assert balance() == (3, 3, 0)


# Callbacks


def update(test_id: int | None, status: str) -> StatusUpdate:
    code, detail = (131026, "cannot") if status == "failed" else (None, "")
    return StatusUpdate(None, None, "wamid.9", status, LATER, code, detail, test_id)


def apply(test_id: int, *statuses: str) -> int:
    unmatched = 0
    for status in statuses:
        unmatched += callbacks.apply([], [update(test_id, status)], LATER)
        check_invariants()
    return unmatched


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read"])), ids="-".join)
def test_R32_R46_callbacks_move_it_forward_in_any_order_and_touch_no_campaign(
    scene: Scene, campaign_id: int, order: tuple[str, ...]
) -> None:
    test_id, fence = claimed(scene, campaign_id)
    testsends.record(result(test_id, ResultKind.SENT, message_id="wamid.9"), fence)
    before = campaigns.get(campaign_id)
    assert apply(test_id, *order, *order) == 0
    assert one(test_id).delivery is Delivery.READ
    assert campaigns.get(campaign_id) == before
    assert balance() == (3, 0, 3)


@pytest.mark.parametrize("answer", [None, "lost", "unknown", "held", "put back"])
def test_R29_R32_R42_one_that_whatsapp_dropped_costs_nothing_whatever_became_of_its_answer(
    scene: Scene, campaign_id: int, answer: str | None
) -> None:
    test_id, fence = claimed(scene, campaign_id)
    if answer == "lost":
        testsends.recover(scene.sender_id, fence, LATER)
    elif answer == "put back":
        testsends.record(result(test_id, ResultKind.PUT_BACK, code=2, not_before=LATER), fence)
    elif answer is not None:
        message_id = "wamid.9" if answer == "held" else None
        testsends.record(result(test_id, ResultKind.UNKNOWN, message_id=message_id), fence)
    dropped = update(test_id, "failed")._replace(code=132015, detail="paused")
    for _ in range(2):
        assert callbacks.apply([], [dropped], LATER) == 0
        found = one(test_id)
        assert (found.state, found.error, found.detail) == (RecipientState.FAILED, 132015, "paused")
        assert (found.message_id, found.attempt) == ("wamid.9", 2 if answer == "put back" else 1)
        assert balance() == (0, 0, 0)
    testsends.record(result(test_id, ResultKind.UNKNOWN, message_id="wamid.9"), fence)
    assert (one(test_id).state, balance()) == (RecipientState.FAILED, (0, 0, 0))
    assert quota_meter.used(LATER) == 0
    assert testsends.claim(scene.sender_id, scene.lease(), LATER, START) == []


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_R32_R42_any_callback_settles_an_unknown_one_as_sent(scene: Scene, campaign_id: int, status: str) -> None:
    test_id, fence = claimed(scene, campaign_id)
    testsends.recover(scene.sender_id, fence, LATER)
    assert apply(test_id, status) == 0
    found = one(test_id)
    assert (found.state, found.message_id, found.attempt) == (RecipientState.SENT, "wamid.9", 1)
    assert balance() == (3, 0, 3)
    assert ledger.entries()[-1].actor == "callback"
    testsends.record(result(test_id, ResultKind.SENT, message_id="wamid.9"), fence)
    assert balance() == (3, 0, 3), "once"


def test_R32_R46_a_callback_may_come_before_the_answer_is_recorded(scene: Scene, campaign_id: int) -> None:
    test_id, fence = claimed(scene, campaign_id)
    assert apply(test_id, "delivered") == 0
    testsends.record(result(test_id, ResultKind.UNKNOWN, code=-1), fence)
    found = one(test_id)
    assert (found.state, found.delivery, found.attempt) == (RecipientState.SENT, Delivery.DELIVERED, 1)
    assert balance() == (3, 0, 3)


def test_R32_R46_undelivered_says_why_and_a_late_delivery_takes_it_back(scene: Scene, campaign_id: int) -> None:
    test_id, fence = claimed(scene, campaign_id)
    testsends.record(result(test_id, ResultKind.SENT, message_id="wamid.9"), fence)
    apply(test_id, "failed")
    assert (one(test_id).delivery, one(test_id).error) == (Delivery.UNDELIVERED, 131026)
    apply(test_id, "delivered", "failed")
    assert (one(test_id).delivery, one(test_id).error) == (Delivery.DELIVERED, None)
    assert balance() == (3, 0, 3)


def test_R29_R32_what_was_never_handed_over_or_refused_is_not_sent_by_a_callback(
    scene: Scene, campaign_id: int
) -> None:
    (waits,) = queue(scene, campaign_id)
    assert apply(waits, "read") == 1
    assert one(waits).state is RecipientState.PENDING
    testsends.withdraw([waits], "taken back", LATER)
    assert apply(waits, "read") == 1
    assert apply(999, "read") == 1
    assert balance() == (0, 0, 0)


def test_R42_a_callback_for_one_that_was_put_back_keeps_it_from_being_sent_again(
    scene: Scene, campaign_id: int
) -> None:
    test_id, fence = claimed(scene, campaign_id)
    testsends.record(result(test_id, ResultKind.PUT_BACK, code=2, not_before=LATER), fence)
    assert apply(test_id, "delivered") == 0
    assert testsends.claim(scene.sender_id, scene.lease(), LATER, START) == []
    assert balance() == (3, 0, 3)


def test_R32_R44_one_put_back_until_later_than_any_delay_is_due_at_once(scene: Scene, campaign_id: int) -> None:
    test_id, fence = claimed(scene, campaign_id)
    ahead = START + 365 * 24 * 3_600_000
    testsends.record(result(test_id, ResultKind.PUT_BACK, code=2, not_before=ahead), fence)
    assert testsends.due(scene.sender_id, LATER)
    assert [row.id for row in testsends.claim(scene.sender_id, scene.lease("w2"), LATER, START)] == [test_id]


def test_the_last_numbers_are_ones_own_newest(scene: Scene, campaign_id: int) -> None:
    assert testsends.last_numbers("ann") == []
    queue(scene, campaign_id, 2)
    testsends.queue(campaign_id, scene.sender_id, "bob", [(NUMBER + 9, {}, 1)], LATER)
    assert testsends.last_numbers("ann") == [NUMBER, NUMBER + 1]
    assert testsends.last_numbers("bob") == [NUMBER + 9]
    assert [row.phone for row in testsends.of_campaign(campaign_id, 2)] == [NUMBER + 1, NUMBER + 9]


def test_R32_a_running_campaign_keeps_its_credits_and_figures_beside_its_tests(scene: Scene) -> None:
    campaign_id = scene.in_status(Status.IN_PROGRESS)
    before = campaigns.get(campaign_id)
    claimed(scene, campaign_id)
    check_invariants()
    assert campaigns.get(campaign_id) == before


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed", "dropped"])
def test_R32_R46_a_callback_tells_of_its_own_test_send_alone(scene: Scene, campaign_id: int, status: str) -> None:
    ids = queue(scene, campaign_id, 3)
    (test, *_) = testsends.claim(scene.sender_id, scene.lease(), START, START)
    for test_id in ids:
        testsends.record(result(test_id, ResultKind.UNKNOWN, code=-1, message_id="wamid.9"), test.fence or 0)
    rest = [ids[0], ids[2]]
    before = testsends.page(rest)
    one_of = update(ids[1], "failed" if status == "dropped" else status)
    callbacks.apply([], [one_of._replace(code=132015) if status == "dropped" else one_of], LATER)
    assert testsends.page(rest) == before
    assert one(ids[1]).state is (RecipientState.FAILED if status == "dropped" else RecipientState.SENT)
    assert quota_meter.used(LATER) == (2 if status == "dropped" else 3)
    balance()


def test_R32_R46_an_answer_names_the_message_of_its_own_test_send_alone(scene: Scene, campaign_id: int) -> None:
    ids = queue(scene, campaign_id, 2)
    (test, _) = testsends.claim(scene.sender_id, scene.lease(), START, START)
    nameless = [update(test_id, "delivered")._replace(message_id=None) for test_id in ids]
    assert callbacks.apply([], nameless, LATER) == 0
    testsends.record(result(ids[1], ResultKind.SENT, message_id="wamid.2"), test.fence or 0)
    assert [one(test_id).message_id for test_id in ids] == [None, "wamid.2"]
    balance()
