"""The audit trail: append-only, written in the transaction of what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peewee import fn

from store.codec import dump, load
from store.models import Audit
from store.types import Actor, AuditEvent

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def events(campaign_id: int | None = None, *, since: int | None = None, limit: int = 1000) -> list[AuditEvent]:
    """The newest `limit` events, oldest first; of one campaign when given."""
    query = Audit.select().order_by(Audit.id.desc()).limit(limit)
    if campaign_id is not None:
        query = query.where(Audit.campaign_id == campaign_id)
    if since is not None:
        query = query.where(Audit.at >= since)
    return [
        AuditEvent(
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
        for row in reversed(list(query))
    ]


def newest() -> int:
    """The id of the newest event, 0 before the first; goes up with everything but a run's counters."""
    return int(Audit.select(fn.MAX(Audit.id)).scalar() or 0)
