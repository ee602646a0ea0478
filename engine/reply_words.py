"""Whether a reply is a STOP or a START (R38): the words are data, by language, and can be added to. Pure.

Only a message that is nothing but one of these words counts: "please don't stop" is no STOP.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from engine.errors import BadInput
from engine.text import shown

LONGEST = 100
"""Characters of a message that can be one of the words; the rest of the world's messages are not looked at."""
# Nukta, the kana voicing marks, virama: spelling and not accents. Marks without a class are vowels of Indic scripts.
_SPELLING = frozenset({0, 7, 8, 9})
_ALWAYS = ("stop",), ("start",)


class Wish(StrEnum):
    """What a reply asks for."""

    STOP = "stop"
    START = "start"


@dataclass(frozen=True, slots=True)
class Words:
    """The words that are a STOP and those that are a START, normalised; in doubt it is a STOP."""

    stop: frozenset[str]
    start: frozenset[str]

    def wish(self, text: str) -> Wish | None:
        """What a whole message asks for; `None` for every message that is not about this."""
        if len(text) > LONGEST:
            return None
        said = normal(text)
        if said in self.stop:
            return Wish.STOP
        return Wish.START if said in self.start else None


def normal(text: str) -> str:
    """The form in which replies are compared: case, accents, width, punctuation, emoji and spaces do not count."""
    kept = []
    for sign in unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold()):
        kind = unicodedata.category(sign)
        if kind[0] in "LN" or (kind[0] == "M" and unicodedata.combining(sign) in _SPELLING and not _is_selector(sign)):
            kept.append(sign)
        elif kind[0] != "M" and kind != "Cf":
            kept.append(" ")
    # Turkish writes the capital of a dotless i as Latin does that of a dotted one.
    return unicodedata.normalize(
        "NFC", " ".join("".join(kept).replace("\N{LATIN SMALL LETTER DOTLESS I}", "i").split())
    )


def _is_selector(sign: str) -> bool:
    """Variation selectors choose between an emoji's two looks."""
    return "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef"


@cache
def shipped() -> Words:
    """The words that come with the program."""
    table = tomllib.loads(resources.files("engine").joinpath("reply_words.toml").read_text("utf-8"))
    return _words(
        (word for language in table.values() for word in language["stop"]),
        (word for language in table.values() for word in language["start"]),
    )


def configured(table: Mapping[str, object]) -> Words:
    """The words by a configuration's `[replies]`: `stop` and `start` are lists that add to the shipped words.

    `shipped = false` leaves those out; STOP and START themselves always count. Raises `BadInput` with `bad_config` for
    anything else, and for a word that is in both lists.
    """
    unknown = [key for key in table if key not in ("stop", "start", "shipped")]
    if unknown:
        raise _bad(f"sets {shown(unknown[0])!r}, which there is not", "It may set: stop, start, shipped.")
    with_shipped = table.get("shipped", True)
    if not isinstance(with_shipped, bool):
        raise _bad("sets shipped to something else than true or false", "Write: shipped = false")
    own = _words(_listed(table, "stop"), _listed(table, "start"))
    base = shipped() if with_shipped else _words(*_ALWAYS)
    # A word of one's own moves a shipped one to the other side, but never STOP or START itself.
    always = _words(*_ALWAYS)
    stop = (base.stop - own.start) | own.stop | always.stop
    start = (base.start - own.stop) | own.start | always.start
    both = sorted(stop & start)
    if both:
        raise _bad(f"makes {shown(both[0])!r} a STOP and a START", "Take it out of one of the two.")
    return Words(stop, start)


def _words(stop: Iterable[str], start: Iterable[str]) -> Words:
    return Words(frozenset(map(normal, stop)) - {""}, frozenset(map(normal, start)) - {""})


def _listed(table: Mapping[str, object], key: str) -> list[str]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(word, str) and normal(word) for word in found):
        raise _bad(f"has no list of words under {key}", f'Write: {key} = ["{key}", "{key} it"]')
    long = [word for word in found if len(word) > LONGEST]
    if long:
        raise _bad(f"has a word under {key} with more than {LONGEST} characters", "Give a shorter one.")
    return [word for word in found if isinstance(word, str)]


def _bad(what: str, hint: str) -> BadInput:
    return BadInput("bad_config", f"[replies] in the configuration file {what}.", hint)
