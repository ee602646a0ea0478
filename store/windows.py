"""Windows of intent: claiming rows to hand over, and taking over from a dead owner (crash protocol, steps 2 and 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import contacts, deliveries, held, history, kept, leases, limits, optouts, quota_meter, recipients
from store.codec import dump, load
from store.database import execute, execute_many, present, transaction
from store.deliveries import Effect
from store.errors import ShortOfQuota
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.models import Retry as RetryModel
from store.models import SendWindow as WindowModel
from store.moves import Moves, price_of, skip_row
from store.query import first, tuples
from store.types import LONGEST_WAIT_MS, Lease, Recipient, RecipientState, ResultKind, SkipReason, Status, Window

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def claim(campaign_id: int, lease: Lease, size: int, now: int) -> tuple[Window, list[Recipient]] | None:
    """Commit the intent to hand over up to `size` rows and answer them; `None` when nothing can be handed over now.

    Rows whose retry is due come first. Numbers that have opted out since the start, or have had as many marketing
    messages as the frequency cap allows, are skipped here (R39, R35). What goes is noted for the messaging quota (R30).
    Raises `Fenced` when the lease has a newer owner, and `StoreGone` when nobody else could see the intent, before
    anything is written; `ShortOfQuota` when rows wait and the quota lets none of them go: then nothing is written but
    what was skipped.
    """
    present()
    with transaction():
        leases.assert_held(lease)
        row = first(
            CampaignModel.select(
                CampaignModel.audience,
                CampaignModel.prices,
                CampaignModel.template_frozen,
                ProgressModel.handed,
                CampaignModel.restored_at,
            )
            .join(ProgressModel, on=(ProgressModel.campaign == CampaignModel.id))
            .where(
                CampaignModel.id == campaign_id,
                CampaignModel.status == Status.IN_PROGRESS.value,
                CampaignModel.hold_reason.is_null(),
            )
        )
        if row is None:
            return None
        audience_id, prices, marketing, handed = row[0], load(row[1]), limits.is_marketing(row[2]), row[3]
        due = _due_retries(campaign_id, size, now)
        fresh = next_rows(audience_id, handed, size - len(due))
        if not due and not fresh:
            return None
        if row[4] is not None:
            # What it sent after the backup is known from callbacks alone.
            deliveries.apply(campaign_id, kept.take_rows(campaign_id, [*due, *fresh]), now, Effect.none())
        rows = sorted(recipients.page(campaign_id, [*due, *fresh]).values(), key=lambda one: one.seq)
        # A callback may have proved since that the gateway took a row it had been put back from.
        rows = [one for one in rows if one.state is RecipientState.PENDING]
        bound = limits.of_account().of(marketing)
        rows = _skip_barred(campaign_id, audience_id, rows, prices, bound, now)
        going = contacts.admit(campaign_id, rows, marketing, bound.quota, now)
        waiting, rows = rows[going:], rows[:going]
        _forget_retries(campaign_id, set(due) - {one.seq for one in waiting})
        # Up to the first row that has to wait for the quota; whatever lies before it goes or was skipped.
        hi = next((one.seq - 1 for one in waiting if one.seq > handed), fresh[-1] if fresh else handed)
        if hi > handed:
            ProgressModel.update(handed=hi).where(ProgressModel.campaign == campaign_id).execute()
        window = _open(campaign_id, lease, rows, handed, now)
    if waiting and not rows:
        raise ShortOfQuota(quota_meter.refills_at(now))
    return window, rows


def _open(campaign_id: int, lease: Lease, rows: list[Recipient], handed: int, now: int) -> Window:
    """The intent to hand these rows over; those up to `handed` are tried again."""
    if not rows:
        return Window(0, campaign_id, lease.fence, now, ())
    retried = [row.seq for row in rows if row.seq <= handed]
    fresh = [row.seq for row in rows if row.seq > handed]
    lo, hi = (fresh[0], fresh[-1]) if fresh else (0, 0)
    window_id = int(
        WindowModel.insert(
            campaign=campaign_id, fence=lease.fence, lo=lo, hi=hi, retried=dump(retried), opened_at=now
        ).execute()
    )
    return Window(window_id, campaign_id, lease.fence, now, tuple(row.seq for row in rows))


def _due_retries(campaign_id: int, size: int, now: int) -> list[int]:
    due: list[tuple[int]] = []
    # Two ranges of the index, one after the other: with both in one condition it is not walked in its order.
    for condition, limit in (("not_before <= ?", now), ("not_before > ?", now + LONGEST_WAIT_MS)):
        due += execute(
            f"SELECT seq FROM retry WHERE campaign_id = ? AND {condition} ORDER BY not_before, seq LIMIT ?",
            (campaign_id, limit, size - len(due)),
        ).fetchall()
    return [seq for (seq,) in due]


def is_due(not_before: int, now: int) -> bool:
    """Whether what was put back until then may be tried again now."""
    return not_before <= now or not_before > now + LONGEST_WAIT_MS


def _forget_retries(campaign_id: int, seqs: Collection[int]) -> None:
    if seqs:
        RetryModel.delete().where(RetryModel.campaign == campaign_id, RetryModel.seq.in_(list(seqs))).execute()


def next_rows(audience_id: int, handed: int, size: int) -> list[int]:
    if size <= 0:
        return []
    found = execute(
        "SELECT seq FROM recipient WHERE audience_id = ? AND seq > ? AND state = 0 ORDER BY seq LIMIT ?",
        (audience_id, handed, size),
    ).fetchall()
    return [seq for (seq,) in found]


def _skip_barred(
    campaign_id: int,
    audience_id: int,
    rows: list[Recipient],
    prices: Mapping[str, int],
    bound: limits.Limits,
    now: int,
) -> list[Recipient]:
    """Skip those who opted out since the start, and those whom others messaged too often meanwhile."""
    phones = [row.phone for row in rows if row.phone is not None]
    reasons = dict.fromkeys(limits.capped_among(phones, bound, now), SkipReason.FREQUENCY_CAP)
    reasons.update(dict.fromkeys(optouts.among(phones), SkipReason.OPTED_OUT))
    if not reasons:
        return rows
    moves = Moves()
    for row in rows:
        if row.phone in reasons:
            skip_row(audience_id, row.seq, reasons[row.phone], RecipientState.PENDING)
            moves.counters.update(pending=-1, skipped=1)
            moves.skips[reasons[row.phone].value] += 1
            moves.released += price_of(prices, row.country)
            detail = reasons[row.phone].value
            history.note(campaign_id, row.seq, ResultKind.SKIPPED, now, n=row.attempt, detail=detail)
    moves.apply(campaign_id, now)
    return [row for row in rows if row.phone not in reasons]


def recover(campaign_id: int, fence: int, now: int) -> int:
    """Turn what older owners had in flight into `unknown` and close their windows; answers how many rows.

    Rows that were put back have a retry of their own and stay pending, and so do those that WhatsApp holds back.
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
        marketing = limits.sends_marketing(campaign_id)
        lost = 0
        for _, lo, hi, retried, opened_at in windows:
            rows = _in_flight(campaign_id, audience_id, lo, hi, load(retried))
            seqs = [seq for seq, _ in rows]
            _lose(audience_id, seqs, opened_at)
            history.taken_over(campaign_id, [(seq, attempt + 1) for seq, attempt in rows], now, opened_at)
            contacts.lost(campaign_id, audience_id, seqs, now, marketing=marketing)
            lost += len(rows)
        WindowModel.delete().where(WindowModel.id.in_([window[0] for window in windows])).execute()
        moves = Moves()
        moves.counters.update(pending=-lost, unknown=lost)
        moves.apply(campaign_id, now)
    return lost


