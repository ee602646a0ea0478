"""How a run ends, and how it is held meanwhile (R5, R6, R45)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import lifecycle
from engine.clock import HOUR, Clock
from engine.decide import GATEWAY_UNREACHABLE, HELD_BACK, HELD_WORDS, WIDE, HoldOrder
from engine.gateway import errors
from engine.gateway.errors import Internal
from engine.quota import QUOTA_REACHED
from engine.text import counted
from store import audit, campaigns, database, held, leases, outcomes, restored, tallies, transitions
from store.types import Actor, Campaign, Hold, Lease, RootCause, Status

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

HOLD_LIMIT_MS = 72 * HOUR
TOP_ERRORS = 5


def finish(clock: Clock, campaign_id: int, actor: Actor) -> Status | None:
    """End a run with nothing left to hand over: Completed or Failed with its root cause; `None` when it is not over."""
    with database.transaction():
        now = clock.now()
        campaign = campaigns.get(campaign_id)
        counters = campaign.progress
        if campaign.status is not Status.IN_PROGRESS or counters.pending:
            return None
        ended, cause = lifecycle.settle(
            sent=counters.sent,
            failed=counters.failed,
            unknown=counters.unknown,
            not_attempted=_not_refused(campaign_id),
        )
        detail = {} if cause is None else _detail(campaign, cause)
        if not transitions.finish(campaign_id, ended, cause.value if cause else None, detail, now):
            return None
        audit.write(
            now,
            actor,
            f"campaign.{ended.value}",
            campaign_id,
            before={"status": "in_progress"},
            after={
                "status": ended.value,
                "reason": None if cause is None else cause.value,
                "sent": counters.sent,
                "failed": counters.failed,
                "unknown": counters.unknown,
                "skipped": counters.skipped,
                "settled": counters.settled,
                "released": counters.released,
            },
        )
        return ended


def _not_refused(campaign_id: int) -> int:
    """Failed ones that no gateway refused: never handed over (R45), or settled by hand as not sent (R42)."""
    failed = tallies.of(campaign_id, tallies.ERROR)
    return sum(failed.get(str(int(code)), 0) for code in (Internal.NOT_ATTEMPTED, Internal.SETTLED_NOT_SENT))


def _detail(campaign: Campaign, cause: RootCause) -> dict[str, object]:
    if cause is RootCause.ALL_REJECTED:
        found = list(tallies.of(campaign.id, tallies.ERROR).items())[:TOP_ERRORS]
        return {"errors": [{"code": int(code), "text": errors.text_of(int(code)), "n": n} for code, n in found]}
    if cause is RootCause.NO_VALID_RECIPIENTS:
        return {"skipped": tallies.of(campaign.id, tallies.SKIP)}
    return {} if campaign.hold is None else {"reason": campaign.hold.text}


def hold(clock: Clock, campaign_id: int, order: HoldOrder, actor: Actor, lease: Lease | None = None) -> None:
    """Put a run on hold.

    One that stands for good reason stays (`_stays`), and the same one is no news. Under a lease it writes only while
    that stands, and raises `Fenced` when it does not.
    """
    with _owning(lease):
        now = clock.now()
        before = campaigns.get(campaign_id).hold
        if before is not None and (_stays(before, order) or _same(before, order)):
            return
        if transitions.hold(campaign_id, order.reason, order.text, now, order.until):
            audit.write(
                now,
                actor,
                "campaign.hold",
                campaign_id,
                after={"reason": order.reason, "until": order.until},
                detail=order.text,
            )


def _stays(before: Hold, order: HoldOrder) -> bool:
    """Whether the hold that stands goes before a new one.

    What waits for a person is not to lift by itself, nor together with other runs, which nobody asked about this one.
    That of a restored run goes before all: whoever lifts it must have been told that it may have gone out already.
    """
    if before.reason == restored.REASON:
        return True
    alone = before.reason not in WIDE and order.reason in WIDE
    return _waits_for_a_person(before) and (order.until is not None or alone)


def _waits_for_a_person(before: Hold) -> bool:
    return before.until is None and before.reason not in (GATEWAY_UNREACHABLE, QUOTA_REACHED)


def _same(before: Hold, order: HoldOrder) -> bool:
    words = own_words(before.text), before.reason, before.until
    return words == (own_words(order.text), order.reason, order.until)


def await_held(clock: Clock, campaign_id: int, actor: Actor) -> None:
    """Hold a run that has nothing left but what WhatsApp holds back: it is over when all of that is decided."""
    n, until = held.count(campaign_id), held.last(campaign_id)
    if until is not None:
        are = "is" if n == 1 else "are"
        text = f"{counted(n, 'message')} {are} {HELD_WORDS}, to see how people take the template"
        hold(clock, campaign_id, HoldOrder(HELD_BACK, text, until), actor)


def give_up_held(clock: Clock, campaign_id: int, actor: Actor) -> None:
    """Make unknown what WhatsApp held back for longer than it does."""
    if not held.due(campaign_id, clock.now()):
        return
    with database.transaction():
        now = clock.now()
        lapsed = held.give_up(campaign_id, now)
        if lapsed:
            audit.write(
                now,
                actor,
                "campaign.held_lapsed",
                campaign_id,
                after={"unknown": lapsed},
                detail="held back by WhatsApp, and nothing was heard of them in 75 minutes",
            )


WHATSAPP_SAYS = "; WhatsApp says: "
"""Between a hold's own words and what the gateway said when it was asked about it."""


