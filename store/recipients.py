"""Audience rows: importing them, skipping them, reading them for reports.

Rows belong to an audience and an audience to one campaign. An import fills a new audience in short transactions, so
that a run beside it never waits long for the write lock, and only the last step attaches it to the draft.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

from store import tallies
from store.campaigns import list_key
from store.campaigns import status as campaign_status
from store.codec import dump, load
from store.database import execute, execute_many, is_sqlite, transaction
from store.errors import Missing
from store.models import Audience as AudienceModel
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.query import first
from store.types import Audience, ContactRow, Delivery, Recipient, RecipientState, SkipReason, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

CHUNK = 10_000
LONGEST_NUMBER = 15
"""Digits of an E.164 number (ITU-T E.164, 6)."""

_INSERT = (
    "INSERT INTO recipient (audience_id, seq, line, phone, country, cells, state, skip, attempt, tried, delivery) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)"
)


def new_audience(file: str, columns: Sequence[str], number_column: str, country: str | None, now: int) -> int:
    """Begin an import; the audience belongs to no campaign until `attach`."""
    return int(
        AudienceModel.insert(
            file=file, columns=dump(list(columns)), number_column=number_column, country=country, imported_at=now
        ).execute()
    )


def add_rows(audience_id: int, first_seq: int, rows: Sequence[ContactRow]) -> None:
    """Append rows with dense `seq` from `first_seq`, in one transaction; at most `CHUNK` at a time."""
    values = [
        (
            audience_id,
            first_seq + i,
            row.line,
            row.phone,
            row.country,
            dump(list(row.cells)),
            int(RecipientState.PENDING if row.skip is None else RecipientState.SKIPPED),
            None if row.skip is None else row.skip.value,
        )
        for i, row in enumerate(rows)
    ]
    with transaction():
        # Peewee's insert_many makes 17-26 thousand rows a second, its connection's executemany 337 thousand.
        execute_many(_INSERT, values)


def attach(
    campaign_id: int, version: int, audience_id: int, skipped: Counter[str], countries: Counter[str], now: int
) -> bool:
    """Make a finished import the audience of an unchanged Draft and set its counters; false when it changed."""
    with transaction():
        old = first(CampaignModel.select(CampaignModel.audience).where(CampaignModel.id == campaign_id))
        changed = (
            CampaignModel.update(
                audience=audience_id,
                edited_at=now,
                list_key=list_key(Status.DRAFT, now),
                version=CampaignModel.version + 1,
            )
            .where(
                CampaignModel.id == campaign_id,
                CampaignModel.status == Status.DRAFT.value,
                CampaignModel.version == version,
                CampaignModel.deleted_at.is_null(),
            )
            .execute()
        )
        if not changed:
            return False
        AudienceModel.update(complete=True).where(AudienceModel.id == audience_id).execute()
        skips, valid = skipped.total(), countries.total()
        ProgressModel.update(
            audience=skips + valid, skipped=skips, pending=valid, version=ProgressModel.version + 1
        ).where(ProgressModel.campaign == campaign_id).execute()
        tallies.replace(campaign_id, tallies.SKIP, skipped)
        tallies.replace(campaign_id, tallies.COUNTRY, countries)
    if old is not None and old[0] is not None:
        drop_audience(old[0])
    return True


def drop_audience(audience_id: int) -> None:
    """Remove the rows of an audience, a chunk at a time; one that a campaign has is left alone."""
    if CampaignModel.select().where(CampaignModel.audience == audience_id).exists():
        return
    top = execute("SELECT MAX(seq) FROM recipient WHERE audience_id = ?", (audience_id,)).fetchone()[0] or 0
    for lo in range(1, top + 1, CHUNK):
        with transaction():
            execute(
                "DELETE FROM recipient WHERE audience_id = ? AND seq BETWEEN ? AND ?", (audience_id, lo, lo + CHUNK - 1)
            )
    AudienceModel.delete().where(AudienceModel.id == audience_id).execute()


def copy_rows(
    source: Audience,
    target_campaign: int,
    version: int,
    states: Sequence[RecipientState] | None,
    unread: bool,
    now: int,
    without_errors: Collection[int] = (),
) -> bool:
    """Give a Draft the rows of another campaign's audience, fresh: all, those in `states`, or the sent but unread ones.

    Rows that failed with one of `without_errors` are left out. Skipped rows are copied with their reason when all are
    copied and left out otherwise. Answers false, and leaves nothing behind, when the Draft changed since `version`.
    """
    audience_id = new_audience(source.file, source.columns, source.number_column, source.country, now)
    skipped: Counter[str] = Counter()
    countries: Counter[str] = Counter()
    seq = 1
    for chunk in chunks(source.id):
        rows = [_as_contact(row) for row in chunk if row.error not in without_errors and _wanted(row, states, unread)]
        add_rows(audience_id, seq, rows)
        seq += len(rows)
        skipped.update(row.skip.value for row in rows if row.skip is not None)
        countries.update(row.country or "" for row in rows if row.skip is None)
    if attach(target_campaign, version, audience_id, skipped, countries, now):
        return True
    drop_audience(audience_id)
    return False


def _wanted(row: Recipient, states: Sequence[RecipientState] | None, unread: bool) -> bool:
    if unread:
        return row.state is RecipientState.SENT and row.delivery is not Delivery.READ
    return states is None or row.state in states


def _as_contact(row: Recipient) -> ContactRow:
    return ContactRow(row.line, row.cells, row.phone, row.country, row.skip)


_COLUMNS = (
    "seq, line, phone, country, cells, state, skip, attempt, tried, message_id, error, delivery, "
    "handed_at, sent_at, delivered_at, read_at"
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


def audience_of(campaign_id: int) -> int:
    """The audience id of a campaign. Raises `Missing` when it has none."""
    row = first(CampaignModel.select(CampaignModel.audience).where(CampaignModel.id == campaign_id))
    if row is None or row[0] is None:
        raise Missing(f"campaign {campaign_id} has no audience")
    return int(row[0])


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
    table, where = "recipient", ["audience_id = ?"]
    arguments: list[Any] = [audience_of(campaign_id)]
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
    return array("q", (seq for (seq,) in cursor))


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


def find_digits(campaign_id: int, digits: str, limit: int = 1000) -> list[int]:
    """The `seq` of the rows whose number is, or ends in, these digits, in file order."""
    if not digits.isdecimal() or len(digits) > LONGEST_NUMBER:
        return []
    found = execute(
        "SELECT seq FROM recipient WHERE audience_id = ? AND phone % ? = ? ORDER BY seq LIMIT ?",
        (audience_of(campaign_id), 10 ** len(digits), int(digits), limit),
    ).fetchall()
    return [seq for (seq,) in found]


def first_valid(campaign_id: int, offset: int) -> Recipient | None:
    """The `offset`-th row (from 0) that would get a message, for the preview."""
    row = execute(
        f"SELECT {_COLUMNS} FROM recipient WHERE audience_id = ? AND state = 0 ORDER BY seq LIMIT 1 OFFSET ?",
        (audience_of(campaign_id), offset),
    ).fetchone()
    return None if row is None else _recipient(campaign_id, row)


def _change_skip(audience_id: int, row: Recipient, skip: SkipReason | None) -> bool:
    before, was = (RecipientState.PENDING, "") if row.skip is None else (RecipientState.SKIPPED, row.skip.value)
    after, reason = (RecipientState.PENDING, None) if skip is None else (RecipientState.SKIPPED, skip.value)
    changed = execute(
        "UPDATE recipient SET state = ?, skip = ? "
        "WHERE audience_id = ? AND seq = ? AND state = ? AND COALESCE(skip, '') = ?",
        (int(after), reason, audience_id, row.seq, int(before), was),
    )
    return bool(changed.rowcount)


def set_skips(campaign_id: int, changes: Sequence[tuple[Recipient, SkipReason | None]]) -> None:
    """Skip rows that were pending, or make skipped ones pending again, and keep every count in step.

    Only before the run starts, because then its rows are frozen (R39); rows that changed since they were read are left
    as they are.
    """
    audience_id = audience_of(campaign_id)
    skips: Counter[str] = Counter()
    countries: Counter[str] = Counter()
    with transaction():
        if campaign_status(campaign_id)[0] not in (Status.DRAFT, Status.SCHEDULED):
            return
        for row, skip in changes:
            if not _change_skip(audience_id, row, skip):
                continue
            if row.skip is not None:
                skips[row.skip.value] -= 1
            else:
                countries[row.country or ""] -= 1
            if skip is not None:
                skips[skip.value] += 1
            else:
                countries[row.country or ""] += 1
        moved = sum(skips.values())
        ProgressModel.update(
            skipped=ProgressModel.skipped + moved,
            pending=ProgressModel.pending - moved,
            version=ProgressModel.version + 1,
        ).where(ProgressModel.campaign == campaign_id).execute()
        tallies.add(campaign_id, tallies.SKIP, skips)
        tallies.add(campaign_id, tallies.COUNTRY, countries)


def count_states(campaign_id: int) -> dict[RecipientState, int]:
    """A count of the rows themselves, to check the counters against."""
    found = execute(
        "SELECT state, COUNT(*) FROM recipient WHERE audience_id = ? GROUP BY state", (audience_of(campaign_id),)
    ).fetchall()
    counts = dict.fromkeys(RecipientState, 0)
    counts.update({RecipientState(state): n for state, n in found})
    return counts
