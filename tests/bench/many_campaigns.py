"""A database with very many campaigns, made fast: the rows the list reads, with counters that add up."""

from __future__ import annotations

import random
from pathlib import Path

from store import account, database, ledger
from store.campaigns import list_key
from store.models import Campaign, Progress
from store.types import Account, Gateway, Status

NOW = 1_795_000_000_000
_ENDED = (Status.COMPLETED, Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.DRAFT)


def make(path: Path, campaigns: int, seed: int = 7) -> None:
    """Fill a new database with so many campaigns, a thousand of them scheduled for later years."""
    rng = random.Random(seed)
    database.open_database(str(path), create=True)
    with database.session(), database.transaction():
        account.create_account(Account("Acme Retail", "Asia/Kolkata", Gateway.SIMULATOR, None, None, None, NOW))
        ledger.top_up(NOW, 1_000_000, "bench")
        account.add_sender(918040214021, "1", 80, NOW)
        heads, counters = [], []
        for i in range(1, campaigns + 1):
            status = Status.SCHEDULED if i % 100 == 0 else rng.choice(_ENDED)
            at = NOW + i * 86_400_000 if status is Status.SCHEDULED else NOW - rng.randrange(10**11)
            heads.append(_head(i, status, at, rng))
            counters.append(_counters(i, status, rng))
        for model, rows in ((Campaign, heads), (Progress, counters)):
            for begin in range(0, len(rows), 500):
                model.insert_many(rows[begin : begin + 500]).execute()
    with database.session():
        database.analyze()


def _head(i: int, status: Status, at: int, rng: random.Random) -> dict[str, object]:
    ended = status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    return {
        "id": i,
        "name": f"{rng.choice(['Spring', 'Diwali', 'Renewal', 'Flash', 'Weekend'])} sale {i}",
        "status": status.value,
        "status_reason": "insufficient_credits" if status is Status.FAILED else None,
        "sender": 1,
        "template_name": rng.choice(["season_sale", "renewal_notice", "weekend_v2"]),
        "created_by": "bench",
        "created_at": at,
        "edited_at": at,
        "scheduled_at": at if status is Status.SCHEDULED else None,
        "started_at": at if status is Status.COMPLETED else None,
        "finished_at": at if ended else None,
        "list_key": list_key(status, at),
    }


def _counters(i: int, status: Status, rng: random.Random) -> dict[str, object]:
    audience = rng.randrange(100, 20_000)
    skipped = audience // 50
    valid = audience - skipped
    sent = valid - valid // 80 if status is Status.COMPLETED else 0
    failed = valid - sent if status is Status.COMPLETED else 0
    return {
        "campaign": i,
        "audience": audience,
        "skipped": skipped,
        "pending": valid - sent - failed,
        "sent": sent,
        "failed": failed,
        "delivered": sent * 95 // 100,
        "read": sent // 2,
    }
