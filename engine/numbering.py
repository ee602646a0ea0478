"""Which international numbers are valid, at the speed of one regular expression.

phonenumbers answers the same question in about 50 microseconds, which makes a minute of a million rows. Here its own
metadata is compiled once per country calling code; only what needs no stripping of national prefixes is answered, the
rest is left to the library (`None`). The tests hold both to the same answers.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

if TYPE_CHECKING:
    from phonenumbers.phonemetadata import PhoneNumberDesc

_TYPES = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)


class _Region(NamedTuple):
    code: str
    leading: re.Pattern[str] | None
    valid: re.Pattern[str]


class _Plan(NamedTuple):
    prefix: re.Pattern[str] | None
    regions: tuple[_Region, ...]


def region_of(digits: str) -> str | None:
    """The region of a valid E.164 number given as bare digits.

    `None` means that it is not plainly valid: ask phonenumbers. The region is ISO 3166 alpha-2, or `001` for numbers
    that belong to no country.
    """
    for length in (1, 2, 3):
        plan = _plan(digits[:length])
        if plan is not None:
            return _region_in(plan, digits[length:])
    return None


def _region_in(plan: _Plan, national: str) -> str | None:
    # A prefix that the library would strip, or rewrite, before it judges the number.
    if plan.prefix is not None and (prefix := plan.prefix.match(national)) is not None and prefix.end() > 0:
        return None
    for region in plan.regions:
        if region.leading is None:
            if region.valid.fullmatch(national):
                return region.code
        elif region.leading.match(national):
            return region.code if region.valid.fullmatch(national) else None
    return None


@cache
def _plan(calling_code: str) -> _Plan | None:
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code)) if calling_code.isdecimal() else None
    if not regions or calling_code.startswith("0"):
        return None
    metadata = [PhoneMetadata.metadata_for_region_or_calling_code(int(calling_code), region) for region in regions]
    main = metadata[0]
    prefix = main.national_prefix_for_parsing if main is not None else None
    return _Plan(
        prefix=re.compile(prefix) if prefix else None,
        regions=tuple(
            _region(code, data, alone=len(regions) == 1)
            for code, data in zip(regions, metadata, strict=True)
            if data is not None
        ),
    )


def _region(code: str, data: PhoneMetadata, *, alone: bool) -> _Region:
    types = [pattern for name in _TYPES if (pattern := _pattern(getattr(data, name))) is not None]
    general = _pattern(data.general_desc) or "(?!)"
    # A region alone on its calling code is not told apart by leading digits.
    leading = None if alone or data.leading_digits is None else re.compile(data.leading_digits)
    return _Region(code, leading, re.compile(rf"(?=(?:{general})\Z)(?:{'|'.join(types) or '(?!)'})"))


def _pattern(kind: PhoneNumberDesc | None) -> str | None:
    """One kind of number as a pattern that also holds its possible lengths."""
    if kind is None or not kind.national_number_pattern:
        return None
    lengths = "|".join(rf"\d{{{length}}}\Z" for length in kind.possible_length if length > 0)
    body = f"(?:{kind.national_number_pattern})"
    return f"(?={lengths}){body}" if lengths else body
