"""The account, its senders and its templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import peewee
from peewee import fn

from store.codec import dump, load
from store.errors import Missing
from store.models import Account as AccountModel
from store.models import CallbackEvent
from store.models import Sender as SenderModel
from store.models import Template as TemplateModel
from store.query import first
from store.types import Account, Gateway, Sender, Template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def get_account() -> Account:
    """The account of this database. Raises `Missing` before `create_account`."""
    row = AccountModel.get_or_none()
    if row is None:
        raise Missing("the database has no account yet")
    return Account(
        row.name,
        row.timezone,
        Gateway(row.gateway),
        row.base_url,
        row.waba_id,
        row.quota,
        row.created_at,
        row.frequency_cap,
        row.frequency_days,
        None if row.countries is None else load(row.countries),
        row.api_version,
    )


def hears_of_delivery() -> bool:
    """Whether callbacks come in: from the simulator always, from the Cloud API once one did."""
    deaf = AccountModel.select(AccountModel.id).where(
        AccountModel.gateway == Gateway.CLOUD_API.value, ~fn.EXISTS(CallbackEvent.select(CallbackEvent.id))
    )
    return first(deaf) is None


def has_account() -> bool:
    """Whether the database was set up."""
    return bool(AccountModel.select().exists())


def create_account(account: Account) -> None:
    """Write the account row."""
    AccountModel.insert(
        id=1,
        name=account.name,
        timezone=account.timezone,
        gateway=account.gateway.value,
        base_url=account.base_url,
        waba_id=account.waba_id,
        quota=account.quota,
        created_at=account.created_at,
    ).execute()


def update_account(**changes: Any) -> None:
    """Change fields of the account row; not its credits, which only `store.ledger` moves."""
    if changes:
        AccountModel.update(**changes).execute()


def set_limits(
    quota: int | None, frequency_cap: int | None, frequency_days: int | None, countries: Sequence[str] | None
) -> None:
    """Set every limit of the account anew; `None` is no limit."""
    AccountModel.update(
        quota=quota,
        frequency_cap=frequency_cap,
        frequency_days=frequency_days,
        countries=None if countries is None else dump(list(countries)),
    ).execute()


def add_sender(number: int, phone_number_id: str, rate: int, now: int) -> int | None:
    """Add a sender and answer its id; `None` when the number or its id is taken."""
    try:
        return int(
            SenderModel.insert(number=number, phone_number_id=phone_number_id, rate=rate, created_at=now).execute()
        )
    except peewee.IntegrityError:
        return None


def _sender(row: Any) -> Sender:
    return Sender(
        row.id,
        row.number,
        row.phone_number_id,
        row.rate,
        row.quality,
        row.status,
        row.name,
        row.name_status,
        row.throughput,
    )


def senders() -> list[Sender]:
    """All senders by id."""
    return [_sender(row) for row in SenderModel.select().order_by(SenderModel.id)]


def get_sender(sender_id: int) -> Sender:
    """One sender. Raises `Missing`."""
    row = SenderModel.get_or_none(SenderModel.id == sender_id)
    if row is None:
        raise Missing(f"no sender {sender_id}")
    return _sender(row)


def find_sender(number: int | None = None, phone_number_id: str = "") -> Sender | None:
    """The sender with this number, or with this id at WhatsApp; `None` when there is none."""
    wanted = SenderModel.number == number if number is not None else SenderModel.phone_number_id == phone_number_id
    row = SenderModel.get_or_none(wanted)
    return None if row is None else _sender(row)


def _template(row: Any) -> Template:
    return Template(
        row.id,
        row.name,
        row.language,
        row.status,
        row.category,
        row.parameter_format,
        load(row.components),
        row.quality,
        row.updated_at,
        row.remote_id,
        load(row.extra),
    )


def templates() -> list[Template]:
    """All templates by name and language."""
    return [_template(row) for row in TemplateModel.select().order_by(TemplateModel.name, TemplateModel.language)]


def get_template(template_id: int) -> Template:
    """One template. Raises `Missing`."""
    row = TemplateModel.get_or_none(TemplateModel.id == template_id)
    if row is None:
        raise Missing(f"no template {template_id}")
    return _template(row)


def find_templates(name: str, language: str | None = None) -> list[Template]:
    """The templates of this name, in one language when given."""
    query = TemplateModel.select().where(TemplateModel.name == name).order_by(TemplateModel.language)
    if language is not None:
        query = query.where(TemplateModel.language == language)
    return [_template(row) for row in query]


def put_template(
    name: str,
    language: str,
    *,
    status: str,
    category: str,
    parameter_format: str,
    components: Any,
    quality: str,
    now: int,
) -> int:
    """Add a template, or renew the one of this name and language; answers its id."""
    fields = {
        "status": status,
        "category": category,
        "parameter_format": parameter_format,
        "components": dump(components),
        "quality": quality,
        "updated_at": now,
    }
    changed = (
        TemplateModel.update(**fields).where(TemplateModel.name == name, TemplateModel.language == language).execute()
    )
    if changed:
        return find_templates(name, language)[0].id
    return int(TemplateModel.insert(name=name, language=language, **fields).execute())


def add_synced_template(name: str, language: str, now: int, fields: Mapping[str, Any]) -> None:
    """Add a template that the gateway told of; `fields` as `change_template` takes them."""
    TemplateModel.insert(name=name, language=language, updated_at=now, **_packed(fields)).execute()


def change_template(template_id: int, now: int, fields: Mapping[str, Any]) -> None:
    """Change some of status, category, parameter_format, components, quality, remote_id and extra of a template."""
    TemplateModel.update(updated_at=now, **_packed(fields)).where(TemplateModel.id == template_id).execute()


def _packed(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: dump(value) if name in ("components", "extra") else value for name, value in fields.items()}


def add_synced_sender(now: int, fields: Mapping[str, Any]) -> None:
    """Add a sender that the gateway told of: its number, phone_number_id, rate and what else `Sender` has."""
    SenderModel.insert(created_at=now, **fields).execute()


def change_sender(sender_id: int, fields: Mapping[str, Any]) -> None:
    """Change fields of a sender; no two may have one number or one phone number id."""
    SenderModel.update(**fields).where(SenderModel.id == sender_id).execute()
