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


def schema(db: peewee.Database) -> dict[str, str]:
    """Every table and index of ours with the statement that made it."""
    rows = db.execute_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type != 'trigger'").fetchall()
    return {name: sql for name, sql in rows if not re.match("sqlite_|schema_migration", name)}


def test_a_fresh_database_has_what_the_models_declare(db: str) -> None:
    assert str(diff_models(database.proxy.obj, models.TABLES)) == ""


def test_a_fresh_file_equals_the_models_to_the_word(db: str, tmp_path: Path) -> None:
    migrated = schema(database.proxy.obj)
    by_models = peewee.SqliteDatabase(str(tmp_path / "models.db"))
    with by_models.bind_ctx(models.TABLES), by_models:
        by_models.create_tables(models.TABLES)
        expected = schema(by_models)
    # What only SQLite has stands in the migration alone.
    assert {name for name, sql in migrated.items() if sql.endswith(CLUSTERED)} == {"recipient"}
    assert {name for name, sql in migrated.items() if NEVER_REUSED in sql} == {"campaign", "send_window"}
    assert {name: sql.replace(CLUSTERED, "").replace(NEVER_REUSED, "") for name, sql in migrated.items()} == expected


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


def old_schema(db: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make the open database one migration older than the program."""
    database.close_database()
    folder.mkdir()
    (folder / "0001_initial.py").write_text((migrate.DIRECTORY / "0001_initial.py").read_text())
    (folder / "0002_note.py").write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE note (id INTEGER PRIMARY KEY)')\n"
    )
    monkeypatch.setattr(migrate, "DIRECTORY", folder)


def test_an_older_database_is_brought_up_to_date_when_it_is_opened(
    db: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old_schema(db, monkeypatch, tmp_path / "migrations")
    database.open_database(db)
    with database.session():
        assert migrate.applied(database.proxy.obj) == ["0001_initial", "0002_note"]
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
        assert migrate.applied(database.proxy.obj) == ["0001_initial"]


def test_a_migration_that_breaks_leaves_nothing(db: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old_schema(db, monkeypatch, tmp_path / "migrations")
    breaks = (
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE note (id INTEGER)')\n    raise RuntimeError('no')\n"
    )
    (tmp_path / "migrations" / "0002_note.py").write_text(breaks)
    with pytest.raises(RuntimeError, match="no"):
        database.open_database(db)
    monkeypatch.undo()
    database.open_database(db)
    with database.session():
        assert not database.proxy.table_exists("note")
