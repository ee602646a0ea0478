"""The tables. Nobody outside `store` imports this module.

Times are UTC epoch milliseconds (Peewee's date fields answer aware on SQLite and naive on PostgreSQL for one
write), credits integers, phone numbers E.164 digits in a BIGINT, JSON is text.
"""

from __future__ import annotations

from typing import Any

from store.models.account import Account, Health, Ledger, Media, Price, Sender, Template
from store.models.callback import CallbackEvent, KeptStatus, OptOut, Reply, Told
from store.models.campaign import Audience, Campaign, Occurrence, Progress, Series, Tally
from store.models.recipient import Attempt, Contact, Held, QuotaMeter, Recipient, Retry, SendWindow, TestSend
from store.models.upkeep import Audit, ClockMark, Lease

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

__all__ = [
    "TABLES",
    "Account",
    "Attempt",
    "Audience",
    "Audit",
    "CallbackEvent",
    "Campaign",
    "ClockMark",
    "Contact",
    "Health",
    "Held",
    "KeptStatus",
    "Lease",
    "Ledger",
    "Media",
    "Occurrence",
    "OptOut",
    "Price",
    "Progress",
    "QuotaMeter",
    "Recipient",
    "Reply",
    "Retry",
    "SendWindow",
    "Sender",
    "Series",
    "Tally",
    "Template",
    "TestSend",
    "Told",
]
