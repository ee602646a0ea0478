"""`sendoff campaign show`, `report` and `why` (R40, R41, R47, R48, R50)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine import expiry, export, report, routes, schedule, testsends, timeline, why
from engine.errors import BadInput
from engine.phone import display
from engine.text import counted
from store.types import ORDINARY, Status
from tui.cli.telling import named, sentence
from tui.signs import percent, word

if TYPE_CHECKING:
    from argparse import Namespace

    from engine.report import Report
    from engine.timeline import Timeline
    from store.types import Campaign, Fill
    from tui.cli.session import Session
    from tui.output import Output


def show(options: Namespace, session: Session) -> int:
    """Show a campaign as it stands, with what it is made of."""
    found = report.read(options.id)
    campaign = found.campaign
    if session.output.as_json:
        session.output.document({**report.campaign_json(campaign, found.zone, found.sender), **_content_json(campaign)})
        return 0
    _head(session.output, found)
    audience = campaign.audience
    lines = [
        ("sender", "-" if found.sender is None else display(found.sender.number)),
        ("template", "-" if found.template is None else found.template.ref),
        ("audience", "-" if audience is None else f"{audience.file}, numbers in column {audience.number_column}"),
        *((key, _fill(fill)) for key, fill in campaign.fills.items()),
        ("price", f"{campaign.price:,} credits"),
        ("over quota", campaign.over_quota.value),
        ("grace", f"{campaign.grace} min"),
        *([] if campaign.route == ORDINARY else [("endpoint", routes.words(campaign.route))]),
        ("created by", campaign.created_by),
    ]
    if campaign.status is Status.DRAFT:
        left = expiry.left(campaign.edited_at, session.context.clock.now())
        if left is not None:
            lines.append(("deleted in", f"{schedule.duration(left)}, unless it is edited"))
    session.output.facts(lines)
    return 0


def _content_json(campaign: Campaign) -> dict[str, object]:
    audience = campaign.audience
    return {
        "audience_file": None if audience is None else audience.file,
        "columns": None if audience is None else list(audience.columns),
        "number_column": None if audience is None else audience.number_column,
        "country": None if audience is None else audience.country,
        "placeholders": {
            key: {"column": fill.column, "fixed": fill.fixed, "fallback": fill.fallback}
            for key, fill in campaign.fills.items()
        },
        "over_quota": campaign.over_quota.value,
        "grace": campaign.grace,
        "endpoint": campaign.route.endpoint.value,
        "product_policy": None if campaign.route.product_policy is None else campaign.route.product_policy.value,
        "activity_sharing": campaign.route.activity_sharing,
        "duplicate_of": campaign.duplicate_of,
    }


def _fill(fill: Fill) -> str:
    source = f'always "{fill.fixed}"' if fill.fixed is not None else f"column {fill.column}" if fill.column else "-"
    return source if fill.fallback is None else f'{source}, else "{fill.fallback}"'


def show_report(options: Namespace, session: Session) -> int:
    """Report what became of a campaign, and write it to the files that are named."""
    found = report.read(options.id)
    line = timeline.read(found.campaign)
    document = {**report.report_json(found), "timeline": _timeline_json(line, found.zone)}
    written = []
    named = [file.resolve() for file in (options.csv, options.xlsx, options.html) if file is not None]
    if len(named) > len(set(named)):
        raise BadInput("same_file", "Two of these would be written to one file.", "Give each a name of its own.")
    for name, write in (
        ("csv", export.write_csv),
        ("xlsx", export.write_xlsx),
        ("html", partial(export.write_html, now=session.now)),
    ):
        file = getattr(options, name)
        if file is not None:
            written.append((file, write(options.id, file, found.zone)))
            document[name] = {"file": str(file), "rows": written[-1][1]}
    if session.output.as_json:
        session.output.document(document)
        return 0
    _print_report(session.output, found)
    _print_pauses(session.output, line, found.zone)
    for file, rows in written:
        session.output.say(f"{counted(rows, 'row')} written to {file}.")
    return 0


def _timeline_json(line: Timeline | None, zone: str) -> dict[str, object] | None:
    if line is None:
        return None

    def iso(at: int | None) -> str | None:
        return None if at is None else schedule.iso(at, zone)

    return {
        "start": iso(line.start),
        "end": iso(line.end),
        "sent": [{"at": iso(line.start + second * 1_000), "n": n} for second, n in sorted(line.slices.items())],
        "holds": [{"from": iso(one.since), "to": iso(one.until), "reason": one.reason} for one in line.pauses],
    }


def _print_pauses(output: Output, line: Timeline | None, zone: str) -> None:
    for pause in () if line is None else line.pauses:
        until = "now" if pause.until is None else schedule.iso(pause.until, zone)
        output.say(f"on hold from {schedule.iso(pause.since, zone)} to {until}: {pause.reason}")


def show_why(options: Namespace, session: Session) -> int:
    """Tell everything that was decided about a number in a campaign, in order."""
    found = why.read(options.id, options.number)
    if session.output.as_json:
        session.output.document(why.why_json(found))
        return 0
    session.output.say(f"why {found.number} in {named(found.campaign)}: {found.stands}")
    session.output.facts(
        [
            ("-" if event.at is None else schedule.iso(event.at, found.zone), why.text(event, found.zone))
            for event in found.events
        ]
    )
    return 0


def _print_report(output: Output, found: Report) -> None:
    _head(output, found)
    _figures(output, found.campaign)
    if found.bill:
        output.say(f"WhatsApp says: {', '.join(line.text for line in found.bill)}")
    if found.errors:
        rows = [
            (f"{line.n:,}", f"{line.code}", line.text, "after it was sent" if line.after_sent else "", line.advice)
            for line in found.errors
        ]
        output.table(("N", "CODE", "ERROR", "", "WHAT TO DO"), rows, right=("N", "CODE"))
    if found.skips:
        rows_by_reason = [(f"{n:,}", reason.replace("_", " ")) for reason, n in found.skips.items()]
        output.table(("N", "SKIPPED"), rows_by_reason, right=("N",))
    if found.tests:
        rows_of_tests = [(display(one.phone), testsends.words(one), one.actor) for one in found.tests]
        output.table(("TEST SEND", "NOT IN THE FIGURES", "BY"), rows_of_tests)


def _head(output: Output, found: Report) -> None:
    """Name and status; of a failed campaign first thing why and what to do (R40)."""
    campaign = found.campaign
    output.say(f"{sentence(named(campaign))}: {word(campaign.status, campaign.hold is not None)}")
    if found.root_cause is not None:
        output.say(f"{found.root_cause.text} ({found.root_cause.code})")
        output.say(f"What to do: {found.root_cause.advice}")
    if campaign.hold is not None:
        until = campaign.hold.until
        lifts = "Resume it: sendoff campaign resume" if until is None else f"Until {schedule.iso(until, found.zone)}."
        output.say(f"On hold: {campaign.hold.text}. {lifts}")
    times = (
        ("scheduled", campaign.scheduled_at),
        ("started", campaign.started_at),
        ("finished", campaign.finished_at),
    )
    for what, at in times:
        if at is not None:
            output.say(f"{what} {schedule.iso(at, found.zone)}")


def _figures(output: Output, campaign: Campaign) -> None:
    counters = campaign.progress
    holds = "" if report.adds_up(campaign) else "   DOES NOT ADD UP"
    output.say(
        f"audience {counters.audience:,} = skipped {counters.skipped:,} + pending {counters.pending:,} "
        f"+ sent {counters.sent:,} + failed {counters.failed:,} + unknown {counters.unknown:,}{holds}"
    )
    valid = counters.audience - counters.skipped
    shares = (
        ("sent", counters.sent, valid),
        ("delivered", counters.delivered, counters.sent),
        ("read", counters.read, counters.delivered),
        ("failed", counters.failed, valid),
    )
    known = campaign.delivery_known
    rows = [
        (name, f"{part:,}", f"of {whole:,}", percent(part, whole))
        for name, part, whole in shares
        if known or name not in ("delivered", "read")
    ]
    output.table(("", "N", "", "SHARE"), rows, right=("N", "SHARE"))
    if not known:
        output.say(f"delivered and read: {report.NO_CALLBACKS}. Run sendoff callbacks, or import what was relayed.")
