"""Drafts that nobody edits go by themselves, with warning, and come back on request (R10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import expiry
from engine.clock import DAY
from engine.commands import drafts, launch, recurring, testsends
from engine.errors import NotFound, Refused
from engine.worker import Worker
from store import audiences, audit, campaigns, database, deleted, ledger
from store import testsends as store_tests
from store.errors import Missing
from store.types import Actor, RecipientState, Status
from tests import builders, sending
from tests.clock import FakeClock
from tests.store.invariants import check_invariants

WORKER = Actor("worker", "test")


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (0, None),
        (23 * DAY - 1, None),
        (23 * DAY, 7 * DAY),
        (30 * DAY - 1, 1),
        (30 * DAY, 0),
        (31 * DAY, 0),
    ],
)
def test_R10_it_is_warned_about_from_day_23(age: int, left: int | None) -> None:
    assert expiry.left(1_000, 1_000 + age) == left


def rows(audience_id: int) -> int:
    return int(database.execute("SELECT COUNT(*) FROM recipient WHERE audience_id = ?", (audience_id,)).fetchone()[0])


def test_R10_a_draft_goes_after_30_days_and_not_a_millisecond_before(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    edited_at = campaigns.get(campaign_id).edited_at
    clock.set(edited_at + 30 * DAY - 1)
    assert not expiry.wanting(clock.now())
    assert expiry.tend(clock, WORKER) == 0
    assert campaigns.get(campaign_id).status is Status.DRAFT
    clock.advance(1)
    assert expiry.wanting(clock.now())
    assert expiry.tend(clock, WORKER) == 1
    with pytest.raises(Missing):
        campaigns.get(campaign_id)
    event = audit.events(campaign_id)[-1]
    assert (event.action, event.actor, event.before["name"]) == ("campaign.expire", "worker", "Spring sale")
    assert [draft.id for draft in deleted.restorable(clock.now() - expiry.RESTORABLE_MS)] == [campaign_id]
    assert expiry.tend(clock, WORKER) == 0


def test_R10_R29_an_expired_drafts_tests_go_with_it(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    clock.advance(expiry.EXPIRES_MS)
    (test,) = testsends.send(builders.context(clock), campaign_id, [builders.number(0)])
    assert expiry.tend(clock, WORKER) == 1
    (found,) = store_tests.page([test.id])
    assert (found.state, found.detail) == (RecipientState.FAILED, "its draft was deleted")
    assert ledger.balance().reserved == 0


def test_R10_an_edit_begins_the_30_days_anew(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    clock.advance(29 * DAY)
    campaign = campaigns.get(campaign_id)
    drafts.edit(builders.context(clock), campaign_id, campaign.version, drafts.fields_of(campaign))
    clock.advance(29 * DAY)
    assert expiry.tend(clock, WORKER) == 0
    clock.advance(DAY)
    assert expiry.tend(clock, WORKER) == 1


def test_R10_only_drafts_expire(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    ctx = builders.context(clock)
    scheduled = builders.draft(clock, tmp_path, name="Scheduled")
    launch.schedule_at(ctx, scheduled, "in 2 days")
    cancelled = builders.draft(clock, tmp_path, name="Cancelled")
    launch.schedule_at(ctx, cancelled, "in 2 days")
    launch.cancel(ctx, cancelled)
    clock.advance(60 * DAY)
    assert expiry.tend(clock, WORKER) == 0
    assert campaigns.get(scheduled).status is Status.SCHEDULED
    assert campaigns.get(cancelled).status is Status.CANCELLED


def test_R10_it_can_be_restored_for_7_days(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, rows=3)
    before = campaigns.get(campaign_id)
    clock.set(before.edited_at + 30 * DAY)
    expiry.tend(clock, WORKER)
    clock.advance(7 * DAY - 1)
    expiry.tend(clock, WORKER)
    restored = drafts.restore(builders.context(clock), campaign_id)
    assert (restored.name, restored.fills, restored.progress.pending) == (before.name, before.fills, 3)
    assert restored.edited_at == clock.now(), "else it would go again at once"
    assert audit.events(campaign_id)[-1].action == "campaign.restore"
    check_invariants(campaign_id)


def test_R10_after_7_days_it_is_gone_with_its_audience(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, rows=3)
    found = campaigns.get(campaign_id).audience
    assert found is not None
    drafts.delete(builders.context(clock), campaign_id)
    clock.advance(7 * DAY)
    with pytest.raises(NotFound):
        drafts.restore(builders.context(clock), campaign_id)
    assert rows(found.id) == 3
    assert expiry.tend(clock, WORKER) == 1
    assert rows(found.id) == 0
    assert database.execute("SELECT COUNT(*) FROM audience").fetchone()[0] == 0
    assert audit.events(campaign_id)[-1].action == "campaign.purge"
    assert not expiry.wanting(clock.now())


def test_R10_what_an_operator_deleted_can_be_restored_too(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    ctx = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    drafts.delete(ctx, campaign_id)
    assert drafts.restore(ctx, campaign_id).status is Status.DRAFT
    with pytest.raises(Refused, match="not deleted") as refused:
        drafts.restore(ctx, campaign_id)
    assert refused.value.code == "not_deleted"


async def test_R10_the_worker_does_it_beside_its_work(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    clock.advance(30 * DAY)
    worker = Worker(clock, sending.Scripted(sending.takes_all), "service")
    await sending.step_until(worker, clock, lambda: bool(deleted.restorable(0)))
    worker.stop()
    await worker.work()
    assert [draft.id for draft in deleted.restorable(0)] == [campaign_id]


async def test_rows_that_a_killed_import_left_behind_are_removed_after_a_day_and_no_others(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    kept = campaigns.get(builders.draft(clock, tmp_path, 3)).audience
    gone = campaigns.get(builders.draft(clock, tmp_path, 3)).audience
    assert kept is not None and gone is not None
    copy = audiences.copy(kept, clock.now())
    recurring.create(builders.context(clock), 2, "0 9 1 1 *")
    drafts.delete(builders.context(clock), 2)
    clock.advance(DAY)
    await sending.work(clock, sending.Scripted(sending.takes_all))
    assert rows(copy) == 3
    clock.advance(1)
    await sending.work(clock, sending.Scripted(sending.takes_all))
    assert rows(copy) == 0
    # A campaign's, one that can be restored, a series' and its firing's.
    found = database.execute("SELECT COUNT(*), COUNT(DISTINCT audience_id) FROM recipient").fetchone()
    assert found == (12, 4) and rows(kept.id) == rows(gone.id) == 3
    check_invariants()
