"""The values that leave the store: enumerations, named tuples and frozen dataclasses; none of them can be changed.

Dataclasses are those that are copied with other fields (`dataclasses.replace`). A named tuple is made four times as
fast and defined in a quarter of the time, and every start of the program defines them all.

Times are UTC epoch milliseconds, credits whole numbers, phone numbers E.164 digits as one integer
(no plus). A `None` time means "has not happened".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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


class Route(NamedTuple):
    """By which way a campaign is handed over; what is `None` is left to the gateway."""

    endpoint: Endpoint = Endpoint.MESSAGES
    product_policy: ProductPolicy | None = None
    """Only for the marketing endpoint, as is the next."""
    activity_sharing: bool | None = None


ORDINARY: Final = Route()
"""As messages are handed over unless somebody said otherwise."""


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


@dataclass(frozen=True, slots=True)
class Fill:
    """Where the text for one placeholder comes from: a column, or always the same; else a fallback (R25, R37)."""

    column: str | None = None
    fixed: str | None = None
    fallback: str | None = None


class Balance(NamedTuple):
    """The account's credits; top-ups = free + reserved + spent at every instant (R29)."""

    free: int
    reserved: int
    spent: int


@dataclass(frozen=True, slots=True)
class Account:
    """The one WhatsApp Business Account of a database."""

    name: str
    timezone: str
    gateway: Gateway
    base_url: str | None
    waba_id: str | None
    quota: int | None
    """Unique recipients allowed in a rolling 24 h; `None` is unlimited (R30)."""
    created_at: int
    frequency_cap: int | None = None
    """Marketing messages a number may get within `frequency_days` days; `None` is any number (R35)."""
    frequency_days: int | None = None
    countries: Sequence[str] | None = None
    """Countries (ISO 3166 alpha-2) that messages may go to; `None` is all (R35)."""
    api_version: str | None = None
    """The Cloud API's version, such as `v24.0`; `None` is the one this program was made for."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A business phone number."""

    id: int
    number: int
    phone_number_id: str
    rate: int
    """Messages per second the number may send."""
    quality: str
    status: str
    name: str = ""
    """The verified name that people see; empty while the gateway was not asked."""
    name_status: str = ""
    throughput: str = ""
    """The gateway's level, such as STANDARD; unknown values are kept."""


@dataclass(frozen=True, slots=True)
class Template:
    """A message template as WhatsApp reviewed it, identified by name and language."""

    id: int
    name: str
    language: str
    status: str
    """Upper case as the Cloud API has it: APPROVED, PENDING, PAUSED, ...; unknown values are kept."""
    category: str
    parameter_format: str
    """POSITIONAL or NAMED."""
    components: Sequence[Mapping[str, Any]]
    quality: str
    updated_at: int
    remote_id: str | None = None
    """Its id at the gateway; `None` for one that only came from a file."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else the gateway said of it, as it came."""

    @property
    def ref(self) -> str:
        """`name:language`, the way templates are named on the command line."""
        return f"{self.name}:{self.language}"

    @property
    def marketing(self) -> bool:
        """Whether the frequency cap counts its messages."""
        return self.category.upper() == "MARKETING"


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign's counters, kept by the transactions that change the rows they count."""

    audience: int = 0
    skipped: int = 0
    pending: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    delivered: int = 0
    """Includes the read ones (R47)."""
    read: int = 0
    undelivered: int = 0
    """Sent, then reported failed by a callback; still counted in `sent`."""
    handed: int = 0
    """The highest `seq` ever put into a window."""
    reserved: int = 0
    settled: int = 0
    released: int = 0
    version: int = 0
    """Goes up with every change, so that a screen can tell whether to redraw."""

    @property
    def reported(self) -> bool:
        """Whether any delivery, or failure of one, was reported."""
        return bool(self.delivered or self.undelivered)


class Hold(NamedTuple):
    """Why an In Progress campaign sends nothing at the moment (R45)."""

    reason: str
    text: str
    since: int
    until: int | None
    """When it lifts by itself; `None` waits for an operator's resume."""


