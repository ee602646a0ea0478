"""Outcomes: what became of handed-over rows, with counters and credits in the same transaction."""

from __future__ import annotations

import pytest

from store import callbacks, campaigns, database, ledger, outcomes, recipients, settling, tallies, windows
from store.errors import Missing
from store.models import Account, Ledger, Progress
from store.models import Recipient as RecipientModel
from store.types import (
    Attempt,
    Balance,
    Delivery,
    LedgerKind,
    Recipient,
    RecipientState,
    Result,
    ResultKind,
    SkipReason,
    StatusUpdate,
)
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import CREDITS, PRICES, Scene, contact, contacts, countries_of, result

SENT, FAILED, UNKNOWN = ResultKind.SENT, ResultKind.FAILED, ResultKind.UNKNOWN
PUT_BACK, SKIPPED = ResultKind.PUT_BACK, ResultKind.SKIPPED
NOT_ATTEMPTED = -1


class Flight:
    """A run with every row in flight in one window."""

    def __init__(self, scene: Scene, n: int = 1) -> None:
        self.scene = scene
        self.id = scene.running(contacts(n))
        self.window, rows = scene.claim(self.id, scene.lease("w1"), n)
        self.countries = countries_of(rows)

    def record(self, *results: Result, close: bool = False, now: int = START) -> None:
        outcomes.record(self.id, results, self.countries, [self.window.id] if close else [], now)
        check_invariants()

    def callback(self, status: str, seq: int = 1, at: int = START) -> None:
        callbacks.apply([], [StatusUpdate(self.id, seq, f"wamid.{seq}", status, at, 131026)], at)
        check_invariants()

    def take_over(self) -> None:
        windows.recover(self.id, self.scene.lease("w2").fence, START)
        check_invariants()

    def row(self, seq: int = 1) -> Recipient:
        return recipients.page(self.id, [seq])[seq]

    def states(self) -> list[str]:
        return [self.row(seq).state.name.lower() for seq in sorted(self.countries)]


def test_R29_a_sent_row_has_its_message_id_and_its_credit_is_spent(scene: Scene) -> None:
    flight = Flight(scene, 3)
    flight.record(Result(2, SENT, START + 9, START + 4, message_id="wamid.X"))
    row = flight.row(2)
    assert (row.state, row.message_id, row.attempt) == (RecipientState.SENT, "wamid.X", 1)
    assert (row.sent_at, row.handed_at, row.error) == (START + 9, START + 4, None)
    progress = campaigns.progress(flight.id)
    assert (progress.sent, progress.pending, progress.settled, progress.released) == (1, 2, PRICES[""], 0)
    assert ledger.balance() == Balance(CREDITS - 6, 6 - PRICES[""], PRICES[""])
    entry = ledger.entries(flight.id)[-1]
    assert (entry.kind, entry.amount, entry.actor) == (LedgerKind.SETTLE, PRICES[""], "worker")


def test_R29_R44_a_refused_row_has_its_code_and_its_credit_is_free_again(scene: Scene) -> None:
    flight = Flight(scene, 3)
    flight.record(result(1, FAILED, code=131026, http_status=400, detail="not on WhatsApp"))
    row = flight.row()
    assert (row.state, row.error, row.attempt, row.message_id) == (RecipientState.FAILED, 131026, 1, None)
    assert tallies.of(flight.id, tallies.ERROR) == {"131026": 1}
    assert ledger.balance() == Balance(CREDITS - 6 + PRICES["US"], 6 - PRICES["US"], 0)
    assert outcomes.attempts(flight.id, 1) == [
        Attempt(1, 1, START, "failed", 131026, 400, "not on WhatsApp", START - 100),
    ]


def test_R29_R42_an_unknown_row_keeps_its_credit_reserved(scene: Scene) -> None:
    flight = Flight(scene, 3)
    flight.record(result(1, UNKNOWN, detail="no answer in 30 s"))
    assert (flight.row().state, flight.row().attempt) == (RecipientState.UNKNOWN, 1)
    assert ledger.balance() == Balance(CREDITS - 6, 6, 0)
    assert [one.outcome for one in outcomes.attempts(flight.id, 1)] == ["unknown"]


