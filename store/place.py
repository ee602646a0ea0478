"""Where a SQLite database lies: a file for its owner alone, in a folder that nobody else can change.

Whoever can write to the folder can put another file in the database's place, or take its write-ahead log away.
"""

from __future__ import annotations

import fcntl
import glob
import grp
import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE = stat.S_IRUSR | stat.S_IWUSR
"""0600: the file holds people's numbers, and nobody else on the machine may read it."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
PARTIAL = ".partial"
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; it is made with the database's own mode."""


def real(path: Path) -> Path:
    """The file itself, whatever links lead to it: all that lies beside a database has its name, as SQLite's own has."""
    return Path(os.path.realpath(path))


def create_private(path: Path) -> None:
    """Make an empty file of this name for its owner alone, whatever the umask; its folder too where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=stat.S_IRWXU)
    handle = os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE)
    try:
        # A umask takes rights away, which SQLite's own files beside it would inherit.
        os.fchmod(handle, PRIVATE)
    finally:
        os.close(handle)


def beside(path: Path) -> list[Path]:
    """The database file and those beside it that there are."""
    file = real(path)
    return [one for one in (path, *(file.with_name(file.name + end) for end in BESIDE)) if one.exists()]


@contextmanager
def partial(path: Path) -> Iterator[Path]:
    """A new empty file for its owner alone beside `path`, to be renamed; in the end it is gone with all that is its.

    Those that a killed process left go first. Raises `OSError`.
    """
    prefix = f".{path.name[:100]}."
    for left in path.parent.glob(f"{glob.escape(prefix)}{'?' * 8}{PARTIAL}"):
        _discard_left(left)
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=PARTIAL, dir=path.parent)
    file = path.with_name(name.rpartition(os.sep)[2])
    try:
        # Says that somebody who lives is at it.
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield file
    finally:
        discard(file)
        os.close(handle)


def _discard_left(file: Path) -> None:
    try:
        handle = os.open(file, os.O_RDWR)
    except OSError:
        # Another account's, or gone by now: it is in nobody's way.
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        discard(file)
    finally:
        os.close(handle)


def discard(path: Path) -> None:
    """Take a file away with everything that belongs to it; nothing happens where there is none."""
    for end in ("", *BESIDE, ".migrate.lock"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def replace(path: Path, new: Path, kept: Path) -> None:
    """Put `new` in the place of the file at `path` in one step, and keep that as `kept`. Raises `OSError`.

    Nobody may have it open, and nothing may belong beside it.
    """
    os.link(path, kept)
    new.replace(path)


def set_aside(path: Path, kept: Path) -> None:
    """Rename a file with everything beside it: a write-ahead log must never meet another database. Raises `OSError`."""
    for end in reversed(("", *BESIDE)):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(kept.with_name(kept.name + end))


def open_to_others(path: Path) -> list[Path]:
    """Those of the database's files that others than their owner may read or write."""
    return [one for one in beside(path) if one.stat().st_mode & _OTHERS]


def folder_of_others(path: Path) -> Path | None:
    """The folder of a file, if others than its owner can write to it; `None` where only the owner can.

    One with the sticky bit, as /tmp has, lets nobody touch another's files. A group of which the owner is the only
    member is nobody else.
    """
    folder = path.resolve().parent
    try:
        found = folder.stat()
    except FileNotFoundError:
        return None
    if found.st_mode & stat.S_ISVTX:
        return None
    by_group = bool(found.st_mode & stat.S_IWGRP) and not _alone(found.st_uid, found.st_gid)
    return folder if by_group or found.st_mode & stat.S_IWOTH else None


def _alone(uid: int, gid: int) -> bool:
    """Whether a group is a person's own: it has that person's name, and no other member."""
    try:
        owner, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_name == owner and set(group.gr_mem) <= {owner}
