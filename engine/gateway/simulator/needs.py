"""What a template asks of its messages, and whether a message brings it.

The rules are written down here a second time, apart from the engine's own, so that a mistake there shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.gateway.simulator.faults import Fault, missing

LONGEST_BODY = 1024
LONGEST_HEADER = 60
LONGEST_URL = 2000
LONGEST_CODE = 15
MEDIA = ("image", "video", "document", "gif")
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_TEXTUAL = ("text", "currency", "date_time")
# Button to the sub_type and parameter it is filled with, and whether it has to be.
_FILLED: dict[str, tuple[str, str, bool]] = {
    "QUICK_REPLY": ("quick_reply", "payload", False),
    "URL": ("url", "text", False),
    "COPY_CODE": ("copy_code", "coupon_code", True),
    "OTP": ("url", "text", True),
    "FLOW": ("flow", "action", True),
    "CATALOG": ("catalog", "action", False),
    "MPM": ("mpm", "action", True),
}


@dataclass(frozen=True, slots=True)
class TextNeed:
    """The variables of a text, in the order they are counted, and how long it is without them."""

    names: tuple[str, ...] = ()
    length: int = 0
    longest: int = LONGEST_BODY


@dataclass(frozen=True, slots=True)
class ButtonNeed:
    """What one button is filled with; no `sub_type` for a button that is never filled."""

    kind: str
    sub_type: str = ""
    parameter: str = ""
    required: bool = False
    length: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that a message has to bring."""

    named: bool = False
    header: str = ""
    """`text`, `location`, a kind of media, or empty for nothing to fill in."""
    header_text: TextNeed = TextNeed()
    body: TextNeed = TextNeed()
    buttons: tuple[ButtonNeed, ...] = ()
    offer_expires: bool = False
    cards: tuple[Needs, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a check has to know besides the template."""

    now_ms: int
    has_media: Callable[[str], bool] = field(default=lambda media_id: True)


def needs_of(components: Sequence[Mapping[str, Any]], named: bool = False) -> Needs:
    """What a template with these components asks for."""
    parts = {str(part.get("type", "")).upper(): part for part in components}
    header = parts.get("HEADER", {})
    form = str(header.get("format", "TEXT" if header else "")).lower()
    text = _text_need(str(header.get("text", "")), LONGEST_HEADER) if form == "text" else TextNeed()
    offer = parts.get("LIMITED_TIME_OFFER", {}).get("limited_time_offer", {})
    return Needs(
        named=named,
        header=form,
        header_text=text,
        body=_text_need(str(parts.get("BODY", {}).get("text", "")), LONGEST_BODY),
        buttons=tuple(_button_need(button) for button in _objects(parts.get("BUTTONS", {}).get("buttons"))),
        offer_expires=isinstance(offer, dict) and offer.get("has_expiration") is True,
        cards=tuple(
            needs_of(_objects(card.get("components")), named)
            for card in _objects(parts.get("CAROUSEL", {}).get("cards"))
        ),
    )


def check_components(needs: Needs, components: Sequence[Mapping[str, Any]], around: Surroundings) -> Fault | None:
    """What is wrong with the components of a message, whose shape is in order."""
    by_type: dict[str, Mapping[str, Any]] = {}
    buttons: dict[int, Mapping[str, Any]] = {}
    for component in components:
        kind = str(component["type"]).lower()
        if kind == "button":
            index = int(component["index"])
            if index in buttons:
                return Fault(100, f"buttons: Button at index {index} is given twice.")
            buttons[index] = component
        elif kind in by_type:
            return Fault(100, f"{kind}: the component is given twice.")
        else:
            by_type[kind] = component
    return (
        _check_header(needs, _parameters(by_type.get("header")), around)
        or _check_text("body", needs.body, _parameters(by_type.get("body")), needs.named)
        or _check_buttons(needs.buttons, buttons)
        or _check_offer(needs, by_type.get("limited_time_offer"), around)
        or _check_cards(needs.cards, by_type.get("carousel"), around)
    )


def _check_header(needs: Needs, given: Sequence[Mapping[str, Any]], around: Surroundings) -> Fault | None:
    if needs.header in ("", "text"):
        return _check_text("header", needs.header_text, given, needs.named)
    kind = given[0]["type"] if given else "UNKNOWN"
    if len(given) != 1 or kind != needs.header:
        return Fault(132012, f"header: Format mismatch, expected {needs.header.upper()}, received {kind.upper()}")
    value = given[0][kind]
    if kind == "location":
        return _check_location(value)
    if kind not in MEDIA:
        return None
    return _check_media(kind, value, around)


def _check_media(kind: str, value: object, around: Surroundings) -> Fault | None:
    media = value if isinstance(value, dict) else {}
    if ("id" in media) == ("link" in media):
        return Fault(131008, f"header: {kind} needs either an id or a link.")
    if "link" in media:
        link = media["link"]
        if not isinstance(link, str) or not re.fullmatch(r"https?://[^\s/]+\S*", link):
            return Fault(100, f"Param header {kind}['link'] is not a valid URI.")
        return None
    if not around.has_media(str(media["id"])):
        return Fault(100, f"Param header {kind}['id'] is not a valid whatsapp business account media attachment ID")
    return None


def _check_location(value: object) -> Fault | None:
    place = value if isinstance(value, dict) else {}
    for part in ("latitude", "longitude", "name", "address"):
        if place.get(part) in (None, ""):
            return missing(f"header location['{part}']")
    try:
        fits = abs(float(place["latitude"])) <= 90 and abs(float(place["longitude"])) <= 180
    except (TypeError, ValueError):
        fits = False
    return None if fits else Fault(131009, "header: latitude or longitude is not on this planet.")


def _check_text(where: str, need: TextNeed, given: Sequence[Mapping[str, Any]], named: bool) -> Fault | None:
    if len(given) != len(need.names):
        return Fault(
            132000,
            f"{where}: number of localizable_params ({len(given)}) does not match the expected number of params"
            f" ({len(need.names)})",
        )
    seen: set[str] = set()
    length = need.length
    for parameter in given:
        kind = parameter["type"]
        if kind not in _TEXTUAL:
            return Fault(132012, f"{where}: Format mismatch, expected TEXT, received {str(kind).upper()}")
        name = parameter.get("parameter_name")
        if named and (name not in need.names or name in seen):
            return Fault(132012, f"{where}: the parameter name {name!r} is missing, unknown or given twice.")
        if not named and name is not None:
            return Fault(132012, f"{where}: the template has numbered parameters, not named ones.")
        seen.add(str(name))
        length += len(_words(parameter))
    return Fault(132005, f"{where}: translated text too long") if length > need.longest else None


def _check_buttons(needs: Sequence[ButtonNeed], given: Mapping[int, Mapping[str, Any]]) -> Fault | None:
    for index in given:
        if index >= len(needs):
            return Fault(131009, f"buttons: Button at index {index} does not exist.")
    for index, need in enumerate(needs):
        component = given.get(index)
        name = f"buttons: Button at index {index} of type {need.kind.title()}"
        if component is None:
            if need.required:
                return Fault(131008, f"{name} requires a parameter")
            continue
        parameters = _parameters(component)
        if str(component["sub_type"]).lower() != need.sub_type:
            return Fault(132012, f"{name} cannot be filled as {component['sub_type']}.")
        if need.kind == "URL" and not need.required and parameters:
            return Fault(132000, f"{name} does not require parameters")
        if (need.required and len(parameters) != 1) or len(parameters) > 1:
            return Fault(131008, f"{name} requires a parameter")
        fault = _check_button_value(name, need, parameters[0]) if parameters else None
        if fault is not None:
            return fault
    return None


def _check_button_value(name: str, need: ButtonNeed, parameter: Mapping[str, Any]) -> Fault | None:
    kind = parameter["type"]
    # An older way of writing a quick reply's payload.
    if kind != need.parameter and not (need.kind == "QUICK_REPLY" and kind == "text"):
        return Fault(132012, f"{name}: Format mismatch, expected {need.parameter}, received {kind}")
    value = str(parameter[kind])
    if need.kind in ("COPY_CODE", "OTP") and len(value) > LONGEST_CODE:
        return Fault(131009, f"{name}: the code is longer than {LONGEST_CODE} characters.")
    if need.kind == "URL" and (need.length + len(value) > LONGEST_URL or any(sign.isspace() for sign in value)):
        return Fault(131009, f"{name}: the address has spaces or is longer than {LONGEST_URL} characters.")
    return None


def _check_offer(needs: Needs, component: Mapping[str, Any] | None, around: Surroundings) -> Fault | None:
    parameters = _parameters(component)
    if not needs.offer_expires:
        return None if component is None else Fault(132012, "limited_time_offer: the template's offer does not expire.")
    if len(parameters) != 1 or parameters[0]["type"] != "limited_time_offer":
        return missing("limited_time_offer")
    offer = parameters[0]["limited_time_offer"]
    expires = offer.get("expiration_time_ms") if isinstance(offer, dict) else None
    if not isinstance(expires, int) or isinstance(expires, bool) or expires <= around.now_ms:
        return Fault(131009, "limited_time_offer: expiration_time_ms must be a time to come, in milliseconds.")
    return None


def _check_cards(needs: Sequence[Needs], component: Mapping[str, Any] | None, around: Surroundings) -> Fault | None:
    cards = _objects(component.get("cards")) if component is not None else []
    if len(cards) != len(needs):
        return Fault(132000, f"carousel: number of cards ({len(cards)}) does not match the expected ({len(needs)})")
    if sorted(int(card["card_index"]) for card in cards) != list(range(len(needs))):
        return Fault(131009, "carousel: every card has its own card_index, from 0.")
    for card in cards:
        fault = check_components(needs[int(card["card_index"])], _objects(card.get("components")), around)
        if fault is not None:
            return Fault(fault.code, f"carousel card {card['card_index']}: {fault.details}")
    return None


def _text_need(text: str, longest: int) -> TextNeed:
    names = tuple(dict.fromkeys(_VARIABLE.findall(text)))
    return TextNeed(names, len(_VARIABLE.sub("", text)), longest)


def _button_need(button: Mapping[str, Any]) -> ButtonNeed:
    kind = str(button.get("type", "")).upper()
    sub_type, parameter, required = _FILLED.get(kind, ("", "", False))
    url = str(button.get("url", "")) if kind == "URL" else ""
    return ButtonNeed(kind, sub_type, parameter, required or bool(_VARIABLE.search(url)), len(_VARIABLE.sub("", url)))


def _words(parameter: Mapping[str, Any]) -> str:
    value = parameter[parameter["type"]]
    return str(value.get("fallback_value", "")) if isinstance(value, dict) else str(value)


def _parameters(component: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [] if component is None else list(_objects(component.get("parameters")))


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
