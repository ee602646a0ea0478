"""The first schema. Frozen: it never follows a later change of `store.models`."""

from __future__ import annotations

from typing import Any

from peewee import (
    SQL,
    AutoField,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    Check,
    CompositeKey,
    Database,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    SqliteDatabase,
    TextField,
)


class Account(Model):
    id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
    name = TextField()
    timezone = TextField()
    gateway = TextField(constraints=[Check("gateway IN ('simulator', 'cloud_api')")])
    base_url = TextField(null=True)
    waba_id = TextField(null=True)
    quota = IntegerField(null=True)
    free = BigIntegerField(default=0, constraints=[Check("free >= 0")])
    reserved = BigIntegerField(default=0, constraints=[Check("reserved >= 0")])
    spent = BigIntegerField(default=0, constraints=[Check("spent >= 0")])
    created_at = BigIntegerField()


class Sender(Model):
    id = AutoField()
    number = BigIntegerField(unique=True)
    phone_number_id = TextField(unique=True)
    rate = IntegerField(constraints=[Check("rate > 0")])
    quality = TextField(default="UNKNOWN")
    status = TextField(default="CONNECTED")
    created_at = BigIntegerField()


class Template(Model):
    id = AutoField()
    name = TextField()
    language = TextField()
    status = TextField()
    category = TextField()
    parameter_format = TextField()
    components = TextField()
    quality = TextField(default="")
    updated_at = BigIntegerField()

    class Meta:
        indexes = ((("name", "language"), True),)


class Audience(Model):
    id = AutoField()
    file = TextField()
    columns = TextField()
    number_column = TextField()
    country = TextField(null=True)
    imported_at = BigIntegerField()
    complete = BooleanField(default=False)


class Campaign(Model):
    id = AutoField()
    name = TextField()
    status = TextField(
        constraints=[Check("status IN ('draft', 'scheduled', 'in_progress', 'completed', 'failed', 'cancelled')")]
    )
    status_reason = TextField(null=True)
    status_detail = TextField(default="{}")
    hold_reason = TextField(null=True)
    hold_text = TextField(default="")
    hold_since = BigIntegerField(null=True)
    hold_until = BigIntegerField(null=True)
    sender = ForeignKeyField(Sender, null=True, on_delete="RESTRICT")
    template = ForeignKeyField(Template, null=True, on_delete="SET NULL")
    template_name = TextField(null=True)
    template_frozen = TextField(null=True)
    fills = TextField(default="{}")
    audience = ForeignKeyField(Audience, null=True, unique=True, on_delete="RESTRICT")
    over_quota = TextField(default="fail", constraints=[Check("over_quota IN ('fail', 'wait')")])
    grace = IntegerField(default=60)
    scheduled_at = BigIntegerField(null=True)
    timezone = TextField(null=True)
    send_now = BooleanField(default=False)
    price = BigIntegerField(default=0)
    prices = TextField(default="{}")
    created_by = TextField()
    created_at = BigIntegerField()
    edited_at = BigIntegerField()
    started_at = BigIntegerField(null=True)
    finished_at = BigIntegerField(null=True)
    deleted_at = BigIntegerField(null=True)
    duplicate_of = IntegerField(null=True)
    list_key = BigIntegerField()
    version = IntegerField(default=1)


_live = Campaign.deleted_at.is_null()
Campaign.add_index(Campaign.index(Campaign.list_key, where=_live, name="campaign_live"))
Campaign.add_index(Campaign.index(Campaign.status, Campaign.list_key, where=_live, name="campaign_by_status"))
Campaign.add_index(
    Campaign.index(Campaign.scheduled_at, where=Campaign.status == SQL("'scheduled'"), name="campaign_due")
)


class Progress(Model):
    campaign = ForeignKeyField(Campaign, primary_key=True, on_delete="CASCADE")
    audience = IntegerField(default=0)
    skipped = IntegerField(default=0)
    pending = IntegerField(default=0, constraints=[Check("pending >= 0")])
    sent = IntegerField(default=0)
    failed = IntegerField(default=0)
    unknown = IntegerField(default=0, constraints=[Check("unknown >= 0")])
    delivered = IntegerField(default=0)
    read = IntegerField(default=0)
    undelivered = IntegerField(default=0)
    handed = IntegerField(default=0)
    reserved = BigIntegerField(default=0)
    settled = BigIntegerField(default=0)
    released = BigIntegerField(default=0)
    version = IntegerField(default=0)


