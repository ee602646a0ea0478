"""Bringing a database's schema up to date when it is opened.

The numbered files in `store/migrations` are run by Peewee's own runner, which takes no lock: two consoles that
start at once would both plan the same steps. So a lock is held around it, and the plan is made inside.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from store import place
from store.errors import NoDatabase, SchemaTooNew, StoreBusy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import peewee

DIRECTORY = Path(__file__).parent / "migrations"
HISTORY = "schema_migration"
_ADVISORY_LOCK = 0x73656E64  # "send"; PostgreSQL's advisory locks are numbers


def known() -> list[str]:
    """Names of the migrations this program has, in order."""
    return sorted(path.stem for path in DIRECTORY.glob("[0-9]*.py"))


def applied(database: peewee.Database) -> list[str]:
    """Names of the migrations this database has had, in order."""
    if not database.table_exists(HISTORY):
        return []
    rows = database.execute_sql(f"SELECT name FROM {HISTORY} ORDER BY name").fetchall()
    return [str(row[0]) for row in rows]


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Be the only process that sets up the SQLite file at `path`."""
    file = place.real(path)
    with open(file.with_name(file.name + ".migrate.lock"), "w", opener=_private) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _lock(database: peewee.Database, path: Path | None) -> Iterator[None]:
    if path is None:
        database.execute_sql("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        try:
            yield
        finally:
            database.execute_sql("SELECT pg_advisory_unlock(%s)", (_ADVISORY_LOCK,))
        return
    with file_lock(path):
        yield


def refuse_newer(have: list[str]) -> None:
    """Raise `SchemaTooNew` when a database that has had these migrations is of a newer release."""
    newer = [name for name in have if name not in known()]
    if newer:
        raise SchemaTooNew(
            f"This database was made by a newer release (it has {newer[-1]}). Install that release, or use a copy."
        )


def bring_up_to_date(database: peewee.Database, path: Path | None, *, create: bool, read_only: bool) -> None:
    """Run what is missing of the migrations, under a lock that spans processes.

    Raises `SchemaTooNew` when the database has migrations this program does not know, `NoDatabase` when it has none
    and `create` is false, `StoreBusy` when it is read-only and would need one.
    """
    have, want = applied(database), known()
    refuse_newer(have)
    if have == want:
        return
    if not have and not create:
        raise NoDatabase("There is a database file, but nothing in it yet.")
    if read_only:
        raise StoreBusy("The database needs an upgrade first: open it once without --read-only.")
    from playhouse.migrations import Runner

    with _lock(database, path):
        Runner(database, str(DIRECTORY), table_name=HISTORY).up()
