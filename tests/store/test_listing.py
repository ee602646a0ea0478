"""What the campaign list reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from store import account, campaigns, database, listing, outcomes, transitions
from store.types import ListFilter, ResultKind, SortKey, Status
from tests.clock import START
from tests.store.scene import HOUR, MINUTE, Scene, contacts, countries_of, result

ALL = ListFilter()


def listed(wanted: ListFilter = ALL, sort: SortKey = SortKey.WHEN, *, reverse: bool = False) -> list[int]:
    return list(listing.ids(wanted, sort, reverse=reverse))


def named(scene: Scene, *names: str) -> dict[str, int]:
    """A draft of each name, each a minute younger than the one before."""
    return {name: scene.draft(name=name, now=START + n * MINUTE) for n, name in enumerate(names)}


def test_R51_running_come_first_then_scheduled_by_time_then_the_newest(scene: Scene) -> None:
    old_draft, new_draft = scene.draft(now=START), scene.draft(now=START + 3 * HOUR)
    done = scene.in_status(Status.COMPLETED, START + HOUR)
    cancelled = scene.in_status(Status.CANCELLED, START + 2 * HOUR)
    failed = scene.in_status(Status.FAILED, START + 4 * HOUR)
    later, sooner = scene.scheduled(at=START + 9 * HOUR), scene.scheduled(at=START + 8 * HOUR)
    first, second = scene.running(contacts(1), START), scene.running(contacts(1), START + HOUR)
    expected = [second, first, sooner, later, failed, new_draft, cancelled, done, old_draft]
    assert listed() == expected
    assert listed(reverse=True) == expected[::-1]
    assert list(listing.ids(ALL, limit=3)) == expected[:3]


def test_the_order_follows_every_change(scene: Scene) -> None:
    first, second = scene.draft(now=START), scene.draft(now=START + 1)
    assert listed() == [second, first]
    assert campaigns.edit(first, 1, scene.fields(), "spring_sale", START + 2)
    assert listed() == [first, second]
    scene.attach(second, contacts(1), START + 3)
    assert listed() == [second, first]
    assert transitions.schedule(
        first, 2, at=START + HOUR, timezone="UTC", frozen=scene.template, price=1, now=START + 4
    )
    assert listed() == [first, second]
    assert transitions.reopen(first, START + 5, MINUTE)
    assert listed() == [first, second]
    assert campaigns.edit(second, 2, scene.fields(), "spring_sale", START + 6)
    assert listed() == [second, first]


def test_R51_tabs_sender_dates_and_search_combine(scene: Scene) -> None:
    other_sender = account.add_sender(918040214099, "1099", 80, START)
    mine = scene.draft(name="Spring one", now=START)
    with database.transaction():
        fields = replace(scene.fields("Spring two"), sender_id=other_sender)
        theirs = campaigns.create(fields, "welcome", "ann", START + HOUR)
    scheduled = scene.scheduled(name="Autumn", at=START + 5 * HOUR)
    assert listed(ListFilter(status=Status.DRAFT)) == [theirs, mine]
    assert listed(ListFilter(sender_id=other_sender)) == [theirs]
    assert listed(ListFilter(search="spring")) == [scheduled, theirs, mine], "by name or by template"
    assert listed(ListFilter(search="SPRING O")) == [mine]
    assert listed(ListFilter(search="welc")) == [theirs]
    assert listed(ListFilter(status=Status.DRAFT, sender_id=scene.sender_id, search="spring")) == [mine]
    assert listed(ListFilter(since=START + HOUR)) == [scheduled, theirs]
    assert listed(ListFilter(until=START + HOUR)) == [mine]
    assert listed(ListFilter(since=START + HOUR, until=START + HOUR + 1)) == [theirs]
    assert listed(ListFilter(status=Status.DRAFT, since=START + 5 * HOUR)) == []


def test_dates_mean_the_start_else_the_time_scheduled_else_the_last_edit(scene: Scene) -> None:
    campaign_id = scene.scheduled(contacts(1), at=START + 2 * HOUR)
    at_two = ListFilter(since=START + 2 * HOUR, until=START + 3 * HOUR)
    assert listed(at_two) == [campaign_id]
    version = campaigns.get(campaign_id).version
    assert transitions.start(
        campaign_id, source=Status.SCHEDULED, version=version, prices={}, price=0, now=START + 3 * HOUR
    )
    assert listed(at_two) == []
    assert listed(ListFilter(since=START + 3 * HOUR)) == [campaign_id]


def test_R51_dates_mean_the_end_of_what_never_started(scene: Scene) -> None:
    """As the list shows it: a cancelled one stands under the day on which it was cancelled."""
    campaign_id = scene.scheduled(contacts(1), at=START + 50 * HOUR)
    assert transitions.cancel(campaign_id, START + HOUR, MINUTE)
    assert listed(ListFilter(since=START + HOUR, until=START + HOUR + 1)) == [campaign_id]
    assert listed(ListFilter(since=START + 50 * HOUR)) == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("%", ["100% off"]),
        ("0% o", ["100% off"]),
        ("_", ["under_score"]),
        ("r_s", ["under_score"]),
        ("\\", ["back\\slash"]),
        ("'", ["it's"]),
        ("[bold]", ["[bold]not markup[/]"]),
        ("नमस्ते", ["नमस्ते दुनिया"]),
        ("zzz", []),
    ],
)
def test_R51_a_search_is_taken_literally(scene: Scene, search: str, found: list[str]) -> None:
    ids = {
        name: campaigns.create(replace(scene.fields(name), template_id=None), None, "ann", START)
        for name in ("100% off", "under_score", "back\\slash", "it's", "[bold]not markup[/]", "नमस्ते दुनिया", "plain")
    }
    assert listed(ListFilter(search=search)) == [ids[name] for name in found]


def outcome(scene: Scene, campaign_id: int, sent: int, failed: int) -> None:
    """Record that of a running campaign's rows the first were sent and the next failed."""
    window, rows = scene.claim(campaign_id, scene.lease(), sent + failed)
    kinds = [ResultKind.SENT] * sent + [ResultKind.FAILED] * failed
    results = [result(row.seq, kind) for row, kind in zip(rows, kinds, strict=True)]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)


