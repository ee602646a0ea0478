"""Audience rows: reading them for a run or a report, skipping them and taking that back."""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from store import tallies
from store.codec import load
from store.database import execute, execute_many, is_sqlite, transaction
from store.errors import Missing
from store.models import Progress as ProgressModel
from store.types import Delivery, Recipient, RecipientState, SkipReason, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CHUNK = 10_000
LONGEST_NUMBER = 15
"""Digits of an E.164 number (ITU-T E.164, 6)."""

_COLUMNS = (
    "seq, line, phone, country, cells, state, skip, attempt, tried, message_id, error, delivery, "
    "handed_at, sent_at, delivered_at, read_at, pricing"
)


def _recipient(campaign_id: int, row: tuple[Any, ...]) -> Recipient:
    seq, line, phone, country, cells, state, skip, attempt, tried, message_id, error, delivery, *times = row
    return Recipient(
        campaign_id,
        seq,
        line,
        phone,
        country,
        tuple(load(cells)),
        RecipientState(state),
        None if skip is None else SkipReason(skip),
        attempt,
        tried,
        message_id,
        error,
        Delivery(delivery),
        *times,
    )


def chunks(audience_id: int, campaign_id: int = 0) -> Iterable[list[Recipient]]:
    """All rows in order, a list of at most `CHUNK` at a time."""
    after = 0
    while True:
        found = execute(
            f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (audience_id, after, CHUNK),
        ).fetchall()
        if not found:
            return
        yield [_recipient(campaign_id, row) for row in found]
        after = found[-1][0]


def repeated_numbers(audience_id: int) -> frozenset[int]:
    """The numbers that several rows have: all but one of those are skipped as duplicates (R36)."""
    found = execute(
        "SELECT DISTINCT phone FROM recipient WHERE audience_id = ? AND skip = ?",
        (audience_id, SkipReason.DUPLICATE.value),
    )
    return frozenset(phone for (phone,) in found if phone is not None)


def duplicates_of(audience_id: int, phone: int, campaign_id: int = 0) -> list[Recipient]:
    """The rows that are skipped because another row has this number, in file order."""
    found = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND phone = ? AND skip = ? ORDER BY seq",
        (audience_id, phone, SkipReason.DUPLICATE.value),
    ).fetchall()
    return [_recipient(campaign_id, row) for row in found]


def first_unskipped(audience_id: int, campaign_id: int = 0) -> Recipient | None:
    """The first row that gets a message, or got one."""
    row = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND skip IS NULL ORDER BY seq LIMIT 1", (audience_id,)
    ).fetchone()
    return None if row is None else _recipient(campaign_id, row)


def at_line(audience_id: int, line: int, campaign_id: int = 0) -> Recipient | None:
    """The row that stands on a line of its file, skipped or not."""
    row = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND line = ? ORDER BY seq LIMIT 1",
        (audience_id, line),
    ).fetchone()
    return None if row is None else _recipient(campaign_id, row)


def audience_of(campaign_id: int) -> int:
    """The audience id of a campaign. Raises `Missing` when it has none."""
    row = execute("SELECT audience_id FROM campaign WHERE id = ?", (campaign_id,)).fetchone()
    if row is None or row[0] is None:
        raise Missing(f"campaign {campaign_id} has no audience")
    return int(row[0])


def last_seq(audience_id: int) -> int:
    """The highest `seq` of an audience; 0 of an empty one."""
    return int(execute("SELECT MAX(seq) FROM recipient WHERE audience_id = ?", (audience_id,)).fetchone()[0] or 0)


_EXCEPTIONS = {RecipientState.FAILED, RecipientState.UNKNOWN}


