"""What WhatsApp tells about templates, senders and the account, out of a callback (research/cloud-api.md section 1.4).

Pure: what each notice does is `engine.notice_intake`'s part. What kind one is is told by what it holds rather than by
its `field`: in Meta's own examples that is missing, misplaced or another's. What is unknown is answered as `Unheard`
and stays in the stored callback.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from engine.notice_kinds import (
    AccountAlert,
    AccountChange,
    AccountReview,
    Capability,
    GatewayError,
    Notice,
    NumberName,
    NumberQuality,
    Security,
    TemplateCategory,
    TemplateContent,
    TemplateQuality,
    TemplateStatus,
    Unheard,
    Written,
)
from engine.statuses import STATUSES, milliseconds, objects
from engine.text import shown
from engine.wire_words import number_of, quota_of

LONGEST_WORDS: Final = 500


def notices_in(document: Mapping[str, Any], received: int) -> list[Notice]:
    """The notices in a callback's document, in its order; statuses and preferences have readers of their own.

    `received` (UTC epoch milliseconds) stands in for a time that is missing.
    """
    return [notice for origin, value in _values(document, received) for notice in _notices(origin, value)]


class _Origin(NamedTuple):
    at: int
    account: str
    field: str


def _values(document: Mapping[str, Any], received: int) -> Iterator[tuple[_Origin, Mapping[str, Any]]]:
    for entry in objects(document.get("entry")):
        at = milliseconds(entry.get("time")) or received
        for change in objects(entry.get("changes")):
            value = change.get("value")
            if isinstance(value, dict):
                named = next((one["field"] for one in (change, entry, value) if isinstance(one.get("field"), str)), "")
                yield _Origin(at, word(entry, "id"), shown(named)[:LONGEST_WORDS]), value


def _notices(origin: _Origin, value: Mapping[str, Any]) -> Iterator[Notice]:
    if any(key in value for key in ("statuses", "messages", "errors", "user_preferences")):
        yield from _of_messages(origin, value)
    elif "message_template_name" in value:
        yield _of_template(origin, value)
    elif isinstance(value.get("alert_info"), dict):
        info = value["alert_info"]
        words = " ".join(filter(None, (words_of(info, "alert_severity"), words_of(info, "alert_description"))))
        yield AccountAlert(origin.at, word(info, "alert_type"), words)
    elif "requested_verified_name" in value:
        name, why = words_of(value, "requested_verified_name"), words_of(value, "rejection_reason")
        words = f"{name}: {words_of(value, 'decision').lower()}" + (f" ({why})" if why not in ("", "NONE") else "")
        yield NumberName(origin.at, _number(value), words)
    elif any(key in value for key in _QUOTAS):
        yield Capability(origin.at, next((quota_of(value[key]) for key in _QUOTAS if key in value), None))
    elif origin.field == "security" or "requester" in value:
        yield Security(origin.at, _number(value), word(value, "event"), words_of(value, "requester"))
    elif "decision" in value:
        yield AccountReview(origin.at, word(value, "decision"))
    elif "display_phone_number" in value and "event" in value:
        yield NumberQuality(
            origin.at,
            _number(value),
            word(value, "event"),
            quota_of(value.get("current_limit")),
        )
    elif "event" in value and origin.field in ("account_update", ""):
        yield _of_account(origin, value)
    else:
        yield Unheard(origin.field or "a change without a name")


_QUOTAS: Final = (
    "max_daily_conversations_per_business",
    "max_daily_conversation_per_phone",
    "max_phone_numbers_per_waba",
    "max_phone_numbers_per_business",
)


def _of_messages(origin: _Origin, value: Mapping[str, Any]) -> Iterator[Notice]:
    for status in objects(value.get("statuses")):
        kind = status.get("status")
        if not isinstance(kind, str) or kind not in STATUSES:
            yield Unheard(f"the status {words_of(status, 'status') or 'without a name'}")
    for message in objects(value.get("messages")):
        yield Written(milliseconds(message.get("timestamp")) or origin.at, words_of(message, "type"))
    metadata = value.get("metadata")
    sender = word(metadata, "phone_number_id") if isinstance(metadata, dict) else ""
    for error in objects(value.get("errors")):
        code = error.get("code")
        usable = isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 2**31
        data = error.get("error_data")
        details = words_of(data, "details") if isinstance(data, dict) else ""
        words = details or words_of(error, "message") or words_of(error, "title")
        yield GatewayError(origin.at, sender, code if usable else None, words)


def _of_template(origin: _Origin, value: Mapping[str, Any]) -> Notice:
    name = word(value, "message_template_name")
    # Callbacks write en-US as well as en_US.
    of = (origin.at, origin.account, name, word(value, "message_template_language").replace("-", "_"))
    if "new_quality_score" in value:
        return TemplateQuality(*of, word(value, "new_quality_score").upper())
    if "new_category" in value:
        planned = word(value, "correct_category").upper()
        when = milliseconds(value.get("category_update_timestamp"))
        return TemplateCategory(*of, word(value, "new_category").upper(), planned, when if planned else None)
    if "event" in value:
        return TemplateStatus(*of, word(value, "event").upper(), _why(value))
    if "message_template_element" in value or origin.field == "message_template_components_update":
        return TemplateContent(*of)
    return Unheard(origin.field or "a change of a template")


def _why(value: Mapping[str, Any]) -> str:
    """Why a template has its status, in WhatsApp's own words."""
    for holder, key in (("other_info", "description"), ("rejection_info", "reason"), ("disable_info", "disable_date")):
        info = value.get(holder)
        if isinstance(info, dict) and (said := words_of(info, key)):
            return said
    said = words_of(value, "reason")
    return "" if said.upper() == "NONE" else said.replace("_", " ").lower()


