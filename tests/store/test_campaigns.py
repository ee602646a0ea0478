"""Drafts, and reading campaigns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store import campaigns, database, transitions
from store.errors import Missing
from store.types import Audience, DraftFields, Fill, OverQuota, Progress, Status
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import HOUR, MINUTE, Scene, contacts


def test_R1_a_new_campaign_is_a_draft_with_what_was_set(scene: Scene) -> None:
    fields = DraftFields(
        "Diwali",
        scene.sender_id,
        scene.template_id,
        {"body.1": Fill(column="name", fallback="friend"), "header.1": Fill(fixed="Hi")},
        OverQuota.WAIT,
        90,
    )
    campaign_id = campaigns.create(fields, "spring_sale", "ann", START, duplicate_of=4)
    found = campaigns.get(campaign_id)
    assert (found.id, found.name, found.status, found.version) == (campaign_id, "Diwali", Status.DRAFT, 1)
    assert (found.sender_id, found.template_id, found.fills) == (scene.sender_id, scene.template_id, fields.fills)
    assert (found.over_quota, found.grace, found.duplicate_of) == (OverQuota.WAIT, 90, 4)
    assert (found.created_by, found.created_at, found.edited_at) == ("ann", START, START)
    assert (found.scheduled_at, found.started_at, found.finished_at, found.hold, found.audience) == (None,) * 5
    assert (found.status_reason, found.status_detail, found.prices, found.send_now) == (None, {}, {}, False)
    assert found.progress == Progress()


def test_a_draft_may_lack_everything_but_its_name(scene: Scene) -> None:
    found = campaigns.get(campaigns.create(DraftFields("Untitled"), None, "ann", START))
    assert (found.sender_id, found.template_id, dict(found.fills), found.over_quota) == (None, None, {}, OverQuota.FAIL)


def test_a_campaign_comes_with_its_audience_and_counters(scene: Scene) -> None:
    campaign_id = scene.draft(contacts(3))
    found = campaigns.get(campaign_id)
    assert found.audience is not None
    assert found.audience == Audience(found.audience.id, "contacts.csv", ("number", "name"), "number", "IN")
    assert found.progress == campaigns.progress(campaign_id)
    assert (found.progress.audience, found.progress.pending) == (3, 3)
    check_invariants(campaign_id)


def test_what_is_not_there_is_missing(db: str) -> None:
    for ask in (campaigns.get, campaigns.progress, campaigns.status):
        with pytest.raises(Missing):
            ask(1)


def test_R3_a_draft_is_edited_by_who_saw_its_last_version(scene: Scene) -> None:
    campaign_id = scene.draft()
    fields = replace(scene.fields("Summer"), template_id=None, fills={})
    assert campaigns.edit(campaign_id, 1, fields, None, START + 5)
    found = campaigns.get(campaign_id)
    assert (found.name, found.template_id, dict(found.fills)) == ("Summer", None, {})
    assert (found.edited_at, found.created_at, found.version) == (START + 5, START, 2)
    assert not campaigns.edit(campaign_id, 1, scene.fields("Stale"), "spring_sale", START + 6)
    assert campaigns.get(campaign_id) == found


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.DRAFT])
def test_R3_R4_only_a_draft_is_edited_priced_or_deleted(scene: Scene, status: Status) -> None:
    campaign_id = scene.in_status(status)
    before = campaigns.get(campaign_id)
    assert not campaigns.edit(campaign_id, before.version, scene.fields("Other"), "spring_sale", START)
    assert not campaigns.delete(campaign_id, START)
    campaigns.set_price(campaign_id, 99)
    assert campaigns.get(campaign_id) == before
    check_invariants(campaign_id)


def test_a_deleted_draft_is_gone_but_for_its_status(scene: Scene) -> None:
    campaign_id = scene.draft(contacts(2))
    assert campaigns.delete(campaign_id, START)
    with pytest.raises(Missing):
        campaigns.get(campaign_id)
    assert campaigns.status(campaign_id) == (Status.DRAFT, 3)
    assert not campaigns.delete(campaign_id, START)
    assert not campaigns.edit(campaign_id, 3, scene.fields(), "spring_sale", START)


def test_a_price_is_kept_without_touching_the_version(scene: Scene) -> None:
    campaign_id = scene.draft()
    campaigns.set_price(campaign_id, 42)
    found = campaigns.get(campaign_id)
    assert (found.price, found.version) == (42, 1)


def test_what_was_reserved_is_noted_with_the_counters(scene: Scene) -> None:
    campaign_id = scene.draft()
    before = campaigns.progress(campaign_id)
    campaigns.set_reserved(campaign_id, 70)
    assert campaigns.progress(campaign_id) == replace(before, reserved=70, version=before.version + 1)


def test_ids_of_campaigns_are_never_used_again(scene: Scene) -> None:
    campaign_id = scene.draft()
    with database.transaction():
        database.execute("DELETE FROM progress WHERE campaign_id = ?", (campaign_id,))
        database.execute("DELETE FROM campaign WHERE id = ?", (campaign_id,))
    assert scene.draft() == campaign_id + 1


def test_R20_what_is_due_is_scheduled_and_its_time_has_come(scene: Scene) -> None:
    late = scene.scheduled(contacts(1), START + MINUTE)
    next_one = scene.scheduled(contacts(1), START + 2 * MINUTE)
    scene.scheduled(contacts(1), START + HOUR)
    scene.draft()
    scene.running(contacts(1))
    cancelled = scene.scheduled(contacts(1), START + 10 * MINUTE)
    assert transitions.cancel(cancelled, START, 5 * MINUTE)
    assert campaigns.due(START + MINUTE - 1, scene.sender_id) == []
    assert campaigns.due(START + MINUTE, scene.sender_id) == [late]
    assert campaigns.due(START + 30 * MINUTE, scene.sender_id) == [late, next_one]


def test_what_is_due_is_asked_by_sender_or_for_those_without_one(scene: Scene) -> None:
    mine = scene.scheduled(contacts(1), START + MINUTE)
    with database.transaction():
        orphan = campaigns.create(replace(scene.fields(), sender_id=None), "spring_sale", "ann", START)
    assert transitions.schedule(orphan, 1, at=START + MINUTE, timezone="UTC", frozen=scene.template, price=0, now=START)
    assert campaigns.due(START + HOUR, scene.sender_id) == [mine]
    assert campaigns.due(START + HOUR, None) == [orphan]
    assert campaigns.due(START + HOUR, scene.sender_id + 1) == []


def test_the_next_one_due_is_named_with_its_time(scene: Scene) -> None:
    assert campaigns.next_due() is None
    scene.scheduled(contacts(1), START + 2 * HOUR, "Later")
    sooner = scene.scheduled(contacts(1), START + HOUR, "Sooner")
    assert campaigns.next_due() == (sooner, "Sooner", START + HOUR)


def test_running_campaigns_come_in_the_order_they_started(scene: Scene) -> None:
    second, first = scene.running(contacts(1), START + 5), scene.running(contacts(1), START)
    scene.scheduled(contacts(1))
    assert campaigns.running() == [first, second]
    assert campaigns.running(scene.sender_id) == [first, second]
    assert campaigns.running(scene.sender_id + 1) == []


def test_R28_the_sum_of_what_is_scheduled_can_leave_one_out(scene: Scene) -> None:
    assert campaigns.scheduled_price() == 0
    first = scene.scheduled(contacts(3))
    scene.scheduled(contacts(6))
    scene.draft(contacts(9))
    assert campaigns.scheduled_price() == 6 + 12
    assert campaigns.scheduled_price(except_id=first) == 12
