"""What the simulator does to messages, as data: how fast, what it refuses, loses and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from engine.errors import BadInput

DEFAULT = "friendly"
SCOPES = ("template", "number", "account")
WAYS = ("answer", "callback")


@dataclass(frozen=True, slots=True)
class Delay:
    """A log-normal delay: half are below `median` milliseconds; `spread` is the sigma, 0 for always the same."""

    median: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """How often one number may write to one person (131056); every message beyond the pace borrows from the future."""

    every_ms: float = 0.0
    """Milliseconds a message takes up; 0 for no limit, 6000 at WhatsApp."""
    burst: int = 45
    """Messages that may be borrowed."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """How many different people all numbers together may write to in any 24 hours.

    WhatsApp documents no code for this limit; 131048 is the simulator's choice, because it too says that a number may
    send no more for now.
    """

    limit: int = 0
    """People; 0 for no limit."""
    code: int = 131048
    by: str = "answer"
    """`answer` refuses the request, `callback` accepts the message and reports it failed."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """A new template's messages are held back after the first ones, until its quality is known."""

    after: int = 0
    """Messages of a template that pass before the rest is held; 0 for no pacing."""
    held_ms: float = 3_600_000.0
    """From the first held message to the decision about all of them."""
    dropped: bool = False
    """Whether they are then dropped (132015 by callback, the template paused) instead of released."""


@dataclass(frozen=True, slots=True)
class Token:
    """When an access token expires (190); another token is as good as new."""

    requests: int = 0
    """Requests it is good for; 0 for any number."""
    lasts_ms: float = 0.0
    """Milliseconds from its first use; 0 for ever."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What befalls a template, a number or the account once so many messages were accepted there.

    It is told by callback where WhatsApp tells it: a paused or disabled template, a restricted or upgraded number, a
    restricted account.
    """

    code: int
    after: int
    """Messages accepted in the scope before it begins; 0 for from the start."""
    lasts_ms: float = 0.0
    """0 for good."""
    times: int = 1
    """How often it comes; each time after `after` further messages."""
    scope: str = ""
    """`template`, `number` or `account`; empty for where WhatsApp applies this code."""
    by: str = ""
    """`answer` or `callback`; empty for the way WhatsApp tells this code."""
    throughput: int = 0
    """The number's messages a second once it is over; 0 for as before."""


