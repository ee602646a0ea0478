"""The report of one campaign: what happened to every row, first thing why it failed (R40, R41, R47, R48).

`read` gathers it from counters only, so that it opens at once whatever the audience; the recipients are paged beside
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine import lifecycle, root_causes, schedule, testsends
from engine.gateway import errors
from engine.text import shown
from store import account, campaigns, held, tallies
from store import testsends as store
from store.types import Campaign, RootCause, Sender, Status, Template, TestSend

NO_CALLBACKS: Final = "unknown: no callbacks come in"
"""What stands for the delivered and read ones of the Cloud API before the first callback ever came."""
_PAID: Final = "regular"
_PRICING_WORDS: Final[Mapping[str, str]] = {
    _PAID: "billed",
    "free_customer_service": "free (customer service window)",
    "free_entry_point": "free (came from an ad or a page)",
}

TESTS = 20
"""Test sends that a report lists."""

SKIP_WORDS: Final[Mapping[str, str]] = {
    "blank": "blank",
    "invalid_number": "invalid number",
    "missing_country_code": "no country code",
    "ambiguous_number": "ambiguous number",
    "mangled_number": "mangled by a spreadsheet",
    "duplicate": "duplicate",
    "opted_out": "opted out",
    "missing_variable": "a blank cell behind a placeholder",
    "country_not_enabled": "country not enabled",
    "frequency_cap": "had enough messages lately",
}
"""Why a row was skipped, in words."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A root cause in words, with what to do next."""

    code: str
    text: str
    advice: str


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """One gateway error with how many recipients it hit."""

    code: int
    text: str
    advice: str
    n: int
    after_sent: bool
    """Reported by a callback after the message was accepted."""


