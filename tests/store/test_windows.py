"""Windows of intent: what is about to be handed over is committed first, and never handed over again by itself."""

from __future__ import annotations

import pytest

from store import (
    callbacks,
    campaigns,
    database,
    ledger,
    optouts,
    outcomes,
    recipients,
    sqlite_file,
    tallies,
    transitions,
    windows,
)
from store.errors import Fenced, StoreGone
from store.types import (
    LONGEST_WAIT_MS,
    Lease,
    Recipient,
    RecipientState,
    ResultKind,
    SkipReason,
    Status,
    StatusUpdate,
    Window,
)
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import HOUR, MINUTE, PRICES, Scene, contact, contacts, countries_of, result

Claimed = tuple[Window, list[Recipient]]


def seqs(claimed: Claimed | None) -> list[int]:
    assert claimed is not None
    assert list(claimed[0].seqs) == [row.seq for row in claimed[1]]
    return [row.seq for row in claimed[1]]


def record(campaign_id: int, claimed: Claimed, *kinds: ResultKind, now: int = START, **facts: object) -> None:
    """Record one kind for each row of a window and close it; fewer kinds leave the rest in flight and it open."""
    window, rows = claimed
    results = [result(row.seq, kind, now, **facts) for row, kind in zip(rows, kinds, strict=False)]
    closed = [window.id] if len(kinds) == len(rows) else []
    outcomes.record(campaign_id, results, countries_of(rows), closed, now)
    check_invariants()


def states(campaign_id: int) -> list[str]:
    page = recipients.page(campaign_id, list(recipients.seqs(campaign_id)))
    return [page[seq].state.name.lower() for seq in sorted(page)]


def test_a_window_commits_the_next_rows_before_they_are_handed_over(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(5)), scene.lease()
    claimed = scene.claim(campaign_id, lease, 3, START + 7)
    assert seqs(claimed) == [1, 2, 3]
    window, rows = claimed
    assert (window.campaign_id, window.fence, window.opened_at) == (campaign_id, lease.fence, START + 7)
    assert windows.open_windows(campaign_id) == [window]
    assert [row.cells[1] for row in rows] == ["Name 1", "Name 2", "Name 3"]
    assert campaigns.progress(campaign_id).handed == 3
    assert states(campaign_id) == ["pending"] * 5, "rows in flight count as pending"
    check_invariants(campaign_id)
    assert seqs(windows.claim(campaign_id, lease, 3, START)) == [4, 5]
    assert windows.claim(campaign_id, lease, 3, START) is None


def test_a_window_passes_over_skipped_rows(scene: Scene) -> None:
    rows = [contact(n, skip=SkipReason.BLANK if n in (1, 3, 4, 7) else None) for n in range(1, 8)]
    campaign_id, lease = scene.running(rows), scene.lease()
    assert seqs(windows.claim(campaign_id, lease, 2, START)) == [2, 5]
    assert seqs(windows.claim(campaign_id, lease, 2, START)) == [6]


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.IN_PROGRESS])
def test_nothing_is_handed_over_of_a_campaign_that_is_not_in_progress(scene: Scene, status: Status) -> None:
    campaign_id = scene.in_status(status)
    assert windows.claim(campaign_id, scene.lease("w9"), 5, START) is None
    assert windows.open_windows() == []


def test_R45_nothing_is_handed_over_while_on_hold(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(2)), scene.lease()
    assert transitions.hold(campaign_id, "number_paused", "", START, None)
    assert windows.claim(campaign_id, lease, 2, START) is None
    assert transitions.lift(campaign_id)
    assert seqs(windows.claim(campaign_id, lease, 2, START)) == [1, 2]


def test_R45_a_retry_is_not_waited_for_while_on_hold(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(2)), scene.lease()
    record(campaign_id, scene.claim(campaign_id, lease, 1), ResultKind.PUT_BACK, not_before=START + MINUTE)
    assert transitions.hold(campaign_id, "campaign_paused", "", START, None)
    assert windows.next_retry(campaign_id) is None, "a run that polled for it would never be tended again"
    assert transitions.lift(campaign_id)
    assert windows.next_retry(campaign_id) == START + MINUTE