def test_R52_every_column_sorts_both_ways(scene: Scene) -> None:
    small_number = account.add_sender(911, "1099", 80, START)
    with database.transaction():
        bare = campaigns.create(replace(scene.fields("bare"), sender_id=None, template_id=None), None, "ann", START)
        other = campaigns.create(replace(scene.fields("Other"), sender_id=small_number), "a_first", "ann", START)
    half = scene.running(contacts(4), name="half")
    outcome(scene, half, 2, 2)
    most = scene.running(contacts(10), name="Most")
    outcome(scene, most, 9, 1)
    with database.transaction():
        database.execute("UPDATE progress SET delivered = 1, read = 1 WHERE campaign_id = ?", (half,))
        database.execute("UPDATE progress SET delivered = 8, read = 2 WHERE campaign_id = ?", (most,))
    expected: dict[SortKey, list[int]] = {
        SortKey.NAME: [bare, half, most, other],
        SortKey.STATUS: [bare, other, half, most],
        SortKey.SENDER: [bare, other, half, most],
        SortKey.TEMPLATE: [bare, other, half, most],
        SortKey.AUDIENCE: [bare, other, half, most],
        SortKey.PROGRESS: [bare, other, half, most],
        SortKey.SENT: [bare, other, half, most],
        SortKey.DELIVERED: [bare, other, half, most],
        SortKey.READ: [bare, other, most, half],
        SortKey.FAILED: [bare, other, most, half],
    }
    for sort, ids in expected.items():
        assert listed(sort=sort) == ids, sort
        assert listed(sort=sort, reverse=True) == ids[::-1], sort
    assert {*expected, SortKey.WHEN} == set(SortKey)


def test_R52_progress_sorts_by_the_share_that_has_an_outcome(scene: Scene) -> None:
    done, little, half = (scene.running(contacts(n), name=f"{n}") for n in (4, 10, 8))
    draft, skipped = scene.draft(name="draft"), scene.draft(name="all skipped")
    outcome(scene, done, 4, 0)
    outcome(scene, little, 0, 1)
    outcome(scene, half, 2, 2)
    with database.transaction():
        database.execute("UPDATE progress SET audience = 9, skipped = 3, pending = 0 WHERE campaign_id = ?", (skipped,))
    assert listed(sort=SortKey.PROGRESS) == [draft, skipped, little, half, done]


