"""The messaging quota: its tiers, and what a run does when it is used up (R30). Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from engine.clock import DAY, SECOND
from engine.decide import HoldOrder

QUOTA_REACHED: Final = "quota_reached"
"""The reason of the hold."""
PATIENCE_MS: Final = 10 * SECOND
"""A place that comes back within this is waited for; for a later one the run goes on hold."""
KEPT_DAYS: Final = 7
"""Messages are remembered at least so long, so that a frequency cap set today knows something."""
LONGEST_DAYS: Final = 90


@cache
def tiers() -> Mapping[str, int | None]:
    """WhatsApp's messaging limits by name, the smallest first; `None` is unlimited. They are data: quota_tiers.toml."""
    text = resources.files("engine").joinpath("quota_tiers.toml").read_text("utf-8")
    return {tier["name"]: tier.get("recipients") for tier in tomllib.loads(text)["tier"]}


def hold_order(until: int | None) -> HoldOrder:
    """The hold of a run that waits for a place, until one comes back (UTC epoch ms)."""
    return HoldOrder(QUOTA_REACHED, "The messaging quota of the last 24 hours is used up", until)


def forgotten_before(days: int | None, now: int) -> int:
    """Messages up to this time count for nothing any more; `days` is the frequency cap's, if there is one."""
    return now - max(days or 0, KEPT_DAYS) * DAY
