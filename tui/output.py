"""What the command line prints: sentences and tables for people, one JSON document for programs.

Everything that was typed, imported or received is printed literally: controls become visible signs, nothing is markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from engine.errors import EngineError
from engine.text import shown

GAP = "  "


class Output:
    """Where a command puts its answer; `as_json` decides for whom it is."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def document(self, value: Any) -> None:
        """The one JSON document of a command."""
        # Escaped to ASCII: readable under every locale, and no control character reaches a terminal.
        self._write(json.dumps(value, indent=2))

    def say(self, text: str = "") -> None:
        """One line of an answer to a person."""
        self._write(shown(text))

    def note(self, text: str) -> None:
        """One line beside the answer, for a person only: it does not belong to what a script reads."""
        if not self.as_json:
            print(shown(text), file=sys.stderr)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
        """Aligned columns; those whose header is in `right` are aligned at the right."""
        for line in aligned((headers, *rows), [header in right for header in headers]):
            self._write(line)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """What is what, one a line, the values below each other."""
        for line in aligned(pairs, (False, False)):
            self._write(line)

    def _write(self, line: str) -> None:
        try:
            print(line)
        except BrokenPipeError:
            # The reader had enough.
            raise
        except OSError as error:
            raise lost(error) from error


def lost(error: OSError) -> EngineError:
    """That an answer cannot be written, which undoes nothing (`output_lost`)."""
    return EngineError(
        "output_lost",
        f"It is done, but what there is to say of it cannot be written: {error.strerror or error}.",
        "Do not repeat a command that changes something; look at what it did.",
    )


def aligned(rows: Sequence[Sequence[str]], to_right: Sequence[bool]) -> list[str]:
    """Rows as lines with the columns below each other; wide characters take two cells, as terminals draw them."""
    from rich.cells import cell_len

    lines = [[shown(cell) for cell in row] for row in rows]
    widths = [max(cell_len(line[at]) for line in lines) for at in range(len(to_right))]
    return [
        GAP.join(
            _padded(cell, width - cell_len(cell), at_right)
            for cell, width, at_right in zip(line, widths, to_right, strict=True)
        ).rstrip()
        for line in lines
    ]


def _padded(cell: str, space: int, at_right: bool) -> str:
    return " " * space + cell if at_right else cell + " " * space


def complain(error: EngineError, as_json: bool) -> None:
    """An error on standard error: a document of its own for programs, what is wrong and what to do for people."""
    if as_json:
        document = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
        print(json.dumps(document), file=sys.stderr)
        return
    print(f"sendoff: {shown(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  {shown(error.hint)}", file=sys.stderr)
