"""Status callbacks: kept as received, applied once, in any order."""

from __future__ import annotations

from itertools import permutations

import pytest

from store import (
    callbacks,
    campaigns,
    database,
    kept,
    ledger,
    optouts,
    outcomes,
    recipients,
    restored,
    settling,
    tallies,
    transitions,
    windows,
)
from store.types import (
    ContactRow,
    Delivery,
    Progress,
    Recipient,
    RecipientState,
    ResultKind,
    SkipReason,
    Status,
    StatusUpdate,
)
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import CREDITS, PRICES, Scene, contact, contacts, countries_of, result

AT = {"sent": START + 10, "delivered": START + 20, "read": START + 30, "failed": START + 40}


def update(campaign_id: int | None, status: str, seq: int | None = 1, at: int | None = None) -> StatusUpdate:
    code = 131026 if status == "failed" else None
    return StatusUpdate(campaign_id, seq, f"wamid.{seq}", status, AT[status] if at is None else at, code)


def apply(campaign_id: int, *statuses: str, seq: int = 1) -> int:
    """Apply one callback for each status, one after the other."""
    unmatched = 0
    for status in statuses:
        unmatched += callbacks.apply([], [update(campaign_id, status, seq)], START + 100)
        check_invariants()
    return unmatched


def sent(scene: Scene, n: int = 1) -> int:
    """A run whose rows were all sent."""
    campaign_id = scene.running(contacts(n))
    window, rows = scene.claim(campaign_id, scene.lease(), n)
    results = [result(row.seq, ResultKind.SENT) for row in rows]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)
    return campaign_id


def row(campaign_id: int, seq: int = 1) -> Recipient:
    return recipients.page(campaign_id, [seq])[seq]


def figures(campaign_id: int) -> tuple[int, int, int, int]:
    progress: Progress = campaigns.progress(campaign_id)
    return progress.sent, progress.delivered, progress.read, progress.undelivered


def test_an_event_is_kept_to_the_letter_and_waits_until_it_was_applied(db: str) -> None:
    body = '{"object": "whatsapp_business_account",\n "x": "\\u00e9 नमस्ते \x00"}'
    first, second = callbacks.keep(body, START), callbacks.keep("not json", START + 1)
    assert callbacks.waiting() == [(first, body), (second, "not json")]
    assert callbacks.waiting(1) == [(first, body)]
    assert callbacks.apply([first], [], START + 5) == 0
    assert callbacks.waiting() == [(second, "not json")]
    assert database.execute("SELECT received_at, applied_at FROM callback_event ORDER BY id").fetchall() == [
        (START, START + 5),
        (START + 1, None),
    ]


def test_R46_each_status_moves_the_row_forward_with_its_time(scene: Scene) -> None:
    campaign_id = sent(scene)
    assert (row(campaign_id).delivery, figures(campaign_id)) == (Delivery.NONE, (1, 0, 0, 0))
    apply(campaign_id, "sent")
    assert (row(campaign_id).delivery, figures(campaign_id)) == (Delivery.NONE, (1, 0, 0, 0))
    apply(campaign_id, "delivered")
    assert (row(campaign_id).delivery, figures(campaign_id)) == (Delivery.DELIVERED, (1, 1, 0, 0))
    apply(campaign_id, "read")
    found = row(campaign_id)
    assert (found.delivery, figures(campaign_id)) == (Delivery.READ, (1, 1, 1, 0))
    assert (found.sent_at, found.delivered_at, found.read_at) == (START, AT["delivered"], AT["read"])


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read"])), ids="-".join)
def test_R46_the_order_in_which_callbacks_come_does_not_matter(scene: Scene, order: tuple[str, ...]) -> None:
    campaign_id = sent(scene)
    apply(campaign_id, *order)
    found = row(campaign_id)
    assert (found.delivery, figures(campaign_id)) == (Delivery.READ, (1, 1, 1, 0))
    assert (found.delivered_at, found.read_at) == (AT["delivered"], AT["read"])


def test_R46_a_callback_of_one_campaign_moves_no_row_of_another(scene: Scene) -> None:
    mine, other = sent(scene), sent(scene)
    apply(other, "read")
    before = row(other), campaigns.progress(other)
    apply(mine, "read", "delivered")
    assert row(mine).delivered_at == AT["delivered"]
    assert (row(other), campaigns.progress(other)) == before


def test_R46_R47_read_implies_delivered(scene: Scene) -> None:
    campaign_id = sent(scene)
    apply(campaign_id, "read")
    assert figures(campaign_id) == (1, 1, 1, 0)
    assert row(campaign_id).delivered_at is None, "when is not known"


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_R46_a_repeated_callback_changes_nothing(scene: Scene, status: str) -> None:
    campaign_id = sent(scene)
    apply(campaign_id, status)
    before = row(campaign_id), campaigns.progress(campaign_id), ledger.balance()
    callbacks.apply([], [update(campaign_id, status, at=START + 999)] * 3, START)
    check_invariants()
    assert (row(campaign_id), campaigns.progress(campaign_id), ledger.balance()) == before


