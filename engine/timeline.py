"""What a run sent when, from its start to its end, with its holds (R48).

The counts come from slices that the transactions keep (`store.tallies.SENT_AT`): a run of a million recipients is a few
thousand numbers, and no row is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from store import audit, tallies

if TYPE_CHECKING:
    from store.types import AuditEvent, Campaign

COLUMNS: Final = 120
"""The most columns a plot may have; with more some would be narrower than a slice."""
_WIDTHS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400, 172_800, 604_800)
_HOLD: Final = "campaign.hold"
_LIFTED: Final = "campaign.resume"
_ENDS: Final = ("campaign.completed", "campaign.failed")
_MANY: Final = 100_000


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which the run was on hold; UTC epoch milliseconds."""

    since: int
    until: int | None
    """`None` while it lasts."""
    reason: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What was sent in each slice of a run."""

    start: int
    """UTC epoch milliseconds."""
    end: int | None
    """`None` while the run lasts."""
    slices: Mapping[int, int]
    """Whole seconds from the start to a slice's start, and how many were sent in it."""
    pauses: tuple[Pause, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """A timeline in columns of equal width."""

    start: int
    """UTC epoch milliseconds."""
    width: int
    """Seconds that a column covers."""
    counts: tuple[int, ...]
    held: tuple[bool, ...]
    """Whether the run was on hold for most of a column."""

    @property
    def peak(self) -> int:
        """The most that was sent in one column."""
        return max(self.counts, default=0)

    def at(self, column: int) -> int:
        """When a column begins, in UTC epoch milliseconds."""
        return self.start + column * self.width * 1_000


def read(campaign: Campaign) -> Timeline | None:
    """The timeline of a campaign; `None` for one that has not started."""
    if campaign.started_at is None:
        return None
    slices = {int(key): n for key, n in tallies.of(campaign.id, tallies.SENT_AT).items()}
    events = audit.events(campaign.id, actions=(_HOLD, _LIFTED, *_ENDS), limit=_MANY)
    return Timeline(campaign.started_at, campaign.finished_at, slices, _pauses(campaign, events))


def _pauses(campaign: Campaign, events: Sequence[AuditEvent]) -> tuple[Pause, ...]:
    found: list[Pause] = []
    since: int | None = None
    reason = ""
    for event in events:
        if event.action == _HOLD:
            # A hold that is put on anew goes on.
            since, reason = event.at if since is None else since, event.detail
        elif since is not None:
            found.append(Pause(since, event.at, reason))
            since = None
    if campaign.hold is not None:
        found.append(Pause(campaign.hold.since if since is None else since, None, campaign.hold.text))
    return tuple(found)


def plot(timeline: Timeline, now: int, most: int = 80) -> Plot:
    """The timeline in at most `most` columns (not above `COLUMNS`), whole slices in each; `now` ends a run that lasts.

    What a callback proved after the end stands in the last column.
    """
    end = now if timeline.end is None else timeline.end
    length = max(1, -(-(end - timeline.start) // 1_000))
    width = next((one for one in _WIDTHS if length <= one * most), _WIDTHS[-1])
    counts = [0] * min(most, -(-length // width))
    for elapsed, n in timeline.slices.items():
        counts[min(elapsed // width, len(counts) - 1)] += n
    held = tuple(_held(timeline, end, column * width, width) for column in range(len(counts)))
    return Plot(timeline.start, width, tuple(counts), held)


def seconds(n: int) -> str:
    """A column's width in words."""
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if n >= unit and n % unit == 0:
            count = n // unit
            return name if count == 1 else f"{count} {name}s"
    return f"{n} seconds"


def _held(timeline: Timeline, end: int, second: int, width: int) -> bool:
    first = timeline.start + second * 1_000
    last = min(first + width * 1_000, max(end, first + 1))
    on_hold = sum(
        max(0, min(last, end if pause.until is None else pause.until) - max(first, pause.since))
        for pause in timeline.pauses
    )
    return 2 * on_hold > last - first