def _of_account(origin: _Origin, value: Mapping[str, Any]) -> AccountChange:
    event = word(value, "event").upper()
    words, holds, until, utility_only = f"WhatsApp reports {event.replace('_', ' ').lower()}", False, None, False
    if event in _ENDS:
        words, holds = _ENDS[event], True
    elif event == "ACCOUNT_VIOLATION":
        info = value.get("violation_info")
        kind = words_of(info, "violation_type") if isinstance(info, dict) else ""
        words, holds = f"WhatsApp reports a violation of its policies: {kind or 'it does not say which'}", True
    elif event == "ACCOUNT_RESTRICTION":
        words, holds, until, utility_only = _restriction(objects(value.get("restriction_info")))
    elif event == "DISABLED_UPDATE":
        info = value.get("ban_info")
        words, holds = _ban(info if isinstance(info, dict) else {})
    return AccountChange(origin.at, origin.account, event, words, holds, until, utility_only)


_ENDS: Final = {
    "ACCOUNT_DELETED": "The WhatsApp Business Account was deleted",
    "ACCOUNT_OFFBOARDED": "The WhatsApp Business Account was taken off the Cloud API",
}
_HARMLESS: Final = frozenset(
    ("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "RESTRICTED_ADD_PHONE_NUMBER_ACTION", "RESTRICTED_ADD_TEMPLATE_ACTION")
)
"""Restrictions that campaigns do not feel; whatever is not among them holds, for a new one may be felt."""
_UTILITY: Final = "RESTRICTED_UTILITY_TEMPLATES"


def _restriction(listed: list[dict[str, Any]]) -> tuple[str, bool, int | None, bool]:
    kinds = [word(one, "restriction_type").upper() for one in listed]
    names = [(kind.removeprefix("RESTRICTED_") or "of an unknown kind").replace("_", " ").lower() for kind in kinds]
    felt = [(kind, one) for kind, one in zip(kinds, listed, strict=True) if kind not in _HARMLESS]
    ends = [milliseconds(one.get("expiration")) for _, one in felt]
    known = [end for end in ends if end is not None]
    words = f"WhatsApp restricts the account: {', '.join(names) or 'it does not say how'}"
    return (
        words[:LONGEST_WORDS],
        bool(felt) or not listed,
        max(known) if known and len(known) == len(ends) else None,
        bool(felt) and all(kind == _UTILITY for kind, _ in felt),
    )


def _ban(info: Mapping[str, Any]) -> tuple[str, bool]:
    state, date = word(info, "waba_ban_state").upper(), words_of(info, "waba_ban_date")
    since = f" ({date})" if date else ""
    if state == "REINSTATE":
        return f"WhatsApp has reinstated the account{since}", False
    if state == "SCHEDULE_FOR_DISABLE":
        return f"WhatsApp is going to disable the account{since}", True
    return f"WhatsApp has disabled the account{since}", True


def _number(value: Mapping[str, Any]) -> int | None:
    """The sender's number."""
    return number_of(value.get("display_phone_number"))


def word(value: Mapping[str, Any], key: str) -> str:
    """A name or a code word; numbers count as their digits, and what could not be stored or shown is empty."""
    said = value.get(key)
    if isinstance(said, int) and not isinstance(said, bool) and abs(said) < 2**63:
        said = str(said)
    return said if isinstance(said, str) and said.isprintable() and len(said) <= 512 else ""


def words_of(value: Mapping[str, Any], key: str) -> str:
    """Words for people, in one line and fit to be shown; empty for what is no text."""
    said = value.get(key)
    return shown(said[:LONGEST_WORDS]) if isinstance(said, str) else ""