@dataclass(frozen=True, slots=True)
class Replies:
    """What people write back."""

    stop: float = 0.0
    """Share of people who answer a delivered message with STOP."""
    start: float = 0.0
    """Share of those who write START afterwards."""
    after_ms: Delay = Delay()
    """From `delivered` to the STOP, and from there, at least a second later, to the START."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Shares are of 1. The default is perfect: everything is accepted at once, delivered and read.

    A TOML or JSON file has the field names as keys; mappings, delays and the limits are tables, `trouble` is a list.
    """

    latency_ms: Delay = Delay()
    """From reading a request to answering it."""
    throughput: int = 0
    """Messages a second and sending number, above which 130429 is answered; 0 for no limit."""
    throttle_http_status: int = 400
    """The HTTP status of throttling answers: 400, 403 and 429 have all been seen."""
    pair: Pair = Pair()
    portfolio: Portfolio = Portfolio()
    pacing: Pacing = Pacing()
    token: Token = Token()
    management_calls: int = 0
    """Calls an hour about templates, numbers and media, above which 80007 is answered; 0 for no limit."""
    trouble: tuple[Trouble, ...] = ()

    rejected: Mapping[int, float] = field(default_factory=dict)
    """Code to the share of numbers refused with it, every time."""
    retry: Mapping[int, float] = field(default_factory=dict)
    """Code to the share of requests refused with it for this once."""
    reset_before: float = 0.0
    """Share of requests whose connection is reset, the message not taken."""
    http_500: float = 0.0
    """Share of requests answered with a 500 that is no Graph error; every second of the messages was taken."""
    http_502: float = 0.0
    """Share of requests answered with a 502 without a body; every second of the messages was taken."""
    html_200: float = 0.0
    """Share of requests answered with 200 and an HTML page of something in between; the message not taken."""
    redirect: float = 0.0
    """Share of requests answered with a redirect, the message not taken."""
    redirect_http_status: int = 302
    lost_answer: float = 0.0
    """Share of requests whose message is taken and whose connection is then cut without an answer."""
    half_answer: float = 0.0
    """Share of requests whose message is taken and whose connection is cut in the middle of the answer."""
    late_answer: float = 0.0
    """Share of requests whose message is taken and answered after `late_answer_ms`."""
    late_answer_ms: float = 45_000.0

    held: float = 0.0
    """Share of accepted messages held for quality assessment; their callbacks start `held_ms` later."""
    held_ms: float = 60_000.0
    dropped: float = 0.0
    """Share of the held messages that are dropped (132015 by callback) instead of released."""
    delivered: float = 1.0
    """Share of accepted messages that are delivered."""
    read: float = 1.0
    """Share of delivered messages that are read."""
    undelivered: Mapping[int, float] = field(default_factory=dict)
    """Code to the share of accepted messages that a callback reports failed with it; the rest stays silent."""
    sent_ms: Delay = Delay()
    """From accepting to the callback `sent`."""
    delivered_ms: Delay = Delay()
    """From `sent` to `delivered` or `failed`."""
    read_ms: Delay = Delay()
    """From `delivered` to `read`."""
    duplicate: float = 0.0
    """Share of callbacks that come twice."""
    reorder: float = 0.0
    """Share of messages whose callbacks come in the opposite order."""
    early: float = 0.0
    """Share of messages whose first callback comes before the answer to the request."""
    late: float = 0.0
    """Share of messages whose callbacks come `late_ms` later than they happened."""
    late_ms: float = 3_600_000.0
    missing: float = 0.0
    """Share of callbacks that never come."""
    after_failed: float = 0.0
    """Share of messages reported failed that are reported delivered after it."""
    strange: float = 0.0
    """Share of messages that also get a status of a kind nobody knows, with fields nobody knows."""
    replies: Replies = Replies()
    """What people write back."""
    wa_id_differs: bool = False
    """Whether Brazilian and Mexican numbers come back without or with the extra mobile digit."""

    def __post_init__(self) -> None:
        for name in _SHARES:
            _check_share(name, getattr(self, name))
        for name in ("stop", "start"):
            _check_share(f"replies.{name}", getattr(self.replies, name))
        _check_share("rejected", sum(self.rejected.values()))
        _check_share("delivered and undelivered", self.delivered + sum(self.undelivered.values()))
        faults = sum(getattr(self, name) for name in FAULTS) + sum(self.retry.values())
        _check_share(f"retry, {', '.join(FAULTS)}", faults)
        if not (self.pair.burst >= 1 and self.throughput >= 0):
            raise invalid("pair.burst must be at least 1.")
        if self.portfolio.by not in WAYS:
            raise invalid(f"portfolio.by must be one of {', '.join(WAYS)}, not {self.portfolio.by!r}.")
        if not 300 <= self.redirect_http_status <= 399 or not 400 <= self.throttle_http_status <= 499:
            raise invalid("redirect_http_status must be 3xx and throttle_http_status 4xx.")
        for trouble in self.trouble:
            _check_trouble(trouble)


FAULTS = (
    "reset_before",
    "http_500",
    "http_502",
    "html_200",
    "redirect",
    "lost_answer",
    "half_answer",
    "late_answer",
)
"""The shares of requests that go wrong on the way; they exclude each other."""
_SHARES = tuple(item.name for item in fields(Scenario) if item.type == "float" and not item.name.endswith("_ms"))


def invalid(message: str, hint: str = "Correct the scenario file.") -> BadInput:
    """The refusal of a scenario."""
    return BadInput("scenario_invalid", message, hint)


def _check_share(name: str, share: float) -> None:
    # Shares written in decimals may add up to a hair above 1.
    if not 0.0 <= share <= 1.0 + 1e-9:
        raise invalid(f"{name} must be a share between 0 and 1 in all, not {share:g}.")


def _check_trouble(trouble: Trouble) -> None:
    if trouble.scope not in ("", *SCOPES):
        raise invalid(f"trouble.scope must be one of {', '.join(SCOPES)}, not {trouble.scope!r}.")
    if trouble.by not in ("", *WAYS):
        raise invalid(f"trouble.by must be one of {', '.join(WAYS)}, not {trouble.by!r}.")
    if trouble.times < 1 or (trouble.times > 1 and not (trouble.after and trouble.lasts_ms)):
        raise invalid("trouble.times must be at least 1, and above 1 only with after and lasts_ms.")
