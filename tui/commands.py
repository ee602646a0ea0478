"""The registry of everything a key does in the console.

Bindings, footer, help, palette and the read-only gate are made from it, so that no screen can forget one of them.

Keys that are something else in a terminal are kept off: ctrl+h, i, j, m (backspace, tab, newline, enter), ctrl+a and
ctrl+b (screen, tmux), ctrl+z (suspend). Forms use no single letters, because a field takes them as text.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.lifecycle import Action
from store.types import Status
from tui.command import Command, Context, Scope, always, binding, on_campaign, on_campaigns
from tui.declaring import declare

if TYPE_CHECKING:
    from textual.binding import BindingType

_DRAFTS = (Status.DRAFT,)
_SCHEDULED = (Status.SCHEDULED,)
_RUNNING = (Status.IN_PROGRESS,)
_REPORTED = (Status.IN_PROGRESS, Status.COMPLETED, Status.FAILED)
_UNTIL = "possible until 5 minutes before its time"

_campaign = partial(declare, Scope.CAMPAIGNS, "Campaign", when=on_campaign)
_campaigns = partial(declare, Scope.CAMPAIGNS, "Campaign", when=on_campaigns, many=True)
_list = partial(declare, Scope.CAMPAIGNS, "List")
_tab = partial(declare, Scope.CAMPAIGNS, "Tabs")
_row = partial(declare, Scope.TABLE, "Moving")
_draft = partial(declare, Scope.DRAFT, "Draft")
_report = partial(declare, Scope.REPORT, "Report")
_recipients = partial(declare, Scope.REPORT, "Recipients")
_audit = partial(declare, Scope.AUDIT, "Audit trail")
_series = partial(declare, Scope.SERIES, "Series")
_optouts = partial(declare, Scope.OPT_OUTS, "Opt-outs")
_console = partial(declare, Scope.EVERYWHERE, "Console")


def _some_unknown(context: Context) -> str | None:
    """There has to be a recipient of whom nobody knows whether the message went out."""
    unknown = 0 if context.subject is None else context.subject.progress.unknown
    return None if unknown else "No recipient of this campaign is unknown."


_ON_CAMPAIGNS = (
    _campaign("campaign.open", "enter", "report", "Open the report, or the draft.", footer=1),
    _campaign(
        "campaign.new", "n", "new", "Start a new draft.", when=always, writes=True, engine="campaign.create", footer=2,
    ),
    _campaign("campaign.edit", "e", "edit", "Edit the draft.", act=Action.EDIT, footer=3, only=_DRAFTS),
    _campaigns(
        "campaign.cancel", "c", "cancel", f"Cancel what is scheduled; {_UNTIL}.",
        act=Action.CANCEL, footer=3, only=_SCHEDULED,
    ),
    _campaigns(
        "campaign.resume", "R", "resume", "Let a run that is on hold go on.",
        act=Action.RESUME, footer=3, only=_RUNNING,
    ),
    _campaign(
        "campaign.reroute", "M", "other endpoint",
        "Let a run that is on hold go on by WhatsApp's other endpoint: marketing_messages, or messages.",
        act=Action.RESUME, engine="campaign.reroute", only=_RUNNING,
    ),
    _campaigns(
        "campaign.send", "S", "send now", "Send the draft at once; that cannot be cancelled.",
        act=Action.SEND_NOW, footer=4, only=_DRAFTS,
    ),
    _campaigns(
        "campaign.reopen", "b", "back to draft", f"Take what is scheduled back to draft; {_UNTIL}.",
        act=Action.REOPEN, footer=4, only=_SCHEDULED,
    ),
    _campaigns(
        "campaign.duplicate", "D", "duplicate", "Make a new draft with the same content and audience.",
        act=Action.DUPLICATE, footer=5,
    ),
    _campaigns("campaign.delete", "d", "delete", "Delete the draft.", act=Action.DELETE, footer=6, only=_DRAFTS),
    _campaign(
        "campaign.restore", "z", "restore", "Undo the deletion of a draft, within 7 days.", when=always, writes=True,
        engine="campaign.restore",
    ),
    _campaign(
        "campaign.reschedule", "t", "reschedule", f"Give what is scheduled another time; {_UNTIL}.",
        act=Action.RESCHEDULE, footer=6, only=_SCHEDULED,
    ),
    _campaigns(
        "campaign.export", "x", "export",
        "Write the recipients as CSV or XLSX, or the whole report as a page of HTML.",
        footer=6, only=_REPORTED,
    ),
    _campaign("campaign.audit", "a", "its audit trail", "Who did what with this campaign.", "audit_one"),
    _campaign("campaign.copy", "y", "copy", "Copy name, status and figures to the clipboard."),
    _list("list.search", "/", "search", "Search names and templates.", footer=9),
    _list("list.filter", "f", "filter", "Show only a range of days, or one sender."),
    _list("list.sort", "s", "sort", "Sort by the next column."),
    _list("list.reverse", "o", "reverse", "Reverse the order."),
    _list("list.refresh", "r", "refresh", "Read everything again now."),
    _list("list.clear", "escape", "clear", "Clear the search, then the filter, then the marks."),
    _tab("tab.next", "]", "next tab", "Show the next status.", "next_tab(1)"),
    _tab("tab.previous", "[", "previous tab", "Show the previous status.", "next_tab(-1)"),
    _tab("tab.0", "0", "all", "Show campaigns of every status.", "tab(0)"),
    *(
        _tab(f"tab.{n}", f"{n}", words, f"Show only campaigns that are {words}.", f"tab({n})")
        for n, words in enumerate((status.replace("_", " ") for status in Status), 1)
    ),
    _campaign(
        "campaign.repeat", "P", "repeat", "Make a series of it, which fires again and again by a cron expression.",
        writes=True, engine="series.create",
    ),
    _list("list.series", "E", "series", "What repeats: pause, resume, end, and when it fires next."),
    _list("list.optouts", "U", "opt-outs", "Who gets no campaign: add, remove, import, export."),
    _list(
        "list.limits", "L", "limits", "Messaging quota, frequency cap and countries of the account: see and set them.",
        writes=True, engine="account.limits",
    ),
    _list(
        "list.sync", "W", "sync", "Bring templates and senders in step with WhatsApp.", writes=True,
        engine="template.sync",
    ),
    _list("list.audit", "A", "audit trail", "Who did what, when and from where."),
    _list("list.quit", "q", "quit", "Quit; what is being sent is stopped in order.", "app.quit"),
)  # fmt: skip

_IN_TABLE = (
    _row("table.mark", "space", "mark", "Mark or unmark the row.", footer=8),
    _row("table.down", "down j", "down", "One row down.", "move(1)"),
    _row("table.up", "up k", "up", "One row up.", "move(-1)"),
    _row("table.page_down", "pagedown ctrl+d", "page down", "One page down.", "page(1)"),
    _row("table.page_up", "pageup ctrl+u", "page up", "One page up.", "page(-1)"),
    _row("table.top", "home g", "top", "To the first row.", "edge(False)"),
    _row("table.bottom", "end G", "bottom", "To the last row.", "edge(True)"),
)

_IN_DRAFT = (
    _draft(
        "draft.save", "ctrl+s f2", "save", "Save the draft as it is; no problem keeps it from being saved.",
        writes=True, engine="campaign.edit", footer=1,
    ),
    _draft(
        "draft.test", "ctrl+t", "test", "Send the message to up to 5 numbers, to see it on a phone.",
        writes=True, engine="campaign.test_send", footer=2,
    ),
    _draft(
        "draft.schedule", "ctrl+g", "schedule", "Schedule it for the time typed, or send it now.",
        act=Action.SCHEDULE, footer=2,
    ),
    _draft("draft.back", "escape", "back", "Back to the list; asks when something is not saved.", footer=3),
    _draft("draft.next", "tab", "next field", "To the next field; shift+tab goes back.", "app.focus_next", footer=4),
    _draft("draft.problem", "f8", "next problem", "To the field of the first problem; again, to the next.", footer=5),
    _draft(
        "draft.flip", "f6", "form / preview",
        "In a narrow terminal change between the form and what will happen.",
    ),
    _draft("draft.step_back", "f3", "previous recipient", "Preview the previous recipient.", "step(-1)"),
    _draft("draft.step_on", "f4", "next recipient", "Preview the next recipient.", "step(1)"),
    _draft(
        "draft.upload", "f7", "upload", "Upload a file for the header, and fill it with that.", writes=True,
        engine="media.upload",
    ),
    _draft("draft.skipped", "f9", "skipped rows", "Show the rows that get no message, with their reasons."),
)  # fmt: skip

_IN_REPORT = (
    _report("report.back", "escape q", "back", "Back to the list.", footer=1),
    _recipients("report.why", "w", "why", "Everything that was decided about the recipient, in order.", footer=2),
    _recipients("report.search", "/", "search", "Find a number.", footer=3),
    _report(
        "report.export", "x", "export", "Write the recipients as CSV or XLSX, or the whole report as a page of HTML.",
        when=on_campaign, footer=4,
    ),
    _report(
        "report.duplicate", "D", "duplicate",
        "Make a new draft of the failed ones that may be retried, the unknown, the unread ones, or all.",
        act=Action.DUPLICATE, when=on_campaign, footer=5,
    ),
    _report(
        "report.resume", "R", "resume", "Let a run that is on hold go on.",
        act=Action.RESUME, when=on_campaign, footer=2, only=_RUNNING,
    ),
    _report(
        "report.reroute", "M", "other endpoint",
        "Let a run that is on hold go on by WhatsApp's other endpoint: marketing_messages, or messages.",
        act=Action.RESUME, engine="campaign.reroute", when=on_campaign, only=_RUNNING,
    ),
    _report(
        "report.summary", "tab", "summary", "Change between the summary and the recipients, to scroll either.",
        "app.focus_next", footer=6,
    ),
    _recipients(
        "report.settle", "u", "settle", "Decide what became of the unknown recipient under the cursor.",
        writes=True, engine="campaign.settle", when=_some_unknown,
    ),
    _recipients(
        "report.settle_all", "U", "settle all unknown", "Decide what became of all that are unknown.",
        writes=True, engine="campaign.settle", when=_some_unknown,
    ),
    _report("report.refresh", "r", "refresh", "Read everything again now."),
    _report("report.audit", "A", "audit trail", "Who did what with this campaign.", when=on_campaign),
    _recipients("report.copy", "y", "copy", "Copy the number, or those of all marked rows, to the clipboard."),
    _recipients("report.reason", "e", "next error", "Show only recipients with one error or reason; again, the next."),
    _recipients("report.state.1", "1", "all", "Show every recipient.", "state(1)"),
    *(
        _recipients(f"report.state.{n}", f"{n}", state, f"Show only recipients that are {state}.", f"state({n})")
        for n, state in enumerate(("pending", "sent", "failed", "unknown", "skipped", "read"), 2)
    ),
)  # fmt: skip

_IN_AUDIT = (
    _audit("audit.back", "escape q", "back", "Close the search, else back to where you were.", footer=1),
    _audit("audit.search", "/", "search", "Find a text in any part of an event.", footer=2),
    _audit(
        "audit.campaign", "c", "campaign / all", "Show only the campaign of the event; again, every campaign.",
        footer=3,
    ),
    _audit("audit.details", "tab", "details", "Change between the list and the event, to scroll either.",
           "app.focus_next", footer=4),
    _audit("audit.refresh", "r", "refresh", "Read everything again now.", footer=5),
    _audit("audit.copy", "y", "copy", "Copy the event to the clipboard."),
)  # fmt: skip

_IN_SERIES = (
    _series("series.back", "escape q", "back", "Back to the list.", footer=1),
    _series("series.campaign", "enter", "campaign", "To the campaign in the list that was made last.", footer=2),
    _series(
        "series.pause", "p", "pause", "Make no firings until it is resumed.", writes=True, engine="series.pause",
        footer=3,
    ),
    _series("series.resume", "R", "resume", "Make firings again, from now on.", writes=True, engine="series.resume",
            footer=4),
    _series("series.end", "d", "end", "End it for good.", writes=True, engine="series.end", footer=5),
    _series("series.details", "tab", "details", "Change between the list and the series, to scroll either.",
            "app.focus_next", footer=6),
    _series("series.refresh", "r", "refresh", "Read everything again now."),
)  # fmt: skip

_IN_OPT_OUTS = (
    _optouts("optouts.back", "escape q", "back", "Close the search, else back to the list of campaigns.", footer=1),
    _optouts("optouts.search", "/", "search", "Find numbers by their digits.", footer=2),
    _optouts("optouts.add", "a", "add", "Opt a number out, at once.", writes=True, engine="optout.add", footer=3),
    _optouts(
        "optouts.remove", "d", "remove", "Let the number under the cursor get campaigns again.", writes=True,
        engine="optout.remove", footer=4,
    ),
    _optouts(
        "optouts.import", "i", "import", "Opt out every number of a CSV or XLSX file.", writes=True,
        engine="optout.import", footer=5,
    ),
    _optouts(
        "optouts.export", "x", "export", "Write the list with dates and origins to a CSV file.", writes=True,
        engine="optout.export", footer=6,
    ),
    _optouts("optouts.refresh", "r", "refresh", "Read the list again now."),
    _optouts("optouts.copy", "y", "copy", "Copy the number to the clipboard."),
)  # fmt: skip

_EVERYWHERE = (
    _console("console.help", "? f1", "help", "All keys of this screen.", footer=98, pinned=True),
    _console(
        "console.palette", ": ctrl+p", "commands", "Find a command by its name.", "app.command_palette",
        footer=99, pinned=True,
    ),
    _console("console.quit", "ctrl+q", "quit", "Quit; what is being sent is stopped in order.", "app.quit"),
)  # fmt: skip

_ALL = (*_ON_CAMPAIGNS, *_IN_TABLE, *_IN_DRAFT, *_IN_REPORT, *_IN_AUDIT, *_IN_SERIES, *_IN_OPT_OUTS, *_EVERYWHERE)
COMMANDS: dict[str, Command] = {command.id: command for command in _ALL}


def of(*scopes: Scope) -> list[Command]:
    """The commands of these scopes, in the registry's order."""
    return [command for command in COMMANDS.values() if command.scope in scopes]


def bindings(*scopes: Scope) -> list[BindingType]:
    """Textual's bindings for the commands of these scopes."""
    return [binding(command) for command in of(*scopes)]


def commands_of(scope: Scope) -> list[Command]:
    """Every command of a screen: its own, its table's, and those that work everywhere."""
    table = () if scope in (Scope.DRAFT, Scope.EVERYWHERE) else (Scope.TABLE,)
    return of(scope, *table, Scope.EVERYWHERE)
