"""The price list, and what the sending of test sends needs. Frozen like every migration before."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, Check, CompositeKey, Database, Model, SqliteDatabase, TextField

_COLUMNS = (
    ("test_send", "attempt INTEGER NOT NULL DEFAULT 0"),
    ("test_send", "tried INTEGER NOT NULL DEFAULT 0"),
    ("test_send", "not_before {bigint}"),
)


class Price(Model):
    category = TextField()
    country = TextField()
    media = TextField()
    credits = BigIntegerField(constraints=[Check("credits >= 0")])

    class Meta:
        primary_key = CompositeKey("category", "country", "media")


TABLES: list[type[Any]] = [Price]


def up(migrator: Any, db: Database) -> None:
    # SQLite's integers have 64 bits under their one name.
    bigint = "INTEGER" if isinstance(db, SqliteDatabase) else "BIGINT"
    for table, column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column.format(bigint=bigint)}")
    db.execute_sql('CREATE INDEX IF NOT EXISTS "test_send_waiting" ON "test_send" ("sender_id") WHERE ("state" = 0)')
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES, safe=False)
