"""Audience rows and what became of them; test sends, which follow the same protocol."""

from __future__ import annotations

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    Check,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from store.models.base import Base
from store.models.campaign import Campaign


class Recipient(Base):
    """One audience row, clustered by audience and dense `seq`, so that a page and a window are ranges."""

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
    pricing = TextField(null=True)

    class Meta:
        primary_key = CompositeKey("audience_id", "seq")


Recipient.add_index(
    Recipient.index(Recipient.message_id, where=Recipient.message_id.is_null(False), name="recipient_message")
)
Recipient.add_index(
    Recipient.index(
        Recipient.audience_id,
        Recipient.seq,
        where=Recipient.state.in_([SQL("2"), SQL("3")]),
        name="recipient_exceptions",
    )
)


class Retry(Base):
    """A row that the gateway did not take, and when it may be tried again."""

    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    seq = IntegerField()
    not_before = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("campaign", "seq")
        indexes = ((("campaign", "not_before"), False),)


class SendWindow(Base):
    """An intent: rows about to be handed over; gone once every row has its outcome."""

    id = BigAutoField()
    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    fence = IntegerField()
    lo = IntegerField()
    hi = IntegerField()
    retried = TextField(default="[]")
    opened_at = BigIntegerField()

    class Meta:
        table_name = "send_window"


class Attempt(Base):
    """What happened to a row beside a simple success; kept because the recipient row holds only the last word."""

    id = BigAutoField()
    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    seq = IntegerField()
    n = SmallIntegerField()
    at = BigIntegerField()
    outcome = TextField()
    code = IntegerField(null=True)
    http_status = SmallIntegerField(null=True)
    detail = TextField(default="")
    handed_at = BigIntegerField(null=True)
    not_before = BigIntegerField(null=True)

    class Meta:
        indexes = ((("campaign", "seq"), False),)


class Held(Base):
    """A row whose message WhatsApp took and holds back, and until when news of it is waited for."""

    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    seq = IntegerField()
    until = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("campaign", "seq")
        indexes = ((("campaign", "until"), False),)


class Contact(Base):
    """A message that the gateway took, may have, or is being handed: what quota and frequency cap count."""

    phone = BigIntegerField()
    campaign_id = IntegerField()
    seq = IntegerField()
    at = BigIntegerField(index=True)
    marketing = SmallIntegerField()

    class Meta:
        primary_key = CompositeKey("phone", "campaign_id", "seq")


class QuotaMeter(Base):
    """The one row that says how many different numbers of `contact` are newer than `since`."""

    id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
    since = BigIntegerField()
    used = IntegerField(constraints=[Check("used >= 0")])

    class Meta:
        table_name = "quota_meter"


class TestSend(Base):
    """A message to a typed number; it counts in no campaign's figures."""

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
    attempt = IntegerField(default=0)
    tried = IntegerField(default=0)
    not_before = BigIntegerField(null=True)

    class Meta:
        table_name = "test_send"


TestSend.add_index(
    TestSend.index(TestSend.sender_id, where=TestSend.state == SQL("0"), name="test_send_waiting"),
)
TestSend.add_index(
    TestSend.index(TestSend.message_id, where=TestSend.message_id.is_null(False), name="test_send_message")
)
