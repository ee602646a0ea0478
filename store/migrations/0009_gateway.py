"""What the gateway tells of itself, and by which way a campaign is handed over. Frozen like every migration before."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, Database, Model, TextField

_COLUMNS = (
    ("account", "api_version TEXT"),
    ("sender", "name TEXT NOT NULL DEFAULT ''"),
    ("sender", "name_status TEXT NOT NULL DEFAULT ''"),
    ("sender", "throughput TEXT NOT NULL DEFAULT ''"),
    ("template", "remote_id TEXT"),
    ("template", "extra TEXT NOT NULL DEFAULT '{}'"),
    ("campaign", "route TEXT NOT NULL DEFAULT '{}'"),
    ("series", "route TEXT NOT NULL DEFAULT '{}'"),
)


class Media(Model):
    id = AutoField()
    media_id = TextField(unique=True)
    phone_number_id = TextField()
    file = TextField()
    mime = TextField()
    size = BigIntegerField()
    uploaded_at = BigIntegerField()
    uploaded_by = TextField()

    class Meta:
        table_name = "media"


class Health(Model):
    node = TextField(primary_key=True)
    at = BigIntegerField()
    answer = TextField()

    class Meta:
        table_name = "health"


TABLES: list[type[Any]] = [Media, Health]


def up(migrator: Any, db: Database) -> None:
    for table, column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES, safe=False)
