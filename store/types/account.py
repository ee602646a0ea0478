"""The account and what belongs to it: senders, templates, credits, prices, uploads, opt-outs, operators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from store.types.kinds import Gateway, LedgerKind


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
