"""The account and what belongs to it: senders, templates, prices, uploads, credits."""

from __future__ import annotations

from peewee import AutoField, BigAutoField, BigIntegerField, Check, CompositeKey, IntegerField, TextField

from store.models.base import Base


class Account(Base):
    id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
    name = TextField()
    timezone = TextField()
    gateway = TextField(constraints=[Check("gateway IN ('simulator', 'cloud_api')")])
    base_url = TextField(null=True)
    waba_id = TextField(null=True)
    quota = IntegerField(null=True)
    frequency_cap = IntegerField(null=True)
    frequency_days = IntegerField(null=True)
    countries = TextField(null=True)
    api_version = TextField(null=True)
    free = BigIntegerField(default=0, constraints=[Check("free >= 0")])
    reserved = BigIntegerField(default=0, constraints=[Check("reserved >= 0")])
    spent = BigIntegerField(default=0, constraints=[Check("spent >= 0")])
    created_at = BigIntegerField()


class Sender(Base):
    id = AutoField()
    number = BigIntegerField(unique=True)
    phone_number_id = TextField(unique=True)
    rate = IntegerField(constraints=[Check("rate > 0")])
    quality = TextField(default="UNKNOWN")
    status = TextField(default="CONNECTED")
    created_at = BigIntegerField()
    name = TextField(default="")
    name_status = TextField(default="")
    throughput = TextField(default="")


class Template(Base):
    id = AutoField()
    name = TextField()
    language = TextField()
    status = TextField()
    category = TextField()
    parameter_format = TextField()
    components = TextField()
    quality = TextField(default="")
    updated_at = BigIntegerField()
    remote_id = TextField(null=True)
    extra = TextField(default="{}")

    class Meta:
        indexes = ((("name", "language"), True),)


class Ledger(Base):
    """Every movement of credits; append-only by trigger."""

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


class Price(Base):
    """One line of the price list; an empty country or media is every one that has no line of its own."""

    category = TextField()
    country = TextField()
    media = TextField()
    credits = BigIntegerField(constraints=[Check("credits >= 0")])

    class Meta:
        primary_key = CompositeKey("category", "country", "media")


class Media(Base):
    """An uploaded file: the gateway's id for it, for 30 days."""

    id = AutoField()
    media_id = TextField(unique=True)
    phone_number_id = TextField()
    file = TextField()
    mime = TextField()
    size = BigIntegerField()
    uploaded_at = BigIntegerField()
    uploaded_by = TextField()


class Health(Base):
    """What the gateway last said of whether a number, a template or the account can send."""

    node = TextField(primary_key=True)
    at = BigIntegerField()
    answer = TextField()
