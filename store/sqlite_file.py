"""A SQLite file: how its address is read, how it is opened, and that it stays the same file.

What a connection is opened with decides what a power loss or two processes can do to it; sessions and transactions
are `store.database`'s.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import peewee

from store.errors import StoreGone

LOCK_TIMEOUT_S = 10.0


def path_of(url: str) -> Path | None:
    """The file behind a `sqlite:///` address or a plain path; `None` for other back ends."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        # sqlite:///relative and sqlite:////absolute, as Peewee and SQLAlchemy read them
        return Path(unquote(parts.path[1:])).expanduser()
    if "://" in url:
        return None
    return Path(url.removeprefix("file:")).expanduser()


def wal_reset_fixed(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite has the fix for the WAL-reset corruption race (sqlite.org/wal.html)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def library_version() -> tuple[int, int, int]:
    """Version of the SQLite library that Peewee uses here."""
    library: Any = getattr(peewee, "sqlite3")  # noqa: B009 (the stubs leave out which module Peewee chose)
    major, minor, patch = library.sqlite_version_info[:3]
    return int(major), int(minor), int(patch)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SqliteFile(peewee.SqliteDatabase):
    """A file that stays the same one: SQLite alone would make a new, empty one where the old was deleted."""

    def __init__(self, path: Path, **options: Any) -> None:
        self._path = path
        self._first = _identity(path)
        super().__init__(str(path), **options)

    def connect(self, reuse_if_open: bool = False) -> Any:
        self.present()
        return super().connect(reuse_if_open=reuse_if_open)

    def present(self) -> None:
        """Raise `StoreGone` unless the file at the path is the one that was there first; costs one `stat`."""
        now = _identity(self._path)
        if now != self._first:
            what = "is not there any more" if now is None else "was replaced by another one"
            raise StoreGone(f"The database file {what}; nothing is sent from the old one: {self._path}.")


def opened(path: Path, read_only: bool) -> peewee.SqliteDatabase:
    """The file with the settings that everything is read and written by; connects to nothing yet."""
    pragmas: list[tuple[str, Any]] = [
        # Two connections that write and checkpoint at once can corrupt the file before the fix.
        ("journal_mode", "wal" if wal_reset_fixed(library_version()) else "delete"),
        # NORMAL may forget a committed intent on power loss, and a forgotten intent is a second message.
        ("synchronous", "full"),
        ("foreign_keys", 1),
        ("cache_size", -4_000),
        ("journal_size_limit", 67_108_864),
    ]
    if read_only:
        pragmas.append(("query_only", 1))
    return SqliteFile(
        path,
        pragmas=pragmas,
        timeout=LOCK_TIMEOUT_S,
        # A deferred transaction that reads first and then writes fails at once with "database is locked".
        lock_type="IMMEDIATE",
        autoconnect=False,
    )


def uri(path: Path, mode: str) -> str:
    """The file as an address of SQLite's own, with how it is opened."""
    return f"file:{quote(str(path.resolve()))}?{mode}"


def uri_as_it_is(path: Path) -> str:
    """The address by which a file is only read: nothing of it is changed, and it may be one that nobody can write."""
    target = path.resolve()
    if target.with_name(f"{target.name}-wal").exists():
        # Somebody works with it, or was killed doing so: what is in the log stays there.
        return uri(path, "mode=ro")
    if os.access(target, os.W_OK) and os.access(target.parent, os.W_OK):
        # A connection that may not write would leave behind the shared memory it needs; this one takes it away again.
        return uri(path, "mode=rw")
    # No shared memory can be made here.
    return uri(path, "immutable=1")


def opened_as_it_is(path: Path) -> peewee.SqliteDatabase:
    """The file for reading only, see `uri_as_it_is`; connects to nothing yet."""
    return peewee.SqliteDatabase(
        uri_as_it_is(path),
        uri=True,
        pragmas=[("query_only", 1)],
        timeout=LOCK_TIMEOUT_S,
        autoconnect=False,
    )
