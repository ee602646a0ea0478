"""Files that an operator names: what can be read, and what is written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine import confinement
from engine.errors import BadInput
from engine.text import shown

_KINDS: Final = (
    (stat.S_ISDIR, "a folder", "Name a file in it."),
    (stat.S_ISFIFO, "a pipe", "Save what comes out of it as a file first."),
    (stat.S_ISSOCK, "a socket", "Name a file."),
    (stat.S_ISCHR, "a device", "Name a file."),
    (stat.S_ISBLK, "a device", "Name a file."),
)

_SQLITE: Final = b"SQLite format 3\0"
_WAL: Final = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""The beginnings of a SQLite database and of the journal beside it (sqlite.org/fileformat2.html)."""
_NAMED: Final = 100
"""Characters of a file's name that stand in the name it has while it is written: names have an end."""


def regular(path: Path) -> os.stat_result:
    """What the system knows of a file that can be opened and read to its end.

    A pipe would be waited for, a device may never end, and what came out of either cannot be read a second time.
    Raises `BadInput` with `not_a_file`, or with `unreadable_file` when there is none, or with `outside_folder`.
    """
    confinement.check(path)
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        # A character that no path can hold.
        raise BadInput("unreadable_file", f"{shown(str(path))!r} is no path.", "Check the path.") from error
    for is_kind, what, hint in _KINDS:
        if is_kind(found.st_mode):
            raise BadInput("not_a_file", f"{path} is {what}.", hint)
    return found


def unreadable(path: Path, error: OSError) -> BadInput:
    """The error of a file that the system will not open or read."""
    return BadInput(
        "unreadable_file", f"{path} cannot be read: {error.strerror or error}.", "Check the path and its permissions."
    )


@contextmanager
def whole(file: Path, *, database: bool = False) -> Iterator[Path]:
    """A place beside `file` to write to, which takes its name at the end: the file appears whole or not at all.

    Only its owner may read it, for exports hold people's numbers. A link keeps its name: what it leads to is written.
    Only what is a `database` itself may replace one. Raises `BadInput` with `unwritable_file`, `not_a_file`,
    `file_is_database` or `outside_folder`, and leaves what was there before.
    """
    confinement.check(file)
    file = _replaceable(file, database)
    try:
        # A name that nobody can have foreseen, and a new file: another export at the same time has its own.
        handle, name = tempfile.mkstemp(prefix=f".{file.name[:_NAMED]}.", suffix=".partial", dir=file.parent)
    except OSError as error:
        raise _unwritable(file, error) from error
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.replace(file)
    except OSError as error:
        raise _unwritable(file, error) from error
    finally:
        # Also on ctrl+c: half a list looks like a list.
        partial.unlink(missing_ok=True)


def _replaceable(file: Path, database: bool) -> Path:
    """Where to write what is named so: not over a device or a pipe, which a new file would replace, nor a database."""
    file = Path(os.path.realpath(file))
    try:
        kind = file.stat().st_mode
    except (OSError, ValueError):
        # Nothing there yet, or nothing that can be: making the file says which.
        return file
    for is_kind, what, _ in _KINDS[1:]:
        if is_kind(kind):
            raise BadInput("not_a_file", f"{file} is {what}.", "Choose another place for it.")
    if not database and stat.S_ISREG(kind) and _holds_database(file):
        raise BadInput(
            "file_is_database",
            f"{file} is a database, and would be lost.",
            "Choose another place for it.",
        )
    return file


def _holds_database(file: Path) -> bool:
    try:
        with file.open("rb") as handle:
            return handle.read(len(_SQLITE)).startswith((_SQLITE, *_WAL))
    except OSError:
        return False


def _unwritable(file: Path, error: OSError) -> BadInput:
    return BadInput(
        "unwritable_file", f"{file} cannot be written: {error.strerror or error}.", "Choose another place for it."
    )
