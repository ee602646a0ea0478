"""What the Cloud API's answers say: of a message that was sent, and of the access token. Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from engine.gateway.base import Accepted, Action, Outcome, Rejection, Unknown
from engine.gateway.documents import document_of
from engine.gateway.errors import classify

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_DETAIL = 500
LONGEST_ID = 512
LONGEST_RETRY_AFTER = 24 * 3600.0
HIGHEST_CODE = 2**31 - 1
HELD = ("held_for_quality_assessment", "paused")
"""Values of `message_status` for a message that is released or dropped later (research/cloud-api.md 1.1 and 8)."""


def read_answer(http_status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """What an answer that came back whole says became of the message.

    A Graph error is a refusal whatever its HTTP status; a 2xx counts only with a message id. What else came with a 5xx,
    a 2xx, or a redirect that may stand for "done" (302, 303) proves nothing, so the message is `Unknown`.
    """
    document = _json_object(body)
    message = _message(document)
    if 200 <= http_status < 300 and message is not None:
        return message
    error = document.get("error")
    code = _code(error.get("code")) if isinstance(error, dict) else None
    if code is None and not (400 <= http_status < 500 or http_status in (301, 307, 308)):
        return Unknown(f"HTTP {http_status} without a usable answer")
    subcode = _code(error.get("error_subcode")) if isinstance(error, dict) else None
    transient = isinstance(error, dict) and error.get("is_transient") is True
    row = classify(code, subcode, http_status, transient)
    retry_after = _retry_after(headers)
    return Rejection(
        code=row.code,
        detail=_detail(error, http_status)[:LONGEST_DETAIL],
        http_status=http_status,
        action=row.action,
        retry_after=row.retry_after if retry_after is None else retry_after,
        tries=row.tries,
        rest=row.rest,
    )


def takes_token(http_status: int, body: bytes) -> bool | None:
    """What an answer to a question says about the token: an error about anything else means that it was accepted."""
    if 200 <= http_status < 300:
        return True
    error = _json_object(body).get("error")
    code = _code(error.get("code")) if isinstance(error, dict) else None
    action = classify(code, None, http_status).action
    if action is Action.AUTH:
        return False
    return None if code is None or action in (Action.RETRY, Action.SLOW) else True


def _json_object(body: bytes) -> dict[str, Any]:
    document = document_of(body)
    return document if isinstance(document, dict) else {}


def _message(document: dict[str, Any]) -> Accepted | None:
    messages = document.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(first, dict):
        return None
    message_id = first.get("id")
    if not isinstance(message_id, str) or not 0 < len(message_id) <= LONGEST_ID:
        return None
    return Accepted(message_id, held=first.get("message_status") in HELD)


def _code(value: object) -> int | None:
    """A Graph code; negative ones are Graph's own "unknown error", code 1, because ours are negative too."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value > HIGHEST_CODE:
        return None
    return value if value >= 0 else 1


def _detail(error: object, http_status: int) -> str:
    """The gateway's words: `error_data.details`, else `error_data` where it is a plain string, else the message."""
    if isinstance(error, dict):
        data = error.get("error_data")
        details = data.get("details") if isinstance(data, dict) else data
        for words in (details, error.get("error_user_msg"), error.get("message")):
            if isinstance(words, str) and words:
                return words
    return f"HTTP {http_status}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the answer asks to wait; a date is measured against the answer's own `Date` (RFC 9110 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_RETRY_AFTER)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(0.0, wait.total_seconds()), LONGEST_RETRY_AFTER)
