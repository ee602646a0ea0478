"""What the keeping of a database asks of it beside its rows: schema, soundness, what it last heard."""

from __future__ import annotations

from store import migrate
from store.database import execute, is_sqlite, proxy

SHOWN = 10
"""Problems that are named."""


def schema() -> tuple[list[str], list[str]]:
    """Names of the migrations that the database lacks, and of those that this program does not know."""
    have, known = migrate.applied(proxy.obj), migrate.known()
    return [name for name in known if name not in have], [name for name in have if name not in known]


def newest_migration() -> str | None:
    """The name of the last migration the database has had."""
    have = migrate.applied(proxy.obj)
    return have[-1] if have else None


def damage() -> list[str]:
    """What SQLite finds damaged in the file, in its own words; nothing on a server, which looks after itself."""
    if not is_sqlite():
        return []
    found = [str(row[0]) for row in execute(f"PRAGMA integrity_check({SHOWN})").fetchall()]
    return [] if found == ["ok"] else found


def quick_damage() -> list[str]:
    """As `damage`, without comparing the indexes with their tables: in a fraction of the time."""
    if not is_sqlite():
        return []
    found = [str(row[0]) for row in execute(f"PRAGMA quick_check({SHOWN})").fetchall()]
    return [] if found == ["ok"] else found


def dangling() -> dict[str, int]:
    """Rows that refer to one that is not there, by table; a server allows none."""
    if not is_sqlite():
        return {}
    found: dict[str, int] = {}
    for table, *_ in execute("PRAGMA foreign_key_check").fetchall():
        found[table] = found.get(table, 0) + 1
    return found


def newest_event_at() -> int | None:
    """When the newest event of the audit trail was, UTC epoch milliseconds."""
    row = execute("SELECT at FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else int(row[0])


def last_heard() -> int | None:
    """When a callback last came in, UTC epoch milliseconds."""
    row = execute("SELECT received_at FROM callback_event ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else int(row[0])


def sent_since(at: int) -> bool:
    """Whether a message was handed over since."""
    return execute("SELECT 1 FROM contact WHERE at > ? LIMIT 1", (at,)).fetchone() is not None
