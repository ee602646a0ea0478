"""What stands around the recipients in a report: its head, its title, and the filter with what it lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from engine.text import counted, shown
from tui import report_view
from tui.recipient_cells import ALL, FILTERS
from tui.widgets.status_bar import READ_ONLY

if TYPE_CHECKING:
    from engine.report import Report
    from engine.timeline import Timeline
    from tui.recipient_cells import Reason


def head(report: Report, timeline: Timeline | None, now: int, width: int) -> Content:
    """What happened, as lines of at most `width` cells; `now` is UTC epoch milliseconds."""
    lines = [*report_view.summary(report, now), report_view.always_true(report.campaign, width)]
    if report.campaign.started_at is not None:
        lines += report_view.funnel(report.campaign, width)
    if timeline is not None:
        lines += report_view.timeline(timeline, report.zone, now, width)
    lines += report_view.skips(report, width)
    return report_view.joined([*lines, *report_view.errors(report), *report_view.facts(report, now)])


def title(read_only: bool, trouble: str) -> Content:
    """The left of the title line: what this is, whether nothing can be changed, and why it is not up to date."""
    told = Content.styled(" Report", "bold")
    if read_only:
        told = Content.assemble(told, "   ", (READ_ONLY, "bold reverse $held"))
    if trouble:
        told = Content.assemble(told, "   ", (f"! {shown(trouble)}", "bold $held"))
    return told


def filters(current: int, reason: Reason | None, n: int) -> Content:
    """The filters, which of them is in force, and how many rows it lets through."""
    names = [
        Content.styled(f"[{key} {name}]", "bold $foreground")
        if key == current and reason is None
        else Content(f"{key} {name}")
        for key, (name, _, _) in FILTERS.items()
    ]
    told = Content.assemble(" ", Content("  ").join(names), f"   {counted(n, 'row')}")
    if reason is None:
        return told
    return Content.assemble(told, "\n ", (f"[e {shown(reason.words)}]", "bold $foreground"))


def nobody(current: int, reason: Reason | None) -> tuple[str, ...]:
    """What to say where no row is let through, and the key that shows all with what it does, where one does."""
    if reason is not None:
        return "No recipient has that error any more.", str(ALL), "shows all"
    if current != ALL:
        return f"No recipient is {FILTERS[current][0]}.", str(ALL), "shows all"
    return ("There is no audience yet.",)
