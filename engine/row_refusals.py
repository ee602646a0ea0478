"""Rows whose message WhatsApp would refuse for a value of their own: a text too long, a link that is none (R22).

They are not skipped, because WhatsApp alone decides; but they are told before the launch. A look at every row takes
long, so they are walked only when one of them could be refused, and only by what could be odd.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from engine import message, resolution

if TYPE_CHECKING:
    from engine.placeholders import Filler
    from store.types import Audience, Fill, Template


class RowRefusals(NamedTuple):
    """How many rows, and the first of them."""

    rows: int
    line: int
    """Of the first one, in the file."""
    problem: str
    """What is wrong with it, in a sentence."""


def find(
    audience: Audience,
    template: Template | None,
    fills: Mapping[str, Fill],
    widest: Mapping[int, int],
    now: int,
    wanted: Callable[[], bool] = lambda: True,
) -> RowRefusals | None:
    """The rows that would be refused if they went now, by a mapping that need not be saved; `None` when there are none.

    `widest` are the characters of the longest cell by column, as `resolution.count` found them. What is wrong with
    every row alike is not told here. Also `None` when the answer is no longer `wanted`.
    """
    filler = resolution.filler_for(template, fills, audience)
    if template is None or filler is None:
        return None
    same = set(message.problems(template.components, filler.constants, now))
    odd = _odd(template, filler, widest, same)
    if not odd:
        return None
    rows, first = 0, None
    for decided in resolution.decisions(audience.id, filler, resolution.bars(template, now)):
        if not wanted():
            return None
        for row, reason in decided:
            values = None if reason is not None else filler.fill(row.cells)
            if values is None or all(key not in values or message.plainly_fine(key, values[key]) for key in odd):
                continue
            found = [one for one in message.problems(template.components, values, now) if one not in same]
            if found:
                rows += 1
                if first is None or row.line < first[0]:
                    first = row.line, found[0]
    return None if first is None else RowRefusals(rows, *first)


def _odd(template: Template, filler: Filler, widest: Mapping[int, int], same: set[str]) -> Collection[str]:
    """The keys whose cells decide whether a row could be refused; none when no row could be.

    Texts are looked at together, by the longest there are: where all of them fit, no row's are too long.
    """
    longest = filler.longest(widest)
    odd = {key for key, value in longest.items() if value is None or _refused(template, filler, {key: value}, same)}
    texts = {key: value for key, value in longest.items() if value is not None and key not in odd}
    return odd | texts.keys() if _refused(template, filler, texts, same) else odd


def _refused(template: Template, filler: Filler, values: Mapping[str, str], same: set[str]) -> bool:
    return not same.issuperset(message.problems(template.components, {**filler.constants, **values}))
