"""Backups: a copy of the database made while it is used, and a copy that takes the database's place."""

from __future__ import annotations

import fcntl
import glob
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from engine import files, restoring, sessions
from engine.context import Context, command, forbidden
from engine.errors import BadInput, Busy, EngineError, Refused
from store import audit, copying, database, leases, place, sqlite_file
from store.errors import NotADatabase, StoreBusy, StoreError, StoreFailed

if TYPE_CHECKING:
    from pathlib import Path

    from engine.clock import Clock
    from store.restored import Waiting
    from store.types import Lease


class Made(NamedTuple):
    """A backup that was made."""

    file: Path
    size: int
    """Bytes."""
    seconds: float


class Plan(NamedTuple):
    """What a restore would do; nothing was changed yet."""

    source: Path
    target: Path
    schema: str
    """The newest migration of the backup."""
    newest: int | None
    """When its newest event was, UTC epoch milliseconds."""
    replaces: bool
    """Whether there is a database now."""


class Restored(NamedTuple):
    """What a restore did."""

    target: Path
    kept: Path | None
    """Where the replaced database is; `None` where there was none."""
    waiting: Waiting


def make(context: Context, file: Path, *, force: bool = False) -> Made:
    """Copy the open database into `file`, as it is at one moment and while others write.

    The file appears whole and checked or not at all, for its owner alone. Raises `Refused` with `not_sqlite`,
    `BadInput` with `file_exists`, `backup_is_database`, `unwritable_file`.
    """
    with command(context, "backup.make"):
        source = _file(database.url())
        if file.exists() and _same(file, source):
            raise BadInput("backup_is_database", f"{file} is the database itself.", "Choose another place for it.")
        if file.exists() and not force:
            raise BadInput("file_exists", f"{file} exists already.", "Choose another name, or replace it with --force.")
        began = perf_counter()
        with files.whole(file, database=True) as partial:
            copying.copy_open(partial)
            size = partial.stat().st_size
        seconds = perf_counter() - began
        with database.transaction():
            after = {"file": file.name, "size": size}
            audit.write(context.clock.now(), context.actor, "backup.make", after=after)
        return Made(file, size, seconds)


def plan(url: str, source: Path) -> Plan:
    """What a restore of `source` over the database at `url` would do; reads both and changes nothing.

    Raises `Refused` with `not_sqlite`, `BadInput` with `restore_is_database`, `not_a_backup`, `unreadable_file`, and
    the store's `SchemaTooNew`.
    """
    target = _file(url)
    files.regular(source)
    if target.exists() and _same(source, target):
        raise BadInput("restore_is_database", f"{source} is the database itself.", "Name a backup of it.")
    try:
        schema, newest = copying.examine(source)
    except NotADatabase as error:
        raise BadInput("not_a_backup", f"{error}", "Name a file that `sendoff backup` made.") from error
    return Plan(source, target, schema, newest, target.exists())


def in_use(target: Path, now: int) -> list[Lease]:
    """Who holds a sender of the database at `target`, which is open for reading; none when it cannot be read."""
    with suppress(StoreFailed), database.session(), database.translated():
        return leases.held(now)
    return []


def refuse_in_use(held: list[Lease]) -> None:
    """Raise `Refused` with `lease_held` when somebody sends from the database."""
    if held:
        one = held[0]
        raise Refused(
            "lease_held",
            f"Process {one.pid} on {one.host} ({one.role}) sends from this database.",
            "Stop it first: a worker that finds another database under it could send twice.",
        )


def restore(context: Context, what: Plan) -> Restored:
    """Put a backup in the database's place, with everything that is ahead or on its way on hold.

    The replaced database stays beside it under a dated name. The open database is another one afterwards, or none.
    Raises `NotAllowed`, `Refused` with `lease_held`, `Busy` with `busy`, `BadInput` with `unwritable_file`.
    """
    why_not = forbidden(context, "backup.restore")
    if why_not is not None:
        if what.replaces:
            with suppress(StoreError):
                database.open_database(str(what.target))
                sessions.turned_away(context, "backup.restore", None, why_not)
        raise why_not
    database.close_database()
    # A link stays one: what it leads to is replaced, and the workers' locks and the write-ahead log lie beside that.
    target = place.real(what.target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with place.partial(target) as partial:
            try:
                copying.copy_file(what.source, partial)
                waiting = restoring.prepare(
                    context.clock,
                    context.actor,
                    partial,
                    source=what.source.name,
                    schema=what.schema,
                    newest=what.newest,
                )
                kept = _put_in_place(target, partial, context.clock)
            finally:
                database.close_database()
    except OSError as error:
        raise _unwritable(what.target, error) from error
    return Restored(what.target, kept, waiting)


def _put_in_place(target: Path, partial: Path, clock: Clock) -> Path | None:
    if not target.exists():
        partial.replace(target)
        return None
    kept = _dated(target, clock.now())
    with _no_sender_locked(target):
        try:
            with copying.sole(target):
                place.replace(target, partial, kept)
        except StoreBusy as error:
            raise Busy(
                "busy",
                f"Somebody has the database {target} open.",
                "Close every console, worker and callback server on it, then try again.",
            ) from error
        except StoreFailed:
            # It cannot be read any more, which may be why it is to be replaced.
            place.set_aside(target, kept)
            partial.replace(target)
    return kept


def _dated(target: Path, now: int) -> Path:
    """A name beside the database that nobody has."""
    stamp = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    name, n = f"{target.name}.replaced-{stamp}", 1
    while target.with_name(name).exists():
        n += 1
        name = f"{target.name}.replaced-{stamp}-{n}"
    return target.with_name(name)


@contextmanager
def _no_sender_locked(target: Path) -> Iterator[None]:
    """Keep every worker on this machine out: each holds a file lock while it lives, also when its lease has run out."""
    with ExitStack() as stack:
        for file in sorted(target.parent.glob(f"{glob.escape(target.name)}.sender-*.lock")):
            handle = os.open(file, os.O_RDWR)
            stack.callback(os.close, handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Refused(
                    "lease_held", "A worker on this machine still has a sender of this database.", "Stop it first."
                ) from error
        yield


def _file(url: str) -> Path:
    path = sqlite_file.path_of(url)
    if path is None:
        raise Refused(
            "not_sqlite", "This database is on a server.", "Use the server's own tools: pg_dump and pg_restore."
        )
    return path


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _unwritable(target: Path, error: OSError) -> EngineError:
    return BadInput(
        "unwritable_file", f"{target} cannot be replaced: {error.strerror or error}.", "Check the folder's permissions."
    )
