"""Drafts on their way out: expired ones, deleted ones that can be restored, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from store.audiences import drop_audience
from store.campaigns import change, has_status, list_key
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.query import first, tuples
from store.types import Status

if TYPE_CHECKING:
    from collections.abc import Sequence


class Draft(NamedTuple):
    """What there is to know of a draft that is going."""

    id: int
    name: str
    audience: int
    """Rows of its audience."""
    edited_at: int
    deleted_at: int | None


_NO_AUDIENCE = 0


def _drafts(conditions: Sequence[Any], order: Any, limit: int | None) -> list[Draft]:
    query = (
        CampaignModel.select(
            CampaignModel.id,
            CampaignModel.name,
            ProgressModel.audience,
            CampaignModel.edited_at,
            CampaignModel.deleted_at,
        )
        .join(ProgressModel, on=(ProgressModel.campaign == CampaignModel.id))
        .where(has_status(Status.DRAFT), *conditions)
        .order_by(order)
    )
    return [Draft(*row) for row in tuples(query if limit is None else query.limit(limit))]


def expired(edited_before: int, limit: int) -> list[Draft]:
    """Drafts not edited since a time, the longest untouched first."""
    # For drafts the order of the list is the order of editing, turned round, and that one has an index.
    newest = list_key(Status.DRAFT, edited_before)
    return _drafts(
        [CampaignModel.deleted_at.is_null(), CampaignModel.list_key >= newest], CampaignModel.list_key.desc(), limit
    )


def expire(campaign_id: int, edited_before: int, now: int) -> bool:
    """Delete a Draft if it still was not edited since that time."""
    return change(
        campaign_id, [has_status(Status.DRAFT), CampaignModel.edited_at <= edited_before], {"deleted_at": now}
    )


def restorable(since: int) -> list[Draft]:
    """Drafts deleted since a time, the last deleted first."""
    return _drafts([CampaignModel.deleted_at > since], CampaignModel.deleted_at.desc(), None)


def restore(campaign_id: int, since: int, now: int) -> bool:
    """Bring a Draft back that was deleted since that time; it counts as edited now."""
    query = CampaignModel.update(
        deleted_at=None, edited_at=now, list_key=list_key(Status.DRAFT, now), version=CampaignModel.version + 1
    ).where(CampaignModel.id == campaign_id, has_status(Status.DRAFT), CampaignModel.deleted_at > since)
    return bool(query.execute())


def purgeable(deleted_before: int, limit: int) -> list[Draft]:
    """Drafts deleted so long ago that they cannot be restored."""
    return _drafts([CampaignModel.deleted_at <= deleted_before], CampaignModel.deleted_at, limit)


def purge(campaign_id: int, deleted_before: int) -> int | None:
    """Take a deleted Draft out for good; answers its audience for `drop`, `None` when it was restored meanwhile."""
    condition = (CampaignModel.id == campaign_id, has_status(Status.DRAFT), CampaignModel.deleted_at <= deleted_before)
    row = first(CampaignModel.select(CampaignModel.audience).where(*condition))
    if row is None or not CampaignModel.delete().where(*condition).execute():
        return None
    return _NO_AUDIENCE if row[0] is None else int(row[0])


def drop(audience_id: int) -> None:
    """Remove the rows of a purged Draft, in short transactions."""
    if audience_id != _NO_AUDIENCE:
        drop_audience(audience_id)
