"""What messages cost (R26)."""

from __future__ import annotations

import pytest

from engine.pricing import price_of, price_table, total


@pytest.mark.parametrize("category", ["MARKETING", "UTILITY", "AUTHENTICATION", ""])
def test_R26_a_message_costs_one_credit(category: str) -> None:
    assert price_table((), category, "") == {"": 1}


@pytest.mark.parametrize("media", ["image", "video", "document"])
def test_R26_a_media_header_makes_it_two(media: str) -> None:
    assert price_table((), "MARKETING", media) == {"": 2}


def test_R26_a_location_is_no_media() -> None:
    assert price_table((), "MARKETING", "location") == {"": 1}


def test_R26_a_country_without_a_price_of_its_own_costs_the_default() -> None:
    table = {"": 3, "IN": 1}
    assert price_of(table, "IN") == 1
    assert price_of(table, "DE") == 3
    assert price_of(table, None) == 3


def test_R26_no_price_is_never_taken_for_free() -> None:
    with pytest.raises(KeyError):
        price_of({"IN": 1}, "DE")


def test_R26_the_total_is_the_sum_over_destinations() -> None:
    assert total({"": 3, "IN": 1, "BR": 5}, {"IN": 1_000, "BR": 10, "DE": 2}) == 1_000 + 50 + 6
    assert total({"": 1}, {}) == 0
