"""The cancel lock at its edge: a clock that jumps, a stale screen, two consoles at once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import lock
from engine.clock import HOUR, MINUTE, SystemClock
from engine.commands import duplicating, launch
from engine.context import Context
from engine.errors import Refused
from engine.lifecycle import LOCK
from engine.worker import Worker
from store import audit, campaigns, database, moments
from store.types import Status
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, schedule_in, takes_all
from tests.store.invariants import check_invariants


def code_of_cancel(context: Context, campaign_id: int) -> str | None:
    """The code of the refusal, `None` when it was cancelled."""
    try:
        launch.cancel(context, campaign_id)
    except Refused as refusal:
        return refusal.code
    return None


def call_off_codes(context: Context, campaign_id: int) -> set[str]:
    """The codes with which cancel, back to draft and reschedule are refused; empty when one of them went through."""
    codes = set()
    for command in (launch.cancel, launch.reopen, lambda ctx, one: launch.reschedule(ctx, one, "in 3 h")):
        try:
            command(context, campaign_id)
        except Refused as refusal:
            codes.add(refusal.code)
        else:
            return set()
    return codes


async def one_step(clock: FakeClock) -> None:
    await Worker(clock, Scripted(takes_all), "service").step()


def test_R14_R15_a_lock_that_refused_once_stays_when_the_clock_is_set_back(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    at_the_edge, too_late = (schedule_in(clock, tmp_path, ahead_ms=HOUR) for _ in range(2))
    clock.advance(HOUR - LOCK)
    assert code_of_cancel(context, at_the_edge) is None
    clock.advance(1)
    assert code_of_cancel(context, too_late) == "cancel_locked"
    clock.set(clock.now() - HOUR)
    assert call_off_codes(context, too_late) == {"cancel_locked"}
    assert campaigns.get(too_late).status is Status.SCHEDULED
    check_invariants()


@pytest.mark.parametrize("phase_ns", [0, 1, 499_999, 500_000, 999_999])
@pytest.mark.parametrize("elapsed_ns", [1, 400_001, 999_999])
def test_R14_clocks_read_between_two_milliseconds_do_not_close_the_lock_early(
    acme: Path, tmp_path: Path, phase_ns: int, elapsed_ns: int
) -> None:
    # The steady clock passes a millisecond at another instant than the wall clock does.
    clock = FakeClock(steady=1_000.0 + phase_ns / 1e9)
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    lock.watch(clock, builders.context(clock).actor)
    clock.advance(HOUR - LOCK + elapsed_ns / 1e6)
    lock.watch(clock, builders.context(clock).actor)
    assert (campaigns.get(campaign_id).scheduled_at or 0) - clock.now() == LOCK
    assert code_of_cancel(builders.context(clock), campaign_id) is None


def test_R15_a_lock_that_fell_while_nobody_looked_stays_when_the_clock_is_set_back(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    clock.advance(HOUR - LOCK + 1)
    clock.set(clock.now() - HOUR)
    assert call_off_codes(builders.context(clock), campaign_id) == {"cancel_locked"}


def test_R15_what_was_open_when_the_clock_was_set_back_obeys_the_clock_as_it_is(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    locked, still_open = (schedule_in(clock, tmp_path, ahead_ms=ahead) for ahead in (HOUR, HOUR + 1_000))
    clock.advance(HOUR - LOCK + 1)
    clock.set(clock.now() - HOUR)
    assert code_of_cancel(context, locked) == "cancel_locked"
    clock.advance(10 * MINUTE)
    assert code_of_cancel(context, still_open) is None
    assert code_of_cancel(context, locked) == "cancel_locked"


def test_R15_a_clock_that_was_fast_and_put_right_locks_nothing_for_long(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    during, later = (schedule_in(clock, tmp_path, ahead_ms=ahead) for ahead in (HOUR, 48 * HOUR))
    clock.set(START + 6 * HOUR)
    assert lock.watch(clock, builders.OPERATOR) == 0
    clock.set(START)
    assert lock.watch(clock, builders.OPERATOR) == 6 * HOUR
    assert code_of_cancel(context, during) == "cancel_locked"
    assert code_of_cancel(context, later) is None


def test_R11_R15_a_clock_that_was_set_back_leaves_one_event(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    schedule_in(clock, tmp_path, ahead_ms=HOUR)
    clock.set(START - 2 * HOUR)
    for _ in range(3):
        lock.watch(clock, builders.OPERATOR)
    (event,) = [one for one in audit.events() if one.action == "clock.set_back"]
    assert (event.actor, event.after) == (builders.OPERATOR.name, {"ms": 2 * HOUR})
    assert "2 h 00 min" in event.detail


def test_R15_the_worker_keeps_locked_what_is_locked_and_no_more(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    due, later = (schedule_in(clock, tmp_path, ahead_ms=ahead) for ahead in (HOUR, HOUR + MINUTE))
    clock.advance(HOUR - LOCK + 1)
    asyncio.run(one_step(clock))
    assert [campaigns.get(one).locked for one in (due, later)] == [True, False]
    # Another boot: its steady clock says nothing about the one before, the store does.
    after_reboot = FakeClock(START, steady=1.0, boot="boot 2")
    assert code_of_cancel(builders.context(after_reboot), due) == "cancel_locked"


def test_R15_looking_again_writes_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    schedule_in(clock, tmp_path, ahead_ms=MINUTE)
    lock.watch(clock, builders.OPERATOR)
    written = database.proxy.connection().total_changes
    clock.advance(2_000)
    lock.watch(clock, builders.OPERATOR)
    assert database.proxy.connection().total_changes == written


def test_R14_a_campaign_taken_back_or_moved_in_time_is_not_locked_by_its_past(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    launch.reschedule(context, campaign_id, "in 2 h")
    launch.reopen(context, campaign_id)
    launch.schedule_at(context, campaign_id, "in 3 h")
    clock.advance(2 * HOUR)
    assert not campaigns.get(campaign_id).locked
    assert code_of_cancel(context, campaign_id) is None


def test_R16_born_locked_stays_locked_whatever_the_clock_does(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    launch.schedule_at(context, campaign_id, "in 4 min")
    assert campaigns.get(campaign_id).locked
    after_reboot = FakeClock(START - HOUR, steady=1.0, boot="boot 2")
    assert call_off_codes(builders.context(after_reboot), campaign_id) == {"cancel_locked"}


def test_R15_a_boot_is_compared_with_its_own_mark(acme: Path) -> None:
    for boot, wall in (("one", START), ("two", START + HOUR), ("three", START - HOUR)):
        moments.keep(boot, wall, 0)
    for boot, wall in (("one", START), ("two", START + HOUR), ("three", START - HOUR)):
        assert moments.read(boot, wall + 10, 10) == (wall + 10, 0, True)
        assert moments.read(boot, wall - MINUTE, 10) == (wall + 10, MINUTE + 10, False)
    assert moments.read("four", START, 10) == (START, 0, False)


def test_R14_R16_moved_into_the_lock_it_stays_locked_whatever_the_clock_does(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    launch.reschedule(context, campaign_id, "in 4 min")
    assert campaigns.get(campaign_id).locked
    after_reboot = FakeClock(START - HOUR, steady=1.0, boot="boot 2")
    assert call_off_codes(builders.context(after_reboot), campaign_id) == {"cancel_locked"}


def test_R8_R15_a_copy_of_a_locked_campaign_is_free(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=MINUTE)
    lock.watch(clock, builders.OPERATOR)
    copy = campaigns.get(duplicating.duplicate(context, campaign_id))
    assert (campaigns.get(campaign_id).locked, copy.locked) == (True, False)


@pytest.mark.parametrize("late", [0, 1])
def test_R9_R14_two_consoles_at_the_edge_and_one_of_them_set_back(
    late: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    """The clock of the second is an hour behind: it is the same machine, so its steady clock gives it away."""
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    clock.advance(HOUR - LOCK + late)
    behind = FakeClock(clock.now() - HOUR, steady=clock.steady())
    together = threading.Barrier(2)
    codes: list[str | None] = []

    def console(with_clock: FakeClock) -> None:
        with database.session():
            together.wait()
            codes.append(code_of_cancel(builders.context(with_clock), campaign_id))

    threads = [threading.Thread(target=console, args=(one,)) for one in (clock, behind)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if late:
        assert codes == ["cancel_locked", "cancel_locked"]
        assert campaigns.get(campaign_id).status is Status.SCHEDULED
    else:
        assert sorted(codes, key=str) == [None, "illegal_transition"]
        assert campaigns.get(campaign_id).status is Status.CANCELLED
    check_invariants()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    events=st.lists(
        st.tuples(
            st.sampled_from(["wait", "back", "look", "refresh worker"]), st.integers(min_value=1, max_value=40 * MINUTE)
        ),
        max_size=12,
    )
)
def test_R14_R15_once_locked_by_any_clock_it_is_never_cancelled(
    events: list[tuple[str, int]], acme: Path, tmp_path: Path
) -> None:
    """The clock may go back at any time, seen or unseen; the model is the latest time it had shown or would have."""
    clock = FakeClock()
    context = builders.context(clock)
    campaign_id = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    at = campaigns.get(campaign_id).scheduled_at
    assert at is not None
    ever_locked, unseen_back = False, 0
    for kind, ms in events:
        if kind == "wait":
            clock.advance(ms)
        elif kind == "back":
            clock.set(clock.now() - ms)
            unseen_back += ms
        else:
            ever_locked |= at - (clock.now() + unseen_back) < LOCK
            lock.watch(clock, builders.OPERATOR)
            # From a second on it is believed; less is added to every reading.
            unseen_back = unseen_back if unseen_back < 1_000 else 0
        ever_locked |= at - clock.now() < LOCK
    ever_locked |= at - (clock.now() + unseen_back) < LOCK
    assert code_of_cancel(context, campaign_id) == ("cancel_locked" if ever_locked else None)


def test_the_machine_names_its_boot_and_keeps_the_name() -> None:
    assert SystemClock().boot == SystemClock().boot != ""
