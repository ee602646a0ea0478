"""One recipient as the cells of an export: the same columns in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from engine.gateway import errors
from engine.schedule import iso
from engine.text import spreadsheet_safe
from store import recipients
from store.types import Delivery, RecipientState

if TYPE_CHECKING:
    from store.types import Audience, Campaign, Recipient

COLUMNS: Final = (
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
    "whatsapp_bills",
)

TOLD_EVERY: Final = 1_000
"""Rows between two calls of `progress`: the slowest format takes a sixth of a second for them."""

Progress: TypeAlias = Callable[[int], None]


def silent(rows: int) -> None:
    """Nobody wants to know."""


_DELIVERY: Final = {
    Delivery.NONE: "sent",
    Delivery.UNDELIVERED: "undelivered",
    Delivery.DELIVERED: "delivered",
    Delivery.READ: "read",
}


def state_word(row: Recipient) -> str:
    """Where a recipient stands in one word: skipped, pending, sent, delivered, read, undelivered, failed, unknown.

    A pending one that WhatsApp holds back is `held`.
    """
    if row.held:
        return "held"
    return _DELIVERY[row.delivery] if row.state is RecipientState.SENT else row.state.name.lower()


def typed_number(row: Recipient, audience: Audience) -> str:
    """What stands in the file's number column."""
    at = list(audience.columns).index(audience.number_column)
    return row.cells[at] if at < len(row.cells) else ""


def rows(campaign: Campaign, progress: Progress = silent) -> Iterator[Recipient]:
    """Every row of a campaign, in file order; `progress` gets their number now and then, and may raise to break off."""
    done = 0
    if campaign.audience is not None:
        for chunk in recipients.chunks(campaign.audience.id, campaign.id):
            for row in chunk:
                yield row
                done += 1
                if done % TOLD_EVERY == 0:
                    progress(done)


def cells(row: Recipient, audience: Audience, zone: str) -> tuple[str, ...]:
    """The cells of one recipient in the order of `COLUMNS`, with what a spreadsheet would run as a formula defused.

    Times are ISO 8601 with the offset of `zone`. Numbers are E.164 with their plus, and as they were typed where they
    are no valid ones.
    """

    def time(at: int | None) -> str:
        return "" if at is None else iso(at, zone)

    return tuple(
        map(
            spreadsheet_safe,
            (
                f"{row.line}",
                typed_number(row, audience) if row.phone is None else f"+{row.phone}",
                state_word(row),
                "" if row.skip is None else row.skip.value,
                "" if row.error is None else f"{row.error}",
                "" if row.error is None else errors.text_of(row.error),
                row.message_id or "",
                time(row.handed_at),
                time(row.sent_at),
                time(row.delivered_at),
                time(row.read_at),
                row.pricing or "",
            ),
        )
    )
