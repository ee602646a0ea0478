"""Whom the account has messaged lately: what the messaging quota and the frequency cap count (R30, R35).

A message is noted by the transaction that claims its row, so that no two runs spend the same place, and taken out again
when the gateway did not take it. What is on its way, accepted or unknown counts. Its time is that of the claim until an
answer comes, then that of the answer: never before the moment the gateway took it.

`quota_meter` says how many different numbers are newer than its `since`; every transaction that changes `contact` keeps
that true, and `sweep` moves `since` on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from store.codec import load_template
from store.database import execute, execute_many, is_sqlite, transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from store.types import Recipient

WINDOW_MS = 24 * 3_600_000
"""A message counts until it is exactly this old."""
DAY_MS = 24 * 3_600_000
_SKEW_MS = 60_000
"""Machines' clocks differ a little; a meter that is ahead of this one's by more was led by a wrong clock."""
_CHUNK = 200
"""Values of one statement: SQLite takes a limited number."""


# A plus before a column keeps its index out of a statement that looks numbers up: by the time there are too many rows.


TESTS = 0
"""The campaign that test sends are noted under, their ids as rows: they count for the quota, not for the cap."""


class Limits(NamedTuple):
    """The account's limits as a claim needs them."""

    quota: int | None
    cap: int | None
    """Marketing messages to a number within `days`; `None` is any number."""
    days: int | None

    def capped_since(self, now: int) -> int:
        """Marketing messages newer than this count for the frequency cap."""
        return now - (self.days or 0) * DAY_MS

    def of(self, marketing: bool) -> Limits:
        """The limits for a campaign: the frequency cap is for marketing templates only."""
        return self if marketing else self._replace(cap=None)


def limits() -> Limits:
    """The account's limits now; none where there is no account."""
    row = execute("SELECT quota, frequency_cap, frequency_days FROM account WHERE id = 1").fetchone()
    return Limits(None, None, None) if row is None else Limits(*row)


def is_marketing(frozen: str | None) -> bool:
    """Whether a campaign's frozen template is one that the frequency cap counts."""
    template = load_template(frozen)
    return template is not None and template.marketing


def sends_marketing(campaign_id: int) -> bool:
    """As `is_marketing`, of a campaign that has started."""
    row = execute("SELECT template_frozen FROM campaign WHERE id = ?", (campaign_id,)).fetchone()
    return row is not None and is_marketing(row[0])


# The meter


def _meter() -> tuple[int, int]:
    # Elsewhere than on SQLite two transactions may both have read it before one of them writes.
    locked = "" if is_sqlite() else " FOR UPDATE"
    since, used = execute(f"SELECT since, used FROM quota_meter WHERE id = 1{locked}").fetchone()
    return int(since), int(used)


def _read(now: int) -> tuple[int, int]:
    """From when on numbers count at this time, and how many do."""
    since, used = _meter()
    wanted = now - WINDOW_MS
    if wanted > since:
        newest = execute("SELECT MAX(at) FROM contact").fetchone()[0]
        # After a day without a message nothing has to be looked at.
        return wanted, 0 if newest is None or newest <= wanted else used - _leaving(since, wanted)
    if wanted < since - _SKEW_MS:
        found = execute("SELECT COUNT(DISTINCT phone) FROM contact WHERE at > ?", (wanted,)).fetchone()
        return wanted, int(found[0])
    return since, used


def _leaving(since: int, wanted: int) -> int:
    """Numbers whose newest message is older than `wanted` and newer than `since`."""
    found = execute(
        "SELECT COUNT(DISTINCT phone) FROM contact c WHERE at > ? AND at <= ? "
        "AND NOT EXISTS (SELECT 1 FROM contact d WHERE d.phone = c.phone AND +d.at > ?)",
        (since, wanted, wanted),
    ).fetchone()
    return int(found[0])


def _set(since: int, used: int) -> None:
    execute("UPDATE quota_meter SET since = ?, used = ? WHERE id = 1", (since, used))


