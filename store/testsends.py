"""Test sends: messages to typed numbers, by the protocol of a campaign's messages, in no campaign's figures (R32).

Intent before the hand-over (`claim`), outcome after (`record`), take-over (`recover`) and callbacks
(`store.testdeliveries`), each with its credits in the same transaction. A row is reserved once and ends once, in
settled or released: by unique keys of the ledger. The intent is the fence on the row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peewee import SQL

from store import contacts, leases, ledger, optouts
from store.codec import dump, load
from store.database import transaction
from store.errors import ShortOfCredits
from store.models import Campaign as CampaignModel
from store.models import TestSend as Model
from store.query import first, tuples
from store.types import LONGEST_WAIT_MS, Delivery, RecipientState, ResultKind, TestSend

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from store.types import Lease, Result

WORKER = "worker"
CLAIM = 10
"""Rows of one claim."""
OPTED_OUT = "the number has opted out meanwhile"
DRAFT_DELETED = "its draft was deleted"

_OPEN = (int(RecipientState.PENDING), int(RecipientState.UNKNOWN))


def _test(row: Any) -> TestSend:
    return TestSend(
        id=row.id,
        campaign_id=row.campaign_id,
        sender_id=row.sender_id,
        phone=row.phone,
        payload=load(row.payload),
        price=row.price,
        actor=row.actor,
        asked_at=row.asked_at,
        state=RecipientState(row.state),
        fence=row.fence,
        handed_at=row.handed_at,
        ended_at=row.ended_at,
        message_id=row.message_id,
        error=row.error,
        detail=row.detail,
        delivery=Delivery(row.delivery),
        attempt=row.attempt,
        tried=row.tried,
    )


def queue(
    campaign_id: int, sender_id: int, actor: str, messages: Sequence[tuple[int, Mapping[str, Any], int]], now: int
) -> list[int]:
    """Add messages (number, payload, price) for the worker and reserve their credits; answers their ids.

    Raises `ShortOfCredits` for all of them together, and then adds nothing.
    """
    with transaction():
        needed, free = sum(price for _, _, price in messages), ledger.balance().free
        if needed > free:
            raise ShortOfCredits(needed, free)
        ids = []
        for phone, payload, price in messages:
            test_id = int(
                Model.insert(
                    campaign_id=campaign_id,
                    sender_id=sender_id,
                    phone=phone,
                    payload=dump(payload),
                    price=price,
                    actor=actor,
                    asked_at=now,
                ).execute()
            )
            ledger.reserve_test(now, test_id, campaign_id, price, actor)
            ids.append(test_id)
    return ids


def page(ids: Sequence[int]) -> list[TestSend]:
    """Test sends by id, in the order they were asked for."""
    return [_test(row) for row in Model.select().where(Model.id.in_(list(ids))).order_by(Model.id)]


def of_campaign(campaign_id: int, limit: int) -> list[TestSend]:
    """The newest test sends of a campaign, the newest last."""
    query = Model.select().where(Model.campaign_id == campaign_id).order_by(Model.id.desc()).limit(limit)
    return [_test(row) for row in reversed(list(query))]


def last_numbers(actor: str) -> list[int]:
    """The numbers that somebody's newest test went to."""
    newest = first(
        Model.select(Model.campaign_id, Model.asked_at).where(Model.actor == actor).order_by(Model.id.desc())
    )
    if newest is None:
        return []
    query = Model.select(Model.phone).where(
        Model.actor == actor, Model.campaign_id == newest[0], Model.asked_at == newest[1]
    )
    return [phone for (phone,) in tuples(query.order_by(Model.id))]


def _waiting(sender_id: int) -> list[Any]:
    # Written out, or SQLite would not know that the index of what waits has them all.
    return [Model.sender_id == sender_id, Model.state == SQL("0")]


def waiting(sender_id: int) -> int:
    """How many test sends of a sender have no outcome yet."""
    return int(Model.select().where(*_waiting(sender_id)).count())


def due(sender_id: int, now: int) -> bool:
    """Whether a test send of a sender could be claimed now."""
    query = Model.select(Model.id).where(*_waiting(sender_id), Model.fence.is_null(), _is_due(now))
    return first(query.limit(1)) is not None


def _is_due(now: int) -> Any:
    ahead = Model.not_before > now + LONGEST_WAIT_MS
    return Model.not_before.is_null() | (Model.not_before <= now) | ahead


def claim(sender_id: int, lease: Lease, now: int, asked_since: int) -> list[TestSend]:
    """Commit the intent to hand over what is due and answer it.

    What was asked for before `asked_since` or is of a draft that is gone, and numbers that have opted out since, are
    ended here. Raises `Fenced` when the lease has a newer owner, before anything is written.
    """
    with transaction():
        leases.assert_held(lease)
        query = Model.select().where(*_waiting(sender_id), Model.fence.is_null(), _is_due(now))
        rows = [_test(row) for row in query.order_by(Model.id).limit(CLAIM)]
        out = optouts.among(row.phone for row in rows)
        there = _there({row.campaign_id for row in rows}) if rows else set()
        taken = []
        for row in rows:
            if row.asked_at < asked_since:
                _end_unsent(row, "no worker sent it in time", now)
            elif row.campaign_id not in there:
                _end_unsent(row, DRAFT_DELETED, now)
            elif row.phone in out:
                _end_unsent(row, OPTED_OUT, now)
            else:
                taken.append(row)
        if taken:
            Model.update(fence=lease.fence, handed_at=now).where(Model.id.in_([row.id for row in taken])).execute()
        for row in taken:
            contacts.note(row.phone, contacts.TESTS, row.id, now, marketing=False)
    return [row._replace(fence=lease.fence, handed_at=now) for row in taken]


