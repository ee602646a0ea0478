"""Test sends (R32): whose numbers, which values, what price; and how one stands, in words. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from engine import message, phone, placeholders, preflight, preflight_credits, preflight_facts, pricing, resolution
from engine.clock import MINUTE
from engine.decide import HELD_WORDS
from engine.errors import BadInput, NotFound, Refused
from engine.gateway import errors
from engine.text import counted, shown
from store import account, campaigns, leases, ledger, optouts, prices, recipients
from store.errors import Missing
from store.types import Delivery, RecipientState, SkipReason

if TYPE_CHECKING:
    from engine.phone import Phone
    from engine.placeholders import Filler
    from store.types import Campaign, Recipient, Sender, Template, TestSend

MOST: Final = 5
"""Numbers of one test send."""
EXPIRES_MS: Final = 10 * MINUTE
"""A test that no worker has sent by then is dropped: it would surprise whoever asked for it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a test of a campaign would send now."""

    campaign: Campaign
    sender: Sender
    template: Template
    values: Mapping[str, str]
    row: Recipient | None
    """Whose values they are; `None` where there is nobody, and fixed texts and fallbacks have to do."""
    prices: Mapping[str, int]
    countries: Sequence[str] | None
    """Those the account sends to; `None` is all."""
    free: int

    @property
    def words(self) -> str:
        """Whose values they are."""
        if self.row is None:
            return "fixed texts and fallbacks"
        return f"the values of line {self.row.line:,}"

    def payload(self, number: int) -> Mapping[str, Any]:
        """The body of the POST to a number, but for the reference."""
        template = self.template
        body = message.payload(
            template.name,
            template.language,
            template.components,
            template.parameter_format,
            self.values,
            number,
            "",
        )
        del body["biz_opaque_callback_data"]
        return body


def prepare(campaign_id: int, line: int | None = None) -> Prepared:
    """The message of a campaign in any status, with the values of its first valid row or of the one at `line`.

    Raises `Missing`, `NotFound` with `no_such_row`, and `Refused` with `template_missing`, `template_unavailable`,
    `template_unsupported`, `sender_missing`, `sender_unavailable`, `unmapped_placeholder`, `no_such_column` or
    `missing_variable`.
    """
    campaign = campaigns.get(campaign_id)
    template = _template(campaign)
    sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
    problem = preflight.sender_problem(sender)
    if problem is not None:
        raise _blocked(problem)
    assert sender is not None
    row = _row(campaign, line)
    return Prepared(
        campaign=campaign,
        sender=sender,
        template=template,
        values=_values(campaign, template, row),
        row=row,
        prices=preflight_credits.price_table(prices.lines(), template),
        countries=account.get_account().countries,
        free=ledger.balance().free,
    )


def _template(campaign: Campaign) -> Template:
    """The campaign's template, which has to be one that can be sent now."""
    try:
        now = None if campaign.template_id is None else account.get_template(campaign.template_id)
    except Missing:
        now = None
    problem = preflight.template_problem(now)
    if problem is not None:
        raise _blocked(problem)
    template = resolution.template_of(campaign)
    assert template is not None
    return template


def _blocked(problem: preflight_facts.Check) -> Refused:
    return Refused(problem.code, f"A test cannot go: {problem.text}.", problem.advice)


def _row(campaign: Campaign, line: int | None) -> Recipient | None:
    if line is None:
        return None if campaign.audience is None else recipients.first_unskipped(campaign.audience.id, campaign.id)
    row = None if campaign.audience is None else recipients.at_line(campaign.audience.id, line, campaign.id)
    if row is None:
        raise NotFound(
            "no_such_row", f"The audience has no line {line:,}.", "Leave --row out to take the first valid one."
        )
    return row


def _values(campaign: Campaign, template: Template, row: Recipient | None) -> Mapping[str, str]:
    known = placeholders.used(template.components, template.parameter_format, campaign.fills)
    columns = () if campaign.audience is None else campaign.audience.columns
    if campaign.audience is not None:
        for problem in placeholders.unmapped(known, campaign.fills, columns):
            raise Refused(problem.code, problem.message, problem.hint)
    values = _filler(known, campaign, columns).fill(() if row is None else row.cells)
    if values is not None:
        return values
    optional = [replace(placeholder, required=False) for placeholder in known]
    partly = _filler(optional, campaign, columns).fill(() if row is None else row.cells) or {}
    holes = [shown(one.key) for one in known if one.required and one.key not in partly]
    where = "without an audience" if row is None else f"on line {row.line:,}"
    raise Refused(
        "missing_variable",
        f"A message with a hole is never sent: nothing fills {', '.join(holes)} {where}.",
        "Give it a fixed text or a fallback, or test with another row.",
    )


