"""Root causes in words (R40)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.root_causes import advice, text
from store.types import RootCause


@pytest.mark.parametrize("cause", RootCause)
def test_R40_every_root_cause_has_words_and_advice_even_without_details(cause: RootCause) -> None:
    for words in (text(cause, {}), advice(cause, {})):
        assert words.endswith(".")
        assert "None" not in words
        assert cause.value not in words


@pytest.mark.parametrize(
    ("cause", "detail", "parts"),
    [
        (RootCause.INSUFFICIENT_CREDITS, {"needed": 5_000, "free": 3_800, "missing": 1_200},
         ["5,000 needed", "3,800 free", "1,200 missing"]),
        (RootCause.TEMPLATE_UNAVAILABLE, {"template": "weekend_v2", "state": "PAUSED"},
         ["weekend_v2", "paused by WhatsApp"]),
        (RootCause.TEMPLATE_UNAVAILABLE, {"template": "x\x1b", "state": "ODD_NEW"}, ["x␛", "odd new"]),
        (RootCause.TEMPLATE_CHANGED, {"template": "weekend_v2"}, ["weekend_v2"]),
        (RootCause.MISSED_WINDOW, {"late_ms": 7_500_000, "grace_minutes": 60}, ["2 h 05 min late", "60 min"]),
        (RootCause.SENDER_UNAVAILABLE, {"sender": 919876543210, "reason": "restricted"},
         ["+91 98765 43210", "restricted"]),
        (RootCause.NO_VALID_RECIPIENTS, {"skipped": {"opted_out": 1_200, "blank": 3}}, ["opted out 1,200", "blank 3"]),
        (RootCause.ALL_REJECTED, {"errors": [{"code": 131026, "text": "not on WhatsApp", "n": 1_900},
                                             {"code": 131049, "text": "limit", "n": 100}]},
         ["1,900 x 131026 not on WhatsApp; 100 x 131049 limit."]),
        (RootCause.GATEWAY_UNREACHABLE, {"reason": "connection refused"}, ["connection refused"]),
    ],
)  # fmt: skip
def test_R40_the_words_hold_the_facts(cause: RootCause, detail: dict[str, Any], parts: list[str]) -> None:
    for part in parts:
        assert part in text(cause, detail)


def test_R40_the_advice_names_the_missing_credits() -> None:
    assert "1,200 credits" in advice(RootCause.INSUFFICIENT_CREDITS, {"missing": 1_200})


@pytest.mark.parametrize(
    "cause",
    [
        RootCause.INSUFFICIENT_CREDITS,
        RootCause.TEMPLATE_UNAVAILABLE,
        RootCause.TEMPLATE_CHANGED,
        RootCause.MISSED_WINDOW,
    ],
)
def test_R27_what_failed_before_its_first_message_says_that_nothing_was_sent_or_taken(cause: RootCause) -> None:
    assert text(cause, {}).endswith("Nothing was sent and no credit was taken.")
