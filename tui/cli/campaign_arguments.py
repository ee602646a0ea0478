"""The arguments of `sendoff campaign`."""

from __future__ import annotations

from tui.cli.parser_parts import add_command, add_group, path, whole

# Not from typing: see tui.cli.parser_parts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from tui.cli.parser_parts import Parser, Subparsers

STATUSES = ("draft", "scheduled", "in_progress", "completed", "failed", "cancelled")
SORTS = ("when", "name", "status", "sender", "template", "audience", "progress", "sent", "delivered", "read", "failed")
ENDPOINTS = ("messages", "marketing_messages")
POLICIES = ("fallback", "strict")
LONGEST_GRACE = 30 * 24 * 60


def campaign(commands: Subparsers, text: str) -> None:
    """Add the group with everything in it."""
    group = add_group(commands, "campaign", text)
    _drafts(group)
    _launch(group)
    _reading(group)


def _drafts(group: Subparsers) -> None:
    create = add_command(group, "create", "drafts:create", "make a Draft and print its id", writes=True)
    _content(create, required=True)
    edit = _with_id(add_command(group, "edit", "drafts:edit", "change what is given of a Draft", writes=True))
    _content(edit, required=False)
    delete = _with_id(add_command(group, "delete", "drafts:delete", "delete a Draft", writes=True))
    _confirmed(delete)
    _with_id(add_command(group, "restore", "drafts:restore", "bring a deleted Draft back, for 7 days", writes=True))
    duplicate = _with_id(
        add_command(
            group, "duplicate", "drafts:duplicate", "make a new Draft of a campaign and print its id", writes=True
        )
    )
    duplicate.add_argument(
        "--only", choices=("failed", "unknown", "unread"), help="with this part of the audience instead of all"
    )


def _launch(group: Subparsers) -> None:
    _with_id(add_command(group, "preflight", "launch:preflight", "list everything that stands before the launch"))
    schedule = _with_id(add_command(group, "schedule", "launch:schedule_at", "schedule a Draft", writes=True))
    _time(schedule)
    _confirmed(_with_id(add_command(group, "send", "launch:send", "send a Draft now", writes=True)))
    _confirmed(_with_id(add_command(group, "cancel", "launch:cancel", "cancel a Scheduled campaign", writes=True)))
    _confirmed(
        _with_id(add_command(group, "reopen", "launch:reopen", "take a Scheduled campaign back to Draft", writes=True))
    )
    reschedule = _with_id(
        add_command(group, "reschedule", "launch:reschedule", "give a Scheduled campaign another time", writes=True)
    )
    _time(reschedule)
    resume = _with_id(add_command(group, "resume", "launch:resume", "let a run that is on hold go on", writes=True))
    resume.add_argument("--endpoint", choices=ENDPOINTS, help="by this endpoint of WhatsApp's from now on")
    settle = _with_id(
        add_command(group, "settle", "settling:settle", "decide what became of unknown recipients", writes=True)
    )
    settle.add_argument("numbers", metavar="NUMBER", nargs="*", help="with + and country code")
    settle.add_argument("--all", action="store_true", help="all that are unknown instead of some numbers")
    settle.add_argument("--as", dest="fate", required=True, choices=("sent", "failed"), help="what becomes of them")
    _confirmed(settle)


def _reading(group: Subparsers) -> None:
    listing = add_command(group, "list", "listing:show_list", "list campaigns")
    listing.add_argument("--status", type=_status, choices=STATUSES, metavar="S", help=", ".join(STATUSES))
    listing.add_argument("--sender", metavar="S", help="a sender's number")
    listing.add_argument("--from", dest="since", metavar="D", help="a date or time in the account's zone")
    listing.add_argument("--to", dest="until", metavar="D", help="a date, that day included, or a time")
    listing.add_argument("--search", default="", metavar="T", help="part of a name or a template's name")
    listing.add_argument("--sort", choices=SORTS, default="when", metavar="C", help=", ".join(SORTS))
    listing.add_argument("--reverse", action="store_true", help="the other way round")
    listing.add_argument("--deleted", action="store_true", help="the deleted drafts that can be restored instead")
    listing.add_argument("--limit", type=whole(1), metavar="N", help="only the first N")
    _with_id(add_command(group, "show", "reading:show", "show a campaign"))
    report = _with_id(add_command(group, "report", "reading:show_report", "report what became of a campaign"))
    report.add_argument("--csv", type=path, metavar="F", help="write one line for every audience row to this file")
    report.add_argument("--xlsx", type=path, metavar="F", help="write a workbook: the figures, and every audience row")
    report.add_argument("--html", type=path, metavar="F", help="write the report as one page that needs nothing else")
    why = _with_id(
        add_command(group, "why", "reading:show_why", "tell everything that was decided about a number, in order")
    )
    why.add_argument("number", metavar="NUMBER", help="as in the file, or with its country code")


def _with_id(parser: Parser) -> Parser:
    parser.add_argument("id", type=whole(1), metavar="ID", help="the campaign's id")
    return parser


def _confirmed(parser: Parser) -> None:
    parser.add_argument("--yes", action="store_true", help="really do it")


def _time(parser: Parser) -> None:
    parser.add_argument("--at", required=True, metavar="TIME", help='such as "2026-12-01 10:00" or "tomorrow 10:00"')
    parser.add_argument("--timezone", metavar="ZONE", help="the zone the time is meant in; default: the account's")


def _content(parser: Parser, *, required: bool) -> None:
    parser.add_argument("--name", required=required, metavar="N")
    parser.add_argument("--template", required=required, metavar="T[:LANG]")
    parser.add_argument("--sender", required=required, metavar="S", help="a sender's number")
    parser.add_argument("--audience", type=path, required=required, metavar="FILE", help="CSV or XLSX")
    parser.add_argument("--country", metavar="CC", help="two letters: completes national numbers")
    parser.add_argument("--number-column", metavar="C", help="the column with the numbers")
    parser.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook")
    for option, value, text in (
        ("map", "COLUMN", "fill a placeholder from a column"),
        ("fixed", "TEXT", "fill a placeholder with the same text for all"),
        ("fallback", "TEXT", "what a blank cell becomes"),
    ):
        parser.add_argument(
            f"--{option}", action="append", default=[], metavar=f"PLACEHOLDER={value}", help=f"{text}; repeatable"
        )
    parser.add_argument(
        "--endpoint", choices=ENDPOINTS, help="which endpoint of WhatsApp's takes it; default: messages"
    )
    parser.add_argument(
        "--product-policy", choices=POLICIES, help="what marketing_messages does with what it cannot take itself"
    )
    parser.add_argument(
        "--activity-sharing", choices=("yes", "no"), help="whether marketing_messages may share what people do"
    )
    parser.add_argument("--over-quota", choices=("fail", "wait"), help="what a run does at the messaging quota")
    parser.add_argument(
        "--grace", type=whole(0, LONGEST_GRACE), metavar="MINUTES", help="how late it may still start; default: 60"
    )


def _status(text: str) -> str:
    return text.strip().lower().replace("-", "_").replace(" ", "_")
