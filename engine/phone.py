"""Phone numbers as people type them, made E.164 (R34)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from engine.errors import BadInput
from engine.numbering import region_of
from store.types import SkipReason


class Phone(NamedTuple):
    """A valid number: E.164 digits as one integer, and the region it belongs to.

    The region is ISO 3166 alpha-2, or `001` for numbers of no country (satellite, international freephone).
    """

    number: int
    country: str


class _Reading(NamedTuple):
    phone: Phone
    mobile: bool


_E164: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_MANGLED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_FLOAT: Final = re.compile(r"(\+?\d{6,15})\.0")
_PHONE: Final = re.compile(r"[(\s]*\+?[\d\s().\-/]+")
_HYPHENS: Final = {ord(sign): "-" for sign in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d"}
_MOBILE: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
# Fewer digits than any subscriber number, or more than E.164's 15 with a trunk prefix: no country code would help.
_FEWEST, _MOST = 4, 17
_LONGEST: Final = 15
_BETWEEN: Final = re.compile(r"[,;]|\s+(?=\+)")


def parse(raw: str, country: str | None) -> Phone | SkipReason:
    """The number that `raw` stands for, or why its row is skipped; `country` is an ISO code for national numbers."""
    return parse_many((raw,), country)[0]


def parse_many(raws: Sequence[str], country: str | None) -> list[Phone | SkipReason]:
    """Many numbers at once, answered in the order given.

    They are worked through sorted: phonenumbers keeps 512 compiled patterns, and 18,000 sorted numbers a second become
    1,600 when countries alternate.
    """
    cleaned = {raw: _clean(raw) for raw in dict.fromkeys(raws)}
    numbers = sorted({text for text in cleaned.values() if not isinstance(text, SkipReason)})
    resolved = {text: _resolve(text, country) for text in numbers}
    answers = {raw: text if isinstance(text, SkipReason) else resolved[text] for raw, text in cleaned.items()}
    return [answers[raw] for raw in raws]


def display(number: int) -> str:
    """The international format, as in `+91 98765 43210`; digits that are no number at all get their plus only."""
    try:
        parsed = phonenumbers.parse(f"+{number}", None)
    except NumberParseException:
        return f"+{number}"
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def of_whatsapp(digits: str) -> tuple[int, ...]:
    """The numbers in E.164 that a WhatsApp id may stand for; nothing for what is no id.

    Most ids are the number. In Brazil (the ninth digit) and Mexico (a 1 behind the country code) WhatsApp keeps older
    forms, and an Argentine mobile number is valid with its 9 and without.
    """
    if not (digits.isascii() and digits.isdigit() and _FEWEST < len(digits) <= _LONGEST):
        return ()
    forms = [digits]
    if re.fullmatch(r"55\d{2}[6-9]\d{7}", digits):
        forms = [f"{digits[:4]}9{digits[4:]}", digits]
    elif re.fullmatch(r"521\d{10}", digits):
        forms = [f"52{digits[3:]}", digits]
    elif re.fullmatch(r"549\d{10}", digits):
        forms.append(f"54{digits[3:]}")
    valid = tuple(int(form) for form in forms if isinstance(parse(f"+{form}", None), Phone))
    # What no list of numbering plans knows yet may be a person all the same.
    return valid or (int(digits),)


def country_code(text: str) -> str:
    """The ISO 3166 alpha-2 code meant by `text`, upper case.

    Raises:
        BadInput: `unknown_country` when no numbering plan is known under it.
    """
    code = text.strip().upper()
    if code in phonenumbers.SUPPORTED_REGIONS:
        return code
    hint = "Give the two letters of ISO 3166, such as IN for India, DE for Germany or BR for Brazil."
    if code == "UK":
        hint = "The United Kingdom is GB."
    elif code.lstrip("+").isdecimal():
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code.lstrip("+")), ())
        if regions and regions[0] in phonenumbers.SUPPORTED_REGIONS:
            hint = f"Give the country's two letters instead of its calling code: {' or '.join(regions[:2])}."
    raise BadInput("unknown_country", f"There is no country {text!r}.", hint)


def _clean(raw: str) -> str | SkipReason:
    """The bare digits, with a plus where the number is international; or why there are none."""
    if _E164.fullmatch(raw):
        return raw
    text = unicodedata.normalize("NFKC", raw)
    # Numbers copied out of address books carry invisible direction marks.
    text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf").translate(_HYPHENS).strip()
    if not text:
        return SkipReason.BLANK
    if _MANGLED.fullmatch(text):
        return SkipReason.MANGLED_NUMBER
    if (float_text := _FLOAT.fullmatch(text)) is not None:
        text = float_text[1]
    digits = "".join(str(unicodedata.decimal(sign)) for sign in text if sign.isdecimal())
    # "030 1234567/8" names two lines: reading on past the slash would make a third one of them.
    after_slash = sum(map(str.isdecimal, text.rpartition("/")[2])) if "/" in text else _MOST
    if not _PHONE.fullmatch(text) or not digits or after_slash <= _FEWEST:
        return SkipReason.INVALID_NUMBER
    if "+" in text:
        return f"+{digits}"
    return f"+{digits[2:]}" if digits.startswith("00") else digits


def _resolve(text: str, country: str | None) -> Phone | SkipReason:
    if text.startswith("+"):
        reading = _international(text[1:])
        return SkipReason.INVALID_NUMBER if reading is None else reading
    if country is None:
        possible = _FEWEST <= len(text) <= _MOST
        return SkipReason.MISSING_COUNTRY_CODE if possible else SkipReason.INVALID_NUMBER
    return _decide(_library(text, country), _library(f"+{text}", None))


def _international(digits: str) -> Phone | None:
    region = region_of(digits)
    if region is not None:
        return Phone(int(digits), region)
    reading = _library(f"+{digits}", None)
    return None if reading is None else reading.phone


def _decide(national: _Reading | None, international: _Reading | None) -> Phone | SkipReason:
    """Of a number's two readings the valid one; of two valid ones the mobile number (R34)."""
    if national is None or international is None:
        only = national or international
        return SkipReason.INVALID_NUMBER if only is None else only.phone
    if national.phone == international.phone:
        return national.phone
    if national.mobile == international.mobile:
        return SkipReason.AMBIGUOUS_NUMBER
    return national.phone if national.mobile else international.phone


def _library(text: str, country: str | None) -> _Reading | None:
    """What phonenumbers makes of it; `None` when it is no valid number."""
    try:
        parsed = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    if region is None or not phonenumbers.is_valid_number_for_region(parsed, region):
        return None
    digits = f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"
    return _Reading(Phone(int(digits), region), phonenumbers.number_type(parsed) in _MOBILE)


def split(typed: str) -> list[str]:
    """The numbers in one line, between commas, semicolons, or blanks before a plus."""
    return [part.strip() for part in _BETWEEN.split(typed) if part.strip()]
