"""What a stored value may be: statuses, states, reasons, each with the word or number it is kept as."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

LONGEST_WAIT_MS: Final = 25 * 3_600_000
"""What is put back waits for a day at the most; what seems to wait for longer was dated by a clock that was ahead."""
NOT_SENT_BY_HAND: Final = -10
"""The error code of a recipient that an operator settled as not sent (R42)."""


class Status(StrEnum):
    """The six statuses of a campaign (R1)."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RecipientState(IntEnum):
    """Where one audience row stands; the five add up to the audience (R41).

    `SENT` means accepted by the gateway and stays so whatever is delivered afterwards.
    """

    PENDING = 0
    SENT = 1
    FAILED = 2
    UNKNOWN = 3
    SKIPPED = 4


class Delivery(IntEnum):
    """What status callbacks said of a sent message; it only moves forward (R46)."""

    NONE = 0
    UNDELIVERED = 1
    DELIVERED = 2
    READ = 3


class SkipReason(StrEnum):
    """Why an audience row gets no message (R35)."""

    BLANK = "blank"
    INVALID_NUMBER = "invalid_number"
    MISSING_COUNTRY_CODE = "missing_country_code"
    AMBIGUOUS_NUMBER = "ambiguous_number"
    MANGLED_NUMBER = "mangled_number"
    DUPLICATE = "duplicate"
    OPTED_OUT = "opted_out"
    MISSING_VARIABLE = "missing_variable"
    COUNTRY_NOT_ENABLED = "country_not_enabled"
    FREQUENCY_CAP = "frequency_cap"


class RootCause(StrEnum):
    """Why a campaign is Failed (R40)."""

    NO_VALID_RECIPIENTS = "no_valid_recipients"
    TEMPLATE_UNAVAILABLE = "template_unavailable"
    TEMPLATE_CHANGED = "template_changed"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    SENDER_UNAVAILABLE = "sender_unavailable"
    MISSED_WINDOW = "missed_window"
    ALL_REJECTED = "all_rejected"
    GATEWAY_UNREACHABLE = "gateway_unreachable"


class Gateway(StrEnum):
    """What the account's messages are handed to."""

    SIMULATOR = "simulator"
    CLOUD_API = "cloud_api"


class Endpoint(StrEnum):
    """Which of the Cloud API's two endpoints takes a campaign's messages; the values are the ends of their paths."""

    MESSAGES = "messages"
    MARKETING = "marketing_messages"
    """The Marketing Messages API: marketing templates only."""


class ProductPolicy(StrEnum):
    """What the endpoint for marketing does with a message that it cannot take itself."""

    FALLBACK = "CLOUD_API_FALLBACK"
    STRICT = "STRICT"


class OverQuota(StrEnum):
    """What a run does when the messaging quota is used up (R30)."""

    FAIL = "fail"
    WAIT = "wait"


class ResultKind(StrEnum):
    """How one hand-over ended, as the run records it."""

    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PUT_BACK = "put_back"
    SKIPPED = "skipped"
    HELD = "held"
    """Taken, and kept back by WhatsApp to be released or dropped later."""


class Note(StrEnum):
    """What else may happen to a row, beside how a hand-over ended (`ResultKind`)."""

    TAKEN_OVER = "taken_over"
    """Its window's owner was gone: in flight without an outcome, and so unknown."""
    ANSWERED_LATE = "answered_late"
    """The gateway's acceptance was recorded after the row had become unknown."""
    DISPROVED_LATE = "disproved_late"
    """That the gateway had not taken it was recorded after the row had become unknown or better founded."""
    PROVED = "proved"
    """A status callback proved that the gateway had taken what was unknown or put back."""
    UNDELIVERED = "undelivered"
    """A status callback reported a failure after the message was accepted."""
    OVER_QUOTA = "over_quota"
    """The messaging quota had no place for it, and the campaign does not wait."""
    SETTLED_SENT = "settled_sent"
    """An operator settled it as sent."""
    SETTLED_FAILED = "settled_failed"
    """An operator settled it as not sent."""
    RELEASED = "released"
    """A status callback told that WhatsApp let go what it had held back."""
    HELD_LAPSED = "held_lapsed"
    """It was held back, and nothing was heard of it as long as that may last."""
    DROPPED = "dropped"
    """A status callback reported that it was held back and never sent."""
    REST = "rest"
    """With `seq` 0: everything that was still pending was failed at once."""


class LedgerKind(StrEnum):
    """What moved credits."""

    TOP_UP = "top_up"
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"


class SortKey(StrEnum):
    """What the campaign list can be sorted by (R52)."""

    WHEN = "when"
    NAME = "name"
    STATUS = "status"
    SENDER = "sender"
    TEMPLATE = "template"
    AUDIENCE = "audience"
    PROGRESS = "progress"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
