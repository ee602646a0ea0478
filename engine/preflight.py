"""What stands between a draft and its launch: every problem at once, each with what to do (R22).

`checks` is pure; `facts_of` and `facts_for_form` read what it needs from the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from engine import asking, media, message, placeholders, pricing, resolution, routes, templates
from engine.health import State
from engine.remote_senders import USABLE
from engine.text import counted, shown
from store import account, campaigns, contacts, ledger, prices, tallies
from store import media as uploads
from store.types import ORDINARY, Endpoint, Gateway, OverQuota

if TYPE_CHECKING:
    from engine.health import Health
    from engine.placeholders import Placeholder
    from store.types import Balance, Campaign, DraftFields, Fill, Media, PriceLine, Route, Sender, Template


LISTED = 5
"""Countries that are named in one sentence."""
NO_PRICE_ADVICE = (
    "Import a price list with a line for it, or with a default line (an empty country): sendoff prices import."
)
ENDPOINT: Final = "endpoint"
"""The form field that says which endpoint of the gateway's takes the campaign."""
OVER_QUOTA: Final = "over_quota"
"""The form field that says what a run does at the messaging quota."""


class Level(StrEnum):
    """How much a check weighs."""

    OK = "ok"
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the preflight; `field` names the form field it belongs to."""

    code: str
    level: Level
    text: str
    advice: str = ""
    field: str = ""


class Quota(NamedTuple):
    """What the messaging quota has left, and what is asked of it (R30)."""

    left: int
    repeats: int
    """Valid rows whose numbers count already and need no place."""
    over: OverQuota


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the checks look at."""

    name: str
    sender: Sender | None
    template: Template | None
    fills: Mapping[str, Fill]
    columns: tuple[str, ...] | None
    """The audience's columns; `None` when there is no audience yet."""
    countries: Mapping[str, int]
    skipped: Mapping[str, int]
    fallbacks: int | None
    """Rows that use a fallback; `None` when nobody counted."""
    balance: Balance
    scheduled_price: int
    """Credits the other scheduled campaigns will need."""
    quota: Quota | None = None
    """`None` when the account has none, or nobody asked."""
    price_list: Sequence[PriceLine] = ()
    """Empty when none was imported."""
    route: Route = ORDINARY
    health: Health | None = None
    """What the gateway says of number and template; `None` when it was not asked."""
    asked: bool = False
    """Whether it should have been."""
    now: int | None = None
    at: int | None = None
    """When it goes, where that is known."""
    media: Mapping[str, Media | None] = field(default_factory=dict)
    """Headers filled with an uploaded file, by their keys; `None` for one that was not uploaded from here."""
    refused: Sequence[str] = ()
    """What WhatsApp would refuse in every message, because of values that are the same in all, in sentences."""

    @property
    def valid(self) -> int:
        """Rows that would get a message."""
        return sum(self.countries.values())


@dataclass(frozen=True, slots=True)
class Preflight:
    """The checks, the price, and whether the launch may go on."""

    checks: tuple[Check, ...]
    price: int
    prices: Mapping[str, int]
    valid: int

    @property
    def blocking(self) -> tuple[Check, ...]:
        """The checks that forbid the launch."""
        return tuple(check for check in self.checks if check.level is Level.BLOCK)


def run(facts: Facts) -> Preflight:
    """Check everything and work out the price. Pure."""
    table = _table(facts)
    price = pricing.total(table, facts.countries)
    found = [
        *_name(facts),
        *_sender(facts),
        *_template(facts),
        *_route(facts),
        *_health(facts),
        *_placeholders(facts),
        *_media(facts),
        *_values(facts),
        *_audience(facts),
        *_credits(facts, table, price),
        *_quota(facts),
    ]
    return Preflight(tuple(found), price, table, facts.valid)


def _table(facts: Facts) -> Mapping[str, int]:
    if facts.template is None:
        # Without a template there is no price in the list to look up.
        return pricing.price_table((), "", "")
    return price_table(facts.price_list, facts.template)


def price_table(price_list: Sequence[PriceLine], template: Template) -> dict[str, int]:
    """What one message of a template costs by country, see `pricing.price_table`."""
    return pricing.price_table(price_list, template.category, templates.media(template.components))


