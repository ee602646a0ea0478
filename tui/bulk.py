"""One action on many campaigns: what will be done and what not, and afterwards what was done and what not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine.text import counted, shown
from tui.signs import named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from store.types import CampaignRow

MOST_NAMED: Final = 6
_MOST_REFUSED: Final = 3
_MOST_REASONS: Final = 4
"""So many reasons stand in a notice, which covers the list."""
_IN_A_ROW: Final = 24
"""Cells of a name among others."""


class Judged(NamedTuple):
    """A campaign and why the action does not, or did not, work for it; `None` when it does, or did."""

    row: CampaignRow
    why_not: str | None


def done(judged: Sequence[Judged]) -> list[CampaignRow]:
    """Those with nothing against it."""
    return [one.row for one in judged if one.why_not is None]


def lines(judged: Sequence[Judged], told: Callable[[CampaignRow], str]) -> list[str]:
    """What a dialog says beforehand: how many, which ones, and the others by reason. `told` names a campaign."""
    will = done(judged)
    found = [f"{len(will) or 'None'} of {len(judged)} will be done.", *(f"✓ {told(row)}" for row in will[:MOST_NAMED])]
    if len(will) > MOST_NAMED:
        found.append(f"… and {len(will) - MOST_NAMED} more")
    return [*found, *_refusals(judged)]


def outcome(verb: str, judged: Sequence[Judged], left: str = "What was not done stays marked.") -> str:
    """What a notice says afterwards: `Cancelled: 2 of 4 campaigns.`, and a line for each reason of the others.

    `left` is said of those others.
    """
    finished = done(judged)
    if len(finished) == len(judged):
        return f"{verb}: {named(finished[0].name) if len(finished) == 1 else f'{len(finished)} campaigns'}."
    refused = _refusals(judged)
    more = [f"… and {counted(len(refused) - _MOST_REASONS, 'more reason')}"] if len(refused) > _MOST_REASONS else []
    first = f"{verb}: {len(finished) or 'none'} of {len(judged)} campaigns. {left}".rstrip()
    return "\n".join([first, *refused[:_MOST_REASONS], *more])


def _refusals(judged: Sequence[Judged]) -> list[str]:
    """A line for each reason, in the order they come in."""
    by_reason: dict[str, list[str]] = {}
    for row, why_not in judged:
        if why_not is not None:
            by_reason.setdefault(why_not, []).append(named(row.name, _IN_A_ROW))
    return [
        f"✗ {', '.join(names[:_MOST_REFUSED])}"
        f"{f' and {len(names) - _MOST_REFUSED} more' if len(names) > _MOST_REFUSED else ''}: {shown(why_not)}"
        for why_not, names in by_reason.items()
    ]
