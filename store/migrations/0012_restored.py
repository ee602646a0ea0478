"""Which campaigns a restore put on hold, and whom a kept status is about. Frozen like every migration before."""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase


def up(migrator: Any, db: Database) -> None:
    big = "INTEGER" if isinstance(db, SqliteDatabase) else "BIGINT"
    db.execute_sql(f"ALTER TABLE campaign ADD COLUMN restored_at {big}")
    db.execute_sql("ALTER TABLE kept_status ADD COLUMN phones TEXT NOT NULL DEFAULT ''")