def no_price(template: Template, countries: Mapping[str, int]) -> str:
    """What to say of recipients that the price list has no price for."""
    media = templates.media(template.components)
    what = f"{template.category} with {media}" if media in pricing.MEDIA else template.category
    listed = [f"{country or 'no country'} {n:,}" for country, n in countries.items()]
    more = f" and {len(listed) - LISTED:,} more" if len(listed) > LISTED else ""
    return f"the price list has no price for {what} to {', '.join(listed[:LISTED])}{more}"


def _name(facts: Facts) -> list[Check]:
    if facts.name.strip():
        return []
    return [Check("name_missing", Level.BLOCK, "the campaign has no name", "Give it one.", "name")]


def _sender(facts: Facts) -> list[Check]:
    problem = sender_problem(facts.sender)
    return [] if problem is None else [problem]


def sender_problem(sender: Sender | None) -> Check | None:
    """Why this sender cannot send now, if so."""
    if sender is None:
        return Check("sender_missing", Level.BLOCK, "no sender chosen", "Choose the number to send from.", "sender")
    if sender.status not in USABLE:
        return Check(
            "sender_unavailable",
            Level.BLOCK,
            f"the sender is {sender.status.lower()}",
            "Choose another number, or see WhatsApp Manager for why.",
            "sender",
        )
    return None


def template_problem(template: Template | None) -> Check | None:
    """Why this template cannot be sent now, if so (R23)."""
    if template is None:
        return Check("template_missing", Level.BLOCK, "no template chosen", "Choose an approved template.", "template")
    if template.status != "APPROVED":
        return Check(
            "template_unavailable",
            Level.BLOCK,
            f"template {template.ref} is {templates.status_words(template.status)}",
            "Choose an approved template, or wait until WhatsApp approves it.",
            "template",
        )
    reason = templates.sendable(template)
    if reason is not None:
        return Check("template_unsupported", Level.BLOCK, reason, "Choose another template.", "template")
    return None


def _template(facts: Facts) -> list[Check]:
    problem = template_problem(facts.template)
    return [problem or Check("template", Level.OK, "template approved", field="template")]


def _route(facts: Facts) -> list[Check]:
    unfit = None if facts.template is None else routes.unfit(facts.route.endpoint, facts.template.category)
    if unfit is None:
        # The ordinary way needs no word.
        by_marketing = facts.template is not None and facts.route.endpoint is Endpoint.MARKETING
        return [Check("endpoint", Level.OK, f"goes by {routes.words(facts.route)}", field=ENDPOINT)] * by_marketing
    return [
        Check(
            "endpoint_unfit",
            Level.BLOCK,
            unfit,
            "Choose a marketing template, or the other endpoint: sendoff campaign edit ID --endpoint messages.",
            ENDPOINT,
        )
    ]


def _health(facts: Facts) -> list[Check]:
    if facts.sender is None or facts.template is None:
        return []
    if facts.health is None:
        if not facts.asked:
            return []
        return [Check("health_not_asked", Level.WARN, "WhatsApp was not asked whether it can be sent", field="sender")]
    if facts.health.state is State.AVAILABLE:
        return [Check("health", Level.OK, "WhatsApp says that it can be sent", field="sender")]
    text = facts.health.text or "WhatsApp does not say whether it can be sent"
    advice = " ".join(facts.health.advice) or "See WhatsApp Manager for why."
    if facts.health.state not in (State.LIMITED, State.UNKNOWN):
        return [Check("health_blocked", Level.BLOCK, text, advice, "sender")]
    return [Check("health_limited", Level.WARN, text, advice, "sender")]


def _placeholders(facts: Facts) -> list[Check]:
    if facts.template is None:
        return []
    found = placeholders.used(facts.template.components, facts.template.parameter_format, facts.fills)
    problems = placeholders.unmapped(found, facts.fills, facts.columns or ())
    if problems:
        return [_placeholder(problem) for problem in problems]
    if not found:
        return [Check("placeholders", Level.OK, "the template has no placeholders")]
    text = "every placeholder filled"
    if facts.fallbacks:
        text += f"; {counted(facts.fallbacks, 'row')} use{'s' if facts.fallbacks == 1 else ''} a fallback"
    return [Check("placeholders", Level.OK, text)]


