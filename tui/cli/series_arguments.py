"""The arguments of `sendoff series`."""

from __future__ import annotations

from tui.cli.parser_parts import add_command, add_group, whole

# Not from typing: see tui.cli.parser_parts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from tui.cli.parser_parts import Parser, Subparsers


def series(commands: Subparsers, text: str) -> None:
    """Add the group with everything in it."""
    group = add_group(commands, "series", text)
    create = add_command(group, "create", "series:create", "repeat a campaign and print the series' id", writes=True)
    create.add_argument(
        "--from",
        dest="source",
        type=whole(1),
        required=True,
        metavar="ID",
        help="the campaign to repeat, of any status",
    )
    create.add_argument(
        "--cron",
        required=True,
        metavar="C",
        help='minute, hour, day of month, month, day of week; "0 10 * * MON" is every Monday at 10:00',
    )
    create.add_argument("--timezone", metavar="ZONE", help="whose clocks it follows; default: the account's")
    create.add_argument("--until", metavar="D", help="the last day, that day included, or the last moment")
    create.add_argument("--name", metavar="N", help="what its campaigns are called; default: as the campaign")
    add_command(group, "list", "series:show_list", "list the series")
    _with_id(add_command(group, "show", "series:show", "show a series with its next and its last firings"))
    _with_id(add_command(group, "pause", "series:pause", "make no firings until it is resumed", writes=True))
    _with_id(add_command(group, "resume", "series:resume", "make firings again, from now on", writes=True))
    end = _with_id(add_command(group, "end", "series:end", "end a series for good", writes=True))
    end.add_argument("--yes", action="store_true", help="really do it")


def _with_id(parser: Parser) -> Parser:
    parser.add_argument("id", type=whole(1), metavar="ID", help="the series' id")
    return parser
