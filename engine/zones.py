"""Time zones by their IANA names, and the names that come near one that there is not."""

from __future__ import annotations

import difflib
from zoneinfo import ZoneInfo, available_timezones

from engine.errors import BadInput
from engine.text import fold, shown


def named(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        BadInput: `unknown_zone`, with names that come near.
    """
    try:
        return ZoneInfo(name)
    # A folder such as "Europe" is an OSError, "../x" a ValueError, anything else not found a KeyError.
    except (KeyError, ValueError, OSError) as error:
        near = _near_zones(name)
        hint = (
            f"Did you mean {' or '.join(near)}?" if near else "Give an IANA name such as Asia/Kolkata or Europe/Berlin."
        )
        raise BadInput("unknown_zone", f"There is no time zone {shown(name)!r}.", hint) from error


def _near_zones(name: str) -> list[str]:
    """Names like the one typed, by the whole and by the city."""
    names = sorted(available_timezones())
    wanted = fold(name)
    exact = [known for known in names if wanted in (fold(known), fold(known.rpartition("/")[2]))]
    cities = {fold(known.rpartition("/")[2]): known for known in names}
    whole = {fold(known): known for known in names}
    near = [*difflib.get_close_matches(wanted, whole, 3, 0.75), *difflib.get_close_matches(wanted, cities, 3, 0.75)]
    return list(dict.fromkeys([*exact, *(whole.get(key) or cities[key] for key in near)]))[:3]
