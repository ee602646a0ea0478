"""The table of gateway error codes: what each means, what to do, and what the sender does by itself.

A refusal is classified by its Graph code alone. HTTP status and `is_transient` decide only for codes that the table
does not know, and the HTTP status alone where the body is no Graph error: codes 3, 131045 and 134102 come with a 5xx
although they are permanent, and throttling has been seen as 400, 403 and 429 (research/cloud-api.md section 2).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Any

from engine.gateway.base import Action
from store.types import NOT_SENT_BY_HAND

UNKNOWN_CODE_TRIES = 3
_UNKNOWN_ADVICE = "Look the code up in WhatsApp's list of error codes; the detail beside it may say more."


class Internal(IntEnum):
    """Our own codes, for what ended without a code from the gateway."""

    NO_ANSWER = -1
    QUOTA_EXCEEDED = -2
    NOT_ATTEMPTED = -3
    HTTP_REFUSED = -5
    HTTP_DENIED = -6
    HTTP_THROTTLED = -7
    HTTP_REDIRECTED = -8
    HTTP_NOT_READ = -9
    SETTLED_NOT_SENT = NOT_SENT_BY_HAND


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One code of the table, or what the rules make of a code that is not in it."""

    code: int
    text: str
    advice: str
    action: Action
    tries: int | None = None
    """Hand-overs after which `RETRY` gives up; `None` leaves it to the run's budget."""
    retry_after: float | None = None
    """Seconds to wait at least before the next try."""
    rest: float | None = None
    """Seconds for which nothing more goes out from the sender."""
    opening: bool = False
    """Whether it holds the campaign when the first rows of a run all fail with it."""
    answers_send: bool = True
    """False for codes that belong to other calls, or that no gateway ever sends."""


def row_of(code: int) -> ErrorRow | None:
    """The table's row for `code`, or `None` for a code it does not know."""
    singles, ranges = _table()
    row = singles.get(code)
    if row is None:
        row = next((found for first, last, found in ranges if first <= code <= last), None)
    return None if row is None else replace(row, code=code)


def is_known(code: int) -> bool:
    """Whether the table says what this answer to a send means."""
    row = row_of(code)
    return row is not None and row.answers_send and code != Internal.HTTP_REFUSED


def text_of(code: int) -> str:
    """What `code` means, in words an operator understands."""
    row = row_of(code)
    return f"Error {code}, which is not in the code table" if row is None else row.text


def advice_of(code: int) -> str:
    """What an operator can do about `code`."""
    row = row_of(code)
    return _UNKNOWN_ADVICE if row is None else row.advice


def classify(
    code: int | None, subcode: int | None = None, http_status: int = 400, is_transient: bool = False
) -> ErrorRow:
    """What a refusal means: by `code`, or by `http_status` when the body was no Graph error (`code` is `None`).

    Error 100 with subcode 33 is the generic "unsupported request" for a number that is gone, and reads as code 33.
    """
    if code is None:
        return _by_http_status(http_status)
    row = row_of(33 if code == 100 and subcode == 33 else code)
    if row is not None and row.answers_send:
        return row
    action, tries = _unknown_code(http_status, is_transient)
    return ErrorRow(code, text_of(code), advice_of(code), action, tries, answers_send=row is None)


def _unknown_code(http_status: int, is_transient: bool) -> tuple[Action, int | None]:
    if is_transient or http_status >= 500:
        return Action.RETRY, UNKNOWN_CODE_TRIES
    if http_status == 429:
        return Action.SLOW, None
    if http_status in (401, 403):
        return Action.AUTH, None
    return Action.FIX_ROW, None


def _by_http_status(http_status: int) -> ErrorRow:
    internal = Internal.HTTP_REFUSED
    if http_status == 429:
        internal = Internal.HTTP_THROTTLED
    elif http_status in (401, 403):
        internal = Internal.HTTP_DENIED
    elif http_status in (301, 307, 308):
        internal = Internal.HTTP_REDIRECTED
    elif http_status in (408, 425):
        # RFC 9110 15.5.9, RFC 8470 5.2: the request was not read, or deliberately not processed.
        internal = Internal.HTTP_NOT_READ
    row = row_of(internal)
    if row is None:
        raise LookupError(f"error_codes.toml lacks the internal code {int(internal)}")
    return row


@cache
def _table() -> tuple[dict[int, ErrorRow], list[tuple[int, int, ErrorRow]]]:
    text = resources.files("engine.gateway").joinpath("error_codes.toml").read_text("utf-8")
    singles: dict[int, ErrorRow] = {}
    ranges: list[tuple[int, int, ErrorRow]] = []
    for entry in tomllib.loads(text)["error"]:
        row = _row(entry)
        for code in entry["codes"]:
            if isinstance(code, int):
                singles[code] = row
            else:
                first, _, last = code.partition("-")
                ranges.append((int(first), int(last), row))
    return singles, ranges


def _row(entry: dict[str, Any]) -> ErrorRow:
    named = entry["action"]
    return ErrorRow(
        code=0,
        text=entry["text"],
        advice=entry["advice"],
        action=Action.FIX_ROW if named == "none" else Action(named),
        tries=entry.get("tries"),
        retry_after=entry.get("retry_after"),
        rest=entry.get("rest"),
        opening=entry.get("opening", False),
        answers_send=named != "none",
    )
