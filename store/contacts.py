"""Whom the account has messaged lately: what the messaging quota and the frequency cap count (R30, R35).

A message is noted by the transaction that claims its row, so that no two runs spend the same place, and taken out again
when the gateway did not take it. What is on its way, accepted or unknown counts. Its time is that of the claim until an
answer comes, then that of the answer: never before the moment the gateway took it.

Each change belongs inside the transaction of what it counts, and keeps the meter (`store.quota_meter`) in step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import quota_meter
from store.database import execute, execute_many, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.types import Recipient

_CHUNK = 200
"""Values of one statement: SQLite takes a limited number."""
TESTS = 0
"""The campaign that test sends are noted under, their ids as rows: they count for the quota, not for the cap."""


def newest(until: int) -> int | None:
    """When the last message up to a time was noted; `None` when there is none."""
    row = execute("SELECT MAX(at) FROM contact WHERE at <= ?", (until,)).fetchone()
    return None if row[0] is None else int(row[0])


def admit(campaign_id: int, rows: Sequence[Recipient], marketing: bool, quota: int | None, now: int) -> int:
    """Note the first of these rows, as many as the quota lets go, as being handed over; answers how many.

    A number that counts already needs no place. Rows after the first without a place wait their turn.
    """
    since, counts = quota_meter.at(now)
    known = quota_meter.counting((row.phone for row in rows if row.phone is not None), since)
    taken: list[tuple[int, int, int, int, int]] = []
    going = 0
    for row in rows:
        # The run skips a row without a number; none gets this far.
        if row.phone is not None:
            if row.phone not in known:
                if quota is not None and counts >= quota:
                    break
                counts += 1
                known.add(row.phone)
            taken.append((row.phone, campaign_id, row.seq, now, int(marketing)))
        going += 1
    if taken:
        execute_many(
            "INSERT INTO contact (phone, campaign_id, seq, at, marketing) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (phone, campaign_id, seq) DO UPDATE SET at = excluded.at",
            taken,
        )
    quota_meter.keep(since, counts)
    return going


def answered(campaign_id: int, audience_id: int, answers: Sequence[tuple[int, int]]) -> None:
    """Move the time of messages, as `(seq, at)`, forward to when their answer came."""
    if not answers:
        return
    since, _ = quota_meter.kept()
    # What had stopped counting by then goes on not counting, so the meter stays as it is.
    execute_many(
        "UPDATE contact SET at = ? WHERE phone = (SELECT phone FROM recipient WHERE audience_id = ? AND seq = ?) "
        "AND campaign_id = ? AND seq = ? AND at < ? AND at > ?",
        [(at, audience_id, seq, campaign_id, seq, at, since) for seq, at in answers],
    )


def _of(campaign_id: int, audience_id: int, seqs: Sequence[int]) -> list[tuple[int, int]]:
    """Phone and `seq` of the rows among these whose message is noted."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(seqs), _CHUNK):
        some = seqs[start : start + _CHUNK]
        marks = ", ".join("?" * len(some))
        found += execute(
            "SELECT c.phone, c.seq FROM recipient r JOIN contact c "
            "ON c.phone = r.phone AND c.campaign_id = ? AND c.seq = r.seq "
            f"WHERE r.audience_id = ? AND r.seq IN ({marks})",
            (campaign_id, audience_id, *some),
        ).fetchall()
    return found


def _numbers(audience_id: int, seqs: Sequence[int]) -> list[tuple[int, int]]:
    """Phone and `seq` of these rows."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(seqs), _CHUNK):
        some = seqs[start : start + _CHUNK]
        found += execute(
            "SELECT phone, seq FROM recipient WHERE audience_id = ? AND phone IS NOT NULL "
            f"AND seq IN ({', '.join('?' * len(some))})",
            (audience_id, *some),
        ).fetchall()
    return found


def take_back(campaign_id: int, audience_id: int, seqs: Sequence[int]) -> None:
    """The gateway did not take these rows' messages: they count no more."""
    noted = _of(campaign_id, audience_id, seqs)
    if noted:
        with quota_meter.in_step([phone for phone, _ in noted]):
            execute_many(
                "DELETE FROM contact WHERE phone = ? AND campaign_id = ? AND seq = ?",
                [(phone, campaign_id, seq) for phone, seq in noted],
            )


def lost(campaign_id: int, audience_id: int, seqs: Sequence[int], now: int, *, marketing: bool) -> None:
    """These rows were in flight when their worker ended: their messages may have gone at any time until now."""
    # Also those that were claimed before anybody kept note of it: an upgrade may come between claim and take-over.
    noted = _numbers(audience_id, seqs)
    if noted:
        with quota_meter.in_step([phone for phone, _ in noted]):
            execute_many(
                "INSERT INTO contact (phone, campaign_id, seq, at, marketing) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (phone, campaign_id, seq) DO UPDATE SET at = excluded.at WHERE contact.at < excluded.at",
                [(phone, campaign_id, seq, now, int(marketing)) for phone, seq in noted],
            )


def note(phone: int, campaign_id: int, seq: int, at: int, *, marketing: bool) -> None:
    """A message was taken, or may have been; one that is noted stays as it is."""
    with quota_meter.in_step([phone]):
        execute(
            "INSERT INTO contact (phone, campaign_id, seq, at, marketing) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (phone, campaign_id, seq) DO NOTHING",
            (phone, campaign_id, seq, at, int(marketing)),
        )


def renew(phone: int, campaign_id: int, seq: int, at: int) -> None:
    """Move the time of one message forward: its answer came, or its worker is gone, only then."""
    with quota_meter.in_step([phone]):
        execute(
            "UPDATE contact SET at = ? WHERE phone = ? AND campaign_id = ? AND seq = ? AND at < ?",
            (at, phone, campaign_id, seq, at),
        )


def forget(phone: int, campaign_id: int, seq: int) -> None:
    """A message was not taken after all."""
    with quota_meter.in_step([phone]):
        execute("DELETE FROM contact WHERE phone = ? AND campaign_id = ? AND seq = ?", (phone, campaign_id, seq))


def purge(before: int, limit: int) -> int:
    """Forget up to so many messages up to a time, the oldest first; answers how many.

    Those that count for the quota stay whatever is asked.
    """
    with transaction():
        since, _ = quota_meter.kept()
        oldest = execute(
            "SELECT phone, campaign_id, seq FROM contact WHERE at <= ? ORDER BY at LIMIT ?", (min(before, since), limit)
        ).fetchall()
        execute_many("DELETE FROM contact WHERE phone = ? AND campaign_id = ? AND seq = ?", oldest)
    return len(oldest)
