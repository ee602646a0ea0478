"""What the invariants of credits are checked by: the balance, the ledger's sums, and what runs and test sends hold.

As `store.checks`, whose words these are: only reading, and inside `database.snapshot()`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from store.checks import Ids, among, rows
from store.types import Balance


class Tested(NamedTuple):
    """A test send, with what the ledger moved for it: kind and amount, in order."""

    id: int
    state: int
    price: int
    sender_id: int
    fence: int | None
    moved: Sequence[tuple[str, int]]


def balance() -> Balance | None:
    """The account's credits as they are kept; `None` without an account."""
    found = rows("SELECT free, reserved, spent FROM account")
    return Balance(*found[0]) if found else None


def moved() -> Counter[str]:
    """The sum of all entries of the ledger by kind."""
    return Counter({kind: int(n) for kind, n in rows("SELECT kind, SUM(amount) FROM ledger GROUP BY kind")})


def moved_by(ids: Ids = ()) -> dict[int, Counter[str]]:
    """The sums of the ledger by kind, by campaign."""
    sums: dict[int, Counter[str]] = defaultdict(Counter)
    for campaign_id, kind, n in rows(
        "SELECT campaign_id, kind, SUM(amount) FROM ledger WHERE campaign_id IS NOT NULL "
        f"AND {among('campaign_id', ids)} GROUP BY campaign_id, kind"
    ):
        sums[campaign_id][kind] = int(n)
    return sums


def noted_balance() -> Balance | None:
    """The balance that the newest entry of the ledger notes; `None` without any."""
    found = rows("SELECT free_after, reserved_after, spent_after FROM ledger ORDER BY id DESC LIMIT 1")
    return Balance(*found[0]) if found else None


def held_by_runs() -> int:
    """Credits that the counters of all campaigns say are reserved and not decided."""
    return int(rows("SELECT COALESCE(SUM(reserved - settled - released), 0) FROM progress")[0][0])


def tests() -> list[Tested]:
    """Every test send with its movements."""
    sums: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for kind, amount, key in rows("SELECT kind, amount, key FROM ledger WHERE key LIKE 'test:%' ORDER BY id"):
        sums[int(key.split(":")[1])].append((kind, amount))
    found = rows("SELECT id, state, price, sender_id, fence FROM test_send ORDER BY id")
    return [Tested._make((*facts, sums[facts[0]])) for facts in found]


def tests_in_campaigns() -> list[int]:
    """Campaigns in whose sums a test send is, which belongs to none."""
    return [
        one
        for (one,) in rows(
            "SELECT DISTINCT campaign_id FROM ledger WHERE key LIKE 'test:%' AND campaign_id IS NOT NULL"
        )
    ]