def test_R44_a_row_put_back_is_pending_and_waits(scene: Scene) -> None:
    flight = Flight(scene, 3)
    flight.record(
        result(1, PUT_BACK, not_before=START + 50),
        result(2, PUT_BACK, counts=False, code=80007),
        result(3, PUT_BACK, counts=False, code=None, detail="not begun"),
    )
    assert flight.states() == ["pending"] * 3
    found = [(row.attempt, row.tried) for row in (flight.row(seq) for seq in (1, 2, 3))]
    assert found == [(1, 1), (1, 0), (0, 0)], "what reached the gateway, and what counts against the budget"
    assert windows.next_retry(flight.id) == START
    assert ledger.balance() == Balance(CREDITS - 6, 6, 0)
    assert [(one.outcome, one.n) for one in outcomes.attempts(flight.id, 1)] == [("put_back", 1)]


def test_R37_a_row_skipped_at_the_last_moment_releases_its_credit(scene: Scene) -> None:
    flight = Flight(scene, 3)
    flight.record(result(1, SKIPPED, skip=SkipReason.MISSING_VARIABLE))
    assert (flight.row().state, flight.row().skip) == (RecipientState.SKIPPED, SkipReason.MISSING_VARIABLE)
    assert tallies.of(flight.id, tallies.SKIP) == {"missing_variable": 1}
    assert ledger.balance() == Balance(CREDITS - 6 + PRICES["US"], 6 - PRICES["US"], 0)


def test_outcomes_of_many_kinds_are_one_transaction_and_close_the_window(scene: Scene) -> None:
    flight = Flight(scene, 6)
    before = campaigns.progress(flight.id).version
    kinds = (SENT, FAILED, UNKNOWN, PUT_BACK, SENT, SENT)
    flight.record(*(result(seq, kind) for seq, kind in enumerate(kinds, 1)), close=True)
    assert flight.states() == ["sent", "failed", "unknown", "pending", "sent", "sent"]
    assert windows.open_windows() == []
    assert campaigns.progress(flight.id).version == before + 1
    assert [entry.kind for entry in ledger.entries(flight.id)] == [
        LedgerKind.RESERVE,
        LedgerKind.SETTLE,
        LedgerKind.RELEASE,
    ]


def test_outcomes_are_recorded_whole_or_not_at_all(scene: Scene) -> None:
    flight = Flight(scene, 3)
    before = campaigns.progress(flight.id), ledger.balance()
    with pytest.raises(RuntimeError), database.transaction():
        outcomes.record(flight.id, [result(1, SENT), result(2, FAILED)], flight.countries, [flight.window.id], START)
        raise RuntimeError
    assert (campaigns.progress(flight.id), ledger.balance()) == before
    assert flight.states() == ["pending"] * 3
    assert windows.open_windows() == [flight.window]


def test_a_window_stays_open_until_it_is_said_to_be_complete(scene: Scene) -> None:
    flight = Flight(scene, 2)
    flight.record(result(1, SENT))
    assert windows.open_windows() == [flight.window]
    flight.record(result(2, SENT), close=True)
    assert windows.open_windows() == []


@pytest.mark.parametrize("kind", list(ResultKind))
def test_R41_the_same_outcome_told_twice_counts_once(scene: Scene, kind: ResultKind) -> None:
    flight = Flight(scene, 2)
    told = result(1, kind, skip=SkipReason.BLANK if kind is SKIPPED else None)
    flight.record(told)
    before = flight.row(), ledger.balance(), recipients.count_states(flight.id), len(ledger.entries())
    flight.record(told)
    assert (flight.row(), ledger.balance(), recipients.count_states(flight.id), len(ledger.entries())) == before
    flight.record(told, told)
    assert (flight.row(), ledger.balance(), recipients.count_states(flight.id), len(ledger.entries())) == before


@pytest.mark.parametrize("second", [FAILED, UNKNOWN, PUT_BACK, SKIPPED])
def test_R43_what_was_sent_stays_sent_whatever_is_told_later(scene: Scene, second: ResultKind) -> None:
    flight = Flight(scene)
    flight.record(result(1, SENT))
    before = flight.row()
    flight.record(result(1, second, skip=SkipReason.BLANK))
    assert flight.row() == before
    assert windows.next_retry(flight.id) is None
    flight.record(Result(1, SENT, START + 5, START + 5, message_id="wamid.other"))
    assert flight.row() == before