class Recipient(Model):
    audience_id = IntegerField()
    seq = IntegerField()
    line = IntegerField()
    phone = BigIntegerField(null=True)
    country = TextField(null=True)
    cells = TextField()
    state = SmallIntegerField(default=0, constraints=[Check("state BETWEEN 0 AND 4")])
    skip = TextField(null=True)
    attempt = SmallIntegerField(default=0)
    tried = SmallIntegerField(default=0)
    message_id = TextField(null=True)
    error = IntegerField(null=True)
    delivery = SmallIntegerField(default=0)
    handed_at = BigIntegerField(null=True)
    sent_at = BigIntegerField(null=True)
    delivered_at = BigIntegerField(null=True)
    read_at = BigIntegerField(null=True)

    class Meta:
        primary_key = CompositeKey("audience_id", "seq")


Recipient.add_index(
    Recipient.index(
        Recipient.audience_id,
        Recipient.seq,
        where=Recipient.state.in_([SQL("2"), SQL("3")]),
        name="recipient_exceptions",
    )
)


class Retry(Model):
    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    seq = IntegerField()
    not_before = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("campaign", "seq")
        indexes = ((("campaign", "not_before"), False),)


class SendWindow(Model):
    id = BigAutoField()
    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    fence = IntegerField()
    lo = IntegerField()
    hi = IntegerField()
    retried = TextField(default="[]")
    opened_at = BigIntegerField()

    class Meta:
        table_name = "send_window"


class Attempt(Model):
    id = BigAutoField()
    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    seq = IntegerField()
    n = SmallIntegerField()
    at = BigIntegerField()
    outcome = TextField()
    code = IntegerField(null=True)
    http_status = SmallIntegerField(null=True)
    detail = TextField(default="")

    class Meta:
        indexes = ((("campaign", "seq"), False),)


class Tally(Model):
    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    kind = TextField()
    key = TextField()
    n = IntegerField()

    class Meta:
        primary_key = CompositeKey("campaign", "kind", "key")


class Ledger(Model):
    id = BigAutoField()
    at = BigIntegerField()
    kind = TextField(constraints=[Check("kind IN ('top_up', 'reserve', 'settle', 'release')")])
    amount = BigIntegerField(constraints=[Check("amount > 0")])
    free_after = BigIntegerField()
    reserved_after = BigIntegerField()
    spent_after = BigIntegerField()
    campaign_id = IntegerField(null=True, index=True)
    actor = TextField()
    note = TextField(default="")
    key = TextField(null=True, unique=True)


class OptOut(Model):
    phone = BigIntegerField(primary_key=True)
    since = BigIntegerField()
    origin = TextField()

    class Meta:
        table_name = "opt_out"


class Audit(Model):
    id = BigAutoField()
    at = BigIntegerField(index=True)
    actor = TextField()
    terminal = TextField(default="")
    action = TextField()
    campaign_id = IntegerField(null=True, index=True)
    before = TextField(default="{}")
    after = TextField(default="{}")
    detail = TextField(default="")


class Lease(Model):
    name = TextField(primary_key=True)
    owner = TextField(default="")
    fence = IntegerField(default=0)
    until = BigIntegerField(default=0)
    host = TextField(default="")
    pid = IntegerField(default=0)
    role = TextField(default="")
    since = BigIntegerField(default=0)
    status = TextField(default="")


class CallbackEvent(Model):
    id = BigAutoField()
    received_at = BigIntegerField()
    body = TextField()
    applied_at = BigIntegerField(null=True)
    unmatched = IntegerField(default=0)

    class Meta:
        table_name = "callback_event"


CallbackEvent.add_index(
    CallbackEvent.index(CallbackEvent.id, where=CallbackEvent.applied_at.is_null(), name="callback_waiting")
)

TABLES: list[type[Any]] = [
    Account,
    Sender,
    Template,
    Audience,
    Campaign,
    Progress,
    Recipient,
    Retry,
    SendWindow,
    Attempt,
    Tally,
    Ledger,
    OptOut,
    Audit,
    Lease,
    CallbackEvent,
]


def _append_only(db: Database, table: str) -> None:
    if isinstance(db, SqliteDatabase):
        for verb in ("UPDATE", "DELETE"):
            db.execute_sql(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    db.execute_sql(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    db.execute_sql(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )


def up(migrator: Any, db: Database) -> None:
    # The recipients are clustered by their key on SQLite; PostgreSQL has no such thing and refuses the words.
    Recipient._meta.without_rowid = isinstance(db, SqliteDatabase)
    # Unlike a sequence, SQLite gives the id of a deleted last row out again, and an outcome that comes late would close
    # the window of somebody else.
    for key in (Campaign.id, SendWindow.id):
        key.constraints = [SQL("AUTOINCREMENT")] if isinstance(db, SqliteDatabase) else []
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES, safe=False)
    for table in ("ledger", "audit"):
        _append_only(db, table)
