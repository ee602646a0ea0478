"""Campaigns, their counters, their audiences and the series that make them."""

from __future__ import annotations

from peewee import (
    SQL,
    AutoField,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    Check,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from store.models.account import Sender, Template
from store.models.base import Base


class Audience(Base):
    id = AutoField()
    file = TextField()
    columns = TextField()
    number_column = TextField()
    country = TextField(null=True)
    imported_at = BigIntegerField()
    complete = BooleanField(default=False)


class Campaign(Base):
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
    series_id = IntegerField(null=True)
    occurrence = TextField(null=True)
    locked = IntegerField(default=0)
    route = TextField(default="{}")
    list_key = BigIntegerField()
    version = IntegerField(default=1)
    restored_at = BigIntegerField(null=True)


_live = Campaign.deleted_at.is_null()
Campaign.add_index(Campaign.index(Campaign.list_key, where=_live, name="campaign_live"))
Campaign.add_index(Campaign.index(Campaign.status, Campaign.list_key, where=_live, name="campaign_by_status"))
Campaign.add_index(
    Campaign.index(Campaign.deleted_at, where=Campaign.deleted_at.is_null(False), name="campaign_deleted")
)
Campaign.add_index(
    Campaign.index(Campaign.scheduled_at, where=Campaign.status == SQL("'scheduled'"), name="campaign_due")
)


class Progress(Base):
    """The one hot row of a run, apart from the wide campaign row so that rewriting it stays cheap."""

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


class Tally(Base):
    """Counts by reason, code or country, kept so that a report never scans the rows."""

    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    kind = TextField()
    key = TextField()
    n = IntegerField()

    class Meta:
        primary_key = CompositeKey("campaign", "kind", "key")


class Series(Base):
    """A recurring campaign: its content, its audience and when it fires."""

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
    route = TextField(default="{}")


class Occurrence(Base):
    """One firing of a series; its key, the local date and time, is why a firing is created at most once."""

    series_id = BigIntegerField()
    local = TextField()
    at = BigIntegerField()
    campaign_id = IntegerField(null=True)
    outcome = TextField(constraints=[Check("outcome IN ('created', 'late', 'missed')")])

    class Meta:
        primary_key = CompositeKey("series_id", "local")
