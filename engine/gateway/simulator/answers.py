"""Answers in the Cloud API's wire format: HTTP status and JSON body."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from engine.gateway.errors import text_of

THROTTLED = 130429
_THROTTLING = frozenset({4, 17, 80007, THROTTLED, 131056})
# What Meta's pages print; every other code answers 400 (research/cloud-api.md section 2).
_HTTP_STATUS = {
    **dict.fromkeys((0, 102, 104, 190), 401),
    **dict.fromkeys((10, 200, 368, 130497, 131005, 131031), 403),
    132001: 404,
    **dict.fromkeys((3, 131000, 131016, 131045, 131057, 134102), 500),
    **dict.fromkeys((2, 133004), 503),
}


@lru_cache(maxsize=1024)
def refusal(code: int, details: str = "", throttle_http_status: int = 400, subcode: int = 0) -> tuple[int, bytes]:
    """A Graph error. Throttling has been seen with several HTTP statuses, so that one is the scenario's choice."""
    text = text_of(code)
    error: dict[str, Any] = {
        "message": f"(#{code}) {text}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or text},
        "fbtrace_id": "simulated",
    }
    if subcode:
        error["error_subcode"] = subcode
    status = throttle_http_status if code in _THROTTLING else _HTTP_STATUS.get(code, 400)
    return status, json.dumps({"error": error}).encode("ascii")


def acceptance(to: str, message_id: str, held: bool, wa_id: str = "") -> bytes:
    """The answer to a message that was taken; nothing in it needs escaping."""
    status = "held_for_quality_assessment" if held else "accepted"
    return (
        f'{{"messaging_product":"whatsapp","contacts":[{{"input":"{to}","wa_id":"{wa_id or to}"}}],'
        f'"messages":[{{"id":"{message_id}","message_status":"{status}"}}]}}'
    ).encode("ascii")
