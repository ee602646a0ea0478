"""The account's limits: messaging quota, frequency cap, enabled countries (R30, R35)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from engine import phone, quota
from engine.context import Context, command
from engine.errors import BadInput
from engine.text import counted
from store import account, audit, database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from store.types import Account

UNLIMITED = "unlimited"
NO_CAP = "none"
ALL = "all"
_LARGEST = 1_000_000_000


class Limits(NamedTuple):
    """What an operator can set; `None` is no limit in each."""

    quota: int | None
    """Different people messaged within 24 hours."""
    frequency_cap: int | None
    """Marketing messages to a number within `frequency_days` days."""
    frequency_days: int | None
    countries: Sequence[str] | None
    """ISO 3166 alpha-2, in order."""


def of(known: Account) -> Limits:
    """The limits of an account."""
    countries = None if known.countries is None else tuple(known.countries)
    return Limits(known.quota, known.frequency_cap, known.frequency_days, countries)


def change(context: Context, how: Callable[[Limits], Limits]) -> Limits:
    """Set the account's limits to what `how` makes of them, and answer them; in force from the next claim on.

    Scheduled campaigns follow when they start, runs follow quota and frequency cap at once. Raises `BadInput`.
    """
    with command(context, "account.limits"):
        with database.transaction():
            before = of(account.get_account())
            after = _checked(how(before))
            if after != before:
                account.set_limits(*after)
                audit.write(
                    context.clock.now(),
                    context.actor,
                    "account.limits",
                    before=_audited(before),
                    after=_audited(after),
                )
        return after


def _checked(limits: Limits) -> Limits:
    cap, days = limits.frequency_cap, limits.frequency_days
    if limits.quota is not None and not 1 <= limits.quota <= _LARGEST:
        raise _bad_quota(f"{limits.quota:,}")
    if (cap is None) != (days is None):
        raise BadInput(
            "bad_frequency_cap",
            "A frequency cap is so many messages in so many days.",
            "Give both: --frequency-cap N --frequency-days D.",
        )
    if cap is not None and days is not None and not (1 <= cap <= 1_000 and 1 <= days <= quota.LONGEST_DAYS):
        raise BadInput(
            "bad_frequency_cap",
            f"{counted(cap, 'message')} in {counted(days, 'day')} cannot be kept.",
            f"Give 1 to 1,000 messages in 1 to {quota.LONGEST_DAYS} days.",
        )
    return limits


def _audited(limits: Limits) -> dict[str, object]:
    return {**limits._asdict(), "countries": None if limits.countries is None else list(limits.countries)}


def parse_quota(typed: str) -> int | None:
    """A number of people, or a tier by its name; `unlimited` is none. Raises `BadInput` with `bad_quota`."""
    text = typed.strip()
    for name, recipients in quota.tiers().items():
        if text.casefold() == name.casefold():
            return recipients
    digits = text.replace(",", "").replace("_", "")
    if not (digits.isascii() and digits.isdecimal() and 1 <= int(digits[:12]) <= _LARGEST and len(digits) <= 12):
        raise _bad_quota(repr(typed))
    return int(digits)


def parse_tier(typed: str) -> int | None:
    """A tier by its name. Raises `BadInput` with `bad_tier`."""
    for name, recipients in quota.tiers().items():
        if typed.strip().casefold() == name.casefold():
            return recipients
    raise BadInput("bad_tier", f"{typed!r} is no messaging tier.", f"There are: {', '.join(quota.tiers())}.")


def _bad_quota(what: str) -> BadInput:
    return BadInput(
        "bad_quota",
        f"{what} is no messaging quota.",
        f"Give a whole number above zero, or a tier: {', '.join(quota.tiers())}.",
    )


def parse_frequency(typed: str) -> tuple[int | None, int | None]:
    """`2 in 7 days`, or `none`: messages and days. Raises `BadInput` with `bad_frequency_cap`."""
    text = typed.strip().casefold()
    if text == NO_CAP:
        return None, None
    found = re.fullmatch(r"(\d{1,4})\s*(?:in|per|/)\s*(\d{1,3})\s*(?:d|days?)?", text, re.ASCII)
    if found is None:
        raise BadInput("bad_frequency_cap", f"{typed!r} is no frequency cap.", "Give it as 2 in 7 days, or none.")
    checked = _checked(Limits(None, int(found[1]), int(found[2]), None))
    return checked.frequency_cap, checked.frequency_days


def parse_countries(typed: str) -> tuple[str, ...] | None:
    """Countries by two letters, separated by commas or spaces; `all` is every one.

    Raises `BadInput` with `unknown_country`.
    """
    names = {name for name in re.split(r"[,;\s]+", typed.strip()) if name}
    if {name.casefold() for name in names} == {ALL}:
        return None
    if not names:
        raise BadInput("unknown_country", "No country is named.", "Give two letters each, such as IN,AE, or all.")
    return tuple(sorted({phone.country_code(name) for name in names}))


def words(limits: Limits) -> dict[str, str]:
    """The limits as they are typed, under `quota`, `frequency` and `countries`."""
    cap = NO_CAP
    if limits.frequency_cap is not None and limits.frequency_days is not None:
        cap = f"{limits.frequency_cap:,} in {counted(limits.frequency_days, 'day')}"
    return {
        "quota": UNLIMITED if limits.quota is None else f"{limits.quota:,}",
        "frequency": cap,
        "countries": ALL if limits.countries is None else ", ".join(limits.countries),
    }