def test_R43_a_put_back_that_is_told_again_leaves_alone_what_is_in_flight_again(scene: Scene) -> None:
    campaign_id = scene.running(contacts(1))
    window, rows = scene.claim(campaign_id, scene.lease("w1"), 1)
    told = (campaign_id, [result(1, PUT_BACK)], countries_of(rows), [window.id], START, {1: window.id})
    outcomes.record(*told)
    new = scene.lease("w2")
    windows.recover(campaign_id, new.fence, START)
    again = scene.claim(campaign_id, new, 1)[0]
    assert again.seqs == (1,)
    # The one before never heard that its commit had been done.
    outcomes.record(*told)
    assert windows.next_retry(campaign_id) is None
    assert windows.open_windows(campaign_id) == [again]
    check_invariants()


@pytest.mark.parametrize("second", [SENT, UNKNOWN, PUT_BACK, SKIPPED])
def test_R43_what_was_refused_for_good_stays_failed(scene: Scene, second: ResultKind) -> None:
    flight = Flight(scene)
    flight.record(result(1, FAILED))
    before = flight.row(), ledger.balance()
    flight.record(result(1, second, skip=SkipReason.BLANK))
    assert (flight.row(), ledger.balance()) == before
    assert windows.next_retry(flight.id) is None


@pytest.mark.parametrize(("kind", "state"), [(SENT, RecipientState.SENT), (FAILED, RecipientState.FAILED)])
def test_R42_evidence_that_comes_after_a_take_over_repairs_what_had_become_unknown(
    scene: Scene, kind: ResultKind, state: RecipientState
) -> None:
    flight = Flight(scene, 2)
    flight.take_over()
    assert flight.states() == ["unknown", "unknown"]
    flight.record(result(1, kind), close=True)
    row = flight.row()
    assert (row.state, row.attempt, row.handed_at) == (state, 1, START - 100)
    assert (row.message_id, row.error) == (("wamid.1", None) if kind is SENT else (None, 131026))
    assert flight.states()[1] == "unknown"


@pytest.mark.parametrize("kind", [PUT_BACK, UNKNOWN, SKIPPED])
def test_R43_nothing_that_is_told_late_makes_an_unknown_row_pending_again(scene: Scene, kind: ResultKind) -> None:
    flight = Flight(scene)
    flight.take_over()
    before = flight.row()
    flight.record(result(1, kind, skip=SkipReason.BLANK), close=True)
    assert flight.row() == before
    assert windows.claim(flight.id, scene.lease("w3"), 5, START + 10**9) is None


def test_R46_a_callback_before_the_answer_is_completed_by_the_answer(scene: Scene) -> None:
    flight = Flight(scene)
    flight.callback("delivered", at=START + 3)
    assert (flight.row().state, flight.row().handed_at) == (RecipientState.SENT, None)
    settled = ledger.balance()
    flight.record(Result(1, SENT, START + 9, START + 1, message_id="wamid.1"), close=True)
    row = flight.row()
    assert (row.state, row.delivery, row.message_id) == (RecipientState.SENT, Delivery.DELIVERED, "wamid.1")
    assert (row.handed_at, row.sent_at, row.attempt) == (START + 1, START + 3, 1)
    assert ledger.balance() == settled, "settled once"


def test_R46_a_callback_without_a_message_id_gets_it_from_the_answer(scene: Scene) -> None:
    flight = Flight(scene)
    callbacks.apply([], [StatusUpdate(flight.id, 1, None, "sent", START)], START)
    flight.record(result(1, SENT))
    assert flight.row().message_id == "wamid.1"


@pytest.mark.parametrize("kind", [FAILED, UNKNOWN, PUT_BACK])
def test_R43_an_answer_that_contradicts_a_callback_changes_nothing_and_is_kept(scene: Scene, kind: ResultKind) -> None:
    flight = Flight(scene)
    flight.callback("read")
    before = flight.row()
    flight.record(result(1, kind), close=True)
    assert flight.row() == before
    kept = "disproved_late" if kind is ResultKind.PUT_BACK else kind.value
    assert [one.outcome for one in outcomes.attempts(flight.id, 1)] == [kept]


