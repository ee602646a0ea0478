"""What can be asked about the account: its templates, its numbers, and whether they can send."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from engine.gateway.errors import advice_of, text_of
from engine.gateway.simulator.account import APP_ID, BUSINESS_ID, Account, Template
from engine.gateway.simulator.faults import Fault
from engine.gateway.simulator.standing import RESTRICTED, UPGRADING, Standing

if TYPE_CHECKING:
    from engine.gateway.simulator.scenario import Scenario

DEFAULT_LIMIT = 25
NOT_APPROVED = 141002
UNSUPPORTED = Fault(
    100,
    "Object does not exist, cannot be loaded due to missing permissions, or does not support this operation.",
    33,
)
TIERS = {250: "TIER_250", 2_000: "TIER_2K", 10_000: "TIER_10K", 100_000: "TIER_100K"}
_TEMPLATE = {"name", "components", "language", "status", "category", "id"}
_TEMPLATE_MORE = {
    "parameter_format",
    "quality_score",
    "rejected_reason",
    "previous_category",
    "message_send_ttl_seconds",
    "health_status",
    "sub_category",
    "cta_url_link_tracking_opted_out",
    "library_template_name",
    "correct_category",
}
_NUMBER = {"id", "display_phone_number", "verified_name", "quality_rating", "code_verification_status", "throughput"}
_NUMBER_MORE = {
    "status",
    "name_status",
    "platform_type",
    "account_mode",
    "is_on_biz_app",
    "messaging_limit_tier",
    "whatsapp_business_manager_messaging_limit",
    "is_official_business_account",
    "health_status",
    "username",
    "country_code",
    "country_dial_code",
}
_ACCOUNT = {"id", "name", "currency", "timezone_id"}
_ACCOUNT_MORE = {
    "message_template_namespace",
    "whatsapp_business_manager_messaging_limit",
    "health_status",
    "account_review_status",
    "status",
}


class Reading:
    """Answers of the GET endpoints, as Graph words and pages them."""

    def __init__(self, scenario: Scenario, account: Account, standing: Standing) -> None:
        self._scenario = scenario
        self._account = account
        self._standing = standing

    def templates(self, query: Mapping[str, str], url: str) -> dict[str, Any] | Fault:
        """`GET /{waba}/message_templates`; `url` is what the next page's address is made of."""
        wanted = _fields(query, _TEMPLATE, _TEMPLATE | _TEMPLATE_MORE, "WhatsAppMessageTemplate")
        if isinstance(wanted, Fault):
            return wanted
        shown = []
        for template in self._account.templates.values():
            item = self._template(template)
            if all(
                _matches(item, key, query[key]) for key in ("status", "category", "language", "name") if key in query
            ):
                shown.append({key: item[key] for key in item if key in wanted})
        return _page(shown, query, url)

    def numbers(self, query: Mapping[str, str], url: str) -> dict[str, Any] | Fault:
        """`GET /{waba}/phone_numbers`."""
        wanted = _fields(query, _NUMBER, _NUMBER | _NUMBER_MORE, "WhatsAppBusinessPhoneNumber")
        if isinstance(wanted, Fault):
            return wanted
        listed = [self._number(sender) for sender in self._account.numbers]
        return _page([{key: item[key] for key in item if key in wanted} for item in listed], query, url)

    def node(self, node: str, query: Mapping[str, str]) -> dict[str, Any] | Fault:
        """`GET /{number|waba|template}?fields=...`."""
        template = self._account.template_by_id(node)
        if template is not None:
            item, usual, more, kind = self._template(template), _TEMPLATE, _TEMPLATE_MORE, "WhatsAppMessageTemplate"
        elif node == self._account.id:
            item, usual, more, kind = self._waba(), _ACCOUNT, _ACCOUNT_MORE, "WhatsAppBusinessAccount"
        elif node in self._account.numbers or not self._account.numbers:
            item, usual, more, kind = self._number(node), _NUMBER, _NUMBER_MORE, "WhatsAppBusinessPhoneNumber"
        else:
            return UNSUPPORTED
        wanted = _fields(query, usual, usual | more, kind)
        if isinstance(wanted, Fault):
            return wanted
        return {key: value for key, value in item.items() if key in wanted or key == "id"}

    def _template(self, template: Template) -> dict[str, Any]:
        item = {
            "components": [],
            **dict(template.definition),
            "name": template.name,
            "language": template.language,
            "category": template.category,
            "status": self._standing.template_status(template),
            "id": template.id,
        }
        item.setdefault("quality_score", {"score": template.quality})
        entity: dict[str, Any] = {"entity_type": "MESSAGE_TEMPLATE", "id": template.id, "can_send_message": "AVAILABLE"}
        if item["status"] != "APPROVED":
            entity["can_send_message"] = "BLOCKED"
            entity["errors"] = [
                {
                    "error_code": NOT_APPROVED,
                    "error_description": "Message templates can only be sent out if they are approved.",
                    "possible_solution": "Edit or appeal the message template review decision.",
                }
            ]
        item["health_status"] = self._health(entity)
        return item

    def _number(self, sender: str) -> dict[str, Any]:
        known = self._account.numbers.get(sender, {})
        codes = self._standing.number_codes(sender)
        throughput = self._standing.throughput(sender, self._scenario.throughput)
        item: dict[str, Any] = {
            "verified_name": "Simulated",
            "display_phone_number": sender,
            "quality_rating": "GREEN",
            "code_verification_status": "VERIFIED",
            "status": "CONNECTED",
            "name_status": "APPROVED",
            "platform_type": "CLOUD_API",
            "account_mode": "LIVE",
            "is_on_biz_app": False,
            "throughput": {"level": "HIGH" if throughput >= 1000 else "STANDARD"},
            "whatsapp_business_manager_messaging_limit": self._tier(),
            **known,
            "id": sender,
        }
        if RESTRICTED in codes:
            item.update(status="RESTRICTED", quality_rating="RED")
        entity = {"entity_type": "PHONE_NUMBER", "id": sender, **_can_send(codes)}
        item["health_status"] = self._health(entity)
        return item

    def _waba(self) -> dict[str, Any]:
        return {
            "id": self._account.id,
            "name": "Simulated",
            "currency": "EUR",
            "timezone_id": "1",
            "account_review_status": "APPROVED",
            "whatsapp_business_manager_messaging_limit": self._tier(),
            "health_status": self._health(None),
        }

    def _tier(self) -> str:
        limit = self._scenario.portfolio.limit
        return next((name for most, name in TIERS.items() if 0 < limit <= most), "TIER_UNLIMITED")

    def _health(self, first: dict[str, Any] | None) -> dict[str, Any]:
        """The entities a message passes; the worst of them is what can be sent."""
        account = {"entity_type": "WABA", "id": self._account.id, **_can_send(self._standing.number_codes(""))}
        free = [
            {"entity_type": kind, "id": node, "can_send_message": "AVAILABLE"}
            for kind, node in (("BUSINESS", BUSINESS_ID), ("APP", APP_ID))
        ]
        entities = [*([first] if first else []), account, *free]
        found = {entity["can_send_message"] for entity in entities}
        worst = next((level for level in ("BLOCKED", "LIMITED") if level in found), "AVAILABLE")
        return {"can_send_message": worst, "entities": entities}


