"""The status machine of a campaign (R1 to R9, R14, R17): pure rules, the clock handed in.

The store's compare-and-set statements hold the same conditions; this module says why before and after.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from engine.clock import MINUTE
from engine.errors import Refused
from store.types import RootCause, Status

LOCK: Final = 5 * MINUTE
"""From so many milliseconds before its time a Scheduled campaign is locked."""

TRANSITIONS: Final = frozenset(
    (
        (Status.DRAFT, Status.SCHEDULED),
        (Status.DRAFT, Status.IN_PROGRESS),
        (Status.SCHEDULED, Status.DRAFT),
        (Status.SCHEDULED, Status.CANCELLED),
        (Status.SCHEDULED, Status.IN_PROGRESS),
        (Status.SCHEDULED, Status.FAILED),
        (Status.IN_PROGRESS, Status.COMPLETED),
        (Status.IN_PROGRESS, Status.FAILED),
    )
)
"""Every change of status there is (R9)."""

FINAL: Final = frozenset((Status.COMPLETED, Status.FAILED, Status.CANCELLED))


class Action(StrEnum):
    """What an operator may ask for."""

    EDIT = "edit"
    DELETE = "delete"
    DUPLICATE = "duplicate"
    SCHEDULE = "schedule"
    SEND_NOW = "send_now"
    CANCEL = "cancel"
    REOPEN = "reopen"
    """Back to draft."""
    RESCHEDULE = "reschedule"
    RESUME = "resume"


_FROM: Final = {
    Action.EDIT: Status.DRAFT,
    Action.DELETE: Status.DRAFT,
    Action.SCHEDULE: Status.DRAFT,
    Action.SEND_NOW: Status.DRAFT,
    Action.CANCEL: Status.SCHEDULED,
    Action.REOPEN: Status.SCHEDULED,
    Action.RESCHEDULE: Status.SCHEDULED,
    Action.RESUME: Status.IN_PROGRESS,
}
"""The one status each action starts from; duplicating is possible from any."""

_HOLDABLE: Final = frozenset((Status.IN_PROGRESS, Status.SCHEDULED))
"""A run by what it meets (R45), a Scheduled campaign only by a restore."""

_DONE: Final = {
    Action.EDIT: "edited",
    Action.DELETE: "deleted",
    Action.SCHEDULE: "scheduled",
    Action.SEND_NOW: "sent now",
    Action.CANCEL: "cancelled",
    Action.REOPEN: "taken back to draft",
    Action.RESCHEDULE: "rescheduled",
    Action.RESUME: "resumed",
}
_STATUS_NAMES: Final = {
    Status.DRAFT: "a Draft",
    Status.SCHEDULED: "Scheduled",
    Status.IN_PROGRESS: "In Progress",
    Status.COMPLETED: "Completed",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancelled",
}


def lock_at(scheduled_at: int) -> int:
    """The last millisecond at which a campaign may still be cancelled, taken back or rescheduled."""
    return scheduled_at - LOCK


def cancel_locked(scheduled_at: int, now: int, locked: bool = False) -> bool:
    """Whether fewer than 5 minutes are left; exactly 5 min 00.000 s are not locked (R14).

    `locked` is what the store remembers: a lock that has fallen stays, also when the clock was set back since (R15).
    """
    return locked or now > lock_at(scheduled_at)


def refusal(
    action: Action, status: Status, *, scheduled_at: int | None, now: int, held: bool = False, locked: bool = False
) -> Refused | None:
    """Why an action is not possible now and what to do instead; `None` when it is.

    Codes: `not_editable` (edit and delete, R3), `cancel_locked` (R14), `not_held` (resume), `illegal_transition` (the
    rest of R9). Times are UTC milliseconds; `held` tells whether a campaign is on hold,
    `locked` whether a Scheduled one was seen locked before.
    """
    if action is Action.DUPLICATE:
        return None
    if action is Action.RESUME:
        return None if status in _HOLDABLE and held else _not_held(status)
    if status is not _FROM[action]:
        code = "not_editable" if action in (Action.EDIT, Action.DELETE) else "illegal_transition"
        return Refused(code, _why(action, status), _instead(action, status, scheduled_at, now, locked))
    if status is Status.SCHEDULED and scheduled_at is not None and cancel_locked(scheduled_at, now, locked):
        return Refused(
            "cancel_locked",
            f"It is too late: within 5 minutes of its time a campaign cannot be {_DONE[action]}.",
            "It will run; a duplicate can be changed.",
        )
    return None


def allowed(
    status: Status, *, scheduled_at: int | None, now: int, held: bool = False, locked: bool = False
) -> tuple[Action, ...]:
    """The actions that are possible now."""
    return tuple(
        action
        for action in Action
        if refusal(action, status, scheduled_at=scheduled_at, now=now, held=held, locked=locked) is None
    )


def check_transition(before: Status, after: Status) -> None:
    """Let a change of status of R9 pass.

    Raises:
        Refused: `illegal_transition` for every other one.
    """
    if (before, after) not in TRANSITIONS:
        raise Refused(
            "illegal_transition",
            f"A campaign that is {_STATUS_NAMES[before]} cannot become {_STATUS_NAMES[after]}.",
            "Duplicate it to start again." if before in FINAL else "Look at it again: it may have moved on meanwhile.",
        )


def settle(sent: int, failed: int, unknown: int, not_attempted: int = 0) -> tuple[Status, RootCause | None]:
    """How a run ends (R5, R6): Completed when anything was sent, else Failed with its root cause.

    `failed` counts every failed recipient, `not_attempted` those among them that the gateway did not refuse: never
    handed over (R45), or settled by hand as not sent (R42).
    """
    if sent > 0:
        return Status.COMPLETED, None
    if failed > not_attempted:
        return Status.FAILED, RootCause.ALL_REJECTED
    if unknown > 0 or not_attempted > 0:
        return Status.FAILED, RootCause.GATEWAY_UNREACHABLE
    return Status.FAILED, RootCause.NO_VALID_RECIPIENTS


def _why(action: Action, status: Status) -> str:
    if status is Status.IN_PROGRESS:
        return f"The campaign is In Progress, and a run cannot be {_DONE[action]}."
    if action in (Action.EDIT, Action.DELETE):
        return f"Only a Draft can be {_DONE[action]}; this campaign is {_STATUS_NAMES[status]}."
    return f"A campaign that is {_STATUS_NAMES[status]} cannot be {_DONE[action]}."


def _instead(action: Action, status: Status, scheduled_at: int | None, now: int, locked: bool) -> str:
    if status is Status.DRAFT:
        return "Schedule it first." if action is Action.RESCHEDULE else "It is a Draft: edit, schedule or delete it."
    if status is Status.IN_PROGRESS:
        return "Wait for its end; a duplicate can be changed at any time."
    if status is Status.SCHEDULED:
        if scheduled_at is not None and cancel_locked(scheduled_at, now, locked):
            return "It is within 5 minutes of its time and will run; a duplicate can be changed."
        return "Reschedule it instead." if action is Action.SCHEDULE else "Take it back to draft first (reopen)."
    return "Its status is final: duplicate it to get a new Draft."


def _not_held(status: Status) -> Refused:
    if status is Status.IN_PROGRESS:
        return Refused("not_held", "The campaign is not on hold: it is being sent.", "There is nothing to resume.")
    return Refused(
        "not_held",
        f"Only a campaign on hold can be resumed; this one is {_STATUS_NAMES[status]}.",
        "Duplicate it to send again." if status in FINAL else "It has not started yet.",
    )
