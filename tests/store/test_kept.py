"""Statuses whose message is not known yet: kept, and applied once it is; matched by reference, then by message id."""

from __future__ import annotations

from itertools import permutations

import pytest

from store import callbacks, campaigns, database, kept, outcomes, recipients, restored, tallies, testdeliveries, told
from store.types import Delivery, Recipient, RecipientState, ResultKind, StatusUpdate
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import Scene, contacts, countries_of, result

DAY = 24 * 3_600_000


def by_id(message_id: str | None, status: str, code: int | None = None) -> StatusUpdate:
    """A status without a reference of ours."""
    return StatusUpdate(None, None, message_id, status, START + 50, code)


def row(campaign_id: int, seq: int = 1) -> Recipient:
    return recipients.page(campaign_id, [seq])[seq]


def flight(scene: Scene, n: int = 1) -> tuple[int, list[int]]:
    """A run whose rows are all in flight; answers it with the windows that are open."""
    campaign_id = scene.running(contacts(n))
    window, _ = scene.claim(campaign_id, scene.lease(), n)
    return campaign_id, [window.id]


def answer(campaign_id: int, windows: list[int], *seqs: int, kind: ResultKind = ResultKind.SENT) -> None:
    rows = recipients.page(campaign_id, list(seqs))
    results = [result(seq, kind) for seq in seqs]
    outcomes.record(campaign_id, results, countries_of(list(rows.values())), windows, START)


def test_R46_a_status_without_a_reference_is_matched_by_the_message_id(scene: Scene) -> None:
    campaign_id, windows = flight(scene, 3)
    answer(campaign_id, windows, 1, 2, 3)
    said = row(campaign_id, 2).message_id
    assert callbacks.apply([], [by_id(said, "failed", code=131026)], START + 60) == 0
    assert [row(campaign_id, seq).delivery for seq in (1, 2, 3)] == [Delivery.NONE, Delivery.UNDELIVERED, Delivery.NONE]
    assert kept.nothing()
    check_invariants()


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read"])), ids="-".join)
def test_R46_a_status_before_the_answer_is_kept_and_applied_with_the_answer(
    scene: Scene, order: tuple[str, ...]
) -> None:
    campaign_id, windows = flight(scene)
    message_id = result(1, ResultKind.SENT).message_id
    for status in order:
        assert callbacks.apply([], [by_id(message_id, status)] * 2, START + 1) == 2
    assert row(campaign_id).state is RecipientState.PENDING
    assert kept.count() == 3, "each once, however often it was told"
    answer(campaign_id, windows, 1)
    found = row(campaign_id)
    assert (found.state, found.delivery) == (RecipientState.SENT, Delivery.READ)
    assert (campaigns.progress(campaign_id).delivered, campaigns.progress(campaign_id).read) == (1, 1)
    assert kept.nothing()
    check_invariants()


def test_R46_a_status_for_a_row_that_was_not_handed_over_yet_waits_for_it(scene: Scene) -> None:
    campaign_id = scene.running(contacts(2))
    lease = scene.lease()
    early = StatusUpdate(campaign_id, 2, "wamid.early", "delivered", START + 50)
    assert callbacks.apply([], [early], START) == 1
    assert callbacks.match(START) == 0, "nothing was handed over yet"
    scene.claim(campaign_id, lease, 2)
    assert callbacks.match(START) == 1
    assert row(campaign_id, 2).delivery is Delivery.DELIVERED
    assert kept.nothing()
    check_invariants()


def test_R46_what_came_before_the_campaign_began_is_of_another_one_with_its_number(scene: Scene) -> None:
    campaign_id = scene.running(contacts(2))
    lease = scene.lease()
    started = campaigns.get(campaign_id).started_at
    assert started is not None
    # A restored database gives the numbers of campaigns that it has lost out again.
    lost = StatusUpdate(campaign_id, 1, "wamid.lost", "read", started - 50)
    callbacks.apply([], [lost], started - 1)
    callbacks.apply([], [lost._replace(seq=2, at=started + 1)], started)
    scene.claim(campaign_id, lease, 2)
    assert callbacks.match(START) == 1
    assert [row(campaign_id, seq).delivery for seq in (1, 2)] == [Delivery.NONE, Delivery.READ]
    assert row(campaign_id, 1).state is RecipientState.PENDING
    assert kept.nothing()
    check_invariants()


def test_R43_of_a_restored_campaign_only_what_came_since_is_taken_for_its_rows(scene: Scene) -> None:
    mine, other = scene.scheduled(contacts(3)), scene.scheduled(contacts(3))
    one = StatusUpdate(mine, 1, "wamid.1", "delivered", START + 50)
    callbacks.apply([], [one], START + 999)
    restored.keep_waiting("restored", START + 1_000)
    since = [one._replace(seq=2, message_id="wamid.2"), one._replace(campaign_id=other, message_id="wamid.3")]
    assert callbacks.apply([], since, START + 1_000) == 2, "neither has started"
    assert kept.take_rows(mine, [1, 2, 3]) == since[:1]
    assert kept.take_rows(other, [1, 2, 3]) == since[1:]


