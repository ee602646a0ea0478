"""What the report screen reads off the loop."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from engine import timeline
from engine.report import read as read_report
from store import listing, recipients
from store.errors import Missing
from tui.recipient_cells import FILTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.report import Report
    from engine.timeline import Timeline
    from store.types import CampaignRow
    from tui.recipient_cells import Reason


def report_and_row(campaign_id: int) -> tuple[Report, CampaignRow, Timeline | None]:
    """The report, the campaign's line of the list and its timeline. Raises `Missing`."""
    rows: Mapping[int, CampaignRow] = listing.rows([campaign_id])
    if campaign_id not in rows:
        raise Missing(f"no campaign {campaign_id}")
    report = read_report(campaign_id)
    return report, rows[campaign_id], timeline.read(report.campaign)


def seqs(campaign_id: int, key: int, reason: Reason | None) -> array[int]:
    """The recipients that a filter lets through: those of one state, or with one reason."""
    _, states, delivery = FILTERS[key]
    try:
        if reason is not None:
            return recipients.seqs(
                campaign_id, states=reason.states, delivery=reason.delivery, error=reason.error, skip=reason.skip
            )
        return recipients.seqs(campaign_id, states=states, delivery=delivery)
    except Missing:
        # A campaign without an audience has no rows.
        return array("q")
