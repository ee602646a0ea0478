"""Campaigns: drafts, and reading one campaign with its counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peewee import SQL, fn

from store.account import hears_of_delivery
from store.codec import dump_fills, dump_route, load, load_fills, load_route, load_template
from store.errors import Missing
from store.models import Audience as AudienceModel
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.query import first, tuples
from store.types import Audience, Campaign, DraftFields, Hold, OverQuota, Progress, Route, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

PROGRESS_FIELDS = tuple(Progress.__slots__)

_RANK = 1 << 44
_TOP = 1 << 43


def list_key(status: Status, when: int) -> int:
    """Where a campaign stands in the list: running first, then scheduled by what is next, then the newest."""
    if status is Status.IN_PROGRESS:
        return _TOP - when
    if status is Status.SCHEDULED:
        return _RANK + when
    return 2 * _RANK + _TOP - when


def progress_of(row: Any) -> Progress:
    """The counters of a joined or plain progress row."""
    return Progress(*(getattr(row, name) for name in PROGRESS_FIELDS))


def _hold(row: Any) -> Hold | None:
    if row.hold_reason is None:
        return None
    return Hold(row.hold_reason, row.hold_text, row.hold_since or 0, row.hold_until)


def _audience(audience_id: int | None) -> Audience | None:
    if audience_id is None:
        return None
    row = AudienceModel.get_by_id(audience_id)
    return Audience(row.id, row.file, tuple(load(row.columns)), row.number_column, row.country)


def _campaign(row: Any) -> Campaign:
    counters = progress_of(ProgressModel.get_by_id(row.id))
    return Campaign(
        id=row.id,
        name=row.name,
        status=Status(row.status),
        status_reason=row.status_reason,
        status_detail=load(row.status_detail),
        hold=_hold(row),
        sender_id=row.sender_id,
        template_id=row.template_id,
        template_frozen=load_template(row.template_frozen),
        fills=load_fills(row.fills),
        audience=_audience(row.audience_id),
        over_quota=OverQuota(row.over_quota),
        grace=row.grace,
        scheduled_at=row.scheduled_at,
        timezone=row.timezone,
        send_now=row.send_now,
        price=row.price,
        prices=load(row.prices),
        created_by=row.created_by,
        created_at=row.created_at,
        edited_at=row.edited_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        duplicate_of=row.duplicate_of,
        series_id=row.series_id,
        occurrence=row.occurrence,
        locked=bool(row.locked),
        progress=counters,
        version=row.version,
        route=load_route(row.route),
        delivery_known=counters.sent == 0 or counters.reported or hears_of_delivery(),
    )


def get(campaign_id: int) -> Campaign:
    """One campaign with its counters. Raises `Missing`, also for a deleted draft."""
    row = CampaignModel.get_or_none(CampaignModel.id == campaign_id, CampaignModel.deleted_at.is_null())
    if row is None:
        raise Missing(f"no campaign {campaign_id}")
    return _campaign(row)


def route(campaign_id: int) -> Route:
    """By which endpoint a campaign's messages go now. Raises `Missing`."""
    row = first(CampaignModel.select(CampaignModel.route).where(CampaignModel.id == campaign_id))
    if row is None:
        raise Missing(f"no campaign {campaign_id}")
    return load_route(row[0])


def progress(campaign_id: int) -> Progress:
    """Only the counters of a campaign, which is what a live screen asks for. Raises `Missing`."""
    row = ProgressModel.get_or_none(ProgressModel.campaign == campaign_id)
    if row is None:
        raise Missing(f"no campaign {campaign_id}")
    return progress_of(row)


def status(campaign_id: int) -> tuple[Status, int]:
    """Status and version of a campaign, deleted or not. Raises `Missing`."""
    query = CampaignModel.select(CampaignModel.status, CampaignModel.version).where(CampaignModel.id == campaign_id)
    row = first(query)
    if row is None:
        raise Missing(f"no campaign {campaign_id}")
    return Status(row[0]), row[1]


def _fields(fields: DraftFields, template_name: str | None) -> dict[str, Any]:
    return {
        "name": fields.name,
        "sender": fields.sender_id,
        "template": fields.template_id,
        "template_name": template_name,
        "fills": dump_fills(fields.fills),
        "over_quota": fields.over_quota.value,
        "grace": fields.grace,
        "route": dump_route(fields.route),
    }


def create(
    fields: DraftFields, template_name: str | None, created_by: str, now: int, duplicate_of: int | None = None
) -> int:
    """Add a Draft and answer its id."""
    campaign_id = int(
        CampaignModel.insert(
            status=Status.DRAFT.value,
            created_by=created_by,
            created_at=now,
            edited_at=now,
            duplicate_of=duplicate_of,
            list_key=list_key(Status.DRAFT, now),
            **_fields(fields, template_name),
        ).execute()
    )
    ProgressModel.insert(campaign=campaign_id).execute()
    return campaign_id


def change(campaign_id: int, conditions: Sequence[Any], changes: Mapping[str, Any]) -> bool:
    query = CampaignModel.update(version=CampaignModel.version + 1, **changes).where(
        CampaignModel.id == campaign_id, CampaignModel.deleted_at.is_null(), *conditions
    )
    return bool(query.execute())


def has_status(wanted: Status) -> Any:
    return CampaignModel.status == wanted.value


