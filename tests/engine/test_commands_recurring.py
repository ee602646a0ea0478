"""Series by command: make, pause, resume, end, show (R21)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import firing, schedule
from engine.clock import DAY, HOUR, MINUTE
from engine.commands import drafts, launch, recurring, setup
from engine.errors import BadInput, EngineError, NotFound, Refused
from engine.recurrence import Recurrence
from store import account, audit, campaigns, optouts
from store import series as store
from store.occurrences import Outcome
from store.series import State
from store.types import Campaign, DraftFields, SkipReason, Status
from tests import builders, sending
from tests.clock import START, FakeClock
from tests.store.invariants import check_invariants

MONDAYS = "0 10 * * MON"
# START is a Monday, 14:30 in Kolkata.
NEXT_MONDAY = "2026-11-30T10:00"


def made(clock: FakeClock, folder: Path, cron: str = MONDAYS, **options: object) -> recurring.Shown:
    source = builders.draft(clock, folder, name="Weekly offer")
    return recurring.create(builders.context(clock), source, cron, **options)  # type: ignore[arg-type]


def refused(clock: FakeClock, campaign_id: int, cron: str = MONDAYS, **options: object) -> EngineError:
    with pytest.raises(EngineError) as caught:
        recurring.create(builders.context(clock), campaign_id, cron, **options)  # type: ignore[arg-type]
    return caught.value


def ahead(shown: recurring.Shown) -> Campaign:
    """The campaign of the latest occurrence."""
    campaign_id = shown.occurrences[0].campaign_id
    assert campaign_id is not None
    return campaigns.get(campaign_id)


def test_R21_a_series_has_its_first_firing_at_once(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = made(clock, tmp_path)
    assert (done.series.name, done.series.cron, done.series.timezone) == ("Weekly offer", MONDAYS, "Asia/Kolkata")
    assert done.series.state is State.ACTIVE
    first = ahead(done)
    assert first.status is Status.SCHEDULED
    assert first.name == "Weekly offer, Mon 30 Nov 10:00"
    assert (first.series_id, first.occurrence) == (done.series.id, NEXT_MONDAY)
    assert schedule.iso(first.scheduled_at or 0, "Asia/Kolkata") == "2026-11-30T10:00:00+05:30"
    assert first.progress.pending == first.price == 10
    assert first.template_frozen is not None
    assert [one.local for one in done.upcoming] == [
        NEXT_MONDAY, "2026-12-07T10:00", "2026-12-14T10:00", "2026-12-21T10:00", "2026-12-28T10:00",
    ]  # fmt: skip
    check_invariants(first.id)


def test_R21_R11_each_step_is_an_audit_event(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = made(clock, tmp_path)
    context = builders.context(clock)
    recurring.pause(context, done.series.id)
    recurring.resume(context, done.series.id)
    recurring.end(context, done.series.id)
    with pytest.raises(Refused):
        recurring.pause(context, done.series.id)
    found = [event for event in audit.events() if event.action.startswith("series.")]
    assert [event.action for event in found] == [
        "series.create", "series.firing", "series.pause", "series.resume", "series.end", "series.pause.refused",
    ]  # fmt: skip
    assert found[0].after["cron"] == MONDAYS
    assert found[2].before["state"] == "active"
    assert {event.actor for event in found} == {"asha"}


@pytest.mark.parametrize("status", list(Status))
def test_R21_a_series_is_made_of_a_campaign_of_any_status(
    acme: Path, clock: FakeClock, tmp_path: Path, status: Status
) -> None:
    source = sending.campaign_in(status, clock, tmp_path)
    done = recurring.create(builders.context(clock), source, MONDAYS)
    assert ahead(done).progress.pending == 3
    assert campaigns.get(source).status is status
    assert campaigns.get(source).series_id is None


def test_R21_the_series_has_its_own_audience(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    source = builders.draft(clock, tmp_path)
    context = builders.context(clock)
    done = recurring.create(context, source, MONDAYS)
    version = campaigns.get(source).version
    drafts.import_audience(context, source, version, builders.contacts_file(tmp_path, 3, "other.csv"))
    drafts.delete(context, source)
    launch.cancel(context, ahead(done).id)
    clock.advance(7 * DAY)
    assert firing.tend(clock, builders.OPERATOR) == 1
    second = ahead(recurring.show(done.series.id, clock.now()))
    assert second.occurrence == "2026-12-07T10:00"
    assert second.progress.pending == 10
    check_invariants(second.id)


def test_R21_check_1_is_made_as_for_scheduling(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    assert refused(clock, drafts.create(context, DraftFields("Empty"))).code == "sender_missing"
    source = builders.draft(clock, tmp_path)
    setup.add_templates(context, builders.template_file(tmp_path, status="PAUSED"))
    assert refused(clock, source).code == "template_unavailable"
    assert store.everyone() == []
    assert audit.events()[-1].action == "series.create.refused"


@pytest.mark.parametrize(
    ("cron", "options", "code", "kind"),
    [
        ("every monday", {}, "bad_cron", BadInput),
        ("* * * * * *", {}, "bad_cron", BadInput),
        ("0 0 30 2 *", {}, "cron_never_fires", Refused),
        (MONDAYS, {"timezone": "Mars/Olympus"}, "unknown_zone", BadInput),
        (MONDAYS, {"until": START + HOUR}, "no_firing_left", Refused),
    ],
)
def test_R21_what_would_never_fire_is_refused_and_leaves_nothing(
    acme: Path, clock: FakeClock, tmp_path: Path, cron: str, options: dict[str, object], code: str, kind: type
) -> None:
    source = builders.draft(clock, tmp_path)
    error = refused(clock, source, cron, **options)
    assert (error.code, type(error)) == (code, kind)
    assert error.hint
    assert store.everyone() == []
    assert len(campaigns.due(START + 400 * DAY, 1)) == 0


def test_R13_R21_another_zone_decides_when(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = made(clock, tmp_path, timezone="America/New_York", name="New York")
    assert ahead(done).name == "New York, Mon 23 Nov 10:00"
    assert schedule.iso(ahead(done).scheduled_at or 0, "UTC") == "2026-11-23T15:00:00+00:00"
    assert ahead(done).timezone == "America/New_York"


def test_R21_opt_outs_since_are_applied_to_each_firing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = made(clock, tmp_path)
    optouts.add(int(builders.number(3)), clock.now(), "stop")
    launch.cancel(builders.context(clock), ahead(done).id)
    clock.advance(7 * DAY)
    firing.tend(clock, builders.OPERATOR)
    second = ahead(recurring.show(done.series.id, clock.now()))
    assert (second.progress.pending, second.progress.skipped, second.price) == (9, 1, 9)
    assert [row.skip for row in sending.rows(second.id) if row.skip] == [SkipReason.OPTED_OUT]
    check_invariants(second.id)


def test_R21_a_firing_is_an_ordinary_scheduled_campaign(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = made(clock, tmp_path)
    context, first = builders.context(clock), ahead(done)
    launch.reschedule(context, first.id, "in 2 h")
    assert launch.reopen(context, first.id).status is Status.DRAFT
    assert launch.schedule_at(context, first.id, "in 6 min").campaign.status is Status.SCHEDULED
    assert launch.cancel(context, first.id).status is Status.CANCELLED
    # It concerns this firing only, and that one is not made again.
    assert firing.tend(clock, builders.OPERATOR) == 0
    clock.set(Recurrence(MONDAYS, "Asia/Kolkata").upcoming(START, 1)[0].at)
    assert firing.tend(clock, builders.OPERATOR) == 1
    found = recurring.show(done.series.id, clock.now())
    assert [(one.local, one.status) for one in found.occurrences] == [
        ("2026-12-07T10:00", Status.SCHEDULED), (NEXT_MONDAY, Status.CANCELLED),
    ]  # fmt: skip


def test_R21_a_paused_series_makes_nothing_and_what_passed_is_not_made_up_for(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    done = made(clock, tmp_path, "0 * * * *")
    context = builders.context(clock)
    paused = recurring.pause(context, done.series.id)
    assert paused.upcoming == ()
    # What is made already stays.
    assert ahead(paused).status is Status.SCHEDULED
    launch.cancel(context, ahead(paused).id)
    clock.advance(5 * HOUR + 10 * MINUTE)
    assert firing.tend(clock, builders.OPERATOR) == 0
    resumed = recurring.resume(context, done.series.id)
    assert resumed.series.state is State.ACTIVE
    assert [(one.local, one.outcome) for one in resumed.occurrences] == [
        ("2026-11-23T20:00", Outcome.CREATED), ("2026-11-23T15:00", Outcome.CREATED),
    ]  # fmt: skip
    assert resumed.series.note == ""


def test_R21_an_ended_series_stays_ended(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = made(clock, tmp_path)
    context = builders.context(clock)
    recurring.end(context, done.series.id)
    clock.advance(30 * DAY)
    assert firing.tend(clock, builders.OPERATOR) == 0
    for command in (recurring.pause, recurring.resume, recurring.end):
        with pytest.raises(Refused) as caught:
            command(context, done.series.id)
        assert caught.value.code == "series_ended"


def test_R21_pausing_twice_is_refused(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = made(clock, tmp_path)
    context = builders.context(clock)
    with pytest.raises(Refused) as caught:
        recurring.resume(context, done.series.id)
    assert caught.value.code == "series_unchanged"
    recurring.pause(context, done.series.id)
    with pytest.raises(Refused) as caught:
        recurring.pause(context, done.series.id)
    assert caught.value.code == "series_unchanged"


def test_R21_a_stale_version_changes_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    one = made(clock, tmp_path).series
    assert store.change_state(one.id, one.version, (State.ACTIVE,), State.PAUSED, START)
    assert not store.change_state(one.id, one.version, (State.ACTIVE, State.PAUSED), State.ENDED, START)
    assert store.get(one.id).state is State.PAUSED


def test_R21_an_unknown_series_is_not_found(acme: Path, clock: FakeClock) -> None:
    context = builders.context(clock)
    for call in (recurring.pause, recurring.resume, recurring.end):
        with pytest.raises(NotFound):
            call(context, 7)
    with pytest.raises(NotFound):
        recurring.show(7, START)


def test_R21_a_template_changed_since_is_frozen_as_it_is_then(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    done = made(clock, tmp_path)
    text = [{"type": "BODY", "text": "Dear {{1}}, take {{2}}.", "example": {"body_text": [["Asha", "C1"]]}}]
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, components=text))
    launch.cancel(builders.context(clock), ahead(done).id)
    clock.advance(7 * DAY)
    firing.tend(clock, builders.OPERATOR)
    frozen = ahead(recurring.show(done.series.id, clock.now())).template_frozen
    assert frozen is not None
    assert frozen.components[0]["text"] == "Dear {{1}}, take {{2}}."
    assert account.templates()[0].ref == "greeting:en_US"
