"""What a poll of the list costs: nothing while nothing happens, and little while only counters move."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.commands import drafts, launch
from store import database, listing
from store.types import DraftFields, ListFilter, ResultKind, SortKey, Status
from tests import builders
from tests.clock import FakeClock
from tests.tui import scenes
from tests.tui.scenes import Desk
from tui.feed import SCREENFUL, Ask, Feed


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Iterator[Desk]:
    desk = scenes.empty(tmp_path, clock)
    with database.session():
        yield desk


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the list's statements ran."""
    seen: Counter[str] = Counter()

    def counting(name: str) -> None:
        real = getattr(listing, name)

        def counted(*args: object, **kwargs: object) -> object:
            seen[name] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(listing, name, counted)

    for name in ("ids", "rows", "counts"):
        counting(name)
    return seen


def elsewhere(act: Callable[[], object]) -> None:
    """Do something on a connection of its own, as another process does."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with database.session():
                act()
        except AssertionError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failed


def test_an_unchanged_store_costs_no_list_query(desk: Desk, asked: Counter[str]) -> None:
    desk.draft()
    feed, ask = Feed(), Ask(visible=(1,))
    first = feed.poll(ask, desk.clock.now())
    assert first is not None
    assert list(first.ids or ()) == [1]
    asked.clear()
    assert feed.poll(ask, desk.clock.now()) is None
    assert not asked


def test_changed_counters_read_the_rows_in_view_but_not_the_ids(desk: Desk, asked: Counter[str]) -> None:
    campaign_id = desk.started(rows=5)
    feed, ask = Feed(), Ask(visible=(campaign_id,), chosen=campaign_id)
    feed.poll(ask, desk.clock.now())
    asked.clear()
    elsewhere(lambda: desk.hand_over(campaign_id, [ResultKind.SENT]))
    snapshot = feed.poll(ask, desk.clock.now())
    assert snapshot is not None
    assert snapshot.ids is None
    assert snapshot.rows[campaign_id].progress.sent == 1
    assert snapshot.report is not None
    assert snapshot.report.campaign.progress.sent == 1
    assert asked == {"rows": 1}


def test_a_transition_reads_the_ids_and_the_counts_again(desk: Desk, asked: Counter[str]) -> None:
    campaign_id = desk.scheduled()
    feed, ask = Feed(), Ask(visible=(campaign_id,))
    feed.poll(ask, desk.clock.now())
    asked.clear()
    elsewhere(lambda: launch.cancel(builders.context(desk.clock), campaign_id))
    snapshot = feed.poll(ask, desk.clock.now())
    assert snapshot is not None
    assert list(snapshot.ids or ()) == [campaign_id]
    assert snapshot.overview.counts[Status.CANCELLED] == 1
    assert asked == {"ids": 1, "counts": 1, "rows": 1}


def test_another_question_is_answered_although_nothing_was_committed(desk: Desk) -> None:
    desk.draft("Alpha")
    desk.draft("Bravo")
    feed = Feed()
    feed.poll(Ask(), desk.clock.now())
    found = feed.poll(Ask(wanted=ListFilter(search="brav")), desk.clock.now())
    assert found is not None
    assert list(found.ids or ()) == [2]
    again = feed.poll(Ask(wanted=ListFilter(search="brav"), sort=SortKey.NAME, reverse=True), desk.clock.now())
    assert again is not None
    assert list(again.ids or ()) == [2]


def test_another_row_under_the_cursor_reads_its_report_only(desk: Desk, asked: Counter[str]) -> None:
    desk.draft("Alpha")
    desk.draft("Bravo")
    feed = Feed()
    feed.poll(Ask(visible=(1, 2), chosen=1), desk.clock.now())
    asked.clear()
    found = feed.poll(Ask(visible=(1, 2), chosen=2), desk.clock.now())
    assert found is not None
    assert found.ids is None
    assert found.report is not None
    assert found.report.campaign.name == "Bravo"
    assert asked == {"rows": 1}


def test_a_campaign_that_was_deleted_has_no_report_and_no_row(desk: Desk) -> None:
    campaign_id = desk.draft()
    feed, ask = Feed(), Ask(visible=(campaign_id,), chosen=campaign_id)
    feed.poll(ask, desk.clock.now())
    elsewhere(lambda: drafts.delete(builders.context(desk.clock), campaign_id))
    found = feed.poll(ask, desk.clock.now())
    assert found is not None
    assert (list(found.ids or ()), found.rows, found.report) == ([], {}, None)


def test_the_first_look_at_a_long_list_reads_one_screenful(desk: Desk, asked: Counter[str]) -> None:
    context = builders.context(desk.clock)
    for n in range(SCREENFUL + 6):
        drafts.create(context, DraftFields(f"Draft {n}"))
    feed = Feed()
    glance = feed.glance(Ask(), desk.clock.now())
    assert len(glance.ids or ()) == len(glance.rows) == SCREENFUL
    assert asked == {"ids": 1, "rows": 1}
    whole = feed.poll(Ask(), desk.clock.now())
    assert whole is not None
    assert len(whole.ids or ()) == SCREENFUL + 6
    assert whole.overview.counts[Status.DRAFT] == SCREENFUL + 6


def test_counts_follow_the_search_but_not_the_tab(desk: Desk) -> None:
    desk.draft("Alpha")
    desk.scheduled("Alpha two")
    desk.draft("Bravo")
    found = Feed().poll(Ask(wanted=ListFilter(status=Status.DRAFT, search="alpha")), desk.clock.now())
    assert found is not None
    assert list(found.ids or ()) == [1]
    assert found.overview.counts[Status.DRAFT] == found.overview.counts[Status.SCHEDULED] == 1
