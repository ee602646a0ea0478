"""`sendoff campaign list` (R51, R52)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine import expiry, report, schedule
from engine.errors import BadInput
from engine.text import shown
from store import account, campaigns, deleted, listing
from store.errors import Missing
from store.types import CampaignRow, ListFilter, SortKey, Status
from tui.cli import choose
from tui.signs import percent, sign, word

if TYPE_CHECKING:
    from argparse import Namespace

    from tui.cli.session import Session

PAGE = 500

_FIGURES = ("AUDIENCE", "PROGRESS", "SENT", "DELIVERED", "READ", "FAILED")


def show_list(options: Namespace, session: Session) -> int:
    """List the campaigns that match, what runs first, then what is next, then the newest."""
    zone = session.zone
    if options.deleted:
        return _show_deleted(session)
    wanted = ListFilter(
        status=None if options.status is None else Status(options.status),
        sender_id=None if options.sender is None else choose.sender(options.sender).id,
        search=options.search,
        since=None if options.since is None else moment(options.since, zone),
        until=None if options.until is None else moment(options.until, zone, end=True),
    )
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        raise BadInput("bad_filter", "That range ends before it begins.", "Give the earlier day first.")
    ids = listing.ids(wanted, SortKey(options.sort), reverse=options.reverse, limit=options.limit)
    if session.output.as_json:
        session.output.document(_documents(ids, zone))
    elif not ids:
        anything = sum(listing.counts().values())
        session.output.say("No campaign matches." if anything else "There is no campaign yet: sendoff campaign create")
    else:
        rows = [_cells(row, zone) for row in _rows(ids)]
        session.output.table(
            ("ID", "STATUS", "NAME", "SENDER", "TEMPLATE", "WHEN", *_FIGURES), rows, right=("ID", *_FIGURES)
        )
    return 0


def _show_deleted(session: Session) -> int:
    found = deleted.restorable(session.context.clock.now() - expiry.RESTORABLE_MS)
    zone = session.zone
    gone = [(draft, draft.deleted_at or 0) for draft in found]
    if session.output.as_json:
        session.output.document(
            [
                {
                    "id": draft.id,
                    "name": draft.name,
                    "audience": draft.audience,
                    "deleted_at": schedule.iso(at, zone),
                    "restorable_until": schedule.iso(expiry.gone_at(at), zone),
                }
                for draft, at in gone
            ]
        )
    elif not gone:
        session.output.say("No draft was deleted within the last 7 days.")
    else:
        now = session.context.clock.now()
        rows = [
            (
                str(draft.id),
                shown(draft.name),
                f"{draft.audience:,}",
                schedule.short(at, zone, now),
                schedule.short(expiry.gone_at(at), zone, now),
            )
            for draft, at in gone
        ]
        session.output.table(("ID", "NAME", "AUDIENCE", "DELETED", "UNTIL"), rows, right=("ID", "AUDIENCE"))
    return 0


def moment(text: str, zone: str, *, end: bool = False) -> int:
    """A date or a time as UTC epoch milliseconds, read in the zone unless it carries an offset.

    With `end` a bare date means the end of that day. Raises `BadInput` with `bad_time`.
    """
    where = ZoneInfo(zone)
    try:
        if len(text.strip()) == len("2026-12-01"):
            day = date.fromisoformat(text.strip())
            at = datetime.combine(day + timedelta(days=1) if end else day, time(), where)
        else:
            at = datetime.fromisoformat(text.strip())
            at = at.replace(tzinfo=where) if at.tzinfo is None else at
        return round(at.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise BadInput(
            "bad_time",
            f"{shown(text)!r} is no date or time that can be read.",
            'Give a date such as 2026-12-01, or a time such as "2026-12-01 10:00".',
        ) from error


def _documents(ids: Sequence[int], zone: str) -> list[dict[str, object]]:
    senders = {one.id: one for one in account.senders()}
    found = []
    for campaign_id in ids:
        try:
            campaign = campaigns.get(campaign_id)
        except Missing:
            # Deleted since the ids were read.
            continue
        sender = None if campaign.sender_id is None else senders.get(campaign.sender_id)
        found.append(report.campaign_json(campaign, zone, sender))
    return found


def _rows(ids: Sequence[int]) -> Iterator[CampaignRow]:
    left = iter(ids)
    while page := list(islice(left, PAGE)):
        found = listing.rows(page)
        yield from (found[one] for one in page if one in found)


def _cells(row: CampaignRow, zone: str) -> tuple[str, ...]:
    counters = row.progress
    held = row.hold_reason is not None
    status = f"{sign(row.status, held)} {word(row.status, held)}"
    reason = row.status_reason or row.hold_reason
    when = row.started_at or row.finished_at or row.scheduled_at or row.edited_at
    valid = counters.audience - counters.skipped
    return (
        f"{row.id}",
        status if reason is None else f"{status}: {reason.replace('_', ' ')}",
        row.name,
        "-" if row.sender is None else f"+{row.sender}",
        row.template or "-",
        schedule.iso(when, zone),
        f"{counters.audience:,}",
        "-" if row.started_at is None else _share(valid - counters.pending, valid),
        _share(counters.sent, valid),
        _share(counters.delivered, counters.sent) if row.delivery_known else "unknown",
        _share(counters.read, counters.delivered) if row.delivery_known else "unknown",
        _share(counters.failed, valid),
    )


def _share(part: int, whole: int) -> str:
    """R47: every percentage stands beside its n of m."""
    return "-" if whole == 0 else f"{part:,}/{whole:,} {percent(part, whole)}"
