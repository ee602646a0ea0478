"""What the simulator does to messages, as data: how fast, what it refuses, loses and reports."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, cast

from engine.errors import BadInput

DEFAULT = "friendly"


@dataclass(frozen=True, slots=True)
class Delay:
    """A log-normal delay: half are below `median` milliseconds; `spread` is the sigma, 0 for always the same."""

    median: float = 0.0
    spread: float = 0.0


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

    A TOML file has the field names as keys; the mappings and delays are tables.
    """

    latency_ms: Delay = Delay()
    """From reading a request to answering it."""
    throughput: int = 0
    """Messages a second and sending number, above which 130429 is answered; 0 for no limit."""
    throttle_http_status: int = 400
    """The HTTP status of throttling answers: 400, 403 and 429 have all been seen."""

    rejected: Mapping[int, float] = field(default_factory=dict)
    """Code to the share of numbers refused with it, every time."""
    retry: Mapping[int, float] = field(default_factory=dict)
    """Code to the share of requests refused with it for this once."""
    reset_before: float = 0.0
    """Share of requests whose connection is reset, the message not taken."""
    http_500: float = 0.0
    """Share of requests answered with a 500 that is no Graph error; every second of the messages was taken."""
    lost_answer: float = 0.0
    """Share of requests whose message is taken and whose connection is then cut without an answer."""
    late_answer: float = 0.0
    """Share of requests whose message is taken and answered after `late_answer_ms`."""
    late_answer_ms: float = 45_000.0

    held: float = 0.0
    """Share of accepted messages held for quality assessment; their callbacks start `held_ms` later."""
    held_ms: float = 60_000.0
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
    replies: Replies = Replies()
    """What people write back."""

    def __post_init__(self) -> None:
        for name in ("reset_before", "http_500", "lost_answer", "late_answer", "held", "delivered", "read"):
            _check_share(name, getattr(self, name))
        for name in ("duplicate", "reorder"):
            _check_share(name, getattr(self, name))
        for name in ("stop", "start"):
            _check_share(f"replies.{name}", getattr(self.replies, name))
        _check_share("rejected", sum(self.rejected.values()))
        _check_share("delivered and undelivered", self.delivered + sum(self.undelivered.values()))
        faults = self.reset_before + self.http_500 + self.lost_answer + self.late_answer + sum(self.retry.values())
        _check_share("retry, reset_before, http_500, lost_answer and late_answer", faults)


def shipped() -> list[str]:
    """The names of the scenarios that come with the program."""
    folder = resources.files("engine.gateway.simulator").joinpath("scenarios")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name_or_path: str = DEFAULT) -> Scenario:
    """A shipped scenario by name, or one from a TOML file.

    Raises `BadInput` for a file that cannot be read, an unknown key or a value out of range.
    """
    if name_or_path in shipped():
        source = resources.files("engine.gateway.simulator").joinpath("scenarios", f"{name_or_path}.toml")
        return parse(source.read_text("utf-8"), name_or_path)
    try:
        text = Path(name_or_path).read_text("utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadInput(
            "scenario_unreadable",
            f"The scenario {name_or_path!r} cannot be read: {error}.",
            f"Give a TOML file, or one of: {', '.join(shipped())}.",
        ) from error
    return parse(text, name_or_path)


def parse(text: str, name: str) -> Scenario:
    """A scenario out of TOML; `name` is for messages. Raises `BadInput`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(f"{name} is not valid TOML: {error}.") from error
    known = {item.name: item for item in fields(Scenario)}
    unknown = sorted(set(document) - set(known))
    if unknown:
        raise _invalid(f"{name} has keys that no scenario has: {', '.join(unknown)}.", f"Keys: {', '.join(known)}.")
    # The values were checked one by one; a dataclass cannot be filled from names in a way that is seen statically.
    values = cast("dict[str, Any]", {key: _value(key, given, str(known[key].type)) for key, given in document.items()})
    return Scenario(**values)


def _value(key: str, given: object, kind: str) -> object:
    if kind == "Delay":
        return _delay(key, given)
    if kind == "Replies":
        return _replies(key, given)
    if kind.startswith("Mapping"):
        return _shares(key, given)
    number = _number(key, given)
    if kind == "int" and not isinstance(given, int):
        raise _invalid(f"{key} must be a whole number, not {given!r}.")
    return number


def _delay(key: str, given: object) -> Delay:
    if not isinstance(given, dict) or not set(given) <= {"median", "spread"}:
        raise _invalid(f"{key} must be a table with median and spread, not {given!r}.")
    return Delay(**{part: _number(f"{key}.{part}", value) for part, value in given.items()})


def _replies(key: str, given: object) -> Replies:
    known = {item.name: str(item.type) for item in fields(Replies)}
    if not isinstance(given, dict) or not set(given) <= set(known):
        raise _invalid(f"{key} must be a table with {', '.join(known)}, not {given!r}.")
    values = {part: _value(f"{key}.{part}", value, known[part]) for part, value in given.items()}
    return Replies(**cast("dict[str, Any]", values))


def _shares(key: str, given: object) -> dict[int, float]:
    if not isinstance(given, dict) or not all(code.isascii() and code.isdigit() for code in given):
        raise _invalid(f"{key} must be a table of error code to share, not {given!r}.")
    return {int(code): _number(f"{key}.{code}", share) for code, share in given.items()}


def _number(key: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < float("inf"):
        raise _invalid(f"{key} must be a number that is not negative, not {given!r}.")
    return given


def _check_share(name: str, share: float) -> None:
    # Shares written in decimals may add up to a hair above 1.
    if not 0.0 <= share <= 1.0 + 1e-9:
        raise _invalid(f"{name} must be a share between 0 and 1 in all, not {share:g}.")


def _invalid(message: str, hint: str = "Correct the scenario file.") -> BadInput:
    return BadInput("scenario_invalid", message, hint)
