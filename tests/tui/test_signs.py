"""Signs, bars and percentages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from store.types import Status
from tui.signs import MARK, bar, percent, rate, sign, tone, word
from tui.theme import STATUS_COLORS, THEMES


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("held", [False, True])
def test_every_sign_is_one_cell_wide(status: Status, held: bool) -> None:
    assert wcswidth(sign(status, held)) == 1


def test_the_mark_and_every_block_of_a_bar_are_one_cell_wide() -> None:
    assert wcswidth(MARK) == 1
    assert all(wcswidth(block) == 1 for block in "█▉▊▋▌▍▎▏·┃…▲▼")


def test_R52_every_status_has_a_sign_and_a_word_of_its_own() -> None:
    looks = {(sign(status), word(status)) for status in Status} | {(sign(Status.IN_PROGRESS, True), "On hold")}
    assert len({one for one, _ in looks}) == len({text for _, text in looks}) == 7


def test_R45_only_a_campaign_in_progress_can_look_held() -> None:
    assert (sign(Status.IN_PROGRESS, True), word(Status.IN_PROGRESS, True)) == ("‖", "On hold")
    assert sign(Status.COMPLETED, True) == sign(Status.COMPLETED)
    assert word(Status.COMPLETED, True) == "Completed"
    assert tone(Status.COMPLETED, True) == tone(Status.COMPLETED)


def test_every_tone_is_a_variable_of_every_theme() -> None:
    names = {tone(status, held).rpartition("$")[2] for status in Status for held in (False, True)}
    assert names == set(STATUS_COLORS)
    for theme in THEMES:
        assert names <= set(theme.variables)


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0, "··········"),
        (0.001, "▏·········"),
        (0.5, "█████·····"),
        (0.6625, "██████▋···"),
        (0.999, "█████████▉"),
        (1, "██████████"),
        (-1, "··········"),
        (7, "██████████"),
    ],
)
def test_bars(fraction: float, expected: str) -> None:
    assert bar(fraction, 10) == expected


@given(st.floats(allow_nan=False), st.integers(0, 60))
def test_a_bar_has_its_width(fraction: float, width: int) -> None:
    assert wcswidth(bar(fraction, width)) == width


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (0, 0, "-"),
        (0, 10, "0"),
        (10, 10, "100"),
        (4970, 5000, "99.4"),
        (1, 3, "33.3"),
        (1, 1_000_000, "0.1"),
        (999_999, 1_000_000, "99.9"),
    ],
)
def test_R47_percentages(part: int, whole: int, expected: str) -> None:
    assert rate(part, whole) == expected


def test_R47_nothing_of_nothing_is_a_dash_without_a_percent_sign() -> None:
    assert percent(0, 0) == "-"
    assert percent(1, 4) == "25.0%"
