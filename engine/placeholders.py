"""The placeholders of a template, and the values that contact rows put in their place (R25, R37).

Keys, as operators and the store write them:

- `header.1` or `header.NAME`, `body.1` or `body.NAME`: text;
- `header.media`: the https link of an image, video or document; `header.media_id` in its place: the id of an uploaded
  one, which wins when both are there; `header.filename` (optional) names a document;
- `header.latitude`, `header.longitude`, `header.name`, `header.address`: a location;
- `button.INDEX.1`: what a link button appends to its address; `button.INDEX.code`: the code a button copies;
  `button.INDEX.payload` (optional): what a quick reply answers with, the button's own text otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from engine.audience.columns import position
from engine.errors import BadInput
from engine.templates import NAMED, PLACEHOLDER, Component, buttons, component, header_format, names_in, text_of
from engine.text import fold, shown
from store.types import Fill

_LOCATION: Final = ("latitude", "longitude", "name", "address")
# WhatsApp refuses line breaks, tabs and more than four spaces in a row inside a value (code 132018).
_REFUSED_SPACE: Final = re.compile(r"[^\S\n\r\t\v\f\x85\u2028\u2029]*[\n\r\t\v\f\x85\u2028\u2029]\s*|[^\S\n]{5,}")
# Spaces of no width, joiners and marks of direction with nothing between them, fillers of Hangul, Khmer and braille.
_INVISIBLE: Final = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0]*"
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One value that a message needs, or may have."""

    key: str
    component: str
    """`header`, `body` or `button`."""
    index: int | None
    """The button's index, from 0."""
    name: str
    """The last part of the key."""
    example: str
    """The example that was given to WhatsApp's reviewers, or empty."""
    required: bool = True


MEDIA: Final = "header.media"
MEDIA_ID: Final = "header.media_id"
_MEDIA: Final = (
    Placeholder(MEDIA, "header", None, "media", ""),
    Placeholder(MEDIA_ID, "header", None, "media_id", "", required=False),
)


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
    """`unmapped_placeholder` or `no_such_column`."""
    key: str
    message: str
    hint: str


def filled(text: str, values: Mapping[str, str], prefix: str) -> str:
    """The text with `{{x}}` replaced by the value under `prefix.x`; without one it stays visible."""
    return PLACEHOLDER.sub(lambda match: values.get(f"{prefix}.{match[1]}", match[0]), text)


def placeholders(components: Sequence[Component], parameter_format: str) -> tuple[Placeholder, ...]:
    """Every placeholder of header, body and buttons, in the order of the message."""
    return (
        *_header(components, parameter_format),
        *_texts("body", component(components, "BODY"), parameter_format),
        *_buttons(components),
    )


def canonical_key(text: str, known: Sequence[Placeholder]) -> str:
    """The key an operator means by `text`; without a prefix it is one of the body.

    Raises:
        BadInput: `unknown_placeholder`, listing the keys there are.
    """
    keys = [placeholder.key for placeholder in known]
    wanted = text.strip().removeprefix("{{").removesuffix("}}").strip()
    for candidate in (wanted, f"body.{wanted}", wanted.lower(), f"body.{wanted.lower()}"):
        if candidate in keys:
            return candidate
    hint = f"Its placeholders are: {', '.join(map(shown, keys))}." if keys else "It has no placeholders at all."
    raise BadInput("unknown_placeholder", f"The template has no placeholder {shown(text)!r}.", hint)


def unmapped(known: Sequence[Placeholder], fills: Mapping[str, Fill], columns: Sequence[str]) -> list[Problem]:
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


def in_use(known: Sequence[Placeholder], fills: Mapping[str, Fill]) -> list[Placeholder]:
    """The placeholders that count with these fills: of link and id of one header only one, the id where it is filled.

    As required as the link is, so that no message goes without either.
    """
    link = next((one for one in known if one.key == MEDIA), None)
    if link is None:
        return list(known)
    uploaded = not _is_empty(fills.get(MEDIA_ID, Fill()))
    dropped = MEDIA if uploaded else MEDIA_ID
    return [replace(one, required=link.required) if one.key == MEDIA_ID else one for one in known if one.key != dropped]


def suggest(known: Sequence[Placeholder], columns: Sequence[str]) -> dict[str, Fill]:
    """Columns that are named like a named placeholder, to be offered to the operator and never applied unasked."""
    by_fold = {fold(column): column for column in reversed(columns)}
    return {
        placeholder.key: Fill(column=by_fold[fold(placeholder.name)])
        for placeholder in known
        if placeholder.component == "body" and not placeholder.name.isdecimal() and fold(placeholder.name) in by_fold
    }


def clean_value(text: str) -> str:
    """A value as WhatsApp takes it: one line without control characters, refused white space made one space.

    Empty when nothing of it could be seen: to whoever gets the message that is a hole (R37).
    """
    value = _REFUSED_SPACE.sub(" ", _CONTROLS.sub("", text)).strip()
    return "" if _INVISIBLE.fullmatch(value) else value


