"""Contact history by message, and the meter of the messaging quota. Frozen like every migration before."""

from __future__ import annotations

from typing import Any

from peewee import (
    BigIntegerField,
    Check,
    CompositeKey,
    Database,
    IntegerField,
    Model,
    SmallIntegerField,
    SqliteDatabase,
)


class Contact(Model):
    phone = BigIntegerField()
    campaign_id = IntegerField()
    seq = IntegerField()
    at = BigIntegerField(index=True)
    marketing = SmallIntegerField()

    class Meta:
        primary_key = CompositeKey("phone", "campaign_id", "seq")


class QuotaMeter(Model):
    id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
    since = BigIntegerField()
    used = IntegerField(constraints=[Check("used >= 0")])

    class Meta:
        table_name = "quota_meter"


TABLES: list[type[Any]] = [Contact, QuotaMeter]

_HISTORY = """
INSERT INTO contact (phone, campaign_id, seq, at, marketing)
SELECT r.phone, c.id, r.seq, COALESCE(r.sent_at, r.handed_at, c.started_at),
       CASE WHEN c.template_frozen LIKE '%"category":"MARKETING"%' THEN 1 ELSE 0 END
FROM campaign c JOIN recipient r ON r.audience_id = c.audience_id
WHERE c.started_at IS NOT NULL AND r.state IN (1, 3) AND r.phone IS NOT NULL
"""


def up(migrator: Any, db: Database) -> None:
    # The table of 0002 was never written to, and could not tell one campaign's message from another's.
    db.execute_sql("DROP TABLE contact")
    # Clustered by number, so that a number's history is one look; PostgreSQL has no such thing.
    Contact._meta.without_rowid = isinstance(db, SqliteDatabase)
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES, safe=False)
    # What went out before counts too: an upgrade must not forget the last 24 hours.
    db.execute_sql(_HISTORY)
    db.execute_sql("INSERT INTO quota_meter (id, since, used) SELECT 1, 0, COUNT(DISTINCT phone) FROM contact")
