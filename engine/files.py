"""Files that an operator names, before they are opened."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from engine.errors import BadInput
from engine.text import shown

if TYPE_CHECKING:
    import os
    from pathlib import Path

_KINDS: Final = (
    (stat.S_ISDIR, "a folder", "Name a file in it."),
    (stat.S_ISFIFO, "a pipe", "Save what comes out of it as a file first."),
    (stat.S_ISSOCK, "a socket", "Name a file."),
    (stat.S_ISCHR, "a device", "Name a file."),
    (stat.S_ISBLK, "a device", "Name a file."),
)


def regular(path: Path) -> os.stat_result:
    """What the system knows of a file that can be opened and read to its end.

    A pipe would be waited for, a device may never end, and what came out of either cannot be read a second time.
    Raises `BadInput` with `not_a_file`, or with `unreadable_file` when there is none.
    """
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
