"""The tables. Nobody outside `store` imports this module.

Times are UTC epoch milliseconds (Peewee's date fields answer aware on SQLite and naive on PostgreSQL for one
write), credits integers, phone numbers E.164 digits in a BIGINT, JSON is text.
"""

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
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)

from store.database import proxy


class Base(Model):
    class Meta:
        database = proxy


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


class Tally(Base):
    """Counts by reason, code or country, kept so that a report never scans the rows."""

    campaign = ForeignKeyField(Campaign, on_delete="CASCADE")
    kind = TextField()
    key = TextField()
    n = IntegerField()

    class Meta:
        primary_key = CompositeKey("campaign", "kind", "key")


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


class OptOut(Base):
    phone = BigIntegerField(primary_key=True)
    since = BigIntegerField()
    origin = TextField()

    class Meta:
        table_name = "opt_out"


OptOut.add_index(OptOut.index(OptOut.since.desc(), OptOut.phone, name="opt_out_newest"))


class Reply(Base):
    """What a number last wrote about getting messages; by its time a repeated or late reply is told from a new one."""

    phone = BigIntegerField(primary_key=True)
    at = BigIntegerField()
    stop = BooleanField()
    origin = TextField()


class Audit(Base):
    """Who did what, when, from where; append-only by trigger."""

    id = BigAutoField()
    at = BigIntegerField(index=True)
    actor = TextField()
    terminal = TextField(default="")
    action = TextField()
    campaign_id = IntegerField(null=True, index=True)
    before = TextField(default="{}")
    after = TextField(default="{}")
    detail = TextField(default="")


class Lease(Base):
    name = TextField(primary_key=True)
    owner = TextField(default="")
    fence = IntegerField(default=0)
    until = BigIntegerField(default=0)
    host = TextField(default="")
    pid = IntegerField(default=0)
    role = TextField(default="")
    since = BigIntegerField(default=0)
    status = TextField(default="")


class CallbackEvent(Base):
    """A callback's body exactly as received, stored before it is answered, applied after."""

    id = BigAutoField()
    received_at = BigIntegerField()
    body = TextField()
    applied_at = BigIntegerField(null=True)
    unmatched = IntegerField(default=0)
    digest = TextField(null=True)

    class Meta:
        table_name = "callback_event"


CallbackEvent.add_index(
    CallbackEvent.index(CallbackEvent.id, where=CallbackEvent.applied_at.is_null(), name="callback_waiting")
)
CallbackEvent.add_index(
    CallbackEvent.index(
        CallbackEvent.digest, unique=True, where=CallbackEvent.digest.is_null(False), name="callback_relayed"
    )
)


class KeptStatus(Base):
    """A status whose message is not known here yet; 0 and an empty text are what it does not say."""

    message_id = TextField()
    campaign_id = BigIntegerField()
    seq = BigIntegerField()
    test_id = BigIntegerField()
    status = TextField()
    at = BigIntegerField()
    code = IntegerField(null=True)
    detail = TextField()
    pricing = TextField(null=True)
    kept_at = BigIntegerField()

    class Meta:
        table_name = "kept_status"
        primary_key = CompositeKey("message_id", "campaign_id", "seq", "test_id", "status")


KeptStatus.add_index(
    KeptStatus.index(
        KeptStatus.campaign_id, KeptStatus.seq, where=KeptStatus.campaign_id > SQL("0"), name="kept_status_referenced"
    )
)
KeptStatus.add_index(KeptStatus.index(KeptStatus.kept_at, name="kept_status_age"))


class Told(Base):
    """When WhatsApp last told something about one subject; by it a repeated or late event is told from news."""

    subject = TextField(primary_key=True)
    at = BigIntegerField()
    rank = IntegerField()


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


class Price(Base):
    """One line of the price list; an empty country or media is every one that has no line of its own."""

    category = TextField()
    country = TextField()
    media = TextField()
    credits = BigIntegerField(constraints=[Check("credits >= 0")])

    class Meta:
        primary_key = CompositeKey("category", "country", "media")


class ClockMark(Base):
    """The latest time a boot of a machine has shown, with its steady clock: a wall clock set back is noticed by it."""

    boot = TextField(primary_key=True)
    wall = BigIntegerField()
    steady = BigIntegerField()

    class Meta:
        table_name = "clock_mark"


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
    Held,
    Tally,
    Ledger,
    OptOut,
    Reply,
    Audit,
    Lease,
    CallbackEvent,
    Series,
    Occurrence,
    Contact,
    QuotaMeter,
    TestSend,
    ClockMark,
    Price,
    Media,
    Health,
    KeptStatus,
    Told,
]