def test_R52_status_sorts_as_the_tabs_stand(scene: Scene) -> None:
    ids = {status: scene.in_status(status, START) for status in reversed(Status)}
    assert listed(sort=SortKey.STATUS) == [ids[status] for status in Status]


def test_a_sort_keeps_to_the_filter_and_the_limit(scene: Scene) -> None:
    ids = named(scene, "b", "c", "a")
    scene.scheduled(name="0")
    drafts = ListFilter(status=Status.DRAFT)
    assert listed(drafts, SortKey.NAME) == [ids["a"], ids["b"], ids["c"]]
    assert list(listing.ids(drafts, SortKey.NAME, reverse=True, limit=2)) == [ids["c"], ids["b"]]
    assert listed(replace(drafts, sender_id=scene.sender_id), SortKey.SENDER) == [ids["b"], ids["c"], ids["a"]]


def test_rows_are_the_campaigns_as_they_are(scene: Scene) -> None:
    running = scene.running(contacts(3), name="Run")
    assert transitions.hold(running, "number_paused", "x", START, START + HOUR)
    bare = campaigns.create(replace(scene.fields("Bare"), sender_id=None, template_id=None), None, "ann", START + 7)
    found = listing.rows([running, bare, 999])
    assert set(found) == {running, bare}
    row = found[running]
    assert (row.id, row.name, row.status, row.status_reason) == (running, "Run", Status.IN_PROGRESS, None)
    assert (row.hold_reason, row.hold_until, row.send_now) == ("number_paused", START + HOUR, True)
    assert (row.sender, row.template, row.price) == (918040214021, "spring_sale", 6)
    assert (row.scheduled_at, row.started_at, row.finished_at) == (None, START, None)
    assert row.progress == campaigns.progress(running)
    assert (found[bare].sender, found[bare].template, found[bare].edited_at) == (None, None, START + 7)


def test_a_deleted_draft_is_nowhere(scene: Scene) -> None:
    kept, gone = scene.draft(), scene.draft()
    assert campaigns.delete(gone, START)
    assert listed() == [kept]
    assert set(listing.rows([kept, gone])) == {kept}
    assert listing.counts()[Status.DRAFT] == 1


def test_no_ids_give_no_rows(scene: Scene) -> None:
    assert listing.rows([]) == {}


FILTERS: dict[str, Callable[[Scene], ListFilter]] = {
    "none": lambda _: ALL,
    "search": lambda _: ListFilter(search="odd"),
    "sender": lambda scene: ListFilter(sender_id=scene.sender_id),
    "dates": lambda _: ListFilter(since=START + MINUTE, until=START + 2 * HOUR),
    "own status": lambda _: ListFilter(status=Status.DRAFT, search="odd"),
}


@pytest.mark.parametrize("name", list(FILTERS))
def test_R51_the_counts_of_the_tabs_equal_a_recount(scene: Scene, name: str) -> None:
    for n, status in enumerate([*Status, Status.DRAFT, Status.COMPLETED, Status.DRAFT]):
        campaign_id = scene.in_status(status, START + n * 20 * MINUTE)
        if n % 2:
            database.execute("UPDATE campaign SET name = 'odd one' WHERE id = ?", (campaign_id,))
    wanted = FILTERS[name](scene)
    matching = listing.rows(listed(replace(wanted, status=None))).values()
    recount = Counter(row.status for row in matching)
    assert listing.counts(wanted) == {status: recount[status] for status in Status}
    assert name != "none" or listing.counts() == listing.counts(wanted)
    assert sum(recount.values()) > 2, "the filter lets something through"
    for status in Status:
        assert len(listed(replace(wanted, status=status))) == recount[status]


def test_R47_shares_are_taken_of_the_rows_that_were_not_skipped(scene: Scene) -> None:
    few_valid, many_valid = scene.draft(name="few valid"), scene.draft(name="many valid")
    with database.transaction():
        database.execute("UPDATE progress SET audience = 10, skipped = 8, sent = 2 WHERE campaign_id = ?", (few_valid,))
        database.execute(
            "UPDATE progress SET audience = 10, skipped = 0, sent = 9 WHERE campaign_id = ?", (many_valid,)
        )
    assert listed(sort=SortKey.SENT) == [many_valid, few_valid]