class Filler:
    """Turns the cells of a row into the values of its message; made once for a run, used for every row."""

    def __init__(self, known: Sequence[Placeholder], fills: Mapping[str, Fill], columns: Sequence[str]) -> None:
        self._constant: dict[str, str] = {}
        self._from_cell: list[tuple[str, int, str, bool]] = []
        self._hole = False
        self._columns = columns
        self._order = {placeholder.key: at for at, placeholder in enumerate(known)}
        for placeholder in in_use(known, fills):
            fill = fills.get(placeholder.key, Fill())
            fixed, fallback = clean_value(fill.fixed or ""), clean_value(fill.fallback or "")
            at = position(columns, fill.column) if fill.column is not None else None
            if fixed:
                self._constant[placeholder.key] = fixed
            elif at is not None:
                self._from_cell.append((placeholder.key, at, fallback, placeholder.required))
            elif fallback:
                self._constant[placeholder.key] = fallback
            elif placeholder.required:
                self._hole = True

    def fill(self, cells: Sequence[str]) -> dict[str, str] | None:
        """Key to value, or `None` when a required one is blank without a fallback (`missing_variable`, R37)."""
        if self._hole:
            return None
        values = dict(self._constant)
        for key, at, fallback, required in self._from_cell:
            value = (clean_value(cells[at]) if at < len(cells) else "") or fallback
            if value:
                values[key] = value
            elif required:
                return None
        return values

    def sources(self, cells: Sequence[str]) -> list[Source]:
        """Where each value of a row comes from, in the order of the placeholders; a hole has no value."""
        told = [Source(key, None, value, False) for key, value in self._constant.items()]
        for key, at, fallback, required in self._from_cell:
            value = clean_value(cells[at]) if at < len(cells) else ""
            if value or fallback or required:
                told.append(Source(key, self._columns[at], value or fallback, not value))
        return sorted(told, key=lambda source: self._order[source.key])

    def uses_fallback(self, cells: Sequence[str]) -> bool:
        """Whether a blank cell of this row takes its fallback."""
        return any(
            fallback and not (at < len(cells) and clean_value(cells[at])) for _, at, fallback, _ in self._from_cell
        )


def _header(components: Sequence[Component], parameter_format: str) -> Iterator[Placeholder]:
    header = component(components, "HEADER")
    match header_format(components):
        case "TEXT":
            yield from _texts("header", header, parameter_format)
        case "IMAGE" | "VIDEO":
            yield from _MEDIA
        case "DOCUMENT":
            yield from _MEDIA
            yield Placeholder("header.filename", "header", None, "filename", "", required=False)
        case "LOCATION":
            for name in _LOCATION:
                yield Placeholder(f"header.{name}", "header", None, name, "")


def _texts(place: str, item: Component | None, parameter_format: str) -> Iterator[Placeholder]:
    names = names_in(text_of(item))
    examples = _examples(item, place)
    if parameter_format != NAMED:
        # The order of the array is what counts on the wire, so numbers go by value and not by first use.
        names.sort(key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0))
    for at, name in enumerate(names):
        yield Placeholder(f"{place}.{name}", place, None, name, examples.get(name) or examples.get(str(at + 1), ""))


def _buttons(components: Sequence[Component]) -> Iterator[Placeholder]:
    for index, kind, button in buttons(components):
        if kind == "URL" and names_in(text_of(button, "url")):
            yield Placeholder(f"button.{index}.1", "button", index, "1", _first(button.get("example")))
        elif kind == "COPY_CODE":
            yield Placeholder(f"button.{index}.code", "button", index, "code", _first(button.get("example")))
        elif kind == "QUICK_REPLY":
            key = f"button.{index}.payload"
            yield Placeholder(key, "button", index, "payload", text_of(button), required=False)


def _examples(item: Component | None, place: str) -> dict[str, str]:
    """The reviewers' examples by name or by number."""
    example = item.get("example") if item is not None else None
    if not isinstance(example, Mapping):
        return {}
    named = example.get(f"{place}_text_named_params")
    if isinstance(named, list):
        pairs = [pair for pair in named if isinstance(pair, Mapping)]
        return {text_of(pair, "param_name"): text_of(pair, "example") for pair in pairs}
    values = example.get(f"{place}_text")
    # The body's examples are a list of sets; the header's are a plain list.
    if isinstance(values, list) and values and isinstance(values[0], list):
        values = values[0]
    if not isinstance(values, list):
        return {}
    return {str(at): value for at, value in enumerate(values, start=1) if isinstance(value, str)}


def _first(example: object) -> str:
    if isinstance(example, list):
        example = example[0] if example else ""
    return example if isinstance(example, str) else ""


def _is_empty(fill: Fill) -> bool:
    return fill.column is None and not clean_value(fill.fixed or "") and not clean_value(fill.fallback or "")
