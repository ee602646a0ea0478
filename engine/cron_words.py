"""A cron expression in words, as far as it is one of the usual ones. Pure."""

from __future__ import annotations

import re
from typing import Final

_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SHORT: Final = {day[:3].upper(): n for n, day in enumerate(_DAYS)}
_WEEK: Final = {frozenset({1, 2, 3, 4, 5}): "Monday to Friday", frozenset({0, 6}): "Saturday and Sunday"}


def words(cron: str) -> str:
    """Such as `every Monday at 10:00`; an unusual expression as it is, `cron 5/7 3 * 2 *`."""
    minute, hour, day, month, weekday = cron.split()
    as_it_is = f"cron {cron}"
    if month != "*":
        return as_it_is
    at = _clock(minute, hour)
    if at is None:
        return as_it_is
    if day == "*" and weekday == "*":
        return at if at.startswith("every") else f"every day {at}"
    if at.startswith("every"):
        return as_it_is
    if day == "*":
        named = _weekdays(weekday)
        return as_it_is if named is None else f"every {named} {at}"
    if weekday == "*" and day.isdecimal():
        return f"on day {int(day)} of every month {at}"
    if weekday == "*" and day == "L":
        return f"on the last day of every month {at}"
    return as_it_is


def _clock(minute: str, hour: str) -> str | None:
    if minute.isdecimal() and hour.isdecimal():
        return f"at {int(hour):02d}:{int(minute):02d}"
    if hour != "*":
        return None
    if minute == "*":
        return "every minute"
    if minute.isdecimal():
        return f"every hour at :{int(minute):02d}"
    step = re.fullmatch(r"\*/([2-9]|[1-9]\d)", minute)
    return f"every {int(step[1])} minutes" if step and 60 % int(step[1]) == 0 else None


def _weekdays(field: str) -> str | None:
    found: set[int] = set()
    for part in field.split(","):
        first, dash, last = part.partition("-")
        numbers = [_weekday(first), _weekday(last) if dash else _weekday(first)]
        if numbers[0] is None or numbers[1] is None or numbers[0] > numbers[1]:
            return None
        found.update(n % 7 for n in range(numbers[0], numbers[1] + 1))
    if frozenset(found) in _WEEK:
        return _WEEK[frozenset(found)]
    names = [_DAYS[n] for n in sorted(found, key=lambda n: (n - 1) % 7)]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _weekday(text: str) -> int | None:
    if text in _SHORT:
        return _SHORT[text]
    return int(text) if re.fullmatch("[0-7]", text) else None