def test_R50_every_hand_over_that_went_wrong_is_kept_in_order(scene: Scene) -> None:
    flight = Flight(scene)
    flight.record(result(1, PUT_BACK, START, code=130429, detail="slow down"), close=True)
    lease = scene.lease("w1")
    for n, kind in ((1, PUT_BACK), (2, FAILED)):
        window, rows = scene.claim(flight.id, lease, 1, START + n)
        outcomes.record(
            flight.id, [result(1, kind, START + n, code=131000 + n)], countries_of(rows), [window.id], START + n
        )
        check_invariants()
    assert [(one.n, one.at - START, one.outcome, one.code, one.detail) for one in outcomes.attempts(flight.id, 1)] == [
        (1, 0, "put_back", 130429, "slow down"),
        (2, 1, "put_back", 131001, ""),
        (3, 2, "failed", 131002, ""),
    ]
    assert outcomes.attempts(flight.id, 2) == []


def test_R44_a_row_that_is_sent_at_last_forgets_no_attempt(scene: Scene) -> None:
    flight = Flight(scene)
    flight.record(result(1, PUT_BACK), close=True)
    window, rows = scene.claim(flight.id, scene.lease("w1"), 1)
    outcomes.record(flight.id, [result(1, SENT)], countries_of(rows), [window.id], START)
    assert (flight.row().attempt, flight.row().tried) == (2, 1)
    assert len(outcomes.attempts(flight.id, 1)) == 1


def test_R30_R45_the_rest_fails_with_one_code_and_releases_its_credits(scene: Scene) -> None:
    campaign_id = scene.running([*contacts(5), contact(6, skip=SkipReason.BLANK)])
    window, rows = scene.claim(campaign_id, scene.lease(), 3)
    results = [result(1, SENT), result(2, UNKNOWN), result(3, PUT_BACK, not_before=START + 9)]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)
    assert outcomes.fail_rest(campaign_id, NOT_ATTEMPTED, START) == 3
    check_invariants()
    progress = campaigns.progress(campaign_id)
    assert (progress.pending, progress.sent, progress.unknown, progress.failed, progress.skipped) == (0, 1, 1, 3, 1)
    assert tallies.of(campaign_id, tallies.ERROR) == {"-1": 3}
    assert windows.next_retry(campaign_id) is None
    assert outcomes.fail_rest(campaign_id, NOT_ATTEMPTED, START) == 0
    check_invariants()


def test_the_rest_does_not_fail_while_a_hand_over_is_open(scene: Scene) -> None:
    flight = Flight(scene, 1)
    assert outcomes.fail_rest(flight.id, NOT_ATTEMPTED, START) == 0
    assert flight.states() == ["pending"]
    check_invariants()


def test_R45_R43_what_another_campaign_put_back_is_not_forgotten_with_the_rest(scene: Scene) -> None:
    mine, other = Flight(scene, 2), Flight(scene, 2)
    for flight in (mine, other):
        flight.record(result(1, PUT_BACK), result(2, SENT), close=True)
    assert outcomes.fail_rest(mine.id, NOT_ATTEMPTED, START) == 1
    assert (windows.next_retry(mine.id), windows.next_retry(other.id)) == (None, START)
    again = windows.claim(other.id, scene.lease("w2"), 2, START)
    assert again is not None and [row.seq for row in again[1]] == [1]
    check_invariants()


def test_the_rest_of_one_campaign_fails_while_a_hand_over_of_another_is_open(scene: Scene) -> None:
    campaign_id, other = scene.running(contacts(2)), Flight(scene, 2)
    assert outcomes.fail_rest(campaign_id, NOT_ATTEMPTED, START) == 2
    assert other.states() == ["pending"] * 2
    check_invariants()


def in_every_state(scene: Scene) -> Flight:
    """A run with a row in each state that an answer may find it in."""
    flight = Flight(scene, 15)
    flight.record(*(result(seq, UNKNOWN) for seq in (1, 2, 3, 4)), result(5, PUT_BACK))
    settling.settle(flight.id, [1, 2], sent=False, actor="ann", now=START)
    flight.callback("sent", 6)
    flight.callback("sent", 14)
    callbacks.apply([], [StatusUpdate(flight.id, seq, None, "sent", START, None) for seq in (7, 15)], START)
    check_invariants()
    return flight


