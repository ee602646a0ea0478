"""Opening the database: address, settings, one connection a thread, transactions.

A process has one database. `open_database` binds the models to it; every thread that uses the store
does so inside `session()`, and every change inside `transaction()`.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import peewee

from store.errors import NoDatabase, NoDriver, StoreBusy, StoreError, StoreFailed, StoreGone, UnsafeFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOCK_TIMEOUT_S = 10.0

SENTENCES = (
    ("disk is full", "The disk that holds the database is full"),
    ("readonly database", "The database file, or its disk, is read-only"),
    ("unable to open", "The database file cannot be opened: it is forbidden, or too many files are open"),
    ("disk I/O error", "The disk that holds the database cannot be read or written"),
)
"""What the driver says of a file that cannot be used, and the same for people."""

proxy = peewee.DatabaseProxy()

_url: str | None = None


def sqlite_path(url: str) -> Path | None:
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


def sqlite_version() -> tuple[int, int, int]:
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


class _File(peewee.SqliteDatabase):
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


def _sqlite(path: Path, read_only: bool) -> peewee.SqliteDatabase:
    pragmas: list[tuple[str, Any]] = [
        # Two connections that write and checkpoint at once can corrupt the file before the fix.
        ("journal_mode", "wal" if wal_reset_fixed(sqlite_version()) else "delete"),
        # NORMAL may forget a committed intent on power loss, and a forgotten intent is a second message.
        ("synchronous", "full"),
        ("foreign_keys", 1),
        ("cache_size", -4_000),
        ("journal_size_limit", 67_108_864),
    ]
    if read_only:
        pragmas.append(("query_only", 1))
    return _File(
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


def _as_it_is(path: Path) -> peewee.SqliteDatabase:
    return peewee.SqliteDatabase(
        uri_as_it_is(path),
        uri=True,
        pragmas=[("query_only", 1)],
        timeout=LOCK_TIMEOUT_S,
        autoconnect=False,
    )


def open_database(url: str, *, create: bool = False, read_only: bool = False) -> None:
    """Bind the models to the database at `url` and bring its schema up to date.

    `url` is a path, `sqlite:///path` or another address that Peewee's `playhouse.db_url` knows.
    Raises `NoDatabase` when there is none and `create` is false, `NoDriver`, `SchemaTooNew`, `StoreBusy`,
    `StoreFailed`, `UnsafeFolder`; `OSError` for a folder, and what the system says of the file.
    """
    global _url
    from store import migrate, place

    path = sqlite_path(url)
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
        database = _sqlite(path, read_only)
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
    path = sqlite_path(url)
    if path is not None and (not path.exists() or path.stat().st_size == 0):
        raise NoDatabase(f"There is no database at {path}.")
    try:
        proxy.initialize(_on_server(url) if path is None else _as_it_is(path))
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
    if isinstance(proxy.obj, _File):
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
