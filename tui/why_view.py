"""The story of one number as lines of text, for the screen that `w` opens. Pure."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final

from textual.content import Content

from engine import schedule, why
from engine.text import shown

if TYPE_CHECKING:
    from engine.story import Event
    from engine.why import Why

_CLOCK: Final = len("10:00:00.000")
_GAP: Final = 2
_TONES: Final = {
    "refused": "$failed",
    "failed": "$failed",
    "undelivered": "$failed",
    "put_back": "$held",
    "no_answer": "$held",
    "taken_over": "$held",
    "unknown": "$held",
    "skipped": "$held",
    "accepted": "bold",
    "proved": "bold",
    "delivered": "bold",
    "read": "bold",
}


def lines(found: Why, width: int) -> list[Content]:
    """Day by day what happened when, and at the end how it stands; texts are wrapped to stay in their column."""
    told: list[Content] = []
    day = ""
    for event in found.events:
        if event.at is not None and (this := schedule.day(event.at, found.zone)) != day:
            day = this
            told.append(Content.styled(day, "bold $accent"))
        told += _event(event, found.zone, width)
    return [*told, Content(""), Content.assemble(("stands  ", "bold"), found.stands)]


def _event(event: Event, zone: str, width: int) -> list[Content]:
    clock = "" if event.at is None else schedule.clock(event.at, zone)
    texts = wrap(shown(why.text(event, zone)), max(width - _CLOCK - _GAP, 20), break_on_hyphens=False) or [""]
    tone = "$text-muted" if event.what.startswith("campaign.") else _TONES.get(event.what, "")
    first = Content.assemble((f"{clock:<{_CLOCK + _GAP}}", "$text-muted"), (texts[0], tone))
    return [first, *(Content.assemble(" " * (_CLOCK + _GAP), (text, tone)) for text in texts[1:])]


def plain(found: Why) -> str:
    """The story as plain text, for the clipboard."""
    head = f"why {found.number} in {shown(found.campaign.name)}"
    return "\n".join((head, *(line.plain for line in lines(found, 10_000))))
