"""Text from outside, made fit to be shown, compared and opened in a spreadsheet."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth, wcwidth

from engine.text import counted, fold, shown, spreadsheet_safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, [bold]x[/bold]", "plain text, [bold]x[/bold]"),
        ("\x1b[31mred", "␛[31mred"),
        ("two\nlines\r\n", "two␊lines␍␊"),
        ("tab\there", "tab␉here"),
        ("\x7f\x9b31m", "␡\ufffd31m"),
        ("evil\u202egnp.exe", "evil\ufffdgnp.exe"),
        ("\u2066isolated\u2069", "\ufffdisolated\ufffd"),
        ("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"),
        ("line\u2028separator", "line\ufffdseparator"),
        ("lone \udc80 surrogate", "lone \ufffd surrogate"),
        ("hidden\U000e0041tag", "hidden\ufffdtag"),
    ],
)
def test_what_a_terminal_would_obey_becomes_visible(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("text", ["مريم", "न्‍", "👩‍👩‍👧", "José", "日本", "می‌خواهم"])
def test_letters_of_every_script_and_joined_emoji_stay(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2028, 0xFEFF])
def test_every_sign_takes_one_cell(code: int) -> None:
    sign = shown(chr(code))
    assert len(sign) == 1
    assert wcwidth(sign) == 1


@given(st.text(st.characters(codec=None), max_size=30))
def test_nothing_that_moves_the_cursor_is_left(text: str) -> None:
    result = shown(text)
    assert len(result) == len(text)
    assert not any(unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cs") for sign in result)
    assert shown(result) == result
    assert wcswidth(result) >= 0


@pytest.mark.parametrize(
    "text", ["Mobile No.", "mobile_no", "MOBILE NO", " mobile\u00a0no. ", "Mobile-No", "\ufeffＭobile No", "mobile\nno"]
)
def test_R33_headers_compare_without_case_spaces_underscores_and_dots(text: str) -> None:
    assert fold(text) == "mobileno"


def test_R33_different_words_stay_different() -> None:
    assert fold("mobile") != fold("mobile no")
    assert fold("Straße") == fold("STRASSE")


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+cmd|' /C calc'!A0", "@x", "\t=1", "\r=1", "\n=1", "＝1+1"])
def test_cells_that_start_a_formula_are_defused(text: str) -> None:
    assert spreadsheet_safe(text) == "'" + text


@pytest.mark.parametrize("text", ["+91 98765 43210", "+491512", "-5", "-12.50", "Asha", "", "a=b", "(0)151", "++44 1"])
def test_numbers_and_ordinary_cells_stay_readable(text: str) -> None:
    expected = "'" + text if text.startswith("++") else text
    assert spreadsheet_safe(text) == expected


@pytest.mark.parametrize(("n", "told"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1204, "1,204 rows")])
def test_a_number_stands_beside_its_noun(n: int, told: str) -> None:
    assert counted(n, "row") == told
