"""The first line of the screen (where am I, what is left) and the worker's line (who sends, what is next)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo

from textual.content import Content

from engine.schedule import abbreviation, duration
from engine.text import shown
from tui.widgets.one_line import OneLine, ends

if TYPE_CHECKING:
    from collections.abc import Callable

READ_ONLY = " READ-ONLY "
_GAP = 3
_SHORTEST_NAME = 4
_SECONDS_BELOW_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class TopStatus:
    """What the first line says."""

    account: str
    database: str
    """The file's name or the server's address without a password."""
    read_only: bool
    free: int
    reserved: int
    quota_used: int | None
    """Unique recipients of the last 24 h; `None` leaves the quota out."""
    quota: int | None
    """`None` is unlimited."""
    now: int
    """UTC epoch milliseconds."""
    timezone: str
    program: str = "sendoff"
    role: str = ""
    """The operator's role where it is not owner."""


class Part(NamedTuple):
    """A piece of the line. The higher its `rank`, the earlier a narrow terminal drops it; 0 always stays."""

    text: str
    side: Literal["left", "right"]
    rank: int
    style: str = ""


def clock(now: int, timezone: str) -> str:
    """Wall time with its zone: `14:32 IST`."""
    local = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(timezone))
    return f"{local:%H:%M} {abbreviation(local)}"


def parts(status: TopStatus) -> list[Part]:
    """The pieces of the first line in the order they are shown."""
    line = [
        Part(status.program, "left", 0, "bold"),
        Part(shown(status.account), "left", 5),
        Part(shown(status.database), "left", 4, "$text-muted"),
    ]
    if status.role:
        line.append(Part(f"as {status.role}", "left", 0, "bold"))
    if status.read_only:
        line.append(Part(READ_ONLY, "left", 0, "bold reverse $held"))
    line.append(Part(f"credits {status.free:,} free", "right", 2))
    if status.reserved:
        line.append(Part(f"{status.reserved:,} reserved", "right", 7))
    if status.quota_used is not None:
        limit = "unlimited" if status.quota is None else f"{status.quota:,}"
        used_up = status.quota is not None and status.quota_used >= status.quota
        text = f"quota {status.quota_used:,} of {limit}"
        line.append(Part(text, "right", 1, "bold $held") if used_up else Part(text, "right", 6))
    line.append(Part(clock(status.now, status.timezone), "right", 3))
    return line


def top_line(line: Sequence[Part], width: int) -> Content:
    """The pieces that fit, the least important ones dropped."""
    kept = list(line)
    while _needed(kept) > width and (droppable := [part for part in kept if part.rank]):
        kept.remove(max(droppable, key=lambda part: part.rank))
    return ends(_join(kept, "left"), _join(kept, "right"), width)


def _join(kept: Sequence[Part], side: str) -> Content:
    pieces = [Content.styled(part.text, part.style) for part in kept if part.side == side]
    return Content(" " * (side == "left")) + Content(" " * _GAP).join(pieces) + Content(" " * (side == "right"))


def _needed(kept: Sequence[Part]) -> int:
    return _join(kept, "left").cell_length + _join(kept, "right").cell_length + _GAP


class TopBar(OneLine):
    """The first line."""

    DEFAULT_CSS = "TopBar { background: $panel; }"

    _parts: Sequence[Part] = ()

    def show(self, status: TopStatus) -> None:
        """Show other facts; nothing is repainted when they look the same."""
        self._parts = parts(status)
        self.redraw()

    def line(self, width: int) -> Content:
        return top_line(self._parts, width)


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What the worker's line says."""

    who: str
    """`this console`, `service on web1`; empty when nobody sends."""
    doing: str
    """`idle`, `sending Diwali 79/s`, `standing by`."""
    gateway: str
    """`ok 84 ms`, `unreachable since 14:02`; empty when it is not known."""
    next_name: str = ""
    """The campaign that is due next."""
    next_at: int | None = None
    now: int = 0
    trouble: bool = False
    """Somebody has to look: the line is loud."""


def worker_line(status: WorkerStatus, width: int, until: Callable[[int], str] = duration) -> Content:
    """Who sends, how the gateway answers, what is next; the name of that is cut first, for its time matters more."""
    loud = "bold $held" if status.trouble or not status.who else ""
    who = f"worker: {shown(status.who)}, {shown(status.doing)}" if status.who else "worker: NONE, nothing is being sent"
    pieces = [Content.styled(who, loud)]
    if status.gateway:
        pieces.append(Content.styled(f"gateway {shown(status.gateway)}", loud))
    if status.next_at is not None:
        name = Content(shown(status.next_name) or "Untitled")
        left = Content(f" in {until(status.next_at - status.now)}")
        taken = sum(piece.cell_length + _GAP for piece in pieces) + len(" next: ") + left.cell_length
        room = max(width - taken, _SHORTEST_NAME)
        pieces.append(Content("next: ") + name.truncate(min(room, name.cell_length), ellipsis=True) + left)
    return (Content(" ") + Content(" " * _GAP).join(pieces)).truncate(width, ellipsis=True)


def until_calm(ms: int) -> str:
    """`duration`, in whole minutes above five: on a slow line a countdown need not move every second."""
    if ms >= _SECONDS_BELOW_MS or ms < 300_000:
        return duration(ms)
    return f"{ms // 60_000} min"


class WorkerLine(OneLine):
    """The worker's line; `calm` counts down in minutes."""

    _status: WorkerStatus | None = None
    calm = False

    def show(self, status: WorkerStatus) -> None:
        """Show other facts; nothing is repainted when they look the same."""
        self._status = status
        self.redraw()

    def line(self, width: int) -> Content:
        if self._status is None:
            return Content()
        return worker_line(self._status, width, until_calm if self.calm else duration)