def test_R46_all_that_one_event_says_of_a_row_is_applied(scene: Scene) -> None:
    campaign_id = sent(scene, 3)
    batch = [update(campaign_id, what, seq) for what in ("failed", "read", "delivered") for seq in (1, 2)]
    assert callbacks.apply([], batch, START) == 0
    check_invariants()
    assert figures(campaign_id) == (3, 2, 2, 0)


def test_R46_failed_after_sent_is_undelivered_and_still_sent(scene: Scene) -> None:
    campaign_id = sent(scene)
    spent = ledger.balance()
    apply(campaign_id, "failed")
    found = row(campaign_id)
    assert (found.state, found.delivery, found.error) == (RecipientState.SENT, Delivery.UNDELIVERED, 131026)
    assert figures(campaign_id) == (1, 0, 0, 1)
    assert tallies.of(campaign_id, tallies.UNDELIVERED) == {"131026": 1}
    assert tallies.of(campaign_id, tallies.ERROR) == {}
    assert ledger.balance() == spent, "the gateway had accepted it"


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_R46_what_is_delivered_after_all_is_no_longer_undelivered(scene: Scene, status: str) -> None:
    campaign_id = sent(scene)
    apply(campaign_id, "failed", status)
    assert figures(campaign_id) == (1, 1, int(status == "read"), 0)
    assert tallies.of(campaign_id, tallies.UNDELIVERED) == {}
    assert row(campaign_id).error is None


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_R46_what_was_delivered_is_not_undone_by_a_late_failure(scene: Scene, status: str) -> None:
    campaign_id = sent(scene)
    apply(campaign_id, status)
    before = row(campaign_id), campaigns.progress(campaign_id)
    apply(campaign_id, "failed")
    assert (row(campaign_id), campaigns.progress(campaign_id)) == before


def test_R46_figures_of_a_completed_campaign_go_on(scene: Scene) -> None:
    campaign_id = scene.in_status(Status.COMPLETED)
    version = campaigns.progress(campaign_id).version
    apply(campaign_id, "read")
    assert figures(campaign_id) == (2, 1, 1, 0)
    assert campaigns.progress(campaign_id).version == version + 1
    assert campaigns.get(campaign_id).status is Status.COMPLETED


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_R46_a_callback_that_comes_before_the_answer_proves_the_acceptance(scene: Scene, status: str) -> None:
    campaign_id = scene.running(contacts(3))
    window, rows = scene.claim(campaign_id, scene.lease(), 3)
    assert apply(campaign_id, status) == 0
    found = row(campaign_id)
    assert (found.state, found.message_id, found.attempt) == (RecipientState.SENT, "wamid.1", 1)
    assert ledger.balance().spent == PRICES["US"]
    entry = ledger.entries(campaign_id)[-1]
    assert (entry.amount, entry.actor) == (PRICES["US"], "callback")
    results = [result(seq, ResultKind.SENT) for seq in (1, 2, 3)]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)
    check_invariants()
    assert ledger.balance().spent == sum(PRICES.values()), "each of the three once"


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_R42_a_callback_settles_an_unknown_row_as_sent(scene: Scene, status: str) -> None:
    campaign_id = scene.running(contacts(1))
    scene.claim(campaign_id, scene.lease("w1"), 1)
    windows.recover(campaign_id, scene.lease("w2").fence, START)
    assert row(campaign_id).state is RecipientState.UNKNOWN
    assert apply(campaign_id, status) == 0
    found = row(campaign_id)
    assert (found.state, found.message_id, found.attempt, found.handed_at) == (
        RecipientState.SENT,
        "wamid.1",
        1,
        START,
    )
    assert (ledger.balance().reserved, ledger.balance().spent) == (0, PRICES["US"])


def test_R42_an_unknown_row_of_a_finished_campaign_is_settled_too(scene: Scene) -> None:
    campaign_id = scene.running(contacts(2))
    window, rows = scene.claim(campaign_id, scene.lease(), 2)
    results = [result(1, ResultKind.SENT), result(2, ResultKind.UNKNOWN)]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)
    assert transitions.finish(campaign_id, Status.COMPLETED, None, {}, START)
    apply(campaign_id, "delivered", seq=2)
    progress = campaigns.progress(campaign_id)
    assert (progress.sent, progress.unknown, progress.delivered) == (2, 0, 1)
    assert ledger.balance().reserved == 0


def test_what_concerns_no_message_of_this_database_is_counted_and_kept(scene: Scene) -> None:
    campaign_id, other = sent(scene), scene.draft()
    event = callbacks.keep("{}", START)
    strangers = [
        update(None, "read"),
        update(campaign_id, "read", None),
        update(campaign_id, "read", 99),
        update(999, "read"),
        update(other, "read"),
    ]
    strangers = [one._replace(message_id=f"wamid.stranger.{i}") for i, one in enumerate(strangers)]
    assert callbacks.apply([event], [*strangers, update(campaign_id, "read")], START) == len(strangers)
    check_invariants()
    assert figures(campaign_id) == (1, 1, 1, 0)
    assert database.execute("SELECT unmatched FROM callback_event").fetchone()[0] == len(strangers)
    assert callbacks.waiting() == []
    assert kept.count() == len(strangers)


