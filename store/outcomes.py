"""Outcomes: what became of handed-over rows, recorded with counters and credits (DESIGN section 4, step 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import callbacks, contacts, held, history, quota_meter, settling, tallies
from store.database import execute, execute_many, transaction
from store.models import Retry as RetryModel
from store.models import SendWindow as WindowModel
from store.moves import Moves, audience_and_prices, price_of, skip_row, started_at
from store.types import NOT_SENT_BY_HAND, Attempt, Note, RecipientState, Result, ResultKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def record(
    campaign_id: int,
    results: Sequence[Result],
    countries: Mapping[int, str | None],
    closed: Sequence[int],
    now: int,
    claimed: Mapping[int, int] | None = None,
) -> None:
    """Write what became of handed-over rows, in one transaction, and close the windows that are complete.

    Evidence is always welcome: this asks for no lease, and an outcome that arrives after a take-over repairs the
    `unknown` it had become. A row that already has a better-founded state is left alone. `countries` gives the country
    of each `seq`, for the price, and `claimed` the window that it was handed over in.
    """
    with transaction():
        audience_id, table = audience_and_prices(campaign_id)
        start = started_at(campaign_id)
        moves = Moves()
        for result in results:
            price = price_of(table, countries.get(result.seq))
            if result.kind is ResultKind.SENT:
                _record_sent(campaign_id, audience_id, result, price, start, moves)
            else:
                window_id = None if claimed is None else claimed[result.seq]
                _record_other(campaign_id, audience_id, result, price, window_id, start, moves)
        contacts.take_back(campaign_id, audience_id, moves.not_taken)
        contacts.answered(campaign_id, audience_id, moves.answered)
        if closed:
            WindowModel.delete().where(WindowModel.id.in_(list(closed))).execute()
        moves.apply(campaign_id, now)
        # A status without a reference may have been quicker than the answer that names its message.
        accepted = [one.message_id for one in results if one.kind is ResultKind.SENT and one.message_id]
        if accepted:
            callbacks.match(now, accepted)


def _record_other(
    campaign_id: int,
    audience_id: int,
    result: Result,
    price: int,
    window_id: int | None,
    start: int | None,
    moves: Moves,
) -> None:
    outcome = result.kind.value
    if result.kind is ResultKind.FAILED:
        _record_failed(campaign_id, audience_id, result, price, start, moves)
    elif result.kind is ResultKind.PUT_BACK:
        if not _record_put_back(campaign_id, audience_id, result, window_id, moves):
            # Its turn does not come again.
            outcome = Note.DISPROVED_LATE.value
    elif result.kind is ResultKind.HELD:
        _record_held(campaign_id, audience_id, result, moves)
    elif result.kind is ResultKind.UNKNOWN:
        changed = execute(
            "UPDATE recipient SET state = 3, attempt = attempt + 1, handed_at = ? "
            "WHERE audience_id = ? AND seq = ? AND state = 0",
            (result.handed_at, audience_id, result.seq),
        ).rowcount
        if changed:
            moves.counters.update(pending=-1, unknown=1)
            moves.answered.append((result.seq, result.at))
    elif result.skip is not None and skip_row(audience_id, result.seq, result.skip, RecipientState.PENDING):
        moves.counters.update(pending=-1, skipped=1)
        moves.skips[result.skip.value] += 1
        moves.released += price
        moves.not_taken.append(result.seq)
    history.keep(campaign_id, audience_id, result, outcome)


def _record_sent(
    campaign_id: int, audience_id: int, result: Result, price: int, start: int | None, moves: Moves
) -> None:
    for before in (RecipientState.PENDING, RecipientState.UNKNOWN):
        changed = execute(
            "UPDATE recipient SET state = 1, attempt = attempt + ?, message_id = ?, handed_at = ?, sent_at = ?, "
            "error = NULL WHERE audience_id = ? AND seq = ? AND state = ?",
            (
                int(before is RecipientState.PENDING),
                result.message_id,
                result.handed_at,
                result.at,
                audience_id,
                result.seq,
                int(before),
            ),
        ).rowcount
        if changed:
            moves.counters.update({before.name.lower(): -1, "sent": 1})
            moves.slices[tallies.slice_of(start, result.at)] += 1
            moves.settled += price
            moves.answered.append((result.seq, result.at))
            if before is RecipientState.UNKNOWN:
                history.keep(campaign_id, audience_id, result, Note.ANSWERED_LATE)
            return
    if settling.prove(
        campaign_id, audience_id, result.seq, result.message_id, result.at, price, start, moves, Note.ANSWERED_LATE
    ):
        return
    # A callback proved the acceptance before the answer was recorded: only what it could not tell is news.
    known = execute(
        "UPDATE recipient SET message_id = COALESCE(message_id, ?), handed_at = COALESCE(handed_at, ?) "
        "WHERE audience_id = ? AND seq = ? AND state = 1 AND (message_id IS NULL OR handed_at IS NULL)",
        (result.message_id, result.handed_at, audience_id, result.seq),
    ).rowcount
    if known:
        moves.answered.append((result.seq, result.at))


def _record_failed(
    campaign_id: int, audience_id: int, result: Result, price: int, start: int | None, moves: Moves
) -> None:
    for before in (RecipientState.PENDING, RecipientState.UNKNOWN):
        changed = execute(
            "UPDATE recipient SET state = 2, attempt = attempt + ?, error = ?, handed_at = ? "
            "WHERE audience_id = ? AND seq = ? AND state = ?",
            (
                int(before is RecipientState.PENDING),
                result.code,
                result.handed_at,
                audience_id,
                result.seq,
                int(before),
            ),
        ).rowcount
        if changed:
            moves.counters.update({before.name.lower(): -1, "failed": 1})
            moves.errors[str(result.code)] += 1
            moves.released += price
            moves.not_taken.append(result.seq)
            return
    if settling.disprove(campaign_id, audience_id, result, price, start, moves):
        return
    # What an operator took for not sent was refused: its code is better founded, its credit was given back already.
    if execute(
        "UPDATE recipient SET error = ?, handed_at = ? WHERE audience_id = ? AND seq = ? AND state = 2 AND error = ?",
        (result.code, result.handed_at, audience_id, result.seq, NOT_SENT_BY_HAND),
    ).rowcount:
        moves.errors[str(NOT_SENT_BY_HAND)] -= 1
        moves.errors[str(result.code)] += 1


def _record_held(campaign_id: int, audience_id: int, result: Result, moves: Moves) -> None:
    """It stays pending, as if it were still on its way: it counts as sent when a callback says so, and only then."""
    taken = execute(
        "UPDATE recipient SET attempt = attempt + 1, message_id = ?, handed_at = ? "
        "WHERE audience_id = ? AND seq = ? AND state = 0 AND message_id IS NULL "
        "AND seq NOT IN (SELECT seq FROM retry WHERE campaign_id = ?)",
        (result.message_id, result.handed_at, audience_id, result.seq, campaign_id),
    ).rowcount
    if taken:
        held.keep(campaign_id, result.seq, result.at if result.not_before is None else result.not_before)
        moves.answered.append((result.seq, result.at))
        return
    # After a take-over, or after a callback that came before the answer: its id is news, its state is not.
    execute(
        "UPDATE recipient SET message_id = ? WHERE audience_id = ? AND seq = ? AND state IN (1, 3) "
        "AND message_id IS NULL",
        (result.message_id, audience_id, result.seq),
    )


def _record_put_back(campaign_id: int, audience_id: int, result: Result, window_id: int | None, moves: Moves) -> bool:
    """Whether the row is pending still, and so has its turn again."""
    put_back = 0
    # Once its window is closed the row has its outcome, and may be in flight again: the same one told twice counts
    # once.
    if window_id is None or WindowModel.select().where(WindowModel.id == window_id).exists():
        # What waits for its retry already is not in flight.
        put_back = execute(
            "INSERT INTO retry (campaign_id, seq, not_before) "
            "SELECT ?, seq, ? FROM recipient WHERE audience_id = ? AND seq = ? AND state = 0 "
            "ON CONFLICT (campaign_id, seq) DO NOTHING",
            (campaign_id, result.at if result.not_before is None else result.not_before, audience_id, result.seq),
        ).rowcount
    if put_back:
        moves.not_taken.append(result.seq)
        execute(
            "UPDATE recipient SET attempt = attempt + ?, tried = tried + ? WHERE audience_id = ? AND seq = ?",
            # Only an answer proves that the hand-over reached the gateway.
            (int(result.code is not None), int(result.counts), audience_id, result.seq),
        )
        return True
    known = execute("SELECT state FROM recipient WHERE audience_id = ? AND seq = ?", (audience_id, result.seq))
    return bool(known.fetchone()[0] == RecipientState.PENDING)


def fail_rest(campaign_id: int, code: int, now: int) -> int:
    """Fail every row that still waits for its turn, with one code, and release its credits; answers how many (R45).

    Not while hand-overs are open, and not what WhatsApp holds back: it was handed over.
    """
    with transaction():
        if WindowModel.select().where(WindowModel.campaign == campaign_id).exists():
            return 0
        audience_id, table = audience_and_prices(campaign_id)
        by_country = execute(
            "SELECT country, COUNT(*) FROM recipient WHERE audience_id = ? AND state = 0 "
            f"AND {held.NOT_HELD} GROUP BY country",
            (audience_id, campaign_id),
        ).fetchall()
        failed = execute(
            f"UPDATE recipient SET state = 2, error = ? WHERE audience_id = ? AND state = 0 AND {held.NOT_HELD}",
            (code, audience_id, campaign_id),
        ).rowcount
        RetryModel.delete().where(RetryModel.campaign == campaign_id).execute()
        if failed:
            # One line for all of them: they may be a million.
            history.note(campaign_id, history.EVERY_ROW, Note.REST, now, code=code, detail=str(failed))
        moves = Moves()
        moves.counters.update(pending=-failed, failed=failed)
        moves.errors[str(code)] = failed
        moves.released = sum(price_of(table, country) * n for country, n in by_country)
        moves.apply(campaign_id, now)
    return int(failed)


def fail_over_quota(campaign_id: int, code: int, after: int, limit: int, now: int) -> int | None:
    """Fail up to `limit` pending rows behind the row `after` whose numbers have no place in the messaging quota (R30).

    Answers the last of them, to go on from; `None` when there are no more, when the quota has room again, or while
    hand-overs are open. Rows whose numbers count already stay pending: they need no place.
    """
    with transaction():
        if WindowModel.select().where(WindowModel.campaign == campaign_id).exists() or quota_meter.room(now) != 0:
            return None
        audience_id, table = audience_and_prices(campaign_id)
        found = execute(
            f"SELECT seq, country FROM recipient r WHERE audience_id = ? AND seq > ? AND state = 0 AND {held.NOT_HELD} "
            "AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.phone = r.phone AND +c.at > ?) ORDER BY seq LIMIT ?",
            (audience_id, after, campaign_id, quota_meter.counted_since(now), limit),
        ).fetchall()
        if not found:
            return None
        execute_many(
            "UPDATE recipient SET state = 2, error = ? WHERE audience_id = ? AND seq = ?",
            [(code, audience_id, seq) for seq, _ in found],
        )
        execute_many(
            "DELETE FROM retry WHERE campaign_id = ? AND seq = ?",
            [(campaign_id, seq) for seq, _ in found],
        )
        history.over_quota(campaign_id, [seq for seq, _ in found], code, now)
        moves = Moves()
        moves.counters.update(pending=-len(found), failed=len(found))
        moves.errors[str(code)] = len(found)
        moves.released = sum(price_of(table, country) for _, country in found)
        moves.apply(campaign_id, now)
    return int(found[-1][0])


def attempts(campaign_id: int, seq: int) -> list[Attempt]:
    """What happened to one row beside a simple success, in order."""
    return [one for one in history.of(campaign_id, seq) if one.seq == seq]
