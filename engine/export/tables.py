"""The report's figures as tables of plain values, for the workbook and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine import phone, report, schedule
from engine.text import counted

if TYPE_CHECKING:
    from engine.report import Report
    from store.types import Campaign


class Rate(NamedTuple):
    """A part beside what it is a part of (R47)."""

    name: str
    part: int
    whole: int
    known: bool = True
    """False for what only callbacks tell, where none come in."""


class ErrorRow(NamedTuple):
    """One error in words; a code of our own is none that people could look up."""

    text: str
    code: int | None
    n: int
    after_sent: bool
    advice: str


def rates_table(campaign: Campaign) -> list[Rate]:
    """Sent, delivered, read and failed, each with its own base."""
    counters = campaign.progress
    valid = counters.audience - counters.skipped
    found = [
        Rate("sent", counters.sent, valid),
        Rate("delivered", counters.delivered, counters.sent, campaign.delivery_known),
        Rate("read", counters.read, counters.delivered, campaign.delivery_known),
        Rate("failed", counters.failed, valid),
    ]
    if counters.undelivered:
        found.append(Rate("not delivered", counters.undelivered, counters.sent))
    return found


def parts_table(campaign: Campaign) -> list[tuple[str, int]]:
    """The five parts of an audience (R41)."""
    counters = campaign.progress
    return [
        ("sent", counters.sent),
        ("failed", counters.failed),
        ("pending", counters.pending),
        ("skipped", counters.skipped),
        ("unknown", counters.unknown),
    ]


def errors_table(found: Report) -> list[ErrorRow]:
    """Errors in words with advice, the most frequent first."""
    return [
        ErrorRow(line.text, line.code if line.code > 0 else None, line.n, line.after_sent, line.advice)
        for line in found.errors
    ]


def skips_table(found: Report) -> list[tuple[str, int]]:
    """Why rows were skipped, the most frequent first."""
    return [(report.SKIP_WORDS.get(reason, reason), n) for reason, n in found.skips.items()]


def always_true(campaign: Campaign) -> str:
    """R41 in one line, checked and not assumed."""
    parts = " + ".join(f"{name} {n:,}" for name, n in parts_table(campaign))
    verdict = "holds" if report.adds_up(campaign) else "DOES NOT ADD UP"
    return f"audience {campaign.progress.audience:,} = {parts}: {verdict}"


def facts(found: Report, zone: str) -> list[tuple[str, str]]:
    """Name, status, cause, what it is made of, times and credits."""
    campaign = found.campaign
    counters = campaign.progress
    lines = [("Campaign", campaign.name), ("Status", campaign.status.value.replace("_", " "))]
    if found.root_cause is not None:
        lines += [("Root cause", found.root_cause.text), ("What to do", found.root_cause.advice)]
    if campaign.hold is not None:
        lines.append(("On hold", campaign.hold.text))
    lines += [
        ("Template", "-" if found.template is None else found.template.ref),
        ("Sender", "-" if found.sender is None else phone.display(found.sender.number)),
        ("Audience file", "-" if campaign.audience is None else campaign.audience.file),
    ]
    lines += [(name, schedule.iso(at, zone)) for name, at in moments(campaign)]
    if campaign.started_at is not None:
        held = counters.reserved - counters.settled - counters.released
        spent, back = counted(counters.settled - found.refunded, "credit"), counters.released + found.refunded
        lines.append(("Credits", f"{spent} spent, {back:,} given back, {held:,} still reserved"))
    if found.bill:
        lines.append(("WhatsApp says", ", ".join(line.text for line in found.bill)))
    return [*lines, ("Adds up", always_true(campaign))]


def moments(campaign: Campaign) -> list[tuple[str, int]]:
    """When it was scheduled for, when it started and ended, as far as it came; UTC epoch milliseconds."""
    every = (("Scheduled", campaign.scheduled_at), ("Started", campaign.started_at), ("Ended", campaign.finished_at))
    return [(name, at) for name, at in every if at is not None]
