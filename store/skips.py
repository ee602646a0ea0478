"""Rows of a campaign that has not started which the opt-outs and the account's limits contradict (R35, R38)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from store.database import execute
from store.types import SkipReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.limits import Limits

BARS = (SkipReason.OPTED_OUT, SkipReason.COUNTRY_NOT_ENABLED, SkipReason.FREQUENCY_CAP)


class OutOfStep(NamedTuple):
    """What has to be known of such a row."""

    seq: int
    country: str | None
    skip: SkipReason | None
    """Why it is skipped as it stands."""
    barred: SkipReason | None
    """Why it gets no message now, whatever its cells say."""


def out_of_step(
    audience_id: int, after: int, until: int, countries: Sequence[str] | None, bound: Limits, now: int
) -> list[OutOfStep]:
    """Of the rows after one `seq` until another, those that are pending although barred, or skipped for another bar.

    Barred by the opt-out list, the enabled countries (`None` is all) or the frequency cap, in this order; a row that
    is skipped for a bar that is none any more is among them too.
    """
    # Number by number: a set of all that are barred would be made anew for every few thousand rows.
    bars: list[tuple[SkipReason, str, tuple[Any, ...]]] = [
        (SkipReason.OPTED_OUT, "phone IN (SELECT phone FROM opt_out)", ())
    ]
    if countries is not None:
        marks = ", ".join("?" * len(countries))
        bars.append((SkipReason.COUNTRY_NOT_ENABLED, f"COALESCE(country, '') NOT IN ({marks})", tuple(countries)))
    if bound.cap is not None:
        messaged = "SELECT COUNT(*) FROM contact c WHERE c.phone = recipient.phone AND c.marketing = 1 AND +c.at > ?"
        bars.append((SkipReason.FREQUENCY_CAP, f"({messaged}) >= ?", (bound.capped_since(now), bound.cap)))
    cases = " ".join(f"WHEN {condition} THEN '{reason.value}'" for reason, condition, _ in bars)
    reconsidered = ", ".join(f"'{reason.value}'" for reason in BARS)
    found = execute(
        "SELECT seq, country, skip, barred FROM "
        f"(SELECT seq, country, skip, CASE {cases} END AS barred FROM recipient WHERE audience_id = ? "
        f"AND seq > ? AND seq <= ? AND (state = 0 OR skip IN ({reconsidered}))) looked "
        "WHERE COALESCE(barred, '') <> COALESCE(skip, '') ORDER BY seq",
        (*(value for _, _, values in bars for value in values), audience_id, after, until),
    ).fetchall()
    return [OutOfStep(seq, country, _reason(skip), _reason(barred)) for seq, country, skip, barred in found]


def _reason(text: str | None) -> SkipReason | None:
    return None if text is None else SkipReason(text)
