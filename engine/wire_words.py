"""What WhatsApp writes in several ways, in its lists and in its callbacks: messaging limits, senders' numbers. Pure."""

from __future__ import annotations

import re
from typing import Final

UNLIMITED: Final = -1
_LIMIT: Final = re.compile(r"(?:TIER_)?([0-9]{1,9})([KM]?)")
_TIMES: Final = {"": 1, "K": 1_000, "M": 1_000_000}
_LARGEST: Final = 2**31 - 1


def quota_of(said: object) -> int | None:
    """People a day of a messaging limit, `UNLIMITED`: 2000, "2000", "TIER_2K", -1; `None` for what is none."""
    if isinstance(said, str):
        text = said.strip().upper()
        if text in ("TIER_UNLIMITED", "UNLIMITED", "-1"):
            return UNLIMITED
        match = _LIMIT.fullmatch(text)
        if match is None:
            return None
        said = int(match[1]) * _TIMES[match[2]]
    if not isinstance(said, int) or isinstance(said, bool):
        return None
    return said if 0 < said <= _LARGEST else UNLIMITED if said == UNLIMITED else None


def number_of(display: object) -> int | None:
    """A phone number out of whatever it is written with; `None` where there is none.

    Numbers of Meta's own test range are no valid numbers of any country, so the digits alone count.
    """
    digits = "".join(sign for sign in display if "0" <= sign <= "9") if isinstance(display, str) else ""
    return int(digits) if 5 <= len(digits) <= 15 else None