def test_R43_an_owner_that_lost_its_lease_is_fenced_and_writes_nothing(scene: Scene) -> None:
    campaign_id = scene.running(contacts(4))
    old = scene.lease("w1")
    scene.claim(campaign_id, old, 1)
    optouts.add(919_000_000_002, START, "test")
    scene.lease("w2")
    before = campaigns.progress(campaign_id), windows.open_windows(), states(campaign_id)
    with pytest.raises(Fenced):
        windows.claim(campaign_id, old, 2, START)
    assert (campaigns.progress(campaign_id), windows.open_windows(), states(campaign_id)) == before
    check_invariants()


def test_R43_no_intent_is_committed_where_nobody_else_could_see_it(scene: Scene, db: str) -> None:
    path = sqlite_file.path_of(db)
    if path is None:
        pytest.skip("a server keeps its file to itself")
    campaign_id, lease = scene.running(contacts(2)), scene.lease()
    away = path.rename(path.with_name("moved.db"))
    with pytest.raises(StoreGone):
        windows.claim(campaign_id, lease, 2, START)
    away.rename(path)
    assert windows.open_windows() == []
    assert seqs(windows.claim(campaign_id, lease, 2, START)) == [1, 2]


def test_R43_no_row_is_ever_in_two_windows(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(23)), scene.lease()
    handed: list[int] = []
    while (claimed := windows.claim(campaign_id, lease, 5, START)) is not None:
        handed += seqs(claimed)
    assert handed == list(range(1, 24))


def test_a_row_put_back_is_retried_when_it_is_due_in_a_later_window(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(6)), scene.lease()
    first = scene.claim(campaign_id, lease, 3)
    record(campaign_id, first, ResultKind.SENT, ResultKind.PUT_BACK, ResultKind.PUT_BACK, not_before=START + MINUTE)
    assert states(campaign_id) == ["sent", *["pending"] * 5]
    assert windows.next_retry(campaign_id) == START + MINUTE
    assert seqs(scene.claim(campaign_id, lease, 1, START + MINUTE - 1)) == [4]
    again = scene.claim(campaign_id, lease, 3, START + MINUTE)
    assert seqs(again) == [2, 3, 5], "what is due comes first, then fresh rows"
    assert [(row.attempt, row.tried) for row in again[1]] == [(1, 1), (1, 1), (0, 0)]
    assert windows.next_retry(campaign_id) is None
    record(campaign_id, again, ResultKind.SENT, ResultKind.FAILED, ResultKind.SENT)
    assert states(campaign_id) == ["sent", "sent", "failed", "pending", "sent", "pending"]


def test_R44_a_row_put_back_until_later_than_any_delay_is_due_at_once(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(3)), scene.lease()
    window, rows = scene.claim(campaign_id, lease, 3)
    for row, until in zip(rows, (START + LONGEST_WAIT_MS + 1, START + LONGEST_WAIT_MS, START), strict=True):
        one = result(row.seq, ResultKind.PUT_BACK, not_before=until)
        outcomes.record(campaign_id, [one], countries_of(rows), [window.id], START)
    assert seqs(windows.claim(campaign_id, lease, 2, START)) == [1, 3]
    assert windows.claim(campaign_id, lease, 2, START) is None
    assert not windows.is_due(START + LONGEST_WAIT_MS, START) and windows.is_due(START + LONGEST_WAIT_MS + 1, START)


def test_retries_that_fill_a_window_leave_fresh_rows_for_the_next(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(4)), scene.lease()
    first = scene.claim(campaign_id, lease, 3)
    record(campaign_id, first, *[ResultKind.PUT_BACK] * 3)
    assert seqs(scene.claim(campaign_id, lease, 2)) == [1, 2]
    assert seqs(scene.claim(campaign_id, lease, 2)) == [3, 4]
    assert windows.claim(campaign_id, lease, 2, START) is None


