"""What a run sent when: counted as it is sent, plotted in columns, with its holds (R48)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine import ending, timeline
from engine.commands import resuming
from engine.decide import HoldOrder
from engine.timeline import Pause, Timeline
from store import callbacks, campaigns, tallies
from store.types import StatusUpdate
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, started, takes_all, work

SECOND = 1_000
HELD = HoldOrder("account_paused", "The account is locked")


def line(slices: dict[int, int], seconds: int | None, *pauses: tuple[int, int | None]) -> Timeline:
    """A timeline of so many seconds; pauses in seconds from its start."""
    end = None if seconds is None else START + seconds * SECOND
    told = [Pause(START + a * SECOND, None if b is None else START + b * SECOND, "why") for a, b in pauses]
    return Timeline(START, end, slices, tuple(told))


def test_R48_a_campaign_that_has_not_started_has_no_timeline(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    assert timeline.read(campaigns.get(builders.draft(clock, tmp_path))) is None


def test_R48_every_message_sent_is_in_its_slice_and_a_hold_is_told(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 30)
    clock.advance(5 * SECOND)
    ending.hold(clock, campaign_id, HELD, builders.OPERATOR)
    clock.advance(60 * SECOND)
    resuming.resume(builders.context(clock), campaign_id)
    asyncio.run(work(clock, Scripted(takes_all)))
    found = timeline.read(campaigns.get(campaign_id))
    assert found is not None
    assert sum(found.slices.values()) == campaigns.get(campaign_id).progress.sent == 30
    assert min(found.slices) >= 65, "nothing was sent before it went on"
    assert found.pauses == (Pause(START + 5 * SECOND, START + 65 * SECOND, "The account is locked"),)
    assert found.end == campaigns.get(campaign_id).finished_at


def test_R48_a_hold_that_lasts_has_no_end_yet(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 3)
    ending.hold(clock, campaign_id, HELD, builders.OPERATOR)
    clock.advance(10 * SECOND)
    ending.hold(clock, campaign_id, HELD, builders.OPERATOR)
    found = timeline.read(campaigns.get(campaign_id))
    assert found is not None
    assert found.pauses == (Pause(START, None, "The account is locked"),)
    assert found.end is None


def test_R48_what_a_callback_proves_is_counted_where_it_was_sent(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    from store import leases, windows

    campaign_id = started(clock, tmp_path, 1)
    sender_id = campaigns.get(campaign_id).sender_id
    assert sender_id is not None
    lease = leases.take(leases.name_of(sender_id), "w", START, START + 1, host="h", pid=1, role="service")
    assert lease is not None and windows.claim(campaign_id, lease, 1, START) is not None
    callbacks.apply([], [StatusUpdate(campaign_id, 1, "w1", "sent", START + 7 * SECOND)], START + 9 * SECOND)
    found = timeline.read(campaigns.get(campaign_id))
    assert found is not None and found.slices == {7: 1}


@pytest.mark.parametrize(
    ("elapsed_s", "key"),
    [(0, "0"), (599, "599"), (600, "600"), (609, "600"), (7_199, "7190"), (7_259, "7200"), (86_399, "86340"),
     (86_400, "86400"), (259_199, "258600")],
)  # fmt: skip
def test_slices_grow_with_the_run(elapsed_s: int, key: str) -> None:
    assert tallies.slice_of(START, START + elapsed_s * SECOND + 999) == key
    assert tallies.slice_of(START, START - 5) == "0"
    assert tallies.slice_of(None, START) == "0"


def test_three_days_are_a_few_thousand_slices() -> None:
    assert len({tallies.slice_of(0, second * SECOND) for second in range(0, 3 * 86_400)}) < 3_000


@pytest.mark.parametrize("seconds", [1, 8, 79, 599, 601, 7_201, 86_401, 3 * 86_400])
@pytest.mark.parametrize("most", [10, 72, 80, timeline.COLUMNS])
def test_R48_a_plot_has_whole_slices_and_loses_none(seconds: int, most: int) -> None:
    slices: dict[int, int] = {}
    for second in range(seconds):
        key = int(tallies.slice_of(0, second * SECOND))
        slices[key] = slices.get(key, 0) + 1
    plot = timeline.plot(line(slices, seconds), START, most)
    assert sum(plot.counts) == seconds
    assert len(plot.counts) <= most
    whole = plot.counts[:-1] if seconds % plot.width else plot.counts
    assert set(whole) <= {plot.width}, "an even pace is an even plot"


def test_R48_a_column_is_held_when_most_of_it_was() -> None:
    plot = timeline.plot(line({0: 5, 9: 5}, 10, (1, 3), (4, 9)), START)
    assert plot.held == (False, True, True, False, True, True, True, True, True, False)
    coarse = timeline.plot(line({}, 100, (0, 30)), START, most=10)
    assert (coarse.width, coarse.held) == (10, (True, True, True, *[False] * 7))


def test_R48_a_run_that_lasts_ends_now_and_what_comes_after_the_end_is_in_the_last_column() -> None:
    now = START + 4 * SECOND
    running = timeline.plot(line({0: 1, 3: 2}, None, (2, None)), now)
    assert running.counts == (1, 0, 0, 2)
    assert running.held == (False, False, True, True)
    late = timeline.plot(line({0: 1, 500: 2}, 3), now)
    assert late.counts == (1, 0, 2)
    assert timeline.plot(line({}, 0), now).counts == (0,)


def test_a_width_is_told_in_words() -> None:
    words = [timeline.seconds(n) for n in (1, 5, 60, 120, 3_600, 7_200, 86_400)]
    assert words == ["second", "5 seconds", "minute", "2 minutes", "hour", "2 hours", "day"]