def test_R41_R43_no_answer_to_one_campaign_moves_a_row_of_another(scene: Scene) -> None:
    mine, other = in_every_state(scene), in_every_state(scene)
    before = [other.row(seq) for seq in other.countries], campaigns.progress(other.id), windows.next_retry(other.id)
    late = START + 1
    mine.record(
        result(1, FAILED, late, code=131047),
        result(2, SENT, late),
        result(3, FAILED, late),
        result(4, ResultKind.HELD, late),
        result(6, SENT, late),
        result(7, SENT, late),
        result(8, SENT, late),
        result(9, FAILED, late),
        result(10, UNKNOWN, late),
        result(11, PUT_BACK, late),
        result(12, SKIPPED, late, skip=SkipReason.MISSING_VARIABLE),
        result(13, ResultKind.HELD, late),
        result(14, ResultKind.HELD, late, message_id="wamid.X"),
        result(15, ResultKind.HELD, late),
        close=True,
        now=late,
    )
    expected = "failed sent failed unknown pending sent sent sent failed unknown pending skipped pending sent sent"
    assert mine.states() == expected.split()
    ids = [mine.row(seq).message_id for seq in (4, 14, 15)]
    assert ids == ["wamid.4", "wamid.14", "wamid.15"], "an id is news where none is known"
    assert outcomes.fail_rest(mine.id, NOT_ATTEMPTED, late) == 2
    check_invariants()
    after = [other.row(seq) for seq in other.countries], campaigns.progress(other.id), windows.next_retry(other.id)
    assert after == before
    assert [one.campaign_id for one in windows.open_windows()] == [other.id]


def test_a_campaign_without_rows_has_no_outcomes(scene: Scene) -> None:
    with pytest.raises(Missing):
        outcomes.record(scene.draft(), [], {}, [], START)


def test_R29_the_ledger_and_the_counters_say_the_same_row_by_row(scene: Scene) -> None:
    flight = Flight(scene, 9)
    for seq in range(1, 10):
        flight.record(result(seq, (SENT, FAILED, UNKNOWN)[seq % 3]))
    progress = campaigns.progress(flight.id)
    expected = {"free": CREDITS - progress.reserved + progress.released, "reserved": 0, "spent": progress.settled}
    expected["reserved"] = progress.reserved - progress.settled - progress.released
    assert Account.select(Account.free, Account.reserved, Account.spent).dicts().get() == expected
    last = Ledger.select(Ledger.free_after, Ledger.reserved_after, Ledger.spent_after).order_by(Ledger.id.desc())
    assert tuple(last.tuples().first()) == tuple(expected.values())


def test_recording_by_statement_leaves_what_peewee_leaves(scene: Scene) -> None:
    """The hot path is written in SQL; the same outcomes through the models must come to the same rows."""
    by_hand, by_models = Flight(scene, 4), Flight(scene, 4)
    by_hand.record(result(1, SENT), result(2, FAILED), result(3, UNKNOWN), result(4, PUT_BACK))
    audience_id = recipients.audience_of(by_models.id)
    moves: dict[int, dict[str, object]] = {
        1: {"state": 1, "attempt": 1, "message_id": "wamid.1", "handed_at": START - 100, "sent_at": START},
        2: {"state": 2, "attempt": 1, "error": 131026, "handed_at": START - 100},
        3: {"state": 3, "attempt": 1, "handed_at": START - 100},
        4: {"attempt": 1, "tried": 1},
    }
    with database.transaction():
        for seq, fields in moves.items():
            RecipientModel.update(fields).where(
                RecipientModel.audience_id == audience_id, RecipientModel.seq == seq
            ).execute()
        Progress.update(pending=1, sent=1, failed=1, unknown=1, settled=3, released=2).where(
            Progress.campaign == by_models.id
        ).execute()

    def found(flight: Flight) -> list[tuple[object, ...]]:
        columns = [field for field in RecipientModel._meta.sorted_fields if field.name != "audience_id"]
        query = RecipientModel.select(*columns).where(RecipientModel.audience_id == recipients.audience_of(flight.id))
        counters = campaigns.progress(flight.id)
        return [*query.order_by(RecipientModel.seq).tuples(), (counters.sent, counters.settled, counters.released)]

    assert found(by_hand) == found(by_models)