def own_words(text: str) -> str:
    """A hold's words without what was added to them."""
    return text.partition(WHATSAPP_SAYS)[0]


def prolong(clock: Clock, campaign: Campaign, until: int | None, why: str = "", lease: Lease | None = None) -> None:
    """Let a hold last until then; since when it lasts stays, so that its limit is reached in the end.

    `why`, as the gateway says it, is added to the hold's own words, in place of what was added before. Nothing is done
    when the hold was lifted meanwhile. `lease` as for `hold`.
    """
    hold = campaign.hold
    if hold is None:
        return
    text = own_words(hold.text) + (f"{WHATSAPP_SAYS}{why}" if why else "")
    with _owning(lease):
        if _still_held(campaign):
            transitions.hold(campaign.id, hold.reason, text, clock.now(), until)


def _still_held(campaign: Campaign) -> bool:
    """Whether the hold that was read stands; inside the transaction that writes, which may have waited for a resume."""
    before, now = campaign.hold, campaigns.get(campaign.id).hold
    if before is None or now is None:
        return False
    return (before.reason, before.since) == (now.reason, now.since)


def tend_hold(clock: Clock, campaign: Campaign, actor: Actor, lease: Lease | None = None) -> bool:
    """Lift a hold whose time has come, or end the run when it was held for 72 h; answers whether it may send again.

    Under a lease it writes only while that stands, and raises `Fenced` when it does not.
    """
    if campaign.hold is None:
        return True
    now = clock.now()
    if now - campaign.hold.since >= HOLD_LIMIT_MS:
        with _owning(lease):
            if not _still_held(campaign):
                return False
            outcomes.fail_rest(campaign.id, Internal.NOT_ATTEMPTED, now)
        finish(clock, campaign.id, actor)
        return False
    if campaign.hold.until is None or now < campaign.hold.until:
        return False
    with _owning(lease):
        lift(now, campaign, actor)
    return True


def _owning(lease: Lease | None) -> AbstractContextManager[object]:
    return database.transaction() if lease is None else leases.under(lease)


def lift(now: int, campaign: Campaign, actor: Actor) -> None:
    """Let a held run go on, inside the caller's transaction; not when it is held for something else by now."""
    if lift_to_try(campaign):
        resumed(now, campaign, actor)


def lift_to_try(campaign: Campaign) -> bool:
    """Lift a hold so that rows can be claimed, for `resumed` or `hold_on` in the same transaction; whether one was.

    Not when the run is held for something else by now.
    """
    return campaign.hold is not None and transitions.lift(campaign.id, campaign.hold.reason)


def resumed(now: int, campaign: Campaign, actor: Actor) -> None:
    """Note that a hold was lifted."""
    before = None if campaign.hold is None else campaign.hold.reason
    audit.write(now, actor, "campaign.resume", campaign.id, before={"hold": before})


def hold_on(campaign: Campaign) -> None:
    """Put a hold back as it was, with the time since when it lasts."""
    hold = campaign.hold
    if hold is not None:
        transitions.hold(campaign.id, hold.reason, hold.text, hold.since, hold.until)