def _filler(known: Sequence[placeholders.Placeholder], campaign: Campaign, columns: Sequence[str]) -> Filler:
    return placeholders.Filler(known, campaign.fills, columns, account.get_account().timezone)


def numbers(typed: Sequence[str]) -> list[Phone]:
    """The numbers as an operator types them, in order.

    Raises `BadInput` with `bad_number`, `Refused` with `too_many_numbers` or `duplicate_number`.
    """
    if not typed:
        raise BadInput("bad_number", "No number was given.", f"Give 1 to {MOST}, with + and country code.")
    if len(typed) > MOST:
        raise Refused(
            "too_many_numbers",
            f"A test goes to {MOST} numbers at the most; these are {len(typed)}.",
            "Leave some out.",
        )
    found: list[Phone] = []
    for text, parsed in zip(typed, phone.parse_many(typed, None), strict=True):
        if isinstance(parsed, SkipReason):
            raise BadInput(
                "bad_number",
                f"{text!r} is no phone number.",
                "Give it in full with + and country code: +918040214021.",
            )
        if parsed in found:
            raise Refused(
                "duplicate_number", f"{phone.display(parsed.number)} is there twice.", "Give every number once."
            )
        found.append(parsed)
    return found


def wanted(prepared: Prepared, phones: Sequence[Phone]) -> None:
    """Refuse numbers that get no message: `opted_out` (R38), `country_not_enabled`."""
    out = optouts.among(one.number for one in phones)
    if out:
        listed = ", ".join(phone.display(one.number) for one in phones if one.number in out)
        raise Refused("opted_out", f"Opted out: {listed}.", "Leave it out, or see `sendoff optout list`.")
    if prepared.countries is not None:
        strange = [one for one in phones if one.country not in prepared.countries]
        if strange:
            listed = ", ".join(f"{phone.display(one.number)} ({one.country})" for one in strange)
            raise Refused("country_not_enabled", f"This account does not send to {listed}.", "Leave it out.")


def cost(prepared: Prepared, phones: Sequence[Phone]) -> list[int]:
    """Credits for each number. Raises `Refused` with `no_price` or `insufficient_credits`."""
    counts: dict[str, int] = {}
    for one in phones:
        counts[one.country] = counts.get(one.country, 0) + 1
    gaps = pricing.unpriced(prepared.prices, counts)
    if gaps:
        said = preflight_credits.no_price(prepared.template, gaps)
        raise Refused("no_price", f"{said[:1].upper()}{said[1:]}.", preflight_credits.NO_PRICE_ADVICE)
    found = [pricing.price_of(prepared.prices, one.country) for one in phones]
    if sum(found) > prepared.free:
        raise short(sum(found), prepared.free)
    return found


def short(needed: int, free: int) -> Refused:
    """That the free balance does not cover a test."""
    return Refused(
        "insufficient_credits",
        f"{counted(needed, 'credit')} needed, {free:,} free: {needed - free:,} missing.",
        "Top up with `sendoff credits add`, or test with fewer numbers.",
    )


def state(test: TestSend) -> str:
    """How a test stands, as one word for programs: `queued`, `in_flight`, `sent`, `failed` or `unknown`."""
    if test.state is RecipientState.PENDING:
        return "queued" if test.fence is None else "in_flight"
    return test.state.name.lower()


def delivery(test: TestSend) -> str | None:
    """What callbacks said of it: `delivered`, `read` or `undelivered`."""
    return None if test.delivery is Delivery.NONE else test.delivery.name.lower()


def words(test: TestSend) -> str:
    """How a test stands, in words."""
    why = test.detail if test.error is None else f"{errors.text_of(test.error)} ({test.error})"
    if test.state is RecipientState.SENT:
        return {
            Delivery.NONE: "sent",
            Delivery.DELIVERED: "sent, delivered",
            Delivery.READ: "sent, delivered, read",
            Delivery.UNDELIVERED: f"sent, but not delivered: {why}",
        }[test.delivery]
    if test.state is RecipientState.FAILED:
        return f"failed: {why}"
    if test.state is RecipientState.UNKNOWN and test.message_id is not None:
        return f"unknown: {HELD_WORDS}; it is not sent again"
    if test.state is RecipientState.UNKNOWN:
        return "unknown: no answer came; it is not sent again"
    if test.fence is not None:
        return "on its way"
    return f"waits to be tried again: {why}" if test.tried or test.attempt else "waits for its turn"


def tested(payload: Mapping[str, Any], test_id: int, attempt: int) -> dict[str, Any]:
    """The body of the POST with the reference that callbacks find the test send by."""
    return {**payload, "biz_opaque_callback_data": message.test_reference(test_id, attempt)}


def is_served(sender_id: int, now: int) -> bool:
    """Whether a worker sends for this sender, by its lease."""
    lease = leases.get(leases.name_of(sender_id))
    return lease is not None and lease.owner != "" and lease.until >= now
