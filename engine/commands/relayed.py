"""Callbacks that came in elsewhere and were written to a file: for a console that no callback reaches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from engine import files
from engine.callback_intake import Applied, apply_relayed
from engine.callbacks import LARGEST_BODY
from engine.context import Context, command
from engine.errors import BadInput
from engine.text import shown
from store import audit, database

if TYPE_CHECKING:
    from pathlib import Path

    from engine.reply_words import Words

LARGEST_ARRAY = 64 * 1024 * 1024
"""Bytes of a file that is one array, which has to be read at once; one body a line may be of any length."""
_AT_ONCE = 20
"""Callbacks of one transaction; each may carry a thousand statuses."""
_EXAMPLE = 'Write one callback body a line, each as {"object": "whatsapp_business_account", "entry": [...]}.'


class Imported(Applied):
    """What a file of callbacks came to."""

    def __init__(self, bodies: int, new: int) -> None:
        super().__init__()
        self.bodies = bodies
        self.new = new
        """Those that no file had before."""


def import_file(context: Context, file: Path, words: Words | None = None) -> Imported:
    """Take in the callbacks of a file, one JSON body a line or one array of them, and apply them.

    No signature is asked for: whoever may do this vouches for the file. A body that came in a file before is passed
    over, and applying one twice changes nothing anyway. The whole file is looked through first, so that a bad line
    leaves nothing behind. Raises `BadInput` with `unreadable_file`, `not_a_file`, `not_json` or `not_a_callback`.
    """
    with command(context, "callbacks.import"):
        bodies = sum(1 for _ in _bodies(file))
        imported = Imported(bodies, 0)
        source = _bodies(file)
        while chunk := list(islice(source, _AT_ONCE)):
            imported.new += apply_relayed(context.clock, [(_digest(body), body) for body in chunk], words, imported)
        with database.transaction():
            audit.write(
                context.clock.now(),
                context.actor,
                "callbacks.import",
                after={
                    "file": shown(file.name),
                    "callbacks": bodies,
                    "new": imported.new,
                    "statuses": imported.statuses,
                    "changed": imported.changed,
                    "unmatched": imported.unmatched,
                },
            )
        return imported


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _bodies(file: Path) -> Iterator[str]:
    files.regular(file)
    try:
        with file.open("rb") as handle:
            start = handle.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
            handle.seek(0)
            if start.startswith(b"["):
                yield from _of_array(file, handle.read(LARGEST_ARRAY + 1))
                return
            number = 0
            while line := handle.readline(LARGEST_BODY + 2):
                number += 1
                if text := line.removeprefix(b"\xef\xbb\xbf").strip():
                    if len(text) > LARGEST_BODY:
                        raise BadInput("not_a_callback", f"Line {number} of {file} is too long for one.", _EXAMPLE)
                    yield _checked(text, f"Line {number} of {file}")
    except OSError as error:
        raise files.unreadable(file, error) from error


def _of_array(file: Path, raw: bytes) -> Iterator[str]:
    if len(raw) > LARGEST_ARRAY:
        raise BadInput(
            "not_a_callback", f"{file} is too large for one array.", "Write it as one callback body a line: jq -c '.[]'"
        )
    try:
        found = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadInput("not_json", f"{file} is not JSON.", _EXAMPLE) from error
    for number, one in enumerate(found, 1):
        yield _checked(json.dumps(one, separators=(",", ":")).encode(), f"Number {number} of {file}")


def _checked(raw: bytes, where: str) -> str:
    try:
        text = raw.decode("utf-8")
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("not_json", f"{where} is not JSON.", _EXAMPLE) from error
    if not isinstance(found, dict) or not isinstance(found.get("entry"), list):
        raise BadInput("not_a_callback", f"{where} is no callback's body.", _EXAMPLE)
    return text
