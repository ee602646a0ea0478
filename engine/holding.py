"""A worker's holds: which stand over a run, whether one may lift by now, and what putting a run on hold comes to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from engine import ending, retry, wide_holds
from engine.decide import GATEWAY_UNREACHABLE, HELD_BACK, NOT_AUTHORISED, WIDE, HoldOrder
from engine.inquiries import Inquiries
from engine.logs import Log
from engine.quota import QUOTA_REACHED
from engine.wide_holds import Wide
from store import campaigns, held, leases, quota_meter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.clock import Clock
    from engine.gateway.base import Gateway
    from engine.gateway.graph import Graph
    from engine.run import Run
    from store.types import Actor, Campaign, Hold, Lease, Sender

log = Log("sendoff.worker")

HEALTH_S: Final = 5.0
LONGEST_BACKOFF_S: Final = 60.0
STILL_BLOCKED_MS: Final = 60_000
"""How long a hold goes on when the gateway says that it still cannot send."""
TOKEN_WORKS: Final = "; the token itself works: give it the permission it lacks, then resume"


class Reach:
    """Whether the gateway answers, looked at now and then beside the work: an address that swallows packets takes
    seconds to give up."""

    def __init__(self, clock: Clock, gateway: Gateway) -> None:
        self._clock = clock
        self._gateway = gateway
        self._look: asyncio.Task[float | None] | None = None
        self._look_at = float("-inf")
        self.known = False
        """Whether anybody has looked."""
        self.ms: float | None = None
        """How long the last answer took; `None` without one."""

    def look(self) -> None:
        """Take in an answer, and ask again when it is time."""
        if self._look is not None and self._look.done():
            self.ms, self.known = self._look.result(), True
            self._look = None
        if self._look is None and self._clock.steady() >= self._look_at:
            self._look_at = self._clock.steady() + HEALTH_S
            self._look = asyncio.create_task(self._gateway.reachable())

    async def close(self) -> None:
        """Ask no more."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait({self._look})