def test_the_earliest_retry_comes_first(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(3)), scene.lease()
    window, rows = scene.claim(campaign_id, lease, 3)
    results = [result(seq, ResultKind.PUT_BACK, not_before=START + 10 - seq) for seq in (1, 2, 3)]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)
    assert windows.next_retry(campaign_id) == START + 7
    assert seqs(scene.claim(campaign_id, lease, 1, START + HOUR)) == [3]
    assert windows.next_retry(campaign_id) == START + 8


def test_R38_R39_who_opts_out_during_the_run_is_skipped_and_the_credit_released(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(6)), scene.lease()
    first = scene.claim(campaign_id, lease, 2)
    record(campaign_id, first, ResultKind.SENT, ResultKind.PUT_BACK)
    reserved = ledger.balance().reserved
    # Row 1 was sent already, row 2 waits for its retry, row 4 was never handed over.
    for n in (1, 2, 4):
        optouts.add(919_000_000_000 + n, START, "STOP reply")
    assert seqs(scene.claim(campaign_id, lease, 4)) == [3, 5]
    assert states(campaign_id) == ["sent", "skipped", "pending", "skipped", "pending", "pending"]
    assert tallies.of(campaign_id, tallies.SKIP) == {"opted_out": 2}
    row = recipients.page(campaign_id, [2])[2]
    assert (row.skip, row.phone, row.attempt) == (SkipReason.OPTED_OUT, 919_000_000_002, 1)
    assert ledger.balance().reserved == reserved - PRICES[""] - PRICES["US"]
    check_invariants()


def test_R39_a_window_of_opted_out_rows_hands_over_nothing_and_does_not_end_the_run(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(3)), scene.lease()
    for n in (1, 2):
        optouts.add(919_000_000_000 + n, START, "STOP reply")
    empty = windows.claim(campaign_id, lease, 2, START)
    assert seqs(empty) == []
    assert windows.open_windows() == []
    check_invariants()
    assert seqs(windows.claim(campaign_id, lease, 2, START)) == [3]


def test_R42_R43_take_over_makes_what_was_in_flight_unknown_and_not_pending(scene: Scene) -> None:
    campaign_id = scene.running(contacts(7))
    old = scene.lease("w1")
    claimed = scene.claim(campaign_id, old, 5, START + 3)
    record(campaign_id, claimed, ResultKind.SENT, ResultKind.FAILED)
    new = scene.lease("w2")
    assert windows.recover(campaign_id, new.fence, START + 9) == 3
    assert states(campaign_id) == ["sent", "failed", "unknown", "unknown", "unknown", "pending", "pending"]
    assert windows.open_windows() == []
    row = recipients.page(campaign_id, [3])[3]
    assert (row.attempt, row.handed_at) == (1, START + 3)
    check_invariants()
    assert seqs(windows.claim(campaign_id, new, 5, START)) == [6, 7], "unknown rows are not handed over again"


def test_take_over_happens_once_and_leaves_ones_own_windows_alone(scene: Scene) -> None:
    campaign_id = scene.running(contacts(4))
    scene.claim(campaign_id, scene.lease("w1"), 1)
    new = scene.lease("w2")
    mine = scene.claim(campaign_id, new, 1)[0]
    assert windows.recover(campaign_id, new.fence, START) == 1
    assert windows.recover(campaign_id, new.fence, START) == 0
    assert windows.open_windows() == [mine]
    assert states(campaign_id) == ["unknown", "pending", "pending", "pending"]
    check_invariants()


def test_take_over_of_one_campaign_leaves_the_others_alone(scene: Scene) -> None:
    first, second = scene.running(contacts(2)), scene.running(contacts(2))
    old = scene.lease("w1")
    scene.claim(first, old, 2)
    theirs = scene.claim(second, old, 2)[0]
    assert windows.recover(first, scene.lease("w2").fence, START) == 2
    assert windows.open_windows() == [theirs]
    assert states(second) == ["pending", "pending"]


def test_R43_take_over_leaves_rows_that_were_put_back_pending(scene: Scene) -> None:
    campaign_id = scene.running(contacts(4))
    claimed = scene.claim(campaign_id, scene.lease("w1"), 4)
    record(campaign_id, claimed, ResultKind.PUT_BACK, ResultKind.SENT, not_before=START + MINUTE)
    new = scene.lease("w2")
    assert windows.recover(campaign_id, new.fence, START) == 2
    assert states(campaign_id) == ["pending", "sent", "unknown", "unknown"]
    check_invariants()
    assert windows.claim(campaign_id, new, 4, START) is None
    assert seqs(windows.claim(campaign_id, new, 4, START + MINUTE)) == [1]


