"""Values of placeholders that are more than text: times, money, data and products, as people write them. Pure.

Every kind has one canonical text, which the composer decodes; a text that cannot be read as its kind has none, and is a
hole to whoever fills the message (R37).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from engine import schedule, zones
from engine.errors import Refused


class Kind(StrEnum):
    """What the value of a placeholder has to be."""

    TEXT = "text"
    EXPIRY = "expiry"
    """An instant: milliseconds since 1970, or a date and time, in the account's zone unless it has an offset."""
    MONEY = "money"
    """An amount with its currency: `USD 100.99`."""
    DATE_TIME = "date_time"
    """A date, or a date and time: `1977-02-25 15:33`."""
    DATA = "data"
    """A JSON object."""
    SECTIONS = "sections"
    """Products under titles: `Bestsellers: sku1, sku2; New: sku3`, or a JSON list as the Cloud API has it."""


WORDS: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "a text",
    Kind.EXPIRY: "a date and time such as 2026-12-31 23:59, or milliseconds since 1970",
    Kind.MONEY: "an amount with its currency, such as USD 100.99",
    Kind.DATE_TIME: "a date and time such as 2026-12-31 15:30, or a date",
    Kind.DATA: 'a JSON object such as {"plan": "gold"}',
    Kind.SECTIONS: "products under titles, such as: Bestsellers: sku1, sku2; New: sku3",
}
"""What to write, in words."""

LONGEST_EXPIRY: Final = 15
"""Digits of milliseconds: the year 33658."""
_MONEY: Final = re.compile(r"(?:([A-Za-z]{3}) ?(-?[0-9.]+)|(-?[0-9.]+) ?([A-Za-z]{3}))")
_MOST_DIGITS: Final = 15


def canonical(kind: Kind, text: str, zone: str) -> str:
    """The one way to write this value, empty for what cannot be read; a `TEXT` is its own.

    `zone` is the IANA name of the account's time zone.
    """
    if kind is Kind.TEXT:
        return text
    text = text.strip()
    return _READERS[kind](text, zone) if text else ""


def decoded(value: str) -> Any:
    """What the canonical text of any kind but `TEXT` stands for, as the Cloud API takes it."""
    return json.loads(value)


def _expiry(text: str, zone: str) -> str:
    if text.isascii() and text.isdigit():
        return str(int(text)) if len(text) <= LONGEST_EXPIRY else ""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return str(round(at.timestamp() * 1000))
        return str(schedule.to_utc(at, zones.named(zone)))
    except (ValueError, OverflowError, Refused):
        return ""


def _money(text: str, zone: str) -> str:
    match = _MONEY.fullmatch(text)
    if match is None:
        return ""
    try:
        amount = Decimal(match[2] or match[3])
    except InvalidOperation:
        return ""
    thousandths = amount * 1000
    if len(amount.as_tuple().digits) > _MOST_DIGITS or thousandths != thousandths.to_integral_value():
        return ""
    return _dumped({"code": (match[1] or match[4]).upper(), "amount_1000": int(thousandths)})


def _date_time(text: str, zone: str) -> str:
    try:
        day = date.fromisoformat(text[:10])
        clock = datetime.fromisoformat(text) if len(text) > 10 else None
    except ValueError:
        return ""
    found: dict[str, object] = {
        "year": day.year,
        "month": day.month,
        "day_of_month": day.day,
        # Monday is 1, as in ISO 8601.
        "day_of_week": day.isoweekday(),
        "calendar": "GREGORIAN",
    }
    if clock is not None:
        found |= {"hour": clock.hour, "minute": clock.minute}
    return _dumped(found)


def _data(text: str, zone: str) -> str:
    found = _json(text)
    return _dumped(found) if isinstance(found, dict) and found else ""


def _sections(text: str, zone: str) -> str:
    if text.startswith("["):
        return _json_sections(_json(text))
    found = []
    for part in text.split(";"):
        if not part.strip():
            continue
        # The last colon: a title may have one, and ids of products do not.
        title, _, products = part.rpartition(":")
        ids = [one.strip() for one in products.split(",") if one.strip()]
        if not title.strip() or not ids:
            return ""
        found.append(_section(title.strip(), ids))
    return _dumped(found) if found else ""


def _json_sections(found: object) -> str:
    if not isinstance(found, list) or not found:
        return ""
    sections = []
    for item in found:
        title = item.get("title") if isinstance(item, dict) else None
        products = item.get("product_items") if isinstance(item, dict) else None
        if not isinstance(title, str) or not title.strip() or not isinstance(products, list) or not products:
            return ""
        ids = [one.get("product_retailer_id") if isinstance(one, dict) else None for one in products]
        named = [one for one in ids if isinstance(one, str) and one.strip()]
        if len(named) < len(ids):
            return ""
        sections.append(_section(title.strip(), named))
    return _dumped(sections)


def _section(title: str, ids: list[str]) -> dict[str, object]:
    return {"title": title, "product_items": [{"product_retailer_id": one} for one in ids]}


def _json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_READERS: Final[Mapping[Kind, Callable[[str, str], str]]] = {
    Kind.EXPIRY: _expiry,
    Kind.MONEY: _money,
    Kind.DATE_TIME: _date_time,
    Kind.DATA: _data,
    Kind.SECTIONS: _sections,
}
