"""Copies of a SQLite database made while others write, and what is known of a file before it becomes the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import peewee

from store import database, migrate, sqlite_file
from store.errors import NotADatabase, StoreFailed

if TYPE_CHECKING:
    from pathlib import Path

_library: Any = getattr(peewee, "sqlite3")  # noqa: B009 (the stubs leave out which module Peewee chose)


@contextmanager
def _opened(uri: str) -> Iterator[Any]:
    """A connection beside the open database, its failures told as the store's."""
    with (
        database.translated(),
        getattr(peewee, "__exception_wrapper__"),  # noqa: B009 (the stubs leave it out)
        closing(_library.connect(uri, uri=True, timeout=sqlite_file.LOCK_TIMEOUT_S)) as connection,
    ):
        yield connection


def copy_open(target: Path) -> None:
    """Copy the open database as it is at this moment into the empty file `target`; who writes meanwhile goes on.

    The copy stands alone: nothing belongs beside it. Raises `StoreBusy`, `StoreFailed`, and nothing is promised of the
    target then.
    """
    _copy(database.proxy.connection(), target)


def copy_file(source: Path, target: Path) -> None:
    """The same of a file that is not the open database; it is only read."""
    with _opened(sqlite_file.uri_as_it_is(source)) as connection:
        _copy(connection, target)


def _copy(source: Any, target: Path) -> None:
    with _opened(sqlite_file.uri(target, "mode=rw")) as connection:
        # In one step: between two of them a writer would make it start again, and never end beside a busy worker.
        source.backup(connection)
        connection.execute("PRAGMA journal_mode = delete").fetchone()
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)").fetchall()]
        if found != ["ok"]:
            raise StoreFailed(f"The copy is damaged, and so the database may be: {found[0]}.")
    with target.open("rb") as handle:
        os.fsync(handle.fileno())


def examine(source: Path) -> tuple[str, int | None]:
    """The newest migration of a database file, and when its newest event was (UTC epoch milliseconds).

    Raises `NotADatabase` for a file that is none of this program's or is damaged, and `SchemaTooNew`.
    """
    try:
        with _opened(sqlite_file.uri_as_it_is(source)) as connection:
            have = [str(row[0]) for row in connection.execute(f"SELECT name FROM {migrate.HISTORY} ORDER BY name")]
            damage = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)").fetchall()]
            at = connection.execute("SELECT MAX(at) FROM audit").fetchone()[0]
    except StoreFailed as error:
        words = str(error).rpartition(": ")[2].rstrip(".")
        raise NotADatabase(f"{source} is no database of this program: {words}.") from error
    if not have:
        raise NotADatabase(f"{source} is a database with nothing in it.")
    if damage != ["ok"]:
        raise NotADatabase(f"{source} is damaged: {damage[0]}.")
    migrate.refuse_newer(have)
    return have[-1], at


@contextmanager
def sole(path: Path) -> Iterator[None]:
    """Be the only one who has the database file open, and leave nothing beside it.

    Raises `StoreBusy` when somebody else has it open, `StoreFailed` when it cannot be read.
    """
    with _opened(sqlite_file.uri(path, "mode=rw")) as connection:
        connection.execute("PRAGMA busy_timeout = 1000")
        # Only the last one that has it open may end the write-ahead log, which goes into the file by that.
        connection.execute("PRAGMA journal_mode = delete").fetchone()
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.rollback()
