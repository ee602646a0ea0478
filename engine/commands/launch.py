"""Launching and calling off: schedule, send now, cancel, back to draft, reschedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import lifecycle, lock, preflight, preflight_reading, resolution, schedule
from engine.context import Context, command
from engine.errors import Refused
from engine.lifecycle import LOCK, Action
from store import account, audit, campaigns, database, ledger, transitions
from store.errors import ShortOfCredits
from store.types import Campaign, Status, Template

if TYPE_CHECKING:
    from engine.preflight import Preflight


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What was confirmed."""

    campaign: Campaign
    at: int
    lock_at: int
    locked: bool
    """Born locked: less than five minutes ahead (R16)."""


def check(campaign_id: int, now: int) -> Preflight:
    """The preflight of a campaign as it is stored, its rows brought up to date first. Raises `Missing`.

    It says too what the gateway answered within the last minute.
    """
    if campaigns.get(campaign_id).status is Status.DRAFT:
        resolution.resolve(campaign_id, now)
    return preflight.run(preflight_reading.facts_of(campaigns.get(campaign_id), now))


def _launchable(campaign: Campaign, action: Action, now: int) -> tuple[Preflight, Template]:
    refusal = lifecycle.refusal(
        action, campaign.status, scheduled_at=campaign.scheduled_at, now=now, locked=campaign.locked
    )
    if refusal is not None:
        raise refusal
    result = _passed(check(campaign.id, now))
    template = resolution.template_of(campaign)
    # The preflight blocks a campaign without a template.
    assert template is not None
    return result, template


def _passed(result: Preflight) -> Preflight:
    """The preflight, when nothing in it forbids the launch; raises `Refused` otherwise."""
    if result.blocking:
        first = result.blocking[0]
        raise Refused(
            first.code,
            "It cannot go yet: " + "; ".join(one.text for one in result.blocking) + ".",
            " ".join(dict.fromkeys(one.advice for one in result.blocking)),
        )
    return result


def schedule_at(context: Context, campaign_id: int, when: str, timezone: str | None = None) -> Scheduled:
    """Draft to Scheduled at a time as an operator types it (R12, R13), after check 1 (R26).

    `timezone` defaults to the account's. Raises `Refused` with the code of the first problem, `BadInput` for a time
    that cannot be read.
    """
    with command(context, "campaign.schedule", campaign_id):
        campaign = campaigns.get(campaign_id)
        zone = timezone or account.get_account().timezone
        result, template = _launchable(campaign, Action.SCHEDULE, context.clock.now())
        at = schedule.parse_when(when, zone, context.clock.now())
        with database.transaction():
            now = context.clock.now()
            _refuse_passed(at, now)
            if not transitions.schedule(
                campaign_id, campaign.version, at=at, timezone=zone, frozen=template, price=result.price, now=now
            ):
                raise lost(campaign_id, Action.SCHEDULE, now)
            audit.write(
                now,
                context.actor,
                "campaign.schedule",
                campaign_id,
                before={"status": "draft"},
                after={"status": "scheduled", "at": schedule.iso(at, zone), "price": result.price},
            )
            # Also keeps locked what is locked from birth (R16).
            lock.moment(context.clock, context.actor)
        done = campaigns.get(campaign_id)
        return Scheduled(done, at, lifecycle.lock_at(at), lifecycle.cancel_locked(at, now))


def send_now(context: Context, campaign_id: int, seen: int | None = None) -> Campaign:
    """Draft to In Progress at once: checks, reservation and start in one step (R12, R17, R27).

    `seen` is the version that the operator agreed to: of another one nothing is sent (`changed_meanwhile`).
    """
    with command(context, "campaign.send", campaign_id):
        campaign = campaigns.get(campaign_id)
        _launchable(campaign, Action.SEND_NOW, context.clock.now())
        with database.transaction():
            now = context.clock.now()
            # Another process may have brought the audience up to date meanwhile, which is no new version.
            facts = preflight_reading.facts_of(campaigns.get(campaign_id), now)
            result = _passed(preflight.run(facts))
            assert facts.template is not None
            started = transitions.start(
                campaign_id,
                source=Status.DRAFT,
                version=campaign.version if seen is None else seen,
                prices=result.prices,
                price=result.price,
                now=now,
            )
            if not started:
                raise lost(campaign_id, Action.SEND_NOW, now)
            transitions.freeze_template(campaign_id, facts.template)
            try:
                ledger.reserve(now, campaign_id, result.price, context.actor.name)
            except ShortOfCredits as error:
                raise Refused(
                    "insufficient_credits",
                    f"{error.needed:,} credits needed, {error.free:,} free: {error.needed - error.free:,} missing.",
                    "Top up with `sendoff credits add`, or choose a smaller audience.",
                ) from error
            campaigns.set_reserved(campaign_id, result.price)
            audit.write(
                now,
                context.actor,
                "campaign.send",
                campaign_id,
                before={"status": "draft"},
                after={"status": "in_progress", "price": result.price},
            )
        return campaigns.get(campaign_id)


