"""The tabs over the campaign list: All and the six statuses with their counts, on one line (R51)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from store.types import Status
from tui.signs import sign, word
from tui.widgets.one_line import OneLine, ends

if TYPE_CHECKING:
    from textual.events import Click

TABS: tuple[Status | None, ...] = (None, *Status)
"""In the order shown, which is that of the keys 0 to 6."""

_SHORT = {
    Status.DRAFT: "Draft",
    Status.SCHEDULED: "Sched",
    Status.IN_PROGRESS: "In Prog",
    Status.COMPLETED: "Compl",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Canc",
}


class Tab(NamedTuple):
    """One tab as it is shown."""

    status: Status | None
    text: str
    x: int


def lay_out(counts: Mapping[Status, int] | None, active: Status | None, width: int) -> list[Tab]:
    """The tabs in the longest wording that fits `width`: words, short words, signs; the last one may be cut.

    They have no numbers as long as the counts are not known.
    """
    tabs: list[Tab] = []
    for wording, gap, brief in (
        (_words, 2, False),
        (_short_words, 2, False),
        (_short_words, 1, True),
        (_signs, 1, True),
    ):
        tabs, x = [], 1
        for status in TABS:
            text = wording(status)
            if counts is not None:
                n = sum(counts.values()) if status is None else counts.get(status, 0)
                text = f"{text} {_brief(n) if brief else f'{n:,}'}"
            text = f"[{text}]" if status == active else text
            tabs.append(Tab(status, text, x))
            x += cell_len(text) + gap
        if x - gap <= width:
            break
    return tabs


def _words(status: Status | None) -> str:
    return "All" if status is None else word(status)


def _short_words(status: Status | None) -> str:
    return "All" if status is None else _SHORT[status]


def _signs(status: Status | None) -> str:
    return "All" if status is None else sign(status)


def _brief(n: int) -> str:
    """A count in at most four characters below ten million: 9999, 12k, 3M; rounded down."""
    if n < 10_000:
        return str(n)
    return f"{n // 1_000}k" if n < 1_000_000 else f"{n // 1_000_000}M"


class StatusTabs(OneLine):
    """The line of tabs. The screen handles the keys and sets `active`; a click only posts `Selected`."""

    counts: reactive[dict[Status, int] | None] = reactive(dict[Status, int], layout=False, repaint=False)
    """Campaigns per status, their sum is All; `None` when they are not known yet."""
    active: reactive[Status | None] = reactive[Status | None](None, repaint=False)
    hint: reactive[str] = reactive("", repaint=False)
    """Stands at the right end where there is room."""

    class Selected(Message):
        """A tab was clicked; `None` is All."""

        def __init__(self, status: Status | None) -> None:
            super().__init__()
            self.status = status

    def __init__(self, active: Status | None = None, hint: str = "") -> None:
        super().__init__()
        self.set_reactive(StatusTabs.active, active)
        self.set_reactive(StatusTabs.hint, hint)

    def watch_counts(self) -> None:
        self.redraw()

    def watch_active(self) -> None:
        self.redraw()

    def watch_hint(self) -> None:
        self.redraw()

    def next(self, step: int) -> Status | None:
        """The tab so many to the right of the active one, round the end."""
        return TABS[(TABS.index(self.active) + step) % len(TABS)]

    def line(self, width: int) -> Content:
        parts: list[str | tuple[str, str]] = []
        x = 0
        for tab in lay_out(self.counts, self.active, width):
            parts += [" " * (tab.x - x), (tab.text, "bold" if tab.status == self.active else "$text-muted")]
            x = tab.x + cell_len(tab.text)
        tabs = Content.assemble(*parts)
        if self.hint and x + 3 + cell_len(self.hint) <= width:
            return ends(tabs, Content.styled(self.hint, "$text-muted"), width)
        return tabs

    def on_click(self, event: Click) -> None:
        event.stop()
        for tab in lay_out(self.counts, self.active, self.size.width):
            if tab.x <= event.x < tab.x + cell_len(tab.text):
                self.post_message(self.Selected(tab.status))
