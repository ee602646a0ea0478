"""What is kept of a row beside a simple success, and the counts by slice that a timeline is drawn from."""

from __future__ import annotations

import pytest

from store import audit, callbacks, database, history, migrate, optouts, outcomes, recipients, tallies, windows
from store.types import Attempt, Note, Result, ResultKind, StatusUpdate
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import MINUTE, Scene, contacts, countries_of, result

SECOND = 1_000


def flight(scene: Scene, n: int = 3) -> tuple[int, dict[int, str | None]]:
    """A run with every row in flight."""
    campaign_id = scene.running(contacts(n))
    _, rows = scene.claim(campaign_id, scene.lease("w1"), n)
    return campaign_id, countries_of(rows)


def notes(campaign_id: int, seq: int = 1) -> list[tuple[str, int]]:
    return [(one.outcome, one.at - START) for one in history.of(campaign_id, seq)]


def test_R50_a_put_back_keeps_when_it_began_and_when_it_may_be_tried_again(scene: Scene) -> None:
    campaign_id, countries = flight(scene)
    back = result(1, ResultKind.PUT_BACK, http_status=400, detail="slow down", not_before=START + 5 * SECOND)
    outcomes.record(campaign_id, [back], countries, [], START)
    assert history.of(campaign_id, 1) == [
        Attempt(1, 1, START, "put_back", 130429, 400, "slow down", START - 100, START + 5 * SECOND)
    ]
    assert history.waits_until(campaign_id, 1) == START + 5 * SECOND
    assert history.waits_until(campaign_id, 2) is None


def test_R50_a_take_over_is_kept_for_each_row_that_was_in_flight(scene: Scene) -> None:
    campaign_id, countries = flight(scene)
    outcomes.record(campaign_id, [result(1, ResultKind.SENT)], countries, [], START)
    windows.recover(campaign_id, scene.lease("w2").fence, START + MINUTE)
    assert notes(campaign_id, 1) == []
    for seq in (2, 3):
        (kept,) = history.of(campaign_id, seq)
        assert (kept.outcome, kept.n, kept.at, kept.handed_at) == (Note.TAKEN_OVER, 1, START + MINUTE, START)


def test_R50_late_evidence_is_kept_beside_what_it_repairs(scene: Scene) -> None:
    campaign_id, countries = flight(scene)
    windows.recover(campaign_id, scene.lease("w2").fence, START + 1)
    outcomes.record(campaign_id, [result(1, ResultKind.SENT, START + 2)], countries, [], START + 2)
    callbacks.apply([], [StatusUpdate(campaign_id, 2, "w2", "sent", START + 3)], START + 3)
    assert notes(campaign_id, 1) == [("taken_over", 1), ("answered_late", 2)]
    assert notes(campaign_id, 2) == [("taken_over", 1), ("proved", 3)]
    check_invariants()


def test_R50_a_callback_that_is_merely_quicker_than_the_answer_leaves_nothing(scene: Scene) -> None:
    campaign_id, countries = flight(scene)
    said = [StatusUpdate(campaign_id, 1, "w1", status, START) for status in ("sent", "delivered", "read")]
    callbacks.apply([], said, START)
    outcomes.record(campaign_id, [result(1, ResultKind.SENT, START + 5)], countries, [], START + 5)
    assert notes(campaign_id, 1) == []


def test_R50_a_failure_after_it_was_sent_is_kept_once_and_stays_when_it_was_delivered(scene: Scene) -> None:
    campaign_id, countries = flight(scene)
    outcomes.record(campaign_id, [result(1, ResultKind.SENT)], countries, [], START)
    failed = StatusUpdate(campaign_id, 1, "w1", "failed", START + 5, 131049, "held back")
    delivered = StatusUpdate(campaign_id, 1, "w1", "delivered", START + 9)
    callbacks.apply([], [failed, failed, delivered, failed], START + 9)
    (kept,) = history.of(campaign_id, 1)
    assert (kept.outcome, kept.at, kept.code, kept.detail) == (Note.UNDELIVERED, START + 5, 131049, "held back")


