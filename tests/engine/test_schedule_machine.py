"""Series through worker, downtime, pauses and changed clocks, against a model that steps by the minute (R13, R21)."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine import firing, lifecycle, starting
from engine.clock import MINUTE
from engine.commands import drafts, launch, recurring
from store import campaigns, database, occurrences
from store.occurrences import Outcome
from store.types import Actor, DraftFields, Status
from tests import builders
from tests.clock import FakeClock
from tests.engine import cron_model

WORKER = Actor("worker")
GRACES = (60, 60, 5, 0)
_numbers = count()


@cache
def _template() -> Path:
    """A database with a draft for each grace; a copy of it is quicker than making it anew."""
    folder = Path(tempfile.mkdtemp(prefix="sendoff-machine-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    clock = FakeClock(round(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000)
    database.open_database(str(folder / "template.db"), create=True)
    with database.session():
        builders.account_with_sender(clock, folder)
        for grace in GRACES:
            campaign_id = builders.draft(clock, folder, 1, f"Grace {grace}")
            draft = campaigns.get(campaign_id)
            fields = DraftFields(draft.name, draft.sender_id, draft.template_id, draft.fills, grace=grace)
            drafts.edit(builders.context(clock), campaign_id, draft.version, fields)
    database.close_database()
    return folder


class Schedules(RuleBasedStateMachine):
    """One series; the model knows when its clocks should make it fire, and what ran meanwhile."""

    @initialize(place=cron_model.zones_and_starts(), cron=cron_model.crons(), grace=st.sampled_from(range(len(GRACES))))
    def make(self, place: tuple[str, int], cron: str, grace: int) -> None:
        file = _template() / f"{next(_numbers)}.db"
        shutil.copyfile(_template() / "template.db", file)
        self.file, self.cron, self.grace = file, cron, GRACES[grace]
        self.zone, start = place
        self.clock = FakeClock(start)
        database.open_database(str(file))
        database.connect()
        # Not a test of power cuts, and a flush to disk takes longer than everything else.
        database.execute("PRAGMA synchronous = OFF")
        self.context = builders.context(self.clock)
        self.series_id = recurring.create(self.context, 1 + grace, cron, timezone=self.zone).series.id
        self.active = True
        self.must_go: set[int] = set()
        """Instants that passed while the series was active and a worker ran: each has gone, in time."""
        self.must_be_known: set[int] = set()
        """Instants that passed while it was active, with a worker or without."""
        self.may_be_known: set[int] = set()
        """The same, also those that are too many to be recorded."""
        self.called_off: set[int] = set()
        self.looked_at = self.since = self.clock.now()
        """Of the worker; and since when the series is active."""

    def teardown(self) -> None:
        if hasattr(self, "file"):
            database.close_database()
            self.file.unlink()

    def expected(self, since: int, until: int) -> list[int]:
        return cron_model.instants(self.cron, self.zone, since, until)

    def step(self, starts_first: bool) -> None:
        """A worker's step; its thread for series may be before or behind its loop."""
        if starts_first:
            self.start_due()
        firing.tend(self.clock, WORKER)
        self.start_due()
        if self.active:
            passed = self.expected(max(self.looked_at, self.since), self.clock.now())
            self.must_be_known.update(passed[-firing.RECORDED :])
            self.may_be_known.update(passed)
        self.looked_at = self.clock.now()

    def start_due(self) -> None:
        for campaign_id in campaigns.due(self.clock.now(), 1):
            starting.start_due(self.clock, campaign_id)

    def known(self) -> list[occurrences.Occurrence]:
        return occurrences.of_series(self.series_id, 100_000)

    @rule(minutes=st.integers(1, 200) | st.integers(1, 24 * 60), jitter=st.integers(0, 900), starts_first=st.booleans())
    def a_worker_runs(self, minutes: int, jitter: int, starts_first: bool) -> None:
        self.step(starts_first)
        begin, end = self.clock.now(), self.clock.now() + minutes * MINUTE
        for at in self.expected(begin, end)[:12]:
            # It looks at least once a second, so that this is the look after the time came.
            self.clock.set(max(at + jitter, self.clock.now()))
            self.step(starts_first)
            if self.active and at not in self.called_off:
                self.must_go.add(at)

    @rule(minutes=st.sampled_from([12, 25, 45, 58]) | st.integers(1, 3 * 24 * 60), starts_first=st.booleans())
    def no_worker_runs(self, minutes: int, starts_first: bool) -> None:
        self.clock.advance(minutes * MINUTE)
        self.step(starts_first)

    @rule(minutes=st.integers(1, 100) | st.integers(1, 30 * 60))
    def the_worker_stays_away(self, minutes: int) -> None:
        self.clock.advance(minutes * MINUTE + 17_000)

    @precondition(lambda self: self.active)
    @rule()
    def pause(self) -> None:
        # What passed up to now while nobody looked is neither made nor recorded any more.
        recurring.pause(self.context, self.series_id)
        self.active = False

    @precondition(lambda self: not self.active)
    @rule()
    def resume(self) -> None:
        recurring.resume(self.context, self.series_id)
        self.active, self.since = True, self.clock.now()

    @rule()
    def call_off_the_next(self) -> None:
        (last,) = occurrences.of_series(self.series_id, 1)
        if last.status is not Status.SCHEDULED or last.campaign_id is None:
            return
        if last.at <= self.clock.now() or lifecycle.cancel_locked(last.at, self.clock.now()):
            return
        launch.cancel(self.context, last.campaign_id)
        self.called_off.add(last.at)

    @invariant()
    def R21_holds(self) -> None:
        known = self.known()
        self.every_occurrence_is_one_the_clocks_show(known[:5])
        self.no_occurrence_has_two_campaigns(known)
        self.never_a_burst_and_nothing_early_or_later_than_its_grace(known)
        self.while_a_worker_runs_nothing_is_lost({one.at: one for one in known})
        self.at_most_one_is_ahead([one for one in known if one.at > self.clock.now()])

    def every_occurrence_is_one_the_clocks_show(self, known: list[occurrences.Occurrence]) -> None:
        for one in known:
            assert one.local == cron_model.local(one.at, self.zone)
            assert self.expected(one.at - 1, one.at) == [one.at]

    def no_occurrence_has_two_campaigns(self, known: list[occurrences.Occurrence]) -> None:
        rows = database.execute("SELECT occurrence FROM campaign WHERE series_id = ?", (self.series_id,)).fetchall()
        assert len(rows) == len(set(rows)) == len([one for one in known if one.campaign_id is not None])

    def never_a_burst_and_nothing_early_or_later_than_its_grace(self, known: list[occurrences.Occurrence]) -> None:
        started = [(one.started_at, one.at) for one in known if one.started_at is not None]
        assert len(started) == len({at for at, _ in started}), "two campaigns of a series started at once"
        assert all(0 <= began - at <= max(self.grace * MINUTE, 2_000) for began, at in started)

    def while_a_worker_runs_nothing_is_lost(self, known: dict[int, occurrences.Occurrence]) -> None:
        assert self.must_be_known <= known.keys()
        # What passed during a pause is not missed; only what was made ahead of it may be there.
        assert {at for at, one in known.items() if one.outcome is not Outcome.CREATED} <= self.may_be_known
        for at in self.must_go:
            began = known[at].started_at
            assert known[at].outcome is Outcome.CREATED
            assert began is not None
            assert began - at < 1_000

    def at_most_one_is_ahead(self, ahead: list[occurrences.Occurrence]) -> None:
        """And an active series that a worker has just looked at has one."""
        assert len(ahead) <= 1
        if self.active and self.looked_at == self.clock.now():
            assert len(ahead) == 1
            cancelled = ahead[0].at in self.called_off
            assert ahead[0].status is (Status.CANCELLED if cancelled else Status.SCHEDULED)


TestSchedules = Schedules.TestCase
TestSchedules.settings = settings(stateful_step_count=12)
