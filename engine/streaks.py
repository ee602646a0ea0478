"""Refusals and silences in a row: what the last answers say of the whole campaign (DESIGN section 4, step 7)."""

from __future__ import annotations

from engine.decide import PAUSING, Decision, HoldOrder
from engine.gateway import errors
from engine.gateway.base import Action
from store.types import ResultKind

RAMP = (1, 10)
"""Sizes of the first windows: a fault of the whole campaign shows on the first row."""
ERRORS_IN_A_ROW = 50
UNKNOWN_ERRORS_IN_A_ROW = 20
"""Refusals with one and the same code that the table does not know."""
SILENCES_IN_A_ROW = 20
UNKNOWN_ERROR = "unknown_error"


class Streaks:
    """What a run's answers came to so far, the last ones above all."""

    def __init__(self) -> None:
        self.answered = False
        """Whether the gateway has taken or refused anything."""
        self.taken = False
        """Whether the gateway has taken anything."""
        self._refused = 0
        self._same_code: tuple[int | None, int] = (None, 0)
        """The code of the last refusals, and how many in a row had it."""
        self._silent = 0

    def note(self, decision: Decision) -> None:
        """One more hand-over has ended."""
        kind = decision.result.kind
        taken = kind in (ResultKind.SENT, ResultKind.HELD)
        self.answered |= taken or decision.result.http_status is not None
        if taken:
            self.taken = True
            self._refused = self._silent = 0
            self._same_code = (None, 0)
        elif kind is ResultKind.FAILED:
            self._refused += 1
            code, n = self._same_code
            self._same_code = (decision.result.code, n + 1 if decision.result.code == code else 1)
        elif kind is ResultKind.UNKNOWN:
            self._silent += 1

    def order(self) -> HoldOrder | None:
        """The hold that they call for."""
        code, n = self._same_code
        if code is not None:
            text = f"{n} messages in a row were refused: {errors.text_of(code)} ({code})"
            if n >= UNKNOWN_ERRORS_IN_A_ROW and not errors.is_known(code):
                return HoldOrder(UNKNOWN_ERROR, text)
            row = errors.row_of(code)
            if n >= sum(RAMP) and not self.taken and row is not None and row.opening:
                return HoldOrder(PAUSING[Action.PAUSE_CAMPAIGN], text)
        if self._refused >= ERRORS_IN_A_ROW:
            return HoldOrder("errors_in_a_row", f"{self._refused} messages in a row were refused")
        if self._silent >= SILENCES_IN_A_ROW:
            return HoldOrder("gateway_silent", f"{self._silent} messages in a row got no answer")
        return None