class Holding:
    """The holds of the runs that one worker sends, of which `live` are under way."""

    def __init__(
        self, clock: Clock, gateway: Gateway, reach: Reach, actor: Actor, live: Mapping[int, Run], graph: Graph | None
    ) -> None:
        """`graph` is asked before a hold lifts by itself; without one nothing is."""
        self._clock = clock
        self._gateway = gateway
        self._reach = reach
        self._actor = actor
        self._live = live
        self.inquiries = Inquiries(clock, graph)
        self._wide: list[Wide] = []
        self._asking = 0
        """Runs of this pass that wait for the first look at the gateway, or for word of the token."""
        self._token: asyncio.Task[bool | None] | None = None
        self._by_token: set[int] = set()
        """Campaigns that went on because the token works, and of which nothing was taken since."""
        self._unreachable: dict[int, int] = {}

    def begin_pass(self) -> None:
        """Look at what stands over all runs."""
        self._asking = 0
        self._wide = self._find_wide()

    @property
    def asking(self) -> int:
        """Questions about holds that have no answer yet."""
        return self.inquiries.under_way + self._asking

    async def close(self) -> None:
        """Ask nothing more."""
        if self._token is not None:
            self._token.cancel()
            await asyncio.wait({self._token})
        await self.inquiries.close()

    def over(self, campaign_id: int, sender_id: int) -> Wide | None:
        """The hold of a sender or of the account that concerns a campaign."""
        return wide_holds.over(self._wide, campaign_id, sender_id)

    def released(self, campaign: Campaign, sender: Sender, lease: Lease) -> Campaign | None:
        """The campaign when it may be sent now, its hold lifted where that is due; else `None`."""
        campaign = self._told_why(campaign, lease)
        if campaign.hold is not None and campaign.hold.reason == HELD_BACK:
            self._await_held(campaign, lease)
            return None
        if self._is_over(campaign):
            return None
        wide = self.over(campaign.id, sender.id)
        if wide is not None and not self._under(wide, campaign, lease):
            return None
        return campaign if self._may_send(campaign, sender, lease) else None

    def put(self, campaign_id: int, order: HoldOrder) -> None:
        """Put a run on hold, until it is to be tried again where that costs nothing."""
        if order.reason == GATEWAY_UNREACHABLE:
            # Nothing was handed over, so trying again costs nothing and risks nothing.
            order = replace(order, until=self._next_try(campaign_id))
        elif order.reason == NOT_AUTHORISED and campaign_id in self._by_token:
            # Asking again would lift it again, and never say so to anybody.
            self._by_token.discard(campaign_id)
            order = replace(order, text=f"{order.text}{TOKEN_WORKS}")
        elif order.reason == NOT_AUTHORISED:
            order = replace(order, until=self._next_try(campaign_id))
        ending.hold(self._clock, campaign_id, order, self._actor)
        log.warning("run.held", order.text, campaign=campaign_id, reason=order.reason)

    def went(self, campaign_id: int, *, answered: bool, taken: bool) -> None:
        """Hear of a run that ended: whether the gateway answered anything, and whether it took any message."""
        if answered:
            self._unreachable.pop(campaign_id, None)
        if taken:
            self._by_token.discard(campaign_id)

    def _told_why(self, campaign: Campaign, lease: Lease) -> Campaign:
        """The campaign, and once in its hold's words what the gateway says of it, asked when the hold began."""
        said = self.inquiries.about(campaign)
        if not said or campaign.hold is None:
            return campaign
        ending.prolong(self._clock, campaign, campaign.hold.until, said, lease=lease)
        log.warning("hold.told", f"WhatsApp says: {said}", campaign=campaign.id)
        return campaigns.get(campaign.id)

    def _await_held(self, campaign: Campaign, lease: Lease) -> None:
        """End a run that waited only for what WhatsApp held back, when all of it is decided."""
        if held.last(campaign.id) is not None:
            return
        if ending.finish(self._clock, campaign.id, self._actor) is None:
            # Not by its time alone: something waits for its turn after all.
            with leases.under(lease):
                ending.lift(self._clock.now(), campaign, self._actor)

    def _is_over(self, campaign: Campaign) -> bool:
        """Whether a run that is on hold had nothing left to hold, and has ended: its last messages failed afterwards.

        Not one that is held for the sender or the account, for that hold stands for other runs too.
        """
        if campaign.hold is None or campaign.hold.reason in WIDE or campaign.progress.pending:
            return False
        return ending.finish(self._clock, campaign.id, self._actor) is not None

    def _find_wide(self) -> list[Wide]:
        """The holds of senders and of the account: those that are kept, and those that a run has just met."""
        met = [
            Wide(run.hold, run.sender_id, campaign_id)
            for campaign_id, run in self._live.items()
            if run.hold is not None and not run.halted and run.hold.reason in WIDE
        ]
        return [*wide_holds.standing(), *met]

    def _under(self, wide: Wide, campaign: Campaign, lease: Lease) -> bool:
        """Hold a run that a wider hold concerns; whether its own hold, by which it came to be held, is to be tended."""
        if campaign.hold is None:
            ending.hold(self._clock, campaign.id, wide.order, self._actor, lease)
            log.warning(
                "run.held",
                wide.order.text,
                campaign=campaign.id,
                reason=wide.order.reason,
                met_by=wide.campaign_id,
            )
            return False
        return campaign.hold.reason in WIDE or self._clock.now() - campaign.hold.since >= ending.HOLD_LIMIT_MS

    def _may_send(self, campaign: Campaign, sender: Sender, lease: Lease) -> bool:
        """Tend a hold; one for an unreachable gateway is lifted only when the gateway answers.

        Lifting it to try would forget since when it lasts, and its 72 h would never be over. One for the messaging
        quota is lifted by the run, with the first recipient that goes.
        """
        hold, now = campaign.hold, self._clock.now()
        if hold is not None and hold.reason == QUOTA_REACHED and now < hold.since + ending.HOLD_LIMIT_MS:
            return self._may_try_quota(campaign, hold, now, lease)
        if hold is None or hold.until is None or not hold.until <= now < hold.since + ending.HOLD_LIMIT_MS:
            return ending.tend_hold(self._clock, campaign, self._actor, lease)
        if hold.reason == GATEWAY_UNREACHABLE and self._reach.ms is None:
            if self._reach.known:
                ending.prolong(self._clock, campaign, self._next_try(campaign.id), lease=lease)
            else:
                # Of a worker that has just begun nobody knows yet whether it is reached.
                self._asking += 1
            return False
        if hold.reason == NOT_AUTHORISED:
            return self._may_try_token(campaign, sender, lease)
        return self._may_lift(campaign, lease)

    def _may_lift(self, campaign: Campaign, lease: Lease) -> bool:
        """Lift a hold whose time has come, unless the gateway says that it cannot send; a wide one of all."""
        blocked, now = self.inquiries.blocked(campaign), self._clock.now()
        if blocked is not None:
            # Still being asked, or told why not.
            for campaign_id in wide_holds.alike(campaign) if blocked else ():
                ending.prolong(self._clock, campaigns.get(campaign_id), now + STILL_BLOCKED_MS, blocked, lease)
            return False
        if campaign.hold is None or campaign.hold.reason not in WIDE:
            return ending.tend_hold(self._clock, campaign, self._actor, lease)
        with leases.under(lease):
            lifted = wide_holds.lift(now, campaign, self._actor)
        self._wide = self._find_wide()
        return campaign.id in lifted

    def _may_try_token(self, campaign: Campaign, sender: Sender, lease: Lease) -> bool:
        """Whether the token works again: asked beside the work; then every run that waits for it goes on."""
        if self._token is None:
            self._token = asyncio.create_task(self._gateway.authorised(sender.phone_number_id))
        if not self._token.done():
            self._asking += 1
            return False
        works, self._token = self._token.result(), None
        if not works:
            until = self._next_try(campaign.id)
            for campaign_id in wide_holds.alike(campaign):
                ending.prolong(self._clock, campaigns.get(campaign_id), until, lease=lease)
            return False
        with leases.under(lease):
            self._by_token.update(wide_holds.lift(self._clock.now(), campaign, self._actor))
        log.info("token.works", "the access token works: the runs that waited for it go on")
        self._wide = self._find_wide()
        return True

    def _may_try_quota(self, campaign: Campaign, hold: Hold, now: int, lease: Lease) -> bool:
        """Whether the quota has room, however that came; else the hold says when it will."""
        if quota_meter.room(now) != 0:
            return True
        until = quota_meter.refills_at(now)
        if until != hold.until and (hold.until is None or hold.until <= now):
            ending.prolong(self._clock, campaign, until, lease=lease)
        return False

    def _next_try(self, campaign_id: int) -> int:
        """When to look for the gateway again: after 1, 4, 16, then 60 seconds."""
        streak = self._unreachable[campaign_id] = self._unreachable.get(campaign_id, 0) + 1
        return self._clock.now() + round(1000 * min(LONGEST_BACKOFF_S, retry.pair_delay(streak)))
