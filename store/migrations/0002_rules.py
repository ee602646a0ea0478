"""Series, test sends, contact history, account limits and the clock's memory. Frozen like every migration before."""

from __future__ import annotations

from typing import Any

from peewee import (
    BigAutoField,
    BigIntegerField,
    Check,
    CompositeKey,
    Database,
    IntegerField,
    Model,
    SmallIntegerField,
    SqliteDatabase,
    TextField,
)

_COLUMNS = (
    ("account", "frequency_cap INTEGER"),
    ("account", "frequency_days INTEGER"),
    ("account", "countries TEXT"),
    ("campaign", "series_id INTEGER"),
    ("campaign", "occurrence TEXT"),
    ("campaign", "locked INTEGER NOT NULL DEFAULT 0"),
)


class Series(Model):
    id = BigAutoField()
    name = TextField()
    cron = TextField()
    timezone = TextField()
    ends_at = BigIntegerField(null=True)
    state = TextField(constraints=[Check("state IN ('active', 'paused', 'ended')")])
    sender_id = IntegerField(null=True)
    template_id = IntegerField(null=True)
    fills = TextField(default="{}")
    audience_id = IntegerField(null=True)
    over_quota = TextField(default="fail", constraints=[Check("over_quota IN ('fail', 'wait')")])
    grace = IntegerField(default=60)
    note = TextField(default="")
    created_by = TextField()
    created_at = BigIntegerField()
    edited_at = BigIntegerField()
    version = IntegerField(default=1)


class Occurrence(Model):
    series_id = BigIntegerField()
    local = TextField()
    at = BigIntegerField()
    campaign_id = IntegerField(null=True)
    outcome = TextField(constraints=[Check("outcome IN ('created', 'late', 'missed')")])

    class Meta:
        primary_key = CompositeKey("series_id", "local")


class Contact(Model):
    phone = BigIntegerField()
    at = BigIntegerField()
    marketing = SmallIntegerField()

    class Meta:
        primary_key = CompositeKey("phone", "at")
        indexes = ((("at", "phone"), False),)


class TestSend(Model):
    id = BigAutoField()
    campaign_id = IntegerField(index=True)
    sender_id = IntegerField()
    phone = BigIntegerField()
    payload = TextField()
    price = BigIntegerField()
    actor = TextField()
    asked_at = BigIntegerField()
    state = SmallIntegerField(default=0, constraints=[Check("state BETWEEN 0 AND 3")])
    fence = IntegerField(null=True)
    handed_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)
    message_id = TextField(null=True)
    error = IntegerField(null=True)
    detail = TextField(default="")
    delivery = SmallIntegerField(default=0)

    class Meta:
        table_name = "test_send"


class ClockMark(Model):
    boot = TextField(primary_key=True)
    wall = BigIntegerField()
    steady = BigIntegerField()

    class Meta:
        table_name = "clock_mark"


TABLES: list[type[Any]] = [Series, Occurrence, Contact, TestSend, ClockMark]


def up(migrator: Any, db: Database) -> None:
    for table, column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "campaign_deleted" ON "campaign" ("deleted_at") WHERE ("deleted_at" IS NOT NULL)'
    )
    # Clustered by number, so that a number's history is one look; PostgreSQL has no such thing.
    Contact._meta.without_rowid = isinstance(db, SqliteDatabase)
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES, safe=False)
