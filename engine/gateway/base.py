"""What a gateway is to the rest of the engine: one call, and what became of one hand-over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from store.types import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping


class Action(StrEnum):
    """What a refusal asks the sender to do.

    The scope grows from one try (`RETRY`, `SLOW`, `WAIT_PAIR`) over the row (`FIX_ROW` to `SUPPRESS`) to what stops
    a campaign, a number or the account; the last ones put the row back and the run on hold.
    """

    RETRY = "retry"
    """The same row again, after a growing delay."""
    SLOW = "slow"
    """Lower the sender's rate; the row goes back and no attempt is counted."""
    WAIT_PAIR = "wait_pair"
    """Only this recipient waits."""
    FIX_ROW = "fix_row"
    """The row fails: its values are wrong."""
    SKIP = "skip"
    """The recipient fails: WhatsApp will not deliver to it."""
    SKIP_24H = "skip_24h"
    """As `SKIP`, and it may be offered again after 24 hours."""
    SUPPRESS = "suppress"
    """As `SKIP`, and the person wants no more marketing."""
    PAUSE_CAMPAIGN = "pause_campaign"
    PAUSE_NUMBER = "pause_number"
    PAUSE_ACCOUNT = "pause_account"
    AUTH = "auth"
    """As `PAUSE_ACCOUNT`, until the token works."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gateway took the message.

    `held` means that WhatsApp keeps it back to assess the template's quality and releases or drops it later.
    """

    message_id: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """The gateway said in so many words that it did not take the message."""

    code: int
    """The Graph error code; negative ones are ours (`engine.gateway.errors.Internal`)."""
    detail: str
    """The gateway's own words, for people; may be empty."""
    http_status: int
    action: Action
    retry_after: float | None = None
    """Seconds to wait at least, where the gateway or the code table says so."""
    tries: int | None = None
    """Hand-overs after which `RETRY` gives up, where that is fewer than the run's own budget."""
    rest: float | None = None
    """Seconds for which nothing more is to go out from the sender."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The request never left: the connection could not be made, so handing over again is safe."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left and no usable answer came: the message may have been taken (R42), so it is never repeated."""

    reason: str


Outcome = Accepted | Rejection | NotTaken | Unknown


class Gateway(Protocol):
    """Something that takes messages."""

    async def send(
        self, phone_number_id: str, payload: Mapping[str, Any], endpoint: Endpoint = Endpoint.MESSAGES
    ) -> Outcome:
        """Hand one message over, once; never raises for what the network or the gateway does.

        A cancelled call leaves the outcome unknown.
        """
        ...

    async def reachable(self) -> float | None:
        """Milliseconds until the gateway answered anything at all, or `None`."""
        ...

    async def authorised(self, phone_number_id: str) -> bool | None:
        """Whether the access token is accepted now, asked without sending anything; `None` when nobody could tell."""
        ...

    async def close(self) -> None:
        """Give up the connections; calls under way end as `NotTaken` or `Unknown`."""
        ...