def seqs(
    campaign_id: int,
    *,
    states: Sequence[RecipientState] = (),
    delivery: Sequence[Delivery] = (),
    skip: SkipReason | None = None,
    error: int | None = None,
) -> array[int]:
    """The `seq` of the rows that match, in order; 8 bytes each."""
    audience_id = audience_of(campaign_id)
    if not states and not delivery and skip is None and error is None:
        # They are dense: walking a million rows for it takes thirty times as long.
        return array("q", range(1, last_seq(audience_id) + 1))
    table, where = "recipient", ["audience_id = ?"]
    arguments: list[Any] = [audience_id]
    if states:
        where.append(f"state IN ({', '.join(str(int(state)) for state in states)})")
    if states and {*states} <= _EXCEPTIONS:
        # The partial index's own condition, word for word, or it is not considered.
        where.append("state IN (2, 3)")
        # Without statistics SQLite prefers the primary key, and walks the whole audience.
        table += " INDEXED BY recipient_exceptions" if is_sqlite() else ""
    if delivery:
        where.append(f"delivery IN ({', '.join(str(int(one)) for one in delivery)})")
    if skip is not None:
        where.append("skip = ?")
        arguments.append(skip.value)
    if error is not None:
        where.append("error = ?")
        arguments.append(error)
    cursor = execute(f"SELECT seq FROM {table} WHERE {' AND '.join(where)} ORDER BY seq", tuple(arguments))
    # In C all the way: a generator expression takes half as long again.
    return array("q", chain.from_iterable(cursor))


def page(campaign_id: int, wanted: Sequence[int]) -> dict[int, Recipient]:
    """Rows by `seq`, for one page."""
    if not wanted:
        return {}
    marks = ", ".join("?" * len(wanted))
    found = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND seq IN ({marks})",
        (audience_of(campaign_id), *wanted),
    ).fetchall()
    return {row[0]: _recipient(campaign_id, row) for row in found}


def find(campaign_id: int, phone: int) -> list[Recipient]:
    """The rows with this number, in file order."""
    found = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND phone = ? ORDER BY seq",
        (audience_of(campaign_id), phone),
    ).fetchall()
    return [_recipient(campaign_id, row) for row in found]


def without_number(campaign_id: int) -> list[Recipient]:
    """The rows that have no valid number, in file order."""
    found = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND phone IS NULL ORDER BY seq",
        (audience_of(campaign_id),),
    ).fetchall()
    return [_recipient(campaign_id, row) for row in found]


def exceptions(audience_id: int, campaign_id: int, limit: int) -> list[Recipient]:
    """The first rows that did not simply go out: skipped, failed, unknown or not delivered, in file order."""
    found = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND (state > 1 OR delivery = ?) ORDER BY seq LIMIT ?",
        (audience_id, int(Delivery.UNDELIVERED), limit),
    ).fetchall()
    return [_recipient(campaign_id, row) for row in found]


def find_digits(campaign_id: int, digits: str, limit: int = 1000) -> list[int]:
    """The `seq` of the rows whose number has these digits in a row, in file order."""
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > LONGEST_NUMBER:
        return []
    found = execute(
        "SELECT seq FROM recipient WHERE audience_id = ? AND CAST(phone AS TEXT) LIKE ? ORDER BY seq LIMIT ?",
        (audience_of(campaign_id), f"%{digits}%", limit),
    ).fetchall()
    return [seq for (seq,) in found]


def first_valid(campaign_id: int, offset: int) -> Recipient | None:
    """The `offset`-th row (from 0) that would get a message, for the preview."""
    row = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND state = 0 ORDER BY seq LIMIT 1 OFFSET ?",
        (audience_of(campaign_id), offset),
    ).fetchone()
    return None if row is None else _recipient(campaign_id, row)


class Skippable(Protocol):
    """What has to be known of a row to change whether it is skipped."""

    @property
    def seq(self) -> int:
        """Its place in the audience."""

    @property
    def country(self) -> str | None:
        """Where its number is from."""

    @property
    def skip(self) -> SkipReason | None:
        """Why it was skipped when it was read."""