def _media(facts: Facts) -> list[Check]:
    """One line for each file with a problem, and one for all that nobody knows, whichever headers they stand in."""
    if facts.template is None:
        return []
    found: dict[tuple[str, str], list[Placeholder]] = {}
    for one in placeholders.placeholders(facts.template.components, facts.template.parameter_format):
        if one.name == placeholders.MEDIA_NAME and one.key in facts.media:
            known = facts.media[one.key]
            problem = _media_problem(facts, known)
            if problem:
                found.setdefault((problem, "" if known is None else known.media_id), []).append(one)
    return [_media_check(problem, facts.media[places[0].key], places) for (problem, _), places in found.items()]


def _media_problem(facts: Facts, known: Media | None) -> str:
    if known is None:
        return "media_unknown"
    if problem := media.problem(known.uploaded_at, facts.now, facts.at):
        return problem
    of_another = facts.sender is not None and known.phone_number_id != facts.sender.phone_number_id
    return "media_of_another" if of_another else ""


def _media_check(problem: str, known: Media | None, places: Sequence[Placeholder]) -> Check:
    key = places[0].key
    cards = [str(one.card) for one in places if one.card is not None]
    of = "the header's file" if not cards else f"the file of card{'s' if len(cards) > 1 else ''} {', '.join(cards)}"
    if known is None:
        many = len(places) > 1
        files = of.replace("file", "files", 1) if many else of
        text = f"{files} {'were' if many else 'was'} not uploaded from here, so nobody knows how long"
        text += f" {'they' if many else 'it'} can be used"
        return Check("media_unknown", Level.WARN, text, "An id lives 30 days.", key)
    file, upload = f"{of} {shown(known.file)}", f"Upload {shown(known.file)} again: sendoff media upload FILE"
    match problem:
        case media.EXPIRED:
            text = f"{file} was uploaded more than 30 days ago and is gone"
            return Check("media_expired", Level.BLOCK, text, upload, key)
        case media.EXPIRES:
            text = f"{file} will be gone by the time it goes: it lives 30 days"
            return Check("media_expires", Level.WARN, text, upload, key)
    return Check("media_of_another", Level.WARN, f"{file} was uploaded with another sender", upload, key)


def _media_of(fills: Mapping[str, Fill]) -> dict[str, Media | None]:
    """The files whose ids stand in every message, by the keys they stand under."""
    ids = {key: (fill.fixed or "").strip() for key, fill in fills.items() if key.endswith(placeholders.MEDIA_ID)}
    return {key: uploads.find(media_id) for key, media_id in ids.items() if media_id}


def _placeholder(problem: placeholders.Problem) -> Check:
    if problem.code == "unreadable_value":
        return Check("unreadable_value", Level.BLOCK, problem.message, problem.hint, problem.key)
    return Check("unmapped_placeholder", Level.BLOCK, problem.message, problem.hint, problem.key)


def _values(facts: Facts) -> list[Check]:
    advice = "Every message would be refused: change the fixed text."
    found = [
        Check("values_refused", Level.BLOCK, problem[:1].lower() + problem[1:].removesuffix("."), advice)
        for problem in facts.refused
    ]
    by_marketing = facts.route.endpoint is Endpoint.MARKETING
    if facts.template is not None and templates.only_by_marketing(facts.template.components) and not by_marketing:
        text = "an animated header goes only through the endpoint for marketing messages"
        found.append(Check("gif_header", Level.WARN, text, "Choose that endpoint for the campaign.", ENDPOINT))
    return found


def refused_in_all(template: Template | None, fills: Mapping[str, Fill], at: int | None) -> tuple[str, ...]:
    """What WhatsApp would refuse in every message that goes at this time (UTC epoch ms), by the values in all."""
    if template is None:
        return ()
    same = {key: fill for key, fill in fills.items() if fill.column is None}
    known = placeholders.used(template.components, template.parameter_format, same)
    filler = placeholders.Filler(known, same, (), account.get_account().timezone)
    return tuple(message.problems(template.components, filler.constants, at))


