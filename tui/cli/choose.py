"""Senders and templates as operators name them: a number, and NAME:LANG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine import phone
from engine.errors import BadInput, NotFound
from engine.text import shown
from store import account

if TYPE_CHECKING:
    from store.types import Sender, Template


def sender(text: str) -> Sender:
    """The sender with this number, written with or without its plus. Raises `NotFound`."""
    parsed = phone.parse(text, None)
    digits = re.sub(r"\D", "", text, flags=re.ASCII)
    number = parsed.number if isinstance(parsed, phone.Phone) else int(digits or 0)
    found = account.senders()
    for one in found:
        if one.number == number:
            return one
    hint = (
        f"The senders are: {', '.join(f'+{one.number}' for one in found)}." if found else "Add it: sendoff sender add"
    )
    raise NotFound("no_such_sender", f"There is no sender {shown(text)!r}.", hint)


def template(text: str) -> Template:
    """The template NAME:LANG; NAME alone is enough where it has one language. Raises `NotFound`, `BadInput`."""
    name, _, language = text.strip().partition(":")
    found = account.find_templates(name, language.replace("-", "_") if language else None)
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(
            "template_ambiguous",
            f"Template {shown(name)} is there in several languages.",
            f"Say which: {', '.join(one.ref for one in found)}.",
        )
    others = ", ".join(one.ref for one in account.templates()[:20])
    hint = f"The templates are: {others}." if others else "Add it from a file: sendoff template add FILE.json"
    raise NotFound("no_such_template", f"There is no template {shown(text)!r}.", hint)
