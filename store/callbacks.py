"""Status callbacks: the raw event first, what it says after (DESIGN section 4, step 5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from store import ledger, tallies, testsends
from store.codec import load
from store.database import execute, transaction
from store.models import CallbackEvent
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.query import first, tuples
from store.types import Delivery, RecipientState, StatusUpdate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CALLBACK = "callback"

_DELIVERY = {"failed": Delivery.UNDELIVERED, "delivered": Delivery.DELIVERED, "read": Delivery.READ}


def keep(body: str, now: int) -> int:
    """Store a callback as received and answer its id; only then may it be answered 200."""
    with transaction():
        return int(CallbackEvent.insert(received_at=now, body=body).execute())


def waiting(limit: int = 50) -> list[tuple[int, str]]:
    """Stored events that were not applied yet, oldest first: id and body."""
    query = (
        CallbackEvent.select(CallbackEvent.id, CallbackEvent.body)
        .where(CallbackEvent.applied_at.is_null())
        .order_by(CallbackEvent.id)
        .limit(limit)
    )
    return [(event_id, body) for event_id, body in tuples(query)]


def apply(event_ids: Sequence[int], updates: Sequence[StatusUpdate], now: int) -> int:
    """Apply what these events say and mark them applied, in one transaction; answers how many updates matched no row.

    Repeated, late and reordered updates change nothing: states only move forward (R46), and any status at all proves
    that an `unknown` message was accepted (R42).
    """
    by_campaign: dict[int, list[StatusUpdate]] = defaultdict(list)
    tests: list[StatusUpdate] = []
    unmatched = 0
    for update in updates:
        if update.test_id is not None:
            tests.append(update)
        elif update.campaign_id is None or update.seq is None:
            unmatched += 1
        else:
            by_campaign[update.campaign_id].append(update)
    with transaction():
        for campaign_id, batch in by_campaign.items():
            unmatched += _apply_to(campaign_id, batch, now)
        for update in tests:
            unmatched += not testsends.apply(update, now)
        CallbackEvent.update(applied_at=now, unmatched=unmatched).where(CallbackEvent.id.in_(list(event_ids))).execute()
    return unmatched


def _apply_to(campaign_id: int, batch: Sequence[StatusUpdate], now: int) -> int:
    found = first(
        CampaignModel.select(CampaignModel.audience, CampaignModel.prices, ProgressModel.handed)
        .join(ProgressModel, on=(ProgressModel.campaign == CampaignModel.id))
        .where(CampaignModel.id == campaign_id)
    )
    if found is None or found[0] is None:
        return len(batch)
    audience_id, prices, handed = found[0], load(found[1]), found[2]
    counters: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    settled = unmatched = 0
    for update in batch:
        outcome = _apply_one(audience_id, handed, update, prices, counters, errors)
        if outcome is None:
            unmatched += 1
        else:
            settled += outcome
    if counters or settled:
        changes = {name: getattr(ProgressModel, name) + n for name, n in counters.items()}
        changes["settled"] = ProgressModel.settled + settled
        changes["version"] = ProgressModel.version + 1
        ProgressModel.update(changes).where(ProgressModel.campaign == campaign_id).execute()
        tallies.add(campaign_id, tallies.UNDELIVERED, errors)
        ledger.settle(now, campaign_id, settled, CALLBACK)
    return unmatched


def _apply_one(
    audience_id: int,
    handed: int,
    update: StatusUpdate,
    prices: Mapping[str, int],
    counters: Counter[str],
    errors: Counter[str],
) -> int | None:
    """Credits that this update settles, or `None` when there is no such row or it was never handed over."""
    row = execute(
        "SELECT state, delivery, country, message_id, error FROM recipient WHERE audience_id = ? AND seq = ?",
        (audience_id, update.seq),
    ).fetchone()
    if row is None or row[0] in (RecipientState.SKIPPED, RecipientState.FAILED):
        return None
    if row[0] == RecipientState.PENDING and (update.seq or 0) > handed:
        # Nothing was ever sent to it, and no credit is reserved for it where the run has not begun.
        return None
    state, old, country = RecipientState(row[0]), Delivery(row[1]), row[2]
    settled = 0
    if state is not RecipientState.SENT:
        # The answer to the POST is not recorded yet, or never came: the callback is the proof of acceptance.
        counters.update({state.name.lower(): -1, "sent": 1})
        settled = prices.get(country or "", prices.get("", 0))
        execute(
            "UPDATE recipient SET state = 1, message_id = ?, sent_at = ?, "
            "attempt = attempt + ? WHERE audience_id = ? AND seq = ?",
            (update.message_id, update.at, int(state is RecipientState.PENDING), audience_id, update.seq),
        )
    new = _DELIVERY.get(update.status, Delivery.NONE)
    if new > old:
        _move_forward(audience_id, update, old, new, row[4], counters, errors)
    elif new is Delivery.DELIVERED and old is Delivery.READ:
        execute(
            "UPDATE recipient SET delivered_at = ? WHERE audience_id = ? AND seq = ? AND delivered_at IS NULL",
            (update.at, audience_id, update.seq),
        )
    return settled


def _move_forward(
    audience_id: int,
    update: StatusUpdate,
    old: Delivery,
    new: Delivery,
    old_error: int | None,
    counters: Counter[str],
    errors: Counter[str],
) -> None:
    if old is Delivery.UNDELIVERED:
        # Meta does report a delivery after a failure: what arrived, arrived.
        counters["undelivered"] -= 1
        errors[str(old_error)] -= 1
    if new is Delivery.UNDELIVERED:
        counters["undelivered"] += 1
        errors[str(update.code)] += 1
        execute(
            "UPDATE recipient SET delivery = ?, error = ? WHERE audience_id = ? AND seq = ?",
            (int(new), update.code, audience_id, update.seq),
        )
        return
    if old < Delivery.DELIVERED:
        counters["delivered"] += 1
    if new is Delivery.READ:
        counters["read"] += 1
    column = "read_at" if new is Delivery.READ else "delivered_at"
    execute(
        f"UPDATE recipient SET delivery = ?, error = NULL, {column} = ? WHERE audience_id = ? AND seq = ?",
        (int(new), update.at, audience_id, update.seq),
    )
