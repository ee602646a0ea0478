"""What the invariants are checked by (DESIGN section 4): counts of the rows themselves, and what is kept beside them.

Everything here only reads, shares no code with what keeps the counters, and answers for the campaigns that are named,
or for all. To be called inside `database.snapshot()`, or what is compared would be of different moments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from store.codec import load
from store.database import execute

COUNTERS = (
    "audience", "skipped", "pending", "sent", "failed", "unknown", "delivered", "read", "undelivered",
    "handed", "reserved", "settled", "released",
)  # fmt: skip
CHANGES = {"series.firing": "scheduled"}
"""Events that make a campaign in a status other than Draft."""

_LATE_MS = 23 * 3_600_000
"""A message counts for a day from its claim, which comes a little before the hand-over; so less than that."""

Ids: TypeAlias = Collection[int]
"""Campaigns that are looked at; none is all."""
Row: TypeAlias = tuple[int, int]
"""A campaign and the `seq` of one of its rows."""


class Run(NamedTuple):
    """A campaign with its counters, as they are kept."""

    id: int
    name: str
    status: str
    reason: str | None
    hold: str | None
    audience_id: int | None
    sender_id: int | None
    prices: Mapping[str, int]
    """Country to credits a message; `""` is every other."""
    counters: Mapping[str, int] | None
    """By the names of `COUNTERS`; `None` when the campaign has none."""


class Group(NamedTuple):
    """Rows of a campaign that are alike, counted."""

    state: int
    delivery: int
    country: str | None
    skip: str | None
    error: int | None
    pricing: str | None
    n: int


class Window(NamedTuple):
    """An open intent, with the lease of its sender as it is now."""

    id: int
    campaign_id: int
    fence: int
    seqs: Sequence[int]
    sender_id: int | None


class Term(NamedTuple):
    """A lease as it stands."""

    fence: int
    owner: str
    until: int
    since: int


def among(column: str, ids: Ids) -> str:
    """The condition that a column is one of these campaigns."""
    return f"{column} IN ({', '.join(str(int(one)) for one in ids)})" if ids else "1 = 1"


def rows(sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Everything a statement answers."""
    return list(execute(sql, params).fetchall())


def runs(ids: Ids = ()) -> list[Run]:
    """The campaigns with their counters, by id; drafts on their way out too."""
    counters = ", ".join(f"p.{name}" for name in COUNTERS)
    found = rows(
        "SELECT c.id, c.name, c.status, c.status_reason, c.hold_reason, c.audience_id, c.sender_id, c.prices, "
        f"p.campaign_id, {counters} FROM campaign c LEFT JOIN progress p ON p.campaign_id = c.id "
        f"WHERE {among('c.id', ids)} ORDER BY c.id"
    )
    return [_run(facts) for facts in found]


def _run(facts: tuple[Any, ...]) -> Run:
    counters = None if facts[8] is None else dict(zip(COUNTERS, facts[9:], strict=True))
    return Run._make((*facts[:7], load(facts[7]) or {}, counters))


def groups(ids: Ids = ()) -> dict[int, list[Group]]:
    """A count of the rows of each campaign that has any."""
    alike = "r.state, r.delivery, r.country, r.skip, r.error, r.pricing"
    counted: dict[int, list[Group]] = defaultdict(list)
    for campaign_id, *facts in rows(
        f"SELECT c.id, {alike}, COUNT(*) FROM campaign c JOIN recipient r ON r.audience_id = c.audience_id "
        f"WHERE {among('c.id', ids)} GROUP BY c.id, {alike}"
    ):
        counted[campaign_id].append(Group(*facts))
    return counted


def tallies(ids: Ids = ()) -> dict[tuple[int, str], dict[str, int]]:
    """The counts that are kept, by campaign and kind; those by slice of the run come to one under an empty key."""
    kept: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for campaign_id, kind, key, n in rows(
        "SELECT campaign_id, kind, CASE WHEN kind = 'sent_at' THEN '' ELSE key END, SUM(n) FROM tally "
        f"WHERE n <> 0 AND {among('campaign_id', ids)} GROUP BY 1, 2, 3"
    ):
        kept[campaign_id, kind][key] = int(n)
    return kept


# Quota


def meter() -> tuple[int, int, int] | None:
    """Since when numbers count, how many are said to, and how many do; `None` without a meter."""
    found = rows(
        "SELECT m.since, m.used, (SELECT COUNT(DISTINCT phone) FROM contact WHERE at > m.since) FROM quota_meter m"
    )
    return (int(found[0][0]), int(found[0][1]), int(found[0][2])) if found else None


def taken_not_noted(since: int) -> list[Row]:
    """Rows whose message was taken, or may have been, after `since`, and that the quota knows nothing of.

    Not of an answer that came a day late, as after a long suspend: its message had stopped counting by then.
    """
    return [
        (campaign_id, seq)
        for campaign_id, seq in rows(
            "SELECT c.id, r.seq FROM campaign c JOIN recipient r ON r.audience_id = c.audience_id "
            "LEFT JOIN contact k ON k.phone = r.phone AND k.campaign_id = c.id AND k.seq = r.seq "
            "WHERE r.state IN (1, 3) AND r.phone IS NOT NULL AND COALESCE(r.sent_at, r.handed_at) > ? "
            "AND COALESCE(r.sent_at - r.handed_at, 0) < ? AND k.phone IS NULL ORDER BY c.id, r.seq",
            (since, _LATE_MS),
        )
    ]


