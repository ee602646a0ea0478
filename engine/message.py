"""The message as the Cloud API takes it, and as its recipient will see it.

The wire format is `POST /{version}/{phone-number-id}/messages` (facebook/openapi at ecba623; Meta, *Send messages*).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from engine import typed_values
from engine.message_limits import plainly_fine as plainly_fine
from engine.message_limits import problems as problems
from engine.preview import Preview as Preview
from engine.preview import preview as preview
from engine.template_keys import (
    CURRENCY,
    DATE_TIME,
    MEDIA,
    MEDIA_ID,
    OFFER_EXPIRES,
    Placeholder,
    card_prefix,
    placeholders,
)
from engine.templates import NAMED, Component, buttons, cards, header_format, is_otp
from store.types import Endpoint, Route

Values: TypeAlias = Mapping[str, str]
Json: TypeAlias = dict[str, Any]
Part: TypeAlias = Callable[[Values], Json | None]
"""Makes one component of a payload out of a row's values; `None` when it has nothing to say."""

NO_TOKEN: Final = "unused"
"""What a Flow gets when no token is given, by Meta's own words."""
_REFERENCE: Final = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})", re.ASCII)
_TEST_REFERENCE: Final = re.compile(r"test\.(\d{1,18})\.(\d{1,18})", re.ASCII)


def payload(
    template_name: str,
    language: str,
    components: Sequence[Component],
    parameter_format: str,
    values: Values,
    to: int,
    reference: str,
) -> Json:
    """The body of the POST for one recipient; `KeyError` when a required value is missing, for R37 forbids holes."""
    return Composer(template_name, language, components, parameter_format).payload(values, to, reference)


class Composer:
    """Makes the payloads of one template; looking through its components is done once."""

    def __init__(
        self, template_name: str, language: str, components: Sequence[Component], parameter_format: str
    ) -> None:
        self._name = template_name
        self._language = language
        known = placeholders(components, parameter_format)
        named = parameter_format == NAMED
        self._parts = [*_section(components, [one for one in known if one.card is None], named, "")]
        made = [
            (index, [*_section(card, [one for one in known if one.card == index], named, card_prefix(index))])
            for index, card in cards(components)
        ]
        if made:
            # A message with cards has no buttons of its own.
            self._parts.append(lambda values: _carousel(made, values))

    def payload(self, values: Values, to: int, reference: str) -> Json:
        """The body of the POST for one recipient.

        `to` always carries its plus: without one Meta would put the sender's country code in front.
        """
        template: Json = {"name": self._name, "language": {"code": self._language}}
        parts = [made for part in self._parts if (made := part(values)) is not None]
        if parts:
            template["components"] = parts
        return {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": f"+{to}",
            "type": "template",
            "biz_opaque_callback_data": reference,
            "template": template,
        }


def routed(body: Json, route: Route) -> Json:
    """The body as the route's endpoint takes it: what only the marketing endpoint knows is left out elsewhere."""
    if route.endpoint is not Endpoint.MARKETING:
        return body
    if route.product_policy is not None:
        body["product_policy"] = route.product_policy.value
    if route.activity_sharing is not None:
        body["message_activity_sharing"] = route.activity_sharing
    return body


def reference(campaign_id: int, seq: int, attempt: int) -> str:
    """What a message carries to find its row again when a callback tells of it; it holds no personal data."""
    return f"{campaign_id}.{seq}.{attempt}"


def parse_reference(text: str) -> tuple[int, int, int] | None:
    """Campaign, seq and attempt out of a reference of ours; `None` for anybody else's."""
    match = _REFERENCE.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def test_reference(test_id: int, attempt: int) -> str:
    """As `reference`, for a test send; no campaign's row has one of this form."""
    return f"test.{test_id}.{attempt}"


def parse_test_reference(text: str) -> int | None:
    """The test send out of a reference of ours; `None` for anything else."""
    match = _TEST_REFERENCE.fullmatch(text)
    return int(match[1]) if match else None


def _section(components: Sequence[Component], known: Sequence[Placeholder], named: bool, prefix: str) -> Iterator[Part]:
    """The components of a message, or of one card."""
    header = [one for one in known if one.component == "header"]
    body = [one for one in known if one.component == "body"]
    if header:
        yield _header_part(header, header_format(components), named, f"{prefix}header")
    if body:
        yield lambda values: {"type": "body", "parameters": _texts(body, named, values)}
    for one in known:
        if one.component == "offer":
            yield _offer_part(one.required)
    for index, kind, button in buttons(components):
        if is_otp(kind, button):
            # WhatsApp takes the password twice: in the body, and as if the button were a link.
            yield _button_part("url", index, "text", "body.1", True)
        elif kind == "FLOW":
            yield _action_part("flow", index, f"{prefix}button.{index}", _flow)
        elif kind == "CATALOG":
            yield _action_part("catalog", index, f"{prefix}button.{index}", _catalog)
        elif kind == "MPM":
            yield _action_part("mpm", index, f"{prefix}button.{index}", _product_list)
        else:
            for one in known:
                if one.component == "button" and one.index == index:
                    yield _button_part(kind.lower(), index, _PARAMETER[one.name], one.key, one.required)


