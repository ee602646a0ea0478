"""Plots as SVG inside a page: no script, no style of its own; colours come from the page's classes. Pure."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from engine import schedule
from engine import timeline as timing
from engine.clock import DAY
from engine.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.timeline import Plot

_WIDTH: Final = 1_000
_HEIGHT: Final = 240
_LEFT: Final = 56
_RIGHT: Final = 8
_TOP: Final = 14
_BOTTOM: Final = 34
_TICKS: Final = 5
"""At most so many times stand below a timeline."""


def bar(part: int, whole: int, tone: str) -> str:
    """One bar as wide as the part is of the whole; anything above nothing shows."""
    share = 0.0 if whole == 0 else 100 * part / whole
    width = max(share, 0.4) if part else 0.0
    return (
        f'<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="rail" width="100" height="1"/>'
        f'<rect class="{tone}" width="{width:.3f}" height="1"/></svg>'
    )


def stacked(parts: Sequence[tuple[str, int]]) -> str:
    """The parts of a whole beside each other, in one bar."""
    whole = sum(n for _, n in parts)
    drawn, x = [], 0.0
    for name, n in parts:
        width = 0.0 if whole == 0 else 100 * n / whole
        if n:
            drawn.append(f'<rect class="{name}" x="{x:.3f}" width="{width:.3f}" height="1"/>')
        x += width
    label = escape(", ".join(f"{name} {n:,}" for name, n in parts))
    return (
        f'<svg class="bar tall" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<rect class="rail" width="100" height="1"/>{"".join(drawn)}</svg>'
    )


def timeline(plot: Plot, zone: str) -> str:
    """What was sent in each column from start to end, with the columns that were on hold shaded."""
    columns = len(plot.counts)
    step = (_WIDTH - _LEFT - _RIGHT) / columns
    base = _HEIGHT - _BOTTOM
    top = _nice(plot.peak)
    drawn = [*_grid(top, base), *_holds(plot, step, base)]
    for column, n in enumerate(plot.counts):
        if n:
            height = max(1.5, (base - _TOP) * n / top)
            x, width = _LEFT + column * step, max(1.0, step * 0.86)
            said = f"{schedule.clock(plot.at(column), zone)[:8]}: {n:,} sent"
            drawn.append(
                f'<rect class="sent" x="{x + step * 0.07:.2f}" y="{base - height:.2f}" width="{width:.2f}" '
                f'height="{height:.2f}" rx="1"><title>{escape(said)}</title></rect>'
            )
    drawn += _times(plot, zone, step, base)
    label = f"Messages sent over time: at most {plot.peak:,} in {timing.seconds(plot.width)}"
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{''.join(drawn)}</svg>"
    )


def _nice(peak: int) -> int:
    """A round number at or above the peak that divides into halves."""
    if peak <= 2:
        return 2
    magnitude = 10 ** (len(str(peak)) - 1)
    return next(
        int(one * magnitude) for one in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if one * magnitude >= peak and
        int(one * magnitude) == one * magnitude and int(one * magnitude) % 2 == 0
    )  # fmt: skip


def _grid(top: int, base: int) -> list[str]:
    drawn = []
    for share in (0, 0.5, 1):
        y = base - (base - _TOP) * share
        drawn.append(
            f'<line class="{"axis" if share == 0 else "grid"}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        )
        drawn.append(f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4}">{round(top * share):,}</text>')
    return drawn


def _holds(plot: Plot, step: float, base: int) -> list[str]:
    drawn, began = [], None
    for column, held in enumerate((*plot.held, False)):
        if held and began is None:
            began = column
        elif not held and began is not None:
            x, width = _LEFT + began * step, (column - began) * step
            drawn.append(f'<rect class="hold" x="{x:.2f}" y="{_TOP}" width="{width:.2f}" height="{base - _TOP}"/>')
            if width > 60:
                drawn.append(f'<text class="held middle" x="{x + width / 2:.2f}" y="{_TOP + 16}">on hold</text>')
            began = None
    return drawn


def _times(plot: Plot, zone: str, step: float, base: int) -> list[str]:
    columns = len(plot.counts)
    every = max(1, -(-columns // (_TICKS - 1)))
    long = columns * plot.width * 1_000 > DAY
    drawn = []
    for column in range(0, columns + 1, every):
        at, x = plot.at(column), _LEFT + column * step
        words = schedule.day_and_time(at, zone) if long else schedule.clock(at, zone)[:8]
        place = "start" if column == 0 else "end" if x > _WIDTH - 80 else "middle"
        drawn.append(f'<line class="axis" x1="{x:.2f}" x2="{x:.2f}" y1="{base}" y2="{base + 5}"/>')
        drawn.append(f'<text class="tick {place}" x="{x:.2f}" y="{base + 20}">{escape(shown(words))}</text>')
    return drawn
