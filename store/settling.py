"""Settling by hand what became of `unknown` rows, and what happens when evidence says otherwise later (R42)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from store import contacts, history, limits, tallies
from store.database import execute, is_sqlite, transaction
from store.moves import Moves, audience_and_prices, price_of, started_at
from store.types import NOT_SENT_BY_HAND, Note, RecipientState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from store.types import Result

_AT_ONCE = 200
"""Rows of one statement: SQLite takes a limited number of values."""


class Settled(NamedTuple):
    """How many rows were settled, and the credits that were taken or given back with them."""

    rows: int
    credits: int


def settle(campaign_id: int, seqs: Sequence[int] | None, *, sent: bool, actor: str, now: int) -> Settled:
    """Make unknown rows sent, or failed with `NOT_SENT_BY_HAND`; all of the campaign's when `seqs` is `None`.

    Rows that are not unknown (any more) are left alone: what a callback proved at the same moment stays. Counters,
    tallies and credits move in the same transaction. Raises `Missing`.
    """
    with transaction():
        audience_id, prices = audience_and_prices(campaign_id)
        start = started_at(campaign_id)
        moves, rows = Moves(), 0
        for where, arguments in _conditions(audience_id, seqs):
            found = execute(f"SELECT seq, country, handed_at FROM recipient {where}", arguments).fetchall()
            execute(
                "INSERT INTO attempt (campaign_id, seq, n, at, outcome, code, detail) "
                f"SELECT ?, seq, attempt, ?, ?, ?, ? FROM recipient {where}",
                (
                    campaign_id,
                    now,
                    (Note.SETTLED_SENT if sent else Note.SETTLED_FAILED).value,
                    None if sent else NOT_SENT_BY_HAND,
                    f"by {actor}",
                    *arguments,
                ),
            )
            rows += _move(where, arguments, sent)
            credits = sum(price_of(prices, country) for _, country, _ in found)
            if sent:
                moves.slices.update(tallies.slice_of(start, handed_at or now) for _, _, handed_at in found)
                moves.settled += credits
            else:
                contacts.take_back(campaign_id, audience_id, [seq for seq, _, _ in found])
                moves.released += credits
        moves.counters.update({"unknown": -rows, "sent" if sent else "failed": rows})
        if not sent:
            moves.errors[str(NOT_SENT_BY_HAND)] = rows
        moves.apply(campaign_id, now, actor)
    return Settled(rows, moves.settled + moves.released)


def _conditions(audience_id: int, seqs: Sequence[int] | None) -> Iterator[tuple[str, tuple[Any, ...]]]:
    unknown = f"WHERE audience_id = ? AND state = {int(RecipientState.UNKNOWN)}"
    if seqs is None:
        # The partial index's own condition, word for word, or it is not considered.
        index = "INDEXED BY recipient_exceptions " if is_sqlite() else ""
        yield f"{index}{unknown} AND state IN (2, 3)", (audience_id,)
        return
    for at in range(0, len(seqs), _AT_ONCE):
        some = seqs[at : at + _AT_ONCE]
        yield f"{unknown} AND seq IN ({', '.join('?' * len(some))})", (audience_id, *some)


def _move(where: str, arguments: tuple[Any, ...], sent: bool) -> int:
    index, _, condition = where.rpartition("WHERE")
    # When it was accepted nobody knows; it was handed over just before.
    changes = "state = 1, sent_at = handed_at" if sent else f"state = 2, error = {NOT_SENT_BY_HAND}"
    return int(execute(f"UPDATE recipient {index}SET {changes} WHERE{condition}", arguments).rowcount)


def prove(
    campaign_id: int,
    audience_id: int,
    seq: int,
    message_id: str | None,
    at: int,
    price: int,
    start: int | None,
    moves: Moves,
    by: Note,
) -> bool:
    """A row that was settled by hand as not sent was taken by the gateway after all: it is sent, and paid for again.

    Its credit had been given back and is taken from the free ones; `Moves.apply` notes where none is left. `by` says
    what proved it. Answers whether the row was one.
    """
    changed = execute(
        "UPDATE recipient SET state = 1, error = NULL, message_id = COALESCE(?, message_id), sent_at = ? "
        "WHERE audience_id = ? AND seq = ? AND state = 2 AND error = ?",
        (message_id, at, audience_id, seq, NOT_SENT_BY_HAND),
    ).rowcount
    if not changed:
        return False
    moves.counters.update(failed=-1, sent=1)
    moves.errors[str(NOT_SENT_BY_HAND)] -= 1
    moves.proven[seq] = price
    (phone,) = execute("SELECT phone FROM recipient WHERE audience_id = ? AND seq = ?", (audience_id, seq)).fetchone()
    contacts.note(phone, campaign_id, seq, at, marketing=limits.sends_marketing(campaign_id))
    moves.slices[tallies.slice_of(start, at)] += 1
    history.note(campaign_id, seq, by, at, detail=message_id or "")
    return True


def disprove(campaign_id: int, audience_id: int, result: Result, price: int, start: int | None, moves: Moves) -> bool:
    """A row that was settled by hand as sent was refused by the gateway: it has failed, and its credit comes back.

    What a callback has confirmed since, with its message's id, stays sent. Answers whether the row was one.
    """
    row = execute(
        "SELECT sent_at FROM recipient "
        "WHERE audience_id = ? AND seq = ? AND state = 1 AND message_id IS NULL AND delivery = 0",
        (audience_id, result.seq),
    ).fetchone()
    by_hand = execute(
        "SELECT MAX(at) FROM attempt WHERE campaign_id = ? AND seq = ? AND outcome = ?",
        (campaign_id, result.seq, Note.SETTLED_SENT.value),
    ).fetchone()[0]
    if row is None or by_hand is None:
        return False
    execute(
        "UPDATE recipient SET state = 2, error = ?, handed_at = ?, sent_at = NULL WHERE audience_id = ? AND seq = ?",
        (result.code, result.handed_at, audience_id, result.seq),
    )
    moves.counters.update(sent=-1, failed=1)
    moves.errors[str(result.code)] += 1
    moves.slices[tallies.slice_of(start, row[0] or by_hand)] -= 1
    moves.disproven[result.seq] = price
    moves.not_taken.append(result.seq)
    return True
