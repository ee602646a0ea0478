"""What callbacks tell of test sends: found by message, moved forward, their credits with them (R42, R46)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import contacts, held, ledger
from store.database import execute
from store.models import TestSend as Model
from store.query import tuples
from store.testsends import page
from store.types import Delivery, RecipientState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.types import StatusUpdate, TestSend

CALLBACK = "callback"
_AT_ONCE = 200
"""Values of one statement: SQLite takes a limited number."""
_DELIVERY = {"failed": Delivery.UNDELIVERED, "delivered": Delivery.DELIVERED, "read": Delivery.READ}


def with_message_ids(message_ids: Sequence[str]) -> dict[str, int]:
    """The test sends that these messages are, by message id."""
    found: dict[str, int] = {}
    for at in range(0, len(message_ids), _AT_ONCE):
        query = Model.select(Model.message_id, Model.id).where(Model.message_id.in_(message_ids[at : at + _AT_ONCE]))
        found.update(tuples(query))
    return found


def apply(update: StatusUpdate, now: int) -> bool:
    """Apply a status callback; false when it concerns no test send that was handed over.

    States only move forward (R46), and any status proves that an `unknown` one was accepted (R42). For a transaction.
    """
    found = page([] if update.test_id is None else [update.test_id])
    if not found:
        return False
    (row,) = found
    dropped = update.status == "failed" and update.code in held.DROPPED
    if row.state is RecipientState.FAILED:
        # A drop that is told again is of a test that was handed over.
        return dropped and row.error == update.code
    if row.state is RecipientState.PENDING and row.fence is None and not row.attempt:
        # Nothing was ever sent to it.
        return False
    if dropped and row.state is not RecipientState.SENT:
        # Also one whose answer was lost or is still to come: only what is held back is dropped with these codes.
        _drop(row, update, now)
        return True
    if row.state is not RecipientState.SENT:
        contacts.note(row.phone, contacts.TESTS, row.id, update.at, marketing=False)
        execute(
            "UPDATE test_send SET state = 1, message_id = ?, ended_at = ?, error = NULL, detail = '', "
            "attempt = attempt + ? WHERE id = ?",
            (update.message_id, update.at, int(row.state is RecipientState.PENDING), row.id),
        )
        ledger.settle_test(now, row.id, row.campaign_id, row.price, CALLBACK)
    new = _DELIVERY.get(update.status, Delivery.NONE)
    if new > row.delivery:
        undelivered = new is Delivery.UNDELIVERED
        Model.update(
            delivery=int(new),
            error=update.code if undelivered else None,
            detail=update.detail if undelivered else "",
        ).where(Model.id == row.id).execute()
    return True


def _drop(row: TestSend, update: StatusUpdate, now: int) -> None:
    """What was held back and then failed was never sent: it fails, and its credit is released."""
    Model.update(
        state=int(RecipientState.FAILED),
        attempt=Model.attempt + int(row.state is RecipientState.PENDING),
        message_id=row.message_id or update.message_id,
        ended_at=update.at,
        error=update.code,
        detail=update.detail,
    ).where(Model.id == row.id).execute()
    contacts.forget(row.phone, contacts.TESTS, row.id)
    ledger.release_test(now, row.id, row.campaign_id, row.price, CALLBACK)
