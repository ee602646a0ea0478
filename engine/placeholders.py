"""What fills the placeholders of a template in contact rows (R25, R37); their keys are in `engine.template_keys`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from engine import typed_values
from engine.audience.columns import position
from engine.errors import BadInput
from engine.template_keys import MEDIA as MEDIA
from engine.template_keys import MEDIA_ID as MEDIA_ID
from engine.template_keys import MEDIA_NAME as MEDIA_NAME
from engine.template_keys import Placeholder as Placeholder
from engine.template_keys import extras as extras
from engine.template_keys import placeholders as placeholders
from engine.template_keys import used as used
from engine.templates import PLACEHOLDER
from engine.text import fold, shown
from engine.typed_values import Kind
from store.types import Fill

# WhatsApp refuses line breaks, tabs and more than four spaces in a row inside a value (code 132018).
_REFUSED_SPACE: Final = re.compile(r"[^\S\n\r\t\v\f\x85\u2028\u2029]*[\n\r\t\v\f\x85\u2028\u2029]\s*|[^\S\n]{5,}")
# Spaces of no width, joiners and marks of direction with nothing between them, fillers of Hangul, Khmer and braille.
_INVISIBLE: Final = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0]*"
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
UTC: Final = "UTC"

Known: TypeAlias = Sequence[Placeholder]
"""The placeholders of a template."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the value of one placeholder comes from in one row."""

    key: str
    column: str | None
    """`None` for a text that is the same in every row."""
    value: str
    """Empty for a hole."""
    blank: bool
    """The column's cell is blank, and the value its fallback."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a placeholder from being filled."""

    code: str
    """`unmapped_placeholder`, `no_such_column` or `unreadable_value`."""
    key: str
    message: str
    hint: str


def filled(text: str, values: Mapping[str, str], prefix: str) -> str:
    """The text with `{{x}}` replaced by the value under `prefix.x`; without one it stays visible."""
    return PLACEHOLDER.sub(lambda match: values.get(f"{prefix}.{match[1]}", match[0]), text)


def canonical_key(text: str, known: Known, more: Known = ()) -> str:
    """The key an operator means by `text`; without a prefix it is one of the body. `more` are those not asked for.

    Raises:
        BadInput: `unknown_placeholder`, listing the keys there are.
    """
    keys = [placeholder.key for placeholder in known]
    wanted = text.strip().removeprefix("{{").removesuffix("}}").strip()
    for candidate in (wanted, f"body.{wanted}", wanted.lower(), f"body.{wanted.lower()}"):
        if candidate in keys or any(one.key == candidate for one in more):
            return candidate
    hint = f"Its placeholders are: {', '.join(map(shown, keys))}." if keys else "It has no placeholders at all."
    raise BadInput("unknown_placeholder", f"The template has no placeholder {shown(text)!r}.", hint)


def unmapped(known: Known, fills: Mapping[str, Fill], columns: Sequence[str]) -> list[Problem]:
    """What is still missing before every row can be filled (R25): a column, a fixed text or at least a fallback."""
    problems = []
    for placeholder in in_use(known, fills):
        fill = fills.get(placeholder.key)
        if fill is not None and fill.column is not None and position(columns, fill.column) is None:
            problems.append(
                Problem(
                    "no_such_column",
                    placeholder.key,
                    f"Placeholder {placeholder.key} is filled from column {shown(fill.column)!r}, which the audience"
                    " does not have.",
                    f"The columns are: {', '.join(map(shown, columns))}.",
                )
            )
        elif fill is not None and (text := _unreadable(placeholder, fill)):
            problems.append(
                Problem(
                    "unreadable_value",
                    placeholder.key,
                    f"Placeholder {placeholder.key} cannot be {shown(text)!r}.",
                    f"Give {typed_values.WORDS[placeholder.kind]}.",
                )
            )
        elif placeholder.required and (fill is None or _is_empty(fill)):
            problems.append(
                Problem(
                    "unmapped_placeholder",
                    placeholder.key,
                    f"Placeholder {placeholder.key} has no column, no fixed text and no fallback.",
                    f"Give it one, as in --map {placeholder.key}=COLUMN or --fixed {placeholder.key}=TEXT.",
                )
            )
    return problems


def in_use(known: Known, fills: Mapping[str, Fill]) -> list[Placeholder]:
    """The placeholders that count with these fills: of link and id of one header only one, the id where it is filled.

    As required as the link is, so that no message goes without either.
    """
    links = {one.key: one.required for one in known if one.name == "media" and one.component == "header"}
    found = []
    for one in known:
        uploaded = f"{one.key}_id"
        if one.key in links and not _is_empty(fills.get(uploaded, Fill())):
            continue
        link = one.key.removesuffix("_id")
        if one.name == MEDIA_NAME and link in links:
            if _is_empty(fills.get(one.key, Fill())):
                continue
            found.append(replace(one, required=links[link]))
        else:
            found.append(one)
    return found


