"""Messages that WhatsApp took and holds back, until when they are waited for. Frozen like every migration before."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CompositeKey, Database, ForeignKeyField, IntegerField, Model


class Campaign(Model):
    class Meta:
        table_name = "campaign"


class Held(Model):
    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    seq = IntegerField()
    until = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("campaign", "seq")
        indexes = ((("campaign", "until"), False),)


def up(migrator: Any, db: Database) -> None:
    with db.bind_ctx([Campaign, Held]):
        db.create_tables([Held], safe=False)
