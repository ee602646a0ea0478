"""Starting what is due: check 2, reservation and the change of status in one transaction (DESIGN section 4, step 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine import (
    placeholders,
    preflight,
    preflight_credits,
    preflight_facts,
    preflight_reading,
    pricing,
    resolution,
    schedule,
    templates,
)
from engine.remote_senders import USABLE
from engine.templates import APPROVED
from store import account, audit, campaigns, database, ledger, tallies, transitions
from store.errors import Conflict, Missing, ShortOfCredits
from store.types import Actor, Campaign, RootCause, Status, Template

if TYPE_CHECKING:
    from engine.clock import Clock

WORKER = Actor("worker")


def start_due(clock: Clock, campaign_id: int, wanted: Callable[[], bool] = lambda: True) -> RootCause | None:
    """Start a Scheduled campaign whose time has come, or fail it with its root cause, which is answered.

    Does nothing to a campaign that was cancelled, started or moved meanwhile, nor when it is no longer `wanted`, nor
    when the account's limits changed meanwhile: it stays due then.
    """
    # Opt-outs and messages since the import are applied in short transactions of their own; one that comes later still
    # is seen at the claim.
    standing = resolution.follow(campaign_id, clock.now(), wanted)
    if standing is None:
        return None
    try:
        return _start_or_fail(clock, campaign_id, standing)
    except Conflict:
        return None


def _start_or_fail(clock: Clock, campaign_id: int, standing: resolution.Standing) -> RootCause | None:
    with database.transaction():
        now = clock.now()
        campaign = campaigns.get(campaign_id)
        if campaign.status is not Status.SCHEDULED or campaign.scheduled_at is None or campaign.scheduled_at > now:
            return None
        if resolution.standing(campaign) != standing:
            # The next step brings the rows in step again, for the claim looks at no country.
            return None
        if campaign.hold is not None:
            # A restored one waits for a person, however late it gets.
            return None
        problem = _problem(campaign, now)
        if problem is None:
            problem = _start(campaign, now)
        if problem is None:
            return None
        cause, detail = problem
        if transitions.fail_to_start(campaign_id, cause.value, detail, now):
            audit.write(
                now,
                WORKER,
                "campaign.failed",
                campaign_id,
                before={"status": "scheduled"},
                after={"status": "failed", "reason": cause.value, "detail": dict(detail)},
            )
        return cause


def _problem(campaign: Campaign, now: int) -> tuple[RootCause, Mapping[str, Any]] | None:
    assert campaign.scheduled_at is not None
    if schedule.late(campaign.scheduled_at, now, campaign.grace) == "missed":
        late_ms = now - campaign.scheduled_at
        return RootCause.MISSED_WINDOW, {"late_ms": late_ms, "grace_minutes": campaign.grace}
    try:
        template = None if campaign.template_id is None else account.get_template(campaign.template_id)
    except Missing:
        template = None
    frozen = campaign.template_frozen
    if template is None or frozen is None:
        return RootCause.TEMPLATE_UNAVAILABLE, {"template": frozen.ref if frozen else "", "state": "DELETED"}
    if template.status != APPROVED:
        return RootCause.TEMPLATE_UNAVAILABLE, {"template": template.ref, "state": template.status}
    if templates.content(template) != templates.content(frozen):
        return RootCause.TEMPLATE_CHANGED, {"template": template.ref}
    unfit = _unfit(campaign, frozen)
    if unfit is not None:
        return RootCause.TEMPLATE_CHANGED, {"template": template.ref, "unfit": unfit}
    sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
    if sender is None or sender.status not in USABLE:
        detail = {"reason": "none chosen"} if sender is None else {"sender": sender.number, "reason": sender.status}
        return RootCause.SENDER_UNAVAILABLE, detail
    if campaign.progress.pending == 0:
        return RootCause.NO_VALID_RECIPIENTS, {"skipped": tallies.of(campaign.id, tallies.SKIP)}
    return None


def _unfit(campaign: Campaign, frozen: Template) -> str | None:
    """Why the frozen template cannot be filled: a series freezes it as it is at each firing (R25)."""
    known = placeholders.placeholders(frozen.components, frozen.parameter_format)
    columns = () if campaign.audience is None else campaign.audience.columns
    problems = placeholders.unmapped(known, campaign.fills, columns)
    return templates.sendable(frozen) or (problems[0].message if problems else None)


def _facts(campaign: Campaign) -> preflight_facts.Facts:
    """What the start is decided by: the content is the frozen one, the category the one WhatsApp bills now (R26)."""
    return replace(preflight_reading.facts_of(campaign), template=resolution.as_billed(campaign))


def _start(campaign: Campaign, now: int) -> tuple[RootCause, Mapping[str, Any]] | None:
    facts = _facts(campaign)
    result = preflight.run(facts)
    gaps = pricing.unpriced(result.prices, facts.countries)
    if gaps and facts.template is not None:
        # Another list was imported meanwhile. A message without a price is never taken for free.
        return RootCause.INSUFFICIENT_CREDITS, {"no_price": preflight_credits.no_price(facts.template, gaps)}
    try:
        ledger.reserve(now, campaign.id, result.price, WORKER.name)
    except ShortOfCredits as error:
        missing = error.needed - error.free
        return RootCause.INSUFFICIENT_CREDITS, {"needed": error.needed, "free": error.free, "missing": missing}
    if not transitions.start(
        campaign.id, source=Status.SCHEDULED, version=None, prices=result.prices, price=result.price, now=now
    ):
        raise Conflict(f"campaign {campaign.id} is no longer Scheduled")
    # The category that is billed is also the one that the frequency cap goes by (R35).
    if facts.template is not None:
        transitions.freeze_template(campaign.id, facts.template)
    campaigns.set_reserved(campaign.id, result.price)
    audit.write(
        now,
        WORKER,
        "campaign.start",
        campaign.id,
        before={"status": "scheduled"},
        after={"status": "in_progress", "price": result.price, "recipients": result.valid},
    )
    return None
