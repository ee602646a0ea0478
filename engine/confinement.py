"""The one folder that a locked-down console reads files from and writes them to.

It holds for the whole process, as the environment does: what an operator types is understood by `place`, and whatever
opens a file that somebody named asks `check` again, so that a screen which forgets the former opens nothing either.
"""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import BadInput
from engine.text import shown

_folder: Path | None = None


def confine(folder: Path | None) -> None:
    """Let files be read and written only in this folder and below; `None` anywhere."""
    global _folder
    _folder = None if folder is None else Path(os.path.realpath(folder))


def folder() -> Path | None:
    """The folder, without symbolic links; `None` where files may be anywhere."""
    return _folder


def place(typed: str) -> Path:
    """The path that a typed name means.

    Confined, a name is taken from the folder, `~` is the folder, and symbolic links have been followed. Else `~` is the
    home, and that of somebody who is not there stays as it was typed. Raises `BadInput` with `outside_folder`.
    """
    if _folder is None:
        path = Path(typed)
        try:
            return path.expanduser()
        except RuntimeError:
            return path
    name = typed[1:].lstrip("/") if typed == "~" or typed.startswith("~/") else typed
    return _within(_folder, _folder / name)


def check(path: Path) -> None:
    """Raises `BadInput` with `outside_folder` for a file that a confined process must not touch."""
    if _folder is not None:
        _within(_folder, path)


def _within(limit: Path, path: Path) -> Path:
    try:
        real = Path(os.path.realpath(path))
        inside = real.is_relative_to(limit)
    except ValueError:
        # A character that no path can hold.
        inside = False
    if not inside:
        raise BadInput(
            "outside_folder",
            f"{shown(str(path))} is outside the folder {shown(str(limit))}, and this console uses no other.",
            "Name a file in it; others can be copied there first.",
        )
    return real