# Written out as in the condition of `campaign_due`: a bound value brings the index in only by statistics.
_SCHEDULED = CampaignModel.status == SQL(f"'{Status.SCHEDULED.value}'")


def edit(campaign_id: int, version: int, fields: DraftFields, template_name: str | None, now: int) -> bool:
    """Renew a Draft's fields if nobody changed it since `version` was read."""
    return change(
        campaign_id,
        [has_status(Status.DRAFT), CampaignModel.version == version],
        {**_fields(fields, template_name), "edited_at": now, "list_key": list_key(Status.DRAFT, now)},
    )


def set_price(campaign_id: int, price: int) -> None:
    """Keep the price last worked out for a draft, for the list and the sum of what is scheduled."""
    CampaignModel.update(price=price).where(CampaignModel.id == campaign_id, has_status(Status.DRAFT)).execute()


def reprice(campaign_id: int, price: int) -> None:
    """Keep what a campaign that has not started costs by another price list."""
    CampaignModel.update(price=price).where(
        CampaignModel.id == campaign_id, has_status(Status.DRAFT) | has_status(Status.SCHEDULED)
    ).execute()


def priced(status: Status) -> list[int]:
    """Ids of the campaigns in a status that have an audience, and so a price."""
    query = (
        CampaignModel.select(CampaignModel.id)
        .where(has_status(status), CampaignModel.audience.is_null(False), CampaignModel.deleted_at.is_null())
        .order_by(CampaignModel.id)
    )
    return [campaign_id for (campaign_id,) in tuples(query)]


def set_reserved(campaign_id: int, credits: int) -> None:
    """Note with the counters what was reserved for a run."""
    ProgressModel.update(reserved=credits, version=ProgressModel.version + 1).where(
        ProgressModel.campaign == campaign_id
    ).execute()


def delete(campaign_id: int, now: int) -> bool:
    """Delete a Draft; it can be restored until it is purged."""
    return change(campaign_id, [has_status(Status.DRAFT)], {"deleted_at": now})


def due(now: int, sender_id: int | None) -> list[int]:
    """Ids of Scheduled campaigns of a sender (or of none) whose time has come, earliest first; not what is on hold."""
    # The sender is compared here: SQLite would walk all campaigns of the sender instead of the few that are due.
    query = (
        CampaignModel.select(CampaignModel.id, CampaignModel.sender)
        .where(
            _SCHEDULED,
            CampaignModel.scheduled_at <= now,
            CampaignModel.deleted_at.is_null(),
            CampaignModel.hold_reason.is_null(),
        )
        .order_by(CampaignModel.scheduled_at, CampaignModel.id)
    )
    return [campaign_id for campaign_id, sender in tuples(query) if sender == sender_id]


def next_due() -> tuple[int, str, int] | None:
    """Id, name and time of the Scheduled campaign that is next; what is on hold does not go."""
    query = (
        CampaignModel.select(CampaignModel.id, CampaignModel.name, CampaignModel.scheduled_at)
        .where(has_status(Status.SCHEDULED), CampaignModel.deleted_at.is_null(), CampaignModel.hold_reason.is_null())
        # For Scheduled ones the same order as by time, and the one that has an index.
        .order_by(CampaignModel.list_key)
    )
    row = first(query)
    return None if row is None else (row[0], row[1], row[2])


def running(sender_id: int | None = None) -> list[int]:
    """Ids of campaigns In Progress, of one sender when given, the first started first."""
    # `deleted_at` brings the index in, and the sender is compared here for the same reason as in `due`.
    query = (
        CampaignModel.select(CampaignModel.id, CampaignModel.sender)
        .where(has_status(Status.IN_PROGRESS), CampaignModel.deleted_at.is_null())
        .order_by(CampaignModel.started_at, CampaignModel.id)
    )
    return [campaign_id for campaign_id, sender in tuples(query) if sender_id is None or sender == sender_id]


def held(reasons: Collection[str]) -> list[tuple[int, int | None, Hold]]:
    """Campaigns In Progress that are on hold for one of these reasons, with their senders, the longest held first."""
    query = CampaignModel.select(
        CampaignModel.id,
        CampaignModel.sender,
        CampaignModel.hold_reason,
        CampaignModel.hold_text,
        CampaignModel.hold_since,
        CampaignModel.hold_until,
    ).where(has_status(Status.IN_PROGRESS), CampaignModel.deleted_at.is_null())
    found = [(campaign_id, sender, Hold(*hold)) for campaign_id, sender, *hold in tuples(query) if hold[0] in reasons]
    return sorted(found, key=lambda one: (one[2].since, one[0]))


def running_with(template_id: int) -> list[int]:
    """Ids of campaigns In Progress that send a template, the first started first."""
    query = (
        CampaignModel.select(CampaignModel.id, CampaignModel.template)
        .where(has_status(Status.IN_PROGRESS), CampaignModel.deleted_at.is_null())
        .order_by(CampaignModel.started_at, CampaignModel.id)
    )
    return [campaign_id for campaign_id, template in tuples(query) if template == template_id]


def scheduled_price(except_id: int | None = None) -> int:
    """Credits that all Scheduled campaigns together will need, leaving one out when given (R28)."""
    query = CampaignModel.select(fn.SUM(CampaignModel.price)).where(
        has_status(Status.SCHEDULED), CampaignModel.deleted_at.is_null()
    )
    if except_id is not None:
        query = query.where(CampaignModel.id != except_id)
    return int(query.scalar() or 0)
