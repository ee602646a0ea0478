"""The sample account: every status, every invariant, quick, and going on by itself."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import engine.sample
from engine import audience, preflight, preflight_reading, report
from engine.clock import DAY, HOUR, MINUTE
from engine.context import Context
from engine.gateway.simulator.scenario import Scenario
from engine.lifecycle import cancel_locked
from engine.rehearsal import PastClock, Rehearsal
from engine.sample import ALL_CREDITS, fill
from engine.starting import start_due
from store import account, audit, campaigns, database, leases, ledger, listing, recipients, tallies, windows
from store.types import Actor, Campaign, Gateway, ListFilter, RecipientState, Status
from tests.clock import START, FakeClock
from tests.store.invariants import check_invariants

ACTOR = Actor("asha", "test")
DATA = Path(engine.sample.__file__).with_name("sample_data")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> FakeClock:
    """A filled database, whose sessions the tests open themselves; only for reading."""
    clock = FakeClock()
    database.open_database(str(tmp_path_factory.mktemp("sample") / "sample.db"), create=True)
    with database.session():
        fill(Context(clock, ACTOR))
    return clock


def every() -> list[Campaign]:
    return [campaigns.get(one) for one in listing.ids(ListFilter())]


def named(name: str) -> Campaign:
    (found,) = [one for one in every() if one.name == name]
    return found


def test_every_status_is_there(sample: FakeClock) -> None:
    with database.session():
        counts = listing.counts()
    assert min(counts.values()) >= 1
    assert counts[Status.DRAFT] == 2
    assert counts[Status.SCHEDULED] == 3


def test_R29_R41_every_invariant_holds(sample: FakeClock) -> None:
    with database.session():
        check_invariants()
        balance = ledger.balance()
        assert balance.free + balance.reserved + balance.spent == ledger.topped_up() == ALL_CREDITS
        assert all(report.adds_up(one) for one in every())


def test_R40_the_failed_ones_have_different_root_causes(sample: FakeClock) -> None:
    with database.session():
        causes = {one.name: report.cause_of(one) for one in every() if one.status is Status.FAILED}
    assert {name: cause.code for name, cause in causes.items() if cause} == {
        "Flash Friday": "insufficient_credits",
        "Weekend offer": "template_unavailable",
        "Morning news": "missed_window",
        "Win-back 2019": "all_rejected",
    }


def test_the_completed_ones_have_figures_of_every_kind(sample: FakeClock) -> None:
    with database.session():
        done = [one for one in every() if one.status is Status.COMPLETED]
        assert len(done) >= 3
        for one in done:
            assert 0 < one.progress.read < one.progress.delivered < one.progress.sent
            assert one.progress.failed and one.progress.undelivered
            assert tallies.of(one.id, tallies.ERROR)
        assert any(one.progress.unknown for one in done)


def test_nothing_but_schedules_lies_ahead(sample: FakeClock) -> None:
    with database.session():
        for one in every():
            assert max(one.created_at, one.edited_at, one.started_at or 0, one.finished_at or 0) <= START
        assert all(entry.at <= START for entry in ledger.entries())
        moments = [event.at for event in audit.events()]
        rows = recipients.chunks(recipients.audience_of(named("Diwali early access").id))
        assert all((row.read_at or 0) <= START for chunk in rows for row in chunk)
    assert max(moments) <= START
    assert moments == sorted(moments)


def test_R16_what_is_scheduled_is_tomorrow_soon_and_locked(sample: FakeClock) -> None:
    with database.session():
        at = {one.name: one.scheduled_at or 0 for one in every() if one.status is Status.SCHEDULED}
    assert 12 * HOUR < at["Renewal December"] - START < 2 * DAY
    assert 12 * MINUTE <= at["Flash sale"] - START < 13 * MINUTE
    assert 2 * MINUTE <= at["Lunch offer"] - START < 3 * MINUTE
    assert [cancel_locked(at[name], START) for name in ("Renewal December", "Flash sale", "Lunch offer")] == [
        False,
        False,
        True,
    ]


def test_the_draft_on_the_contacts_is_ready_and_the_other_is_not(sample: FakeClock) -> None:
    with database.session():
        ready = preflight.run(preflight_reading.facts_of(named("Winter preview")))
        open_one = preflight.run(preflight_reading.facts_of(named("New year teaser")))
    assert ready.blocking == ()
    assert {check.code for check in open_one.blocking} == {"template_missing", "audience_missing"}


def test_the_templates_are_of_different_kinds_and_one_is_paused(sample: FakeClock) -> None:
    with database.session():
        found = {one.ref: one for one in account.templates()}
    assert {one.status for one in found.values()} == {"APPROVED", "PAUSED"}
    assert found["weekend_offer:en_US"].status == "PAUSED"
    assert {one.parameter_format for one in found.values()} == {"POSITIONAL", "NAMED"}
    assert {one.category for one in found.values()} == {"MARKETING", "UTILITY"}
    page = json.loads((DATA / "templates.json").read_text(encoding="utf-8"))
    assert len(page["data"]) == len(found)


def test_the_run_in_progress_can_be_taken_over_at_once(sample: FakeClock) -> None:
    with database.session():
        run = named("Diwali early access")
        assert run.status is Status.IN_PROGRESS
        assert run.hold is None
        assert run.progress.sent > 0
        assert run.progress.pending > 100
        assert windows.open_windows() == []
        assert leases.held(START) == []
        assert account.get_account().gateway is Gateway.SIMULATOR
        assert account.get_account().base_url is None


def test_the_contacts_have_a_few_bad_rows_and_numbers_that_nobody_has(sample: FakeClock) -> None:
    found = audience.check(DATA / "contacts.csv")
    assert found.valid > 300
    assert 5 <= found.rows - found.valid <= 20
    assert len(found.skipped) >= 4
    fictional = ("442079460", "441614960", "3319900", "1202555", "1206555", "1303555", "1312555", "1415555", "1512555")
    for name in ("contacts.csv", "old_customers.csv"):
        phones = [str(row.phone) for row in audience.open_contacts(DATA / name).rows() if row.phone is not None]
        assert phones
        for phone in phones:
            assert phone.startswith(fictional)
            assert not phone.startswith("1") or phone[7:9] == "01"


def test_the_sample_goes_on_what_is_due_starts_and_what_runs_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    database.open_database(str(tmp_path / "sample.db"), create=True)
    with database.session():
        fill(Context(clock, ACTOR))
        clock.advance(3 * MINUTE)
        lunch, run = named("Lunch offer"), named("Diwali early access")
        assert start_due(clock, lunch.id) is None
        past = PastClock(clock.now())
        rehearsal = Rehearsal(past, Scenario(), 1, clock.now() + DAY)
        for one in (lunch, run):
            rehearsal.send(one.id)
            assert campaigns.get(one.id).status is Status.COMPLETED
            assert recipients.count_states(one.id)[RecipientState.PENDING] == 0
        check_invariants()


@pytest.mark.parametrize("now", [START - 9 * HOUR - 11 * HOUR // 2, START - 11 * HOUR // 2 - 9 * HOUR - 1])
def test_it_can_be_filled_at_any_time_of_day(now: int, tmp_path: Path) -> None:
    database.open_database(str(tmp_path / "sample.db"), create=True)
    with database.session():
        fill(Context(FakeClock(now), ACTOR))
        check_invariants()
        assert len(every()) == 15


def test_it_is_quick(tmp_path: Path) -> None:
    database.open_database(str(tmp_path / "sample.db"), create=True)
    with database.session():
        began = time.process_time()
        fill(Context(FakeClock(), ACTOR))
        assert time.process_time() - began < 3


def test_a_failure_leaves_the_database_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("stop")

    monkeypatch.setattr("engine.sample._Story.in_progress", broken)
    database.open_database(str(tmp_path / "sample.db"), create=True)
    with database.session():
        with pytest.raises(RuntimeError, match="stop"):
            fill(Context(FakeClock(), ACTOR))
        assert not account.has_account()
        assert every() == []


def test_a_past_clock_only_goes_forward() -> None:
    clock = PastClock(START)
    clock.go_to(START - 1)
    assert clock.now() == START
    clock.go_to(START + 5_000)
    assert (clock.now(), clock.steady()) == (START + 5_000, (START + 5_000) / 1000)
