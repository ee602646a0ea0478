"""A campaign with its counters, as its screens and its run see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from store.types.kinds import Endpoint, OverQuota

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from store.types.account import Template
    from store.types.kinds import ProductPolicy, Status


class Route(NamedTuple):
    """By which way a campaign is handed over; what is `None` is left to the gateway."""

    endpoint: Endpoint = Endpoint.MESSAGES
    product_policy: ProductPolicy | None = None
    """Only for the marketing endpoint, as is the next."""
    activity_sharing: bool | None = None


ORDINARY: Final = Route()
"""As messages are handed over unless somebody said otherwise."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Where the text for one placeholder comes from: a column, or always the same; else a fallback (R25, R37)."""

    column: str | None = None
    fixed: str | None = None
    fallback: str | None = None


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


@dataclass(frozen=True, slots=True)
class ListFilter:
    """What the campaign list shows (R51)."""

    status: Status | None = None
    sender_id: int | None = None
    search: str = ""
    since: int | None = None
    until: int | None = None
    """No longer part of the range."""
