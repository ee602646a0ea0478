"""Who does what and when: the audit trail, leases, clocks."""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, IntegerField, TextField

from store.models.base import Base


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


class ClockMark(Base):
    """The latest time a boot of a machine has shown, with its steady clock: a wall clock set back is noticed by it."""

    boot = TextField(primary_key=True)
    wall = BigIntegerField()
    steady = BigIntegerField()

    class Meta:
        table_name = "clock_mark"
