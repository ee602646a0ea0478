"""A campaign's recipients as a CSV file (R48)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.errors import BadInput
from engine.gateway import errors
from engine.schedule import iso
from engine.text import spreadsheet_safe
from store import campaigns, recipients
from store.types import Campaign, Delivery, Recipient, RecipientState

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = (
    "line",
    "number",
    "state",
    "reason",
    "error_code",
    "error_text",
    "message_id",
    "handed_at",
    "sent_at",
    "delivered_at",
    "read_at",
)

_DELIVERY = {
    Delivery.NONE: "sent",
    Delivery.UNDELIVERED: "undelivered",
    Delivery.DELIVERED: "delivered",
    Delivery.READ: "read",
}


def state_word(row: Recipient) -> str:
    """Where a recipient stands in one word: skipped, pending, sent, delivered, read, undelivered, failed, unknown."""
    return _DELIVERY[row.delivery] if row.state is RecipientState.SENT else row.state.name.lower()


def write_csv(campaign_id: int, file: Path, zone: str) -> int:
    """Write one line for every audience row and answer how many they are.

    UTF-8; times are ISO 8601 with the offset of `zone`. Numbers are E.164 with their plus, and as they were typed where
    they are no valid ones. Cells that a spreadsheet would run as a formula are defused. The file appears whole or not
    at all: until then it is `file` with `.partial` behind its name.

    Raises `store.errors.Missing`, and `BadInput` with `unwritable_file`.
    """
    campaign = campaigns.get(campaign_id)
    partial = file.with_name(f"{file.name}.partial")
    count = 0
    try:
        with partial.open("w", encoding="utf-8", errors="replace", newline="") as handle:
            out = csv.writer(handle)
            out.writerow(COLUMNS)
            for row in _rows(campaign):
                out.writerow(map(spreadsheet_safe, _cells(row, campaign, zone)))
                count += 1
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BadInput(
            "unwritable_file", f"{file} cannot be written: {error.strerror or error}.", "Choose another place for it."
        ) from error
    except BaseException:
        # Also on ctrl+c: half a list looks like a list.
        partial.unlink(missing_ok=True)
        raise
    return count


def _rows(campaign: Campaign) -> Iterator[Recipient]:
    if campaign.audience is not None:
        for chunk in recipients.chunks(campaign.audience.id, campaign.id):
            yield from chunk


def _cells(row: Recipient, campaign: Campaign, zone: str) -> tuple[str, ...]:
    def time(at: int | None) -> str:
        return "" if at is None else iso(at, zone)

    return (
        f"{row.line}",
        _typed_number(row, campaign) if row.phone is None else f"+{row.phone}",
        state_word(row),
        "" if row.skip is None else row.skip.value,
        "" if row.error is None else f"{row.error}",
        "" if row.error is None else errors.text_of(row.error),
        row.message_id or "",
        time(row.handed_at),
        time(row.sent_at),
        time(row.delivered_at),
        time(row.read_at),
    )


def _typed_number(row: Recipient, campaign: Campaign) -> str:
    assert campaign.audience is not None
    at = list(campaign.audience.columns).index(campaign.audience.number_column)
    return row.cells[at] if at < len(row.cells) else ""
