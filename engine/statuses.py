"""Status callbacks: what the body of one says (research/cloud-api.md section 1.4). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine import phone
from engine.errors import BadInput
from engine.message import parse_reference, parse_test_reference
from engine.text import shown
from store.types import StatusUpdate

STATUSES = frozenset({"sent", "delivered", "read", "failed"})
LONGEST_DETAIL = 500
LONGEST_ID = 255
_LAST_SECOND = 10**11
_CODE_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")


def parse(body: bytes, received: int | None = None) -> list[StatusUpdate]:
    """The status updates in one callback body, in its order.

    What is not a status, and statuses of kinds unknown here, are passed over. `received` (UTC epoch milliseconds)
    stands in for a time that is missing or unreadable; without it such a status is passed over too. Raises `BadInput`
    when the body is no JSON object.
    """
    return statuses_in(document_of(body), received)


def document_of(body: bytes) -> dict[str, Any]:
    """What a callback's body says. Raises `BadInput` when it is no JSON object."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed("is not valid JSON") from error
    if not isinstance(document, dict):
        raise _malformed("is not a JSON object")
    return document


def statuses_in(
    document: Mapping[str, Any], received: int | None = None, account: str | None = None
) -> list[StatusUpdate]:
    """The status updates in a callback's document; see `parse`. With `account`, none of another account's."""
    told = values(document, account)
    updates = (_update(status, received) for value in told for status in objects(value.get("statuses")))
    return [update for update in updates if update is not None]


def values(document: Mapping[str, Any], account: str | None = None) -> Iterator[dict[str, Any]]:
    """What a callback tells, change by change: statuses, messages, preferences and whatever else there is.

    With `account`, the id of a WhatsApp Business Account, what is said to be of another one is passed over.
    """
    for entry in objects(document.get("entry")):
        if account and str(entry.get("id") or account) != account:
            continue
        for change in objects(entry.get("changes")):
            value = change.get("value")
            if isinstance(value, dict):
                yield value


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in a JSON list; none in anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _update(status: dict[str, Any], received: int | None) -> StatusUpdate | None:
    kind = status.get("status")
    at = milliseconds(status.get("timestamp"))
    at = received if at is None else at
    if not isinstance(kind, str) or kind not in STATUSES or at is None:
        return None
    reference = status.get("biz_opaque_callback_data")
    campaign_id, seq = _reference(reference)
    code, detail = _failure(status.get("errors"))
    return StatusUpdate(
        campaign_id=campaign_id,
        seq=seq,
        message_id=_message_id(status.get("id")),
        status=kind,
        at=at,
        code=code,
        detail=detail,
        test_id=parse_test_reference(reference) if isinstance(reference, str) else None,
        pricing=_pricing(status.get("pricing")),
        phones=_phones(status.get("recipient_id")),
    )


def _message_id(said: object) -> str | None:
    usable = isinstance(said, str) and said.isascii() and said.isprintable() and 0 < len(said) <= LONGEST_ID
    return str(said) if usable else None


def _phones(said: object) -> tuple[int, ...]:
    return phone.of_whatsapp(said.removeprefix("+")) if isinstance(said, str) else ()


def _pricing(said: object) -> str | None:
    """How a message is billed, as `category/type`; `billable` is going to be left out and only stands in."""
    if not isinstance(said, dict):
        return None
    kind = _code_word(said.get("type"))
    if not kind:
        kind = (
            {True: "regular", False: "free"}.get(said["billable"], "") if isinstance(said.get("billable"), bool) else ""
        )
    category = _code_word(said.get("category"))
    return f"{category}/{kind or 'unknown'}" if category else None


def _code_word(said: object) -> str:
    return said.lower() if isinstance(said, str) and _CODE_WORD.fullmatch(said) else ""


def milliseconds(timestamp: object) -> int | None:
    """A callback's time as UTC epoch milliseconds: the gateway writes seconds, as text or as a number."""
    if isinstance(timestamp, str) and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11:
        timestamp = int(timestamp)
    if not isinstance(timestamp, int) or isinstance(timestamp, bool) or not 0 < timestamp < _LAST_SECOND:
        return None
    return timestamp * 1000


def _reference(text: object) -> tuple[int | None, int | None]:
    parts = parse_reference(text) if isinstance(text, str) else None
    return (None, None) if parts is None else (parts[0], parts[1])


def _failure(errors: object) -> tuple[int | None, str]:
    listed = objects(errors)
    if not listed:
        return None, ""
    error = listed[0]
    code = error.get("code")
    usable = isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 2**31
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else data
    words = [text for text in (details, error.get("message"), error.get("title")) if isinstance(text, str) and text]
    return (code if usable else None), shown((words[0] if words else "")[:LONGEST_DETAIL])


def _malformed(what: str) -> BadInput:
    return BadInput("malformed_callback", f"The callback {what}.", "It is kept as it came; nothing else is affected.")
