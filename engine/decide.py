"""What one outcome of a hand-over means for its row, for the pace and for the run. Pure (R42 to R45)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import retry, routes
from engine.clock import MINUTE
from engine.gateway import errors
from engine.gateway.base import Accepted, Action, NotTaken, Outcome, Rejection, Unknown
from engine.gateway.errors import Internal
from store.types import Result, ResultKind

if TYPE_CHECKING:
    from random import Random

HELD_MS = 75 * MINUTE
"""How long news of a held message is waited for: WhatsApp decides within an hour (research/cloud-api.md section 4)."""
HELD_WORDS = "held back by WhatsApp, up to 75 minutes"
HELD_BACK = "held_back"
"""The hold of a run with nothing left but held messages."""
GATEWAY_UNREACHABLE = "gateway_unreachable"
NUMBER_PAUSED = "number_paused"
ACCOUNT_PAUSED = "account_paused"
NOT_AUTHORISED = "not_authorised"
ACCOUNT_RESTRICTED = "account_restricted"
UTILITY_RESTRICTED = "utility_restricted"
"""Only messages of utility templates are concerned."""
OF_ACCOUNT = frozenset((ACCOUNT_PAUSED, ACCOUNT_RESTRICTED, NOT_AUTHORISED))
OF_UTILITY = frozenset((UTILITY_RESTRICTED,))
OF_SENDER = frozenset((NUMBER_PAUSED,))
WIDE = OF_ACCOUNT | OF_UTILITY | OF_SENDER
"""The holds that concern every run of the account, or of one sender."""
PAUSING = {
    Action.PAUSE_CAMPAIGN: "campaign_paused",
    Action.PAUSE_NUMBER: NUMBER_PAUSED,
    Action.PAUSE_ACCOUNT: ACCOUNT_PAUSED,
    Action.AUTH: NOT_AUTHORISED,
}


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """That the run must stop sending, why, and when it may go on by itself."""

    reason: str
    text: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to record for the row, and what else follows."""

    result: Result
    slow: bool = False
    hold: HoldOrder | None = None
    suppress: bool = False
    """The person wants no more marketing messages."""
    rest: float = 0.0
    """Seconds for which nothing more is to go out from the sender."""


def decide(outcome: Outcome, seq: int, tried: int, handed_at: int, now: int, rng: Random, attempt: int = 0) -> Decision:
    """Judge an outcome; times are UTC epoch ms.

    `tried` counts the row's hand-overs before this one that used up its retry budget, `attempt` all that were answered.
    """
    if isinstance(outcome, Accepted) and outcome.held:
        until = now + HELD_MS
        result = Result(
            seq, ResultKind.HELD, now, handed_at, message_id=outcome.message_id, detail=HELD_WORDS, not_before=until
        )
        return Decision(result)
    if isinstance(outcome, Accepted):
        return Decision(Result(seq, ResultKind.SENT, now, handed_at, message_id=outcome.message_id))
    if isinstance(outcome, Unknown):
        result = Result(seq, ResultKind.UNKNOWN, now, handed_at, code=Internal.NO_ANSWER, detail=outcome.reason)
        return Decision(result)
    if isinstance(outcome, NotTaken):
        result = Result(seq, ResultKind.PUT_BACK, now, handed_at, detail=outcome.reason, not_before=now, counts=False)
        return Decision(result, hold=HoldOrder(GATEWAY_UNREACHABLE, f"The gateway cannot be reached: {outcome.reason}"))
    return _rejected(outcome, seq, tried, handed_at, now, rng, attempt)


def _rejected(
    outcome: Rejection, seq: int, tried: int, handed_at: int, now: int, rng: Random, attempt: int
) -> Decision:
    def result(kind: ResultKind, wait_s: float = 0.0, counts: bool = True) -> Result:
        return Result(
            seq,
            kind,
            now,
            handed_at,
            code=outcome.code,
            http_status=outcome.http_status,
            detail=outcome.detail,
            not_before=now + round(1000 * max(wait_s, outcome.retry_after or 0.0)),
            counts=counts,
        )

    if outcome.action in PAUSING:
        text = f"{errors.text_of(outcome.code)} ({outcome.code}){routes.offer(outcome.code)}"
        reason = PAUSING[outcome.action] if routes.offered(outcome.code) is None else routes.OTHER_ENDPOINT
        order = HoldOrder(reason, text)
        return Decision(result(ResultKind.PUT_BACK, counts=False), hold=order)
    if outcome.action is Action.SLOW:
        return Decision(result(ResultKind.PUT_BACK, retry.delay(attempt + 1, rng), counts=False), slow=True)
    if outcome.action in (Action.RETRY, Action.WAIT_PAIR):
        budget = retry.BUDGET if outcome.tries is None else min(retry.BUDGET, outcome.tries)
        if tried + 1 < budget:
            waiting = outcome.action is Action.WAIT_PAIR
            wait_s = retry.pair_delay(tried + 1) if waiting else retry.delay(tried + 1, rng)
            return Decision(result(ResultKind.PUT_BACK, wait_s), rest=outcome.rest or 0.0)
    return Decision(result(ResultKind.FAILED), suppress=outcome.action is Action.SUPPRESS)
