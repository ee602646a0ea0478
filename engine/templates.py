"""Message templates in the Cloud API's own shape, and what this program can do with them (R23).

The shape is `message_templates` of the Graph API, both as asked for at creation and as listed later
(facebook/openapi at ecba623). Type names come in either case there, and new ones appear: what is unknown is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from engine.text import counted, shown

if TYPE_CHECKING:
    from store.types import Template

APPROVED: Final = "APPROVED"
NAMED: Final = "NAMED"
POSITIONAL: Final = "POSITIONAL"

FEWEST_CARDS: Final = 2
MOST_CARDS: Final = 10

Component: TypeAlias = Mapping[str, Any]

PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
"""`{{1}}` or `{{first_name}}` in a text."""

_STATUS_WORDS: Final = {
    "APPROVED": "approved",
    "PENDING": "waiting for WhatsApp's review",
    "REJECTED": "rejected by WhatsApp",
    "PAUSED": "paused by WhatsApp for low quality",
    "DISABLED": "disabled by WhatsApp",
    "IN_APPEAL": "rejected, with an appeal under review",
    "PENDING_DELETION": "being deleted",
    "DELETED": "deleted",
    "LIMIT_EXCEEDED": "over the account's limit of templates",
    "FLAGGED": "flagged by WhatsApp for low quality",
    "REINSTATED": "reinstated by WhatsApp",
    "LOCKED": "locked by WhatsApp",
    "ARCHIVED": "archived",
    "UNARCHIVED": "back from the archive",
}
# WhatsApp takes and plays a GIF as a short video.
_MEDIA: Final = {
    "IMAGE": "image",
    "VIDEO": "video",
    "GIF": "video",
    "DOCUMENT": "document",
    "LOCATION": "location",
}
_HEADERS: Final = frozenset(("TEXT", "IMAGE", "VIDEO", "GIF", "DOCUMENT", "LOCATION", "PRODUCT"))
TEXTS: Final = ("HEADER", "BODY", "FOOTER", "BUTTONS")
COMPONENTS: Final = frozenset((*TEXTS, "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST"))
_CARD: Final = frozenset(("HEADER", "BODY", "BUTTONS"))
_BUTTONS: Final = frozenset(
    ("QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "VOICE_CALL", "OTP", "FLOW", "CATALOG", "MPM", "SPM")
)
_NAMES: Final = {
    "APP": "a button that opens an app",
    "REQUEST_CONTACT_INFO": "a button that asks for the phone number",
    "ORDER_DETAILS": "an order with payment",
    "ORDER_STATUS": "the status of an order",
}
_BUTTON_WORDS: Final = {"OTP": "one-time password", "MPM": "product list", "SPM": "product", "CATALOG": "catalogue"}
# Under this address WhatsApp lists the one-time password button that it was asked for.
_OTP_URL: Final = "https://www.whatsapp.com/otp/"


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """A template as a gateway or a file describes it; `name` and `language` together identify it."""

    name: str
    language: str
    status: str
    """Upper case; unknown values are kept."""
    category: str
    parameter_format: str
    """POSITIONAL or NAMED."""
    components: tuple[Component, ...]
    """As received: type names may be in either case."""
    quality: str
    """GREEN, YELLOW, RED, UNKNOWN, or empty when nothing was said."""


def component(components: Sequence[Component], kind: str) -> Component | None:
    """The first component of a kind (HEADER, BODY, FOOTER, BUTTONS), in whichever case it is written."""
    return next((item for item in components if kind_of(item) == kind), None)


def buttons(components: Sequence[Component]) -> list[tuple[int, str, Component]]:
    """The buttons with their index and their type in upper case."""
    found = component(components, "BUTTONS")
    items = found.get("buttons") if found is not None else None
    if not isinstance(items, list):
        return []
    return [(index, kind_of(item), item) for index, item in enumerate(items) if isinstance(item, Mapping)]


def cards(components: Sequence[Component]) -> list[tuple[int, Sequence[Component]]]:
    """The cards of a carousel with their index, each a list of components as a message's."""
    found = component(components, "CAROUSEL")
    items = found.get("cards") if found is not None else None
    if not isinstance(items, list):
        return []
    return [(index, card["components"]) for index, card in enumerate(items)]


def offer(components: Sequence[Component]) -> Component | None:
    """What a limited-time offer says of itself: `text` and `has_expiration`."""
    found = component(components, "LIMITED_TIME_OFFER")
    inner = found.get("limited_time_offer") if found is not None else None
    return inner if isinstance(inner, Mapping) else None


def is_otp(kind: str, button: Component) -> bool:
    """Whether a button hands over a one-time password; lists have it as a link."""
    return kind == "OTP" or (kind == "URL" and text_of(button, "url").startswith(_OTP_URL))