def test_R50_an_opt_out_at_the_claim_is_kept(scene: Scene) -> None:
    campaign_id = scene.running(contacts(2))
    optouts.add(919_000_000_001, START, "STOP reply")
    windows.claim(campaign_id, scene.lease("w1"), 2, START + 7)
    (kept,) = history.of(campaign_id, 1)
    assert (kept.outcome, kept.at, kept.detail) == (ResultKind.SKIPPED, START + 7, "opted_out")


def test_R50_failing_the_rest_is_one_line_for_all_of_them(scene: Scene) -> None:
    campaign_id = scene.running(contacts(5))
    assert outcomes.fail_rest(campaign_id, -3, START + 7) == 5
    for seq in (1, 5):
        (kept,) = history.of(campaign_id, seq)
        assert (kept.seq, kept.outcome, kept.code, kept.at, kept.detail) == (0, Note.REST, -3, START + 7, "5")
    assert outcomes.attempts(campaign_id, 1) == []
    assert outcomes.fail_rest(campaign_id, -3, START + 8) == 0
    assert len(history.of(campaign_id, 1)) == 1


def test_R48_what_is_sent_is_counted_by_slice_in_the_same_transaction(scene: Scene) -> None:
    campaign_id, countries = flight(scene)
    at = (START, START + 1_999, START + 700 * SECOND)
    sent = [Result(seq, ResultKind.SENT, one, one - 9, message_id="w") for seq, one in enumerate(at, 1)]
    outcomes.record(campaign_id, sent[:1], countries, [], START)
    with pytest.raises(RuntimeError), database.transaction():
        outcomes.record(campaign_id, sent[1:], countries, [], START)
        raise RuntimeError("the transaction is lost")
    assert tallies.of(campaign_id, tallies.SENT_AT) == {"0": 1}
    outcomes.record(campaign_id, [*sent, *sent], countries, [], START)
    assert tallies.of(campaign_id, tallies.SENT_AT) == {"0": 1, "1": 1, "700": 1}
    check_invariants()


def test_R48_an_older_database_gets_its_slices_from_its_rows(db: str, scene: Scene) -> None:
    campaign_id, countries = flight(scene)
    at = (START + 5 * SECOND, START + 605 * SECOND, START + 100_000 * SECOND)
    sent = [Result(seq, ResultKind.SENT, one, one, message_id="w") for seq, one in enumerate(at, 1)]
    outcomes.record(campaign_id, sent, countries, [], START)
    kept = tallies.of(campaign_id, tallies.SENT_AT)
    for column in ("handed_at", "not_before"):
        database.execute(f"ALTER TABLE attempt DROP COLUMN {column}")
    database.execute("DELETE FROM tally WHERE kind = 'sent_at'")
    database.execute("DELETE FROM schema_migration WHERE name = '0006_history'")
    assert migrate.applied(database.proxy.obj)[-1] != "0006_history"
    database.close_database()
    database.open_database(db)
    with database.session():
        assert tallies.of(campaign_id, tallies.SENT_AT) == kept == {"5": 1, "600": 1, "99600": 1}
        check_invariants()


def test_the_rows_that_are_no_plain_success_are_found_in_order(scene: Scene) -> None:
    campaign_id, countries = flight(scene, 6)
    kinds = (ResultKind.SENT, ResultKind.FAILED, ResultKind.UNKNOWN, ResultKind.SENT, ResultKind.SENT, ResultKind.SENT)
    outcomes.record(campaign_id, [result(seq, kind) for seq, kind in enumerate(kinds, 1)], countries, [], START)
    callbacks.apply([], [StatusUpdate(campaign_id, 5, "w5", "failed", START, 131049)], START)
    audience_id = recipients.audience_of(campaign_id)
    assert [row.seq for row in recipients.exceptions(audience_id, campaign_id, 10)] == [2, 3, 5]
    assert [row.seq for row in recipients.exceptions(audience_id, campaign_id, 2)] == [2, 3]
    assert list(recipients.seqs(campaign_id)) == [1, 2, 3, 4, 5, 6]


def test_events_of_some_actions_only(scene: Scene) -> None:
    from store.types import Actor

    for action in ("campaign.hold", "campaign.resume", "campaign.edit"):
        audit.write(START, Actor("ann"), action, 1)
    assert [one.action for one in audit.events(1, actions=("campaign.hold", "campaign.resume"))] == [
        "campaign.hold",
        "campaign.resume",
    ]