class Audience(NamedTuple):
    """The contact rows attached to a campaign, and how their file was read."""

    id: int
    file: str
    """The file's name, for people."""
    columns: Sequence[str]
    number_column: str
    country: str | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign with its counters."""

    id: int
    name: str
    status: Status
    status_reason: str | None
    """The root cause's code when Failed."""
    status_detail: Mapping[str, Any]
    """Facts behind the root cause, such as `{"missing": 1200}`."""
    hold: Hold | None
    sender_id: int | None
    template_id: int | None
    template_frozen: Template | None
    """The template as it was when the campaign was scheduled (R24)."""
    fills: Mapping[str, Fill]
    """Placeholder key to its fill, keys as `header.1`, `body.name`, `button.0.1`."""
    audience: Audience | None
    over_quota: OverQuota
    grace: int
    """Minutes a late start is still made (R20)."""
    scheduled_at: int | None
    timezone: str | None
    """The zone the operator typed the time in."""
    send_now: bool
    price: int
    """Credits for the valid recipients, as last worked out; frozen when the run starts."""
    prices: Mapping[str, int]
    """Frozen at the start: country (ISO 3166 alpha-2) to credits a message; `""` is every other."""
    created_by: str
    created_at: int
    edited_at: int
    started_at: int | None
    finished_at: int | None
    duplicate_of: int | None
    series_id: int | None
    occurrence: str | None
    """The firing of its series, as local date and time."""
    locked: bool
    """Seen within five minutes of its time: stays locked whatever the clock does (R15)."""
    progress: Progress
    version: int
    """Goes up with every edit or transition; a stale one is refused."""
    route: Route = ORDINARY
    delivery_known: bool = True
    """Whether what was delivered and read can be known: false where no callback ever came in."""


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """One line of the campaign list: the narrow columns only."""

    id: int
    name: str
    status: Status
    status_reason: str | None
    hold_reason: str | None
    hold_until: int | None
    sender: int | None
    """E.164 digits."""
    template: str | None
    scheduled_at: int | None
    edited_at: int
    started_at: int | None
    finished_at: int | None
    send_now: bool
    price: int
    progress: Progress
    locked: bool = False
    """Seen within five minutes of its time (R15)."""
    series_id: int | None = None
    version: int = 1
    """Grows with every change by an operator and of the status, not with the counters."""
    delivery_known: bool = True
    """As in `Campaign`."""


@dataclass(frozen=True, slots=True)
class DraftFields:
    """What an operator can set on a draft."""

    name: str
    sender_id: int | None = None
    template_id: int | None = None
    fills: Mapping[str, Fill] = field(default_factory=dict)
    over_quota: OverQuota = OverQuota.FAIL
    grace: int = 60
    route: Route = ORDINARY


class Media(NamedTuple):
    """A file that was uploaded for headers; the gateway keeps it for 30 days."""

    id: int
    media_id: str
    phone_number_id: str
    """Of the sender it was uploaded with."""
    file: str
    """The file's name, for people."""
    mime: str
    size: int
    uploaded_at: int
    uploaded_by: str


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


class LedgerEntry(NamedTuple):
    """One movement of credits; the ledger is append-only."""

    id: int
    at: int
    kind: LedgerKind
    amount: int
    free_after: int
    reserved_after: int
    spent_after: int
    campaign_id: int | None
    actor: str
    note: str


class PriceLine(NamedTuple):
    """One line of the price list (R26)."""

    category: str
    """Upper case, as the Cloud API has it."""
    country: str
    """ISO 3166 alpha-2; empty is every country without a line of its own."""
    media: str
    """`none`, `image`, `video`, `document`, or `media` for any of those three; empty is whatever has no line."""
    credits: int


class OptOut(NamedTuple):
    """A number that gets no campaign (R38)."""

    phone: int
    since: int
    origin: str


class Reply(NamedTuple):
    """What somebody wrote about getting messages: no more of them, or again (R38)."""

    phone: int
    at: int
    """When it was written, by the gateway's own clock."""
    stop: bool
    origin: str
    """What the opt-out list says of it: `reply: STOP`."""
    said: str = ""
    """The words as they came."""
    message_id: str | None = None


class Actor(NamedTuple):
    """Who does something, and from where (R11, R55)."""

    name: str
    terminal: str = ""


class AuditEvent(NamedTuple):
    """One line of the audit trail."""

    id: int
    at: int
    actor: str
    terminal: str
    action: str
    campaign_id: int | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    detail: str


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

    @property
    def referenced(self) -> bool:
        """Whether it names a message by a reference of ours; the gateway may leave that out of a failure."""
        return self.test_id is not None or (self.campaign_id is not None and self.seq is not None)


@dataclass(frozen=True, slots=True)
class ListFilter:
    """What the campaign list shows (R51)."""

    status: Status | None = None
    sender_id: int | None = None
    search: str = ""
    since: int | None = None
    until: int | None = None
    """No longer part of the range."""


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
