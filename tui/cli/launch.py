"""Launching and calling off: preflight, schedule, send, cancel, back to draft, reschedule, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import preflight as checks
from engine import preflight_reading, schedule
from engine.asking import AT_A_RESUME_MS
from engine.commands import drafts, launch, resuming
from engine.errors import Refused
from engine.preflight_facts import Level
from store import campaigns
from store.types import Campaign, Endpoint, Status
from tui.cli.asking import ask_gateway
from tui.cli.drafts import require_yes
from tui.cli.telling import campaign_json, named, sentence, tell

if TYPE_CHECKING:
    from argparse import Namespace

    from engine.commands.launch import Scheduled
    from engine.preflight import Preflight
    from tui.cli.session import Session

_SIGNS = {Level.OK: "ok", Level.WARN: "warns", Level.BLOCK: "BLOCKS"}


def preflight(options: Namespace, session: Session) -> int:
    """List everything that stands before the launch; raises `Refused` with the first code when something does."""
    campaign = campaigns.get(options.id)
    if campaign.status is Status.DRAFT:
        # As a form's: it counts anew and writes nothing.
        ask_gateway(session, campaign)
        facts = preflight_reading.facts_for_form(drafts.fields_of(campaign), campaign, session.now)
    elif campaign.status is Status.SCHEDULED:
        ask_gateway(session, campaign)
        facts = preflight_reading.facts_of_scheduled(drafts.fields_of(campaign), campaign, session.now)
    else:
        raise Refused(
            "illegal_transition",
            f"The campaign is {campaign.status.value.replace('_', ' ')}: there is no launch to check.",
            "Duplicate it to get a new Draft.",
        )
    result = checks.run(facts)
    if session.output.as_json:
        session.output.document(_preflight_json(campaign, result))
    else:
        rows = [(_SIGNS[check.level], check.text, check.advice) for check in result.checks]
        session.output.table(("", "CHECK", "WHAT TO DO"), rows)
    if result.blocking:
        count = len(result.blocking)
        raise Refused(
            result.blocking[0].code,
            f"It cannot go yet: {'; '.join(check.text for check in result.blocking)}.",
            "Put that right first." if count == 1 else f"Put these {count} right first.",
        )
    return 0


def _preflight_json(campaign: Campaign, result: Preflight) -> dict[str, object]:
    return {
        "campaign": campaign.id,
        "ok": not result.blocking,
        "valid": result.valid,
        "price": result.price,
        "checks": [
            {
                "code": check.code,
                "level": check.level.value,
                "text": check.text,
                "advice": check.advice,
                "field": check.field,
            }
            for check in result.checks
        ],
    }


def schedule_at(options: Namespace, session: Session) -> int:
    """Schedule a Draft."""
    ask_gateway(session, campaigns.get(options.id))
    _tell_scheduled(session, launch.schedule_at(session.context, options.id, options.at, options.timezone))
    return 0


def reschedule(options: Namespace, session: Session) -> int:
    """Give a Scheduled campaign another time."""
    _tell_scheduled(session, launch.reschedule(session.context, options.id, options.at, options.timezone))
    return 0


def _tell_scheduled(session: Session, done: Scheduled) -> None:
    campaign, zone = done.campaign, session.zone
    if session.output.as_json:
        session.output.document({**campaign_json(session, campaign), "locked": done.locked})
        return
    distance = schedule.describe(done.at, zone, session.now).rpartition(", ")[2]
    valid = campaign.progress.pending
    session.output.say(
        sentence(f"{named(campaign)} goes to {valid:,} at {schedule.iso(done.at, zone)} ({zone}), {distance}.")
    )
    if done.locked:
        session.output.say("That is less than 5 minutes ahead: it is locked from birth and cannot be called off.")
    else:
        session.output.say(f"It can be cancelled until {schedule.iso(done.lock_at, zone)}.")
    if campaign.timezone not in (None, zone):
        session.output.say(f"In {campaign.timezone} that is {schedule.iso(done.at, campaign.timezone or zone)}.")


def send(options: Namespace, session: Session) -> int:
    """Send a Draft now."""
    campaign = campaigns.get(options.id)
    require_yes(
        options, f"This sends {named(campaign)} to {campaign.progress.pending:,} at once; it cannot be cancelled."
    )
    ask_gateway(session, campaign)
    started = launch.send_now(session.context, options.id)
    tell(
        session,
        started,
        f"{named(started)} is in progress: {started.progress.pending:,} messages, {started.price:,} credits reserved.",
        "A worker sends it: the console has one, or run `sendoff worker`.",
    )
    return 0


def cancel(options: Namespace, session: Session) -> int:
    """Cancel a Scheduled campaign in time."""
    campaign = campaigns.get(options.id)
    require_yes(options, f"This cancels {_with_time(session, campaign)}. Nothing is sent and no credit is taken.")
    done = launch.cancel(session.context, options.id)
    tell(session, done, f"{named(done)} is cancelled. Nothing is sent and no credit is taken.")
    return 0


def reopen(options: Namespace, session: Session) -> int:
    """Take a Scheduled campaign back to Draft in time."""
    campaign = campaigns.get(options.id)
    require_yes(options, f"This takes {_with_time(session, campaign)} back to Draft; it will not go by itself then.")
    done = launch.reopen(session.context, options.id)
    tell(session, done, f"{named(done)} is a Draft again.")
    return 0


def resume(options: Namespace, session: Session) -> int:
    """Let go on what is on hold: a run, or after a restore what is scheduled."""
    campaign = campaigns.get(options.id)
    if campaign.hold is not None:
        ask_gateway(session, campaign, AT_A_RESUME_MS)
    told = resuming.resumes_into(campaign, session.now)
    if options.endpoint is None:
        done = resuming.resume(session.context, options.id)
    else:
        done = resuming.reroute(session.context, options.id, Endpoint(options.endpoint))
    if done.status is Status.SCHEDULED:
        tell(session, done, f"{named(done)} is on hold no more and goes at its time.")
    else:
        tell(session, done, f"{named(done)} goes on: {done.progress.pending:,} messages are left. {told}".rstrip())
    return 0


def _with_time(session: Session, campaign: Campaign) -> str:
    """R18: the campaign, its time and its audience."""
    at = campaign.scheduled_at
    when = "" if at is None else f" which goes at {schedule.iso(at, session.zone)}"
    return f"{named(campaign)}{when} to {campaign.progress.pending:,}"
