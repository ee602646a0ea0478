"""What the campaign list reads: ids in order, rows by id, counts for the tabs."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from peewee import JOIN, Case, fn

from store.account import hears_of_delivery
from store.campaigns import PROGRESS_FIELDS
from store.database import proxy
from store.models import Campaign, Progress, Sender
from store.query import tuples
from store.types import CampaignRow, ListFilter, SortKey, Status
from store.types import Progress as Counters

if TYPE_CHECKING:
    from collections.abc import Sequence

# The time that the list shows: the start, else the end of what never started, else the time scheduled, else the edit.
_WHEN = fn.COALESCE(Campaign.started_at, Campaign.finished_at, Campaign.scheduled_at, Campaign.edited_at)
_VALID = Progress.audience - Progress.skipped


def _ratio(part: Any, whole: Any) -> Any:
    # Multiplied first: integer division would make every share 0.
    return Case(None, ((whole > 0, part * 1_000_000 / whole),), -1)


_SORTS: dict[SortKey, Any] = {
    SortKey.NAME: fn.LOWER(Campaign.name),
    # As the tabs stand, not as the words are spelt.
    SortKey.STATUS: Case(Campaign.status, tuple((status.value, n) for n, status in enumerate(Status))),
    # PostgreSQL sorts what is not set last, SQLite first.
    SortKey.SENDER: fn.COALESCE(Sender.number, 0),
    SortKey.TEMPLATE: fn.COALESCE(Campaign.template_name, ""),
    SortKey.AUDIENCE: Progress.audience,
    # What never started has made no progress, whatever was skipped.
    SortKey.PROGRESS: Case(
        None, ((Campaign.started_at.is_null(False), _ratio(_VALID - Progress.pending, _VALID)),), -1
    ),
    SortKey.SENT: _ratio(Progress.sent, _VALID),
    SortKey.DELIVERED: _ratio(Progress.delivered, Progress.sent),
    SortKey.READ: _ratio(Progress.read, Progress.delivered),
    SortKey.FAILED: _ratio(Progress.failed, _VALID),
}
_NEEDS_PROGRESS = {SortKey.AUDIENCE, SortKey.PROGRESS, SortKey.SENT, SortKey.DELIVERED, SortKey.READ, SortKey.FAILED}


def _conditions(wanted: ListFilter) -> list[Any]:
    conditions: list[Any] = [Campaign.deleted_at.is_null()]
    if wanted.status is not None:
        conditions.append(Campaign.status == wanted.status.value)
    if wanted.sender_id is not None:
        conditions.append(Campaign.sender == wanted.sender_id)
    if wanted.search:
        conditions.append(Campaign.name.contains(wanted.search) | Campaign.template_name.contains(wanted.search))
    if wanted.since is not None:
        conditions.append(wanted.since <= _WHEN)
    if wanted.until is not None:
        conditions.append(wanted.until > _WHEN)
    return conditions


def ids(
    wanted: ListFilter, sort: SortKey = SortKey.WHEN, *, reverse: bool = False, limit: int | None = None
) -> array[int]:
    """Ids of the campaigns that match, in order; 8 bytes each."""
    query = Campaign.select(Campaign.id).where(*_conditions(wanted))
    if sort in _NEEDS_PROGRESS:
        query = query.join(Progress, on=(Progress.campaign == Campaign.id))
    elif sort is SortKey.SENDER:
        query = query.join(Sender, JOIN.LEFT_OUTER)
    key: Any = Campaign.list_key if sort is SortKey.WHEN else _SORTS[sort]
    order = [key.desc(), Campaign.id.desc()] if reverse else [key.asc(), Campaign.id.asc()]
    query = query.order_by(*order)
    if limit is not None:
        query = query.limit(limit)
    # Peewee's own rows cost 8 microseconds each, the cursor's 0.3.
    return array("q", (campaign_id for (campaign_id,) in proxy.execute_sql(*query.sql())))


def rows(wanted: Sequence[int]) -> dict[int, CampaignRow]:
    """List rows by id, for one page of ids; deleted ones are absent."""
    columns = (
        Campaign.id,
        Campaign.name,
        Campaign.status,
        Campaign.status_reason,
        Campaign.hold_reason,
        Campaign.hold_until,
        Sender.number,
        Campaign.template_name,
        Campaign.scheduled_at,
        Campaign.edited_at,
        Campaign.started_at,
        Campaign.finished_at,
        Campaign.send_now,
        Campaign.price,
        Campaign.series_id,
        Campaign.locked,
        Campaign.version,
    )
    counters = [getattr(Progress, name) for name in PROGRESS_FIELDS]
    query = (
        Campaign.select(*columns, *counters)
        .join(Progress, on=(Progress.campaign == Campaign.id))
        .switch(Campaign)
        .join(Sender, JOIN.LEFT_OUTER)
        .where(Campaign.id.in_(list(wanted)), Campaign.deleted_at.is_null())
    )
    n = len(columns)
    hears = hears_of_delivery()
    return {values[0]: _row(values[:n], Counters(*values[n:]), hears) for values in tuples(query)}


def _row(values: tuple[Any, ...], progress: Counters, hears: bool) -> CampaignRow:
    campaign_id, name, status, reason, hold, hold_until, sender, template, at, edited, started, ended, *rest = values
    now, price, series_id, locked, version = rest
    return CampaignRow(
        id=campaign_id,
        name=name,
        status=Status(status),
        status_reason=reason,
        hold_reason=hold,
        hold_until=hold_until,
        sender=sender,
        template=template,
        scheduled_at=at,
        edited_at=edited,
        started_at=started,
        finished_at=ended,
        send_now=bool(now),
        price=price,
        progress=progress,
        locked=bool(locked),
        series_id=series_id,
        version=version,
        delivery_known=hears or progress.sent == 0 or progress.reported,
    )


def counts(wanted: ListFilter | None = None) -> dict[Status, int]:
    """How many campaigns each status has under the filter; the filter's own status is left out of it."""
    conditions = _conditions(ListFilter() if wanted is None else wanted)
    if wanted is not None and wanted.status is not None:
        conditions.pop(1)
    query = Campaign.select(Campaign.status, fn.COUNT(Campaign.id)).where(*conditions).group_by(Campaign.status)
    found = {status: 0 for status in Status}
    found.update({Status(status): n for status, n in tuples(query)})
    return found
