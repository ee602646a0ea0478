"""Whatever order things happen in, rows, counters and credits are what a model in plain Python says they are.

Owners die and come back late, outcomes come twice or after a take-over, callbacks in any order or before the answer,
people opt out in between. The model knows only the rules: R29, R39, R41, R42, R43 and R46.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from store import callbacks, campaigns, database, held, ledger, optouts, outcomes, recipients, transitions, windows
from store.errors import Fenced
from store.types import (
    ContactRow,
    Delivery,
    Lease,
    RecipientState,
    Result,
    ResultKind,
    SkipReason,
    Status,
    StatusUpdate,
)
from tests.clock import START
from tests.store.back_ends import fresh_url
from tests.store.invariants import violations
from tests.store.scene import COUNTRIES, CREDITS, HELD_MS, PRICES, Scene, contact, price_of, result

PENDING, SENT, FAILED = RecipientState.PENDING, RecipientState.SENT, RecipientState.FAILED
UNKNOWN, SKIPPED = RecipientState.UNKNOWN, RecipientState.SKIPPED

REFUSED, REST, BOUNCED, DROPPED = 131026, -1, 131049, 132015
DELIVERY = {"sent": 0, "failed": 1, "delivered": 2, "read": 3}

some = st.integers(0, 1_000)
waits = st.sampled_from([0, 400])
kinds = st.lists(
    st.sampled_from([ResultKind.SENT, ResultKind.PUT_BACK, ResultKind.PUT_BACK, *ResultKind]), min_size=1, max_size=4
)


@dataclass
class Row:
    """What the rules say of one recipient."""

    price: int
    phone: int
    state: RecipientState = PENDING
    delivery: int = 0
    error: int | None = None
    handed: int = 0
    """How often it was handed over."""
    attempt: int = 0
    """How many hand-overs have an outcome."""
    put_back: int = 0
    """How often the gateway said that it did not take it."""
    retry_at: int | None = None
    held_until: int | None = None


@dataclass
class Open:
    """A window as its owner remembers it, also after it has lost its lease."""

    id: int
    fence: int
    left: list[int]


@dataclass
class Run:
    """One campaign of the model."""

    id: int
    rows: dict[int, Row]
    windows: list[Open] = field(default_factory=list)
    """Those that the store has open."""
    remembered: list[Open] = field(default_factory=list)
    """Those that some owner, dead or alive, still waits for."""
    held: bool = False
    over: bool = False

    def in_flight(self) -> set[int]:
        return {seq for window in self.windows for seq in window.left}


class Sending(RuleBasedStateMachine):
    """Drives the store and the model side by side."""

    def __init__(self, back_end: str, folder: Path) -> None:
        super().__init__()
        database.open_database(fresh_url(back_end, folder), create=True)
        database.connect()
        self.scene = Scene()
        self.now = START
        self.lease = self.scene.lease("w1")
        self.dead: list[Lease] = []
        self.out: set[int] = set()
        self.runs = [self._run(0, 7), self._run(100, 4)]

    def _run(self, base: int, n: int) -> Run:
        rows: list[ContactRow] = [contact(base + seq, COUNTRIES[seq % 3]) for seq in range(1, n + 1)]
        rows.insert(2, contact(base + 50, skip=SkipReason.BLANK))
        model = {
            seq: Row(price_of([row]), row.phone or 0, SKIPPED if row.skip else PENDING)
            for seq, row in enumerate(rows, 1)
        }
        return Run(self.scene.running(rows), model)

    def teardown(self) -> None:
        database.close_database()

    @rule(ms=st.sampled_from([1, 500, 100_000, HELD_MS]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @precondition(lambda self: any(run.windows for run in self.runs) or not self.dead)
    @rule()
    def another_owner_takes_over(self) -> None:
        self.dead.append(self.lease)
        self.lease = self.scene.lease(f"w{len(self.dead) + 1}", self.now)
        for run in self.runs:
            lost = run.in_flight()
            assert windows.recover(run.id, self.lease.fence, self.now) == len(
                [seq for seq in lost if run.rows[seq].state is PENDING]
            )
            for seq in lost:
                if run.rows[seq].state is PENDING:
                    run.rows[seq].state = UNKNOWN
                    run.rows[seq].attempt += 1
            run.windows = []

    @precondition(lambda self: self.dead)
    @rule(which=some, pick=some)
    def a_dead_owner_wakes_and_claims(self, which: int, pick: int) -> None:
        run = self.runs[pick % 2]
        with pytest.raises(Fenced):
            windows.claim(run.id, self.dead[which % len(self.dead)], 3, self.now)

    @rule(pick=some, size=st.integers(1, 4))
    def a_window_is_claimed(self, pick: int, size: int) -> None:
        self._claim(self.runs[pick % 2], size)

    @rule(pick=some, size=st.integers(1, 4), kinds=kinds, wait=waits)
    def a_window_is_claimed_and_some_of_it_answered(
        self, pick: int, size: int, kinds: list[ResultKind], wait: int
    ) -> None:
        run = self.runs[pick % 2]
        before = len(run.remembered)
        self._claim(run, size)
        if len(run.remembered) > before:
            self._outcomes(run, run.remembered[-1], kinds, wait)

    def _claim(self, run: Run, size: int) -> None:
        claimed = windows.claim(run.id, self.lease, size, self.now)
        may = self._may_be_handed_over(run)
        if claimed is None:
            assert not may or run.held or run.over
            return
        assert not run.held
        assert not run.over
        window, rows = claimed
        seqs = [row.seq for row in rows]
        wanted = [seq for seq in may if run.rows[seq].phone not in self.out]
        assert len(set(seqs)) == len(seqs) <= size
        assert set(seqs) <= set(wanted)
        page = recipients.page(run.id, list(run.rows))
        for seq in may:
            # Who opted out is skipped when the turn comes, not before (R39).
            if seq not in wanted and page[seq].state is SKIPPED:
                run.rows[seq].state = SKIPPED
        for row in rows:
            run.rows[row.seq].handed += 1
            run.rows[row.seq].retry_at = None
        if rows:
            run.windows.append(opened := Open(window.id, window.fence, seqs))
            run.remembered.append(Open(window.id, window.fence, list(seqs)))
            assert opened.fence == self.lease.fence

    def _may_be_handed_over(self, run: Run) -> list[int]:
        """Pending rows that are not on their way: never handed over, or put back and due (R43)."""
        flying = run.in_flight()
        return [
            seq
            for seq, row in run.rows.items()
            if row.state is PENDING
            and seq not in flying
            and (row.handed == 0 or (row.retry_at is not None and row.retry_at <= self.now))
        ]

    @precondition(lambda self: any(run.remembered for run in self.runs))
    @rule(pick=some, kinds=kinds, wait=waits, twice=st.booleans())
    def outcomes_come_in(self, pick: int, kinds: list[ResultKind], wait: int, twice: bool) -> None:
        """The owner of a window records the first outcomes that it waits for, in time or long after a take-over."""
        waiting = [(run, window) for run in self.runs for window in run.remembered]
        self._outcomes(*waiting[pick % len(waiting)], kinds, wait, twice)

    @precondition(lambda self: any(self._late(run) for run in self.runs))
    @rule(pick=some, kinds=kinds)
    def outcomes_come_in_after_a_take_over(self, pick: int, kinds: list[ResultKind]) -> None:
        waiting = [(run, window) for run in self.runs for window in self._late(run)]
        self._outcomes(*waiting[pick % len(waiting)], kinds, 0)

    def _late(self, run: Run) -> list[Open]:
        return [window for window in run.remembered if window.fence < self.lease.fence]

    def _outcomes(self, run: Run, window: Open, kinds: list[ResultKind], wait: int, twice: bool = False) -> None:
        told = [self._told(seq, kind, wait) for seq, kind in zip(list(window.left), kinds, strict=False)]
        window.left = window.left[len(told) :]
        countries = {seq: COUNTRIES_BY_PRICE[row.price] for seq, row in run.rows.items() if row.price}
        closed = [] if window.left else [window.id]
        outcomes.record(run.id, told * (2 if twice else 1), countries, closed, self.now)
        for one in told:
            self._settle(run, window, one)
        if closed:
            run.remembered.remove(window)
            run.windows = [one for one in run.windows if one.id != window.id]

    def _told(self, seq: int, kind: ResultKind, wait: int) -> Result:
        if kind is ResultKind.PUT_BACK:
            return result(seq, kind, self.now, not_before=self.now + wait)
        return result(seq, kind, self.now, skip=SkipReason.MISSING_VARIABLE if kind is ResultKind.SKIPPED else None)

    def _settle(self, run: Run, window: Open, told: Result) -> None:
        row = run.rows[told.seq]
        row.attempt += row.state is PENDING and told.kind is not ResultKind.SKIPPED
        for one in run.windows:
            if one.id == window.id:
                one.left.remove(told.seq)
        if told.kind is ResultKind.HELD and row.state is PENDING:
            row.held_until = told.not_before
        elif told.kind is ResultKind.SENT and row.state in (PENDING, UNKNOWN):
            row.state = SENT
        elif told.kind is ResultKind.FAILED and row.state in (PENDING, UNKNOWN):
            row.state, row.error = FAILED, REFUSED
        elif told.kind is ResultKind.UNKNOWN and row.state is PENDING:
            row.state = UNKNOWN
        elif told.kind is ResultKind.SKIPPED and row.state is PENDING:
            row.state = SKIPPED
        elif told.kind is ResultKind.PUT_BACK and row.state is PENDING:
            row.retry_at = told.not_before
            row.put_back += 1

    @rule(pick=some, statuses=st.lists(st.sampled_from(list(DELIVERY)), min_size=1, max_size=3))
    def a_callback_comes(self, pick: int, statuses: list[str]) -> None:
        # Half of them concern what was handed over, which is where callbacks come from; the others anything.
        run = self.runs[pick % 2]
        likely = [seq for seq, row in run.rows.items() if row.handed] if pick % 3 else []
        self._callback(run, likely[pick % len(likely)] if likely else pick % 10, statuses)

    @precondition(lambda self: any(row.retry_at for run in self.runs for row in run.rows.values()))
    @rule(pick=some)
    def a_callback_contradicts_the_gateway(self, pick: int) -> None:
        """It proves the acceptance of a message that the gateway said it had not taken."""
        waiting = [(run, seq) for run in self.runs for seq, row in run.rows.items() if row.retry_at]
        self._callback(*waiting[pick % len(waiting)], ["delivered"])

    def _callback(self, run: Run, seq: int, statuses: list[str]) -> None:
        updates = [StatusUpdate(run.id, seq, f"wamid.{seq}", status, self.now, BOUNCED) for status in statuses]
        unmatched = callbacks.apply([], updates, self.now)
        row = run.rows.get(seq)
        if row is None or row.state in (SKIPPED, FAILED) or not row.handed:
            assert unmatched == len(updates)
            return
        assert unmatched == 0
        row.attempt += row.state is PENDING and row.held_until is None
        row.state, row.held_until = SENT, None
        row.delivery = max(row.delivery, *(DELIVERY[status] for status in statuses))
        row.error = BOUNCED if row.delivery == 1 else None

    @precondition(lambda self: any(row.held_until for run in self.runs for row in run.rows.values()))
    @rule(pick=some)
    def what_is_held_back_is_dropped(self, pick: int) -> None:
        waiting = [(run, seq) for run in self.runs for seq, row in run.rows.items() if row.held_until]
        run, seq = waiting[pick % len(waiting)]
        update = StatusUpdate(run.id, seq, f"wamid.{seq}", "failed", self.now, DROPPED)
        # Callbacks come twice.
        assert callbacks.apply([], [update, update], self.now) == 0
        row = run.rows[seq]
        row.state, row.error, row.held_until = FAILED, DROPPED, None

    @rule(pick=some)
    def what_is_held_back_is_waited_for_no_more(self, pick: int) -> None:
        run = self.runs[pick % 2]
        lapsed = [row for row in run.rows.values() if row.held_until is not None and row.held_until <= self.now]
        assert held.due(run.id, self.now) is bool(lapsed)
        assert held.give_up(run.id, self.now) == len(lapsed)
        for row in lapsed:
            row.state, row.held_until = UNKNOWN, None

    @rule(pick=some)
    def somebody_opts_out_or_in_again(self, pick: int) -> None:
        phones = [row.phone for run in self.runs for row in run.rows.values() if row.phone]
        phone = phones[pick % len(phones)]
        if phone in self.out:
            assert optouts.remove(phone)
        else:
            optouts.add(phone, self.now, "STOP reply")
        self.out ^= {phone}

    @precondition(lambda self: self.now > START + 1_000)
    @rule(pick=some)
    def the_run_is_held_or_goes_on(self, pick: int) -> None:
        run = self.runs[pick % 2]
        if run.held:
            assert transitions.lift(run.id)
        else:
            assert transitions.hold(run.id, "number_paused", "", self.now, None) is not run.over
        run.held = not run.held and not run.over

    @precondition(lambda self: self.now > START + 100_000)
    @rule(pick=some)
    def the_rest_is_given_up(self, pick: int) -> None:
        run = self.runs[pick % 2]
        rest = [row for row in run.rows.values() if row.state is PENDING and row.held_until is None]
        given_up = 0 if run.windows else len(rest)
        assert outcomes.fail_rest(run.id, REST, self.now) == given_up
        if given_up:
            for row in rest:
                row.state, row.error, row.retry_at = FAILED, REST, None

    @precondition(lambda self: self.now > START + 1_000)
    @rule(pick=some)
    def the_run_ends(self, pick: int) -> None:
        run = self.runs[pick % 2]
        states = [row.state for row in run.rows.values()]
        ended = Status.COMPLETED if SENT in states else Status.FAILED
        over = PENDING not in states and not run.windows and not run.over
        cause = None if ended is Status.COMPLETED else "all_rejected"
        assert transitions.finish(run.id, ended, cause, {}, self.now) is over
        if over:
            run.over, run.held = True, False

    @invariant()
    def R41_R46_every_row_is_as_the_rules_say(self) -> None:
        for run in self.runs:
            page = recipients.page(run.id, list(run.rows))
            found = {seq: (row.state, row.delivery, row.error, row.attempt, row.held) for seq, row in page.items()}
            assert found == {
                seq: (row.state, Delivery(row.delivery), row.error, row.attempt, row.held_until is not None)
                for seq, row in run.rows.items()
            }
            assert held.seqs(run.id) == [seq for seq, row in run.rows.items() if row.held_until is not None]

    @invariant()
    def R43_nothing_is_handed_over_again_but_what_the_gateway_did_not_take(self) -> None:
        for run in self.runs:
            assert [seq for seq, row in run.rows.items() if row.handed > 1 + row.put_back] == []

    @invariant()
    def R29_each_credit_is_where_its_row_is(self) -> None:
        rows = [row for run in self.runs for row in run.rows.values()]
        spent = sum(row.price for row in rows if row.state is SENT)
        reserved = sum(row.price for row in rows if row.state in (PENDING, UNKNOWN))
        balance = ledger.balance()
        assert (balance.free, balance.reserved, balance.spent) == (CREDITS - spent - reserved, reserved, spent)

    @invariant()
    def R29_R41_nothing_is_out_of_step(self) -> None:
        assert violations() == []
        for run in self.runs:
            assert {one.id for one in windows.open_windows(run.id)} == {one.id for one in run.windows}
            assert campaigns.progress(run.id).handed >= max([seq for seq, row in run.rows.items() if row.handed] or [0])


COUNTRIES_BY_PRICE = {PRICES[country or ""]: country for country in COUNTRIES}


def test_R29_R41_R42_R43_R46_any_order_of_events_keeps_rows_and_credits_right(back_end: str, tmp_path: Path) -> None:
    settings = hypothesis.settings(max_examples=60, stateful_step_count=30)
    machine = partial(Sending, back_end, tmp_path)
    run_state_machine_as_test(machine, settings=settings)  # type: ignore[arg-type]  # the stubs want a class