def _change_skips(audience_id: int, seqs: Sequence[int], was: str, skip: SkipReason | None) -> int:
    before = RecipientState.SKIPPED if was else RecipientState.PENDING
    after, reason = (RecipientState.PENDING, None) if skip is None else (RecipientState.SKIPPED, skip.value)
    return execute_many(
        "UPDATE recipient SET state = ?, skip = ? "
        "WHERE audience_id = ? AND seq = ? AND state = ? AND COALESCE(skip, '') = ?",
        [(int(after), reason, audience_id, seq, int(before), was) for seq in seqs],
    )


def _not_started(campaign_id: int, version: int | None) -> bool:
    # Elsewhere than on SQLite it might start between this look and the end of the transaction.
    locked = "" if is_sqlite() else " FOR UPDATE"
    found = execute(f"SELECT status, version FROM campaign WHERE id = ?{locked}", (campaign_id,)).fetchone()
    if version is None:
        return found[0] in (Status.DRAFT.value, Status.SCHEDULED.value)
    return tuple(found) == (Status.SCHEDULED.value, version)


def set_skips(
    campaign_id: int, changes: Sequence[tuple[Skippable, SkipReason | None]], version: int | None = None
) -> bool:
    """Skip rows that were pending, or make skipped ones pending again, and keep every count in step.

    Only before the run starts, because then its rows are frozen (R39), and with a `version` only of the Scheduled
    campaign as it was then; else nothing is changed and the answer is false. Rows that changed since they were read are
    left as they are.
    """
    audience_id = audience_of(campaign_id)
    alike: dict[tuple[str, str, SkipReason | None], list[int]] = {}
    for row, skip in changes:
        alike.setdefault(("" if row.skip is None else row.skip.value, row.country or "", skip), []).append(row.seq)
    skips: Counter[str] = Counter()
    countries: Counter[str] = Counter()
    with transaction():
        if not _not_started(campaign_id, version):
            return False
        for (was, country, skip), seqs in alike.items():
            changed = _change_skips(audience_id, seqs, was, skip)
            if was:
                skips[was] -= changed
            else:
                countries[country] -= changed
            if skip is not None:
                skips[skip.value] += changed
            else:
                countries[country] += changed
        moved = sum(skips.values())
        ProgressModel.update(
            skipped=ProgressModel.skipped + moved,
            pending=ProgressModel.pending - moved,
            version=ProgressModel.version + 1,
        ).where(ProgressModel.campaign == campaign_id).execute()
        tallies.add(campaign_id, tallies.SKIP, skips)
        tallies.add(campaign_id, tallies.COUNTRY, countries)
    return True


def refused_since(campaign_id: int, codes: Sequence[int], since: int) -> dict[int, RecipientState]:
    """Rows that failed, or were reported undelivered, with one of these codes after a time; `seq` to their state."""
    marks = ", ".join("?" * len(codes))
    found = execute(
        "SELECT DISTINCT r.seq, r.state FROM attempt a JOIN recipient r ON r.audience_id = ? AND r.seq = a.seq "
        f"WHERE a.campaign_id = ? AND a.code IN ({marks}) AND a.at > ? AND a.outcome IN ('failed', 'undelivered') "
        f"AND (r.state = {int(RecipientState.FAILED)} OR r.delivery = {int(Delivery.UNDELIVERED)})",
        (audience_of(campaign_id), campaign_id, *codes, since),
    ).fetchall()
    return {seq: RecipientState(state) for seq, state in found}


def count_states(campaign_id: int) -> dict[RecipientState, int]:
    """A count of the rows themselves, to check the counters against."""
    found = execute(
        "SELECT state, COUNT(*) FROM recipient WHERE audience_id = ? GROUP BY state", (audience_of(campaign_id),)
    ).fetchall()
    counts = dict.fromkeys(RecipientState, 0)
    counts.update({RecipientState(state): n for state, n in found})
    return counts