def used(now: int) -> int:
    """Different numbers messaged in the 24 hours before `now`; writes nothing."""
    return _read(now)[1]


def sweep(now: int) -> int:
    """Bring the meter to this time; answers how many numbers count."""
    with transaction():
        since, counting = _read(now)
        _set(since, counting)
    return counting


def behind(now: int, before: int) -> bool:
    """Whether the meter differs from what counts now, or messages up to `before` wait to be forgotten."""
    row = execute("SELECT MIN(at) FROM contact").fetchone()
    return _meter()[1] != used(now) or (row[0] is not None and row[0] <= before)


def newest(until: int) -> int | None:
    """When the last message up to a time was noted; `None` when there is none."""
    row = execute("SELECT MAX(at) FROM contact WHERE at <= ?", (until,)).fetchone()
    return None if row[0] is None else int(row[0])


def counted_since(now: int) -> int:
    """Messages newer than this count for the quota at `now`."""
    return _read(now)[0]


def refills_at(now: int) -> int | None:
    """When the quota will let another number go, if nothing is sent meanwhile; `None` when it does so now."""
    quota = limits().quota
    since, counts = _read(now)
    if quota is None or counts < quota:
        return None
    row = execute(
        "SELECT at FROM contact c WHERE at > ? "
        "AND NOT EXISTS (SELECT 1 FROM contact d WHERE d.phone = c.phone AND +d.at > c.at) "
        "ORDER BY at LIMIT 1 OFFSET ?",
        # A quota that was lowered leaves more than one place to wait for.
        (since, counts - quota),
    ).fetchone()
    return None if row is None else int(row[0]) + WINDOW_MS


def room(now: int) -> int | None:
    """How many numbers more the quota takes now, never below 0; `None` without a quota. Writes nothing."""
    quota = limits().quota
    return None if quota is None else max(0, quota - used(now))


# Who counts


def counting(phones: Iterable[int], since: int) -> set[int]:
    """Which of these numbers have a message newer than `since`."""
    wanted, found = list(dict.fromkeys(phones)), set[int]()
    for start in range(0, len(wanted), _CHUNK):
        some = wanted[start : start + _CHUNK]
        marks = ", ".join("?" * len(some))
        rows = execute(
            f"SELECT DISTINCT phone FROM contact WHERE phone IN ({marks}) AND +at > ?", (*some, since)
        ).fetchall()
        found.update(phone for (phone,) in rows)
    return found


def recent(now: int) -> frozenset[int]:
    """Every number that counts for the quota now, for one pass over a large audience."""
    return frozenset(
        phone for (phone,) in execute("SELECT DISTINCT phone FROM contact WHERE at > ?", (counted_since(now),))
    )


def recent_of(audience_id: int, now: int) -> int:
    """How many pending rows of an audience have a number that counts already."""
    found = execute(
        "SELECT COUNT(*) FROM recipient WHERE audience_id = ? AND state = 0 "
        "AND phone IN (SELECT phone FROM contact WHERE at > ?)",
        (audience_id, counted_since(now)),
    ).fetchone()
    return int(found[0])


_CAPPED = "SELECT phone FROM contact WHERE marketing = 1 AND +at > ?{among} GROUP BY phone HAVING COUNT(*) >= ?"


def capped(now: int) -> frozenset[int]:
    """Every number that may get no marketing message now by the account's frequency cap."""
    bound = limits()
    if bound.cap is None:
        return frozenset()
    found = execute(_CAPPED.format(among=""), (bound.capped_since(now), bound.cap))
    return frozenset(phone for (phone,) in found)


def capped_among(phones: Collection[int], bound: Limits, now: int) -> frozenset[int]:
    """Which of a few hundred numbers may get no marketing message now."""
    if bound.cap is None or not phones:
        return frozenset()
    marks = ", ".join("?" * len(phones))
    sql = _CAPPED.format(among=f" AND phone IN ({marks})")
    return frozenset(phone for (phone,) in execute(sql, (bound.capped_since(now), *phones, bound.cap)))


