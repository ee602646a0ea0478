"""Outcomes: what became of handed-over rows, recorded with counters and credits (DESIGN section 4, step 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import contacts
from store.database import execute, execute_many, transaction
from store.models import Attempt as AttemptModel
from store.models import Retry as RetryModel
from store.models import SendWindow as WindowModel
from store.moves import Moves, audience_and_prices, price_of, skip_row
from store.types import Attempt, RecipientState, Result, ResultKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def record(
    campaign_id: int,
    results: Sequence[Result],
    countries: Mapping[int, str | None],
    closed: Sequence[int],
    now: int,
) -> None:
    """Write what became of handed-over rows, in one transaction, and close the windows that are complete.

    Evidence is always welcome: this asks for no lease, and an outcome that arrives after a take-over repairs the
    `unknown` it had become. A row that already has a better-founded state is left alone. `countries` gives the country
    of each `seq`, for the price.
    """
    with transaction():
        audience_id, table = audience_and_prices(campaign_id)
        moves = Moves()
        for result in results:
            _record_one(campaign_id, audience_id, result, price_of(table, countries.get(result.seq)), moves)
        contacts.take_back(campaign_id, audience_id, moves.not_taken)
        contacts.answered(campaign_id, audience_id, moves.answered)
        if closed:
            WindowModel.delete().where(WindowModel.id.in_(list(closed))).execute()
        moves.apply(campaign_id, now)


def _record_one(campaign_id: int, audience_id: int, result: Result, price: int, moves: Moves) -> None:
    if result.kind is ResultKind.SENT:
        _record_sent(audience_id, result, price, moves)
    elif result.kind is ResultKind.FAILED:
        _record_failed(audience_id, result, price, moves)
    elif result.kind is ResultKind.PUT_BACK:
        _record_put_back(campaign_id, audience_id, result, moves)
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
    if result.kind is not ResultKind.SENT:
        _keep_attempt(campaign_id, audience_id, result)


def _record_sent(audience_id: int, result: Result, price: int, moves: Moves) -> None:
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
            moves.settled += price
            moves.answered.append((result.seq, result.at))
            return
    # A callback proved the acceptance before the answer was recorded: only what it could not tell is news.
    execute(
        "UPDATE recipient SET message_id = COALESCE(message_id, ?), handed_at = COALESCE(handed_at, ?) "
        "WHERE audience_id = ? AND seq = ? AND state = 1 AND (message_id IS NULL OR handed_at IS NULL)",
        (result.message_id, result.handed_at, audience_id, result.seq),
    )


def _record_failed(audience_id: int, result: Result, price: int, moves: Moves) -> None:
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


def _record_put_back(campaign_id: int, audience_id: int, result: Result, moves: Moves) -> None:
    # What waits for its retry already is not in flight: the same outcome told twice counts once.
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


def _keep_attempt(campaign_id: int, audience_id: int, result: Result) -> None:
    row = execute(
        "SELECT attempt FROM recipient WHERE audience_id = ? AND seq = ?", (audience_id, result.seq)
    ).fetchone()
    AttemptModel.insert(
        campaign=campaign_id,
        seq=result.seq,
        n=row[0] if row else 0,
        at=result.at,
        outcome=result.kind.value,
        code=result.code,
        http_status=result.http_status,
        detail=result.detail,
    ).execute()


def fail_rest(campaign_id: int, code: int, now: int) -> int:
    """Fail every row that is still pending with one code and release its credits; answers how many (R30, R45).

    Not while hand-overs are open.
    """
    with transaction():
        if WindowModel.select().where(WindowModel.campaign == campaign_id).exists():
            return 0
        audience_id, table = audience_and_prices(campaign_id)
        by_country = execute(
            "SELECT country, COUNT(*) FROM recipient WHERE audience_id = ? AND state = 0 GROUP BY country",
            (audience_id,),
        ).fetchall()
        failed = execute(
            "UPDATE recipient SET state = 2, error = ? WHERE audience_id = ? AND state = 0", (code, audience_id)
        ).rowcount
        RetryModel.delete().where(RetryModel.campaign == campaign_id).execute()
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
        if WindowModel.select().where(WindowModel.campaign == campaign_id).exists() or contacts.room(now) != 0:
            return None
        audience_id, table = audience_and_prices(campaign_id)
        found = execute(
            "SELECT seq, country FROM recipient r WHERE audience_id = ? AND seq > ? AND state = 0 "
            "AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.phone = r.phone AND +c.at > ?) ORDER BY seq LIMIT ?",
            (audience_id, after, contacts.counted_since(now), limit),
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
        moves = Moves()
        moves.counters.update(pending=-len(found), failed=len(found))
        moves.errors[str(code)] = len(found)
        moves.released = sum(price_of(table, country) for _, country in found)
        moves.apply(campaign_id, now)
    return int(found[-1][0])


def attempts(campaign_id: int, seq: int) -> list[Attempt]:
    """The hand-overs of one row that did not simply succeed, in order."""
    query = (
        AttemptModel.select()
        .where(AttemptModel.campaign == campaign_id, AttemptModel.seq == seq)
        .order_by(AttemptModel.id)
    )
    return [Attempt(row.seq, row.n, row.at, row.outcome, row.code, row.http_status, row.detail) for row in query]
