"""What the preflight looks at, read from the store: of a campaign that is stored, and of a form that is not yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engine import asking, message, placeholders, resolution, row_refusals
from engine.errors import EngineError
from engine.gateway.link import access_token
from engine.preflight_facts import Facts, Quota
from store import account, campaigns, ledger, prices, quota_meter, tallies
from store import media as uploads
from store.types import Gateway, OverQuota

if TYPE_CHECKING:
    from store.types import Campaign, DraftFields, Fill, Media, Template


def quota_of(over: OverQuota, now: int, repeats: Callable[[], int]) -> Quota | None:
    """What the quota has left at this time; `repeats` is asked only where there is a quota."""
    left = quota_meter.room(now)
    return None if left is None else Quota(left, repeats(), over)


def facts_of(campaign: Campaign, now: int | None = None) -> Facts:
    """Facts for a campaign as it is stored; without a time quota and gateway are left out."""
    sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
    template = resolution.template_of(campaign)
    audience = campaign.audience
    quota = None
    if now is not None and audience is not None:
        quota = quota_of(campaign.over_quota, now, lambda: quota_meter.recent_of(audience.id, now))
    return Facts(
        name=campaign.name,
        sender=sender,
        template=template,
        fills=campaign.fills,
        columns=None if campaign.audience is None else tuple(campaign.audience.columns),
        countries=tallies.of(campaign.id, tallies.COUNTRY),
        skipped=tallies.of(campaign.id, tallies.SKIP),
        fallbacks=None,
        balance=ledger.balance(),
        scheduled_price=campaigns.scheduled_price(except_id=campaign.id),
        quota=quota,
        price_list=prices.lines(),
        route=campaign.route,
        health=None if now is None else asking.standing(sender, template, now),
        asked=now is not None and _should_be_asked(),
        no_token=None if now is None else _no_token(),
        now=now,
        at=campaign.scheduled_at,
        media=_media_of(campaign.fills),
        refused=refused_in_all(template, campaign.fills, now),
    )


def _should_be_asked() -> bool:
    return account.get_account().gateway is Gateway.CLOUD_API


def _no_token() -> EngineError | None:
    """Why there is none, where the account's messages need one."""
    if not _should_be_asked():
        return None
    try:
        access_token()
    except EngineError as error:
        return error
    return None


def facts_for_form(fields: DraftFields, campaign: Campaign | None, now: int) -> Facts:
    """Facts for a form that is not saved yet, over the audience its draft has."""
    sender = None if fields.sender_id is None else account.get_sender(fields.sender_id)
    template = None if fields.template_id is None else account.get_template(fields.template_id)
    audience = None if campaign is None else campaign.audience
    counts = None if audience is None else resolution.count(audience, template, fields.fills, now)
    counts = counts or resolution.Counts({}, {}, 0)
    rows = None if audience is None else row_refusals.find(audience, template, fields.fills, counts.widest, now)
    return Facts(
        name=fields.name,
        sender=sender,
        template=template,
        fills=fields.fills,
        columns=None if audience is None else tuple(audience.columns),
        countries=counts.countries,
        skipped=counts.skipped,
        fallbacks=counts.fallbacks,
        balance=ledger.balance(),
        scheduled_price=campaigns.scheduled_price(except_id=None if campaign is None else campaign.id),
        quota=quota_of(fields.over_quota, now, lambda: counts.repeats),
        price_list=prices.lines(),
        route=fields.route,
        health=asking.standing(sender, template, now),
        asked=_should_be_asked(),
        no_token=_no_token(),
        now=now,
        media=_media_of(fields.fills),
        refused=refused_in_all(template, fields.fills, now),
        refused_rows=rows,
    )


def facts_of_scheduled(fields: DraftFields, campaign: Campaign, now: int) -> Facts:
    """Facts for a Scheduled campaign as it would start: with template, opt-outs and limits as they are by now.

    `fields` are its own; nothing is written.
    """
    return replace(facts_for_form(fields, campaign, now), frozen=campaign.template_frozen, at=campaign.scheduled_at)


def _media_of(fills: Mapping[str, Fill]) -> dict[str, Media | None]:
    """The files whose ids stand in every message, by the keys they stand under."""
    ids = {key: (fill.fixed or "").strip() for key, fill in fills.items() if key.endswith(placeholders.MEDIA_ID)}
    return {key: uploads.find(media_id) for key, media_id in ids.items() if media_id}


def refused_in_all(template: Template | None, fills: Mapping[str, Fill], at: int | None) -> tuple[str, ...]:
    """What WhatsApp would refuse in every message that goes at this time (UTC epoch ms), by the values in all."""
    if template is None:
        return ()
    same = {key: fill for key, fill in fills.items() if fill.column is None}
    known = placeholders.used(template.components, template.parameter_format, same)
    filler = placeholders.Filler(known, same, (), account.get_account().timezone)
    return tuple(message.problems(template.components, filler.constants, at))
