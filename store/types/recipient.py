"""One audience row and what becomes of it: windows, results, attempts, statuses, test sends, leases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from store.types.kinds import RecipientState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from store.types.kinds import Delivery, ResultKind, SkipReason


class ContactRow(NamedTuple):
    """One audience row as read from the file: valid with a phone, or skipped with one reason."""

    line: int
    """Line number in the file, the header being line 1."""
    cells: Sequence[str]
    """Every cell as read, in column order, so that a skipped row can be shown and exported."""
    phone: int | None
    country: str | None
    skip: SkipReason | None


@dataclass(frozen=True, slots=True)
class Recipient:
    """One audience row of a campaign, as the report shows it."""

    campaign_id: int
    seq: int
    line: int
    phone: int | None
    country: str | None
    cells: Sequence[str]
    state: RecipientState
    skip: SkipReason | None
    attempt: int
    """How many hand-overs reached the gateway and have a recorded outcome."""
    tried: int
    """How many of them count against the retry budget; being asked to slow down does not."""
    message_id: str | None
    error: int | None
    """The gateway's error code of a failed or undelivered message."""
    delivery: Delivery
    handed_at: int | None
    sent_at: int | None
    delivered_at: int | None
    read_at: int | None
    pricing: str | None = None
    """How WhatsApp bills it, as `category/type`; `None` while it has not said so."""

    @property
    def held(self) -> bool:
        """Whether WhatsApp took its message and holds it back: it has an id and no outcome."""
        return self.state is RecipientState.PENDING and self.message_id is not None


class Window(NamedTuple):
    """Rows that are about to be handed over: the intent, committed before the first byte is sent."""

    id: int
    campaign_id: int
    fence: int
    opened_at: int
    seqs: Sequence[int]


class Result(NamedTuple):
    """What became of one row of a window."""

    seq: int
    kind: ResultKind
    at: int
    handed_at: int
    message_id: str | None = None
    code: int | None = None
    http_status: int | None = None
    detail: str = ""
    not_before: int | None = None
    """For `PUT_BACK`: when it may be tried again; for `HELD`: until when news of it is waited for."""
    counts: bool = True
    """For `PUT_BACK`: whether it used up one of the row's attempts."""
    skip: SkipReason | None = None


class Attempt(NamedTuple):
    """Something that happened to a row and that the row itself does not tell, kept for `why`."""

    seq: int
    n: int
    """How many hand-overs of the row had been answered by then, this one included."""
    at: int
    outcome: str
    """A `ResultKind` or a `Note`."""
    code: int | None
    http_status: int | None
    detail: str
    handed_at: int | None = None
    """When the hand-over began."""
    not_before: int | None = None
    """For what was put back: when it may be tried again."""


class TestSend(NamedTuple):
    """A message to a typed number; it counts in no campaign's figures (R32)."""

    id: int
    campaign_id: int
    """Whose content it has."""
    sender_id: int
    phone: int
    payload: Mapping[str, Any]
    """The body of its POST, but for the reference."""
    price: int
    actor: str
    asked_at: int
    state: RecipientState
    """Never `SKIPPED`. `PENDING` with a fence is in flight."""
    fence: int | None
    """Of the lease under which it is handed over: the intent."""
    handed_at: int | None
    ended_at: int | None
    message_id: str | None
    error: int | None
    """The gateway's code of a failed or undelivered one; `None` when `detail` alone says why."""
    detail: str
    delivery: Delivery
    attempt: int = 0
    """How many hand-overs reached the gateway."""
    tried: int = 0
    """How many of them count against the retry budget."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who sends for a sender; `fence` goes up with every new owner."""

    name: str
    owner: str
    fence: int
    until: int
    host: str
    pid: int
    role: str
    """`console` or `service`."""
    since: int
    status: str = ""
    """What the owner last said of itself, as JSON, for the screens."""


class StatusUpdate(NamedTuple):
    """One delivery event out of a status callback, ready to apply."""

    campaign_id: int | None
    seq: int | None
    message_id: str | None
    status: str
    """sent, delivered, read or failed."""
    at: int
    code: int | None = None
    detail: str = ""
    test_id: int | None = None
    """The test send it is about, which belongs to no campaign."""
    pricing: str | None = None
    """How WhatsApp bills it: `category/type`, the type `regular` where it does."""
    phones: tuple[int, ...] = ()
    """The numbers, in E.164, that its recipient may have; none where it does not say."""

    @property
    def referenced(self) -> bool:
        """Whether it names a message by a reference of ours; the gateway may leave that out of a failure."""
        return self.test_id is not None or (self.campaign_id is not None and self.seq is not None)
