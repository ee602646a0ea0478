"""The bare `sendoff`, which opens the console: people wait for it, so nothing is imported that it can do without."""

from __future__ import annotations

import gc
import sys

from engine.errors import BadInput, EngineError

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
        @property
        def restricted(self) -> str | None: ...


class Plain:
    """The global options as `plain` reads them."""

    def __init__(self) -> None:
        self.database: str | None = None
        self.config: str | None = None
        self.read_only = False
        self.restricted: str | None = None


def plain(arguments: Sequence[str]) -> Plain | None:
    """Read a command line that asks for nothing but the console; `None` leaves it to `tui.cli.parser`.

    What is misspelt, abbreviated, odd or asks for help is left to it too.
    """
    options = Plain()
    rest = iter(arguments)
    for argument in rest:
        name, is_there, value = argument.partition("=")
        if name in ("--database", "--config", "--restricted"):
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
        if options.restricted is not None:
            lock(options, options.restricted)
        from tui.cli.session import database_url, translated

        url = database_url(options)
        need_terminal()
        prepare_terminal()
        from tui.app import run_console

        with translated():
            return run_console(url, read_only=options.read_only, config=options.config)
    finally:
        gc.enable()


def lock(options: Options, folder: str) -> None:
    """Lock this process down to a console that reads and writes files in one folder; see `tui.locked`.

    Raises `NotAllowed` with `only_console` when the SSH client asked for a command, `BadInput`.
    """
    from tui import locked

    try:
        asked = locked.clean()
        from tui.cli.session import database_url, translated

        url = database_url(options)
        locked.confine(folder, url, options.config)
        if asked is not None:
            with translated():
                raise locked.refuse(asked, url, options.config)
    except EngineError as error:
        if sys.flags.inspect:
            # PYTHONINSPECT was sent: Python would go on with a prompt of its own.
            locked.end(error)
        raise


def prepare_terminal() -> None:
    """Tell Textual what kind of terminal this is, before it is imported and looks once."""
    from tui import terminal

    terminal.prepare()


def need_terminal() -> None:
    """Raises `BadInput` with `no_terminal` where there is none."""
    # Textual draws on standard error and reads keys from standard input.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput(
            "no_terminal", "The console needs a terminal.", "Every command also works without: sendoff --help"
        )
