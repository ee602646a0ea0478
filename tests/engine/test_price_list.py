"""Price lists as files, and what the prices in them come to (R26)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import price_list
from engine.errors import BadInput
from engine.pricing import price_table, total, unpriced
from store.types import PriceLine

HEADER = "category,country,media,credits\n"


def written(folder: Path, lines: str, header: str = HEADER) -> Path:
    file = folder / "prices.csv"
    file.write_text(header + lines, encoding="utf-8")
    return file


def refused(folder: Path, lines: str, header: str = HEADER) -> str:
    with pytest.raises(BadInput) as error:
        price_list.read(written(folder, lines, header))
    assert error.value.code == "bad_price_list"
    assert error.value.hint
    return error.value.message


def test_R26_a_list_is_read_with_its_defaults(tmp_path: Path) -> None:
    lines = "marketing,in,,3\nMARKETING,,,5\n\nUTILITY,IN,image,0\n Utility , in , NONE , 7 \n"
    assert price_list.read(written(tmp_path, lines)) == [
        PriceLine("MARKETING", "IN", "", 3),
        PriceLine("MARKETING", "", "", 5),
        PriceLine("UTILITY", "IN", "image", 0),
        PriceLine("UTILITY", "IN", "none", 7),
    ]


def test_R26_columns_stand_in_any_order_beside_others_and_any_delimiter_will_do(tmp_path: Path) -> None:
    file = written(tmp_path, "4;x;video;DE;utility\n", "Credits;Note;Media;Country;Category\n")
    assert price_list.read(file) == [PriceLine("UTILITY", "DE", "video", 4)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("PROMOTION,IN,,1", "there is no category 'PROMOTION'; it is one of MARKETING, UTILITY, AUTHENTICATION"),
        (",IN,,1", "there is no category ''"),
        ("MARKETING,XX,,1", "there is no country 'XX'"),
        ("MARKETING,UK,,1", "The United Kingdom is GB"),
        ("MARKETING,IN,gif,1", "there is no media 'gif'"),
        ("MARKETING,IN,,-1", "'-1' is no number of credits; it is a whole number from 0 to 1,000,000"),
        ("MARKETING,IN,,1.5", "'1.5' is no number of credits"),
        ("MARKETING,IN,,", "'' is no number of credits"),
        ("MARKETING,IN,,1000001", "'1000001' is no number of credits"),
        (f"MARKETING,IN,,{'9' * 5000}", "is no number of credits"),
        ("MARKETING,IN,,\u0663", "is no number of credits"),
        ("MARKETING,IN", "'' is no number of credits"),
        ("MARKETING,FR,,2", "line 3: the same category, country and media as line 2"),
        ("\x1b[31m,IN,,1", "there is no category '\u241b[31m'"),
    ],
)
def test_R26_a_mistake_is_told_with_its_line_and_nothing_is_read(tmp_path: Path, line: str, words: str) -> None:
    said = refused(tmp_path, f"marketing,fr,,1\n{line}\n")
    assert "line 3: " in said
    assert words in said
    assert "\x1b" not in said


def test_R26_every_mistake_is_told_at_once_up_to_a_limit(tmp_path: Path) -> None:
    said = refused(tmp_path, "A,IN,,1\nMARKETING,IN,,1\nMARKETING,XX,,1\n")
    assert "line 2: " in said and "line 4: " in said and "line 3: " not in said
    said = refused(tmp_path, "A,IN,,1\n" * 20)
    assert "line 9: " in said and "line 10: " not in said and "and 12 more mistakes" in said


def test_R26_a_file_without_the_columns_or_without_prices_is_refused(tmp_path: Path) -> None:
    assert "has no column media" in refused(tmp_path, "MARKETING,IN,1\n", "category,country,credits\n")
    assert "has the column country twice" in refused(tmp_path, "", "category,country,country,media,credits\n")
    assert "has no prices in it" in refused(tmp_path, "")


LIST = [
    PriceLine("MARKETING", "IN", "", 1),
    PriceLine("MARKETING", "IN", "image", 4),
    PriceLine("MARKETING", "DE", "media", 6),
    PriceLine("MARKETING", "DE", "none", 3),
    PriceLine("MARKETING", "FR", "video", 9),
    PriceLine("MARKETING", "", "", 7),
    PriceLine("MARKETING", "", "image", 8),
    PriceLine("UTILITY", "IN", "", 2),
]


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("", {"IN": 1, "DE": 3, "": 7}),
        ("location", {"IN": 1, "DE": 3, "": 7}),
        ("image", {"IN": 4, "DE": 6, "": 8}),
        ("video", {"IN": 1, "DE": 6, "FR": 9, "": 7}),
        ("document", {"IN": 1, "DE": 6, "": 7}),
    ],
)
def test_R26_a_countrys_own_line_goes_first_and_then_the_nearest_media(media: str, expected: dict[str, int]) -> None:
    assert price_table(LIST, "MARKETING", media) == expected


def test_R26_categories_have_prices_of_their_own_and_a_list_has_no_silent_default() -> None:
    assert price_table(LIST, "UTILITY", "") == {"IN": 2}
    assert price_table(LIST, "AUTHENTICATION", "") == {}


def test_R26_what_no_line_covers_is_named_and_never_free() -> None:
    counts = {"DE": 2, "BR": 5, "IN": 10, "": 1, "AT": 0}
    assert unpriced({"IN": 2}, counts) == {"BR": 5, "DE": 2, "": 1}
    assert unpriced({"IN": 2, "": 0}, counts) == {}
    assert total({"IN": 2}, counts) == 20
