"""What the account lets be sent: the quota, and the frequency cap with whom it bars from marketing now (R30, R35)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from store.codec import load_template
from store.database import execute

if TYPE_CHECKING:
    from collections.abc import Collection

DAY_MS = 24 * 3_600_000


class Limits(NamedTuple):
    """The account's limits as a claim needs them."""

    quota: int | None
    cap: int | None
    """Marketing messages to a number within `days`; `None` is any number."""
    days: int | None

    def capped_since(self, now: int) -> int:
        """Marketing messages newer than this count for the frequency cap."""
        return now - (self.days or 0) * DAY_MS

    def of(self, marketing: bool) -> Limits:
        """The limits for a campaign: the frequency cap is for marketing templates only."""
        return self if marketing else self._replace(cap=None)


def of_account() -> Limits:
    """The account's limits now; none where there is no account."""
    row = execute("SELECT quota, frequency_cap, frequency_days FROM account WHERE id = 1").fetchone()
    return Limits(None, None, None) if row is None else Limits(*row)


def is_marketing(frozen: str | None) -> bool:
    """Whether a campaign's frozen template is one that the frequency cap counts."""
    template = load_template(frozen)
    return template is not None and template.marketing


def sends_marketing(campaign_id: int) -> bool:
    """As `is_marketing`, of a campaign that has started."""
    row = execute("SELECT template_frozen FROM campaign WHERE id = ?", (campaign_id,)).fetchone()
    return row is not None and is_marketing(row[0])


# A plus before a column keeps its index out of a statement that looks numbers up: by the time there are too many rows.
_CAPPED = "SELECT phone FROM contact WHERE marketing = 1 AND +at > ?{among} GROUP BY phone HAVING COUNT(*) >= ?"


def capped(now: int) -> frozenset[int]:
    """Every number that may get no marketing message now by the account's frequency cap."""
    bound = of_account()
    if bound.cap is None:
        return frozenset()
    found = execute(_CAPPED.format(among=""), (bound.capped_since(now), bound.cap))
    return frozenset(phone for (phone,) in found)


def capped_among(phones: Collection[int], bound: Limits, now: int) -> frozenset[int]:
    """Which of a few hundred numbers may get no marketing message now."""
    if bound.cap is None or not phones:
        return frozenset()
    marks = ", ".join("?" * len(phones))
    sql = _CAPPED.format(among=f" AND phone IN ({marks})")
    return frozenset(phone for (phone,) in execute(sql, (bound.capped_since(now), *phones, bound.cap)))
