"""The last reply of each number, and the order in which the opt-out list is shown. Frozen like every migration."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, Database, Model, TextField


class Reply(Model):
    phone = BigIntegerField(primary_key=True)
    at = BigIntegerField()
    stop = BooleanField()
    origin = TextField()


def up(migrator: Any, db: Database) -> None:
    with db.bind_ctx([Reply]):
        db.create_tables([Reply], safe=False)
    db.execute_sql('CREATE INDEX IF NOT EXISTS "opt_out_newest" ON "opt_out" ("since" DESC, "phone")')
