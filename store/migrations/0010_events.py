"""Callbacks in full: whose message is not known yet, what was told last, what WhatsApp bills, relayed events once.

Frozen like every migration before.
"""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase


def up(migrator: Any, db: Database) -> None:
    big = "INTEGER" if isinstance(db, SqliteDatabase) else "BIGINT"
    for statement in (
        "ALTER TABLE callback_event ADD COLUMN digest TEXT",
        "ALTER TABLE recipient ADD COLUMN pricing TEXT",
        'CREATE UNIQUE INDEX "callback_relayed" ON "callback_event" ("digest") WHERE ("digest" IS NOT NULL)',
        'CREATE INDEX "recipient_message" ON "recipient" ("message_id") WHERE ("message_id" IS NOT NULL)',
        'CREATE INDEX "test_send_message" ON "test_send" ("message_id") WHERE ("message_id" IS NOT NULL)',
        f'CREATE TABLE "kept_status" ("message_id" TEXT NOT NULL, "campaign_id" {big} NOT NULL, '
        f'"seq" {big} NOT NULL, "test_id" {big} NOT NULL, "status" TEXT NOT NULL, "at" {big} NOT NULL, '
        f'"code" INTEGER, "detail" TEXT NOT NULL, "pricing" TEXT, "kept_at" {big} NOT NULL, '
        'PRIMARY KEY ("message_id", "campaign_id", "seq", "test_id", "status"))',
        'CREATE INDEX "kept_status_referenced" ON "kept_status" ("campaign_id", "seq") WHERE ("campaign_id" > 0)',
        'CREATE INDEX "kept_status_age" ON "kept_status" ("kept_at")',
        f'CREATE TABLE "told" ("subject" TEXT NOT NULL PRIMARY KEY, "at" {big} NOT NULL, "rank" INTEGER NOT NULL)',
    ):
        db.execute_sql(statement)
