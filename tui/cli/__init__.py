"""The command line (`sendoff COMMAND`): what was asked, done through the engine, answered with an exit status.

Exit status: 0 done; 1 an unexpected fault; 2 wrong usage or unreadable input; 3 refused by a rule; 4 no such thing;
5 not allowed for this role; 75 busy or unreachable, try again; 130 interrupted. What a command needs is imported
after its arguments were read.
"""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module

from engine.errors import BadInput, Busy, EngineError, NotAllowed, NotFound, Refused

# Not from typing, whose import alone takes half as long as a bare interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from engine.clock import Clock

__all__ = ["main"]

DONE, FAULT, USAGE, REFUSED, NOT_FOUND, NOT_ALLOWED, BUSY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 75, 130

_STATUS: tuple[tuple[type[EngineError], int], ...] = (
    (BadInput, USAGE),
    # Before Refused, which it is a kind of.
    (NotAllowed, NOT_ALLOWED),
    (Refused, REFUSED),
    (NotFound, NOT_FOUND),
    (Busy, BUSY),
)


def main(argv: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Run one command and return its exit status; `clock` is the machine's unless a test brings its own."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Known before the arguments are: a mistake in them is to be told in the form that was asked for.
    as_json = "--json" in arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks must not break a list.
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("SENDOFF_DEBUG") != "1":
        sys.excepthook = _hook(as_json)
    try:
        status = _run(arguments, clock)
        _flush()
    except EngineError as error:
        if error.code == "output_lost":
            _forget_output()
        return _told(error, as_json)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader had enough.
        _forget_output()
        return DONE
    return status


def _flush() -> None:
    # Without a standard output there is none to write to.
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from tui.output import lost

        raise lost(error) from error


def _forget_output() -> None:
    # What is still buffered would fail again when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str], clock: Clock | None) -> int:
    from tui.cli.console import console, plain

    asked = plain(arguments)
    if asked is not None:
        return console(asked)
    from tui.cli.parser import parse

    try:
        options = parse(arguments)
    except SystemExit as end:
        # --help and --version have answered already.
        return int(end.code or 0)
    if options.read_only and options.command.writes:
        raise Refused(
            "read_only",
            f"sendoff {options.command.name} changes something, and this session is read-only.",
            "Leave out --read-only.",
        )
    if options.restricted is not None and options.command.handler != "console:console":
        from tui.locked import only_console

        raise only_console(f"sendoff {options.command.name}")
    module, _, function = options.command.handler.partition(":")
    handler: Callable[..., int] = getattr(import_module(f"tui.cli.{module}"), function)
    if options.command.database is None:
        return handler(options)
    if options.command.database == "replace":
        from engine.clock import SystemClock

        return handler(options, clock or SystemClock())
    from tui.cli.session import looking, opened

    with (looking if options.command.database == "look" else opened)(options, clock) as session:
        return handler(options, session)


def _told(error: EngineError, as_json: bool) -> int:
    from tui.output import complain

    complain(error, as_json)
    return next((status for kind, status in _STATUS if isinstance(error, kind)), FAULT)


def _hook(as_json: bool) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """What Python calls for what nobody foresaw, before it ends with status 1."""

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        words: Iterable[str] = str(error).splitlines()[:1]
        _told(
            EngineError(
                "unexpected",
                ": ".join(["The program made a mistake", kind.__name__, *words]),
                "Set SENDOFF_DEBUG=1 and try again to see where.",
            ),
            as_json,
        )

    return tell
