"""What a notice of WhatsApp's changes here: templates, senders, the account, and the runs that have to stop for it.

Every change leaves an audit event in WhatsApp's name; what was told before, or was overtaken by something newer,
changes nothing. A run that is stopped here waits for a person: that a template is approved again does not say that its
campaign should go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine import decide, ending, templates, wide_holds
from engine.clock import HOUR
from engine.decide import PAUSING, HoldOrder
from engine.gateway import errors
from engine.gateway.base import Action
from engine.logs import Log
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
from engine.remote_senders import DEFAULT_RATE, HIGH_RATE
from engine.schedule import iso
from engine.wire_words import UNLIMITED
from store import account, audit, campaigns, recipients, told
from store.types import Actor, Template

if TYPE_CHECKING:
    from engine.clock import Clock

log = Log("sendoff.callbacks")

WHATSAPP: Final = Actor("whatsapp", "callback")
TEMPLATE_STOPPED: Final = "template_unavailable"
TEMPLATE_EDITED: Final = "template_changed"
_STILL_SENT: Final = frozenset(("FLAGGED",))
"""Told of a template that goes on being sent: a warning."""
_AGAIN: Final = {"REINSTATED": templates.APPROVED}


def take(clock: Clock, notice: Notice) -> bool:
    """Do what a notice asks for, inside the caller's transaction; answers whether it was news that changes something.

    Audit events of it have the actor `whatsapp`.
    """
    if isinstance(notice, Written):
        return False
    if isinstance(notice, Unheard):
        log.info("notice.unheard", f"kept, and not understood: {notice.what}")
        return False
    mine = account.get_account().waba_id if account.has_account() else None
    if mine and (getattr(notice, "account", "") or mine) != mine:
        log.info("notice.foreign", "of another account", kind=type(notice).__name__)
        return False
    takes: Callable[[Clock, Any], bool] = _TAKES[type(notice)]
    return takes(clock, notice)


def failed(clock: Clock, campaign_id: int, by_code: Mapping[int, Collection[int]]) -> None:
    """Hold a run whose messages failed, after they were accepted, with what stops a campaign, a number or the account.

    WhatsApp keeps messages back to assess a template, and drops them one by one with 132015 when it is not liked.
    `by_code` has the `seq` of their rows.
    """
    for code, seqs in sorted(by_code.items()):
        row = errors.row_of(code)
        if row is not None and row.action in PAUSING and not _overtaken(campaign_id, PAUSING[row.action], seqs):
            _hold(clock, [campaign_id], HoldOrder(PAUSING[row.action], f"{row.text} ({code})"))


def _overtaken(campaign_id: int, reason: str, seqs: Collection[int]) -> bool:
    """Whether such a hold was lifted since these rows were handed over: then their failure tells nothing new."""
    lifted = [
        event.at
        for event in audit.events(campaign_id, actions=["campaign.resume", "campaign.reroute"])
        if event.before.get("hold") == reason
    ]
    if not lifted:
        return False
    handed = [row.handed_at for row in recipients.page(campaign_id, list(seqs)).values()]
    return all(at is not None and at <= lifted[-1] for at in handed)


def _hold(clock: Clock, campaign_ids: Iterable[int], order: HoldOrder) -> None:
    for campaign_id in campaign_ids:
        ending.hold(clock, campaign_id, order, WHATSAPP)


def _audit(clock: Clock, action: str, before: dict[str, Any], after: dict[str, Any], detail: str = "") -> None:
    audit.write(clock.now(), WHATSAPP, action, before=before, after=after, detail=detail)


# Templates


def _found(notice: TemplateStatus | TemplateQuality | TemplateContent | TemplateCategory) -> Template | None:
    found = account.find_templates(notice.name, notice.language) if notice.name else []
    if not found:
        log.info("notice.unknown", f"of a template that is not known here, {notice.name}:{notice.language}")
    return found[0] if found else None


def _template_status(clock: Clock, notice: TemplateStatus) -> bool:
    template = _found(notice)
    status = _AGAIN.get(notice.status, notice.status)
    if template is None or not status:
        return False
    # Of two in one second the one that stops counts.
    if not told.is_news(f"template {template.ref} status", notice.at, int(status != templates.APPROVED)):
        return False
    if status not in _STILL_SENT:
        account.change_template(template.id, clock.now(), {"status": status})
    _audit(
        clock,
        "template.status",
        {"template": template.ref, "status": template.status},
        {"template": template.ref, "status": status},
        notice.why,
    )
    if status not in (templates.APPROVED, *_STILL_SENT):
        why = f": {notice.why.rstrip('.')}" if notice.why else ""
        text = f"Template {template.ref} is {templates.status_words(status)}{why}"
        _hold(clock, campaigns.running_with(template.id), HoldOrder(TEMPLATE_STOPPED, text))
    return True


def _template_quality(clock: Clock, notice: TemplateQuality) -> bool:
    template = _found(notice)
    if template is None or not told.is_news(f"template {template.ref} quality", notice.at):
        return False
    account.change_template(template.id, clock.now(), {"quality": notice.quality})
    before, after = ({"template": template.ref, "quality": one} for one in (template.quality, notice.quality))
    _audit(clock, "template.quality", before, after)
    return True


def _template_category(clock: Clock, notice: TemplateCategory) -> bool:
    template = _found(notice)
    if template is None or not told.is_news(f"template {template.ref} category", notice.at):
        return False
    after: dict[str, Any] = {"template": template.ref, "category": notice.category}
    if notice.planned:
        after["planned"] = notice.planned
        after["planned_at"] = None if notice.planned_at is None else iso(notice.planned_at, "UTC")
    account.change_template(template.id, clock.now(), {"category": notice.category or template.category})
    _audit(clock, "template.category", {"template": template.ref, "category": template.category}, after)
    return True


def _template_content(clock: Clock, notice: TemplateContent) -> bool:
    """The template was edited: what it says now comes with the next sync, and a run must not send what nobody chose."""
    template = _found(notice)
    if template is None or not told.is_news(f"template {template.ref} content", notice.at):
        return False
    edited = "edited at WhatsApp"
    _audit(clock, "template.edited", {"template": template.ref}, {"template": template.ref}, edited)
    text = f"Template {template.ref} was {edited} while it was being sent"
    _hold(clock, campaigns.running_with(template.id), HoldOrder(TEMPLATE_EDITED, text))
    return True


# The account


def _account_change(clock: Clock, notice: AccountChange) -> bool:
    """A ban is one subject, so that a late one does not follow its end; other events stand each for itself."""
    subject = "account ban" if notice.event == "DISABLED_UPDATE" else f"account {notice.event} {_digest(notice.words)}"
    if not told.is_news(subject, notice.at, int(notice.holds)):
        return False
    until = None if notice.until is None else iso(notice.until, "UTC")
    _audit(clock, "account.told", {}, {"event": notice.event, "until": until}, notice.words)
    if notice.holds and (notice.until is None or notice.until > clock.now()):
        reason = decide.UTILITY_RESTRICTED if notice.utility_only else decide.ACCOUNT_RESTRICTED
        wide_holds.hold(clock, HoldOrder(reason, notice.words, notice.until), None, WHATSAPP)
    return True


def _alert(clock: Clock, notice: AccountAlert) -> bool:
    if not told.is_news(f"alert {notice.kind} {_digest(notice.words)}", notice.at):
        return False
    _audit(clock, "account.alert", {}, {"alert": notice.kind}, notice.words)
    return True


def _review(clock: Clock, notice: AccountReview) -> bool:
    if not told.is_news("account review", notice.at):
        return False
    _audit(clock, "account.review", {}, {"decision": notice.decision})
    return True


def _capability(clock: Clock, notice: Capability) -> bool:
    return notice.quota is not None and _quota(clock, notice.at, notice.quota)


def _quota(clock: Clock, at: int, said: int) -> bool:
    if not account.has_account() or not told.is_news("account quota", at):
        return False
    before, after = account.get_account().quota, None if said == UNLIMITED else said
    account.update_account(quota=after)
    _audit(clock, "account.limits", {"quota": before}, {"quota": after})
    return True


def _gateway_error(clock: Clock, notice: GatewayError) -> bool:
    """At most one event an hour for a code and a sender: such errors come with every message that they stop."""
    if not told.is_news(f"error {notice.phone_number_id} {notice.code}", notice.at // HOUR * HOUR):
        return False
    row = None if notice.code is None else errors.row_of(notice.code)
    sender = account.find_sender(phone_number_id=notice.phone_number_id)
    after = {"code": notice.code, "sender": None if sender is None else str(sender.number)}
    _audit(clock, "gateway.error", {}, after, notice.words or ("" if row is None else row.text))
    if row is not None and row.action in (Action.PAUSE_NUMBER, Action.PAUSE_ACCOUNT, Action.AUTH):
        order = HoldOrder(PAUSING[row.action], f"{row.text} ({notice.code})")
        wide_holds.hold(clock, order, None if sender is None else sender.id, WHATSAPP)
    return True


# Senders


def _number_quality(clock: Clock, notice: NumberQuality) -> bool:
    sender = account.find_sender(notice.number) if notice.number is not None else None
    moved = notice.event in ("UPGRADE", "DOWNGRADE") and notice.quota is not None
    changed = moved and notice.quota is not None and _quota(clock, notice.at, notice.quota)
    if sender is None or not told.is_news(
        f"sender {sender.number} {_STREAMS.get(notice.event, notice.event)}", notice.at
    ):
        return changed
    changes: dict[str, Any] = dict(_NUMBER_CHANGES.get(notice.event, {}))
    if notice.event == "THROUGHPUT_UPGRADE" and DEFAULT_RATE <= sender.rate < HIGH_RATE:
        # A lower rate is an operator's choice.
        changes["rate"] = HIGH_RATE
    if changes:
        account.change_sender(sender.id, changes)
    known = {name: getattr(sender, name) for name in changes}
    number = {"number": str(sender.number)}
    _audit(clock, "sender.quality", {**number, **known}, {**number, **changes, "event": notice.event})
    return True


_NUMBER_CHANGES: Final = {
    "FLAGGED": {"status": "FLAGGED", "quality": "RED"},
    "UNFLAGGED": {"status": "CONNECTED"},
}
_STREAMS: Final = {"FLAGGED": "flag", "UNFLAGGED": "flag", "UPGRADE": "limit", "DOWNGRADE": "limit"}


def _number_name(clock: Clock, notice: NumberName) -> bool:
    return _of_number(clock, "sender.name", notice.number, notice.at, notice.words, {})


def _security(clock: Clock, notice: Security) -> bool:
    after = {"event": notice.event, "by": notice.who}
    return _of_number(clock, "sender.security", notice.number, notice.at, notice.event, after)


def _of_number(clock: Clock, action: str, number: int | None, at: int, words: str, after: dict[str, Any]) -> bool:
    if not told.is_news(f"{action} {number} {_digest(words)}", at):
        return False
    _audit(clock, action, {}, {"number": None if number is None else str(number), **after}, words)
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_TAKES: Final[dict[type[Any], Callable[[Clock, Any], bool]]] = {
    TemplateStatus: _template_status,
    TemplateQuality: _template_quality,
    TemplateContent: _template_content,
    TemplateCategory: _template_category,
    AccountChange: _account_change,
    AccountAlert: _alert,
    AccountReview: _review,
    Capability: _capability,
    NumberQuality: _number_quality,
    NumberName: _number_name,
    Security: _security,
    GatewayError: _gateway_error,
}
