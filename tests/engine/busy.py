"""A store with everything in it: every status, rows in every state, a window in flight, test sends."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from engine.commands import launch
from engine.commands import testsends as testing
from store import callbacks, leases, outcomes, testsends, windows
from store.types import Lease, Result, ResultKind, Status, StatusUpdate
from tests import builders
from tests.clock import FakeClock
from tests.sending import campaign_in

MINUTE = 60_000
ROWS = 12


class Busy(NamedTuple):
    """Its campaigns by status; the one in progress has rows 1 to 6 in an open window, with four outcomes."""

    ids: dict[Status, int]
    tests: list[int]
    """One sent, one on its way, one waiting."""
    window: int


def _contacts() -> list[tuple[str, str, str]]:
    good = [(f"Customer {i}", builders.number(100 + i), f"C{i:06d}") for i in range(ROWS)]
    return [*good, ("Nobody", "12", "C9"), ("Twin", builders.number(100), "C8")]


def fill(clock: FakeClock, folder: Path) -> Busy:
    """Fill the open, empty database; afterwards its lease is a minute old and lasts a minute more."""
    builders.account_with_sender(clock, folder)
    context = builders.context(clock)
    ids: dict[Status, int] = {
        status: campaign_in(status, clock, folder) for status in Status if status is not Status.IN_PROGRESS
    }
    running = builders.draft(clock, folder, _contacts(), name="A running one")
    launch.send_now(context, running)
    lease = leases.take(
        leases.name_of(1), "busy", clock.now(), clock.now() + 2 * MINUTE, host="here", pid=1, role="service"
    )
    assert lease is not None
    window = _hand_over(running, lease, clock.now())
    tests = _test(clock, ids[Status.DRAFT], lease)
    clock.advance(MINUTE)
    return Busy(ids | {Status.IN_PROGRESS: running}, tests, window)


def _hand_over(campaign_id: int, lease: Lease, now: int) -> int:
    claimed = windows.claim(campaign_id, lease, 6, now)
    assert claimed is not None
    window, rows = claimed
    results = [
        Result(1, ResultKind.SENT, now, now, message_id="wamid.1"),
        Result(2, ResultKind.PUT_BACK, now, now, code=130429, not_before=now + MINUTE),
        Result(3, ResultKind.HELD, now, now, message_id="wamid.3", not_before=now + 75 * MINUTE),
        Result(4, ResultKind.FAILED, now, now, code=131026),
    ]
    outcomes.record(campaign_id, results, {row.seq: row.country for row in rows}, [], now)
    callbacks.apply([], [StatusUpdate(campaign_id, 1, None, "delivered", now, pricing="marketing/regular")], now)
    return window.id


def _test(clock: FakeClock, campaign_id: int, lease: Lease) -> list[int]:
    context, now = builders.context(clock), clock.now()
    ids = [one.id for one in testing.send(context, campaign_id, [builders.number(1), builders.number(2)])]
    testsends.claim(1, lease, now, now - MINUTE)
    testsends.record(Result(ids[0], ResultKind.SENT, now, now, message_id="wamid.t"), lease.fence)
    return [*ids, *(one.id for one in testing.send(context, campaign_id, [builders.number(3)]))]
