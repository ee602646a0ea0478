"""Credits: every movement is written down once and never changed."""

from __future__ import annotations

from collections.abc import Callable

import peewee
import pytest

from store import database, ledger
from store.errors import Missing, ShortOfCredits
from store.types import Balance, LedgerKind
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import CREDITS, Scene

Move = Callable[[int, int, int, str], None]


def test_R29_each_movement_keeps_the_sum_and_is_written_with_what_it_left(scene: Scene) -> None:
    campaign_id = scene.draft()
    with database.transaction():
        ledger.top_up(START, 500, "bea", "invoice 7")
        ledger.reserve(START + 1, campaign_id, 300, "ann")
        ledger.settle(START + 2, campaign_id, 120, "worker")
        ledger.release(START + 3, campaign_id, 80, "worker")
    assert ledger.balance() == Balance(CREDITS + 500 - 300 + 80, 100, 120)
    assert ledger.topped_up() == CREDITS + 500
    moves = [
        (one.at - START, one.kind, one.amount, one.free_after - CREDITS, one.reserved_after, one.spent_after)
        for one in ledger.entries()
    ]
    assert moves == [
        (0, LedgerKind.TOP_UP, CREDITS, 0, 0, 0),
        (0, LedgerKind.TOP_UP, 500, 500, 0, 0),
        (1, LedgerKind.RESERVE, 300, 200, 300, 0),
        (2, LedgerKind.SETTLE, 120, 200, 180, 120),
        (3, LedgerKind.RELEASE, 80, 280, 100, 120),
    ]
    assert [(one.actor, one.note, one.campaign_id) for one in ledger.entries()[1:3]] == [
        ("bea", "invoice 7", None),
        ("ann", "", campaign_id),
    ]


def test_entries_are_of_one_campaign_or_the_newest(scene: Scene) -> None:
    first, second = scene.draft(), scene.draft()
    with database.transaction():
        ledger.reserve(START, first, 10, "ann")
        ledger.reserve(START, second, 20, "ann")
        ledger.settle(START, first, 5, "worker")
    assert [one.amount for one in ledger.entries(first)] == [10, 5]
    assert [one.amount for one in ledger.entries(limit=2)] == [20, 5]


@pytest.mark.parametrize("statement", ["UPDATE ledger SET amount = 1", "DELETE FROM ledger"])
def test_R29_the_ledger_is_append_only(scene: Scene, statement: str) -> None:
    before = ledger.entries()
    with pytest.raises(peewee.DatabaseError, match="append-only"), database.transaction():
        database.execute(statement)
    assert ledger.entries() == before


def test_R27_a_reservation_takes_the_whole_balance_but_not_one_more(scene: Scene) -> None:
    campaign_id = scene.draft()
    with pytest.raises(ShortOfCredits) as short, database.transaction():
        ledger.reserve(START, campaign_id, CREDITS + 1, "ann")
    assert (short.value.needed, short.value.free) == (CREDITS + 1, CREDITS)
    assert ledger.balance() == Balance(CREDITS, 0, 0)
    assert ledger.entries(campaign_id) == []
    with database.transaction():
        ledger.reserve(START, campaign_id, CREDITS, "ann")
    assert ledger.balance() == Balance(0, CREDITS, 0)


def test_R42_R29_a_row_is_paid_for_again_with_the_last_credit_but_not_with_one_more(scene: Scene) -> None:
    campaign_id = scene.draft()
    with database.transaction():
        assert not ledger.reserve_again(START, campaign_id, 1, CREDITS + 1, "ann")
        assert ledger.entries(campaign_id) == []
        assert ledger.reserve_again(START, campaign_id, 1, CREDITS, "ann")
    assert ledger.balance() == Balance(0, CREDITS, 0)


def test_R29_a_campaign_reserves_once(scene: Scene) -> None:
    campaign_id = scene.draft()
    with database.transaction():
        ledger.reserve(START, campaign_id, 10, "ann")
    with pytest.raises(peewee.IntegrityError), database.transaction():
        ledger.reserve(START, campaign_id, 10, "ann")
    assert ledger.balance() == Balance(CREDITS - 10, 10, 0)
    assert len(ledger.entries(campaign_id)) == 1


@pytest.mark.parametrize("move", [ledger.settle, ledger.release])
def test_R29_no_more_is_settled_or_released_than_is_reserved(scene: Scene, move: Move) -> None:
    campaign_id = scene.draft()
    with database.transaction():
        ledger.reserve(START, campaign_id, 10, "ann")
    with pytest.raises(peewee.IntegrityError), database.transaction():
        move(START, campaign_id, 11, "worker")
    assert ledger.balance() == Balance(CREDITS - 10, 10, 0)


def test_nothing_to_move_leaves_no_entry(scene: Scene) -> None:
    campaign_id = scene.draft()
    with database.transaction():
        ledger.reserve(START, campaign_id, 0, "ann")
        ledger.settle(START, campaign_id, 0, "worker")
        ledger.release(START, campaign_id, 0, "worker")
    assert ledger.entries(campaign_id) == []


@pytest.mark.parametrize("amount", [0, -5])
def test_a_top_up_of_nothing_is_impossible(scene: Scene, amount: int) -> None:
    with pytest.raises(peewee.IntegrityError), database.transaction():
        ledger.top_up(START, amount, "ann")
    check_invariants()
    assert ledger.balance().free == CREDITS


def test_without_an_account_there_is_no_balance(db: str) -> None:
    with pytest.raises(Missing):
        ledger.balance()
    with pytest.raises(Missing), database.transaction():
        ledger.top_up(START, 1, "ann")
    assert ledger.topped_up() == 0
    assert ledger.entries() == []
