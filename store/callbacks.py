"""Status callbacks: the raw event first, what it says after (DESIGN section 4, step 5)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from store import contacts, held, history, settling, tallies, testsends
from store.codec import load
from store.database import execute, transaction
from store.models import CallbackEvent
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.moves import Moves, price_of
from store.query import first, tuples
from store.types import Delivery, Note, RecipientState, StatusUpdate

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
        CampaignModel.select(
            CampaignModel.audience,
            CampaignModel.prices,
            ProgressModel.handed,
            CampaignModel.started_at,
            CampaignModel.template_frozen,
        )
        .join(ProgressModel, on=(ProgressModel.campaign == CampaignModel.id))
        .where(CampaignModel.id == campaign_id)
    )
    if found is None or found[0] is None:
        return len(batch)
    run = _Run(campaign_id, found[0], load(found[1]), found[2], found[3], found[4])
    moves, unmatched = Moves(), 0
    for update in batch:
        unmatched += not _apply_one(run, update, moves)
    if not moves.nothing:
        moves.apply(campaign_id, now, CALLBACK)
    return unmatched


class _Run(NamedTuple):
    """What updates of one campaign are applied by."""

    campaign_id: int
    audience_id: int
    prices: Mapping[str, int]
    handed: int
    started_at: int | None
    frozen: str | None
    """The template, as stored."""


def _apply_one(run: _Run, update: StatusUpdate, moves: Moves) -> bool:
    """Whether there is such a row that may have been handed over."""
    row = execute(
        "SELECT state, delivery, country, attempt, error, message_id, phone FROM recipient "
        "WHERE audience_id = ? AND seq = ?",
        (run.audience_id, update.seq),
    ).fetchone()
    if row is None or update.seq is None or row[0] == RecipientState.SKIPPED:
        return False
    if row[0] == RecipientState.PENDING and update.seq > run.handed:
        # Nothing was ever sent to it, and no credit is reserved for it where the run has not begun.
        return False
    state, old, attempt = RecipientState(row[0]), Delivery(row[1]), row[3]
    was_held = state is RecipientState.PENDING and row[5] is not None and held.forget(run.campaign_id, update.seq)
    if update.status == "failed" and update.code in held.DROPPED:
        if was_held or (state is RecipientState.UNKNOWN and row[5] is not None):
            _drop(run, update, state, price_of(run.prices, row[2]), attempt, moves)
            return True
        if state is RecipientState.FAILED and row[4] == update.code:
            return True
    if not _accept(run, update, state, price_of(run.prices, row[2]), attempt, row[5], moves, was_held):
        return False
    if state in (RecipientState.PENDING, RecipientState.UNKNOWN) and row[6] is not None:
        marketing = contacts.is_marketing(run.frozen)
        contacts.note(row[6], run.campaign_id, update.seq, update.at, marketing=marketing)
    new = _DELIVERY.get(update.status, Delivery.NONE)
    if new > old:
        if new is Delivery.UNDELIVERED:
            history.note(
                run.campaign_id, update.seq, Note.UNDELIVERED, update.at, n=attempt, code=update.code,
                detail=update.detail,
            )  # fmt: skip
        _move_forward(run.audience_id, update, old, new, row[4], moves)
    elif new is Delivery.DELIVERED and old is Delivery.READ:
        execute(
            "UPDATE recipient SET delivered_at = ? WHERE audience_id = ? AND seq = ? AND delivered_at IS NULL",
            (update.at, run.audience_id, update.seq),
        )
    return True


def _drop(run: _Run, update: StatusUpdate, state: RecipientState, price: int, attempt: int, moves: Moves) -> None:
    """What was held back and then failed was never sent: it fails, and its credit is released."""
    assert update.seq is not None
    execute(
        "UPDATE recipient SET state = 2, error = ? WHERE audience_id = ? AND seq = ? AND state = ?",
        (update.code, run.audience_id, update.seq, int(state)),
    )
    moves.counters.update({state.name.lower(): -1, "failed": 1})
    moves.errors[str(update.code)] += 1
    moves.released += price
    contacts.take_back(run.campaign_id, run.audience_id, [update.seq])
    history.note(
        run.campaign_id, update.seq, Note.DROPPED, update.at, n=attempt, code=update.code, detail=update.detail
    )


def _accept(
    run: _Run,
    update: StatusUpdate,
    state: RecipientState,
    price: int,
    attempt: int,
    message_id: str | None,
    moves: Moves,
    was_held: bool,
) -> bool:
    """Any status proves that the gateway took the message; false when the row had failed for good."""
    assert update.seq is not None
    key = (run.audience_id, update.seq)
    if state is RecipientState.FAILED:
        return settling.prove(
            run.campaign_id, *key, update.message_id, update.at, price, run.started_at, moves, Note.PROVED
        )
    if state is not RecipientState.SENT:
        # The answer to the POST is not recorded yet, or never came: the callback is the proof of acceptance.
        moves.counters.update({state.name.lower(): -1, "sent": 1})
        moves.slices[tallies.slice_of(run.started_at, update.at)] += 1
        moves.settled += price
        execute(
            "UPDATE recipient SET state = 1, message_id = ?, sent_at = ?, "
            "attempt = attempt + ? WHERE audience_id = ? AND seq = ?",
            (
                update.message_id or message_id,
                update.at,
                # A hand-over that was answered is counted already.
                int(state is RecipientState.PENDING and not was_held),
                *key,
            ),
        )
        if was_held:
            history.note(run.campaign_id, update.seq, Note.RELEASED, update.at, n=attempt)
        elif state is RecipientState.UNKNOWN or attempt:
            # Not for a first hand-over that was simply quicker than its answer: that would be a line a message.
            history.note(run.campaign_id, update.seq, Note.PROVED, update.at, n=attempt, detail=update.message_id or "")
    elif message_id is None and update.message_id is not None:
        # Settled by hand: its id is news.
        execute(
            "UPDATE recipient SET message_id = ? WHERE audience_id = ? AND seq = ? AND message_id IS NULL",
            (update.message_id, *key),
        )
    return True


def _move_forward(
    audience_id: int,
    update: StatusUpdate,
    old: Delivery,
    new: Delivery,
    old_error: int | None,
    moves: Moves,
) -> None:
    if old is Delivery.UNDELIVERED:
        # Meta does report a delivery after a failure: what arrived, arrived.
        moves.counters["undelivered"] -= 1
        moves.undelivered[str(old_error)] -= 1
    if new is Delivery.UNDELIVERED:
        moves.counters["undelivered"] += 1
        moves.undelivered[str(update.code)] += 1
        execute(
            "UPDATE recipient SET delivery = ?, error = ? WHERE audience_id = ? AND seq = ?",
            (int(new), update.code, audience_id, update.seq),
        )
        return
    if old < Delivery.DELIVERED:
        moves.counters["delivered"] += 1
    if new is Delivery.READ:
        moves.counters["read"] += 1
    column = "read_at" if new is Delivery.READ else "delivered_at"
    execute(
        f"UPDATE recipient SET delivery = ?, error = NULL, {column} = ? WHERE audience_id = ? AND seq = ?",
        (int(new), update.at, audience_id, update.seq),
    )