# Changes; each inside the transaction of what it counts


def admit(campaign_id: int, rows: Sequence[Recipient], marketing: bool, quota: int | None, now: int) -> int:
    """Note the first of these rows, as many as the quota lets go, as being handed over; answers how many.

    A number that counts already needs no place. Rows after the first without a place wait their turn.
    """
    since, counts = _read(now)
    known = counting((row.phone for row in rows if row.phone is not None), since)
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
    _set(since, counts)
    return going


def answered(campaign_id: int, audience_id: int, answers: Sequence[tuple[int, int]]) -> None:
    """Move the time of messages, as `(seq, at)`, forward to when their answer came."""
    if not answers:
        return
    since, _ = _meter()
    # What had stopped counting by then goes on not counting, so the meter stays as it is.
    execute_many(
        "UPDATE contact SET at = ? WHERE phone = (SELECT phone FROM recipient WHERE audience_id = ? AND seq = ?) "
        "AND campaign_id = ? AND seq = ? AND at < ? AND at > ?",
        [(at, audience_id, seq, campaign_id, seq, at, since) for seq, at in answers],
    )


@contextmanager
def _metered(phones: Sequence[int]) -> Iterator[None]:
    """Keep the meter in step with a change to the messages of these numbers."""
    since, counts = _meter()
    before = counting(phones, since)
    yield
    moved = len(counting(phones, since)) - len(before)
    if moved:
        _set(since, counts + moved)


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
        with _metered([phone for phone, _ in noted]):
            execute_many(
                "DELETE FROM contact WHERE phone = ? AND campaign_id = ? AND seq = ?",
                [(phone, campaign_id, seq) for phone, seq in noted],
            )


def lost(campaign_id: int, audience_id: int, seqs: Sequence[int], now: int, *, marketing: bool) -> None:
    """These rows were in flight when their worker ended: their messages may have gone at any time until now."""
    # Also those that were claimed before anybody kept note of it: an upgrade may come between claim and take-over.
    noted = _numbers(audience_id, seqs)
    if noted:
        with _metered([phone for phone, _ in noted]):
            execute_many(
                "INSERT INTO contact (phone, campaign_id, seq, at, marketing) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (phone, campaign_id, seq) DO UPDATE SET at = excluded.at WHERE contact.at < excluded.at",
                [(phone, campaign_id, seq, now, int(marketing)) for phone, seq in noted],
            )


def note(phone: int, campaign_id: int, seq: int, at: int, *, marketing: bool) -> None:
    """A message was taken, or may have been; one that is noted stays as it is."""
    with _metered([phone]):
        execute(
            "INSERT INTO contact (phone, campaign_id, seq, at, marketing) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (phone, campaign_id, seq) DO NOTHING",
            (phone, campaign_id, seq, at, int(marketing)),
        )


def renew(phone: int, campaign_id: int, seq: int, at: int) -> None:
    """Move the time of one message forward: its answer came, or its worker is gone, only then."""
    with _metered([phone]):
        execute(
            "UPDATE contact SET at = ? WHERE phone = ? AND campaign_id = ? AND seq = ? AND at < ?",
            (at, phone, campaign_id, seq, at),
        )


def forget(phone: int, campaign_id: int, seq: int) -> None:
    """A message was not taken after all."""
    with _metered([phone]):
        execute("DELETE FROM contact WHERE phone = ? AND campaign_id = ? AND seq = ?", (phone, campaign_id, seq))


def purge(before: int, limit: int) -> int:
    """Forget up to so many messages up to a time, the oldest first; answers how many.

    Those that count for the quota stay whatever is asked.
    """
    with transaction():
        since, _ = _meter()
        oldest = execute(
            "SELECT phone, campaign_id, seq FROM contact WHERE at <= ? ORDER BY at LIMIT ?", (min(before, since), limit)
        ).fetchall()
        execute_many("DELETE FROM contact WHERE phone = ? AND campaign_id = ? AND seq = ?", oldest)
    return len(oldest)
