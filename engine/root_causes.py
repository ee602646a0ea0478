"""The root causes of a Failed campaign in words, with what to do next (R40).

`detail` holds the facts that were recorded with the failure, all optional: `missing`, `needed` and `free` (credits),
`no_price` (what the price list lacks, in words),
`template` and `state` (the template's name and its status), `unfit` (why it cannot be filled, a sentence), `late_ms`
and `grace_minutes`, `sender` (digits), `reason` (the sender's trouble or the hold that ran out), `errors` (a list of
`{"code", "text", "n"}`), `skipped` (reason to number).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from engine.gateway.errors import Internal, advice_of
from engine.phone import display
from engine.schedule import duration
from engine.templates import status_words
from engine.text import counted, shown
from store.types import RootCause

Detail: TypeAlias = Mapping[str, Any]

_NOTHING: Final = "Nothing was sent and no credit was taken."


def text(cause: RootCause, detail: Detail, sent: int = 0) -> str:
    """What went wrong, in a sentence or two.

    `sent` messages turned out to have been accepted after the run had ended: Failed is final (R8), but it must not say
    any more that nothing went out.
    """
    if sent:
        return (
            f"When the run ended, no message was known to have been accepted.{_last_heard(detail)} Since then "
            f"{counted(sent, 'message')} turned out to have gone out, by a status callback or settled by hand; the "
            "figures count them, the status stays."
        )
    return _TEXTS[cause](detail)


def advice(cause: RootCause, detail: Detail, sent: int = 0, unknown: int = 0) -> str:
    """What to do next, in one sentence or two; `unknown` ones may still turn out to have gone out."""
    if sent:
        return "Do not send to all again: duplicate the campaign with the failed recipients only."
    if cause is RootCause.GATEWAY_UNREACHABLE and unknown:
        return _WITH_UNKNOWN
    if cause is RootCause.INSUFFICIENT_CREDITS and "no_price" in detail:
        return (
            "Import a price list with a line for it, or with a default line (sendoff prices import); then duplicate the"
            " campaign and schedule it again."
        )
    if cause is RootCause.INSUFFICIENT_CREDITS and isinstance(detail.get("missing"), int):
        return (
            f"Add at least {counted(detail['missing'], 'credit')}, then duplicate the campaign and schedule it again."
        )
    if cause is RootCause.ALL_REJECTED and _only_quota(detail):
        return advice_of(int(Internal.QUOTA_EXCEEDED))
    return _ADVICE[cause]


def _no_valid_recipients(detail: Detail) -> str:
    skipped = detail.get("skipped")
    reasons = ""
    if isinstance(skipped, Mapping) and skipped:
        listed = ", ".join(f"{str(reason).replace('_', ' ')} {count:,}" for reason, count in skipped.items())
        reasons = f" Skipped: {shown(listed)}."
    return f"No recipient was left to send to.{reasons} {_NOTHING}"


def _template_unavailable(detail: Detail) -> str:
    state = detail.get("state")
    words = status_words(state) if isinstance(state, str) and state else "no longer available"
    return f"Template{_name(detail)} is {words}. {_NOTHING}"


def _template_changed(detail: Detail) -> str:
    unfit = detail.get("unfit")
    if isinstance(unfit, str):
        return f"Template{_name(detail)} has become one that cannot be filled. {shown(unfit)} {_NOTHING}"
    return f"Template{_name(detail)} is not what it was when the campaign was scheduled. {_NOTHING}"


def _insufficient_credits(detail: Detail) -> str:
    gap = detail.get("no_price")
    if isinstance(gap, str):
        return f"When the campaign was due its price could not be worked out: {shown(gap)}. {_NOTHING}"
    facts = [f"{detail[key]:,} {word}" for key, word in _CREDIT_WORDS.items() if isinstance(detail.get(key), int)]
    amounts = f": {', '.join(facts)}" if facts else ""
    return f"There were not enough credits when the campaign was due{amounts}. {_NOTHING}"


def _sender_unavailable(detail: Detail) -> str:
    number, reason = detail.get("sender"), detail.get("reason")
    who = f" {display(number)}" if isinstance(number, int) else ""
    why = f": {shown(reason)}" if isinstance(reason, str) and reason else ""
    return f"The sender{who} could not send{why}. {_NOTHING}"


def _missed_window(detail: Detail) -> str:
    late, grace = detail.get("late_ms"), detail.get("grace_minutes")
    how_late = f" {duration(late)} late" if isinstance(late, int) else " too late"
    limit = f" (its grace is {grace} min)" if isinstance(grace, int) else ""
    return f"No worker ran at the campaign's time, and it was found{how_late}{limit}. {_NOTHING}"


def _all_rejected(detail: Detail) -> str:
    errors = detail.get("errors")
    if _only_quota(detail):
        return "No message could go: the messaging quota of the last 24 hours was used up. No credit was taken."
    listed = ""
    if isinstance(errors, list | tuple) and errors:
        listed = " " + "; ".join(
            f"{item['n']:,} x {item['code']} {shown(str(item.get('text', '')))}" for item in errors
        )
        listed = listed.rstrip(" .") + "."
    return f"The gateway refused every message.{listed} No credit was taken."


def _only_quota(detail: Detail) -> bool:
    """Whether nothing but our own quota kept the messages back."""
    errors = detail.get("errors")
    return isinstance(errors, list | tuple) and {item.get("code") for item in errors} == {int(Internal.QUOTA_EXCEEDED)}


def _gateway_unreachable(detail: Detail) -> str:
    return f"The gateway accepted no message and gave no answer that settles it.{_last_heard(detail)}"


def _last_heard(detail: Detail) -> str:
    reason = detail.get("reason")
    return f" The last thing heard was: {shown(reason)}." if isinstance(reason, str) and reason else ""


def _name(detail: Detail) -> str:
    name = detail.get("template")
    return f" {shown(name)}" if isinstance(name, str) and name else ""


_CREDIT_WORDS: Final = {"needed": "needed", "free": "free", "missing": "missing"}
_TEXTS: Final[Mapping[RootCause, Callable[[Detail], str]]] = {
    RootCause.NO_VALID_RECIPIENTS: _no_valid_recipients,
    RootCause.TEMPLATE_UNAVAILABLE: _template_unavailable,
    RootCause.TEMPLATE_CHANGED: _template_changed,
    RootCause.INSUFFICIENT_CREDITS: _insufficient_credits,
    RootCause.SENDER_UNAVAILABLE: _sender_unavailable,
    RootCause.MISSED_WINDOW: _missed_window,
    RootCause.ALL_REJECTED: _all_rejected,
    RootCause.GATEWAY_UNREACHABLE: _gateway_unreachable,
}
_ADVICE: Final[Mapping[RootCause, str]] = {
    RootCause.NO_VALID_RECIPIENTS: "Export the skipped rows, correct the file and make a new campaign with it.",
    RootCause.TEMPLATE_UNAVAILABLE: "Pick another template, or wait until this one is approved again; then duplicate"
    " the campaign and schedule it.",
    RootCause.TEMPLATE_CHANGED: "Duplicate the campaign, look at the template's new text and its placeholders, and"
    " schedule it again.",
    RootCause.INSUFFICIENT_CREDITS: "Add credits, then duplicate the campaign and schedule it again.",
    RootCause.SENDER_UNAVAILABLE: "Put the sender right in WhatsApp Manager or choose another one; then duplicate the"
    " campaign and schedule it.",
    RootCause.MISSED_WINDOW: "Keep a worker running (sendoff worker), then duplicate the campaign and schedule it"
    " again.",
    RootCause.ALL_REJECTED: "Put right what the errors name, then duplicate the campaign with the failed recipients.",
    RootCause.GATEWAY_UNREACHABLE: "Check the network and the gateway's address with sendoff doctor, then duplicate the"
    " campaign.",
}
_WITH_UNKNOWN: Final = (
    "Check the network and the gateway's address with sendoff doctor. Status callbacks may still settle the unknown"
    " ones, or you by hand; then duplicate the campaign."
)