def suggest(known: Known, columns: Sequence[str]) -> dict[str, Fill]:
    """Columns that are named like a named placeholder, to be offered to the operator and never applied unasked."""
    by_fold = {fold(column): column for column in reversed(columns)}
    return {
        placeholder.key: Fill(column=by_fold[fold(placeholder.name)])
        for placeholder in known
        if placeholder.component == "body" and not placeholder.name.isdecimal() and fold(placeholder.name) in by_fold
        if placeholder.kind is Kind.TEXT
    }


def clean_value(text: str) -> str:
    """A value as WhatsApp takes it: one line without control characters, refused white space made one space.

    Empty when nothing of it could be seen: to whoever gets the message that is a hole (R37).
    """
    value = _REFUSED_SPACE.sub(" ", _CONTROLS.sub("", text)).strip()
    return "" if _INVISIBLE.fullmatch(value) else value


class Filler:
    """Turns the cells of a row into the values of its message; made once for a run, used for every row.

    A cell that cannot be read as what its placeholder has to be is a blank one: it takes the fallback, or is a hole.
    `zone` is that of the account, for times without an offset.
    """

    def __init__(self, known: Known, fills: Mapping[str, Fill], columns: Sequence[str], zone: str = UTC) -> None:
        self._constant: dict[str, str] = {}
        self._from_cell: list[tuple[str, int, str, bool]] = []
        self._kinds = {one.key: one.kind for one in known if one.kind is not Kind.TEXT}
        self._zone = zone
        self._hole = False
        self._columns = columns
        self._order = {placeholder.key: at for at, placeholder in enumerate(known)}
        for placeholder in in_use(known, fills):
            key = placeholder.key
            fill = fills.get(key, Fill())
            fixed, fallback = self._clean(key, fill.fixed or ""), self._clean(key, fill.fallback or "")
            at = position(columns, fill.column) if fill.column is not None else None
            if fixed:
                self._constant[placeholder.key] = fixed
            elif at is not None:
                self._from_cell.append((placeholder.key, at, fallback, placeholder.required))
            elif fallback:
                self._constant[placeholder.key] = fallback
            elif placeholder.required:
                self._hole = True

    @property
    def constants(self) -> Mapping[str, str]:
        """The values that are the same in every row."""
        return self._constant

    def _clean(self, key: str, text: str) -> str:
        kind = self._kinds.get(key, Kind.TEXT)
        return clean_value(text) if kind is Kind.TEXT else typed_values.canonical(kind, clean_value(text), self._zone)

    def fill(self, cells: Sequence[str]) -> dict[str, str] | None:
        """Key to value, or `None` when a required one is blank without a fallback (`missing_variable`, R37)."""
        if self._hole:
            return None
        values = dict(self._constant)
        for key, at, fallback, required in self._from_cell:
            value = (self._clean(key, cells[at]) if at < len(cells) else "") or fallback
            if value:
                values[key] = value
            elif required:
                return None
        return values

    @property
    def positions(self) -> tuple[int, ...]:
        """The columns that cells are taken from."""
        return tuple({at for _, at, _, _ in self._from_cell})

    def longest(self, widest: Mapping[int, int]) -> dict[str, str | None]:
        """Of each value that comes from cells one as long as any row's can be, of spaces, which no link may hold.

        `widest` are the characters of the longest cell by column; `None` stands where a length says nothing.
        """
        return {
            key: None if key in self._kinds else " " * max(widest.get(at, 0), len(fallback))
            for key, at, fallback, _ in self._from_cell
        }

    def sources(self, cells: Sequence[str]) -> list[Source]:
        """Where each value of a row comes from, in the order of the placeholders; a hole has no value."""
        told = [Source(key, None, value, False) for key, value in self._constant.items()]
        for key, at, fallback, required in self._from_cell:
            value = self._clean(key, cells[at]) if at < len(cells) else ""
            if value or fallback or required:
                told.append(Source(key, self._columns[at], value or fallback, not value))
        return sorted(told, key=lambda source: self._order[source.key])

    def uses_fallback(self, cells: Sequence[str]) -> bool:
        """Whether a blank cell of this row takes its fallback."""
        return any(
            fallback and not (at < len(cells) and self._clean(key, cells[at]))
            for key, at, fallback, _ in self._from_cell
        )


def _is_empty(fill: Fill) -> bool:
    return fill.column is None and not clean_value(fill.fixed or "") and not clean_value(fill.fallback or "")


def _unreadable(placeholder: Placeholder, fill: Fill) -> str:
    """The fixed text or fallback that is not what the placeholder has to be."""
    if placeholder.kind is Kind.TEXT:
        return ""
    for text in (clean_value(fill.fixed or ""), clean_value(fill.fallback or "")):
        # Whether it can be read does not depend on the zone, but for an hour that a clock change skips.
        if text and not typed_values.canonical(placeholder.kind, text, UTC):
            return text
    return ""