def _can_send(codes: Sequence[int]) -> dict[str, Any]:
    if not codes:
        return {"can_send_message": "AVAILABLE"}
    if codes == [UPGRADING]:
        return {"can_send_message": "LIMITED", "additional_info": [text_of(UPGRADING)]}
    errors = [
        {"error_code": code, "error_description": text_of(code), "possible_solution": advice_of(code)} for code in codes
    ]
    return {"can_send_message": "BLOCKED", "errors": errors}


def _fields(query: Mapping[str, str], usual: set[str], known: set[str], kind: str) -> set[str] | Fault:
    # Sub-fields in braces choose within a field; all of it is answered.
    asked = [name.strip() for name in re.sub(r"\{[^{}]*\}", "", query.get("fields", "")).split(",") if name.strip()]
    for name in asked:
        if name not in known:
            return Fault(100, f"Tried accessing nonexisting field ({name}) on node type ({kind})")
    return {*asked, "id"} if asked else usual


def _matches(item: Mapping[str, Any], key: str, wanted: str) -> bool:
    return wanted in str(item[key]) if key == "name" else wanted == item[key]


def _page(items: list[dict[str, Any]], query: Mapping[str, str], url: str) -> dict[str, Any] | Fault:
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and 0 < int(limit) <= 10_000):
        return Fault(100, "The parameter limit must be a positive number.")
    first, end = 0, len(items)
    if "after" in query or "before" in query:
        at = _position(query.get("after") or query.get("before") or "")
        if at is None or at > len(items):
            return Fault(100, "Invalid cursor.")
        first, end = (at, end) if "after" in query else (max(0, at - int(limit)), at)
    shown = items[first : min(end, first + int(limit))]
    if not shown:
        return {"data": []}
    last = first + len(shown)
    paging: dict[str, Any] = {"cursors": {"before": _cursor(first), "after": _cursor(last)}}
    if last < len(items):
        rest = {key: value for key, value in query.items() if key not in ("after", "before")}
        paging["next"] = f"{url}?{urlencode({**rest, 'after': _cursor(last)})}"
    return {"data": shown, "paging": paging}


def _cursor(at: int) -> str:
    return urlsafe_b64encode(json.dumps({"at": at}).encode()).decode()


def _position(cursor: str) -> int | None:
    try:
        document = json.loads(urlsafe_b64decode(cursor.encode()))
    except (ValueError, RecursionError):
        return None
    at = document.get("at") if isinstance(document, dict) else None
    return at if isinstance(at, int) and at >= 0 else None
