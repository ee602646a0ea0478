"""The account the simulator plays: its templates and numbers, where it was told of any.

Without templates every name is taken and only the shape of a message is checked; without numbers every id is one.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from engine.errors import BadInput
from engine.gateway.simulator.needs import Needs, needs_of

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT_ID = "100000000000001"
BUSINESS_ID = "100000000000002"
APP_ID = "100000000000003"
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
_NAME = re.compile(r"[a-z0-9_]{1,512}")
_KNOWN_PARTS = frozenset(
    {"HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST"}
)


@dataclass(frozen=True, slots=True)
class Template:
    """One template in one language."""

    id: str
    name: str
    language: str
    category: str = "MARKETING"
    status: str = "APPROVED"
    quality: str = "UNKNOWN"
    needs: Needs | None = None
    """What its messages have to bring; `None` where the template is not known."""
    definition: tuple[tuple[str, Any], ...] = ()
    """What else was said of it, in the order it was given."""

    @property
    def key(self) -> str:
        """Name and language, which identify it."""
        return f"{self.name}/{self.language}"


class Account:
    """Templates and numbers by what identifies them."""

    def __init__(self) -> None:
        self.id = ACCOUNT_ID
        self.named = False
        """Whether it was told its id; otherwise it answers to every one."""
        self.templates: dict[str, Template] = {}
        self.numbers: dict[str, dict[str, Any]] = {}
        self._strangers: dict[str, Template] = {}
        self._country_codes: dict[str, str] = {}

    def add_templates(self, listed: object) -> list[Template]:
        """Take templates in the shape of `message_templates`; an older one of the same name and language goes.

        All or none. Raises `BadInput` for what is no template.
        """
        made = [_template(item, f"template {at}") for at, item in enumerate(_items(listed, "templates"))]
        for template in made:
            self.templates[template.key] = template
        return made

    def add_numbers(self, listed: object) -> None:
        """Take numbers in the shape of `phone_numbers`; each needs an `id`. All or none. Raises `BadInput`."""
        items = _items(listed, "phone numbers")
        for at, item in enumerate(items):
            if not (isinstance(item.get("id"), str) and item["id"].isascii() and item["id"].isdigit()):
                raise _invalid(f"Phone number {at} needs an id of digits.")
        for item in items:
            self.numbers[item["id"]] = dict(item)
            self._country_codes[item["id"]] = _country_code(str(item.get("display_phone_number", "")))

    def read(self, file: Path) -> None:
        """Take what a JSON or TOML file lists: `templates` (or a list under `data`), `phone_numbers`, `waba_id`.

        Raises `BadInput` for a file that cannot be read or lists something else.
        """
        try:
            text = file.read_text("utf-8")
            document: object = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError, RecursionError) as error:
            raise BadInput(
                "account_unreadable",
                f"The account file {str(file)!r} cannot be read: {error}.",
                "Give a JSON or TOML file with templates and phone_numbers, as the Cloud API lists them.",
            ) from error
        if isinstance(document, list):
            document = {"templates": document}
        if not isinstance(document, dict):
            raise _invalid("It must be an object with templates and phone_numbers.")
        self.add_numbers(document.get("phone_numbers", []))
        self.add_templates(document.get("templates", document.get("data", [])))
        if "waba_id" in document:
            self.id, self.named = str(document["waba_id"]), True

    def template(self, name: str, language: str) -> Template | None:
        """The template of that name and language; where none are known, one that asks for nothing in particular."""
        key = f"{name}/{language}"
        if self.templates:
            return self.templates.get(key)
        stranger = self._strangers.get(key)
        if stranger is None:
            stranger = self._strangers[key] = Template(_id(key), name, language)
        return stranger

    def template_of(self, key: str) -> Template:
        """The template with this key. Raises `KeyError` when it was never seen."""
        return self.templates[key] if key in self.templates else self._strangers[key]

    def template_by_id(self, node: str) -> Template | None:
        """The known template with this id."""
        return next((template for template in self.templates.values() if template.id == node), None)

    def display_number(self, sender: str) -> str:
        """A sender's number as webhooks print it: digits; the id where the number is not known."""
        shown = str(self.numbers.get(sender, {}).get("display_phone_number", ""))
        return re.sub(r"\D", "", shown) or sender

    def country_code(self, sender: str) -> str:
        """The country code of a sender's number; empty where the number is not known."""
        return self._country_codes.get(sender, "")


def _country_code(display_phone_number: str) -> str:
    import phonenumbers

    try:
        return str(phonenumbers.parse("+" + re.sub(r"\D", "", display_phone_number)).country_code)
    except phonenumbers.NumberParseException:
        return ""


def _template(item: dict[str, Any], where: str) -> Template:
    name, language = item.get("name"), item.get("language")
    # Its documentation creates templates in lower case; what the API lists is in upper case.
    category, form = str(item.get("category", "MARKETING")).upper(), str(item.get("parameter_format", "")).upper()
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _invalid(f"{where}: a name has lower-case letters, digits and underscores, not {name!r}.")
    if not isinstance(language, str) or not language:
        raise _invalid(f"{where}: the language is missing.")
    if category not in CATEGORIES:
        raise _invalid(f"{where}: the category is one of {', '.join(CATEGORIES)}, not {category!r}.")
    components = item.get("components", [])
    if not isinstance(components, list) or not all(
        isinstance(part, dict) and str(part.get("type", "")).upper() in _KNOWN_PARTS for part in components
    ):
        raise _invalid(f"{where}: components is a list of objects with one of the types {', '.join(_KNOWN_PARTS)}.")
    score = item.get("quality_score")
    given_id = str(item.get("id") or "")
    return Template(
        id=given_id if given_id.isascii() and given_id.isdigit() else _id(f"{name}/{language}"),
        name=name,
        language=language,
        category=category,
        status=str(item.get("status", "APPROVED")),
        quality=str(score.get("score", "UNKNOWN")) if isinstance(score, dict) else "UNKNOWN",
        needs=needs_of(components, named=form == "NAMED"),
        definition=tuple({**item, "parameter_format": form or "POSITIONAL"}.items()),
    )


def _items(listed: object, what: str) -> list[dict[str, Any]]:
    if isinstance(listed, dict):
        listed = listed.get("data")
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise _invalid(f"The {what} must be a list of objects.")
    return listed


def _id(key: str) -> str:
    """Fifteen digits that follow from the key."""
    return str(10**14 + int.from_bytes(blake2b(key.encode(), digest_size=5).digest(), "big") % 10**14)


def _invalid(message: str) -> BadInput:
    return BadInput("account_invalid", message, "List templates and numbers as the Cloud API does.")
