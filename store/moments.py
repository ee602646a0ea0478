"""What the clock has shown: enough to notice that it was set back, and to keep locked what was locked by then (R15).

The wall clock of one boot is its steady clock plus an offset that changes only when somebody sets the time. That pair
is kept for each boot and written again only when the offset changed. All times are milliseconds.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from store.campaigns import has_status
from store.models import Campaign, ClockMark
from store.query import first
from store.types import Status

STEP: Final = 1000
"""From here on a clock that is behind was set back, and believed again; less is never believed."""
ROUNDING: Final = 2
"""Two clocks read in whole milliseconds seem to drift apart by so much at the most."""


class Moment(NamedTuple):
    """One reading of a machine's clocks against what is known of them."""

    latest: int
    """Never earlier than the wall clock would be had nobody set it back (UTC epoch milliseconds)."""
    set_back: int
    """Milliseconds the wall clock was set back since it was last read; 0 when it was not."""
    known: bool
    """Whether the store's mark says the same already."""


def read(boot: str, wall: int, steady: int) -> Moment:
    """Compare the clocks of a boot with its mark."""
    mark = first(ClockMark.select(ClockMark.wall, ClockMark.steady).where(ClockMark.boot == boot))
    if mark is None:
        return Moment(wall, 0, False)
    expected = mark[0] + steady - mark[1]
    behind = expected - wall
    # A millisecond that only rounding makes would close the lock before its time.
    latest = expected if behind > ROUNDING else wall
    return Moment(latest, behind if behind >= STEP else 0, 0 <= behind < STEP)


def keep(boot: str, wall: int, steady: int) -> None:
    """Renew the mark of a boot."""
    ClockMark.insert(boot=boot, wall=wall, steady=steady).on_conflict(
        conflict_target=[ClockMark.boot], update={ClockMark.wall: wall, ClockMark.steady: steady}
    ).execute()


def _due_to_lock(latest: int, lock: int) -> list[object]:
    return [has_status(Status.SCHEDULED), Campaign.scheduled_at < latest + lock, Campaign.locked == 0]


def any_to_lock(latest: int, lock: int) -> bool:
    """Whether a Scheduled campaign has fewer than `lock` ms left and is not kept locked yet."""
    return first(Campaign.select(Campaign.id).where(*_due_to_lock(latest, lock)).limit(1)) is not None


def keep_locked(latest: int, lock: int) -> int:
    """Keep locked, whatever the clock does, every Scheduled campaign with fewer than `lock` ms left; tells how many.

    The version stays: nothing that an operator sees of a campaign changes by it.
    """
    return int(Campaign.update(locked=1).where(*_due_to_lock(latest, lock)).execute())