def test_R43_take_over_counts_a_row_in_a_retry_window_once(scene: Scene) -> None:
    campaign_id = scene.running(contacts(3))
    old = scene.lease("w1")
    first = scene.claim(campaign_id, old, 3)
    record(campaign_id, first, ResultKind.PUT_BACK)
    # Row 1 is in flight again while the window of its first attempt is still open.
    again = scene.claim(campaign_id, old, 3)
    assert seqs(again) == [1]
    assert windows.recover(campaign_id, scene.lease("w2").fence, START) == 3
    assert states(campaign_id) == ["unknown"] * 3
    assert windows.open_windows() == []
    check_invariants()


def test_R43_a_row_that_a_callback_proved_sent_is_not_retried(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(3)), scene.lease()
    record(campaign_id, scene.claim(campaign_id, lease, 2), ResultKind.PUT_BACK, ResultKind.PUT_BACK)
    callbacks.apply([], [StatusUpdate(campaign_id, 1, "wamid.1", "delivered", START)], START)
    check_invariants()
    optouts.add(919_000_000_001, START, "STOP reply")
    assert seqs(windows.claim(campaign_id, lease, 3, START)) == [2, 3]
    assert states(campaign_id) == ["sent", "pending", "pending"]
    check_invariants()


def test_R43_a_retry_that_was_settled_meanwhile_hands_over_nothing(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(1)), scene.lease()
    record(campaign_id, scene.claim(campaign_id, lease, 1), ResultKind.PUT_BACK)
    callbacks.apply([], [StatusUpdate(campaign_id, 1, "wamid.1", "sent", START)], START)
    claimed = windows.claim(campaign_id, lease, 1, START)
    assert claimed is None or seqs(claimed) == []
    assert windows.claim(campaign_id, lease, 1, START) is None
    assert windows.open_windows() == []
    assert windows.next_retry(campaign_id) is None
    assert transitions.finish(campaign_id, Status.COMPLETED, None, {}, START)


def test_R42_a_late_close_by_an_old_owner_does_not_close_a_new_owners_window(scene: Scene) -> None:
    campaign_id = scene.running(contacts(4))
    old_window, old_rows = scene.claim(campaign_id, scene.lease("w1"), 2)
    new = scene.lease("w2")
    windows.recover(campaign_id, new.fence, START)
    mine = scene.claim(campaign_id, new, 2)[0]
    outcomes.record(campaign_id, [result(1, ResultKind.SENT)], countries_of(old_rows), [old_window.id], START)
    assert windows.open_windows() == [mine]
    assert windows.recover(campaign_id, new.fence + 1, START) == 2
    assert states(campaign_id) == ["sent", "unknown", "unknown", "unknown"]
    check_invariants()


def test_windows_are_listed_with_the_rows_they_may_hold(scene: Scene) -> None:
    first, second = scene.running(contacts(4)), scene.running(contacts(1))
    lease: Lease = scene.lease()
    record(first, scene.claim(first, lease, 2), ResultKind.PUT_BACK, ResultKind.SENT)
    again, other = scene.claim(first, lease, 2)[0], scene.claim(second, lease, 2)[0]
    assert windows.open_windows(first) == [again]
    assert again.seqs == (1, 3)
    assert {one.id for one in windows.open_windows()} == {again.id, other.id}


def test_a_claim_that_is_rolled_back_hands_over_nothing(scene: Scene) -> None:
    campaign_id, lease = scene.running(contacts(2)), scene.lease()
    with pytest.raises(RuntimeError), database.transaction():
        scene.claim(campaign_id, lease, 2)
        raise RuntimeError
    assert windows.open_windows() == []
    assert campaigns.progress(campaign_id).handed == 0
    assert states(campaign_id) == [RecipientState.PENDING.name.lower()] * 2
