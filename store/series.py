"""Series: recurring campaigns, each with its own copy of an audience (R21)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from store.codec import dump_fills, dump_route, load, load_fills, load_route
from store.database import execute
from store.errors import Missing
from store.models import Audience as AudienceModel
from store.models import Series as SeriesModel
from store.query import first
from store.types import ORDINARY, Audience, Fill, OverQuota, Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class State(StrEnum):
    """Where a series stands; `ENDED` is final."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


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


def name_of(series_id: int) -> str:
    """What a series is called. Raises `Missing`."""
    row = first(SeriesModel.select(SeriesModel.name).where(SeriesModel.id == series_id))
    if row is None:
        raise Missing(f"no series {series_id}")
    return str(row[0])