@pytest.mark.parametrize("status", [one for one in Status if one not in (Status.COMPLETED, Status.FAILED)])
def test_R29_R46_a_row_that_was_never_handed_over_is_not_sent_by_a_callback(scene: Scene, status: Status) -> None:
    campaign_id = scene.in_status(status)
    before = row(campaign_id), campaigns.progress(campaign_id)
    assert apply(campaign_id, "read") == 1
    assert (row(campaign_id), campaigns.progress(campaign_id)) == before
    assert ledger.balance().spent == 0


@pytest.mark.parametrize("status", ["sent", "read", "failed"])
def test_R46_a_row_that_was_refused_or_skipped_is_not_sent_by_a_callback(scene: Scene, status: str) -> None:
    campaign_id, lease = scene.running(contacts(2)), scene.lease()
    optouts.add(919_000_000_001, START, "STOP reply")
    window, rows = scene.claim(campaign_id, lease, 2)
    outcomes.record(campaign_id, [result(2, ResultKind.FAILED)], countries_of(rows), [window.id], START)
    assert apply(campaign_id, status, seq=1) + apply(campaign_id, status, seq=2) == 2
    assert (row(campaign_id, 1).skip, row(campaign_id, 2).state) == (SkipReason.OPTED_OUT, RecipientState.FAILED)
    assert ledger.balance().free == CREDITS


def test_callbacks_are_applied_whole_or_not_at_all(scene: Scene) -> None:
    campaign_id = sent(scene)
    event = callbacks.keep("{}", START)
    before = row(campaign_id), campaigns.progress(campaign_id)
    with pytest.raises(RuntimeError), database.transaction():
        callbacks.apply([event], [update(campaign_id, "read")], START)
        raise RuntimeError
    assert (row(campaign_id), campaigns.progress(campaign_id)) == before
    assert [one for one, _ in callbacks.waiting()] == [event]


def test_callbacks_of_several_campaigns_in_one_event(scene: Scene) -> None:
    first, second = sent(scene), sent(scene)
    assert callbacks.apply([], [update(first, "read"), update(second, "delivered")], START) == 0
    check_invariants()
    assert (figures(first), figures(second)) == ((1, 1, 1, 0), (1, 1, 0, 0))


def settled(scene: Scene, rows: list[ContactRow], what: str) -> int:
    """A run whose rows are all sent, unknown, or unknown and then settled by hand."""
    campaign_id = scene.running(rows)
    window, claimed = scene.claim(campaign_id, scene.lease(), len(rows))
    kind = ResultKind.SENT if what == "sent" else ResultKind.UNKNOWN
    results = [result(one.seq, kind) for one in claimed]
    outcomes.record(campaign_id, results, countries_of(claimed), [window.id], START)
    if what.startswith("by hand"):
        settling.settle(campaign_id, None, sent=what == "by hand sent", actor="ann", now=START)
    return campaign_id


@pytest.mark.parametrize("what", ["sent", "unknown", "by hand sent", "by hand failed"])
@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed", "dropped"])
def test_R46_R42_a_callback_tells_of_its_own_row_alone(scene: Scene, what: str, status: str) -> None:
    # Every row has a number of its own; the campaigns' rows have the same places.
    before, mine, after = (settled(scene, [contact(10 * n), contact(10 * n + 1)], what) for n in (1, 2, 3))
    others = [(before, 1), (before, 2), (mine, 2), (after, 1), (after, 2)]

    def noted() -> dict[tuple[int, int], int]:
        found = database.execute("SELECT campaign_id, seq, phone FROM contact").fetchall()
        return {(campaign_id, seq): phone for campaign_id, seq, phone in found}

    then = [row(*other) for other in others], {key: phone for key, phone in noted().items() if key != (mine, 1)}
    one = update(mine, "failed" if status == "dropped" else status)
    one = one._replace(pricing="marketing/regular", code=132015 if status == "dropped" else one.code)
    callbacks.apply([], [one, one._replace(status="read"), one._replace(status="delivered")], START + 100)
    check_invariants()
    now = [row(*other) for other in others], {key: phone for key, phone in noted().items() if key != (mine, 1)}
    assert now == then
    assert noted().get((mine, 1), row(mine).phone) == row(mine).phone


def test_R29_R46_a_restored_campaign_that_had_not_started_is_not_sent_by_a_callback(scene: Scene) -> None:
    campaign_id = scene.in_status(Status.SCHEDULED)
    restored.keep_waiting("restored", START)
    before = row(campaign_id), campaigns.progress(campaign_id)
    assert apply(campaign_id, "read") == 1
    assert (row(campaign_id), campaigns.progress(campaign_id)) == before
    assert ledger.balance().free == CREDITS
