"""Statuses whose message is not known here yet: kept until it is, or until they are too old to matter.

One without a reference may come before the answer that names its message; one with a reference may come before its row
was handed over, as this database knows it (a restored one). Those of other programs on the same account never match.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.database import execute, execute_many
from store.types import StatusUpdate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEPT_MS = 30 * 24 * 3_600_000
"""WhatsApp tries to deliver for 30 days at the most."""
_AT_ONCE = 200
"""Values of one statement: SQLite takes a limited number."""
_FORGOTTEN_AT_ONCE = 1_000
_COLUMNS = "campaign_id, seq, message_id, status, at, code, detail, test_id, pricing, phones"
_SINCE = "COALESCE(c.restored_at, c.started_at)"
"""From when on a status with a campaign's number is of that campaign."""
_KEY = ("message_id", "campaign_id", "seq", "test_id", "status")


def keep(updates: Iterable[StatusUpdate], now: int) -> None:
    """Keep these, each once however often it is repeated, and forget what is too old; for a transaction."""
    rows = [
        (
            *(one.campaign_id or 0, one.seq or 0, one.message_id or "", one.status, one.at, one.code, one.detail),
            *(one.test_id or 0, one.pricing, " ".join(map(str, one.phones)), now),
        )
        for one in updates
    ]
    if not rows:
        return
    execute_many(
        f"INSERT INTO kept_status ({_COLUMNS}, kept_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        f"ON CONFLICT ({', '.join(_KEY)}) DO NOTHING",
        rows,
    )
    old = f"SELECT {', '.join(_KEY)} FROM kept_status WHERE kept_at < ? ORDER BY kept_at LIMIT {_FORGOTTEN_AT_ONCE}"
    _delete(execute(old, (now - KEPT_MS,)).fetchall())


def nothing() -> bool:
    """Whether none is kept."""
    return execute("SELECT 1 FROM kept_status LIMIT 1").fetchone() is None


def count() -> int:
    """How many are kept."""
    return int(execute("SELECT COUNT(*) FROM kept_status").fetchone()[0])


def take(message_ids: Sequence[str]) -> list[StatusUpdate]:
    """Take out those that name these messages by id alone, in the order of their times; for a transaction."""
    if not message_ids or nothing():
        return []
    found: list[Any] = []
    for at in range(0, len(message_ids), _AT_ONCE):
        some = message_ids[at : at + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        found += execute(
            f"SELECT {_COLUMNS} FROM kept_status WHERE message_id IN ({marks}) AND campaign_id = 0 AND test_id = 0",
            tuple(some),
        ).fetchall()
    return _taken(found)


def take_known(limit: int) -> list[StatusUpdate]:
    """Take out those whose row has been handed over since, and those of test sends, up to `limit` of each.

    Of a campaign that was restored also those of rows beyond: it was ahead of what is known of it. What came before the
    campaign began, or was restored, is of another one with the same number: it goes. For a transaction.
    """
    if nothing():
        return []
    columns = ", ".join(f"k.{name}" for name in _COLUMNS.split(", "))
    _forget_older(limit)
    found = execute(
        f"SELECT {columns} FROM kept_status k JOIN progress p ON p.campaign_id = k.campaign_id "
        f"JOIN campaign c ON c.id = k.campaign_id AND {_SINCE} <= k.kept_at AND c.started_at IS NOT NULL "
        "WHERE k.campaign_id > 0 AND (p.handed >= k.seq OR c.restored_at IS NOT NULL) LIMIT ?",
        (limit,),
    ).fetchall()
    # SQLite joins in the order that is written: what is kept may be many, test sends are few.
    found += execute(
        f"SELECT {columns} FROM test_send t CROSS JOIN kept_status k "
        "WHERE t.message_id IS NOT NULL AND k.message_id = t.message_id AND k.campaign_id = 0 "
        "AND k.test_id = 0 LIMIT ?",
        (limit,),
    ).fetchall()
    return _taken(found)


def take_rows(campaign_id: int, seqs: Sequence[int]) -> list[StatusUpdate]:
    """Take out those of these rows of a restored campaign, in the order of their times; for a transaction."""
    if nothing():
        return []
    columns = ", ".join(f"k.{name}" for name in _COLUMNS.split(", "))
    found: list[Any] = []
    for at in range(0, len(seqs), _AT_ONCE):
        some = seqs[at : at + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        found += execute(
            f"SELECT {columns} FROM kept_status k "
            "JOIN campaign c ON c.id = k.campaign_id AND c.restored_at <= k.kept_at "
            f"WHERE k.campaign_id = ? AND k.campaign_id > 0 AND k.seq IN ({marks})",
            (campaign_id, *some),
        ).fetchall()
    return _taken(found)


def _forget_older(limit: int) -> None:
    columns = ", ".join(f"k.{name}" for name in _KEY)
    found = execute(
        f"SELECT {columns} FROM kept_status k JOIN campaign c ON c.id = k.campaign_id AND {_SINCE} > k.kept_at "
        "WHERE k.campaign_id > 0 LIMIT ?",
        (limit,),
    ).fetchall()
    _delete(found)


def _taken(found: Iterable[Any]) -> list[StatusUpdate]:
    updates, keys = [], []
    for campaign_id, seq, message_id, status, at, code, detail, test_id, pricing, phones in found:
        keys.append((message_id, campaign_id, seq, test_id, status))
        updates.append(
            StatusUpdate(
                *(campaign_id or None, seq or None, message_id or None, status, at, code, detail),
                *(test_id or None, pricing, tuple(map(int, phones.split()))),
            )
        )
    _delete(keys)
    return sorted(updates, key=lambda one: one.at)


def _delete(keys: Sequence[Any]) -> None:
    if keys:
        execute_many(f"DELETE FROM kept_status WHERE {' AND '.join(f'{name} = ?' for name in _KEY)}", keys)
