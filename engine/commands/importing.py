"""Reading a contact file into an audience of its own, which becomes a campaign's only when it is whole (R33-R37)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from store import audiences, audit, database

if TYPE_CHECKING:
    from engine.audience import Contacts, Format
    from engine.context import Context
    from store.types import ContactRow


@dataclass(frozen=True, slots=True)
class Imported:
    """What an audience import found."""

    rows: int
    valid: int
    skipped: dict[str, int]
    format: Format


class Rows(NamedTuple):
    """Rows that were read into an audience of their own."""

    audience_id: int
    skipped: Counter[str]
    countries: Counter[str]


def read_in(
    context: Context,
    contacts: Contacts,
    progress: Callable[[int], None],
    attach: Callable[[Rows], int],
) -> tuple[int, Imported]:
    """Read the rows and, in one transaction, attach them to a campaign, whose id is answered."""
    audience_id = audiences.new_audience(
        contacts.name, contacts.columns, contacts.number_column, contacts.country, context.clock.now()
    )
    try:
        skipped, countries = _store_rows(audience_id, contacts, progress)
        with database.transaction():
            campaign_id = attach(Rows(audience_id, skipped, countries))
    except BaseException:
        # Also on ctrl+c: half an import must not stay behind.
        audiences.drop_audience(audience_id)
        raise
    rows = skipped.total() + countries.total()
    return campaign_id, Imported(rows, countries.total(), dict(skipped), contacts.format)


def audit_import(context: Context, campaign_id: int, contacts: Contacts, rows: Rows, now: int) -> None:
    """Add the event of an import; for the transaction that attaches the rows."""
    sheet = {} if contacts.format.sheet is None else {"sheet": contacts.format.sheet}
    audit.write(
        now,
        context.actor,
        "campaign.import",
        campaign_id,
        after={
            "file": contacts.name,
            **sheet,
            "valid": rows.countries.total(),
            "skipped": dict(rows.skipped),
        },
    )


def _store_rows(
    audience_id: int, contacts: Contacts, progress: Callable[[int], None]
) -> tuple[Counter[str], Counter[str]]:
    skipped: Counter[str] = Counter()
    countries: Counter[str] = Counter()
    batch: list[ContactRow] = []
    seq = 1
    for row in contacts.rows():
        batch.append(row)
        if row.skip is None:
            countries[row.country or ""] += 1
        else:
            skipped[row.skip.value] += 1
        if len(batch) == audiences.CHUNK:
            audiences.add_rows(audience_id, seq, batch)
            seq += len(batch)
            progress(seq - 1)
            batch = []
    audiences.add_rows(audience_id, seq, batch)
    progress(seq - 1 + len(batch))
    return skipped, countries
