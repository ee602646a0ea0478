"""The schema that the migrations make is the schema that the models speak of."""

from __future__ import annotations

import re
from pathlib import Path

import peewee
import pytest
from playhouse.schema_diff import diff_models

from store import database, migrate, models
from store.errors import NoDatabase, SchemaTooNew, StoreBusy

CLUSTERED = " WITHOUT ROWID"
NEVER_REUSED = " AUTOINCREMENT"
EXTENDED = (
    "account",
    "attempt",
    "callback_event",
    "campaign",
    "kept_status",
    "recipient",
    "sender",
    "series",
    "template",
    "test_send",
)
"""Tables that got columns after they were made; those stand last in the file's own words."""


def schema(db: peewee.Database) -> dict[str, str]:
    """Every table and index of ours with the statement that made it."""
    rows = db.execute_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type != 'trigger'").fetchall()
    return {name: sql for name, sql in rows if not re.match("sqlite_|schema_migration", name)}


def columns(db: peewee.Database, table: str) -> dict[str, tuple[str, bool, bool]]:
    """Every column with its type, whether it may be null, and whether it is the key."""
    rows = db.execute_sql(f"PRAGMA table_info({table})").fetchall()
    return {name: (kind, bool(not_null or key), bool(key)) for _, name, kind, not_null, _, key in rows}


def test_a_fresh_database_has_what_the_models_declare(db: str) -> None:
    assert str(diff_models(database.proxy.obj, models.TABLES)) == ""


def test_a_fresh_file_equals_the_models_to_the_word(db: str, tmp_path: Path) -> None:
    migrated = schema(database.proxy.obj)
    by_models = peewee.SqliteDatabase(str(tmp_path / "models.db"))
    with by_models.bind_ctx(models.TABLES), by_models:
        by_models.create_tables(models.TABLES)
        expected = schema(by_models)
    # What only SQLite has stands in the migration alone.
    assert {name for name, sql in migrated.items() if sql.endswith(CLUSTERED)} == {"recipient", "contact"}
    assert {name for name, sql in migrated.items() if NEVER_REUSED in sql} == {"campaign", "send_window"}
    plain = {name: sql.replace(CLUSTERED, "").replace(NEVER_REUSED, "") for name, sql in migrated.items()}
    assert {name: sql for name, sql in plain.items() if name not in EXTENDED} == {
        name: sql for name, sql in expected.items() if name not in EXTENDED
    }


def test_tables_that_a_later_migration_extended_have_the_columns_of_their_models(db: str, tmp_path: Path) -> None:
    by_models = peewee.SqliteDatabase(str(tmp_path / "models.db"))
    with by_models.bind_ctx(models.TABLES), by_models:
        by_models.create_tables(models.TABLES)
        expected = {table: columns(by_models, table) for table in EXTENDED}
    assert {table: columns(database.proxy.obj, table) for table in EXTENDED} == expected


def test_the_models_write_to_the_database_that_is_open_after_a_migration(db: str, tmp_path: Path) -> None:
    database.close_database()
    database.open_database(str(tmp_path / "second.db"), create=True)
    with database.session():
        models.OptOut.insert(phone=1, since=1, origin="test").execute()
        assert models.OptOut.select().count() == 1
    database.open_database(db)
    with database.session():
        assert models.OptOut.select().count() == 0


def test_every_migration_is_noted_and_a_second_opening_does_nothing(db: str) -> None:
    assert migrate.known()[0] == "0001_initial"
    assert migrate.applied(database.proxy.obj) == migrate.known()
    before = database.execute("SELECT name, applied FROM schema_migration").fetchall()
    database.close_database()
    database.open_database(db)
    with database.session():
        assert database.execute("SELECT name, applied FROM schema_migration").fetchall() == before


def test_a_schema_of_a_newer_release_is_refused(db: str) -> None:
    database.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_later', '2030-01-01')")
    database.close_database()
    with pytest.raises(SchemaTooNew, match="9999_later"):
        database.open_database(db)
    with pytest.raises(SchemaTooNew):
        database.open_database(db, create=True)


def test_somebody_elses_sqlite_file_is_no_database_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    other = peewee.SqliteDatabase(str(file))
    with other:
        other.execute_sql("CREATE TABLE bookmark (url TEXT)")
    with pytest.raises(NoDatabase, match="nothing in it"):
        database.open_database(str(file))


NOTE = "9000_note.py"


def old_schema(db: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make the open database one migration older than the program."""
    database.close_database()
    folder.mkdir()
    for file in migrate.DIRECTORY.glob("[0-9]*.py"):
        (folder / file.name).write_text(file.read_text())
    (folder / NOTE).write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE note (id INTEGER PRIMARY KEY)')\n"
    )
    monkeypatch.setattr(migrate, "DIRECTORY", folder)


def test_an_older_database_is_brought_up_to_date_when_it_is_opened(
    db: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old_schema(db, monkeypatch, tmp_path / "migrations")
    database.open_database(db)
    with database.session():
        assert migrate.applied(database.proxy.obj)[-1] == "9000_note"
        assert database.proxy.table_exists("note")


def test_an_older_database_is_not_changed_by_a_read_only_start(
    db: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old_schema(db, monkeypatch, tmp_path / "migrations")
    with pytest.raises(StoreBusy, match="without --read-only"):
        database.open_database(db, read_only=True)
    monkeypatch.undo()
    database.open_database(db)
    with database.session():
        assert migrate.applied(database.proxy.obj) == migrate.known()


def test_a_migration_that_breaks_leaves_nothing(db: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old_schema(db, monkeypatch, tmp_path / "migrations")
    breaks = (
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE note (id INTEGER)')\n    raise RuntimeError('no')\n"
    )
    (tmp_path / "migrations" / NOTE).write_text(breaks)
    with pytest.raises(RuntimeError, match="no"):
        database.open_database(db)
    monkeypatch.undo()
    database.open_database(db)
    with database.session():
        assert not database.proxy.table_exists("note")
