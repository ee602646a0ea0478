"""What status updates do to the rows of a campaign: proof, delivery, failure, price (R42, R46)."""

from __future__ import annotations

from collections import Counter, defaultdict
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from store import contacts, held, history, limits, settling, tallies
from store.codec import load
from store.database import execute
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.moves import Moves, price_of
from store.query import first
from store.types import Delivery, Note, RecipientState, StatusUpdate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CALLBACK = "callback"

_CLOCKS_DIFFER_MS = 48 * 3_600_000
_LAST_WORD = ("delivered", "read")
_DELIVERY = {"failed": Delivery.UNDELIVERED, "delivered": Delivery.DELIVERED, "read": Delivery.READ}


class Effect(NamedTuple):
    """What applying callbacks came to, added up by `apply`."""

    changed: Counter[int]
    """Statuses that were news, by campaign; those of test sends are campaign 0."""
    failed: dict[int, dict[int, set[int]]]
    """The `seq` of rows that failed after they were sent, by campaign and code, where that was news."""

    @classmethod
    def none(cls) -> Effect:
        """Nothing yet."""
        return cls(Counter(), defaultdict(lambda: defaultdict(set)))


def apply(campaign_id: int, batch: Sequence[StatusUpdate], now: int, effect: Effect) -> tuple[list[StatusUpdate], int]:
    """Apply updates of one campaign's rows, inside a transaction; what was news is added to `effect`.

    Answers those of rows that were never handed over, and how many were of rows that had failed for good.
    """
    found = first(
        CampaignModel.select(
            CampaignModel.audience,
            CampaignModel.prices,
            ProgressModel.handed,
            CampaignModel.started_at,
            CampaignModel.template_frozen,
            CampaignModel.restored_at,
        )
        .join(ProgressModel, on=(ProgressModel.campaign == CampaignModel.id))
        .where(CampaignModel.id == campaign_id)
    )
    if found is None or found[0] is None:
        return list(batch), 0
    run = _Run(campaign_id, found[0], load(found[1]), found[2], found[3], found[4], found[5])
    moves, unknown, refused = Moves(), [], 0
    for update in batch:
        match _apply_one(run, update, moves):
            case _Match.NONE:
                unknown.append(update)
            case _Match.REFUSED:
                refused += 1
            case _Match.NEWS:
                effect.changed[campaign_id] += 1
                if update.status == "failed" and update.code is not None and update.seq is not None:
                    effect.failed[campaign_id][update.code].add(update.seq)
    if not moves.nothing:
        moves.apply(campaign_id, now, CALLBACK)
    return unknown, refused


class _Match(Enum):
    """What became of one update."""

    NONE = auto()
    """There is no such row, or it was never handed over."""
    REFUSED = auto()
    """The gateway had refused it for good, it was skipped, or the update is of another message."""
    OLD = auto()
    NEWS = auto()


class _Run(NamedTuple):
    """What updates of one campaign are applied by."""

    campaign_id: int
    audience_id: int
    prices: Mapping[str, int]
    handed: int
    started_at: int | None
    frozen: str | None
    """The template, as stored."""
    restored_at: int | None

    def reaches(self, seq: int) -> bool:
        """Whether a message may have gone to a pending row; that of a restored run may be lost with what was after."""
        return seq <= self.handed or (self.restored_at is not None and self.started_at is not None)

    def is_other(self, update: StatusUpdate, message_id: str | None, number: int | None) -> bool:
        """Whether an update is of another message with this reference: of a database that was lost, or another one.

        Not when the message's id is the one that is known; else whom it went to decides, and when: clocks differ, but
        not by days.
        """
        if message_id is not None and message_id == update.message_id:
            return False
        known = number is not None and bool(update.phones)
        other_person = known and _line(number or 0) not in map(_line, update.phones)
        return other_person or (self.started_at is not None and update.at < self.started_at - _CLOCKS_DIFFER_MS)


def _line(number: int) -> int:
    """The part of a number that every form of it has: WhatsApp leaves out digits near the front, or puts some in."""
    return number % 10**7


