"""Bringing templates and senders in step with the gateway: ask whether it is allowed, read, apply in one transaction.

Reading is between the two commands and touches no database, so that a slow network holds up nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine import remote_senders, remote_templates
from engine.context import Context, command
from engine.errors import Refused
from engine.gateway.link import Link, link_of
from engine.gateway.network import DIRECT, Network
from engine.wire_words import UNLIMITED, quota_of
from store import account, audit, database
from store.types import Gateway

if TYPE_CHECKING:
    from engine.gateway.graph import Item

TEMPLATES: Final = "template.sync"
SENDERS: Final = "sender.sync"
_WHERE: Final = {
    Gateway.CLOUD_API: "It stands in WhatsApp Manager: sendoff gateway set --waba-id ID",
    Gateway.SIMULATOR: "The simulator takes any number, or the waba_id of its --account file:"
    " sendoff gateway set --waba-id 1",
}
"""Where the account's id comes from."""
_LONGEST_LIST: Final = 200
"""Names kept of each kind in the audit event; the counts are always whole."""


def begin(context: Context, action: str, network: Network = DIRECT) -> Link:
    """The way to the gateway, for somebody who may sync; `action` is `TEMPLATES` or `SENDERS`.

    Raises `Refused` with `no_waba_id` or `no_gateway_address`, `BadInput` with `no_token`, `NotAllowed`.
    """
    with command(context, action):
        known = account.get_account()
        link = link_of(known, network)
        if not known.waba_id:
            raise Refused("no_waba_id", "The WhatsApp Business Account's id is not known.", _WHERE[known.gateway])
        return link


def apply_templates(context: Context, items: Sequence[Item]) -> remote_templates.Plan:
    """Add, renew and mark as deleted by the gateway's whole list; no row is ever removed."""
    with command(context, TEMPLATES), database.transaction():
        now = context.clock.now()
        plan = remote_templates.plan(account.templates(), items)
        for added in plan.added:
            account.add_synced_template(added.item.name, added.item.language, now, added.fields)
        for changed in plan.changed:
            account.change_template(changed.template.id, now, changed.fields)
        for gone in plan.deleted:
            account.change_template(gone.id, now, {"status": remote_templates.DELETED})
        audit.write(
            now,
            context.actor,
            TEMPLATES,
            after={
                "added": len(plan.added),
                "changed": len(plan.changed),
                "deleted": len(plan.deleted),
                "unchanged": plan.unchanged,
                "only_here": len(plan.only_here),
                "unreadable": plan.unreadable,
                "templates": _short(
                    {one.item.ref: f"new, {one.item.status}" for one in plan.added}
                    | {one.template.ref: one.words or "details" for one in plan.changed}
                    | {one.ref: remote_templates.DELETED for one in plan.deleted}
                ),
            },
        )
        return plan


def apply_senders(context: Context, items: Sequence[Item]) -> remote_senders.Plan:
    """Add and renew senders by the gateway's whole list and take over the portfolio's limit; none is ever removed."""
    with command(context, SENDERS), database.transaction():
        now = context.clock.now()
        plan = remote_senders.plan(account.senders(), items)
        for added in plan.added:
            account.add_synced_sender(now, _sender_fields(added))
        for changed in plan.changed:
            account.change_sender(changed.sender.id, changed.fields)
        audit.write(
            now,
            context.actor,
            SENDERS,
            after={
                "added": len(plan.added),
                "changed": len(plan.changed),
                "unchanged": plan.unchanged,
                "only_here": len(plan.only_here),
                "unreadable": plan.unreadable,
                "senders": _short(
                    {f"+{one.item.number}": f"new, {one.item.status}" for one in plan.added}
                    | {f"+{one.sender.number}": one.words for one in plan.changed}
                ),
            },
        )
        _take_over_limit(context, plan.limit, now)
        return plan


def _sender_fields(added: remote_senders.Added) -> dict[str, Any]:
    item = added.item
    return {
        "number": item.number,
        "phone_number_id": item.phone_number_id,
        "rate": added.rate,
        "quality": item.quality or "UNKNOWN",
        "status": item.status or "CONNECTED",
        "name": item.name,
        "name_status": item.name_status,
        "throughput": item.throughput,
    }


def _take_over_limit(context: Context, limit: str, now: int) -> None:
    """Make the portfolio's limit the account's quota (R30); a word that is not understood changes nothing."""
    said = quota_of(limit)
    if said is None:
        return
    before, quota = account.get_account().quota, None if said == UNLIMITED else said
    if quota != before:
        account.update_account(quota=quota)
        audit.write(
            now, context.actor, "account.limits", before={"quota": before}, after={"quota": quota}, detail=limit
        )


def _short(told: Mapping[str, str]) -> dict[str, str]:
    return dict(list(told.items())[:_LONGEST_LIST])
