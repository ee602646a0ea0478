"""Which values the messages of a template take, and by which keys operators and the store name them. Pure.

- `header.1` or `header.NAME`, `body.1` or `body.NAME`: text;
- `header.media`: the https link of an image, video, GIF or document; `header.media_id` in its place: the id of an
  uploaded one, which goes before the link when both are mapped; `header.filename` (optional) names a document;
- `header.latitude`, `header.longitude`, `header.name`, `header.address`: a location;
- `header.product`, `header.catalog`: the product of a single-product message, and its catalogue;
- `offer.expires`: when a limited-time offer ends;
- `button.INDEX.1`: what a link button appends to its address; `button.INDEX.code`: the code a button copies;
  `button.INDEX.payload` (optional): what a quick reply answers with, the button's own text otherwise;
  `button.INDEX.flow_token` and `button.INDEX.flow_data` (both optional): a Flow's token and its first data;
  `button.INDEX.product`: the product whose picture stands over a catalogue (optional) or a product list;
  `button.INDEX.sections`: the products of a product list under their titles;
- `card.INDEX.` before any of these but the offer: the same of one card of a carousel.

A one-time password has no key of its own in its button: it is the one in the body, `body.1`.

Not asked for, but taken where a campaign fills them: `body.1.currency` and `body.1.date_time` send the value of
`body.1` as money or as a time, which WhatsApp may write in the reader's own way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from engine.templates import (
    NAMED,
    Component,
    body_text,
    buttons,
    cards,
    component,
    header_format,
    is_otp,
    names_in,
    offer,
    text_of,
)
from engine.typed_values import Kind

MEDIA: Final = "header.media"
MEDIA_NAME: Final = "media_id"
MEDIA_ID: Final = f"header.{MEDIA_NAME}"
OFFER_EXPIRES: Final = "offer.expires"
CURRENCY: Final = "currency"
DATE_TIME: Final = "date_time"
_LOCATION: Final = ("latitude", "longitude", "name", "address")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One value that a message needs, or may have."""

    key: str
    component: str
    """`header`, `body`, `button` or `offer`."""
    index: int | None
    """The button's index, from 0."""
    name: str
    """The last part of the key."""
    example: str
    """The example that was given to WhatsApp's reviewers, or empty."""
    required: bool = True
    kind: Kind = Kind.TEXT
    card: int | None = None
    """The card of a carousel that it belongs to, from 0."""


def placeholders(components: Sequence[Component], parameter_format: str) -> tuple[Placeholder, ...]:
    """Every placeholder of header, body, offer, buttons and cards, in the order of the message."""
    return (
        *_section(components, parameter_format),
        *(
            replace(found, key=f"{card_prefix(index)}{found.key}", card=index)
            for index, card in cards(components)
            for found in _section(card, parameter_format)
        ),
    )


def extras(components: Sequence[Component], parameter_format: str) -> tuple[Placeholder, ...]:
    """What nobody asks for and a campaign may fill: values of the body as money or as a time."""
    return tuple(
        Placeholder(f"{found.key}.{name}", "body", None, name, "", required=False, kind=kind, card=found.card)
        for found in placeholders(components, parameter_format)
        if found.component == "body"
        for name, kind in ((CURRENCY, Kind.MONEY), (DATE_TIME, Kind.DATE_TIME))
    )


def used(components: Sequence[Component], parameter_format: str, filled: Collection[str]) -> tuple[Placeholder, ...]:
    """The placeholders, and those extras whose keys are filled."""
    more = (found for found in extras(components, parameter_format) if found.key in filled)
    return (*placeholders(components, parameter_format), *more)


def card_prefix(index: int) -> str:
    """What stands before the keys of a card."""
    return f"card.{index}."


def _section(components: Sequence[Component], parameter_format: str) -> Iterator[Placeholder]:
    """What header, body, offer and buttons of a message or of a card take."""
    yield from _header(components, parameter_format)
    yield from _texts("body", component(components, "BODY"), body_text(components), parameter_format)
    expiring = offer(components)
    if expiring is not None and "has_expiration" in expiring:
        required = expiring["has_expiration"] is True
        yield Placeholder(OFFER_EXPIRES, "offer", None, "expires", "", required=required, kind=Kind.EXPIRY)
    yield from _buttons(components)


def _header(components: Sequence[Component], parameter_format: str) -> Iterator[Placeholder]:
    header = component(components, "HEADER")
    match header_format(components):
        case "TEXT":
            yield from _texts("header", header, text_of(header), parameter_format)
        case "IMAGE" | "VIDEO" | "GIF":
            yield from _media()
        case "DOCUMENT":
            yield from _media()
            yield Placeholder("header.filename", "header", None, "filename", "", required=False)
        case "LOCATION":
            for name in _LOCATION:
                yield Placeholder(f"header.{name}", "header", None, name, "")
        case "PRODUCT":
            yield Placeholder("header.product", "header", None, "product", "")
            yield Placeholder("header.catalog", "header", None, "catalog", "")


def _media() -> Iterator[Placeholder]:
    yield Placeholder(MEDIA, "header", None, "media", "")
    yield Placeholder(MEDIA_ID, "header", None, MEDIA_NAME, "", required=False)


def _texts(place: str, item: Component | None, text: str, parameter_format: str) -> Iterator[Placeholder]:
    names = names_in(text)
    examples = _examples(item, place)
    if parameter_format != NAMED:
        # The order of the array is what counts on the wire, so numbers go by value and not by first use.
        names.sort(key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0))
    for at, name in enumerate(names):
        yield Placeholder(f"{place}.{name}", place, None, name, examples.get(name) or examples.get(str(at + 1), ""))


def _buttons(components: Sequence[Component]) -> Iterator[Placeholder]:
    for index, kind, button in buttons(components):
        for name, example, required, value_kind in _values_of(kind, button):
            yield Placeholder(f"button.{index}.{name}", "button", index, name, example, required, value_kind)


def _values_of(kind: str, button: Component) -> Iterator[tuple[str, str, bool, Kind]]:
    """Name, example, whether it is required, and what it has to be, of each value that a button takes."""
    match kind:
        case "URL" if names_in(text_of(button, "url")) and not is_otp(kind, button):
            yield "1", _first(button.get("example")), True, Kind.TEXT
        case "COPY_CODE":
            yield "code", _first(button.get("example")), True, Kind.TEXT
        case "QUICK_REPLY":
            yield "payload", text_of(button), False, Kind.TEXT
        case "FLOW":
            yield "flow_token", "", False, Kind.TEXT
            yield "flow_data", "", False, Kind.DATA
        case "CATALOG":
            yield "product", "", False, Kind.TEXT
        case "MPM":
            yield "product", "", True, Kind.TEXT
            yield "sections", "", True, Kind.SECTIONS


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
