"""Occurrences of series, and the campaigns that they fire (R21).

An occurrence is a row under (series, local date and time), and that key decides who creates a firing: of two workers
that try at once one has its row refused, and makes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from peewee import JOIN

from store import tallies
from store.campaigns import list_key
from store.codec import dump, dump_fills, dump_route, dump_template
from store.database import execute, transaction
from store.models import Audience as AudienceModel
from store.models import Campaign as CampaignModel
from store.models import Occurrence as OccurrenceModel
from store.models import Progress as ProgressModel
from store.models import Series as SeriesModel
from store.query import tuples
from store.series import State
from store.types import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from store.series import Series
    from store.types import Template


class Outcome(StrEnum):
    """What became of an occurrence."""

    CREATED = "created"
    """Its campaign was made ahead of its time."""
    LATE = "late"
    """Its campaign was made after its time, within the grace."""
    MISSED = "missed"
    """No worker ran, so there is no campaign."""


class Occurrence(NamedTuple):
    """One firing of a series, with what became of its campaign."""

    series_id: int
    local: str
    at: int
    outcome: Outcome
    campaign_id: int | None
    status: Status | None
    """Of the campaign; `None` also when it was deleted."""
    scheduled_at: int | None
    """Of the campaign: an operator may have given it another time."""
    started_at: int | None


class Ahead(NamedTuple):
    """A series whose last occurrence is ahead."""

    id: int
    cron: str
    timezone: str
    ends_at: int | None
    at: int
    """Of its last occurrence."""
    outcome: str


class Firing(NamedTuple):
    """A campaign to be made, Scheduled from birth."""

    series: Series
    local: str
    at: int
    outcome: Outcome
    name: str
    template: Template | None
    audience_id: int
    """A finished copy that belongs to no campaign yet."""
    skipped: Mapping[str, int]
    countries: Mapping[str, int]
    price: int


def ahead(now: int) -> list[Ahead]:
    """The active series whose last occurrence is ahead; whether it is the next one, only their clocks tell."""
    found = execute(
        "SELECT s.id, s.cron, s.timezone, s.ends_at, o.at, o.outcome FROM series s JOIN occurrence o "
        "ON o.series_id = s.id AND o.local = (SELECT local FROM occurrence "
        "WHERE series_id = s.id ORDER BY local DESC LIMIT 1) WHERE s.state = 'active' AND o.at > ? ORDER BY s.id",
        (now,),
    )
    return [Ahead(*row) for row in found.fetchall()]


def is_made(series_id: int, local: str) -> bool:
    """Whether an occurrence has, or had, its campaign."""
    made = OccurrenceModel.select().where(
        OccurrenceModel.series_id == series_id,
        OccurrenceModel.local == local,
        OccurrenceModel.outcome != Outcome.MISSED.value,
    )
    return bool(made.exists())


def unmiss(series_id: int, now: int) -> int:
    """Forget occurrences that were recorded as missed and are still ahead; answers how many."""
    return int(
        OccurrenceModel.delete()
        .where(
            OccurrenceModel.series_id == series_id,
            OccurrenceModel.outcome == Outcome.MISSED.value,
            OccurrenceModel.at > now,
        )
        .execute()
    )


def last(series_id: int, until: int) -> Occurrence | None:
    """The latest occurrence up to a time."""
    return next(iter(_occurrences(1, OccurrenceModel.series_id == series_id, OccurrenceModel.at <= until)), None)


def of_series(series_id: int, limit: int) -> list[Occurrence]:
    """The occurrences so far and the one ahead, the latest first."""
    return _occurrences(limit, OccurrenceModel.series_id == series_id)


def _occurrences(limit: int, *conditions: Any) -> list[Occurrence]:
    query = (
        OccurrenceModel.select(
            OccurrenceModel.series_id,
            OccurrenceModel.local,
            OccurrenceModel.at,
            OccurrenceModel.outcome,
            OccurrenceModel.campaign_id,
            CampaignModel.status,
            CampaignModel.scheduled_at,
            CampaignModel.started_at,
        )
        .join(
            CampaignModel,
            JOIN.LEFT_OUTER,
            on=((CampaignModel.id == OccurrenceModel.campaign_id) & CampaignModel.deleted_at.is_null()),
        )
        .where(*conditions)
        .order_by(OccurrenceModel.local.desc())
        .limit(limit)
    )
    return [
        Occurrence(
            series, local, at, Outcome(outcome), campaign, None if status is None else Status(status), when, began
        )
        for series, local, at, outcome, campaign, status, when, began in tuples(query)
    ]


def _claim(series_id: int, local: str, at: int, outcome: Outcome) -> bool:
    done = execute(
        "INSERT INTO occurrence (series_id, local, at, campaign_id, outcome) VALUES (?, ?, ?, NULL, ?) "
        "ON CONFLICT DO NOTHING",
        (series_id, local, at, outcome.value),
    )
    return bool(done.rowcount)


def miss(series_id: int, local: str, at: int) -> bool:
    """Record an occurrence that nobody created; false when it is known already."""
    return _claim(series_id, local, at, Outcome.MISSED)


def fire(firing: Firing, created_by: str, now: int) -> int | None:
    """Make the campaign of an occurrence, with its audience; `None` when there is nothing to make any more.

    That is so when somebody else made it, or when the series is no longer what it was when the firing was prepared.
    """
    one = firing.series
    with transaction():
        same = SeriesModel.select().where(
            SeriesModel.id == one.id,
            SeriesModel.version == one.version,
            SeriesModel.state == State.ACTIVE.value,
        )
        if not same.exists() or not _claim(one.id, firing.local, firing.at, firing.outcome):
            return None
        campaign_id = _campaign(firing, created_by, now)
        OccurrenceModel.update(campaign_id=campaign_id).where(
            OccurrenceModel.series_id == one.id, OccurrenceModel.local == firing.local
        ).execute()
        AudienceModel.update(complete=True).where(AudienceModel.id == firing.audience_id).execute()
        tallies.replace(campaign_id, tallies.SKIP, firing.skipped)
        tallies.replace(campaign_id, tallies.COUNTRY, firing.countries)
        return campaign_id


def _campaign(firing: Firing, created_by: str, now: int) -> int:
    one, template = firing.series, firing.template
    campaign_id = int(
        CampaignModel.insert(
            name=firing.name,
            status=Status.SCHEDULED.value,
            sender=one.sender_id,
            template=None if template is None else template.id,
            template_name=None if template is None else template.name,
            template_frozen=None if template is None else dump_template(template),
            fills=dump_fills(one.fills),
            audience=firing.audience_id,
            over_quota=one.over_quota.value,
            grace=one.grace,
            route=dump_route(one.route),
            scheduled_at=firing.at,
            timezone=one.timezone,
            price=firing.price,
            prices=dump({}),
            created_by=created_by,
            created_at=now,
            edited_at=now,
            series_id=one.id,
            occurrence=firing.local,
            list_key=list_key(Status.SCHEDULED, firing.at),
        ).execute()
    )
    skips, valid = sum(firing.skipped.values()), sum(firing.countries.values())
    ProgressModel.insert(campaign=campaign_id, audience=skips + valid, skipped=skips, pending=valid).execute()
    return campaign_id