@dataclass(frozen=True, slots=True)
class BillLine:
    """Delivered messages that WhatsApp bills alike, by what it told."""

    category: str
    kind: str
    n: int

    @property
    def billed(self) -> bool:
        """Whether WhatsApp takes money for them."""
        return self.kind == _PAID

    @property
    def text(self) -> str:
        """`9,120 marketing billed`."""
        kind = _PRICING_WORDS.get(self.kind, shown(self.kind.replace("_", " ")))
        return f"{self.n:,} {shown(self.category.replace('_', ' '))} {kind}"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the report shows but the recipients themselves."""

    campaign: Campaign
    zone: str
    sender: Sender | None
    template: Template | None
    root_cause: Cause | None
    errors: tuple[ErrorLine, ...]
    skips: Mapping[str, int]
    unpaid: int = 0
    """Credits that messages did not cost which were settled as not sent and proven sent when none was free."""
    refunded: int = 0
    """Credits given back for messages that were settled as sent and turned out to have been refused."""
    held: int = 0
    """Pending ones that WhatsApp took and holds back."""
    tests: tuple[TestSend, ...] = ()
    """The newest test sends, which are in none of the figures (R32)."""
    bill: tuple[BillLine, ...] = ()
    """What was delivered by how WhatsApp bills it, the most first; empty where it did not say."""


def rate(part: int, whole: int) -> float | None:
    """A percentage, or `None` for 0 of 0 (R47)."""
    return None if whole == 0 else 100 * part / whole


def rates(campaign: Campaign) -> dict[str, float | None]:
    """Sent, delivered, read and failed in percent (R47)."""
    counters = campaign.progress
    valid = counters.audience - counters.skipped
    return {
        "sent": rate(counters.sent, valid),
        "delivered": rate(counters.delivered, counters.sent) if campaign.delivery_known else None,
        "read": rate(counters.read, counters.delivered) if campaign.delivery_known else None,
        "failed": rate(counters.failed, valid),
    }


def adds_up(campaign: Campaign) -> bool:
    """Whether audience = skipped + pending + sent + failed + unknown (R41)."""
    counters = campaign.progress
    parts = counters.skipped + counters.pending + counters.sent + counters.failed + counters.unknown
    return counters.audience == parts


def read(campaign_id: int) -> Report:
    """The report of a campaign as it stands now. Raises `store.errors.Missing`."""
    campaign = campaigns.get(campaign_id)
    return Report(
        campaign=campaign,
        zone=account.get_account().timezone,
        sender=None if campaign.sender_id is None else account.get_sender(campaign.sender_id),
        template=_template(campaign),
        root_cause=cause_of(campaign),
        errors=_errors(campaign_id),
        skips=tallies.of(campaign_id, tallies.SKIP),
        unpaid=sum(tallies.of(campaign_id, tallies.UNPAID).values()),
        refunded=tallies.of(campaign_id, tallies.REFUNDED).get(tallies.CREDITS, 0),
        held=held.count(campaign_id),
        tests=tuple(store.of_campaign(campaign_id, TESTS)),
        bill=_bill(campaign_id),
    )


def _template(campaign: Campaign) -> Template | None:
    if campaign.template_frozen is not None:
        return campaign.template_frozen
    return None if campaign.template_id is None else account.get_template(campaign.template_id)


def cause_of(campaign: Campaign) -> Cause | None:
    """Why a Failed campaign failed."""
    if campaign.status is not Status.FAILED or campaign.status_reason is None:
        return None
    cause = RootCause(campaign.status_reason)
    detail = campaign.status_detail
    counters = campaign.progress
    return Cause(
        cause.value,
        root_causes.text(cause, detail, counters.sent),
        root_causes.advice(cause, detail, counters.sent, counters.unknown),
    )


def _errors(campaign_id: int) -> tuple[ErrorLine, ...]:
    found = [
        ErrorLine(int(code), errors.text_of(int(code)), errors.advice_of(int(code)), n, after_sent)
        for kind, after_sent in ((tallies.ERROR, False), (tallies.UNDELIVERED, True))
        for code, n in tallies.of(campaign_id, kind).items()
        if code != "None"
    ]
    return tuple(sorted(found, key=lambda line: -line.n))


def _bill(campaign_id: int) -> tuple[BillLine, ...]:
    found = tallies.of(campaign_id, tallies.PRICING)
    return tuple(BillLine(*pricing.partition("/")[::2], n) for pricing, n in found.items())


def campaign_json(campaign: Campaign, zone: str, sender: Sender | None) -> dict[str, object]:
    """A campaign under the names of the command-line contract; times in ISO 8601 with the zone's offset."""

    def iso(at: int | None) -> str | None:
        return None if at is None else schedule.iso(at, zone)

    counters = campaign.progress
    template = campaign.template_frozen or _template(campaign)
    hold = campaign.hold
    return {
        "id": campaign.id,
        "name": campaign.name,
        "status": campaign.status.value,
        "status_reason": campaign.status_reason,
        "hold": None if hold is None else {"reason": hold.reason, "text": hold.text, "until": iso(hold.until)},
        "sender": None if sender is None else f"+{sender.number}",
        "template": None if template is None else template.ref,
        "audience": counters.audience,
        "skipped": counters.skipped,
        "pending": counters.pending,
        "sent": counters.sent,
        "delivered": counters.delivered,
        "read": counters.read,
        "failed": counters.failed,
        "unknown": counters.unknown,
        "undelivered": counters.undelivered,
        "scheduled_at": iso(campaign.scheduled_at),
        "lock_at": iso(None if campaign.scheduled_at is None else lifecycle.lock_at(campaign.scheduled_at)),
        "started_at": iso(campaign.started_at),
        "finished_at": iso(campaign.finished_at),
        "price": campaign.price,
        "created_by": campaign.created_by,
        "series": campaign.series_id,
        "occurrence": campaign.occurrence,
    }


def report_json(report: Report) -> dict[str, object]:
    """A report under the names of the command-line contract."""
    cause = report.root_cause
    return {
        **campaign_json(report.campaign, report.zone, report.sender),
        "root_cause": None if cause is None else {"code": cause.code, "text": cause.text, "advice": cause.advice},
        "skips": dict(report.skips),
        "unpaid": report.unpaid,
        "held": report.held,
        "errors": [
            {"code": line.code, "text": line.text, "n": line.n, "after_sent": line.after_sent} for line in report.errors
        ],
        "rates": rates(report.campaign),
        "delivery": "reported" if report.campaign.delivery_known else NO_CALLBACKS,
        "pricing": [
            {"category": line.category, "type": line.kind, "billed": line.billed, "n": line.n} for line in report.bill
        ],
        "tests": [test_json(test, report.zone) for test in report.tests],
    }


def test_json(test: TestSend, zone: str) -> dict[str, object]:
    """A test send for programs, marked as one."""
    return {
        "id": test.id,
        "test": True,
        "campaign": test.campaign_id,
        "number": f"+{test.phone}",
        "state": testsends.state(test),
        "delivery": testsends.delivery(test),
        "text": testsends.words(test),
        "error": test.error,
        "price": test.price,
        "message_id": test.message_id,
        "by": test.actor,
        "at": schedule.iso(test.asked_at, zone),
    }
