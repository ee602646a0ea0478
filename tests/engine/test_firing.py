"""Who makes the firings of a series, and what happens to those that nobody made in time (R21)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import firing, root_causes
from engine.clock import DAY, HOUR, MINUTE
from engine.commands import launch, recurring, setup
from engine.recurrence import Recurrence
from engine.worker import Worker
from store import audiences, audit, campaigns, database, ledger, occurrences
from store import series as store
from store.occurrences import Outcome
from store.series import State
from store.types import Actor, RootCause, Status
from tests import builders, sending
from tests.clock import START, FakeClock
from tests.sending import Scripted, takes_all
from tests.store.invariants import check_invariants

HOURLY = "0 * * * *"
# START is 14:30 in Kolkata.
FIRST = START + 30 * MINUTE
WORKER = Actor("worker")


@pytest.fixture
def hourly(acme: Path, clock: FakeClock, tmp_path: Path) -> int:
    """A series that fires every full hour; its first firing is in half an hour."""
    return made(clock, tmp_path)


def made(clock: FakeClock, folder: Path, cron: str = HOURLY, until: int | None = None) -> int:
    source = builders.draft(clock, folder, 3, "Weekly offer")
    return recurring.create(builders.context(clock), source, cron, until=until).series.id


def known(series_id: int) -> list[tuple[str, str, Status | None]]:
    """The occurrences so far, oldest first: time of day, outcome, and the status of the campaign."""
    found = occurrences.of_series(series_id, 1_000)[::-1]
    return [(one.local[-5:], one.outcome.value, one.status) for one in found]


def campaign_at(series_id: int, time: str) -> int:
    (found,) = [one.campaign_id for one in occurrences.of_series(series_id, 1_000) if one.local.endswith(time)]
    assert found is not None
    return found


async def worked(clock: FakeClock, gateway: Scripted | None = None) -> None:
    await sending.work(clock, gateway or Scripted(takes_all))


async def test_R21_a_worker_sends_a_firing_at_its_time_and_makes_the_next(hourly: int, clock: FakeClock) -> None:
    clock.set(FIRST)
    await worked(clock)
    assert known(hourly) == [("15:00", "created", Status.COMPLETED), ("16:00", "created", Status.SCHEDULED)]
    check_invariants(campaign_at(hourly, "15:00"), campaign_at(hourly, "16:00"))


async def test_R21_at_every_moment_one_firing_is_ahead(hourly: int, clock: FakeClock) -> None:
    worker, gateway = None, Scripted(takes_all)
    for _ in range(4):
        await sending.work(clock, gateway)
        ahead = [one for one in occurrences.of_series(hourly, 100) if one.at > clock.now()]
        assert [one.status for one in ahead] == [Status.SCHEDULED]
        clock.set(ahead[0].at)
    assert worker is None
    assert len(gateway.handed) == 9


async def test_R21_after_downtime_the_one_made_ahead_is_the_one_late_firing(hourly: int, clock: FakeClock) -> None:
    campaign = campaigns.get(campaign_at(hourly, "15:00"))
    # 40 minutes late: it still goes; nothing else was due.
    clock.set(FIRST + 40 * MINUTE)
    await worked(clock)
    assert known(hourly) == [("15:00", "created", Status.COMPLETED), ("16:00", "created", Status.SCHEDULED)]
    assert campaigns.get(campaign.id).started_at == FIRST + 40 * MINUTE


async def test_R21_after_a_day_only_the_newest_within_grace_goes_late(hourly: int, clock: FakeClock) -> None:
    clock.set(FIRST + DAY + 20 * MINUTE)
    gateway = Scripted(takes_all)
    await worked(clock, gateway)
    found = known(hourly)
    assert found[0] == ("15:00", "created", Status.FAILED)
    assert campaigns.get(campaign_at(hourly, "23T15:00")).status_reason == RootCause.MISSED_WINDOW
    assert [one[1] for one in found[1:24]] == ["missed"] * 23
    assert found[24:] == [("15:00", "late", Status.COMPLETED), ("16:00", "created", Status.SCHEDULED)]
    # Never a burst.
    assert len(gateway.handed) == 3
    (event,) = [event for event in audit.events() if event.action == "series.missed"]
    assert (event.after["missed"], event.after["from"]) == (23, "2026-11-23T16:00:00+05:30")
    assert store.get(hourly).note == "23 firings missed up to Tue 24 Nov 14:00"


async def test_R21_outside_the_grace_nothing_goes_late(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    # 20:00 every day: 5 h 30 min from now.
    series_id = made(clock, tmp_path, "0 20 * * *")
    clock.advance(3 * DAY)
    gateway = Scripted(takes_all)
    await worked(clock, gateway)
    assert known(series_id) == [
        ("20:00", "created", Status.FAILED), ("20:00", "missed", None), ("20:00", "missed", None),
        ("20:00", "created", Status.SCHEDULED),
    ]  # fmt: skip
    assert gateway.handed == []


@pytest.mark.parametrize(("late_ms", "outcome"), [(60 * MINUTE, "late"), (60 * MINUTE + 1, "missed")])
def test_R21_the_grace_is_inclusive(acme: Path, clock: FakeClock, tmp_path: Path, late_ms: int, outcome: str) -> None:
    series_id = made(clock, tmp_path, "0 20 * * *")
    clock.set(occurrences.of_series(series_id, 1)[0].at + DAY + late_ms)
    firing.tend(clock, WORKER)
    assert known(series_id)[1][1] == outcome


def test_R21_two_firings_within_one_grace_are_one_late_firing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    series_id = made(clock, tmp_path, "*/10 * * * *")
    # 14:40 was made ahead and still goes; 14:50, 15:00 and 15:10 passed too.
    clock.set(START + 45 * MINUTE)
    firing.tend(clock, WORKER)
    assert known(series_id) == [
        ("14:40", "created", Status.SCHEDULED), ("14:50", "missed", None), ("15:00", "missed", None),
        ("15:10", "missed", None), ("15:20", "created", Status.SCHEDULED),
    ]  # fmt: skip


async def test_R21_what_was_missed_after_the_last_one_ran_in_time_goes_late_once(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    series_id = made(clock, tmp_path, "*/10 * * * *")
    clock.set(START + 10 * MINUTE)
    # It starts in time, and the worker dies before the next one is made.
    launch_time = campaign_at(series_id, "14:40")
    from engine import starting

    assert starting.start_due(clock, launch_time) is None
    clock.set(START + 45 * MINUTE)
    firing.tend(clock, WORKER)
    assert [one[:2] for one in known(series_id)] == [
        ("14:40", "created"), ("14:50", "missed"), ("15:00", "missed"), ("15:10", "late"), ("15:20", "created"),
    ]  # fmt: skip


def test_R21_a_cancelled_firing_does_not_go_late_nor_does_it_stand_for_others(hourly: int, clock: FakeClock) -> None:
    launch.cancel(builders.context(clock), campaign_at(hourly, "15:00"))
    clock.set(FIRST + HOUR + 5 * MINUTE)
    firing.tend(clock, WORKER)
    assert known(hourly) == [
        ("15:00", "created", Status.CANCELLED), ("16:00", "late", Status.SCHEDULED),
        ("17:00", "created", Status.SCHEDULED),
    ]  # fmt: skip


def test_R21_a_year_of_minutes_is_bounded(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    series_id = made(clock, tmp_path, "* * * * *")
    clock.advance(365 * DAY)
    assert firing.tend(clock, WORKER) == 2
    found = occurrences.of_series(series_id, 10_000)
    assert len(found) == 1 + firing.RECORDED + 2
    assert [one.outcome for one in found[:3]] == [Outcome.CREATED, Outcome.LATE, Outcome.MISSED]
    assert store.get(series_id).note.startswith("more than 9,999 firings missed")


def each_hour(clock: FakeClock, hours: int) -> None:
    """A look at every full hour, and one in between that finds nothing to do."""
    for _ in range(hours):
        firing.tend(clock, WORKER)
        clock.advance(30 * MINUTE)
        assert firing.wanting(clock) == []
        clock.advance(30 * MINUTE)


def test_R21_a_clock_that_is_a_year_ahead_for_a_moment_silences_no_series(hourly: int, clock: FakeClock) -> None:
    clock.set(FIRST + 365 * DAY)
    firing.tend(clock, WORKER)
    clock.set(START + MINUTE)
    assert firing.wanting(clock) == [], "the next one was made before"
    clock.set(FIRST)
    each_hour(clock, 48)
    soon = [one for one in occurrences.of_series(hourly, 1_000) if one.at <= clock.now()]
    assert [one.at for one in soon[::-1]] == [FIRST + n * HOUR for n in range(49)]
    assert {one.outcome for one in soon} == {Outcome.CREATED}


def test_R21_what_a_clock_that_was_ahead_took_for_missed_is_made_once_each(hourly: int, clock: FakeClock) -> None:
    clock.set(FIRST + 5 * HOUR)
    assert firing.tend(clock, WORKER) == 2
    assert [what for _, what, _ in known(hourly)] == ["created", *["missed"] * 4, "late", "created"]
    clock.set(START + MINUTE)
    # A look of one that has read the series before is as good.
    assert firing.tend_one(clock, WORKER, store.get(hourly)) == 0
    assert store.get(hourly).note == "4 firings that a wrong clock took for missed will be made in time"
    clock.set(FIRST)
    each_hour(clock, 8)
    made = [(time, what) for time, what, _ in known(hourly)]
    assert made == [(f"{n}:00", "late" if n == 20 else "created") for n in range(15, 24)]
    assert _audiences() == 1 + 1 + len(made), "the draft's, the series' own, and one each"


def test_R21_an_occurrence_ahead_that_was_taken_for_missed_is_made_at_the_next_look(
    hourly: int, clock: FakeClock
) -> None:
    clock.set(FIRST)
    occurrences.miss(hourly, "2026-11-23T16:00", FIRST + HOUR)
    assert firing.wanting(clock) == [hourly]
    assert firing.tend(clock, WORKER) == 1
    assert known(hourly)[-1][:2] == ("16:00", "created")
    assert firing.wanting(clock) == []


def test_R21_nothing_fires_after_the_end(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    series_id = made(clock, tmp_path, until=FIRST + HOUR)
    for _ in range(3):
        clock.set(clock.now() + HOUR)
        firing.tend(clock, WORKER)
    assert [one[0] for one in known(series_id)] == ["15:00", "16:00"]
    assert store.get(series_id).state is State.ENDED
    assert audit.events()[-1].action == "series.ended"


def test_R21_what_was_due_after_the_end_is_neither_late_nor_missed(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    series_id = made(clock, tmp_path, until=FIRST + HOUR - MINUTE)
    clock.set(FIRST + HOUR + 10 * MINUTE)
    assert firing.tend(clock, WORKER) == 0
    assert known(series_id) == [("15:00", "created", Status.SCHEDULED)]
    assert store.get(series_id).state is State.ENDED


def test_R21_a_firing_that_started_at_the_very_time_of_the_next_is_the_late_one(hourly: int, clock: FakeClock) -> None:
    series, (ahead,) = store.get(hourly), occurrences.of_series(hourly, 1)
    every, newest = Recurrence(series.cron, series.timezone), FIRST + HOUR
    for started_at, late in ((newest - 1, newest), (newest, None), (newest + 1, None)):
        last = ahead._replace(status=Status.COMPLETED, started_at=started_at)
        found = firing.sort_out(series, every, last, newest + MINUTE).late
        assert (found and found.at) == late
    moved = ahead._replace(scheduled_at=newest + DAY)
    found = firing.sort_out(series, every, moved, newest + MINUTE).late
    assert found is not None and found.at == newest, "the one ahead was given another time"
    first = firing.sort_out(series, every, None, FIRST + MINUTE).late
    assert first is not None and first.at == FIRST, "nobody made any before"


def test_R21_two_that_look_at_once_make_one(hourly: int, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set(FIRST + DAY + 20 * MINUTE)
    before = _audiences()
    barrier, made_by, faults = threading.Barrier(2, timeout=30), [], []
    prepare = firing.prepare

    def together(*args: object) -> occurrences.Firing:
        prepared: occurrences.Firing = prepare(*args)  # type: ignore[arg-type]
        # Both have found it missing and copied the audience.
        barrier.wait()
        return prepared

    monkeypatch.setattr(firing, "prepare", together)

    def tend() -> None:
        try:
            with database.session():
                made_by.append(firing.tend(clock, WORKER))
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=tend) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert sum(made_by) == 2
    assert [one[1] for one in known(hourly)] == ["created", *["missed"] * 23, "late", "created"]
    assert len([event for event in audit.events() if event.action == "series.missed"]) == 1
    # The copies that lost are gone.
    assert _audiences() == before + 2


def _audiences() -> int:
    count: int = database.execute("SELECT COUNT(DISTINCT audience_id) FROM recipient").fetchone()[0]
    return count


@pytest.mark.parametrize("change", [recurring.pause, recurring.end])
def test_R21_a_series_that_changes_while_its_audience_is_copied_makes_nothing(
    hourly: int, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, change: Callable[..., object]
) -> None:
    copy = audiences.copy

    def copied(*args: object) -> int:
        change(builders.context(clock), hourly)
        return copy(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(audiences, "copy", copied)
    clock.set(FIRST)
    before = _audiences()
    assert firing.tend(clock, WORKER) == 0
    assert len(known(hourly)) == 1
    assert _audiences() == before


def test_R21_a_copy_that_breaks_off_leaves_nothing_half_made(
    hourly: int, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set(FIRST)
    before = _audiences()

    class Broken(Exception):
        pass

    def breaks(*args: object) -> None:
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(occurrences, "fire", breaks)
        with pytest.raises(Broken):
            firing.tend(clock, WORKER)
    assert _audiences() == before
    assert len(known(hourly)) == 1
    # And the next look makes it.
    assert firing.tend(clock, WORKER) == 1


async def test_R21_credits_are_not_asked_for_before_the_start(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.account_with_sender(clock, tmp_path, credits=3)
    series_id = made(clock, tmp_path)
    for _ in range(2):
        clock.set(occurrences.of_series(series_id, 1)[0].at)
        await worked(clock)
    assert known(series_id)[:2] == [("15:00", "created", Status.COMPLETED), ("16:00", "created", Status.FAILED)]
    assert campaigns.get(campaign_at(series_id, "16:00")).status_reason == RootCause.INSUFFICIENT_CREDITS


async def test_R21_the_worker_looks_once_a_second_and_tends_only_what_wants_it(
    hourly: int, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    wanting = store.wanting

    def look(now: int) -> list[int]:
        looked.append(now)
        return wanting(now)

    monkeypatch.setattr(store, "wanting", look)
    monkeypatch.setattr(firing, "tend", lambda *args: pytest.fail("nothing wants it"))
    worker = Worker(clock, Scripted(takes_all), "service")
    for _ in range(8):
        await worker.step()
        clock.advance(250)
    assert looked == [START, START + 1000]
    worker.stop()
    await worker.work()


async def test_R25_R21_a_firing_whose_template_got_another_placeholder_fails_and_takes_nothing(
    hourly: int, clock: FakeClock, tmp_path: Path
) -> None:
    launch.cancel(builders.context(clock), campaign_at(hourly, "15:00"))
    text = [{"type": "BODY", "text": "Hello {{1}}, {{2}} and {{3}}.", "example": {"body_text": [["a", "b", "c"]]}}]
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, components=text))
    clock.set(FIRST)
    firing.tend(clock, WORKER)
    clock.set(FIRST + HOUR)
    gateway = Scripted(takes_all)
    await worked(clock, gateway)
    campaign = campaigns.get(campaign_at(hourly, "16:00"))
    assert (campaign.status, campaign.status_reason) == (Status.FAILED, RootCause.TEMPLATE_CHANGED)
    assert "body.3" in root_causes.text(RootCause.TEMPLATE_CHANGED, campaign.status_detail)
    assert gateway.handed == [] and ledger.balance().reserved == 0
    check_invariants(campaign.id)
