"""What WhatsApp writes in several ways."""

from __future__ import annotations

import pytest

from engine.wire_words import UNLIMITED, number_of, quota_of


@pytest.mark.parametrize(
    ("said", "quota"),
    [
        ("TIER_50", 50), ("TIER_250", 250), ("TIER_1K", 1_000), ("tier_100k", 100_000), ("TIER_1M", 1_000_000),
        ("2000", 2_000), ("2K", 2_000), (2_000, 2_000), (2**31 - 1, 2**31 - 1),
        ("TIER_UNLIMITED", UNLIMITED), ("UNLIMITED", UNLIMITED), (-1, UNLIMITED), ("-1", UNLIMITED),
    ],
)  # fmt: skip
def test_a_messaging_limit_is_a_number_of_people(said: object, quota: int) -> None:
    assert quota_of(said) == quota


@pytest.mark.parametrize(
    "said",
    ["", "TIER_", "TIER_TWO", "TIER_NOT_SET", "TIER_2G", "lots", "0", "TIER_٢K", "9" * 9 + "M", 0, -7, 2**31, True,
     None, [], 1.5, "1" * 5_000],
)  # fmt: skip
def test_what_is_no_messaging_limit_is_none(said: object) -> None:
    assert quota_of(said) is None


@pytest.mark.parametrize(
    ("display", "number"),
    [
        ("+1 631-555-5555", 16315555555), ("15550051310", 15550051310), ("+55 (11) 5555.5555", 551155555555),
        ("none", None), ("", None), ("+12 34", None), ("1" * 16, None), ("+٣٣٣٣٣٣", None), (None, None),
        (15550051310, None),
    ],
)  # fmt: skip
def test_a_number_is_read_by_its_digits(display: object, number: int | None) -> None:
    assert number_of(display) == number
