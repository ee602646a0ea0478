"""The dialog in which an operator decides what became of unknown recipients, in words (R42). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from engine import phone, schedule
from engine.commands.settling import Fate
from engine.errors import Refused
from engine.text import counted
from tui.screens.draft_choice import Way

if TYPE_CHECKING:
    from engine.commands.settling import Settled
    from store.types import CampaignRow, Recipient

STAY: Final = "Leave it open"
WAYS: Final = (Way("s", "It was sent"), Way("f", "It was not"))
FATES: Final[Mapping[str, Fate]] = {"s": Fate.SENT, "f": Fate.FAILED}
NOT_UNKNOWN: Final = Refused("not_unknown", "The recipient under the cursor is not unknown.", "5 shows those that are.")


class Question(NamedTuple):
    """What is asked."""

    title: str
    lines: Sequence[str]


def one(row: Recipient, zone: str, now: int) -> Question:
    """About one recipient."""
    number = "this row" if row.phone is None else phone.display(row.phone)
    at = "" if row.handed_at is None else f" ({schedule.short(row.handed_at, zone, now)})"
    return Question(
        f"What became of {number}?",
        (
            f"It was handed over{at} and no answer came: the message may have gone out. Most such messages did,"
            " and a status callback may still tell.",
            "",
            "Sent: it counts as sent, its credit is spent.",
            "Not sent: it counts as failed, its credit comes back. If it did go out, a duplicate sends it twice.",
            "Should a callback prove that it was sent after all, that is put right by itself.",
        ),
    )


def everybody(row: CampaignRow) -> Question:
    """About all unknown ones of a campaign."""
    n = row.progress.unknown
    return Question(
        f"What became of {'the one' if n == 1 else f'the {n:,}'} unknown?",
        (
            f"{counted(n, 'recipient')} {'was' if n == 1 else 'were'} handed over and no answer came: the messages may"
            " have gone out. Most such messages did, and status callbacks may still tell.",
            "",
            "Sent: they all count as sent, their credits are spent.",
            "Not sent: they all count as failed, their credits come back. Those that did go out, a duplicate sends"
            " twice.",
            "Should a callback prove that one was sent after all, that is put right by itself.",
        ),
    )


def done(settled: Settled, fate: Fate) -> str:
    """What was done."""
    credits = f"{counted(settled.credits, 'credit')} {'spent' if fate is Fate.SENT else 'given back'}"
    return f"{counted(settled.rows, 'recipient')} settled as {'sent' if fate is Fate.SENT else 'not sent'}, {credits}."
