"""The open database: one connection a thread, sessions, transactions, statements.

A process has one database. `open_database` binds the models to it; every thread that uses the store
does so inside `session()`, and every change inside `transaction()`.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import peewee

from store import sqlite_file
from store.errors import NoDatabase, NoDriver, StoreBusy, StoreError, StoreFailed, UnsafeFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


SENTENCES = (
    ("disk is full", "The disk that holds the database is full"),
    ("readonly database", "The database file, or its disk, is read-only"),
    ("unable to open", "The database file cannot be opened: it is forbidden, or too many files are open"),
    ("disk I/O error", "The disk that holds the database cannot be read or written"),
)
"""What the driver says of a file that cannot be used, and the same for people."""

proxy = peewee.DatabaseProxy()

_url: str | None = None


def open_database(url: str, *, create: bool = False, read_only: bool = False) -> None:
    """Bind the models to the database at `url` and bring its schema up to date.

    `url` is a path, `sqlite:///path` or another address that Peewee's `playhouse.db_url` knows.
    Raises `NoDatabase` when there is none and `create` is false, `NoDriver`, `SchemaTooNew`, `StoreBusy`,
    `StoreFailed`, `UnsafeFolder`; `OSError` for a folder, and what the system says of the file.
    """
    global _url
    from store import migrate, place

    path = sqlite_file.path_of(url)
    fresh = False
    database: peewee.Database
    if path is None:
        database = _on_server(url)
    else:
        _refuse_folder(path)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        fresh = not path.exists() or path.stat().st_size == 0
        if fresh:
            if not create or read_only:
                raise NoDatabase(f"There is no database at {path}.")
            place.create_private(path)
        database = sqlite_file.opened(path, read_only)
    proxy.initialize(database)
    _url = url
    if path is not None and fresh:
        # The first connection turns the write-ahead log on, and two that do so at once do not wait for each other.
        with migrate.file_lock(path), session():
            pass
    try:
        with session():
            migrate.bring_up_to_date(database, path, create=create, read_only=read_only)
    except peewee.ImproperlyConfigured as error:
        raise NoDriver("No driver for PostgreSQL is installed here.") from error


def open_as_it_is(url: str) -> None:
    """Bind the models to the database at `url` for reading only, whatever its schema, and change nothing of it.

    Works with a file that cannot be written, and beside a worker that writes. Raises `NoDatabase`, `NoDriver`,
    `StoreFailed`.
    """
    global _url
    path = sqlite_file.path_of(url)
    if path is not None and (not path.exists() or path.stat().st_size == 0):
        raise NoDatabase(f"There is no database at {path}.")
    try:
        proxy.initialize(_on_server(url) if path is None else sqlite_file.opened_as_it_is(path))
    except peewee.ImproperlyConfigured as error:
        raise NoDriver("No driver for PostgreSQL is installed here.") from error
    _url = url


def _on_server(url: str) -> peewee.Database:
    from playhouse import db_url

    try:
        found: peewee.Database = db_url.connect(url, autoconnect=False)
    except RuntimeError as error:
        raise StoreFailed(f"This address is of no database this program knows: {error}") from error
    return found


def _refuse_folder(path: Path) -> None:
    from store import place

    folder = place.folder_of_others(path)
    if folder is not None:
        raise UnsafeFolder(folder)


def connect() -> None:
    """Open this thread's connection and leave it open; `close_database` ends it. For threads that live long."""
    with translated():
        proxy.connect(reuse_if_open=True)


def close_database() -> None:
    """Close this thread's connection."""
    if proxy.obj is not None and not proxy.is_closed():
        proxy.close()


def url() -> str:
    """The address of the open database."""
    if _url is None:
        raise StoreError("no database is open")
    return _url


def _cause(error: BaseException) -> BaseException:
    """What went wrong first: on a full disk SQLite rolls back by itself, and Peewee's own attempt then hides why."""
    while str(error).startswith(("cannot rollback", "no such savepoint")) and error.__context__ is not None:
        error = error.__context__
    return error


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's failures into the store's errors, so that callers can tell people what to do."""
    try:
        yield
    except peewee.OperationalError as error:
        cause = _cause(error)
        if isinstance(cause, StoreError):
            raise cause from error
        text = str(cause)
        if "locked" in text or "busy" in text or "connect" in text:
            raise StoreBusy(f"The database is busy or cannot be reached: {text}") from error
        sentence = next((told for part, told in SENTENCES if part in text), "The database cannot be used")
        raise StoreFailed(f"{sentence}: {text}") from error
    except peewee.DatabaseError as error:
        if isinstance(error, peewee.IntegrityError):
            raise
        raise StoreFailed(f"The database cannot be used: {error}") from error


@contextmanager
def session() -> Iterator[None]:
    """Hold this thread's connection open; nested use is allowed and closes nothing early."""
    if not proxy.is_closed():
        yield
        return
    with translated():
        proxy.connect()
    try:
        yield
    finally:
        proxy.close()


@contextmanager
def transaction() -> Iterator[None]:
    """Run a block as one transaction that takes the write lock at its start; nested ones are savepoints.

    Raises `StoreBusy` when the lock is not to be had in time. Never await inside.
    """
    with translated(), proxy.atomic():
        yield


@contextmanager
def snapshot() -> Iterator[None]:
    """Run a block of reads that all see the database as it was at the first of them; nobody's writing waits for it.

    Inside a transaction it is part of that. With an SQLite that has no write-ahead log a commit waits for the end.
    """
    options = {"lock_type": "DEFERRED"} if is_sqlite() else {"isolation_level": "REPEATABLE READ"}
    with translated():
        if proxy.transaction_depth():
            yield
            return
        with proxy.atomic(**options):
            yield


def present() -> None:
    """Raise `StoreGone` when a SQLite file was deleted, moved or replaced since it was opened.

    A connection goes on with a file that nobody else can see; whoever hands out work asks this first.
    """
    if isinstance(proxy.obj, sqlite_file.SqliteFile):
        proxy.obj.present()


def is_sqlite() -> bool:
    """Whether the open database is SQLite."""
    return isinstance(proxy.obj, peewee.SqliteDatabase)


def login_owns() -> bool:
    """Whether the server's login owns the database (PostgreSQL); false where the back end has no logins."""
    if is_sqlite():
        return False
    with session():
        row = proxy.execute_sql(
            "SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    return bool(row[0])


def data_version() -> int:
    """A number that changes when another connection commits (SQLite); 0 where the back end has none."""
    if not is_sqlite():
        return 0
    row = proxy.execute_sql("PRAGMA data_version").fetchone()
    return int(row[0])


def _in_dialect(sql: str) -> str:
    return sql if is_sqlite() else sql.replace("%", "%%").replace("?", "%s")


def execute(sql: str, params: tuple[Any, ...] = ()) -> Any:
    """One statement with `?` placeholders on this thread's connection, for the hot paths."""
    return proxy.execute_sql(_in_dialect(sql), params)


def execute_many(sql: str, rows: Iterable[tuple[Any, ...]]) -> int:
    """One statement with `?` placeholders for each of many rows; an order of magnitude faster than one by one.

    Answers how many rows of the table were changed in all.
    """
    # Only the calls that Peewee makes itself have the driver's exceptions turned into Peewee's.
    with getattr(peewee, "__exception_wrapper__"):  # noqa: B009 (the stubs leave it out)
        cursor = proxy.connection().cursor()
        cursor.executemany(_in_dialect(sql), rows)
        return int(cursor.rowcount)


def analyze() -> None:
    """Refresh the planner's statistics, needed after an import."""
    proxy.execute_sql("ANALYZE")
