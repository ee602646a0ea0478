"""Messages that the gateway holds back: each campaign's are waited for by themselves, to the millisecond."""

from __future__ import annotations

import pytest

from store import callbacks, campaigns, held, outcomes, recipients
from store.types import RecipientState, ResultKind, StatusUpdate
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import HELD_MS, Scene, contacts, countries_of, result

LATER = 1_000


def holding(scene: Scene, now: int = START) -> int:
    """A run whose two messages are held back."""
    campaign_id = scene.running(contacts(2), now)
    window, rows = scene.claim(campaign_id, scene.lease(now=now), 2, now)
    results = [result(row.seq, ResultKind.HELD, now) for row in rows]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], now)
    check_invariants()
    return campaign_id


def states(campaign_id: int) -> list[RecipientState]:
    page = recipients.page(campaign_id, [1, 2])
    return [page[seq].state for seq in (1, 2)]


def test_R42_a_held_message_is_given_up_when_its_time_has_come_and_not_before(scene: Scene) -> None:
    campaign_id, other = holding(scene), holding(scene, START + LATER)
    until = START + HELD_MS
    assert (held.last(campaign_id), held.last(other)) == (until, until + LATER)
    assert (held.count(campaign_id), held.count(other)) == (2, 2)
    assert not held.due(campaign_id, until - 1) and held.give_up(campaign_id, until - 1) == 0
    assert held.due(campaign_id, until) and not held.due(other, until)
    assert held.give_up(other, until) == 0
    assert held.give_up(campaign_id, until) == 2
    check_invariants()
    assert (held.last(campaign_id), held.last(other)) == (None, until + LATER)
    assert (held.count(campaign_id), held.count(other)) == (0, 2)
    assert states(campaign_id) == [RecipientState.UNKNOWN] * 2
    assert states(other) == [RecipientState.PENDING] * 2


@pytest.mark.parametrize(("status", "code"), [("sent", None), ("failed", 132015), ("failed", 131026)])
def test_R42_R46_news_of_one_campaign_lets_no_row_of_another_go(scene: Scene, status: str, code: int | None) -> None:
    campaign_id, other = holding(scene), holding(scene)
    before = recipients.page(other, [1, 2]), campaigns.progress(other)
    update = StatusUpdate(campaign_id, 1, "wamid.1", status, START + 9, code)
    assert callbacks.apply([], [update], START + 10) == 0
    check_invariants()
    assert (held.seqs(campaign_id), held.seqs(other)) == ([2], [1, 2])
    assert (recipients.page(other, [1, 2]), campaigns.progress(other)) == before


def test_R42_R46_what_was_dropped_is_no_news_the_second_time_and_was_handed_over_once(scene: Scene) -> None:
    campaign_id = scene.running(contacts(1))
    window, rows = scene.claim(campaign_id, scene.lease(), 1)
    outcomes.record(campaign_id, [result(1, ResultKind.UNKNOWN)], countries_of(rows), [window.id], START)
    update = StatusUpdate(campaign_id, 1, "wamid.1", "failed", START + 9, 132015)
    for _ in range(2):
        assert callbacks.apply([], [update], START + 10) == 0, "it matches, and says nothing new the second time"
        check_invariants()
        row = recipients.page(campaign_id, [1])[1]
        assert (row.state, row.error, row.attempt) == (RecipientState.FAILED, 132015, 1)
