"""What answers in a row say of the whole campaign, to the last one (R44, R45)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from engine.decide import Decision
from engine.streaks import (
    ERRORS_IN_A_ROW,
    RAMP,
    SILENCES_IN_A_ROW,
    UNKNOWN_ERROR,
    UNKNOWN_ERRORS_IN_A_ROW,
    Streaks,
)
from store.types import Result, ResultKind

NOT_ON_WHATSAPP, NO_MARKETING, BAD_VALUE, NEVER_HEARD_OF = 131026, 131050, 131009, 999_999


def refused(code: int) -> Decision:
    return Decision(Result(1, ResultKind.FAILED, 0, 0, code=code, http_status=400))


TAKEN = Decision(Result(1, ResultKind.SENT, 0, 0, message_id="wamid.1"))
HELD = Decision(Result(1, ResultKind.HELD, 0, 0, message_id="wamid.1"))
SILENCE = Decision(Result(1, ResultKind.UNKNOWN, 0, 0))
SLOW_DOWN = Decision(Result(1, ResultKind.PUT_BACK, 0, 0, code=130429, http_status=429))
NOT_BEGUN = Decision(Result(1, ResultKind.PUT_BACK, 0, 0))


def played(decisions: Iterable[Decision]) -> Streaks:
    streaks = Streaks()
    for one in decisions:
        streaks.note(one)
    return streaks


def reason(decisions: Iterable[Decision]) -> str | None:
    order = played(decisions).order()
    return None if order is None else order.reason


def mixed(n: int) -> list[Decision]:
    """So many refusals whose codes take turns."""
    return [refused((NOT_ON_WHATSAPP, NO_MARKETING)[i % 2]) for i in range(n)]


@pytest.mark.parametrize("end", [TAKEN, HELD])
def test_R45_fifty_refusals_in_a_row_hold_the_run_and_one_that_is_taken_ends_the_row(end: Decision) -> None:
    assert reason(mixed(ERRORS_IN_A_ROW - 1)) is None
    assert reason(mixed(ERRORS_IN_A_ROW)) == "errors_in_a_row"
    assert reason([*mixed(ERRORS_IN_A_ROW - 1), end, *mixed(ERRORS_IN_A_ROW - 1)]) is None


@pytest.mark.parametrize("end", [TAKEN, HELD])
def test_R45_twenty_silences_in_a_row_hold_the_run_and_one_that_is_taken_ends_the_row(end: Decision) -> None:
    almost = [SILENCE] * (SILENCES_IN_A_ROW - 1)
    assert reason(almost) is None
    assert reason([*almost, SILENCE]) == "gateway_silent"
    assert reason([*almost, end, *almost]) is None


@pytest.mark.parametrize("end", [TAKEN, refused(NOT_ON_WHATSAPP)])
def test_R45_twenty_of_one_code_that_nobody_knows_hold_the_run(end: Decision) -> None:
    almost = [refused(NEVER_HEARD_OF)] * (UNKNOWN_ERRORS_IN_A_ROW - 1)
    assert reason(almost) is None
    assert reason([*almost, refused(NEVER_HEARD_OF)]) == UNKNOWN_ERROR
    assert reason([*almost, end, *almost]) is None, "another answer ends the row"


def test_R44_as_many_of_a_code_that_is_known_hold_nothing() -> None:
    assert reason([refused(NOT_ON_WHATSAPP)] * (ERRORS_IN_A_ROW - 1)) is None


def test_R45_a_fault_of_the_whole_campaign_shows_in_its_first_windows_and_only_there() -> None:
    opening = [refused(BAD_VALUE)] * sum(RAMP)
    assert reason(opening[1:]) is None
    assert reason(opening) == "campaign_paused"
    assert reason([TAKEN, *opening]) is None, "what was taken proves the campaign sound"


@pytest.mark.parametrize(
    ("decision", "answered", "taken"),
    [
        (TAKEN, True, True),
        (HELD, True, True),
        (refused(NOT_ON_WHATSAPP), True, False),
        (SLOW_DOWN, True, False),
        (SILENCE, False, False),
        (NOT_BEGUN, False, False),
    ],
)
def test_R45_only_what_the_gateway_said_is_an_answer(decision: Decision, answered: bool, taken: bool) -> None:
    found = played([decision, NOT_BEGUN])
    assert (found.answered, found.taken) == (answered, taken)
