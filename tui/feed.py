"""What the campaign screen shows, read in one go into immutable values.

Runs in the console's reading thread. `PRAGMA data_version` tells without a query whether anybody committed since the
last look, and the
newest audit event whether the list's order can have changed: during a run only counters change, and then neither ids
nor tabs are read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from store import account, audit, campaigns, database, leases, ledger, listing, quota_meter
from store.errors import Missing
from store.types import Account, Balance, CampaignRow, Lease, ListFilter, SortKey, Status

if TYPE_CHECKING:
    from array import array

    from engine.report import Report


SCREENFUL = 64


class Ask(NamedTuple):
    """What the screen needs to know: its filter and order, the rows in view, the campaign under the cursor."""

    wanted: ListFilter = ListFilter()
    sort: SortKey = SortKey.WHEN
    reverse: bool = False
    visible: Sequence[int] = ()
    chosen: int | None = None


class Overview(NamedTuple):
    """The frame around the list: the account's credits, who sends, what is next, counts for the tabs."""

    account: Account
    balance: Balance
    leases: Sequence[Lease]
    next_due: tuple[int, str, int] | None
    counts: Mapping[Status, int]
    quota_used: int = 0
    """People messaged within 24 hours."""
    sender: int | None = None
    """The number (E.164 digits) of the sender that is filtered by."""


class Snapshot(NamedTuple):
    """One look at the store; `ids` is `None` when the order cannot have changed since the last one."""

    ask: Ask
    overview: Overview
    ids: array[int] | None
    rows: Mapping[int, CampaignRow]
    report: Report | None


class Feed:
    """Remembers what was seen last, so that a poll of an unchanged store costs next to nothing."""

    def __init__(self) -> None:
        self._version = -1
        self._event = -1
        self._ask: Ask | None = None
        self._counts: dict[Status, int] = {}

    def glance(self, ask: Ask, now: int) -> Snapshot:
        """The first screenful only, for the first frame of a long list; `poll` reads the rest.

        Raises `Missing` where there is no account yet.
        """
        frame = overview(now, {}, ask.wanted.sender_id)
        ids = listing.ids(ask.wanted, ask.sort, reverse=ask.reverse, limit=SCREENFUL)
        return Snapshot(ask, frame, ids, listing.rows(ids) if ids else {}, None)

    def poll(self, ask: Ask, now: int) -> Snapshot | None:
        """A new snapshot, or `None` when nothing was committed and nothing else was asked since the last one."""
        version = database.data_version()
        if ask == self._ask and version == self._version and version:
            return None
        event = audit.newest()
        same_list = self._ask is not None and (ask.wanted, ask.sort, ask.reverse) == (
            self._ask.wanted,
            self._ask.sort,
            self._ask.reverse,
        )
        ids = None
        if not same_list or event != self._event:
            ids = listing.ids(ask.wanted, ask.sort, reverse=ask.reverse)
            self._counts = listing.counts(ask.wanted)
        visible = ask.visible or (ids[:SCREENFUL] if ids is not None else ())
        snapshot = Snapshot(
            ask,
            overview(now, self._counts, ask.wanted.sender_id),
            ids,
            listing.rows(visible) if visible else {},
            read_report(ask.chosen),
        )
        self._version, self._event, self._ask = version, event, ask
        return snapshot


def overview(now: int, counts: Mapping[Status, int], sender_id: int | None = None) -> Overview:
    """The frame around the list."""
    return Overview(
        account.get_account(),
        ledger.balance(),
        leases.held(now),
        campaigns.next_due(),
        counts,
        quota_meter.used(now),
        None if sender_id is None else _number(sender_id),
    )


def _number(sender_id: int) -> int | None:
    try:
        return account.get_sender(sender_id).number
    except Missing:
        # A filter remembered from another time.
        return None


def read_report(campaign_id: int | None) -> Report | None:
    """The report under the cursor; `None` when there is none or it was deleted a moment ago."""
    from engine import report

    if campaign_id is None:
        return None
    try:
        return report.read(campaign_id)
    except Missing:
        return None
