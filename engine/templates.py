"""Message templates in the Cloud API's own shape, and what this program can do with them (R23).

The shape is `message_templates` of the Graph API, both as asked for at creation and as listed later
(facebook/openapi at ecba623). Type names come in either case there, and new ones appear: what is unknown is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from engine import files
from engine.errors import BadInput
from engine.text import counted, shown

if TYPE_CHECKING:
    from pathlib import Path

    from store.types import Template

APPROVED: Final = "APPROVED"
NAMED: Final = "NAMED"
POSITIONAL: Final = "POSITIONAL"

LONGEST_NAME: Final = 512
"""Characters of a template's name."""
FEWEST_CARDS: Final = 2
MOST_CARDS: Final = 10
MOST_LEVELS: Final = 40
"""Of values inside each other; the deepest template there is, a carousel, has ten."""

Component: TypeAlias = Mapping[str, Any]

PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
"""`{{1}}` or `{{first_name}}` in a text."""

_HALF: Final = re.compile("[\ud800-\udfff]")
_EXAMPLE: Final = (
    'A template looks like {"name": "season_sale", "language": "en_US", "category": "MARKETING", '
    '"components": [{"type": "BODY", "text": "Hello {{1}}"}]}.'
)
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
_TEXTS: Final = ("HEADER", "BODY", "FOOTER", "BUTTONS")
_COMPONENTS: Final = frozenset((*_TEXTS, "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST"))
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


def parse(data: Mapping[str, Any]) -> TemplateSpec:
    """Read one template, a creation request as well as an item of a list.

    A creation request has no status: whoever hands it in from a file vouches that WhatsApp approved it, so it counts as
    APPROVED. Without `parameter_format` it is NAMED when header or body hold a placeholder that is no number.

    Raises:
        BadInput: `not_a_template` when name, language or components are missing, or anything that is looked at later
            is of the wrong kind: a status that is no word must not pass for one that was left out.
    """
    name = _required_text(data, "name")
    if len(name) > LONGEST_NAME:
        raise _not_a_template(f"A template's name has {len(name):,} characters; WhatsApp takes {LONGEST_NAME}.")
    _refuse_odd(name, data)
    language = data.get("language")
    # The message API writes the language as an object; people copy it from there.
    if isinstance(language, Mapping):
        language = language.get("code")
    if not isinstance(language, str) or not language.strip():
        raise _not_a_template(f"Template {shown(name)} has no language.")
    components = data.get("components")
    if not isinstance(components, list) or not components:
        raise _not_a_template(f"Template {shown(name)} has no list of components.")
    if not all(isinstance(component, Mapping) and isinstance(component.get("type"), str) for component in components):
        raise _not_a_template(f"Template {shown(name)} has a component without a type.")
    if (problem := _wrong_kind(data, components)) is not None:
        raise _not_a_template(f"Template {shown(name)} has {problem}.")
    return TemplateSpec(
        name=name,
        # Web hooks write en-US for what the API calls en_US.
        language=language.strip().replace("-", "_"),
        status=_word(data, "status", APPROVED),
        category=_word(data, "category", ""),
        parameter_format=_word(data, "parameter_format", guessed_format(components)),
        components=tuple(components),
        quality=quality_of(data.get("quality_score")),
    )


def load(path: Path) -> list[TemplateSpec]:
    """The templates in a JSON file: one template, a list of them, or a page `{"data": [...]}` as the API answers it.

    Raises:
        BadInput: `unreadable_file`, `not_a_file`, `not_json` or `not_a_template`.
    """
    try:
        files.regular(path)
        data = json.loads(path.read_text("utf-8-sig"), parse_constant=_no_number)
    except OSError as error:
        raise files.unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise BadInput("not_json", f"{path} is not JSON: {error}.", _EXAMPLE) from error
    if isinstance(data, Mapping) and "components" not in data and isinstance(data.get("data"), list):
        data = data["data"]
    items = data if isinstance(data, list) else [data]
    if not items:
        raise _not_a_template(f"{path} holds no template.")
    specs = []
    for item in items:
        if not isinstance(item, Mapping):
            raise _not_a_template(f"{path} holds something else than templates.")
        specs.append(parse(item))
    return specs


def component(components: Sequence[Component], kind: str) -> Component | None:
    """The first component of a kind (HEADER, BODY, FOOTER, BUTTONS), in whichever case it is written."""
    return next((item for item in components if _kind(item) == kind), None)


