"""Callbacks of messages, statuses and replies, in the Cloud API's wire format."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from engine.gateway.errors import text_of
from engine.gateway.simulator.behaviour import STRANGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.gateway.simulator.account import Account
    from engine.gateway.simulator.announcements import Announcement
    from engine.gateway.simulator.behaviour import Step
    from engine.gateway.simulator.record import Record

CATEGORIES = {"m": "marketing", "l": "marketing_lite", "u": "utility", "a": "authentication"}
"""The letters of the record, and what pricing calls them."""


def of_messages(batch: Iterable[tuple[int, Step]], record: Record, account: Account) -> list[dict[str, Any]]:
    """One change for each sending number with the statuses of its messages, and one for each reply."""
    by_sender: dict[str, list[dict[str, Any]]] = defaultdict(list)
    replies: list[dict[str, Any]] = []
    for index, step in batch:
        if step.said:
            replies.append(_reply(index, step, record, account))
            continue
        sender, status = _status(index, step, record)
        by_sender[sender].append(status)
    return [_change(account, sender, statuses=statuses) for sender, statuses in by_sender.items()] + replies


def body(account: Account, changes: list[dict[str, Any]], announced: Sequence[Announcement], at: int) -> dict[str, Any]:
    """One callback; what concerns the account stands in an entry of its own, which has a time (epoch seconds)."""
    entries: list[dict[str, Any]] = [{"id": account.id, "changes": changes}] if changes else []
    if announced:
        told = [announcement.change() for announcement in announced]
        entries.append({"id": account.id, "time": at, "changes": told})
    return {"object": "whatsapp_business_account", "entry": entries}


def _change(account: Account, sender: str, **told: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"display_phone_number": account.display_number(sender), "phone_number_id": sender}
    return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **told}}


def _reply(index: int, step: Step, record: Record, account: Account) -> dict[str, Any]:
    """One message of the recipient, as WhatsApp reports it: a change of its own, with whom it is from."""
    entry = record.entry(index)
    message = {
        "context": {"from": entry.sender, "id": record.message_id(index)},
        "from": entry.wa_id,
        # The same when it is posted again.
        "id": f"{record.message_id(index)}.{step.said}",
        "timestamp": str(int(entry.at / 1000 + step.stamp)),
        "text": {"body": step.said},
        "type": "text",
    }
    contact = {"profile": {"name": f"+{entry.to}"}, "wa_id": entry.wa_id}
    return _change(account, entry.sender, contacts=[contact], messages=[message])


def _status(index: int, step: Step, record: Record) -> tuple[str, dict[str, Any]]:
    entry = record.entry(index)
    status: dict[str, Any] = {
        "id": record.message_id(index),
        "status": step.status,
        "timestamp": str(int(entry.at / 1000 + step.stamp)),
        "recipient_id": entry.wa_id,
    }
    if entry.reference:
        status["biz_opaque_callback_data"] = entry.reference
    if step.priced:
        status["pricing"] = {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": CATEGORIES[entry.category],
        }
    if step.code:
        status["errors"] = [_error(step.code)]
    if step.status == STRANGE:
        status["postponement"] = {"until": None, "attempts": [1, 2.5, "many"]}
    return entry.sender, status


def _error(code: int) -> dict[str, Any]:
    text = text_of(code)
    return {
        "code": code,
        "title": text,
        "message": text,
        "error_data": {"details": text},
        "href": "/documentation/business-messaging/whatsapp/support/error-codes",
    }
