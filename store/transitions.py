"""Every change of a campaign's status, each one compare-and-set statement that holds its own condition.

A stale screen, a second console and the worker cannot all win (R9, R15). Each function answers whether it changed the
row; the caller re-reads it to say why not, and writes the audit event in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from store.campaigns import change, has_status, list_key
from store.codec import dump, dump_route, dump_template
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.models import SendWindow
from store.types import Route, Status, Template

if TYPE_CHECKING:
    from collections.abc import Mapping


NO_HOLD: Final = {"hold_reason": None, "hold_text": "", "hold_since": None, "hold_until": None}


def schedule(campaign_id: int, version: int, *, at: int, timezone: str, frozen: Template, price: int, now: int) -> bool:
    """Draft to Scheduled, if the time is still ahead and nobody changed the draft since `version`."""
    return at > now and change(
        campaign_id,
        [has_status(Status.DRAFT), CampaignModel.version == version],
        {
            "status": Status.SCHEDULED.value,
            "scheduled_at": at,
            "timezone": timezone,
            "template_frozen": dump_template(frozen),
            "price": price,
            "locked": 0,
            "list_key": list_key(Status.SCHEDULED, at),
        },
    )


def _open_until(now: int, lock: int) -> list[Any]:
    """The lock itself: enough time left, and never seen with less, whatever the clock says now (R14, R15)."""
    return [has_status(Status.SCHEDULED), CampaignModel.scheduled_at - now >= lock, CampaignModel.locked == 0]


def cancel(campaign_id: int, now: int, lock: int) -> bool:
    """Scheduled to Cancelled, if at least `lock` ms are left (R14)."""
    return change(
        campaign_id,
        _open_until(now, lock),
        {"status": Status.CANCELLED.value, "finished_at": now, "list_key": list_key(Status.CANCELLED, now), **NO_HOLD},
    )


def reopen(campaign_id: int, now: int, lock: int) -> bool:
    """Scheduled back to Draft, if at least `lock` ms are left (R14)."""
    return change(
        campaign_id,
        _open_until(now, lock),
        {
            "status": Status.DRAFT.value,
            "scheduled_at": None,
            "template_frozen": None,
            # What is heard of the one before the restore says nothing of what is made of it now.
            "restored_at": None,
            **NO_HOLD,
            "edited_at": now,
            "list_key": list_key(Status.DRAFT, now),
        },
    )


def reschedule(campaign_id: int, now: int, lock: int, *, at: int, timezone: str) -> bool:
    """Give a Scheduled campaign another time, if at least `lock` ms are left of the old one (R14); it ends a hold."""
    return at > now and change(
        campaign_id,
        _open_until(now, lock),
        {"scheduled_at": at, "timezone": timezone, "list_key": list_key(Status.SCHEDULED, at), **NO_HOLD},
    )


def start(
    campaign_id: int, *, source: Status, version: int | None, prices: Mapping[str, int], price: int, now: int
) -> bool:
    """Scheduled (and due), or Draft (send now, unchanged since `version`), to In Progress."""
    if source not in (Status.SCHEDULED, Status.DRAFT):
        return False
    conditions = [has_status(source)]
    changes: dict[str, Any] = {
        "status": Status.IN_PROGRESS.value,
        "started_at": now,
        "prices": dump(dict(prices)),
        "price": price,
        "list_key": list_key(Status.IN_PROGRESS, now),
    }
    if source is Status.SCHEDULED:
        conditions += [CampaignModel.scheduled_at <= now, CampaignModel.hold_reason.is_null()]
    else:
        conditions.append(CampaignModel.version == version)
        changes["send_now"] = True
    return change(campaign_id, conditions, changes)


def freeze_template(campaign_id: int, frozen: Template) -> None:
    """Freeze the template with the campaign (R24)."""
    CampaignModel.update(template_frozen=dump_template(frozen)).where(CampaignModel.id == campaign_id).execute()


def fail_to_start(campaign_id: int, reason: str, detail: Mapping[str, Any], now: int) -> bool:
    """Scheduled to Failed: the run could not start (R6)."""
    return change(
        campaign_id,
        [has_status(Status.SCHEDULED), CampaignModel.hold_reason.is_null()],
        {
            "status": Status.FAILED.value,
            "status_reason": reason,
            "status_detail": dump(dict(detail)),
            "finished_at": now,
            "list_key": list_key(Status.FAILED, now),
        },
    )


def finish(campaign_id: int, ended: Status, reason: str | None, detail: Mapping[str, Any], now: int) -> bool:
    """In Progress to Completed or Failed, if nothing is pending and no hand-over is open."""
    idle = ProgressModel.select().where(ProgressModel.campaign == campaign_id, ProgressModel.pending == 0)
    windows = SendWindow.select().where(SendWindow.campaign == campaign_id)
    if ended not in (Status.COMPLETED, Status.FAILED) or not idle.exists() or windows.exists():
        return False
    return change(
        campaign_id,
        [has_status(Status.IN_PROGRESS)],
        {
            "status": ended.value,
            "status_reason": reason,
            "status_detail": dump(dict(detail)),
            **NO_HOLD,
            "finished_at": now,
            "list_key": list_key(ended, now),
        },
    )


def hold(campaign_id: int, reason: str, text: str, now: int, until: int | None) -> bool:
    """Put a run on hold (R45); a run that is held keeps the time since when."""
    since = CampaignModel.hold_since
    held = CampaignModel.select(since).where(CampaignModel.id == campaign_id, since.is_null(False)).scalar()
    return change(
        campaign_id,
        [has_status(Status.IN_PROGRESS)],
        {"hold_reason": reason, "hold_text": text, "hold_since": held or now, "hold_until": until},
    )


def reroute(campaign_id: int, route: Route) -> bool:
    """Give a held run another route; `lift` lets it go on."""
    return change(
        campaign_id,
        [has_status(Status.IN_PROGRESS), CampaignModel.hold_reason.is_null(False)],
        {"route": dump_route(route)},
    )


def lift(campaign_id: int, reason: str | None = None) -> bool:
    """Let a held run, or a held Scheduled campaign, go on; with a `reason` only if it is held for that."""
    held = CampaignModel.hold_reason
    return change(
        campaign_id,
        [
            has_status(Status.IN_PROGRESS) | has_status(Status.SCHEDULED),
            held.is_null(False) if reason is None else held == reason,
        ],
        NO_HOLD,
    )
