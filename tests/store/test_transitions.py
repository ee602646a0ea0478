"""Changes of status: each holds its own condition, so that a stale screen or a second console cannot force it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from store import campaigns, database, outcomes, transitions
from store.types import Hold, ResultKind, Status
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import HOUR, MINUTE, PRICES, Scene, contacts, countries_of, result

LOCK = 5 * MINUTE
AT = START + HOUR

Move = Callable[[Scene, int], bool]


def version(campaign_id: int) -> int:
    return campaigns.status(campaign_id)[1]


def schedule(scene: Scene, campaign_id: int, *, at: int = AT, now: int = START, seen: int | None = None) -> bool:
    wanted = version(campaign_id) if seen is None else seen
    return transitions.schedule(
        campaign_id, wanted, at=at, timezone="Asia/Kolkata", frozen=scene.template, price=7, now=now
    )


def start(campaign_id: int, source: Status, *, now: int = AT, seen: int | None = None) -> bool:
    wanted = version(campaign_id) if seen is None else seen
    return transitions.start(campaign_id, source=source, version=wanted, prices=PRICES, price=7, now=now)


def finish(campaign_id: int, ended: Status = Status.COMPLETED) -> bool:
    return transitions.finish(campaign_id, ended, None if ended is Status.COMPLETED else "all_rejected", {}, AT)


MOVES: dict[str, tuple[Move, dict[Status, Status]]] = {
    "schedule": (lambda scene, one: schedule(scene, one), {Status.DRAFT: Status.SCHEDULED}),
    "send now": (lambda _, one: start(one, Status.DRAFT), {Status.DRAFT: Status.IN_PROGRESS}),
    "run": (lambda _, one: start(one, Status.SCHEDULED), {Status.SCHEDULED: Status.IN_PROGRESS}),
    "cancel": (lambda _, one: transitions.cancel(one, START, LOCK), {Status.SCHEDULED: Status.CANCELLED}),
    "reopen": (lambda _, one: transitions.reopen(one, START, LOCK), {Status.SCHEDULED: Status.DRAFT}),
    "reschedule": (
        lambda _, one: transitions.reschedule(one, START, LOCK, at=AT + HOUR, timezone="UTC"),
        {Status.SCHEDULED: Status.SCHEDULED},
    ),
    "fail to start": (
        lambda _, one: transitions.fail_to_start(one, "missed_window", {}, AT),
        {Status.SCHEDULED: Status.FAILED},
    ),
    "hold": (
        lambda _, one: transitions.hold(one, "number_paused", "paused", AT, None),
        {Status.IN_PROGRESS: Status.IN_PROGRESS},
    ),
    # A run with something pending, or one that is not held, stays what it is.
    "complete": (lambda _, one: finish(one), {}),
    "fail": (lambda _, one: finish(one, Status.FAILED), {}),
    "lift": (lambda _, one: transitions.lift(one), {}),
}


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("name", list(MOVES))
def test_R9_a_transition_is_made_from_its_own_status_only(scene: Scene, status: Status, name: str) -> None:
    move, allowed = MOVES[name]
    campaign_id = scene.in_status(status)
    before = campaigns.get(campaign_id)
    assert move(scene, campaign_id) is (status in allowed)
    after = campaigns.get(campaign_id)
    if status in allowed:
        assert (after.status, after.version) == (allowed[status], before.version + 1)
    else:
        assert after == before


@pytest.mark.parametrize("status", [Status.IN_PROGRESS, Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_R9_nothing_is_started_from_a_status_that_does_not_start(scene: Scene, status: Status) -> None:
    campaign_id = scene.in_status(status)
    before = campaigns.get(campaign_id)
    assert not start(campaign_id, status)
    assert campaigns.get(campaign_id) == before


@pytest.mark.parametrize("ended", [Status.DRAFT, Status.SCHEDULED, Status.IN_PROGRESS, Status.CANCELLED])
def test_R7_R9_a_run_ends_completed_or_failed_and_as_nothing_else(scene: Scene, ended: Status) -> None:
    campaign_id = done_run(scene, ResultKind.SENT)
    assert not transitions.finish(campaign_id, ended, None, {}, AT)
    assert campaigns.get(campaign_id).status is Status.IN_PROGRESS


@pytest.mark.parametrize("name", ["schedule", "send now"])
def test_R9_a_deleted_draft_goes_nowhere(scene: Scene, name: str) -> None:
    campaign_id = scene.in_status(Status.DRAFT)
    assert campaigns.delete(campaign_id, START)
    assert not MOVES[name][0](scene, campaign_id)
    assert campaigns.status(campaign_id)[0] is Status.DRAFT


def test_a_campaign_that_is_not_there_is_not_moved(scene: Scene) -> None:
    assert not transitions.cancel(99, START, LOCK)
    assert not transitions.lift(99)
    assert not finish(99)
    assert not transitions.hold(99, "number_paused", "", START, None)
    assert not transitions.start(99, source=Status.DRAFT, version=1, prices={}, price=0, now=START)


def test_R24_scheduling_freezes_template_time_and_price(scene: Scene) -> None:
    campaign_id = scene.draft(contacts(2))
    assert schedule(scene, campaign_id)
    found = campaigns.get(campaign_id)
    assert (found.status, found.scheduled_at, found.timezone) == (Status.SCHEDULED, AT, "Asia/Kolkata")
    assert (found.template_frozen, found.price, found.send_now) == (scene.template, 7, False)
    check_invariants(campaign_id)


def test_R12_a_time_that_is_not_ahead_is_not_scheduled(scene: Scene) -> None:
    campaign_id = scene.draft()
    assert not schedule(scene, campaign_id, at=START)
    assert not schedule(scene, campaign_id, at=START - 1)
    assert schedule(scene, campaign_id, at=START + 1)


def test_R9_a_stale_version_is_not_scheduled_or_sent(scene: Scene) -> None:
    campaign_id = scene.draft()
    assert campaigns.edit(campaign_id, 1, scene.fields("Newer"), "spring_sale", START)
    assert not schedule(scene, campaign_id, seen=1)
    assert not start(campaign_id, Status.DRAFT, seen=1)
    assert schedule(scene, campaign_id, seen=2)


CHANGES: dict[str, Callable[[int, int], bool]] = {
    "cancel": lambda one, now: transitions.cancel(one, now, LOCK),
    "reopen": lambda one, now: transitions.reopen(one, now, LOCK),
    "reschedule": lambda one, now: transitions.reschedule(one, now, LOCK, at=AT + HOUR, timezone="UTC"),
}


@pytest.mark.parametrize("name", list(CHANGES))
@pytest.mark.parametrize(("left", "accepted"), [(LOCK, True), (LOCK - 1, False), (0, False), (-HOUR, False)])
def test_R14_R15_changes_are_accepted_until_exactly_five_minutes_before(
    scene: Scene, name: str, left: int, accepted: bool
) -> None:
    campaign_id = scene.scheduled(contacts(1), AT)
    before = campaigns.get(campaign_id)
    assert CHANGES[name](campaign_id, AT - left) is accepted
    assert accepted or campaigns.get(campaign_id) == before


@pytest.mark.parametrize("name", list(CHANGES))
def test_R16_a_campaign_scheduled_less_than_five_minutes_ahead_is_locked_from_birth(scene: Scene, name: str) -> None:
    campaign_id = scene.scheduled(contacts(1), START + LOCK - 1)
    assert not CHANGES[name](campaign_id, START)


def test_R14_moving_the_time_does_not_open_a_side_door(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(1), AT)
    now = AT - LOCK + 1
    assert not transitions.reschedule(campaign_id, now, LOCK, at=AT + HOUR, timezone="UTC")
    assert not transitions.cancel(campaign_id, now, LOCK)


def test_R19_a_cancelled_campaign_stays_in_the_list_and_takes_no_credit(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(3), AT)
    assert transitions.cancel(campaign_id, START + 5, LOCK)
    found = campaigns.get(campaign_id)
    assert (found.status, found.finished_at, found.scheduled_at) == (Status.CANCELLED, START + 5, AT)
    check_invariants(campaign_id)


def test_reopening_clears_the_schedule_and_what_it_froze(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(1), AT)
    assert transitions.reopen(campaign_id, START + 5, LOCK)
    found = campaigns.get(campaign_id)
    assert (found.status, found.scheduled_at, found.template_frozen) == (Status.DRAFT, None, None)
    assert found.edited_at == START + 5


def test_rescheduling_sets_the_new_time_and_not_one_that_has_passed(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(1), AT)
    assert not transitions.reschedule(campaign_id, START, LOCK, at=START, timezone="UTC")
    assert transitions.reschedule(campaign_id, START, LOCK, at=AT + 1, timezone="UTC")
    found = campaigns.get(campaign_id)
    assert (found.scheduled_at, found.timezone) == (AT + 1, "UTC")
    assert campaigns.due(AT, scene.sender_id) == []


def test_a_scheduled_campaign_is_started_when_its_time_has_come(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(1), AT)
    assert not start(campaign_id, Status.SCHEDULED, now=AT - 1)
    assert start(campaign_id, Status.SCHEDULED, now=AT)
    found = campaigns.get(campaign_id)
    assert (found.status, found.started_at, found.prices, found.price) == (Status.IN_PROGRESS, AT, PRICES, 7)
    assert not found.send_now


def test_R17_a_draft_sent_now_says_so_and_cannot_be_cancelled(scene: Scene) -> None:
    campaign_id = scene.draft(contacts(1))
    assert start(campaign_id, Status.DRAFT, now=START)
    transitions.freeze_template(campaign_id, scene.template)
    found = campaigns.get(campaign_id)
    assert (found.send_now, found.started_at, found.scheduled_at) == (True, START, None)
    assert found.template_frozen == scene.template
    assert not transitions.cancel(campaign_id, START, 0)


def test_R6_a_run_that_could_not_start_keeps_its_root_cause_and_the_facts(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(1), AT)
    assert transitions.fail_to_start(campaign_id, "insufficient_credits", {"missing": 1200}, AT)
    found = campaigns.get(campaign_id)
    assert (found.status, found.status_reason, found.finished_at) == (Status.FAILED, "insufficient_credits", AT)
    assert (found.status_detail, found.started_at) == ({"missing": 1200}, None)
    check_invariants(campaign_id)


def done_run(scene: Scene, kind: ResultKind) -> int:
    """A run whose only row has its outcome."""
    campaign_id = scene.running(contacts(1))
    window, rows = scene.claim(campaign_id, scene.lease(), 1)
    outcomes.record(campaign_id, [result(1, kind)], countries_of(rows), [window.id], START)
    return campaign_id


@pytest.mark.parametrize(("kind", "ended"), [(ResultKind.SENT, Status.COMPLETED), (ResultKind.FAILED, Status.FAILED)])
def test_R5_R6_a_run_with_nothing_left_ends_and_its_hold_with_it(scene: Scene, kind: ResultKind, ended: Status) -> None:
    campaign_id = done_run(scene, kind)
    assert transitions.hold(campaign_id, "number_paused", "paused", START, None)
    assert finish(campaign_id, ended)
    found = campaigns.get(campaign_id)
    assert (found.status, found.finished_at, found.hold) == (ended, AT, None)
    check_invariants(campaign_id)


def test_a_run_does_not_end_while_a_row_is_pending_or_a_window_is_open(scene: Scene) -> None:
    campaign_id = scene.running(contacts(2))
    lease = scene.lease()
    first, rows = scene.claim(campaign_id, lease, 1)
    outcomes.record(campaign_id, [result(1, ResultKind.SENT)], countries_of(rows), [first.id], START)
    assert not finish(campaign_id), "row 2 is pending"
    second, rows = scene.claim(campaign_id, lease, 1)
    outcomes.record(campaign_id, [result(2, ResultKind.SENT)], countries_of(rows), [], START)
    assert not finish(campaign_id), "the second window is open"
    outcomes.record(campaign_id, [], {}, [second.id], START)
    assert finish(campaign_id)


def test_a_run_ends_although_a_window_of_another_is_open(scene: Scene) -> None:
    campaign_id, other, lease = scene.running(contacts(1)), scene.running(contacts(1)), scene.lease()
    scene.claim(other, lease, 1)
    window, rows = scene.claim(campaign_id, lease, 1)
    outcomes.record(campaign_id, [result(1, ResultKind.SENT)], countries_of(rows), [window.id], START)
    assert finish(campaign_id) and not finish(other)
    check_invariants()


def test_R24_what_is_frozen_with_one_campaign_is_not_frozen_with_another(scene: Scene) -> None:
    campaign_id, other = scene.running(contacts(1)), scene.running(contacts(1))
    before = campaigns.get(other)
    transitions.freeze_template(campaign_id, replace(scene.template, category="UTILITY"))
    frozen = campaigns.get(campaign_id).template_frozen
    assert frozen is not None and frozen.category == "UTILITY"
    assert campaigns.get(other) == before


def test_R45_a_hold_has_its_reason_and_time_and_keeps_since_when(scene: Scene) -> None:
    campaign_id = scene.running(contacts(1))
    assert transitions.hold(campaign_id, "number_paused", "The number is paused.", AT, AT + MINUTE)
    assert campaigns.get(campaign_id).hold == Hold("number_paused", "The number is paused.", AT, AT + MINUTE)
    assert transitions.hold(campaign_id, "account_paused", "All of it.", AT + HOUR, None)
    assert campaigns.get(campaign_id).hold == Hold("account_paused", "All of it.", AT, None)
    assert transitions.lift(campaign_id)
    assert campaigns.get(campaign_id).hold is None
    assert not transitions.lift(campaign_id)


def test_R45_a_run_is_held_since_its_own_hold_and_not_since_anothers(scene: Scene) -> None:
    first, second = scene.running(contacts(1)), scene.running(contacts(1))
    for n, campaign_id in enumerate((first, second)):
        assert transitions.hold(campaign_id, "number_paused", "paused", START + n * HOUR, None)
    holds = [campaigns.get(campaign_id).hold for campaign_id in (first, second)]
    assert [one.since for one in holds if one is not None] == [START, START + HOUR]


def test_R9_of_two_consoles_that_cancel_and_move_at_once_one_wins(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(1), AT)
    together = threading.Barrier(len(CHANGES))
    won: list[str] = []

    def run(name: str) -> None:
        with database.session():
            together.wait(10)
            if CHANGES[name](campaign_id, START):
                won.append(name)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("cancel", "reopen", "cancel")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(won) == 1
    ended = {"cancel": Status.CANCELLED, "reopen": Status.DRAFT}[won[0]]
    assert campaigns.get(campaign_id).status is ended


def test_what_is_scheduled_and_on_hold_neither_starts_nor_fails_until_it_is_lifted(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(2), START + HOUR)
    now = START + 2 * HOUR
    assert campaigns.due(now, scene.sender_id) == [campaign_id]
    database.execute("UPDATE campaign SET hold_reason = 'restored', hold_text = 'x', hold_since = 1")
    assert campaigns.due(now, scene.sender_id) == []
    assert campaigns.next_due() is None
    assert not transitions.start(campaign_id, source=Status.SCHEDULED, version=None, prices=PRICES, price=2, now=now)
    assert not transitions.fail_to_start(campaign_id, "missed_window", {}, now)
    assert not transitions.lift(campaign_id, "another reason")
    assert transitions.lift(campaign_id)
    assert campaigns.due(now, scene.sender_id) == [campaign_id]
    assert transitions.start(campaign_id, source=Status.SCHEDULED, version=None, prices=PRICES, price=2, now=now)