@pytest.mark.parametrize("order", [("answer", "dropped"), ("dropped", "answer")], ids="-".join)
def test_R29_R46_what_was_held_and_dropped_costs_nothing_in_either_order(scene: Scene, order: tuple[str, ...]) -> None:
    campaign_id, windows = flight(scene)
    message_id = result(1, ResultKind.HELD).message_id
    dropped = StatusUpdate(campaign_id, 1, message_id, "failed", START + 50, 132015)
    for what in order:
        if what == "dropped":
            callbacks.apply([], [dropped], START + 60)
        else:
            answer(campaign_id, windows, 1, kind=ResultKind.HELD)
    found, counted = row(campaign_id), campaigns.progress(campaign_id)
    assert (found.state, found.error, found.message_id) == (RecipientState.FAILED, 132015, message_id)
    assert (found.attempt, found.delivery) == (1, Delivery.NONE)
    assert (counted.failed, counted.undelivered, counted.settled) == (1, 0, 0)
    assert counted.released == counted.reserved
    check_invariants()


def test_what_never_matches_is_forgotten_after_thirty_days(scene: Scene) -> None:
    callbacks.apply([], [by_id("wamid.other", "read")], START)
    callbacks.apply([], [by_id("wamid.more", "read")], START + 30 * DAY)
    assert kept.count() == 2
    callbacks.apply([], [by_id("wamid.last", "read")], START + 30 * DAY + 1)
    found = kept.take(["wamid.other", "wamid.more", "wamid.last"])
    assert {one.message_id for one in found} == {"wamid.more", "wamid.last"}


def test_a_status_that_contradicts_a_refusal_is_counted_and_not_kept(scene: Scene) -> None:
    campaign_id, windows = flight(scene)
    rows = recipients.page(campaign_id, [1])
    outcomes.record(campaign_id, [result(1, ResultKind.FAILED)], countries_of(list(rows.values())), windows, START)
    assert callbacks.apply([], [StatusUpdate(campaign_id, 1, "wamid.x", "read", START)], START) == 1
    assert kept.nothing()


def test_many_strangers_do_not_keep_a_match_away(scene: Scene) -> None:
    campaign_id, windows = flight(scene)
    message_id = result(1, ResultKind.SENT).message_id
    strangers = [by_id(f"wamid.other.{i}", "sent") for i in range(1_000)]
    callbacks.apply([], [*strangers, by_id(message_id, "read")], START)
    answer(campaign_id, windows, 1)
    assert row(campaign_id).delivery is Delivery.READ
    assert kept.count() == 1_000


# How WhatsApp bills


def billed(campaign_id: int, *told: tuple[str, str | None]) -> dict[str, int]:
    for status, pricing in told:
        update = StatusUpdate(campaign_id, 1, "wamid.1", status, START + 50, 131026 if status == "failed" else None)
        callbacks.apply([], [update._replace(pricing=pricing)], START)
        check_invariants()
    return tallies.of(campaign_id, tallies.PRICING)


REGULAR, FREE = "marketing/regular", "utility/free_customer_service"


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ([("sent", REGULAR)], {}),
        ([("sent", REGULAR), ("delivered", None)], {REGULAR: 1}),
        ([("delivered", None), ("sent", REGULAR)], {REGULAR: 1}),
        ([("delivered", REGULAR), ("read", None), ("delivered", REGULAR)], {REGULAR: 1}),
        ([("sent", REGULAR), ("delivered", FREE)], {FREE: 1}),
        ([("delivered", FREE), ("sent", REGULAR)], {FREE: 1}),
        ([("sent", REGULAR), ("failed", None)], {}),
        ([("sent", REGULAR), ("failed", None), ("read", None)], {REGULAR: 1}),
        ([("read", None)], {}),
    ],
)
def test_what_is_delivered_counts_by_how_whatsapp_bills_it(
    scene: Scene, told: list[tuple[str, str | None]], counted: dict[str, int]
) -> None:
    campaign_id, windows = flight(scene)
    answer(campaign_id, windows, 1)
    assert billed(campaign_id, *told) == counted
    pricing = [price for _, price in told if price is not None]
    assert (row(campaign_id).pricing is None) is (not pricing)


# Events that are about no message


def test_what_is_told_again_or_late_is_no_news(db: str) -> None:
    assert told.is_news("template greeting", 10)
    assert not told.is_news("template greeting", 10)
    assert not told.is_news("template greeting", 9, rank=5)
    assert told.is_news("template greeting", 10, rank=1)
    assert not told.is_news("template greeting", 10)
    assert told.is_news("template greeting", 11)
    assert told.is_news("template other", 1)


def test_a_relayed_event_is_stored_once(db: str) -> None:
    assert callbacks.keep_relayed([("a", "{}"), ("b", "[]"), ("a", "{}")], START) == [(1, "{}"), (2, "[]")]
    assert [body for _, body in callbacks.keep_relayed([("b", "[]"), ("c", "1")], START)] == ["1"]
    assert [body for _, body in callbacks.waiting()] == ["{}", "[]", "1"]
    callbacks.keep_all([(START, "{}"), (START + 1, "{}")])
    assert len(callbacks.waiting()) == 5, "what comes in directly is not compared"


def test_what_somebody_else_applied_meanwhile_is_left_out(db: str) -> None:
    ids = [callbacks.keep("{}", START + i) for i in range(3)]
    assert callbacks.waiting_since() == START
    callbacks.apply([ids[0]], [], START)
    with database.transaction():
        assert callbacks.still_waiting(ids) == set(ids[1:])
    assert callbacks.waiting_since() == START + 1
    assert callbacks.ever_received()
    assert testdeliveries.with_message_ids(["wamid.none"]) == {}
