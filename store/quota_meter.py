"""The meter of the messaging quota: how many different numbers were messaged within 24 hours (R35).

`quota_meter` holds how many numbers have a message newer than its `since`. Every transaction that changes `contact`
keeps that true (`in_step`), and `sweep` moves `since` on, so that a claim costs the same
whatever the history.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from store import limits
from store.database import execute, is_sqlite, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WINDOW_MS = 24 * 3_600_000
"""A message counts until it is exactly this old."""
_SKEW_MS = 60_000
"""Machines' clocks differ a little; a meter that is ahead of this one's by more was led by a wrong clock."""
_CHUNK = 200
"""Values of one statement: SQLite takes a limited number."""

# A plus before a column keeps its index out of a statement that looks numbers up: by the time there are too many rows.


def kept() -> tuple[int, int]:
    """`since` and how many numbers count, as they stand in the store."""
    # Elsewhere than on SQLite two transactions may both have read it before one of them writes.
    locked = "" if is_sqlite() else " FOR UPDATE"
    since, used = execute(f"SELECT since, used FROM quota_meter WHERE id = 1{locked}").fetchone()
    return int(since), int(used)


def at(now: int) -> tuple[int, int]:
    """From when on numbers count at this time, and how many do."""
    since, used = kept()
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


def keep(since: int, used: int) -> None:
    """Write the meter."""
    execute("UPDATE quota_meter SET since = ?, used = ? WHERE id = 1", (since, used))


def used(now: int) -> int:
    """Different numbers messaged in the 24 hours before `now`; writes nothing."""
    return at(now)[1]


def sweep(now: int) -> int:
    """Bring the meter to this time; answers how many numbers count."""
    with transaction():
        since, counting = at(now)
        keep(since, counting)
    return counting


def behind(now: int, before: int) -> bool:
    """Whether the meter differs from what counts now, or messages up to `before` wait to be forgotten."""
    row = execute("SELECT MIN(at) FROM contact").fetchone()
    return kept()[1] != used(now) or (row[0] is not None and row[0] <= before)


def counted_since(now: int) -> int:
    """Messages newer than this count for the quota at `now`."""
    return at(now)[0]


def refills_at(now: int) -> int | None:
    """When the quota will let another number go, if nothing is sent meanwhile; `None` when it does so now."""
    quota = limits.of_account().quota
    since, counts = at(now)
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
    quota = limits.of_account().quota
    return None if quota is None else max(0, quota - used(now))


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


@contextmanager
def in_step(phones: Sequence[int]) -> Iterator[None]:
    """Keep the meter in step with a change to the messages of these numbers."""
    since, counts = kept()
    before = counting(phones, since)
    yield
    moved = len(counting(phones, since)) - len(before)
    if moved:
        keep(since, counts + moved)
