"""What senders, templates and errors of the contact file look like in the form. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from engine import phone, preflight, templates

if TYPE_CHECKING:
    from engine.preflight_facts import Check
    from store.types import Sender, Template

FILE: Final = "file"
COUNTRY: Final = "country"
NUMBER: Final = "number"
SHEET: Final = "sheet"


def sender_label(sender: Sender) -> str:
    """A sender as it is chosen: number, quality, rate, and its status where it cannot send."""
    parts = [phone.display(sender.number)]
    if sender.status != "CONNECTED":
        parts.append(sender.status.lower())
    elif sender.quality and sender.quality != "UNKNOWN":
        parts.append(f"quality {sender.quality.lower()}")
    return "  ".join([*parts, f"{sender.rate:,}/s"])


def template_label(template: Template) -> str:
    """A template as it is chosen; one that cannot be sent carries its status."""
    words = f"{template.name}  {template.language}  {template.category.lower()}"
    if template.status != templates.APPROVED:
        return f"✗ {words}  {templates.status_words(template.status)}"
    return words if templates.sendable(template) is None else f"✗ {words}  cannot be filled here"


def problem_of(template: Template | None) -> Check | None:
    """Why a template cannot be chosen (R23)."""
    return None if template is None else preflight.template_problem(template)


def file_errors(code: str) -> str:
    """Which field an error of the importer belongs to."""
    by_code: Mapping[str, str] = {
        "unknown_country": COUNTRY,
        "number_column_unclear": NUMBER,
        "no_such_column": NUMBER,
        "sheet_unclear": SHEET,
        "no_such_sheet": SHEET,
    }
    return by_code.get(code, FILE)


def file_hint(code: str, hint: str) -> str:
    """What to do about it, where the importer's own words name options of the command line."""
    if code in ("number_column_unclear", "sheet_unclear"):
        return "Choose it here."
    if code in ("no_such_column", "no_such_sheet"):
        return "Choose one that is there."
    return hint
