"""Which workers are there on this machine, sending or standing by.

A worker that stands by has no lease that would tell of it. So each locks one byte of a file beside the database, the
one at the place of its process id: the kernel lets go of it when the process ends, however it ends. Nobody's sending
goes by it. It is for whoever leaves and asks what becomes of a run; a worker not seen costs a needless question.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from store import database, place, sqlite_file

if TYPE_CHECKING:
    from pathlib import Path


def announce() -> int | None:
    """Be there from now on; what it answers is for `gone`. `None` where nothing can be locked beside the database."""
    path = _path()
    if path is None:
        return None
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, os.getpid())
    return handle


def gone(handle: int | None) -> None:
    """Be there no more."""
    if handle is not None:
        os.close(handle)


def another(pid: int) -> bool:
    """Whether a worker is there besides the one with this process id."""
    path = _path()
    if path is None:
        return False
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        for length, start in ((pid, 0), (0, pid + 1)):
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _path() -> Path | None:
    path = sqlite_file.path_of(database.url())
    if path is None:
        return None
    file = place.real(path)
    return file.with_name(f"{file.name}.workers.lock")
