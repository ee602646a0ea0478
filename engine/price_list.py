"""Price lists as files: a table with the columns category, country, media and credits (R26)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.audience import reader
from engine.errors import BadInput
from engine.phone import country_code
from engine.pricing import ANY_MEDIA, EVERY, MEDIA, NO_MEDIA
from engine.text import counted, fold, shown
from store.types import PriceLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COLUMNS: Final = ("category", "country", "media", "credits")
CATEGORIES: Final = ("MARKETING", "UTILITY", "AUTHENTICATION")
HIGHEST: Final = 1_000_000
"""Credits a message; more is a slip."""
_KINDS: Final = (*sorted(MEDIA), ANY_MEDIA, NO_MEDIA)
_TOLD: Final = 8
"""Mistakes that are told at once."""


def read(file: Path) -> list[PriceLine]:
    """Every line of a price list, whole or not at all.

    Raises:
        BadInput: `bad_price_list` with every mistake and its line, and what `engine.audience.reader.tables` raises.
    """
    table = reader.tables(file)[0]
    found: dict[tuple[str, str, str], int] = {}
    lines: list[PriceLine] = []
    mistakes: list[str] = []
    places: dict[str, int] | None = None
    for at, cells in table.records():
        if places is None:
            places = _places(file.name, cells)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        try:
            line = _line(cells, places)
            first = found.setdefault(line[:3], at)
            if first != at:
                raise ValueError(f"the same category, country and media as line {first}")
        except ValueError as mistake:
            mistakes.append(f"line {at}: {mistake}")
        else:
            lines.append(line)
    if mistakes:
        raise _bad(file.name, mistakes)
    if not lines:
        raise BadInput("bad_price_list", f"{shown(file.name)} has no prices in it.", _hint())
    return lines


def _places(name: str, header: Sequence[str]) -> dict[str, int]:
    names = [fold(cell) for cell in header]
    missing = [column for column in COLUMNS if column not in names]
    doubled = [column for column in COLUMNS if names.count(column) > 1]
    if missing:
        raise BadInput("bad_price_list", f"{shown(name)} has no column {' and none '.join(missing)}.", _hint())
    if doubled:
        raise BadInput("bad_price_list", f"{shown(name)} has the column {doubled[0]} twice.", _hint())
    return {column: names.index(column) for column in COLUMNS}


def _line(cells: Sequence[str], places: dict[str, int]) -> PriceLine:
    """One line, or `ValueError` with what is wrong in it."""
    category, country, media, credits = (
        cells[places[column]].strip() if places[column] < len(cells) else "" for column in COLUMNS
    )
    return PriceLine(_category(category), _country(country), _media(media), _credits(credits))


def _category(text: str) -> str:
    if text.upper() not in CATEGORIES:
        raise ValueError(f"there is no category {shown(text)!r}; it is one of {', '.join(CATEGORIES)}")
    return text.upper()


def _country(text: str) -> str:
    if not text:
        return EVERY
    try:
        return country_code(text)
    except BadInput as error:
        raise ValueError(f"there is no country {shown(text)!r}. {error.hint.rstrip('.')}") from error


def _media(text: str) -> str:
    if not text:
        return EVERY
    if text.lower() not in _KINDS:
        raise ValueError(f"there is no media {shown(text)!r}; it is one of {', '.join(_KINDS)}, or empty")
    return text.lower()


def _credits(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > HIGHEST:
        raise ValueError(f"{shown(text)!r} is no number of credits; it is a whole number from 0 to {HIGHEST:,}")
    return int(text)


def _bad(name: str, mistakes: Sequence[str]) -> BadInput:
    more = f"; and {counted(len(mistakes) - _TOLD, 'more mistake')}" if len(mistakes) > _TOLD else ""
    return BadInput(
        "bad_price_list",
        f"{shown(name)} was not imported: {'; '.join(mistakes[:_TOLD])}{more}.",
        "Put that right and import it again; the prices are as they were.",
    )


def _hint() -> str:
    return f"Its columns are {', '.join(COLUMNS)}; an empty country or media is every one without a line of its own."
