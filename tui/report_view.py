"""The report as lines of text, for the pane below the list and for the report screen. Pure.

Everything that was typed, imported or received goes through `engine.text.shown`, and nothing is parsed as markup.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from engine import report, schedule
from engine import timeline as engine_timeline
from engine.clock import DAY
from engine.decide import HELD_BACK, HELD_WORDS
from engine.text import counted, shown
from store.types import Status
from tui.signs import REPEATS, bar, named, percent, sign, word

if TYPE_CHECKING:
    from engine.report import ErrorLine, Report
    from engine.timeline import Plot, Timeline
    from store.types import Campaign

_BAR = 24
_LEVELS = "▁▂▃▄▅▆▇█"
_LABEL = 14
_SKIPPED = "skipped  "
_PAUSES = 3
"""Holds that are told by their times; the plot shows the others."""


def summary(one: Report, now: int) -> list[Content]:
    """First thing in a report: the root cause with what to do, else in one sentence how it stands."""
    campaign = one.campaign
    name = named(campaign.name)
    if one.root_cause is not None:
        return [
            Content.assemble((name, "bold"), "   ", ("FAILED: ", "bold $failed"), one.root_cause.text),
            Content.assemble(("  What to do: ", "bold"), one.root_cause.advice),
            *([] if campaign.series_id is None else [_series(campaign)]),
        ]
    lines = [Content.assemble((name, "bold"), "   ", _state(campaign, one.zone, now))]
    if campaign.series_id is not None:
        lines.append(_series(campaign))
    if campaign.hold is not None:
        lifts = "  Press R to resume."
        if campaign.hold.until is not None:
            at = schedule.short(campaign.hold.until, one.zone, now)
            lifts = f"  It tries again by itself {at}."
            if campaign.hold.reason == HELD_BACK:
                lifts = f"  It ends by itself, at the latest {at}."
        lines.append(Content.assemble(("  on hold: ", "bold $held"), shown(campaign.hold.text), lifts))
    if one.held and (campaign.hold is None or campaign.hold.reason != HELD_BACK):
        told = f"{HELD_WORDS}, to see how people take the template; they count as pending and are never sent again."
        lines.append(Content.assemble((f"  {one.held:,} held: ", "bold $held"), told))
    if campaign.progress.unknown:
        lines.append(
            Content.assemble(
                (f"  {campaign.progress.unknown:,} unknown: ", "bold $held"),
                "handed over when the worker or the connection broke off; most such messages went out. "
                "They are never sent again by themselves; in the report u settles them by hand.",
            )
        )
    return lines


def _series(campaign: Campaign) -> Content:
    at = (campaign.occurrence or "").replace("T", " ")
    return Content(f"  {REPEATS} one of series {campaign.series_id}: its firing of {at}")


def _state(campaign: Campaign, zone: str, now: int) -> Content:
    status = campaign.status
    head = f"{sign(status, campaign.hold is not None)} {word(status, campaign.hold is not None)}"
    if status is Status.SCHEDULED and campaign.scheduled_at is not None:
        tail = schedule.describe(campaign.scheduled_at, zone, now)
    elif status is Status.IN_PROGRESS and campaign.started_at is not None:
        tail = f"since {schedule.short(campaign.started_at, zone, now)}"
    elif campaign.finished_at is not None:
        tail = schedule.short(campaign.finished_at, zone, now)
    else:
        tail = f"edited {schedule.short(campaign.edited_at, zone, now)}"
    return Content.assemble((head, f"bold ${'held' if campaign.hold is not None else status.value}"), f"  {tail}")


def always_true(campaign: Campaign, width: int = 120) -> Content:
    """R41 in one line, checked and not assumed; where there is no room for the word the sign has to do."""
    counters = campaign.progress
    text = (
        f"audience {counters.audience:,} = sent {counters.sent:,} + failed {counters.failed:,} "
        f"+ pending {counters.pending:,} + skipped {counters.skipped:,} + unknown {counters.unknown:,}"
    )
    holds = "  ✓ holds" if len(text) + len("  ✓ holds") <= width - 4 else "  ✓"
    verdict = (holds, "$text-muted") if report.adds_up(campaign) else ("  ✗ DOES NOT ADD UP", "bold $failed")
    return Content.assemble(text, verdict)


def funnel(campaign: Campaign, width: int) -> list[Content]:
    """Sent, delivered, read and failed: each n of m with its bar (R47)."""
    counters = campaign.progress
    valid = counters.audience - counters.skipped
    steps = [
        ("sent", counters.sent, valid),
        ("delivered", counters.delivered, counters.sent),
        ("read", counters.read, counters.delivered),
        ("failed", counters.failed, valid),
    ]
    if counters.undelivered:
        steps.append(("not delivered", counters.undelivered, counters.sent))
    size = max(8, min(_BAR, width - 52))
    return [
        Content.assemble(f"  {label:<14}", (report.NO_CALLBACKS, "$held"))
        if label in ("delivered", "read") and not campaign.delivery_known
        else Content.assemble(
            f"  {label:<14}",
            (bar(part / whole if whole else 0.0, size), _tone(label, part)),
            f"  {percent(part, whole):>6}   {part:,} of {whole:,}",
        )
        for label, part, whole in steps
    ]


def _tone(label: str, part: int) -> str:
    if not part:
        return "$text-muted"
    return "$failed" if label in ("failed", "not delivered") else "$accent"


def timeline(line: Timeline, zone: str, now: int, width: int) -> list[Content]:
    """What was sent when, from start to end, in one line of blocks with the holds marked, and its holds below."""
    plot = engine_timeline.plot(line, now, most=max(10, min(72, width - _LABEL - 6)))
    begins, ends = plot.at(0), plot.at(len(plot.counts))
    long = ends - begins > DAY
    first, last = (schedule.short(at, zone, now) if long else schedule.clock(at, zone)[:8] for at in (begins, ends))
    size = "nothing was sent"
    if plot.peak:
        words = engine_timeline.seconds(plot.width)
        size = f"{words if words[0].isdigit() else f'1 {words}'} a column, up to {plot.peak:,} sent"
    below = [f"{first} to {last}   {size}"]
    if _LABEL + len(below[0]) > width - 4:
        below = [f"{first} to {last}", size]
    return [
        Content.assemble(f"  {'timeline':<{_LABEL}}", *_blocks(plot)),
        *(Content.styled(f"  {'':<{_LABEL}}{text}", "$text-muted") for text in below),
        *_pauses(line, zone, now),
    ]


def _blocks(plot: Plot) -> list[tuple[str, str]]:
    drawn = []
    for n, held in zip(plot.counts, plot.held, strict=True):
        if n:
            drawn.append((_LEVELS[(len(_LEVELS) * n - 1) // plot.peak], "$accent"))
        else:
            drawn.append((sign(Status.IN_PROGRESS, True), "$held") if held else ("·", "$text-muted"))
    # As few runs as possible: each costs some forty bytes.
    return [("".join(block for block, _ in run), tone) for tone, run in groupby(drawn, key=lambda one: one[1])]


def _pauses(line: Timeline, zone: str, now: int) -> list[Content]:
    """The holds that are over; one that lasts stands above everything already."""
    over = [(pause, pause.until) for pause in line.pauses if pause.until is not None]
    told = []
    for pause, until in over[-_PAUSES:]:
        times = f"{schedule.short(pause.since, zone, now)} to {schedule.short(until, zone, now)}"
        told.append(Content.assemble(f"  {'on hold':<{_LABEL}}", (f"{times}: {shown(pause.reason)}", "$held")))
    if len(over) > len(told):
        more = f"and {counted(len(over) - len(told), 'hold')} before"
        told.append(Content.styled(f"  {'':<{_LABEL}}{more}", "$text-muted"))
    return told


def skips(one: Report, width: int) -> list[Content]:
    """Why rows were skipped, in one line, or in as many as it takes that no number is torn off its reason."""
    said: list[str] = []
    for reason, n in one.skips.items():
        part = f"{report.SKIP_WORDS.get(reason, reason)} {n:,}"
        longer = f"{said[-1]}   {part}" if said else part
        if said and cell_len(_SKIPPED + longer) <= width:
            said[-1] = longer
        else:
            said.append(part)
    labels = [(_SKIPPED, "bold"), *[(" " * len(_SKIPPED), "")] * (len(said) - 1)]
    return [Content.assemble(label, line) for label, line in zip(labels, said, strict=False)]


def errors(one: Report, limit: int | None = None) -> list[Content]:
    """Gateway errors in words, the most frequent first, each with its advice."""
    lines: list[Content] = []
    for line in one.errors[:limit]:
        lines.append(_error(line))
        lines.append(Content.styled(f"          {line.advice}", "$text-muted"))
    return lines


def _error(line: ErrorLine) -> Content:
    code = f" ({line.code})" if line.code > 0 else ""
    after = ", after it was sent" if line.after_sent else ""
    return Content.assemble((f"  {line.n:>7,} ", "bold"), f"{line.text}{code}{after}")


def facts(one: Report, now: int) -> list[Content]:
    """Template, sender, price, times: what an operator asks next."""
    from engine import phone

    campaign = one.campaign
    template = "-" if one.template is None else shown(one.template.ref)
    sender = "-" if one.sender is None else phone.display(one.sender.number)
    counters = campaign.progress
    lines = [
        Content.assemble(
            ("template ", "$text-muted"),
            template,
            ("   sender ", "$text-muted"),
            sender,
            ("   file ", "$text-muted"),
            "-" if campaign.audience is None else shown(campaign.audience.file),
        ),
        Content.assemble(
            ("credits ", "$text-muted"),
            f"{counters.settled - one.refunded:,} spent, {counters.released + one.refunded:,} given back, "
            f"{counters.reserved - counters.settled - counters.released:,} still reserved"
            + (f", {one.unpaid:,} never taken: none was free" if one.unpaid else "")
            if campaign.started_at is not None
            else f"none taken, {campaign.price:,} needed"
            if campaign.finished_at is not None
            else f"{campaign.price:,} needed",
        ),
    ]
    if one.bill:
        told = ", ".join(line.text for line in one.bill)
        lines.append(Content.assemble(("WhatsApp says ", "$text-muted"), told))
    moments = [
        (label, at)
        for label, at in (
            ("scheduled", campaign.scheduled_at),
            ("started", campaign.started_at),
            ("ended", campaign.finished_at),
        )
        if at is not None
    ]
    if moments:
        lines.append(
            Content.from_text(
                "   ".join(f"{label} {schedule.short(at, one.zone, now)}" for label, at in moments), markup=False
            )
        )
    return lines


def pane(one: Report, now: int, width: int) -> list[Content]:
    """The report pane below the list: what needs a person first."""
    lines = [*summary(one, now), Content("  ") + always_true(one.campaign, width)]
    lines += [Content("  ") + line for line in skips(one, width - 2)]
    if one.campaign.started_at is not None:
        lines.extend(funnel(one.campaign, width))
    lines.extend(errors(one, limit=3))
    return lines


def joined(lines: list[Content]) -> Content:
    """Lines as one text."""
    return Content("\n").join(lines)