def _in_flight(campaign_id: int, audience_id: int, lo: int, hi: int, retried: list[int]) -> list[tuple[int, int]]:
    """The rows of a window that have no outcome, with their hand-overs before it."""
    marks = ", ".join("?" * len(retried))
    found = execute(
        "SELECT seq, attempt FROM recipient WHERE audience_id = ? AND state = 0 "
        f"AND (seq BETWEEN ? AND ?{f' OR seq IN ({marks})' if retried else ''}) "
        f"AND seq NOT IN (SELECT seq FROM retry WHERE campaign_id = ?) AND {held.NOT_HELD}",
        (audience_id, lo, hi, *retried, campaign_id, campaign_id),
    ).fetchall()
    return [(seq, attempt) for seq, attempt in found]


def _lose(audience_id: int, seqs: list[int], opened_at: int) -> None:
    execute_many(
        "UPDATE recipient SET state = 3, attempt = attempt + 1, handed_at = ? WHERE audience_id = ? AND seq = ?",
        [(opened_at, audience_id, seq) for seq in seqs],
    )


def next_retry(campaign_id: int) -> int | None:
    """When the earliest put-back row may be tried again; `None` also while the run is on hold."""
    query = (
        RetryModel.select(RetryModel.not_before)
        .join(CampaignModel, on=(CampaignModel.id == RetryModel.campaign))
        .where(RetryModel.campaign == campaign_id, CampaignModel.hold_reason.is_null())
    )
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
