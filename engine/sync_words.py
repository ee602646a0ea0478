"""What a sync did, in sentences; the first one says it all at once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine import phone, templates
from engine.text import counted, shown
from engine.wire_words import UNLIMITED, quota_of
from store.types import Gateway

if TYPE_CHECKING:
    from engine.remote_senders import Plan as Senders
    from engine.remote_templates import Plan as Templates


_NONE_KNOWN: Final = (
    "The simulator knows no {}. Start it with --account FILE, which lists templates and phone_numbers, or add them"
    " here: sendoff {} add"
)
"""A simulator that was not told of an account takes every message, and so has nothing to list."""


def template_lines(plan: Templates, gateway: Gateway) -> list[str]:
    """What a sync of templates did."""
    lines = [_sum("template", len(plan.added), len(plan.changed), len(plan.deleted), plan.unchanged)]
    lines += [f"new      {shown(one.item.ref)}, {templates.status_words(one.item.status)}" for one in plan.added]
    lines += [f"changed  {shown(one.template.ref)}: {one.words or 'details'}" for one in plan.changed]
    lines += [f"deleted  {shown(one.ref)}: WhatsApp does not have it any more" for one in plan.deleted]
    if plan.only_here:
        names = ", ".join(shown(one.ref) for one in plan.only_here)
        lines.append(f"Only here, from a file, and unknown to WhatsApp: {names}")
    if gateway is Gateway.SIMULATOR and not (plan.added or plan.changed or plan.unchanged or plan.unreadable):
        lines.append(_NONE_KNOWN.format("templates", "template"))
    return lines + _unreadable(plan.unreadable)


def sender_lines(plan: Senders, gateway: Gateway) -> list[str]:
    """What a sync of senders did."""
    lines = [_sum("sender", len(plan.added), len(plan.changed), 0, plan.unchanged)]
    lines += [
        f"new      {f'{phone.display(one.item.number)} {one.item.name}'.rstrip()},"
        f" {(one.item.status or 'unknown').lower()}, {one.rate} messages a second"
        for one in plan.added
    ]
    lines += [f"changed  {phone.display(one.sender.number)}: {one.words}" for one in plan.changed]
    lines += plan.conflicts
    if plan.only_here:
        numbers = ", ".join(phone.display(one.number) for one in plan.only_here)
        lines.append(f"Only here, and not in the account: {numbers}")
    if gateway is Gateway.SIMULATOR and not (plan.added or plan.changed or plan.unchanged or plan.unreadable):
        lines.append(_NONE_KNOWN.format("numbers", "sender"))
    return lines + _limit(plan.limit) + _unreadable(plan.unreadable)


def _limit(limit: str) -> list[str]:
    if not limit:
        return []
    quota = quota_of(limit)
    if quota is None:
        return [f"The messaging limit {limit} is not known to this program; the quota stays as it was."]
    return ["No messaging limit." if quota == UNLIMITED else f"Messaging limit: {quota:,} people in 24 hours."]


def _sum(noun: str, added: int, changed: int, deleted: int, unchanged: int) -> str:
    gone = f", {deleted:,} deleted" if deleted else ""
    return f"{counted(added, f'new {noun}')}, {changed:,} changed{gone}, {unchanged:,} as before."


def _unreadable(n: int) -> list[str]:
    return [f"{counted(n, 'entry') if n == 1 else f'{n:,} entries'} of the list could not be read."] if n else []
