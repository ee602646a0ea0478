"""A line of arguments as a command with its options: the contract with operators and their scripts."""

from __future__ import annotations

from engine.errors import BadInput
from tui.cli.parser_parts import Command, Parser, add_global_options
from tui.cli.version import VERSION

# Not from typing: see tui.cli.parser_parts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read a command line.

    The answer has `command`, the global options `database`, `config`, `restricted`, `read_only` and `json`, and the
    command's own. Raises `BadInput` with code `usage`, and `SystemExit` after --help or --version was answered.
    """
    options = build(arguments).parse_args(arguments)
    missing = {"database": None, "config": None, "restricted": None, "read_only": False, "json": False}
    for name, default in missing.items():
        if not hasattr(options, name):
            setattr(options, name, default)
    _check_text(options)
    return options


def _check_text(options: argparse.Namespace) -> None:
    """Refuse text that is not what the terminal's encoding can write; names of files may be anything."""
    for value in vars(options).values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text):
                raise BadInput("usage", f"{text!a} is not valid text.", "Type it in the terminal's encoding, UTF-8.")


def build(arguments: Sequence[str]) -> Parser:
    """The parser for a command line: every group of commands by name, and the arguments of those that it mentions."""
    parser = Parser(
        prog="sendoff",
        description="An operator console for WhatsApp template campaigns. Without a command it opens the console.",
        epilog="Secrets come from SENDOFF_TOKEN, SENDOFF_APP_SECRET and SENDOFF_VERIFY_TOKEN or the secrets file.",
    )
    parser.add_argument("--version", action="version", version=f"sendoff {VERSION}")
    add_global_options(parser)
    parser.set_defaults(command=Command("", "console:console", False, None))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, text in _COMMANDS.items():
        if name not in arguments:
            # Only listed: filling in all of them would double the time to start.
            commands.add_parser(name, help=text, add_help=False)
            continue
        from tui.cli.arguments import FILL

        FILL[name](commands, text)
    return parser


_COMMANDS = {
    "demo": "open the console on a throw-away database with sample campaigns",
    "init": "create or migrate the database and its account",
    "gateway": "show and set the way to WhatsApp",
    "sender": "add, sync and list senders",
    "template": "add, sync, list and show templates",
    "media": "upload files for headers",
    "credits": "add credits, show the balance and the ledger",
    "limits": "show and set messaging quota, frequency cap and countries",
    "prices": "import and list what a message costs",
    "audience": "check a contact file",
    "optout": "keep the list of numbers that get no campaign",
    "campaign": "make, launch, call off and report campaigns",
    "test-send": "send a campaign's message to up to 5 numbers, to see it",
    "audit": "list who did what, when and from where",
    "doctor": "check that everything adds up and is in order",
    "backup": "copy the database while it is used",
    "restore": "put a backup in the database's place, with everything on hold",
    "series": "repeat campaigns",
    "worker": "send what is due, without a console",
    "callbacks": "take in what WhatsApp reports: delivered, read, STOP, paused templates",
    "simulate": "a gateway that sends nothing, for trying things out",
}
