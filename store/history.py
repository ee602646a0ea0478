"""What happened to single rows, beside a simple success: kept for `why` (R50), on cold paths only.

A row that is handed over once and accepted leaves nothing here: its recipient row tells all of it.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from store.database import execute, execute_many
from store.models import Attempt as AttemptModel
from store.models import Retry as RetryModel
from store.query import first
from store.types import Attempt, Note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from store.types import Result

EVERY_ROW = 0
"""The `seq` of what concerns all rows that were pending then."""


def keep(campaign_id: int, audience_id: int, result: Result, outcome: str) -> None:
    """Keep how a hand-over ended that did not simply succeed."""
    AttemptModel.insert(
        campaign=campaign_id,
        seq=result.seq,
        n=_attempt(audience_id, result.seq),
        at=result.at,
        outcome=outcome,
        code=result.code,
        http_status=result.http_status,
        detail=result.detail if result.skip is None else result.skip.value,
        handed_at=result.handed_at,
        not_before=result.not_before,
    ).execute()


def note(
    campaign_id: int,
    seq: int,
    outcome: str,
    at: int,
    *,
    n: int = 0,
    code: int | None = None,
    detail: str = "",
    handed_at: int | None = None,
) -> None:
    """Keep something else that happened to a row."""
    AttemptModel.insert(
        campaign=campaign_id, seq=seq, n=n, at=at, outcome=outcome, code=code, detail=detail, handed_at=handed_at
    ).execute()


def taken_over(campaign_id: int, rows: Iterable[tuple[int, int]], at: int, handed_at: int) -> None:
    """Keep that these rows, given with the number of their hand-over, became unknown when their owner was gone."""
    execute_many(
        "INSERT INTO attempt (campaign_id, seq, n, at, outcome, detail, handed_at) VALUES (?, ?, ?, ?, ?, '', ?)",
        [(campaign_id, seq, n, at, Note.TAKEN_OVER.value, handed_at) for seq, n in rows],
    )


def over_quota(campaign_id: int, seqs: Iterable[int], code: int, at: int) -> None:
    """Keep that these rows were failed because the messaging quota had no place for them."""
    execute_many(
        "INSERT INTO attempt (campaign_id, seq, n, at, outcome, code, detail) VALUES (?, ?, 0, ?, ?, ?, '')",
        [(campaign_id, seq, at, Note.OVER_QUOTA.value, code) for seq in seqs],
    )


def of(campaign_id: int, seq: int) -> list[Attempt]:
    """What happened to one row, and to all that were pending with it, in the order it was recorded."""
    query = AttemptModel.select().where(AttemptModel.campaign == campaign_id, AttemptModel.seq.in_((seq, EVERY_ROW)))
    return [
        Attempt(
            row.seq, row.n, row.at, row.outcome, row.code, row.http_status, row.detail, row.handed_at, row.not_before
        )
        # Asked for an order by id, SQLite walks every note of the campaign.
        for row in sorted(query, key=attrgetter("id"))
    ]


def waits_until(campaign_id: int, seq: int) -> int | None:
    """When a row that was put back may be tried again; `None` for one that does not wait."""
    query = RetryModel.select(RetryModel.not_before).where(RetryModel.campaign == campaign_id, RetryModel.seq == seq)
    row = first(query)
    return None if row is None else int(row[0])


def _attempt(audience_id: int, seq: int) -> int:
    row = execute("SELECT attempt FROM recipient WHERE audience_id = ? AND seq = ?", (audience_id, seq)).fetchone()
    return row[0] if row else 0
