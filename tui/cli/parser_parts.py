"""What the parser is put together from: commands and families of them, the options of all, the types of arguments."""

from __future__ import annotations

import argparse
import os

from engine.errors import BadInput

# Not from typing, whose import alone takes half as long as a bare interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any, Literal, NoReturn, TypeAlias

    Subparsers: TypeAlias = Any
    """What `add_subparsers` answers; argparse gives it no public name."""

LARGEST = 2**63 - 1
"""The largest whole number the database can hold."""


class Command:
    """What a line of arguments asks for; `handler` is `module:function` below `tui.cli`.

    `look` opens the database as it is, whatever its schema, and writes nothing at all;
    `replace` leaves it to the handler.
    """

    def __init__(
        self, name: str, handler: str, writes: bool, database: Literal["open", "create", "look", "replace"] | None
    ) -> None:
        self.name = name
        self.handler = handler
        self.writes = writes
        self.database = database


class Formatter(argparse.HelpFormatter):
    """argparse's own, told the width: asking for it loads shutil and every compression there is."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdecimal() else os.get_terminal_size().columns
        except OSError:
            width = 80
        super().__init__(prog, width=width - 2)


class Parser(argparse.ArgumentParser):
    """argparse with mistakes as `BadInput` and options that must be spelt out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, "formatter_class": Formatter, **kwargs})

    def error(self, message: str) -> NoReturn:
        raise BadInput("usage", f"{message[:1].upper()}{message[1:]}.", f"See `{self.prog} --help`.")


def add_global_options(parser: argparse.ArgumentParser) -> None:
    """The options that stand before or after a command; where one is not given, nothing is set."""
    group = parser.add_argument_group("everywhere")
    missing = argparse.SUPPRESS
    group.add_argument(
        "--database",
        metavar="URL",
        default=missing,
        help="a SQLite file or postgresql://...; also SENDOFF_DATABASE; default: a file in your data folder",
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        default=missing,
        help="settings in TOML (database, [gateway], roles, replies); also SENDOFF_CONFIG",
    )
    group.add_argument(
        "--restricted",
        metavar="FOLDER",
        default=missing,
        help="only the console, for an account that is to have nothing else: files in this folder, no other program",
    )
    group.add_argument(
        "--read-only", action="store_true", default=missing, help="refuse everything that changes something"
    )
    group.add_argument("--json", action="store_true", default=missing, help="answer with one JSON document")


def add_group(commands: Subparsers, name: str, text: str) -> Subparsers:
    """A command that is only a family of commands; answers where they go."""
    parser = commands.add_parser(name, help=text, description=_sentence(text))
    add_global_options(parser)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def add_command(
    commands: Subparsers,
    name: str,
    handler: str,
    text: str,
    *,
    writes: bool = False,
    database: Literal["open", "create", "look", "replace"] | None = "open",
) -> Parser:
    """One command with its handler; its own arguments are the caller's part."""
    parser: Parser = commands.add_parser(name, help=text, description=_sentence(text))
    add_global_options(parser)
    full_name = parser.prog.removeprefix("sendoff ")
    parser.set_defaults(command=Command(full_name, handler, writes, database))
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def path(text: str) -> Path:
    """The type of an argument that names a file."""
    from pathlib import Path

    return Path(text)


def whole(lowest: int, highest: int = LARGEST) -> Callable[[str], int]:
    """The type of an argument that is a whole number in a range."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = lowest - 1
        if not lowest <= value <= highest:
            upper = "" if highest == LARGEST else f" to {highest}"
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {lowest}{upper}")
        return value

    return number