def _audience(facts: Facts) -> list[Check]:
    if facts.columns is None:
        return [Check("audience_missing", Level.BLOCK, "no audience yet", "Choose a contact file.", "file")]
    skipped = sum(facts.skipped.values())
    if facts.valid == 0:
        return [
            Check(
                "no_valid_recipients",
                Level.BLOCK,
                f"nobody would get it: all {skipped:,} rows are skipped",
                "Look at the reasons and choose another file, country or number column.",
                "file",
            )
        ]
    if skipped:
        return [
            Check(
                "audience",
                Level.WARN,
                f"{facts.valid:,} will get it, {counted(skipped, 'row')} {'is' if skipped == 1 else 'are'} skipped",
                field="file",
            )
        ]
    return [Check("audience", Level.OK, f"{facts.valid:,} will get it", field="file")]


def _credits(facts: Facts, table: Mapping[str, int], price: int) -> list[Check]:
    if not facts.valid:
        return []
    gaps = pricing.unpriced(table, facts.countries)
    if gaps and facts.template is not None:
        return [Check("no_price", Level.BLOCK, no_price(facts.template, gaps), NO_PRICE_ADVICE, "template")]
    free = facts.balance.free
    if price > free:
        return [
            Check(
                "insufficient_credits",
                Level.BLOCK,
                f"{counted(price, 'credit')} needed, {free:,} free: {price - free:,} missing",
                "Top up with `sendoff credits add`, or choose a smaller audience.",
                "file",
            )
        ]
    found = [Check("credits", Level.OK, f"{counted(price, 'credit')}, {free:,} free")]
    if facts.scheduled_price and price + facts.scheduled_price > free:
        short = price + facts.scheduled_price - free
        found.append(
            Check(
                "credits_overcommitted",
                Level.WARN,
                f"with what is scheduled already, {counted(short, 'credit')} will be missing",
                "The campaign that starts last would fail. Top up before its time.",
            )
        )
    return found


def _quota(facts: Facts) -> list[Check]:
    """A warning, never a block: what goes beyond it fails or waits, as the campaign says."""
    if facts.quota is None or not facts.valid:
        return []
    needed = facts.valid - facts.quota.repeats
    beyond = needed - facts.quota.left
    left = f"quota: {facts.quota.left:,} left now"
    if beyond <= 0:
        return [Check("quota", Level.OK, f"{left}, {needed:,} needed", field=OVER_QUOTA)]
    fails = facts.quota.over is OverQuota.FAIL
    advice = "Let it wait for the quota to refill" if fails else "It goes on hold until the quota refills, at most 72 h"
    return [
        Check(
            "quota_exceeded",
            Level.WARN,
            f"{left}, {beyond:,} would {facts.quota.over.value}",
            f"{advice}, or choose a smaller audience. Counted again when it runs.",
            OVER_QUOTA,
        )
    ]


def quota_of(over: OverQuota, now: int, repeats: Callable[[], int]) -> Quota | None:
    """What the quota has left at this time; `repeats` is asked only where there is a quota."""
    left = contacts.room(now)
    return None if left is None else Quota(left, repeats(), over)


def facts_of(campaign: Campaign, now: int | None = None) -> Facts:
    """Facts for a campaign as it is stored; without a time quota and gateway are left out."""
    sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
    template = resolution.template_of(campaign)
    audience = campaign.audience
    quota = None
    if now is not None and audience is not None:
        quota = quota_of(campaign.over_quota, now, lambda: contacts.recent_of(audience.id, now))
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
        now=now,
        at=campaign.scheduled_at,
        media=_media_of(campaign.fills),
        refused=refused_in_all(template, campaign.fills, now),
    )


def _should_be_asked() -> bool:
    return account.get_account().gateway is Gateway.CLOUD_API


def facts_for_form(fields: DraftFields, campaign: Campaign | None, now: int) -> Facts:
    """Facts for a form that is not saved yet, over the audience its draft has."""
    sender = None if fields.sender_id is None else account.get_sender(fields.sender_id)
    template = None if fields.template_id is None else account.get_template(fields.template_id)
    audience = None if campaign is None else campaign.audience
    counts = None if audience is None else resolution.count(audience, template, fields.fills, now)
    counts = counts or resolution.Counts({}, {}, 0)
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
        now=now,
        media=_media_of(fields.fills),
        refused=refused_in_all(template, fields.fills, now),
    )
