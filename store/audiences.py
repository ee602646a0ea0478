"""Audiences: importing rows, attaching them to a draft, copying and dropping them.

Rows belong to an audience and an audience to one campaign. An import fills a new audience in short transactions, so
that a run beside it never waits long for the write lock, and only the last step attaches it to the draft.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from store import recipients, tallies
from store.campaigns import list_key
from store.codec import dump
from store.database import execute, execute_many, transaction
from store.models import Audience as AudienceModel
from store.models import Campaign as CampaignModel
from store.models import Progress as ProgressModel
from store.models import Series as SeriesModel
from store.query import first
from store.types import Audience, ContactRow, Delivery, Recipient, RecipientState, SkipReason, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

CHUNK = 10_000

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


def imported_at(audience_id: int) -> int | None:
    """When the rows of an audience were read from their file, or copied (UTC epoch milliseconds)."""
    row = first(AudienceModel.select(AudienceModel.imported_at).where(AudienceModel.id == audience_id))
    return None if row is None else int(row[0])


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
    """Make a finished import the audience of an unchanged Draft and set its counters; false when it changed.

    The audience it had before belongs to nobody then; `drop_audience` removes it, in transactions of its own.
    """
    with transaction():
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
    return True


def drop_audience(audience_id: int) -> None:
    """Remove the rows of an audience, a chunk at a time; one that a campaign or a series has is left alone."""
    if (
        CampaignModel.select().where(CampaignModel.audience == audience_id).exists()
        or SeriesModel.select().where(SeriesModel.audience_id == audience_id).exists()
    ):
        return
    top = execute("SELECT MAX(seq) FROM recipient WHERE audience_id = ?", (audience_id,)).fetchone()[0] or 0
    for lo in range(1, top + 1, CHUNK):
        with transaction():
            execute(
                "DELETE FROM recipient WHERE audience_id = ? AND seq BETWEEN ? AND ?", (audience_id, lo, lo + CHUNK - 1)
            )
    AudienceModel.delete().where(AudienceModel.id == audience_id).execute()


def left_over(before: int, limit: int) -> list[int]:
    """Audiences imported before a time that no campaign and no series has: whoever made them was killed on the way."""
    found = execute(
        "SELECT a.id FROM audience a WHERE a.imported_at < ? "
        "AND NOT EXISTS (SELECT 1 FROM campaign c WHERE c.audience_id = a.id) "
        "AND NOT EXISTS (SELECT 1 FROM series s WHERE s.audience_id = a.id) ORDER BY a.id LIMIT ?",
        (before, limit),
    ).fetchall()
    return [audience_id for (audience_id,) in found]


class Copied(NamedTuple):
    """A new audience that belongs to no campaign yet, and what is in it."""

    audience_id: int
    skipped: Counter[str]
    countries: Counter[str]


def copy_rows(
    source: Audience,
    states: Sequence[RecipientState] | None,
    unread: bool,
    now: int,
    without_errors: Collection[int] = (),
    without: Collection[int] = (),
) -> Copied:
    """A new audience with rows of another one, fresh, in short transactions, for `attach`.

    All of them, those in `states`, or the sent but unread ones; rows that failed with one of `without_errors`, and
    those whose `seq` is in `without`, are left out. Skipped rows are copied with their reason when all are copied and
    left out otherwise. When it breaks off nothing is left behind.
    """
    copied = Copied(_like(source, now), Counter(), Counter())
    try:
        seq = 1
        for chunk in recipients.chunks(source.id):
            rows = [
                _as_contact(row)
                for row in chunk
                if row.error not in without_errors and row.seq not in without and _wanted(row, states, unread)
            ]
            add_rows(copied.audience_id, seq, rows)
            seq += len(rows)
            copied.skipped.update(row.skip.value for row in rows if row.skip is not None)
            copied.countries.update(row.country or "" for row in rows if row.skip is None)
    except BaseException:
        drop_audience(copied.audience_id)
        raise
    return copied


def copy(source: Audience, now: int) -> int:
    """As `copy_rows`, of all rows; answers the id of the new audience."""
    return copy_rows(source, None, False, now).audience_id


def set_skips(audience_id: int, changes: Sequence[tuple[Recipient, SkipReason | None]]) -> None:
    """Skip rows, or take that back, in an audience that belongs to no campaign yet; in short transactions."""
    for lo in range(0, len(changes), CHUNK):
        values = [
            (
                int(RecipientState.PENDING if reason is None else RecipientState.SKIPPED),
                None if reason is None else reason.value,
                audience_id,
                row.seq,
            )
            for row, reason in changes[lo : lo + CHUNK]
        ]
        with transaction():
            execute_many("UPDATE recipient SET state = ?, skip = ? WHERE audience_id = ? AND seq = ?", values)


def _like(source: Audience, now: int) -> int:
    return new_audience(source.file, source.columns, source.number_column, source.country, now)


def _wanted(row: Recipient, states: Sequence[RecipientState] | None, unread: bool) -> bool:
    if unread:
        return row.state is RecipientState.SENT and row.delivery is not Delivery.READ
    return states is None or row.state in states


def _as_contact(row: Recipient) -> ContactRow:
    return ContactRow(row.line, row.cells, row.phone, row.country, row.skip)
