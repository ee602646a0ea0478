"""One recipient as a line of the report: what each column says, and the states it can be filtered by. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from engine import phone
from engine.decide import HELD_WORDS
from engine.export import state_word
from engine.gateway import errors
from engine.report import SKIP_WORDS
from engine.text import shown
from store.types import Delivery, Recipient, RecipientState, SkipReason
from tui.signs import DASH
from tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.report import Report

COLUMNS: Final = (
    Column("line", "LINE", 7, "right"),
    Column("number", "NUMBER", 19),
    Column("state", "STATE", 12),
    Column("time", "LAST", 9),
    Column("why", "WHY", 20, flex=3),
    Column("cells", "ROW", 16, flex=2, min_total_width=110),
)

ALL: Final = 1
FILTERS: Final[Mapping[int, tuple[str, tuple[RecipientState, ...], tuple[Delivery, ...]]]] = {
    ALL: ("all", (), ()),
    2: ("pending", (RecipientState.PENDING,), ()),
    3: ("sent", (RecipientState.SENT,), ()),
    4: ("failed", (RecipientState.FAILED,), ()),
    5: ("unknown", (RecipientState.UNKNOWN,), ()),
    6: ("skipped", (RecipientState.SKIPPED,), ()),
    7: ("read", (RecipientState.SENT,), (Delivery.READ,)),
}
"""The keys of the report, what they are called, and which states and deliveries they keep."""


class Reason(NamedTuple):
    """One error, or one reason to skip, by which recipients are filtered."""

    words: str
    states: tuple[RecipientState, ...]
    delivery: tuple[Delivery, ...] = ()
    error: int | None = None
    skip: SkipReason | None = None


def reasons(one: Report) -> Sequence[Reason]:
    """What recipients of a report can be filtered by beside their state: its errors, then why rows were skipped."""
    found = []
    for line in one.errors:
        code = f" ({line.code})" if line.code > 0 else ""
        if line.after_sent:
            words = f"{line.text}{code}, after it was sent"
            found.append(Reason(words, (RecipientState.SENT,), (Delivery.UNDELIVERED,), line.code))
        else:
            found.append(Reason(f"{line.text}{code}", (RecipientState.FAILED,), error=line.code))
    skips = [
        Reason(f"skipped: {SKIP_WORDS.get(reason, reason)}", (RecipientState.SKIPPED,), skip=SkipReason(reason))
        for reason in one.skips
    ]
    return (*found, *skips)


_TONES: Final = {"failed": "$failed", "undelivered": "$failed", "unknown": "$held", "held": "$held"}


def cells(row: Recipient, zone: str) -> list[Cell]:
    """The cells of one recipient in the order of `COLUMNS`."""
    state = state_word(row)
    at = row.read_at or row.delivered_at or row.sent_at or row.handed_at
    return [
        Cell(str(row.line)),
        Cell(DASH if row.phone is None else phone.display(row.phone)),
        Cell(state, _TONES.get(state, "")),
        Cell(DASH if at is None else _clock(at, zone)),
        Cell(reason(row)),
        Cell(shown(" | ".join(cell for cell in row.cells if cell.strip()))),
    ]


def reason(row: Recipient) -> str:
    """Why a row stands where it stands, in words."""
    if row.skip is SkipReason.DUPLICATE:
        return "the same number stands further up"
    if row.skip is not None:
        return SKIP_WORDS[row.skip.value]
    if row.error is not None:
        code = f" ({row.error})" if row.error > 0 else ""
        return f"{errors.text_of(row.error)}{code}"
    if row.held:
        return HELD_WORDS
    if row.state is RecipientState.UNKNOWN and row.message_id is not None:
        return "held back by WhatsApp, and nothing was heard of it since"
    if row.state is RecipientState.UNKNOWN:
        return "handed over, no answer came back"
    return ""


def _clock(at: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)):%H:%M:%S}"
