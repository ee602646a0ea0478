"""Series: recurring campaigns, their own copy of an audience, and the campaigns they fire (R21).

An occurrence is a row under (series, local date and time), and that key decides who creates a firing: of two workers
that try at once one has its row refused, and makes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from peewee import JOIN

from store import tallies
from store.campaigns import list_key
from store.codec import dump, dump_fills, dump_route, dump_template, load, load_fills, load_route
from store.database import execute, transaction
from store.errors import Missing
from store.models import Audience as AudienceModel
from store.models import Campaign as CampaignModel
from store.models import Occurrence as OccurrenceModel
from store.models import Progress as ProgressModel
from store.models import Series as SeriesModel
from store.query import first, tuples
from store.types import ORDINARY, Audience, Fill, OverQuota, Route, Status, Template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class State(StrEnum):
    """Where a series stands; `ENDED` is final."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class Outcome(StrEnum):
    """What became of an occurrence."""

    CREATED = "created"
    """Its campaign was made ahead of its time."""
    LATE = "late"
    """Its campaign was made after its time, within the grace."""
    MISSED = "missed"
    """No worker ran, so there is no campaign."""


class SeriesFields(NamedTuple):
    """What a series is made of."""

    name: str
    cron: str
    timezone: str
    ends_at: int | None
    sender_id: int | None
    template_id: int | None
    fills: Mapping[str, Fill]
    audience_id: int
    over_quota: OverQuota
    grace: int
    route: Route = ORDINARY


class Series(NamedTuple):
    """A recurring campaign."""

    id: int
    name: str
    cron: str
    timezone: str
    ends_at: int | None
    """Nothing fires later than this."""
    state: State
    sender_id: int | None
    template_id: int | None
    fills: Mapping[str, Fill]
    audience: Audience
    """Its own copy; each firing copies it again."""
    over_quota: OverQuota
    grace: int
    """Minutes a late firing is still made."""
    note: str
    """The last thing that went otherwise than planned, for people."""
    created_by: str
    created_at: int
    edited_at: int
    """When its state last changed: what was due before is over."""
    version: int
    route: Route = ORDINARY


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


def _audience(audience_id: int) -> Audience:
    row = AudienceModel.get_by_id(audience_id)
    return Audience(row.id, row.file, tuple(load(row.columns)), row.number_column, row.country)


def _series(row: Any) -> Series:
    return Series(
        id=row.id,
        name=row.name,
        cron=row.cron,
        timezone=row.timezone,
        ends_at=row.ends_at,
        state=State(row.state),
        sender_id=row.sender_id,
        template_id=row.template_id,
        fills=load_fills(row.fills),
        audience=_audience(row.audience_id),
        over_quota=OverQuota(row.over_quota),
        grace=row.grace,
        note=row.note,
        created_by=row.created_by,
        created_at=row.created_at,
        edited_at=row.edited_at,
        version=row.version,
        route=load_route(row.route),
    )


def get(series_id: int) -> Series:
    """One series. Raises `Missing`."""
    row = SeriesModel.get_or_none(SeriesModel.id == series_id)
    if row is None:
        raise Missing(f"no series {series_id}")
    return _series(row)


def everyone() -> list[Series]:
    """All series: active, then paused, then ended, the newest first."""
    order = {State.ACTIVE: 0, State.PAUSED: 1, State.ENDED: 2}
    found = [_series(row) for row in SeriesModel.select().order_by(SeriesModel.id.desc())]
    return sorted(found, key=lambda one: order[one.state])


def create(fields: SeriesFields, created_by: str, now: int) -> int:
    """Add an active series and answer its id; its audience is kept from then on."""
    AudienceModel.update(complete=True).where(AudienceModel.id == fields.audience_id).execute()
    values = fields._replace(fills={})._asdict()
    return int(
        SeriesModel.insert(
            **values
            | {
                "fills": dump_fills(fields.fills),
                "over_quota": fields.over_quota.value,
                "route": dump_route(fields.route),
                "state": State.ACTIVE.value,
                "created_by": created_by,
                "created_at": now,
                "edited_at": now,
            }
        ).execute()
    )


def change_state(series_id: int, version: int, before: Sequence[State], after: State, now: int) -> bool:
    """Pause, resume or end a series, if nobody changed it since `version`."""
    return bool(
        SeriesModel.update(state=after.value, edited_at=now, version=SeriesModel.version + 1)
        .where(
            SeriesModel.id == series_id,
            SeriesModel.version == version,
            SeriesModel.state.in_([state.value for state in before]),
        )
        .execute()
    )


def set_note(series_id: int, note: str) -> None:
    """Keep what people should know of its last firing."""
    SeriesModel.update(note=note).where(SeriesModel.id == series_id).execute()


def wanting(now: int) -> list[int]:
    """Ids of the active series that have no occurrence ahead."""
    # Cheap enough for every second: the key's order is the order of time, so the last occurrence is one look-up.
    found = execute(
        "SELECT id FROM series WHERE state = 'active' AND COALESCE((SELECT at FROM occurrence "
        "WHERE series_id = series.id ORDER BY local DESC LIMIT 1), 0) <= ? ORDER BY id",
        (now,),
    )
    return [series_id for (series_id,) in found.fetchall()]


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


def occurrences(series_id: int, limit: int) -> list[Occurrence]:
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


def name_of(series_id: int) -> str:
    """What a series is called. Raises `Missing`."""
    row = first(SeriesModel.select(SeriesModel.name).where(SeriesModel.id == series_id))
    if row is None:
        raise Missing(f"no series {series_id}")
    return str(row[0])


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
