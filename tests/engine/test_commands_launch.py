"""Launching and calling off: schedule, send now, cancel, back to draft, reschedule, resume."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine import ending
from engine.clock import HOUR, MINUTE
from engine.commands import drafts, launch, resuming, setup
from engine.context import Context
from engine.decide import HoldOrder
from engine.errors import BadInput, NotFound, Refused
from engine.lifecycle import LOCK
from store import account, campaigns, database, ledger, listing, optouts, transitions
from store.types import Balance, Campaign, DraftFields, Fill, ListFilter, Status
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, actions, campaign_in, events, schedule_in, takes_all, work
from tests.store.invariants import check_invariants

Command = Callable[[Context, int], object]

LATER = "in 3 h"


def reschedule(context: Context, campaign_id: int) -> object:
    return launch.reschedule(context, campaign_id, LATER)


def schedule(context: Context, campaign_id: int) -> object:
    return launch.schedule_at(context, campaign_id, LATER)


CALL_OFF: dict[str, Command] = {"cancel": launch.cancel, "reopen": launch.reopen, "reschedule": reschedule}
COMMANDS: dict[str, Command] = {
    **CALL_OFF,
    "schedule": schedule,
    "send": launch.send_now,
    "resume": resuming.resume,
    "delete": drafts.delete,
}
ALLOWED = {
    Status.DRAFT: {"schedule", "send", "delete"},
    Status.SCHEDULED: {"cancel", "reopen", "reschedule"},
    Status.IN_PROGRESS: set[str](),
    Status.COMPLETED: set[str](),
    Status.FAILED: set[str](),
    Status.CANCELLED: set[str](),
}
REFUSALS = [(status, name) for status in Status for name in COMMANDS if name not in ALLOWED[status]]


class Interrupted(FakeClock):
    """A clock by which something happens the `n`-th time somebody asks it."""

    def __init__(self, now: int, n: int, what: Callable[[], object]) -> None:
        super().__init__(now)
        self._left = n
        self._what = what

    def now(self) -> int:
        self._left -= 1
        if self._left == 0:
            self._what()
        return super().now()


def interrupted(clock: FakeClock, n: int, what: Callable[[], object]) -> Context:
    return Context(Interrupted(clock.now(), n, what), builders.OPERATOR)


def refusal_of(command: Command, context: Context, campaign_id: int) -> Refused:
    with pytest.raises(Refused) as refusal:
        command(context, campaign_id)
    assert refusal.value.message and refusal.value.hint
    return refusal.value


# Scheduling


def test_R12_a_draft_is_scheduled_at_a_time_that_is_ahead(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, 3)
    done = launch.schedule_at(builders.context(clock), campaign_id, "2026-11-24 10:00")
    # Asia/Kolkata is five and a half hours ahead of UTC.
    at = 1_795_494_600_000
    assert (done.at, done.lock_at, done.locked) == (at, at - LOCK, False)
    campaign = done.campaign
    assert (campaign.status, campaign.scheduled_at, campaign.timezone) == (Status.SCHEDULED, at, "Asia/Kolkata")
    assert (campaign.price, ledger.balance()) == (3, Balance(1_000_000, 0, 0))


def test_R13_a_typed_zone_is_used_and_kept(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    done = launch.schedule_at(builders.context(clock), campaign_id, "2026-11-24 10:00", "UTC")
    assert (done.at - START, done.campaign.timezone) == (25 * HOUR, "UTC")


@pytest.mark.parametrize("when", ["2026-11-23 09:00", "2026-11-23 14:30", "in 0 min"])
def test_R12_a_past_time_is_refused_and_it_stays_a_draft(
    when: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    before = campaigns.get(campaign_id)
    with pytest.raises(Refused) as refusal:
        launch.schedule_at(builders.context(clock), campaign_id, when)
    assert refusal.value.code == "time_in_past"
    assert campaigns.get(campaign_id) == before


def test_R12_a_time_that_passes_while_the_checks_run_is_refused(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    slow = Interrupted(clock.now(), 3, lambda: slow.advance(2_000))
    with pytest.raises(Refused) as refusal:
        launch.schedule_at(Context(slow, builders.OPERATOR), campaign_id, "in 2 s")
    assert refusal.value.code == "time_in_past"
    assert campaigns.get(campaign_id).status is Status.DRAFT


def test_R12_the_store_refuses_a_past_time_too(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    draft, now = campaigns.get(campaign_id), clock.now()
    template = account.templates()[0]
    assert not transitions.schedule(
        campaign_id, draft.version, at=now, timezone="UTC", frozen=template, price=1, now=now
    )
    assert campaigns.get(campaign_id) == draft


@pytest.mark.parametrize("ahead", [1_000, 4 * MINUTE, LOCK - 1_000])
def test_R16_less_than_five_minutes_ahead_is_accepted_and_locked_from_birth(
    ahead: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 3)
    done = launch.schedule_at(context, campaign_id, f"in {ahead // 1_000} s")
    assert done.locked and done.lock_at < clock.now()
    for name, command in CALL_OFF.items():
        assert refusal_of(command, context, campaign_id).code == "cancel_locked", name
    clock.advance(ahead)
    asyncio.run(work(clock, Scripted(takes_all)))
    assert (campaigns.get(campaign_id).status, campaigns.get(campaign_id).started_at) == (
        Status.COMPLETED,
        done.at,
    )


def test_R16_exactly_five_minutes_ahead_is_not_locked_yet(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = launch.schedule_at(builders.context(clock), builders.draft(clock, tmp_path), "in 5 min")
    assert (done.locked, done.lock_at) == (False, clock.now())


def test_R22_scheduling_names_every_problem_at_once_with_what_to_do(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = drafts.create(context, DraftFields(""))
    refusal = refusal_of(schedule, context, campaign_id)
    assert refusal.code == "name_missing"
    for part in ("no name", "no sender", "no template", "no audience"):
        assert part in refusal.message
    for part in ("Give it one", "Choose the number", "approved template", "contact file"):
        assert part in refusal.hint


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "PAUSED", "DISABLED", "DELETED"])
def test_R23_a_template_that_is_not_approved_is_refused(
    status: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    setup.add_templates(context, builders.template_file(tmp_path, status=status))
    for command in (schedule, launch.send_now):
        assert refusal_of(command, context, campaign_id).code == "template_unavailable"
    assert campaigns.get(campaign_id).status is Status.DRAFT


def test_R24_the_template_is_frozen_at_scheduling(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    launch.schedule_at(context, campaign_id, LATER)
    changed = [{"type": "BODY", "text": "Bye {{1}}, {{2}}"}]
    setup.add_templates(context, builders.template_file(tmp_path, components=changed))
    frozen = campaigns.get(campaign_id).template_frozen
    assert frozen is not None and "Hello" in frozen.components[0]["text"]


def test_R25_an_unmapped_placeholder_is_refused(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    fields = drafts.fields_of(campaigns.get(campaign_id))
    fills = {"body.1": Fill(column="Name")}
    drafts.edit(context, campaign_id, campaigns.get(campaign_id).version, replace(fields, fills=fills))
    for command in (schedule, launch.send_now):
        assert refusal_of(command, context, campaign_id).code == "unmapped_placeholder"


def test_R26_too_few_credits_refuse_the_schedule_and_say_how_many_are_missing(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, credits=4)
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 10)
    for command in (schedule, launch.send_now):
        refusal = refusal_of(command, context, campaign_id)
        assert refusal.code == "insufficient_credits" and "6 missing" in refusal.message
    assert (campaigns.get(campaign_id).status, ledger.balance()) == (Status.DRAFT, Balance(4, 0, 0))


def test_R26_exactly_enough_credits_are_enough(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.account_with_sender(clock, tmp_path, credits=10)
    campaign_id = builders.draft(clock, tmp_path, 10)
    assert launch.schedule_at(builders.context(clock), campaign_id, LATER).campaign.status is Status.SCHEDULED


def test_R28_check_1_reserves_nothing(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.account_with_sender(clock, tmp_path, credits=10)
    context = builders.context(clock)
    for _ in range(2):
        launch.schedule_at(context, builders.draft(clock, tmp_path, 10), LATER)
    assert ledger.balance() == Balance(10, 0, 0)


def test_R31_an_audience_without_a_valid_recipient_is_refused(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, [("Asha", "nonsense", "C1")])
    for command in (schedule, launch.send_now):
        assert refusal_of(command, context, campaign_id).code == "no_valid_recipients"


@pytest.mark.parametrize("command", [schedule, launch.send_now])
def test_R9_a_draft_that_changed_while_it_was_checked_is_not_launched(
    command: Command, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path)

    def by_another_console() -> None:
        found = campaigns.get(campaign_id)
        fields = replace(drafts.fields_of(found), name="Theirs")
        drafts.edit(builders.context(clock), campaign_id, found.version, fields)

    # The second reading of the clock comes after the campaign was read.
    refusal = refusal_of(command, interrupted(clock, 2, by_another_console), campaign_id)
    assert refusal.code == "changed_meanwhile"
    assert (campaigns.get(campaign_id).status, ledger.balance().reserved) == (Status.DRAFT, 0)


# Sending now


def test_R12_R27_send_now_starts_and_reserves_in_one_step(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, 4)
    started = launch.send_now(builders.context(clock), campaign_id)
    assert (started.status, started.send_now, started.scheduled_at) == (Status.IN_PROGRESS, True, None)
    assert (started.started_at, started.price, started.progress.reserved) == (clock.now(), 4, 4)
    assert started.template_frozen is not None
    assert ledger.balance() == Balance(999_996, 4, 0)
    check_invariants()


def test_R27_send_now_takes_no_credit_when_another_run_took_them_meanwhile(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, credits=10)
    campaign_id, other = builders.draft(clock, tmp_path, 10), builders.draft(clock, tmp_path, 1)
    context = interrupted(clock, 2, lambda: ledger.reserve(clock.now(), other, 1, "test"))
    refusal = refusal_of(launch.send_now, context, campaign_id)
    assert refusal.code == "insufficient_credits" and "1 missing" in refusal.message
    found = campaigns.get(campaign_id)
    assert (found.status, found.template_frozen, found.started_at) == (Status.DRAFT, None, None)
    assert ledger.balance() == Balance(10, 0, 0)


@pytest.mark.parametrize("stop", [True, False], ids=["stop", "start"])
def test_R27_R29_send_now_reserves_for_the_audience_as_it_is_by_then(
    stop: bool, db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, credits=10)
    campaign_id = builders.draft(clock, tmp_path, 10)
    number = int(builders.number(3))
    if not stop:
        optouts.add(number, clock.now(), "test")

    def elsewhere() -> None:
        # A reply comes in, and another console looks at the draft: no new version, but another audience.
        if stop:
            optouts.add(number, clock.now(), "reply: STOP")
        else:
            optouts.remove(number)
        launch.check(campaign_id, clock.now())

    started = launch.send_now(interrupted(clock, 2, elsewhere), campaign_id)
    assert started.progress.reserved == started.progress.pending == (9 if stop else 10)
    asyncio.run(work(clock, Scripted(takes_all)))
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    assert ledger.balance().reserved == 0
    check_invariants()


@pytest.mark.parametrize("name", CALL_OFF)
def test_R17_send_now_cannot_be_called_off(name: str, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    launch.send_now(context, campaign_id)
    assert refusal_of(CALL_OFF[name], context, campaign_id).code == "illegal_transition"
    assert campaigns.get(campaign_id).status is Status.IN_PROGRESS


# Calling off


@pytest.mark.parametrize("name", CALL_OFF)
def test_R14_five_minutes_are_accepted_to_the_millisecond(
    name: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    clock.advance(HOUR - 5 * MINUTE)
    CALL_OFF[name](builders.context(clock), campaign_id)
    after = {"cancel": Status.CANCELLED, "reopen": Status.DRAFT, "reschedule": Status.SCHEDULED}[name]
    assert campaigns.get(campaign_id).status is after


@pytest.mark.parametrize("late", [1, 1_000, 5 * MINUTE, 20 * MINUTE])
@pytest.mark.parametrize("name", CALL_OFF)
def test_R14_a_millisecond_less_is_refused(name: str, late: int, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    before = campaigns.get(campaign_id)
    clock.advance(HOUR - 5 * MINUTE + late)
    assert refusal_of(CALL_OFF[name], builders.context(clock), campaign_id).code == "cancel_locked"
    assert campaigns.get(campaign_id) == replace(before, locked=True)


@pytest.mark.parametrize("name", CALL_OFF)
def test_R15_the_limit_holds_at_the_write_and_not_when_the_screen_was_drawn(
    name: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    clock.advance(HOUR - 5 * MINUTE)
    # Rescheduling asks the time first to read what was typed.
    slow = Interrupted(clock.now(), 2 if name == "reschedule" else 1, lambda: slow.advance(1))
    assert refusal_of(CALL_OFF[name], Context(slow, builders.OPERATOR), campaign_id).code == "cancel_locked"
    assert campaigns.get(campaign_id).status is Status.SCHEDULED


SEEN: dict[str, Callable[[Context, int, int], object]] = {
    "cancel": launch.cancel,
    "reopen": launch.reopen,
    "reschedule": lambda context, one, seen: launch.reschedule(context, one, LATER, seen=seen),
}


@pytest.mark.parametrize("name", SEEN)
def test_R15_another_version_than_the_one_agreed_to_stays_as_it_is(
    name: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    seen = campaigns.get(campaign_id).version
    launch.reschedule(context, campaign_id, "in 2 h")
    before = campaigns.get(campaign_id)
    with pytest.raises(Refused) as caught:
        SEEN[name](context, campaign_id, seen)
    assert (caught.value.code, campaigns.get(campaign_id)) == ("changed_meanwhile", before)
    assert events(campaign_id)[-1].action == f"campaign.{name}.refused"
    SEEN[name](context, campaign_id, before.version)
    assert campaigns.get(campaign_id) != before


def test_a_draft_of_another_version_is_neither_sent_nor_deleted(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    seen = campaigns.get(campaign_id).version
    drafts.edit(context, campaign_id, seen, replace(drafts.fields_of(campaigns.get(campaign_id)), name="Better"))
    before, balance = campaigns.get(campaign_id), ledger.balance()
    for command in (launch.send_now, drafts.delete):
        with pytest.raises(Refused) as caught:
            command(context, campaign_id, seen)
        assert caught.value.code == "changed_meanwhile"
    assert (campaigns.get(campaign_id), ledger.balance()) == (before, balance)
    launch.send_now(context, campaign_id, before.version)
    assert campaigns.get(campaign_id).status is Status.IN_PROGRESS


def test_R14_moving_the_time_does_not_get_around_the_lock(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    done = launch.reschedule(context, campaign_id, "in 2 min")
    assert done.locked
    for name, command in CALL_OFF.items():
        assert refusal_of(command, context, campaign_id).code == "cancel_locked", name


def test_rescheduling_moves_the_time_and_the_lock(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    done = launch.reschedule(builders.context(clock), campaign_id, "2026-11-24 10:00", "UTC")
    assert (done.at - START, done.lock_at, done.campaign.timezone) == (25 * HOUR, done.at - LOCK, "UTC")
    assert campaigns.due(START + HOUR, done.campaign.sender_id) == []


@pytest.mark.parametrize(
    ("when", "kind", "code"), [("14:29 today", BadInput, "bad_time"), ("today 14:29", Refused, "time_in_past")]
)
def test_R12_rescheduling_to_no_time_or_a_past_one_changes_nothing(
    when: str, kind: type[Refused], code: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path)
    before = campaigns.get(campaign_id)
    with pytest.raises(kind) as refusal:
        launch.reschedule(builders.context(clock), campaign_id, when)
    assert refusal.value.code == code
    assert campaigns.get(campaign_id) == before


def test_R12_a_new_time_that_passes_meanwhile_is_called_past(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = schedule_in(clock, tmp_path)
    slow = Interrupted(clock.now(), 2, lambda: slow.advance(2_000))
    with pytest.raises(Refused) as refusal:
        launch.reschedule(Context(slow, builders.OPERATOR), campaign_id, "in 2 s")
    assert refusal.value.code == "time_in_past"


def test_back_to_draft_clears_the_schedule_and_can_be_edited(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = schedule_in(clock, tmp_path)
    draft = launch.reopen(context, campaign_id)
    assert (draft.status, draft.scheduled_at, draft.template_frozen) == (Status.DRAFT, None, None)
    edited = drafts.edit(context, campaign_id, draft.version, replace(drafts.fields_of(draft), name="Again"))
    assert edited.name == "Again"
    assert launch.schedule_at(context, campaign_id, LATER).campaign.status is Status.SCHEDULED


def test_R7_R19_after_cancelling_no_message_goes_and_no_credit_is_taken(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    cancelled = launch.cancel(builders.context(clock), campaign_id)
    assert (cancelled.status, cancelled.finished_at) == (Status.CANCELLED, clock.now())
    clock.advance(2 * HOUR)
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    assert gateway.handed == []
    assert ledger.balance() == Balance(1_000_000, 0, 0)
    assert list(listing.ids(ListFilter())) == [campaign_id]
    assert campaigns.get(campaign_id).status is Status.CANCELLED


# Every command in every status


@pytest.mark.parametrize(("status", "name"), REFUSALS)
def test_R4_R9_every_other_command_is_refused_with_a_reason_and_an_event(
    status: Status, name: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = campaign_in(status, clock, tmp_path)
    before, balance = campaigns.get(campaign_id), ledger.balance()
    refusal = refusal_of(COMMANDS[name], builders.context(clock), campaign_id)
    assert refusal.code in ("illegal_transition", "not_editable", "not_held")
    assert (campaigns.get(campaign_id), ledger.balance()) == (before, balance)
    last = events(campaign_id)[-1]
    assert (last.action, last.after, last.actor) == (f"campaign.{name}.refused", {"code": refusal.code}, "asha")
    assert last.detail == refusal.message


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_R8_the_way_on_from_a_final_status_is_to_duplicate(
    status: Status, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = campaign_in(status, clock, tmp_path)
    assert "duplicate" in refusal_of(launch.send_now, builders.context(clock), campaign_id).hint


@pytest.mark.parametrize("name", COMMANDS)
def test_a_campaign_that_there_is_not_is_not_found(name: str, acme: Path, clock: FakeClock) -> None:
    with pytest.raises(NotFound) as missing:
        COMMANDS[name](builders.context(clock), 999)
    assert (missing.value.code, missing.value.message) == ("not_found", "There is no campaign 999.")


def test_R11_every_transition_leaves_its_event_with_before_and_after(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = schedule_in(clock, tmp_path)
    launch.reschedule(context, campaign_id, LATER)
    launch.reopen(context, campaign_id)
    launch.schedule_at(context, campaign_id, "2026-11-24 10:00")
    launch.cancel(context, campaign_id)
    kept = [event for event in events(campaign_id) if event.before or event.action == "campaign.schedule"]
    assert [event.action for event in kept] == [
        "campaign.schedule",
        "campaign.reschedule",
        "campaign.reopen",
        "campaign.schedule",
        "campaign.cancel",
    ]
    assert [(event.before.get("status"), event.after.get("status")) for event in kept] == [
        ("draft", "scheduled"),
        (None, None),
        ("scheduled", "draft"),
        ("draft", "scheduled"),
        ("scheduled", "cancelled"),
    ]
    assert kept[1].before == {"at": START + HOUR} and kept[1].after == {"at": START + 3 * HOUR}
    assert kept[3].after["at"] == "2026-11-24T10:00:00+05:30"
    assert {(event.actor, event.terminal) for event in kept} == {("asha", "test")}


def test_R11_send_now_leaves_an_event_with_its_price(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, 4)
    launch.send_now(builders.context(clock), campaign_id)
    last = events(campaign_id)[-1]
    assert (last.action, last.before, last.after) == (
        "campaign.send",
        {"status": "draft"},
        {"status": "in_progress", "price": 4},
    )


def test_R11_an_event_and_its_change_are_one_transaction(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = schedule_in(clock, tmp_path)

    def full(*args: object, **more: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("store.audit.write", full)
    with pytest.raises(OSError, match="disk"):
        launch.cancel(builders.context(clock), campaign_id)
    assert campaigns.get(campaign_id).status is Status.SCHEDULED


# Hold and resume


def held(clock: FakeClock, folder: Path) -> Campaign:
    campaign_id = campaign_in(Status.IN_PROGRESS, clock, folder)
    ending.hold(
        clock, campaign_id, HoldOrder("not_authorised", "The access token has expired (190)"), builders.OPERATOR
    )
    return campaigns.get(campaign_id)


def test_R45_an_operator_resumes_a_run_on_hold(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign = held(clock, tmp_path)
    assert campaign.hold is not None and campaign.hold.since == clock.now()
    resumed = resuming.resume(builders.context(clock), campaign.id)
    assert (resumed.status, resumed.hold) == (Status.IN_PROGRESS, None)
    assert actions(campaign.id)[-2:] == ["campaign.hold", "campaign.resume"]
    assert events(campaign.id)[-1].before == {"hold": "not_authorised"}
    assert refusal_of(resuming.resume, builders.context(clock), campaign.id).code == "not_held"


def test_R9_R45_a_hold_that_the_operator_has_not_seen_is_not_lifted(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign = held(clock, tmp_path)
    assert campaign.hold is not None
    banned = HoldOrder("account_restricted", "WhatsApp restricted the account")
    ending.hold(clock, campaign.id, banned, builders.OPERATOR)
    seen = campaign.hold.reason
    refusal = refusal_of(lambda context, one: resuming.resume(context, one, seen), builders.context(clock), campaign.id)
    assert refusal.code == "changed_meanwhile"
    hold = campaigns.get(campaign.id).hold
    assert hold is not None and hold.reason == banned.reason
    resuming.resume(builders.context(clock), campaign.id, banned.reason)
    assert campaigns.get(campaign.id).hold is None


def test_R9_R45_a_hold_that_comes_in_the_moment_of_the_resume_stays(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign = held(clock, tmp_path)
    banned = HoldOrder("account_restricted", "WhatsApp restricted the account")
    context = interrupted(clock, 1, lambda: ending.hold(clock, campaign.id, banned, builders.OPERATOR))
    assert refusal_of(resuming.resume, context, campaign.id).code == "changed_meanwhile"
    hold = campaigns.get(campaign.id).hold
    assert hold is not None and hold.reason == banned.reason
    assert "campaign.resume" not in actions(campaign.id)


@pytest.mark.parametrize("name", [*CALL_OFF, "delete", "schedule", "send"])
def test_R4_a_run_on_hold_is_locked_too(name: str, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign = held(clock, tmp_path)
    refusal_of(COMMANDS[name], builders.context(clock), campaign.id)
    assert campaigns.get(campaign.id) == campaign


def test_the_preflight_of_a_stored_campaign_sees_what_changed_since(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, 3)
    assert launch.check(campaign_id, clock.now()).valid == 3
    database.execute("INSERT INTO opt_out (phone, since, origin) SELECT phone, 0, 'test' FROM recipient WHERE seq = 1")
    assert (launch.check(campaign_id, clock.now()).valid, launch.check(campaign_id, clock.now()).price) == (2, 2)
