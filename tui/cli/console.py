"""The bare `sendoff`, which opens the console: people wait for it, so nothing is imported that it can do without."""

from __future__ import annotations

import gc
import sys

from engine.errors import BadInput

# Not from typing, whose import alone takes half as long as a bare interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Options(Protocol):
        """The global options, however they were read."""

        @property
        def database(self) -> str | None: ...
        @property
        def config(self) -> str | None: ...
        @property
        def read_only(self) -> bool: ...


class Plain:
    """The global options as `plain` reads them."""

    def __init__(self) -> None:
        self.database: str | None = None
        self.config: str | None = None
        self.read_only = False


def plain(arguments: Sequence[str]) -> Plain | None:
    """Read a command line that asks for nothing but the console; `None` leaves it to `tui.cli.parser`.

    What is misspelt, abbreviated, odd or asks for help is left to it too.
    """
    options = Plain()
    rest = iter(arguments)
    for argument in rest:
        name, is_there, value = argument.partition("=")
        if name in ("--database", "--config"):
            value = value if is_there else next(rest, "")
            if not value or value.startswith("-") or not value.isprintable():
                return None
            setattr(options, name[2:], value)
        elif argument == "--read-only":
            options.read_only = True
        else:
            return None
    return options


def console(options: Options) -> int:
    """Open the console; where there is no database yet it begins with setting one up."""
    # Everything that is imported and built now stays, and looking through it for garbage costs a tenth of the start.
    # The app goes on with it after its first frame.
    gc.disable()
    try:
        from tui.cli.session import database_url, translated

        url = database_url(options)
        need_terminal()
        from tui.app import run_console

        with translated():
            return run_console(url, read_only=options.read_only, config=options.config)
    finally:
        gc.enable()


def need_terminal() -> None:
    """Raises `BadInput` with `no_terminal` where there is none."""
    # Textual draws on standard error and reads keys from standard input.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput(
            "no_terminal", "The console needs a terminal.", "Every command also works without: sendoff --help"
        )