def cancel(context: Context, campaign_id: int, seen: int | None = None) -> Campaign:
    """Scheduled to Cancelled, until five minutes before its time (R14).

    `seen` is the version that the operator agreed to: another one stays as it is (`changed_meanwhile`).
    """
    with command(context, "campaign.cancel", campaign_id):
        campaigns.get(campaign_id)
        with database.transaction():
            now = lock.moment(context.clock, context.actor)
            moved = _as_seen(campaign_id, seen) and transitions.cancel(campaign_id, now, LOCK)
            if moved:
                _audit_move(context, "campaign.cancel", campaign_id, now, "cancelled")
        if not moved:
            raise lost(campaign_id, Action.CANCEL, now)
        return campaigns.get(campaign_id)


def reopen(context: Context, campaign_id: int, seen: int | None = None) -> Campaign:
    """Scheduled back to Draft, until five minutes before its time (R14); `seen` as for `cancel`."""
    with command(context, "campaign.reopen", campaign_id):
        campaigns.get(campaign_id)
        with database.transaction():
            now = lock.moment(context.clock, context.actor)
            moved = _as_seen(campaign_id, seen) and transitions.reopen(campaign_id, now, LOCK)
            if moved:
                _audit_move(context, "campaign.reopen", campaign_id, now, "draft")
        if not moved:
            raise lost(campaign_id, Action.REOPEN, now)
        return campaigns.get(campaign_id)


def reschedule(
    context: Context, campaign_id: int, when: str, timezone: str | None = None, seen: int | None = None
) -> Scheduled:
    """Give a Scheduled campaign another time, until five minutes before the old one (R14); `seen` as for `cancel`."""
    with command(context, "campaign.reschedule", campaign_id):
        before = campaigns.get(campaign_id)
        zone = timezone or account.get_account().timezone
        at = schedule.parse_when(when, zone, context.clock.now())
        with database.transaction():
            now = lock.moment(context.clock, context.actor)
            moved = _as_seen(campaign_id, seen) and transitions.reschedule(campaign_id, now, LOCK, at=at, timezone=zone)
            if moved:
                audit.write(
                    now,
                    context.actor,
                    "campaign.reschedule",
                    campaign_id,
                    before={"at": before.scheduled_at},
                    after={"at": at},
                )
                lock.moment(context.clock, context.actor)
        if not moved:
            _refuse_passed(at, now)
            raise lost(campaign_id, Action.RESCHEDULE, now)
        return Scheduled(campaigns.get(campaign_id), at, lifecycle.lock_at(at), lifecycle.cancel_locked(at, now))


def _as_seen(campaign_id: int, seen: int | None) -> bool:
    """Whether the campaign is still what the operator was asked about; inside the transaction that writes."""
    return seen is None or campaigns.status(campaign_id)[1] == seen


def _refuse_passed(at: int, now: int) -> None:
    """Checks and questions take their time, so a time that was ahead when it was typed may have passed (R12)."""
    if at <= now:
        raise Refused("time_in_past", "That time has just passed.", "Choose a later one.")


def _audit_move(context: Context, action: str, campaign_id: int, now: int, status: str) -> None:
    audit.write(now, context.actor, action, campaign_id, before={"status": "scheduled"}, after={"status": status})


def lost(campaign_id: int, action: Action, now: int) -> Refused:
    """Why a compare-and-set changed nothing, told from the row as it is now."""
    campaign = campaigns.get(campaign_id)
    refusal = lifecycle.refusal(
        action,
        campaign.status,
        scheduled_at=campaign.scheduled_at,
        now=now,
        held=campaign.hold is not None,
        locked=campaign.locked,
    )
    if refusal is not None:
        return refusal
    return Refused(
        "changed_meanwhile",
        "Somebody else changed this campaign a moment ago.",
        "Open it again to see their change, then repeat yours.",
    )
