"""The status machine (R1 to R9, R14, R17)."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import MINUTE
from engine.errors import Refused
from engine.lifecycle import (
    FINAL,
    TRANSITIONS,
    Action,
    allowed,
    cancel_locked,
    check_transition,
    lock_at,
    refusal,
    settle,
)
from store.types import RootCause, Status
from tests.clock import START as NOW

T = NOW + 60 * MINUTE
D, S, P, C, F, X = (
    Status.DRAFT,
    Status.SCHEDULED,
    Status.IN_PROGRESS,
    Status.COMPLETED,
    Status.FAILED,
    Status.CANCELLED,
)


def code(action: Action, status: Status, *, scheduled_at: int | None = T, now: int = NOW, held: bool = False) -> str:
    found = refusal(action, status, scheduled_at=scheduled_at, now=now, held=held)
    return "" if found is None else found.code


def test_R1_there_are_six_statuses() -> None:
    assert {status.value for status in Status} == {
        "draft",
        "scheduled",
        "in_progress",
        "completed",
        "failed",
        "cancelled",
    }


@pytest.mark.parametrize(("before", "after"), product(Status, Status))
def test_R9_only_eight_transitions_are_allowed(before: Status, after: Status) -> None:
    listed = {(D, S), (D, P), (S, D), (S, X), (S, P), (S, F), (P, C), (P, F)}
    assert ((before, after) in TRANSITIONS) == ((before, after) in listed)
    if (before, after) in listed:
        check_transition(before, after)
    else:
        with pytest.raises(Refused) as caught:
            check_transition(before, after)
        assert caught.value.code == "illegal_transition"
        assert caught.value.hint


@pytest.mark.parametrize("status", sorted(FINAL))
def test_R8_nothing_leads_on_from_a_final_status(status: Status) -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] is status]
    assert allowed(status, scheduled_at=T, now=NOW) == (Action.DUPLICATE,)


@pytest.mark.parametrize("status", Status)
def test_R8_any_campaign_can_be_duplicated(status: Status) -> None:
    assert code(Action.DUPLICATE, status) == ""


def test_R7_only_a_scheduled_campaign_becomes_cancelled() -> None:
    assert [pair for pair in TRANSITIONS if pair[1] is X] == [(S, X)]


@pytest.mark.parametrize("action", [Action.EDIT, Action.DELETE])
@pytest.mark.parametrize("status", Status)
def test_R3_only_a_draft_may_be_edited_or_deleted(action: Action, status: Status) -> None:
    assert code(action, status) == ("" if status is D else "not_editable")


def test_R3_a_draft_offers_what_is_for_drafts() -> None:
    assert set(allowed(D, scheduled_at=None, now=NOW)) == {
        Action.EDIT,
        Action.DELETE,
        Action.DUPLICATE,
        Action.SCHEDULE,
        Action.SEND_NOW,
    }


@pytest.mark.parametrize(
    "action",
    [Action.EDIT, Action.DELETE, Action.CANCEL, Action.RESCHEDULE, Action.REOPEN, Action.SCHEDULE, Action.SEND_NOW],
)
def test_R4_in_progress_refuses_everything_with_the_reason(action: Action) -> None:
    found = refusal(action, P, scheduled_at=T, now=NOW)
    assert found is not None
    assert "In Progress" in found.message
    assert found.hint


def test_R17_send_now_cannot_be_cancelled() -> None:
    assert code(Action.CANCEL, P, scheduled_at=None) == "illegal_transition"


def test_a_scheduled_campaign_offers_cancel_reopen_and_reschedule() -> None:
    assert set(allowed(S, scheduled_at=T, now=NOW)) == {
        Action.CANCEL,
        Action.REOPEN,
        Action.RESCHEDULE,
        Action.DUPLICATE,
    }
    assert allowed(S, scheduled_at=T, now=T - 1) == (Action.DUPLICATE,)


@pytest.mark.parametrize("action", [Action.CANCEL, Action.REOPEN, Action.RESCHEDULE])
def test_R14_exactly_five_minutes_before_is_accepted(action: Action) -> None:
    assert code(action, S, now=T - 300_000) == ""


@pytest.mark.parametrize("action", [Action.CANCEL, Action.REOPEN, Action.RESCHEDULE])
@pytest.mark.parametrize("now", [T - 299_999, T, T + MINUTE])
def test_R14_a_millisecond_later_is_refused(action: Action, now: int) -> None:
    assert code(action, S, now=now) == "cancel_locked"


@given(st.integers(0, 2**43), st.integers(-(10**9), 10**9))
def test_R14_locked_is_less_than_five_minutes_left(scheduled_at: int, left: int) -> None:
    assert cancel_locked(scheduled_at, scheduled_at - left) == (left < 5 * MINUTE)
    assert not cancel_locked(scheduled_at, lock_at(scheduled_at))


def test_R16_a_campaign_less_than_five_minutes_ahead_is_born_locked() -> None:
    assert cancel_locked(NOW + 4 * MINUTE, NOW)


@pytest.mark.parametrize(("action", "status"), product([Action.CANCEL, Action.REOPEN, Action.RESCHEDULE], [D, C, F, X]))
def test_R9_what_is_for_scheduled_campaigns_is_refused_elsewhere(action: Action, status: Status) -> None:
    assert code(action, status) == "illegal_transition"


@pytest.mark.parametrize(("action", "status"), product([Action.SCHEDULE, Action.SEND_NOW], [S, P, C, F, X]))
def test_R9_only_a_draft_is_scheduled_or_sent(action: Action, status: Status) -> None:
    assert code(action, status) == "illegal_transition"


def test_R45_only_a_campaign_on_hold_is_resumed() -> None:
    assert code(Action.RESUME, P, held=True) == ""
    assert {code(Action.RESUME, status) for status in Status} == {"not_held"}
    # A Scheduled one is held by a restore alone; nothing else ever is.
    assert {status for status in Status if not code(Action.RESUME, status, held=True)} == {P, Status.SCHEDULED}


@pytest.mark.parametrize(("action", "status", "now"), product(Action, Status, [NOW, T - 1]))
def test_every_refusal_says_why_and_what_to_do(action: Action, status: Status, now: int) -> None:
    found = refusal(action, status, scheduled_at=T, now=now)
    if found is not None:
        assert found.message.endswith(".")
        assert found.hint.endswith(".")


@pytest.mark.parametrize(("failed", "unknown"), [(0, 0), (99, 0), (0, 99), (5, 5)])
def test_R5_one_message_sent_completes_a_run(failed: int, unknown: int) -> None:
    assert settle(1, failed, unknown) == (C, None)


@pytest.mark.parametrize(
    ("failed", "unknown", "not_attempted", "cause"),
    [
        (0, 0, 0, RootCause.NO_VALID_RECIPIENTS),
        (3, 0, 0, RootCause.ALL_REJECTED),
        (3, 2, 0, RootCause.ALL_REJECTED),
        (3, 2, 2, RootCause.ALL_REJECTED),
        (0, 2, 0, RootCause.GATEWAY_UNREACHABLE),
        (3, 0, 3, RootCause.GATEWAY_UNREACHABLE),
        (3, 1, 3, RootCause.GATEWAY_UNREACHABLE),
    ],
)
def test_R6_nothing_sent_is_failed_with_a_root_cause(
    failed: int, unknown: int, not_attempted: int, cause: RootCause
) -> None:
    assert settle(0, failed, unknown, not_attempted) == (F, cause)
