"""What WhatsApp would refuse in a message, told before it is sent. Pure.

The limits are Meta's (research/cloud-api.md sections 1.2 and 3; Meta, *Template components*, *Multi-product messages*).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from engine import typed_values
from engine.placeholders import filled
from engine.preview import preview
from engine.template_keys import MEDIA, MEDIA_ID, OFFER_EXPIRES, card_prefix
from engine.templates import Component, body_text, buttons, cards, component, header_format, is_otp, text_of
from engine.text import counted

Values: TypeAlias = Mapping[str, str]

LONGEST_BODY: Final = 1_024
LONGEST_CARD: Final = 160
LONGEST_HEADER: Final = 60
LONGEST_CODE: Final = 15
LONGEST_URL: Final = 2_000
LONGEST_PAYLOAD: Final = 256
LONGEST_PRODUCT: Final = 100
LONGEST_TITLE: Final = 24
MOST_SECTIONS: Final = 10
MOST_PRODUCTS: Final = 30
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_CATALOG: Final = re.compile(r"\d{1,32}", re.ASCII)
_LINK: Final = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


def problems(components: Sequence[Component], values: Values, now: int | None = None) -> list[str]:
    """What WhatsApp would refuse in a message with these values, in sentences; missing values do not matter here.

    `now` (UTC epoch ms) is when it would go; without it an offer that has ended is not told.
    """
    found = list(_section(components, values, "", ""))
    body = preview(components, values).body
    if len(body) > LONGEST_BODY:
        found.insert(0, f"The body is {len(body):,} characters long; WhatsApp takes {LONGEST_BODY:,}.")
    if any(is_otp(kind, button) for _, kind, button in buttons(components)):
        code = values.get("body.1", "")
        if len(code) > LONGEST_CODE:
            found.append(f"The one-time password is longer than {LONGEST_CODE} characters.")
    expires = values.get(OFFER_EXPIRES)
    if expires is not None and now is not None and int(expires) <= now:
        found.append("The offer has ended already: give a time ahead, or milliseconds (not seconds) since 1970.")
    for index, card in cards(components):
        prefix = card_prefix(index)
        text = filled(body_text(card), values, f"{prefix}body")
        if len(text) > LONGEST_CARD:
            found.append(f"The body of card {index} is {len(text):,} characters long; WhatsApp takes {LONGEST_CARD}.")
        found += _section(card, values, prefix, f" of card {index}")
    return found


def plainly_fine(key: str, value: str) -> bool:
    """Whether this value is one that `problems` finds nothing in, as can be said without the rest of the message."""
    match key.rpartition(".")[2]:
        case "media":
            return _LINK.fullmatch(value) is not None
        case "media_id":
            return _ID.fullmatch(value) is not None
        case _:
            return False


def _section(components: Sequence[Component], values: Values, prefix: str, where: str) -> Iterator[str]:
    """Header and buttons of a message, or of one card."""
    yield from _header(components, values, f"{prefix}header", where)
    for index, kind, button in buttons(components):
        yield from _button(button, kind, values, f"{prefix}button.{index}", f"button {index}{where}")


def _header(components: Sequence[Component], values: Values, prefix: str, where: str) -> Iterator[str]:
    text = filled(text_of(component(components, "HEADER")), values, prefix)
    if header_format(components) == "TEXT" and len(text) > LONGEST_HEADER:
        yield f"The header{where} is {len(text)} characters long; WhatsApp takes {LONGEST_HEADER}."
    link = values.get(prefix + MEDIA.removeprefix("header"))
    if not _ID.fullmatch(values.get(prefix + MEDIA_ID.removeprefix("header"), "0")):
        yield f"The media id of the header{where} holds characters that no id has; `sendoff media upload` gives one."
    if link is not None and not _LINK.fullmatch(link):
        yield f"The media of the header{where} needs a whole link, such as https://example.com/offer.jpg."
    for name, limit in (("latitude", 90), ("longitude", 180)):
        value = values.get(f"{prefix}.{name}")
        if value is not None and not _within(value, limit):
            yield f"The header's {name} must be a number from -{limit} to {limit}."
    if len(values.get(f"{prefix}.product", "")) > LONGEST_PRODUCT:
        yield f"The product of the header{where} is longer than {LONGEST_PRODUCT} characters."
    if not _CATALOG.fullmatch(values.get(f"{prefix}.catalog", "0")):
        yield f"The catalogue of the header{where} must be its number."


def _button(button: Component, kind: str, values: Values, prefix: str, what: str) -> Iterator[str]:
    code = values.get(f"{prefix}.code")
    if kind == "COPY_CODE" and code is not None and len(code) > LONGEST_CODE:
        yield f"The code of {what} is longer than {LONGEST_CODE} characters."
    suffix = values.get(f"{prefix}.1")
    url = filled(text_of(button, "url"), values, prefix)
    if kind == "URL" and suffix is not None and (len(url) > LONGEST_URL or " " in suffix):
        yield f"The link of {what} has spaces or is longer than {LONGEST_URL:,} characters."
    if len(values.get(f"{prefix}.payload", "")) > LONGEST_PAYLOAD:
        yield f"What {what} answers with is longer than {LONGEST_PAYLOAD} characters."
    if len(values.get(f"{prefix}.product", "")) > LONGEST_PRODUCT:
        yield f"The product of {what} is longer than {LONGEST_PRODUCT} characters."
    sections = values.get(f"{prefix}.sections")
    if sections is not None:
        yield from _sections(typed_values.decoded(sections), what)


def _sections(found: list[dict[str, object]], what: str) -> Iterator[str]:
    if len(found) > MOST_SECTIONS:
        yield f"The list of {what} has {counted(len(found), 'section')}; WhatsApp takes {MOST_SECTIONS}."
    long = [one["title"] for one in found if len(str(one["title"])) > LONGEST_TITLE]
    if long:
        yield f"A title in the list of {what} is longer than {LONGEST_TITLE} characters."
    ids = [str(item["product_retailer_id"]) for one in found for item in _items(one)]
    if len(ids) > MOST_PRODUCTS:
        yield f"The list of {what} has {counted(len(ids), 'product')}; WhatsApp takes {MOST_PRODUCTS}."
    if any(len(one) > LONGEST_PRODUCT for one in ids):
        yield f"A product in the list of {what} is longer than {LONGEST_PRODUCT} characters."


def _items(section: Mapping[str, object]) -> list[dict[str, object]]:
    items = section["product_items"]
    assert isinstance(items, list)
    return items


def _within(value: str, limit: int) -> bool:
    try:
        return -limit <= float(value) <= limit
    except ValueError:
        return False
