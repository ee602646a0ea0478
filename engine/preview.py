"""A message as its recipient will see it, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine import schedule, typed_values
from engine.placeholders import filled
from engine.template_keys import MEDIA, MEDIA_ID, OFFER_EXPIRES, card_prefix
from engine.templates import (
    Component,
    body_text,
    buttons,
    cards,
    component,
    footer_text,
    header_format,
    is_otp,
    offer,
    text_of,
)
from engine.text import counted

Values: TypeAlias = Mapping[str, str]

_LABELS = {
    "OTP": "Copy code",
    "CATALOG": "View catalog",
    "MPM": "View items",
    "SPM": "View",
    "VOICE_CALL": "Call on WhatsApp",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """A message's text as its recipient will see it; what is not filled yet stays visible as `{{1}}`."""

    header: str
    """Text, or `[image: link]` and the like."""
    body: str
    footer: str
    buttons: tuple[str, ...]
    offer: str = ""
    """What a limited-time offer says, and when it ends."""
    cards: tuple[Preview, ...] = ()
    note: str = ""
    """What else stands in it: that it asks whether calls are allowed."""


def preview(components: Sequence[Component], values: Values, zone: str = "UTC") -> Preview:
    """What the recipient will see; times are told in the zone."""
    asks = component(components, "CALL_PERMISSION_REQUEST") is not None
    return Preview(
        header=_header(components, values, ""),
        body=filled(body_text(components), values, "body"),
        footer=footer_text(components),
        buttons=_labels(components, values, ""),
        offer=_offer(offer(components), values, zone),
        cards=tuple(_card(card, values, card_prefix(index)) for index, card in cards(components)),
        note="[asks whether your business may call]" if asks else "",
    )


def _card(components: Sequence[Component], values: Values, prefix: str) -> Preview:
    return Preview(
        header=_header(components, values, prefix),
        body=filled(text_of(component(components, "BODY")), values, f"{prefix}body"),
        footer="",
        buttons=_labels(components, values, prefix),
    )


def _header(components: Sequence[Component], values: Values, prefix: str) -> str:
    def value(key: str) -> str:
        return values.get(f"{prefix}header.{key}", f"{{{{{key}}}}}")

    match header_format(components):
        case "":
            return ""
        case "TEXT":
            return filled(text_of(component(components, "HEADER")), values, f"{prefix}header")
        case "LOCATION":
            return f"[location: {value('name')}, {value('address')}]"
        case "PRODUCT":
            return f"[product: {value('product')}]"
        case form:
            uploaded = values.get(f"{prefix}{MEDIA_ID}")
            what = values.get(f"{prefix}{MEDIA}", "{{media}}") if uploaded is None else f"uploaded file {uploaded}"
            return f"[{form.lower()}: {what}]"


def _offer(told: Component | None, values: Values, zone: str) -> str:
    if told is None:
        return ""
    text = text_of(told) or "Limited-time offer"
    if told.get("has_expiration") is not True and OFFER_EXPIRES not in values:
        return text
    ends = values.get(OFFER_EXPIRES)
    return f"{text} · ends {'{{expires}}' if ends is None else _time(int(ends), zone)}"


def _time(ms: int, zone: str) -> str:
    try:
        return f"{schedule.day(ms, zone)}, {schedule.clock(ms, zone)[:5]}"
    except OverflowError:
        return f"{ms} ms"


def _labels(components: Sequence[Component], values: Values, prefix: str) -> tuple[str, ...]:
    return tuple(
        _label(button, kind, values, f"{prefix}button.{index}.") for index, kind, button in buttons(components)
    )


def _label(button: Component, kind: str, values: Values, prefix: str) -> str:
    label = text_of(button) or _LABELS.get(kind) or kind.replace("_", " ").capitalize()
    if is_otp(kind, button):
        return label
    match kind:
        case "COPY_CODE":
            return f"{text_of(button) or 'Copy code'}: {values.get(f'{prefix}code', '{{code}}')}"
        case "MPM":
            sections = values.get(f"{prefix}sections")
            if sections is not None:
                items = sum(len(one["product_items"]) for one in typed_values.decoded(sections))
                return f"{label}: {counted(items, 'product')}"
    return label
