"""What the dialogs before a launch say (R12, R16, R17, R28). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import schedule
from engine.preflight_facts import Level
from tui.screens.confirm import Question
from tui.screens.draft_timing import lock_words

if TYPE_CHECKING:
    from engine.preflight import Preflight

UNTITLED = "Untitled"


def _people(result: Preflight) -> str:
    return f"{result.valid:,} recipient{'' if result.valid == 1 else 's'}"


def _credits(price: int) -> str:
    return f"{price:,} credit{'' if price == 1 else 's'}"


def _warnings(result: Preflight) -> list[str]:
    return [f"! {check.text}" for check in result.checks if check.level is Level.WARN]


def schedule_question(name: str, at: int, zone: str, result: Preflight, free: int) -> Question:
    """Asked before Draft to Scheduled; the time runs in it, and once it has passed there is no yes."""

    def lines(now: int) -> list[str]:
        words = lock_words(at, zone, now)
        return [
            f"It goes {schedule.describe(at, zone, now)}.",
            f"{_people(result)}, {_credits(result.price)} of {free:,} free.",
            *_warnings(result),
            f"It {words}." if words.startswith("can") else f"{words}.",
        ]

    def too_late(now: int) -> str | None:
        return "That time has passed. Choose a later one, or send now." if at <= now else None

    return Question(f"Schedule “{name or UNTITLED}”?", lines, "Yes, schedule", "Not yet", too_late)


def send_question(name: str, result: Preflight, free: int) -> Question:
    """Asked before Draft to In Progress: the number of recipients has to be typed."""
    lines = [
        f"{_people(result)} get it at once, for {_credits(result.price)} of {free:,} free.",
        *_warnings(result),
        "Sending now cannot be cancelled.",
    ]
    return Question(f"Send “{name or UNTITLED}” now?", lines, "Send", "Not yet", number=result.valid)
