"""Letting a run that is on hold go on: as it was, or by another endpoint (R45)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import asking, routes, wide_holds
from engine.commands.launch import lost
from engine.context import Context, command
from engine.errors import Refused
from engine.health import State
from engine.lifecycle import Action
from store import audit, campaigns, database, transitions

if TYPE_CHECKING:
    from store.types import Campaign, Endpoint


def resume(context: Context, campaign_id: int, seen: str | None = None) -> Campaign:
    """Let a run that is on hold go on (R45).

    `seen` is the reason of the hold that the operator agreed to lift: another one stays (`changed_meanwhile`). A hold
    of a sender or of the account is one hold: with it go all the runs that it keeps. Raises `Refused` with
    `health_blocked` while the gateway says that it cannot send: every message would be refused.
    """
    with command(context, "campaign.resume", campaign_id):
        before = campaigns.get(campaign_id)
        refused = still_blocked(before, context.clock.now())
        if before.hold is not None and refused is not None:
            raise refused
        with database.transaction():
            now = context.clock.now()
            as_seen = seen is None or (before.hold is not None and before.hold.reason == seen)
            if not as_seen or campaign_id not in wide_holds.lift(now, before, context.actor):
                raise lost(campaign_id, Action.RESUME, now)
        return campaigns.get(campaign_id)


def still_blocked(campaign: Campaign, now: int) -> Refused | None:
    """What a resume would be refused with for what the gateway said within the last minute; `None` where nothing is."""
    found = asking.of_run(campaign, now)
    if found is None or found.state is not State.BLOCKED:
        return None
    why, advice = found.text or "WhatsApp does not say why", " ".join(found.advice)
    advice = advice or "See WhatsApp Manager for why."
    return Refused("health_blocked", f"It cannot go on yet: {why.rstrip('.')}.", advice)


def resumes_into(campaign: Campaign, now: int) -> str:
    """What to tell whoever resumes a run, where the gateway says that it sends only so much, or nothing; else empty."""
    found = asking.of_run(campaign, now)
    if found is None or found.state not in (State.LIMITED, State.BLOCKED):
        return ""
    return f"WhatsApp says: {found.said}"


def reroute(context: Context, campaign_id: int, endpoint: Endpoint, seen: str | None = None) -> Campaign:
    """Let a run that is on hold go on by another endpoint, for what is left of it; `seen` as for `resume`.

    Raises `Refused` with `endpoint_unfit` for a template that the endpoint does not take, `not_held`.
    """
    with command(context, "campaign.reroute", campaign_id):
        before = campaigns.get(campaign_id)
        if before.hold is None or seen not in (None, before.hold.reason):
            raise lost(campaign_id, Action.RESUME, context.clock.now())
        category = "" if before.template_frozen is None else before.template_frozen.category
        unfit = routes.unfit(endpoint, category)
        if unfit is not None:
            raise Refused("endpoint_unfit", f"It cannot go that way: {unfit}.", "Resume it as it is, or duplicate it.")
        with database.transaction():
            now = context.clock.now()
            if not (
                transitions.reroute(campaign_id, before.route._replace(endpoint=endpoint))
                and transitions.lift(campaign_id, before.hold.reason)
            ):
                raise lost(campaign_id, Action.RESUME, now)
            audit.write(
                now,
                context.actor,
                "campaign.reroute",
                campaign_id,
                before={
                    "hold": before.hold.reason,
                    "endpoint": before.route.endpoint.value,
                },
                after={"endpoint": endpoint.value},
            )
        return campaigns.get(campaign_id)
