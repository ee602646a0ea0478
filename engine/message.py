"""The message as the Cloud API takes it, and as its recipient will see it.

The wire format is `POST /{version}/{phone-number-id}/messages` (facebook/openapi at ecba623; Meta, *Send messages*).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from engine.placeholders import MEDIA, MEDIA_ID, Placeholder, filled, placeholders
from engine.templates import NAMED, Component, buttons, component, header_format, text_of
from store.types import Endpoint, Route

Values: TypeAlias = Mapping[str, str]
Json: TypeAlias = dict[str, Any]

LONGEST_BODY: Final = 1_024
LONGEST_HEADER: Final = 60
LONGEST_CODE: Final = 15
LONGEST_URL: Final = 2_000
_REFERENCE: Final = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})", re.ASCII)
_TEST_REFERENCE: Final = re.compile(r"test\.(\d{1,18})\.(\d{1,18})", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_LINK: Final = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Preview:
    """A message's text as its recipient will see it; what is not filled yet stays visible as `{{1}}`."""

    header: str
    """Text, or `[image: link]` and the like."""
    body: str
    footer: str
    buttons: tuple[str, ...]


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
        kinds = {index: kind for index, kind, _ in buttons(components)}
        header = [item for item in known if item.component == "header"]
        body = [item for item in known if item.component == "body"]
        named = parameter_format == NAMED
        self._parts: list[Callable[[Values], Json | None]] = []
        if header:
            self._parts.append(_header_part(header, header_format(components), named))
        if body:
            self._parts.append(lambda values: {"type": "body", "parameters": _texts(body, named, values)})
        self._parts += [
            _button_part(item, kinds[item.index], item.index)
            for item in known
            if item.component == "button" and item.index is not None
        ]

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


def preview(components: Sequence[Component], values: Values) -> Preview:
    """What the recipient will see."""
    form = header_format(components)
    if form == "TEXT":
        header = filled(text_of(component(components, "HEADER")), values, "header")
    elif form == "LOCATION":
        header = f"[location: {values.get('header.name', '{{name}}')}, {values.get('header.address', '{{address}}')}]"
    else:
        uploaded = values.get(MEDIA_ID)
        link = values.get(MEDIA, "{{media}}") if uploaded is None else f"uploaded file {uploaded}"
        header = f"[{form.lower()}: {link}]" if form else ""
    return Preview(
        header=header,
        body=filled(text_of(component(components, "BODY")), values, "body"),
        footer=text_of(component(components, "FOOTER")),
        buttons=tuple(_label(button, index, kind, values) for index, kind, button in buttons(components)),
    )


def problems(components: Sequence[Component], values: Values) -> list[str]:
    """What WhatsApp would refuse in a message with these values, in sentences; missing values do not matter here."""
    shown = preview(components, values)
    found = []
    if len(shown.body) > LONGEST_BODY:
        found.append(f"The body is {len(shown.body):,} characters long; WhatsApp takes {LONGEST_BODY:,}.")
    if header_format(components) == "TEXT" and len(shown.header) > LONGEST_HEADER:
        found.append(f"The header is {len(shown.header)} characters long; WhatsApp takes {LONGEST_HEADER}.")
    if not _ID.fullmatch(values.get(MEDIA_ID, "0")):
        found.append("The header's media id holds characters that no id has; `sendoff media upload` gives one.")
    link = values.get(MEDIA)
    if link is not None and not _LINK.fullmatch(link):
        found.append("The header's media needs a whole link, such as https://example.com/offer.jpg.")
    for name, limit in (("latitude", 90), ("longitude", 180)):
        value = values.get(f"header.{name}")
        if value is not None and not _within(value, limit):
            found.append(f"The header's {name} must be a number from -{limit} to {limit}.")
    for index, kind, button in buttons(components):
        code = values.get(f"button.{index}.code")
        if kind == "COPY_CODE" and code is not None and len(code) > LONGEST_CODE:
            found.append(f"The code of button {index} is longer than {LONGEST_CODE} characters.")
        suffix = values.get(f"button.{index}.1")
        url = filled(text_of(button, "url"), values, f"button.{index}")
        if kind == "URL" and suffix is not None and (len(url) > LONGEST_URL or " " in suffix):
            found.append(f"The link of button {index} has spaces or is longer than {LONGEST_URL:,} characters.")
    return found


def _header_part(items: Sequence[Placeholder], form: str, named: bool) -> Callable[[Values], Json]:
    def text(values: Values) -> Json:
        return {"type": "header", "parameters": _texts(items, named, values)}

    def location(values: Values) -> Json:
        place = {item.name: values[item.key] for item in items}
        return {"type": "header", "parameters": [{"type": "location", "location": place}]}

    def media(values: Values) -> Json:
        kind = form.lower()
        uploaded = values.get(MEDIA_ID)
        content = {"link": values[MEDIA]} if uploaded is None else {"id": uploaded}
        if "header.filename" in values:
            content["filename"] = values["header.filename"]
        return {"type": "header", "parameters": [{"type": kind, kind: content}]}

    return {"TEXT": text, "LOCATION": location}.get(form, media)


def _button_part(item: Placeholder, kind: str, index: int) -> Callable[[Values], Json | None]:
    parameter = {"URL": "text", "COPY_CODE": "coupon_code"}.get(kind, "payload")

    def part(values: Values) -> Json | None:
        if not item.required and item.key not in values:
            return None
        return {
            "type": "button",
            "sub_type": kind.lower(),
            # Meta's samples have it as a number too; a string is what its reference says.
            "index": str(index),
            "parameters": [{"type": parameter, parameter: values[item.key]}],
        }

    return part


def _texts(items: Sequence[Placeholder], named: bool, values: Values) -> list[Json]:
    if named:
        return [{"type": "text", "parameter_name": item.name, "text": values[item.key]} for item in items]
    return [{"type": "text", "text": values[item.key]} for item in items]


def _label(button: Component, index: int, kind: str, values: Values) -> str:
    label = text_of(button)
    if kind == "COPY_CODE":
        return f"{label or 'Copy code'}: {values.get(f'button.{index}.code', '{{code}}')}"
    return label or kind.replace("_", " ").capitalize()


def _within(value: str, limit: int) -> bool:
    try:
        return -limit <= float(value) <= limit
    except ValueError:
        return False