def body_text(components: Sequence[Component]) -> str:
    """The body's text; that of an authentication template, which WhatsApp writes itself, in its English words."""
    body = component(components, "BODY")
    text = text_of(body)
    if body is None or text or not any(is_otp(kind, button) for _, kind, button in buttons(components)):
        return text
    advice = " For your security, do not share this code." if body.get("add_security_recommendation") is True else ""
    return f"{{{{1}}}} is your verification code.{advice}"


def footer_text(components: Sequence[Component]) -> str:
    """The footer's text; that of an authentication template in WhatsApp's English words."""
    footer = component(components, "FOOTER")
    minutes = footer.get("code_expiration_minutes") if footer is not None else None
    if not text_of(footer) and isinstance(minutes, int):
        return f"This code expires in {minutes} minutes."
    return text_of(footer)


def text_of(item: Component | None, key: str = "text") -> str:
    """A component's text, empty when it has none."""
    value = item.get(key) if item is not None else None
    return value if isinstance(value, str) else ""


def names_in(text: str) -> list[str]:
    """The names or numbers of the `{{...}}` in a text, each once, in order of first use."""
    return list(dict.fromkeys(match[1] for match in PLACEHOLDER.finditer(text)))


def header_format(components: Sequence[Component]) -> str:
    """TEXT, IMAGE, VIDEO, DOCUMENT, LOCATION or whatever else the header is; empty without a header."""
    header = component(components, "HEADER")
    return "" if header is None else (text_of(header, "format") or "TEXT").upper()


def media(components: Sequence[Component]) -> str:
    """What the header carries besides text: `image`, `video`, `document`, `location`, or nothing.

    A carousel has what its first card has.
    """
    found = _MEDIA.get(header_format(components), "")
    first = next((card for _, card in cards(components)), ())
    return found or _MEDIA.get(header_format(first), "")


def only_by_marketing(components: Sequence[Component]) -> bool:
    """Whether only the endpoint for marketing messages takes such a message: animated headers."""
    return header_format(components) == "GIF"


def sendable(template: TemplateSpec | Template) -> str | None:
    """Why this program cannot send the template, whatever WhatsApp thinks of it; `None` when it can."""
    if not template.components:
        return f"Template {shown(template.name)} came without its content; sync the templates again."
    for kind in _unfillable(template.components):
        what = _NAMES.get(kind, f"a part of the kind {shown(kind)}")
        return f"Template {shown(template.name)} has {what}, which this program cannot fill yet."
    if component(template.components, "CAROUSEL") is not None:
        n = len(cards(template.components))
        if not FEWEST_CARDS <= n <= MOST_CARDS:
            return (
                f"Template {shown(template.name)} has a carousel of {counted(n, 'card')};"
                f" WhatsApp takes {FEWEST_CARDS} to {MOST_CARDS}."
            )
    if template.parameter_format not in (NAMED, POSITIONAL):
        return (
            f"Template {shown(template.name)} has placeholders of the unknown kind {shown(template.parameter_format)}."
        )
    return None


def content(template: TemplateSpec | Template) -> object:
    """What a template's recipients get, to be compared (R24).

    Leaves out what changes while the content stays: the examples for WhatsApp's reviewers, whose media have other
    addresses with every reading, and in which case a type is written. The category is no content; it decides the price.
    """
    return template.parameter_format, [_compared(item) for item in template.components]


def _compared(value: object, key: str = "") -> object:
    if isinstance(value, Mapping):
        return {name: _compared(item, name) for name, item in value.items() if name != "example"}
    if isinstance(value, list | tuple):
        return [_compared(item) for item in value]
    return value.upper() if key in ("type", "format") and isinstance(value, str) else value


def status_words(status: str) -> str:
    """A template's status for people; an unknown one is shown as it came."""
    return _STATUS_WORDS.get(status.upper()) or shown(status.replace("_", " ").lower()) or "of unknown status"


def button_words(kind: str) -> str:
    """What a button does, in a word or two; an unknown kind is shown as it came."""
    return _BUTTON_WORDS.get(kind) or shown(kind.lower().replace("_", " "))


def _unfillable(components: Sequence[Component], known: frozenset[str] = COMPONENTS) -> Iterator[str]:
    yield from (kind for kind in map(kind_of, components) if kind not in known)
    if (form := header_format(components)) and form not in _HEADERS:
        yield form
    yield from (kind for _, kind, _ in buttons(components) if kind not in _BUTTONS)
    for _, card in cards(components):
        yield from _unfillable(card, _CARD)


def kind_of(item: Component) -> str:
    """The type of a component, a button or a card's part, in upper case."""
    return text_of(item, "type").upper()