def _apply_one(run: _Run, update: StatusUpdate, moves: Moves) -> _Match:
    row = execute(
        "SELECT state, delivery, country, attempt, error, message_id, phone, pricing, delivered_at FROM recipient "
        "WHERE audience_id = ? AND seq = ?",
        (run.audience_id, update.seq),
    ).fetchone()
    if row is None or update.seq is None:
        return _Match.NONE
    if row[0] == RecipientState.SKIPPED or run.is_other(update, row[5], row[6]):
        return _Match.REFUSED
    if row[0] == RecipientState.PENDING and not run.reaches(update.seq):
        # Nothing was ever sent to it, and no credit is reserved for it where the run has not begun.
        return _Match.NONE
    state, old, attempt = RecipientState(row[0]), Delivery(row[1]), row[3]
    was_held = state is RecipientState.PENDING and row[5] is not None and held.forget(run.campaign_id, update.seq)
    if update.status == "failed" and update.code in held.DROPPED:
        # Also one whose answer was lost or is still to come: only what is held back is dropped with these codes.
        if state in (RecipientState.PENDING, RecipientState.UNKNOWN):
            attempt += state is RecipientState.PENDING and not was_held
            _drop(run, update, state, price_of(run.prices, row[2]), attempt, moves)
            return _Match.NEWS
        if state is RecipientState.FAILED and row[4] == update.code:
            return _Match.OLD
    if not _accept(run, update, state, price_of(run.prices, row[2]), attempt, row[5], moves, was_held):
        return _Match.REFUSED
    news = state is not RecipientState.SENT
    if state in (RecipientState.PENDING, RecipientState.UNKNOWN) and row[6] is not None:
        marketing = limits.is_marketing(run.frozen)
        contacts.note(row[6], run.campaign_id, update.seq, update.at, marketing=marketing)
    new = _DELIVERY.get(update.status, Delivery.NONE)
    if new > old:
        news = True
        if new is Delivery.UNDELIVERED:
            history.note(
                run.campaign_id, update.seq, Note.UNDELIVERED, update.at, n=attempt, code=update.code,
                detail=update.detail,
            )  # fmt: skip
        _move_forward(run.audience_id, update, old, new, row[4], moves)
    elif new is Delivery.DELIVERED and old is Delivery.READ and row[8] is None:
        news = True
        execute(
            "UPDATE recipient SET delivered_at = ? WHERE audience_id = ? AND seq = ? AND delivered_at IS NULL",
            (update.at, run.audience_id, update.seq),
        )
    news |= _bill(run.audience_id, update, old, max(old, new), row[7], moves)
    return _Match.NEWS if news else _Match.OLD


def _bill(audience_id: int, update: StatusUpdate, old: Delivery, new: Delivery, told: str | None, moves: Moves) -> bool:
    """Note how WhatsApp bills the message, and count it once it is delivered: what is not delivered costs nothing.

    It is told with `sent` and again with one of `delivered` and `read`; the latter is the last word.
    """
    pricing = told
    if update.pricing is not None and (told is None or update.status in _LAST_WORD):
        pricing = update.pricing
    if pricing != told:
        execute(
            "UPDATE recipient SET pricing = ? WHERE audience_id = ? AND seq = ?", (pricing, audience_id, update.seq)
        )
    if told is not None and old >= Delivery.DELIVERED:
        moves.pricing[told] -= 1
    if pricing is not None and new >= Delivery.DELIVERED:
        moves.pricing[pricing] += 1
    return pricing != told


def _drop(run: _Run, update: StatusUpdate, state: RecipientState, price: int, attempt: int, moves: Moves) -> None:
    """What was held back and then failed was never sent: it fails, and its credit is released."""
    assert update.seq is not None
    execute(
        "UPDATE recipient SET state = 2, error = ?, attempt = ?, message_id = COALESCE(message_id, ?) "
        "WHERE audience_id = ? AND seq = ? AND state = ?",
        (update.code, attempt, update.message_id, run.audience_id, update.seq, int(state)),
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