def buttons(components: Sequence[Component]) -> list[tuple[int, str, Component]]:
    """The buttons with their index and their type in upper case."""
    found = component(components, "BUTTONS")
    items = found.get("buttons") if found is not None else None
    if not isinstance(items, list):
        return []
    return [(index, _kind(item), item) for index, item in enumerate(items) if isinstance(item, Mapping)]


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


def _unfillable(components: Sequence[Component], known: frozenset[str] = _COMPONENTS) -> Iterator[str]:
    yield from (kind for kind in map(_kind, components) if kind not in known)
    if (form := header_format(components)) and form not in _HEADERS:
        yield form
    yield from (kind for _, kind, _ in buttons(components) if kind not in _BUTTONS)
    for _, card in cards(components):
        yield from _unfillable(card, _CARD)


def _refuse_odd(name: str, data: object) -> None:
    """Refuse what could not be kept: values inside each other without end, and halves of characters."""
    waiting: list[tuple[object, int]] = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MOST_LEVELS:
            raise _not_a_template(f"Template {shown(name)} has values nested more than {MOST_LEVELS} levels deep.")
        if isinstance(value, str) and _HALF.search(value):
            raise _not_a_template(f"Template {shown(name)} has a text with half a character: {shown(value[:40])}.")
        if isinstance(value, Mapping):
            waiting += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]


def _wrong_kind(data: Mapping[str, Any], components: Sequence[Component]) -> str | None:
    """The first thing among what this program looks at that is of the wrong kind; what is unknown may be anything."""
    if "status" in data and not (isinstance(data["status"], str) and data["status"].strip()):
        return "a status that is no word"
    for key in ("category", "parameter_format"):
        if not _is_text(data, key):
            return f"a {key} that is no word"
    kinds = [kind for kind in map(_kind, components) if kind in _COMPONENTS]
    for kind in _COMPONENTS:
        if kinds.count(kind) > 1:
            return f"more than one {kind}"
    for item in components:
        kind = _kind(item)
        if kind in _TEXTS and not all(_is_text(item, key) for key in ("text", "format")):
            return f"a {kind} whose text or format is no text"
        if kind == "BUTTONS" and (problem := _wrong_button(item.get("buttons"))) is not None:
            return problem
        if kind == "CAROUSEL" and (problem := _wrong_cards(item.get("cards"))) is not None:
            return problem
        if kind == "LIMITED_TIME_OFFER" and not isinstance(item.get("limited_time_offer"), Mapping):
            return "a LIMITED_TIME_OFFER without its offer"
    return None


def _wrong_cards(items: object) -> str | None:
    if not isinstance(items, list):
        return "a CAROUSEL without a list of cards"
    for item in items:
        parts = item.get("components") if isinstance(item, Mapping) else None
        if not isinstance(parts, list) or not parts:
            return "a card without a list of components"
        if not all(isinstance(part, Mapping) and isinstance(part.get("type"), str) for part in parts):
            return "a card with a component without a type"
        if any(_kind(part) == "CAROUSEL" for part in parts):
            return "a carousel in a card"
        if (problem := _wrong_kind({}, parts)) is not None:
            return f"a card with {problem}"
    return None


def _wrong_button(items: object) -> str | None:
    if not isinstance(items, list):
        return "BUTTONS without a list of buttons"
    for item in items:
        if not isinstance(item, Mapping) or not isinstance(item.get("type"), str):
            return "a button without a type"
        if not all(_is_text(item, key) for key in ("text", "url")):
            return "a button whose text or url is no text"
    return None


def _is_text(item: Mapping[str, Any], key: str) -> bool:
    """Whether there is a text, or nothing."""
    return isinstance(item.get(key), str | None)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _kind(item: Component) -> str:
    return text_of(item, "type").upper()


def _required_text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _not_a_template(f"There is no {key} in what should be a template.")
    return value.strip()


def _word(data: Mapping[str, Any], key: str, default: str) -> str:
    value = data.get(key)
    return value.strip().upper() if isinstance(value, str) and value.strip() else default


def quality_of(value: object) -> str:
    """The score in `quality_score`, as an object or a plain word; empty for anything else."""
    score = value.get("score") if isinstance(value, Mapping) else value
    return score.upper() if isinstance(score, str) else ""


def guessed_format(components: Sequence[Component]) -> str:
    """NAMED when a placeholder of header or body is no number, else POSITIONAL."""
    texts = (text_of(component(components, kind)) for kind in ("HEADER", "BODY"))
    return NAMED if any(not name.isdecimal() for text in texts for name in names_in(text)) else POSITIONAL


def _not_a_template(message: str) -> BadInput:
    return BadInput("not_a_template", message, _EXAMPLE)
