"""Setting up: the account, senders and templates."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine import phone, placeholders, remote_senders, templates
from engine.commands import setup
from engine.preview import preview
from engine.schedule import iso
from store import account
from store.types import Account, Gateway, Sender, Template
from tui.cli import choose
from tui.first_steps import next_steps

if TYPE_CHECKING:
    from argparse import Namespace

    from tui.cli.session import Session
    from tui.output import Output

_DEFAULT_NAME = "WhatsApp Business Account"


def init(options: Namespace, session: Session) -> int:
    """Create or migrate the database and its account; what is not given of an account stays as it is."""
    before = account.get_account() if account.has_account() else None
    gateway = _gateway(options.gateway, before)
    # Another gateway is at another address.
    same = before is not None and before.gateway is gateway
    fresh = setup.init(
        session.context,
        name=options.name or (before.name if before else _DEFAULT_NAME),
        timezone=options.timezone or (before.timezone if before else machine_zone()),
        gateway=gateway,
        base_url=options.base_url or (before.base_url if before and same else None),
        waba_id=options.waba_id or (before.waba_id if before else None),
    )
    now = account.get_account()
    if session.output.as_json:
        session.output.document({"created": fresh, "database": session.url, **_account_json(now)})
        return 0
    session.output.say(f"{'Created' if fresh else 'Brought up to date'}: {session.url}")
    session.output.say(f"Account {now.name}: times in {now.timezone}, gateway {_gateway_word(now.gateway)}.")
    if fresh:
        session.output.say(f"Next: {next_steps(now.gateway)}")
    return 0


def _gateway(chosen: str | None, before: Account | None) -> Gateway:
    if chosen is not None:
        return Gateway(chosen.replace("-", "_"))
    return before.gateway if before else Gateway.SIMULATOR


def _gateway_word(gateway: Gateway) -> str:
    return gateway.value.replace("_", "-")


def _account_json(one: Account) -> dict[str, Any]:
    return {
        "name": one.name,
        "timezone": one.timezone,
        "gateway": _gateway_word(one.gateway),
        "base_url": one.base_url,
        "waba_id": one.waba_id,
    }


def machine_zone() -> str:
    """The IANA name of this machine's time zone; UTC where the machine does not say it by name."""
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    local = Path("/etc/localtime")
    if local.is_symlink():
        candidates.append(str(local.resolve()).partition("zoneinfo/")[2])
    for name in candidates:
        try:
            return ZoneInfo(name).key
        except (KeyError, ValueError, OSError):
            continue
    return "UTC"


def add_sender(options: Namespace, session: Session) -> int:
    """Add a business phone number."""
    rate = remote_senders.DEFAULT_RATE if options.rate is None else options.rate
    added = setup.add_sender(session.context, options.number, options.phone_number_id, rate)
    if session.output.as_json:
        session.output.document(_sender_json(added))
    else:
        session.output.say(f"Sender {phone.display(added.number)} added, {added.rate} messages a second.")
    return 0


def list_senders(options: Namespace, session: Session) -> int:
    """List the senders."""
    found = account.senders()
    if session.output.as_json:
        session.output.document([_sender_json(one) for one in found])
    elif not found:
        session.output.say("There is no sender yet. Add one: sendoff sender add NUMBER --phone-number-id ID")
    else:
        rows = [
            (f"+{one.number}", one.phone_number_id, f"{one.rate}", one.status.lower(), one.quality.lower())
            for one in found
        ]
        session.output.table(("NUMBER", "PHONE NUMBER ID", "RATE", "STATUS", "QUALITY"), rows, right=("RATE",))
    return 0


def _sender_json(one: Sender) -> dict[str, Any]:
    return {
        "id": one.id,
        "number": f"+{one.number}",
        "phone_number_id": one.phone_number_id,
        "rate": one.rate,
        "quality": one.quality,
        "status": one.status,
        "name": one.name,
        "name_status": one.name_status,
        "throughput": one.throughput,
    }


def add_templates(options: Namespace, session: Session) -> int:
    """Add or renew the templates in a file."""
    added = setup.add_templates(session.context, options.file)
    if session.output.as_json:
        session.output.document([_template_json(one, session.zone) for one in added])
    else:
        for one in added:
            session.output.say(f"Template {one.ref} is here, {templates.status_words(one.status)}.")
    return 0


def list_templates(options: Namespace, session: Session) -> int:
    """List the templates."""
    found = account.templates()
    if session.output.as_json:
        session.output.document([_template_json(one, session.zone) for one in found])
    elif not found:
        session.output.say("There is no template yet. Add some: sendoff template add FILE.json")
    else:
        rows = [
            (one.ref, one.status.lower(), one.category.lower(), _header_word(one), ", ".join(_keys(one)) or "-")
            for one in found
        ]
        session.output.table(("TEMPLATE", "STATUS", "CATEGORY", "HEADER", "PLACEHOLDERS"), rows)
    return 0


def show_template(options: Namespace, session: Session) -> int:
    """Show one template as the person gets it, with its placeholders."""
    one = choose.template(options.template)
    output = session.output
    if output.as_json:
        output.document({**_template_json(one, session.zone), "components": list(one.components)})
        return 0
    output.say(f"{one.ref}  {one.category.lower()}, {templates.status_words(one.status)}")
    _say_parts(one.components, output)
    problem = templates.sendable(one)
    if problem is not None:
        output.say(f"  {problem}")
    for found in placeholders.placeholders(one.components, one.parameter_format):
        need = "" if found.required else "  optional"
        if found.name == placeholders.MEDIA_NAME:
            need = f"  in place of {found.key.removesuffix('_id')}"
        example = f"  such as {found.example}" if found.example else ""
        output.say(f"  placeholder {found.key}{need}{example}")
    return 0


def _say_parts(components: Sequence[Mapping[str, Any]], output: Output, indent: str = "  ") -> None:
    """Header, offer, body, footer, buttons, then the cards of a carousel with theirs."""
    shown = preview(components, {})
    for kind, text in (
        ("header", shown.header),
        ("offer", shown.offer),
        ("body", shown.body),
        ("footer", shown.footer),
        ("calls", shown.note),
    ):
        for at, line in enumerate(text.split("\n") if text else ()):
            output.say(f"{indent}{kind if at == 0 else '':8}{line}")
    for index, kind, _ in templates.buttons(components):
        output.say(f"{indent}button {index} [{shown.buttons[index]}] {templates.button_words(kind)}")
    for index, card in templates.cards(components):
        output.say(f"{indent}card {index}")
        _say_parts(card, output, f"{indent}  ")


def _keys(one: Template) -> list[str]:
    return [found.key for found in placeholders.placeholders(one.components, one.parameter_format)]


def _header_word(one: Template) -> str:
    return templates.header_format(one.components).lower() or "-"


def _template_json(one: Template, zone: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "language": one.language,
        "status": one.status,
        "category": one.category,
        "parameter_format": one.parameter_format,
        "quality": one.quality,
        "media": templates.media(one.components) or None,
        "placeholders": _keys(one),
        "updated_at": iso(one.updated_at, zone),
    }