def _there(campaign_ids: Collection[int]) -> set[int]:
    """Those of these campaigns that nobody has deleted."""
    query = CampaignModel.select(CampaignModel.id)
    found = tuples(query.where(CampaignModel.id.in_(list(campaign_ids)), CampaignModel.deleted_at.is_null()))
    return {campaign_id for (campaign_id,) in found}


def _end_unsent(row: TestSend, why: str, now: int) -> bool:
    """End what is not in flight, and only that."""
    changed = (
        Model.update(state=int(RecipientState.FAILED), ended_at=now, error=None, detail=why)
        .where(Model.id == row.id, Model.state == int(RecipientState.PENDING), Model.fence.is_null())
        .execute()
    )
    if changed:
        ledger.release_test(now, row.id, row.campaign_id, row.price, WORKER)
    return bool(changed)


def not_begun(campaign_id: int) -> list[int]:
    """The test sends of a campaign that nobody has begun to send, by id."""
    query = Model.select(Model.id).where(
        Model.campaign_id == campaign_id, Model.state == SQL("0"), Model.fence.is_null()
    )
    return [test_id for (test_id,) in tuples(query.order_by(Model.id))]


def withdraw(ids: Sequence[int], why: str, now: int) -> int:
    """Take back what was not begun and release its credits; answers how many."""
    with transaction():
        return sum(_end_unsent(row, why, now) for row in page(ids))


def record(result: Result, fence: int) -> None:
    """Write what became of a test send; `result.seq` is its id, `fence` that of its claim.

    As for a campaign's rows, evidence needs no lease: an answer that comes after a take-over repairs the `unknown`.
    """
    with transaction():
        (row,) = page([result.seq])
        if result.kind is ResultKind.SENT:
            _record_sent(row, result)
        elif result.kind is ResultKind.FAILED:
            if _move(result, RecipientState.FAILED, Model.state.in_(_OPEN)):
                contacts.forget(row.phone, contacts.TESTS, row.id)
                ledger.release_test(result.at, row.id, row.campaign_id, row.price, WORKER)
        elif result.kind is ResultKind.UNKNOWN:
            in_flight = Model.state == int(RecipientState.PENDING), Model.fence == fence
            if _move(result, RecipientState.UNKNOWN, *in_flight):
                contacts.renew(row.phone, contacts.TESTS, row.id, result.at)
        elif result.kind is ResultKind.PUT_BACK:
            if _put_back(result, fence):
                contacts.forget(row.phone, contacts.TESTS, row.id)
        else:
            raise ValueError(f"a test send cannot be {result.kind.value}")


def _move(result: Result, state: RecipientState, *conditions: Any) -> bool:
    changed = (
        Model.update(
            state=int(state),
            attempt=Model.attempt + 1,
            handed_at=result.handed_at,
            ended_at=result.at,
            message_id=result.message_id,
            error=result.code,
            detail=result.detail,
        )
        .where(Model.id == result.seq, *conditions)
        .execute()
    )
    return bool(changed)


def _record_sent(row: TestSend, result: Result) -> None:
    if _move(result, RecipientState.SENT, Model.state.in_(_OPEN)):
        ledger.settle_test(result.at, row.id, row.campaign_id, row.price, WORKER)
        contacts.renew(row.phone, contacts.TESTS, row.id, result.at)
        return
    # A callback proved the acceptance before the answer was recorded: only what it could not tell is news.
    Model.update(message_id=result.message_id).where(
        Model.id == row.id, Model.state == int(RecipientState.SENT), Model.message_id.is_null()
    ).execute()


def _put_back(result: Result, fence: int) -> bool:
    changed = Model.update(
        fence=None,
        not_before=result.not_before,
        # Only an answer proves that the hand-over reached the gateway.
        attempt=Model.attempt + int(result.code is not None),
        tried=Model.tried + int(result.counts),
        error=result.code,
        detail=result.detail,
    ).where(Model.id == result.seq, Model.state == int(RecipientState.PENDING), Model.fence == fence)
    return bool(changed.execute())


def recover(sender_id: int, fence: int, now: int) -> list[TestSend]:
    """Turn what owners up to this fence had in flight into `unknown` and answer it; never resent, credits kept."""
    with transaction():
        query = Model.select().where(*_waiting(sender_id), Model.fence <= fence)
        lost = [_test(row) for row in query.order_by(Model.id)]
        if lost:
            Model.update(state=int(RecipientState.UNKNOWN), attempt=Model.attempt + 1, ended_at=now).where(
                Model.id.in_([row.id for row in lost])
            ).execute()
        for row in lost:
            # Until now it may have gone.
            contacts.renew(row.phone, contacts.TESTS, row.id, now)
    return lost
