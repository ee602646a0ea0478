"""Setting up: the account, senders, templates, credits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import phone, template_reading, zones
from engine.context import Context, command
from engine.errors import BadInput, Refused
from engine.gateway.link import checked_url, checked_version
from engine.remote_senders import DEFAULT_RATE
from engine.text import shown
from store import account, audit, database, ledger
from store.types import Account, Gateway, Sender, SkipReason, Template

if TYPE_CHECKING:
    from pathlib import Path


def init(
    context: Context,
    *,
    name: str,
    timezone: str,
    gateway: Gateway,
    base_url: str | None = None,
    waba_id: str | None = None,
) -> bool:
    """Create the account of an open database, or change the given fields of the one it has; answers whether it is new.

    Raises `BadInput` for an unknown time zone or a base URL that is not http(s).
    """
    with command(context, "account.set_up"):
        zones.named(timezone)
        if base_url is not None:
            base_url = checked_url(base_url)
        with database.transaction():
            now = context.clock.now()
            fresh = not account.has_account()
            before = None if fresh else account.get_account()
            if fresh:
                account.create_account(Account(name, timezone, gateway, base_url, waba_id, None, now))
            else:
                account.update_account(
                    name=name, timezone=timezone, gateway=gateway.value, base_url=base_url, waba_id=waba_id
                )
            audit.write(
                now,
                context.actor,
                "account.set_up",
                before=None if before is None else _audited(before),
                after=_audited(account.get_account()),
            )
        return fresh


def set_gateway(
    context: Context,
    *,
    gateway: Gateway | None = None,
    base_url: str | None = None,
    api_version: str | None = None,
    waba_id: str | None = None,
) -> Account:
    """Change what is given of the account's gateway; an empty text takes an address or a version away again.

    Another gateway is at another address, so the one before is forgotten. Raises `BadInput` for what cannot be used.
    """
    with command(context, "gateway.set"):
        changes: dict[str, str | None] = {}
        before = account.get_account()
        if gateway is not None and gateway is not before.gateway:
            changes |= {"gateway": gateway.value, "base_url": None}
        if base_url is not None:
            changes["base_url"] = checked_url(base_url) if base_url else None
        if api_version is not None:
            changes["api_version"] = checked_version(api_version) if api_version else None
        if waba_id is not None:
            changes["waba_id"] = _checked_id(waba_id)
        with database.transaction():
            account.update_account(**changes)
            after = account.get_account()
            audit.write(
                context.clock.now(), context.actor, "gateway.set", before=_audited(before), after=_audited(after)
            )
        return after


def _checked_id(text: str) -> str:
    found = text.strip()
    if not found.isascii() or not found.isalnum():
        raise BadInput("bad_waba_id", f"{shown(text)!r} is no account id.", "Copy the number from WhatsApp Manager.")
    return found


def _audited(known: Account) -> dict[str, str | None]:
    return {
        "name": known.name,
        "timezone": known.timezone,
        "gateway": known.gateway.value,
        "base_url": known.base_url,
        "waba_id": known.waba_id,
        "api_version": known.api_version,
    }


def add_sender(context: Context, number: str, phone_number_id: str, rate: int = DEFAULT_RATE) -> Sender:
    """Add a business phone number that campaigns can be sent from."""
    with command(context, "sender.add"):
        parsed = phone.parse(number, None)
        if isinstance(parsed, SkipReason):
            raise BadInput(
                "bad_number",
                f"{number!r} is no phone number.",
                "Give it in full with + and country code: +918040214021.",
            )
        if not phone_number_id.strip():
            raise BadInput("bad_phone_number_id", "The phone number id is empty.", "Copy it from WhatsApp Manager.")
        if not 1 <= rate <= 1000:
            raise BadInput("bad_rate", f"{rate} messages a second is not possible.", "Give a rate from 1 to 1000.")
        with database.transaction():
            now = context.clock.now()
            sender_id = account.add_sender(parsed.number, phone_number_id.strip(), rate, now)
            if sender_id is None:
                raise Refused("sender_exists", f"{phone.display(parsed.number)} or its id is a sender already.")
            audit.write(now, context.actor, "sender.add", after={"number": str(parsed.number), "rate": rate})
        return account.get_sender(sender_id)


def add_templates(context: Context, file: Path) -> list[Template]:
    """Add or renew the templates in a file of the Cloud API's `message_templates` shape."""
    with command(context, "template.add"):
        specs = template_reading.load(file)
        with database.transaction():
            now = context.clock.now()
            ids = [
                account.put_template(
                    spec.name,
                    spec.language,
                    status=spec.status,
                    category=spec.category,
                    parameter_format=spec.parameter_format,
                    components=spec.components,
                    quality=spec.quality,
                    now=now,
                )
                for spec in specs
            ]
            for spec in specs:
                audit.write(
                    now,
                    context.actor,
                    "template.add",
                    after={"template": f"{spec.name}:{spec.language}", "status": spec.status},
                )
        return [account.get_template(template_id) for template_id in ids]


def add_credits(context: Context, amount: int, note: str = "") -> None:
    """Top up the free balance."""
    with command(context, "credits.add"):
        if amount < 1:
            raise BadInput("bad_amount", f"{amount} is no number of credits to add.", "Give a whole number above zero.")
        with database.transaction():
            now = context.clock.now()
            ledger.top_up(now, amount, context.actor.name, note)
            audit.write(now, context.actor, "credits.add", after={"amount": amount}, detail=note)
