"""`sendoff audit` (R11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import trail
from engine.schedule import iso
from store import audit, campaigns
from tui.cli.listing import moment

if TYPE_CHECKING:
    from argparse import Namespace

    from store.types import AuditEvent
    from tui.cli.session import Session


def show_audit(options: Namespace, session: Session) -> int:
    """List the events that match, oldest first. Raises `store.errors.Missing` for a campaign that never was."""
    zone = session.zone
    found = audit.events(
        options.campaign,
        since=None if options.since is None else moment(options.since, zone),
        actor=options.actor,
        limit=options.limit,
    )
    if not found and options.campaign is not None and not audit.events(options.campaign, limit=1):
        # A deleted draft has events; this one has none, so it is there without any or never was.
        campaigns.get(options.campaign)
    if session.output.as_json:
        session.output.document([_document(event, zone) for event in found])
    elif not found:
        session.output.say("No event matches.")
    else:
        rows = [
            (
                iso(event.at, zone),
                event.actor,
                event.terminal or "-",
                event.action,
                "-" if event.campaign_id is None else f"{event.campaign_id}",
                trail.summary(event),
            )
            for event in found
        ]
        session.output.table(("WHEN", "WHO", "FROM", "WHAT", "CAMPAIGN", "BEFORE -> AFTER"), rows, right=("CAMPAIGN",))
    return 0


def _document(event: AuditEvent, zone: str) -> dict[str, object]:
    return {
        "id": event.id,
        "at": iso(event.at, zone),
        "actor": event.actor,
        "terminal": event.terminal,
        "action": event.action,
        "campaign": event.campaign_id,
        "before": event.before,
        "after": event.after,
        "detail": event.detail,
    }
