"""Templates read from a file or an answer of the Graph API, with what cannot be one refused (R23)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from engine import files
from engine.errors import BadInput
from engine.templates import (
    APPROVED,
    COMPONENTS,
    NAMED,
    POSITIONAL,
    TEXTS,
    Component,
    TemplateSpec,
    component,
    kind_of,
    names_in,
    text_of,
)
from engine.text import shown

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_NAME: Final = 512
"""Characters of a template's name."""
MOST_LEVELS: Final = 40
"""Of values inside each other; the deepest template there is, a carousel, has ten."""
_HALF: Final = re.compile("[\ud800-\udfff]")
_EXAMPLE: Final = (
    'A template looks like {"name": "season_sale", "language": "en_US", "category": "MARKETING", '
    '"components": [{"type": "BODY", "text": "Hello {{1}}"}]}.'
)


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
    kinds = [kind for kind in map(kind_of, components) if kind in COMPONENTS]
    for kind in COMPONENTS:
        if kinds.count(kind) > 1:
            return f"more than one {kind}"
    for item in components:
        kind = kind_of(item)
        if kind in TEXTS and not all(_is_text(item, key) for key in ("text", "format")):
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
        if any(kind_of(part) == "CAROUSEL" for part in parts):
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
