"""Windows of intent: claiming rows to hand over, and taking over from a dead owner (crash protocol, steps 2 and 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import history, leases, optouts, recipients
from store.codec import dump, load
from store.database import execute, transaction
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.models import Retry as RetryModel
from store.models import SendWindow as WindowModel
from store.moves import Moves, price_of, skip_row
from store.query import first, tuples
from store.types import Lease, Recipient, RecipientState, ResultKind, SkipReason, Status, Window

if TYPE_CHECKING:
    from collections.abc import Mapping


def claim(campaign_id: int, lease: Lease, size: int, now: int) -> tuple[Window, list[Recipient]] | None:
    """Commit the intent to hand over up to `size` rows and answer them; `None` when nothing can be handed over now.

    Rows whose retry is due come first. Numbers that have opted out since the start are skipped here (R39).
    Raises `Fenced` when the lease has a newer owner, before anything is written.
    """
    with transaction():
        leases.assert_held(lease)
        row = first(
            CampaignModel.select(CampaignModel.audience, CampaignModel.prices, ProgressModel.handed)
            .join(ProgressModel, on=(ProgressModel.campaign == CampaignModel.id))
            .where(
                CampaignModel.id == campaign_id,
                CampaignModel.status == Status.IN_PROGRESS.value,
                CampaignModel.hold_reason.is_null(),
            )
        )
        if row is None:
            return None
        audience_id, prices, handed = row[0], load(row[1]), row[2]
        retried = _take_retries(campaign_id, size, now)
        fresh = next_rows(audience_id, handed, size - len(retried))
        if not retried and not fresh:
            return None
        rows = list(recipients.page(campaign_id, [*retried, *fresh]).values())
        # A callback may have proved since that the gateway took a row it had been put back from.
        rows = [row for row in rows if row.state is RecipientState.PENDING]
        retried = [row.seq for row in rows if row.seq <= handed]
        rows = _skip_opted_out(campaign_id, audience_id, rows, prices, now)
        lo, hi = (fresh[0], fresh[-1]) if fresh else (0, 0)
        if fresh:
            ProgressModel.update(handed=hi).where(ProgressModel.campaign == campaign_id).execute()
        if not rows:
            return Window(0, campaign_id, lease.fence, now, ()), []
        window_id = int(
            WindowModel.insert(
                campaign=campaign_id, fence=lease.fence, lo=lo, hi=hi, retried=dump(retried), opened_at=now
            ).execute()
        )
    rows.sort(key=lambda one: one.seq)
    return Window(window_id, campaign_id, lease.fence, now, tuple(one.seq for one in rows)), rows


def _take_retries(campaign_id: int, size: int, now: int) -> list[int]:
    due = (
        RetryModel.select(RetryModel.seq)
        .where(RetryModel.campaign == campaign_id, RetryModel.not_before <= now)
        .order_by(RetryModel.not_before, RetryModel.seq)
        .limit(size)
    )
    seqs = [seq for (seq,) in tuples(due)]
    if seqs:
        RetryModel.delete().where(RetryModel.campaign == campaign_id, RetryModel.seq.in_(seqs)).execute()
    return seqs


def next_rows(audience_id: int, handed: int, size: int) -> list[int]:
    if size <= 0:
        return []
    found = execute(
        "SELECT seq FROM recipient WHERE audience_id = ? AND seq > ? AND state = 0 ORDER BY seq LIMIT ?",
        (audience_id, handed, size),
    ).fetchall()
    return [seq for (seq,) in found]


def _skip_opted_out(
    campaign_id: int, audience_id: int, rows: list[Recipient], prices: Mapping[str, int], now: int
) -> list[Recipient]:
    out = optouts.among(row.phone for row in rows if row.phone is not None)
    if not out:
        return rows
    moves = Moves()
    for row in rows:
        if row.phone in out:
            skip_row(audience_id, row.seq, SkipReason.OPTED_OUT, RecipientState.PENDING)
            moves.counters.update(pending=-1, skipped=1)
            moves.skips[SkipReason.OPTED_OUT.value] += 1
            moves.released += price_of(prices, row.country)
            kind, reason = ResultKind.SKIPPED, SkipReason.OPTED_OUT
            history.note(campaign_id, row.seq, kind, now, n=row.attempt, detail=reason)
    moves.apply(campaign_id, now)
    return [row for row in rows if row.phone not in out]


def recover(campaign_id: int, fence: int, now: int) -> int:
    """Turn what older owners had in flight into `unknown` and close their windows; answers how many rows.

    Rows that were put back have a retry of their own and stay pending.
    """
    with transaction():
        windows = tuples(
            WindowModel.select(
                WindowModel.id, WindowModel.lo, WindowModel.hi, WindowModel.retried, WindowModel.opened_at
            ).where(WindowModel.campaign == campaign_id, WindowModel.fence < fence)
        )
        if not windows:
            return 0
        audience_id = recipients.audience_of(campaign_id)
        lost = 0
        for _, lo, hi, retried, opened_at in windows:
            lost += _lose(campaign_id, audience_id, "seq BETWEEN ? AND ?", (lo, hi), opened_at, now)
            for seq in load(retried):
                lost += _lose(campaign_id, audience_id, "seq = ?", (seq,), opened_at, now)
        WindowModel.delete().where(WindowModel.id.in_([window[0] for window in windows])).execute()
        moves = Moves()
        moves.counters.update(pending=-lost, unknown=lost)
        moves.apply(campaign_id, now)
    return lost


def _lose(
    campaign_id: int, audience_id: int, condition: str, arguments: tuple[int, ...], opened_at: int, now: int
) -> int:
    in_flight = (
        f"WHERE audience_id = ? AND {condition} AND state = 0 "
        "AND seq NOT IN (SELECT seq FROM retry WHERE campaign_id = ?)"
    )
    bound = (audience_id, *arguments, campaign_id)
    lost = execute(f"SELECT seq, attempt + 1 FROM recipient {in_flight}", bound).fetchall()
    if lost:
        execute(
            f"UPDATE recipient SET state = 3, attempt = attempt + 1, handed_at = ? {in_flight}", (opened_at, *bound)
        )
        history.taken_over(campaign_id, lost, now, opened_at)
    return len(lost)


def next_retry(campaign_id: int) -> int | None:
    """When the earliest put-back row may be tried again."""
    query = RetryModel.select(RetryModel.not_before).where(RetryModel.campaign == campaign_id)
    row = first(query.order_by(RetryModel.not_before))
    return None if row is None else int(row[0])


def open_windows(campaign_id: int | None = None) -> list[Window]:
    """Windows that wait for outcomes, of one campaign or all."""
    query = WindowModel.select(
        WindowModel.id,
        WindowModel.campaign,
        WindowModel.fence,
        WindowModel.opened_at,
        WindowModel.retried,
        WindowModel.lo,
        WindowModel.hi,
    )
    if campaign_id is not None:
        query = query.where(WindowModel.campaign == campaign_id)
    return [
        Window(window_id, campaign, fence, opened_at, (*load(retried), *(range(lo, hi + 1) if hi else ())))
        for window_id, campaign, fence, opened_at, retried, lo, hi in tuples(query)
    ]