def noted_not_taken() -> list[Row]:
    """Rows that the quota counts and whose message was neither taken nor may have been; they may be on their way."""
    return [
        (campaign_id, seq)
        for campaign_id, seq in rows(
            "SELECT k.campaign_id, k.seq FROM contact k JOIN campaign c ON c.id = k.campaign_id "
            "LEFT JOIN recipient r ON r.audience_id = c.audience_id AND r.seq = k.seq "
            "WHERE r.seq IS NULL OR r.phone IS NULL OR r.phone <> k.phone OR r.state NOT IN (1, 3) "
            "ORDER BY k.campaign_id, k.seq"
        )
    ]


# Hand-overs


def windows(ids: Ids = ()) -> list[Window]:
    """The open intents."""
    found = rows(
        "SELECT w.id, w.campaign_id, w.fence, w.retried, w.lo, w.hi, c.sender_id FROM send_window w "
        f"LEFT JOIN campaign c ON c.id = w.campaign_id WHERE {among('w.campaign_id', ids)} ORDER BY w.id"
    )
    return [
        Window(one, campaign_id, fence, (*load(retried), *(range(lo, hi + 1) if hi else ())), sender_id)
        for one, campaign_id, fence, retried, lo, hi, sender_id in found
    ]


def terms() -> dict[str, Term]:
    """Every lease by its name."""
    return {name: Term(*rest) for name, *rest in rows("SELECT name, fence, owner, until, since FROM lease")}


def _seqs(sql: str) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for campaign_id, seq in rows(sql):
        found[campaign_id].add(seq)
    return found


def retries(ids: Ids = ()) -> dict[int, set[int]]:
    """Rows that the gateway did not take and that may be tried again, by campaign."""
    return _seqs(f"SELECT campaign_id, seq FROM retry WHERE {among('campaign_id', ids)}")


def held(ids: Ids = ()) -> dict[int, set[int]]:
    """Rows that WhatsApp holds back, by campaign."""
    return _seqs(f"SELECT campaign_id, seq FROM held WHERE {among('campaign_id', ids)}")


def held_wrongly(ids: Ids = ()) -> dict[int, set[int]]:
    """Rows that are said to be held back and are not pending with the id of a message, by campaign."""
    return _seqs(
        "SELECT h.campaign_id, h.seq FROM held h LEFT JOIN campaign c ON c.id = h.campaign_id "
        "LEFT JOIN recipient r ON r.audience_id = c.audience_id AND r.seq = h.seq "
        f"WHERE (r.seq IS NULL OR r.state <> 0 OR r.message_id IS NULL) AND {among('h.campaign_id', ids)}"
    )


def claimed(ids: Ids = ()) -> dict[int, set[int]]:
    """Pending rows of runs in progress that were claimed once, by campaign."""
    return _seqs(
        "SELECT c.id, r.seq FROM campaign c JOIN progress p ON p.campaign_id = c.id "
        "JOIN recipient r ON r.audience_id = c.audience_id AND r.seq <= p.handed "
        f"WHERE c.status = 'in_progress' AND r.state = 0 AND {among('c.id', ids)}"
    )


def early_retries(ids: Ids = ()) -> dict[int, set[int]]:
    """Rows that wait to be tried again and were never claimed, by campaign."""
    return _seqs(
        "SELECT t.campaign_id, t.seq FROM retry t LEFT JOIN progress p ON p.campaign_id = t.campaign_id "
        f"WHERE (p.handed IS NULL OR t.seq > p.handed) AND {among('t.campaign_id', ids)}"
    )


def twice(ids: Ids = ()) -> dict[int, set[int]]:
    """Numbers that several rows of a campaign which has started would message, or did, by campaign."""
    return _seqs(
        "SELECT c.id, r.phone FROM campaign c JOIN recipient r ON r.audience_id = c.audience_id "
        f"WHERE c.started_at IS NOT NULL AND r.state <> 4 AND r.phone IS NOT NULL AND {among('c.id', ids)} "
        "GROUP BY c.id, r.phone HAVING COUNT(*) > 1"
    )


# Audit trail


def changes(ids: Ids = ()) -> Iterator[tuple[int, str | None, str]]:
    """Every change of a status that the audit trail tells, in order: campaign, status before and after."""
    found = execute(
        "SELECT campaign_id, action, before, after FROM audit WHERE campaign_id IS NOT NULL "
        f"AND (after LIKE ? OR action = ?) AND {among('campaign_id', ids)} ORDER BY id",
        ('%"status"%', "series.firing"),
    )
    for campaign_id, action, before, after in found:
        became = CHANGES.get(action) or load(after).get("status")
        if isinstance(became, str):
            yield campaign_id, load(before).get("status"), became