_PARAMETER: Final = {"1": "text", "code": "coupon_code", "payload": "payload"}
"""Under which name a button's value goes, by the last part of its key."""


def _carousel(made: Sequence[tuple[int, Sequence[Part]]], values: Values) -> Json:
    return {
        "type": "carousel",
        "cards": [
            {"card_index": index, "components": [found for part in parts if (found := part(values)) is not None]}
            for index, parts in made
        ],
    }


def _header_part(items: Sequence[Placeholder], form: str, named: bool, prefix: str) -> Part:
    def text(values: Values) -> Json:
        return {"type": "header", "parameters": _texts(items, named, values)}

    def location(values: Values) -> Json:
        place = {item.name: values[item.key] for item in items}
        return {"type": "header", "parameters": [{"type": "location", "location": place}]}

    def product(values: Values) -> Json:
        what = {"product_retailer_id": values[f"{prefix}.product"], "catalog_id": values[f"{prefix}.catalog"]}
        return {"type": "header", "parameters": [{"type": "product", "product": what}]}

    def media(values: Values) -> Json:
        kind = form.lower()
        uploaded = values.get(prefix + MEDIA_ID.removeprefix("header"))
        content = {"link": values[prefix + MEDIA.removeprefix("header")]} if uploaded is None else {"id": uploaded}
        if f"{prefix}.filename" in values:
            content["filename"] = values[f"{prefix}.filename"]
        return {"type": "header", "parameters": [{"type": kind, kind: content}]}

    return {"TEXT": text, "LOCATION": location, "PRODUCT": product}.get(form, media)


def _offer_part(required: bool) -> Part:
    def part(values: Values) -> Json | None:
        if not required and OFFER_EXPIRES not in values:
            return None
        kind, told = "limited_time_offer", {"expiration_time_ms": int(values[OFFER_EXPIRES])}
        return {"type": kind, "parameters": [{"type": kind, kind: told}]}

    return part


def _button(sub_type: str, index: int, *parameters: Json) -> Json:
    # Meta's samples have the index as a number too; a string is what its reference says.
    return {"type": "button", "sub_type": sub_type, "index": str(index), "parameters": list(parameters)}


def _button_part(sub_type: str, index: int, parameter: str, key: str, required: bool) -> Part:
    def part(values: Values) -> Json | None:
        if not required and key not in values:
            return None
        return _button(sub_type, index, {"type": parameter, parameter: values[key]})

    return part


def _action_part(sub_type: str, index: int, prefix: str, action: Callable[[Values, str], Json]) -> Part:
    def part(values: Values) -> Json:
        made = action(values, prefix)
        return _button(sub_type, index, {"type": "action", "action": made}) if made else _bare(sub_type, index)

    return part


def _bare(sub_type: str, index: int) -> Json:
    """A catalogue button without a product of its own: WhatsApp takes the catalogue's first."""
    found = _button(sub_type, index)
    del found["parameters"]
    return found


def _flow(values: Values, prefix: str) -> Json:
    action: Json = {"flow_token": values.get(f"{prefix}.flow_token", NO_TOKEN)}
    if f"{prefix}.flow_data" in values:
        action["flow_action_data"] = typed_values.decoded(values[f"{prefix}.flow_data"])
    return action


def _catalog(values: Values, prefix: str) -> Json:
    product = values.get(f"{prefix}.product")
    return {} if product is None else {"thumbnail_product_retailer_id": product}


def _product_list(values: Values, prefix: str) -> Json:
    return {
        "thumbnail_product_retailer_id": values[f"{prefix}.product"],
        "sections": typed_values.decoded(values[f"{prefix}.sections"]),
    }


def _texts(items: Sequence[Placeholder], named: bool, values: Values) -> list[Json]:
    return [
        {**({"parameter_name": item.name} if named else {}), **_text(item.key, values[item.key], values)}
        for item in items
    ]


def _text(key: str, text: str, values: Values) -> Json:
    """A text, or what may be written in the reader's own way with the text for those who cannot."""
    for kind in (CURRENCY, DATE_TIME):
        if f"{key}.{kind}" in values:
            told = typed_values.decoded(values[f"{key}.{kind}"])
            return {"type": kind, kind: {"fallback_value": text, **told}}
    return {"type": "text", "text": text}
