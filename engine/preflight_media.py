"""What the preflight says of files in headers: uploads that are gone by then, of another sender, or unknown here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import media, placeholders
from engine.preflight_facts import Check, Facts, Level
from engine.text import shown

if TYPE_CHECKING:
    from engine.placeholders import Placeholder
    from store.types import Media


def checks(facts: Facts) -> list[Check]:
    """One line for each file with a problem, and one for all that nobody knows, whichever headers they stand in."""
    if facts.template is None:
        return []
    found: dict[tuple[str, str], list[Placeholder]] = {}
    for one in placeholders.placeholders(facts.template.components, facts.template.parameter_format):
        if one.name == placeholders.MEDIA_NAME and one.key in facts.media:
            known = facts.media[one.key]
            problem = _problem(facts, known)
            if problem:
                found.setdefault((problem, "" if known is None else known.media_id), []).append(one)
    return [_check(problem, facts.media[places[0].key], places) for (problem, _), places in found.items()]


def _problem(facts: Facts, known: Media | None) -> str:
    if known is None:
        return "media_unknown"
    if problem := media.problem(known.uploaded_at, facts.now, facts.at):
        return problem
    of_another = facts.sender is not None and known.phone_number_id != facts.sender.phone_number_id
    return "media_of_another" if of_another else ""


def _check(problem: str, known: Media | None, places: Sequence[Placeholder]) -> Check:
    key = places[0].key
    cards = [str(one.card) for one in places if one.card is not None]
    of = "the header's file" if not cards else f"the file of card{'s' if len(cards) > 1 else ''} {', '.join(cards)}"
    if known is None:
        many = len(places) > 1
        files = of.replace("file", "files", 1) if many else of
        text = f"{files} {'were' if many else 'was'} not uploaded from here, so nobody knows how long"
        text += f" {'they' if many else 'it'} can be used"
        return Check("media_unknown", Level.WARN, text, "An id lives 30 days.", key)
    file, upload = f"{of} {shown(known.file)}", f"Upload {shown(known.file)} again: sendoff media upload FILE"
    match problem:
        case media.EXPIRED:
            text = f"{file} was uploaded more than 30 days ago and is gone"
            return Check("media_expired", Level.BLOCK, text, upload, key)
        case media.EXPIRES:
            text = f"{file} will be gone by the time it goes: it lives 30 days"
            return Check("media_expires", Level.WARN, text, upload, key)
    return Check("media_of_another", Level.WARN, f"{file} was uploaded with another sender", upload, key)
