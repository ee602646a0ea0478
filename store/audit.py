"""The audit trail: append-only, written in the transaction of what it tells."""

from __future__ import annotations

from array import array
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from peewee import fn

from store.codec import dump, load
from store.database import proxy
from store.models import Audit
from store.types import Actor, AuditEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def write(
    now: int,
    actor: Actor,
    action: str,
    campaign_id: int | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: str = "",
) -> None:
    """Add one event (R11)."""
    Audit.insert(
        at=now,
        actor=actor.name,
        terminal=actor.terminal,
        action=action,
        campaign_id=campaign_id,
        before=dump(before or {}),
        after=dump(after or {}),
        detail=detail,
    ).execute()


def events(
    campaign_id: int | None = None,
    *,
    since: int | None = None,
    actor: str | None = None,
    actions: Collection[str] = (),
    limit: int = 1000,
) -> list[AuditEvent]:
    """The newest `limit` events, oldest first; of one campaign, of one person, of some actions when given."""
    query = Audit.select().order_by(Audit.id.desc()).limit(limit)
    if campaign_id is not None:
        query = query.where(Audit.campaign_id == campaign_id)
    if since is not None:
        query = query.where(Audit.at >= since)
    if actor is not None:
        query = query.where(Audit.actor == actor)
    if actions:
        query = query.where(Audit.action.in_(list(actions)))
    return [_event(row) for row in reversed(list(query))]


def ids(campaign_id: int | None = None, search: str = "") -> array[int]:
    """The ids of all events, newest first, 8 bytes each; of one campaign, and with a text in any part, when given."""
    query = Audit.select(Audit.id).order_by(Audit.id.desc())
    if campaign_id is not None:
        query = query.where(Audit.campaign_id == campaign_id)
    if search:
        parts = (Audit.action, Audit.actor, Audit.terminal, Audit.detail, Audit.before, Audit.after)
        query = query.where(reduce(or_, (part.contains(search) for part in parts)))
    # Peewee's own rows cost 8 microseconds each, the cursor's 0.3.
    return array("q", (event_id for (event_id,) in proxy.execute_sql(*query.sql())))


def page(wanted: Sequence[int]) -> dict[int, AuditEvent]:
    """Events by id, for one page of ids."""
    return {row.id: _event(row) for row in Audit.select().where(Audit.id.in_(list(wanted)))}


def _event(row: Any) -> AuditEvent:
    return AuditEvent(
        row.id,
        row.at,
        row.actor,
        row.terminal,
        row.action,
        row.campaign_id,
        load(row.before),
        load(row.after),
        row.detail,
    )


def newest() -> int:
    """The id of the newest event, 0 before the first; goes up with everything but a run's counters."""
    return int(Audit.select(fn.MAX(Audit.id)).scalar() or 0)
