"""What came in: bodies of callbacks, statuses kept for later, what was told, replies and opt-outs."""

from __future__ import annotations

from peewee import SQL, BigAutoField, BigIntegerField, BooleanField, CompositeKey, IntegerField, TextField

from store.models.base import Base


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
    phones = TextField(default="")

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
