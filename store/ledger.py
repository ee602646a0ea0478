"""Credits: the balance on the account row and the append-only ledger beside it, moved together.

At every instant: sum of top-ups = free + reserved + spent (R29).
"""

from __future__ import annotations

from typing import Any

import peewee

from store.errors import Missing, ShortOfCredits
from store.models import Account, Ledger
from store.query import first
from store.types import Balance, LedgerEntry, LedgerKind


def balance() -> Balance:
    """The account's credits now. Raises `Missing` when there is no account."""
    row = first(Account.select(Account.free, Account.reserved, Account.spent))
    if row is None:
        raise Missing("the database has no account yet")
    return Balance(*row)


def _append(
    now: int, kind: LedgerKind, amount: int, actor: str, campaign_id: int | None, note: str, key: str | None
) -> None:
    after = balance()
    Ledger.insert(
        at=now,
        kind=kind.value,
        amount=amount,
        free_after=after.free,
        reserved_after=after.reserved,
        spent_after=after.spent,
        campaign_id=campaign_id,
        actor=actor,
        note=note,
        key=key,
    ).execute()


def top_up(now: int, amount: int, actor: str, note: str = "") -> None:
    """Add credits to the free balance."""
    Account.update(free=Account.free + amount).execute()
    _append(now, LedgerKind.TOP_UP, amount, actor, None, note, None)


def reserve(now: int, campaign_id: int, amount: int, actor: str) -> None:
    """Move `amount` from free to reserved, once a campaign.

    Raises `ShortOfCredits` and moves nothing when the free balance does not cover it.
    """
    # The unique key makes a second reservation for the same campaign impossible rather than unlikely.
    _reserve(now, amount, actor, campaign_id, "", f"reserve:{campaign_id}")


def _reserve(now: int, amount: int, actor: str, campaign_id: int | None, note: str, key: str) -> None:
    if amount == 0:
        return
    changed = (
        Account.update(free=Account.free - amount, reserved=Account.reserved + amount)
        .where(Account.free >= amount)
        .execute()
    )
    if not changed:
        raise ShortOfCredits(amount, balance().free)
    _append(now, LedgerKind.RESERVE, amount, actor, campaign_id, note, key)


def reserve_again(now: int, campaign_id: int, seq: int, amount: int, actor: str) -> bool:
    """Reserve the credit of one row again, once a row; false and nothing moved when the free balance is too small."""
    if amount == 0:
        return True
    changed = (
        Account.update(free=Account.free - amount, reserved=Account.reserved + amount)
        .where(Account.free >= amount)
        .execute()
    )
    if changed:
        _append(now, LedgerKind.RESERVE, amount, actor, campaign_id, f"row {seq}", f"reserve:{campaign_id}:{seq}")
    return bool(changed)


def settle(now: int, campaign_id: int, amount: int, actor: str) -> None:
    """Reserved credits become spent: the gateway accepted their messages."""
    _settle(now, amount, actor, campaign_id, "", None)


def _settle(now: int, amount: int, actor: str, campaign_id: int | None, note: str, key: str | None) -> None:
    if amount:
        Account.update(reserved=Account.reserved - amount, spent=Account.spent + amount).execute()
        _append(now, LedgerKind.SETTLE, amount, actor, campaign_id, note, key)


def release(now: int, campaign_id: int, amount: int, actor: str) -> None:
    """Reserved credits become free again: their messages were refused, skipped or never made."""
    _release(now, amount, actor, campaign_id, "", None)


def _release(now: int, amount: int, actor: str, campaign_id: int | None, note: str, key: str | None) -> None:
    if amount:
        Account.update(reserved=Account.reserved - amount, free=Account.free + amount).execute()
        _append(now, LedgerKind.RELEASE, amount, actor, campaign_id, note, key)


def give_back(now: int, campaign_id: int, seq: int, amount: int, actor: str) -> None:
    """The credit of one row that was spent for nothing becomes free again, once a row.

    What is settled stays settled in an append-only ledger, so this is a top-up that says what it is for.
    """
    if amount:
        Account.update(free=Account.free + amount).execute()
        note, key = f"row {seq} given back", f"give_back:{campaign_id}:{seq}"
        _append(now, LedgerKind.TOP_UP, amount, actor, campaign_id, note, key)


# A test send's movements belong to no campaign's sums, so the campaign stands in the note alone. Both ends of one have
# the same key: what was settled can never be released too.


def _test_note(test_id: int, campaign_id: int) -> str:
    return f"test send {test_id} of campaign {campaign_id}"


def reserve_test(now: int, test_id: int, campaign_id: int, amount: int, actor: str) -> None:
    """As `reserve`, for a test send."""
    _reserve(now, amount, actor, None, _test_note(test_id, campaign_id), f"test:{test_id}:reserve")


def settle_test(now: int, test_id: int, campaign_id: int, amount: int, actor: str) -> None:
    """As `settle`, for a test send."""
    _settle(now, amount, actor, None, _test_note(test_id, campaign_id), f"test:{test_id}:end")


def release_test(now: int, test_id: int, campaign_id: int, amount: int, actor: str) -> None:
    """As `release`, for a test send."""
    _release(now, amount, actor, None, _test_note(test_id, campaign_id), f"test:{test_id}:end")


def _entry(row: Any) -> LedgerEntry:
    return LedgerEntry(
        row.id,
        row.at,
        LedgerKind(row.kind),
        row.amount,
        row.free_after,
        row.reserved_after,
        row.spent_after,
        row.campaign_id,
        row.actor,
        row.note,
    )


def entries(campaign_id: int | None = None, limit: int | None = None) -> list[LedgerEntry]:
    """Ledger entries, oldest first; the newest `limit` when given."""
    query = Ledger.select().order_by(Ledger.id.desc())
    if campaign_id is not None:
        query = query.where(Ledger.campaign_id == campaign_id)
    if limit is not None:
        query = query.limit(limit)
    return [_entry(row) for row in reversed(list(query))]


def topped_up() -> int:
    """The sum of all top-ups."""
    total = Ledger.select(peewee.fn.SUM(Ledger.amount)).where(Ledger.kind == LedgerKind.TOP_UP.value).scalar()
    return int(total or 0)
