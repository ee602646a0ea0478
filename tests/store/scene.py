"""An account and campaigns in the states that store tests start from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from store import account, audiences, campaigns, database, leases, ledger, outcomes, transitions, windows
from store.types import (
    Account,
    ContactRow,
    DraftFields,
    Fill,
    Gateway,
    Lease,
    Recipient,
    Result,
    ResultKind,
    SkipReason,
    Status,
    Template,
    Window,
)
from tests.clock import START

MINUTE = 60_000
HOUR = 60 * MINUTE
CREDITS = 1_000_000
PRICES = {"IN": 1, "US": 3, "": 2}
COUNTRIES = ("IN", "US", None)
COMPONENTS = [{"type": "BODY", "text": "Hello {{1}}"}]


def contact(n: int, country: str | None = "IN", skip: SkipReason | None = None, phone: int | None = None) -> ContactRow:
    """The `n`-th row of a file, valid unless a reason to skip it is given."""
    number = 919_000_000_000 + n if phone is None else phone
    return ContactRow(n + 1, (f"+{number}", f"Name {n}"), None if skip else number, country, skip)


def contacts(n: int) -> list[ContactRow]:
    """`n` valid rows whose countries take turns, so that their prices differ."""
    return [contact(i, COUNTRIES[i % len(COUNTRIES)]) for i in range(1, n + 1)]


def price_of(rows: Sequence[ContactRow]) -> int:
    """What the valid ones of these rows cost."""
    return sum(PRICES[row.country or ""] for row in rows if row.skip is None)


HELD_MS = 75 * 60_000
"""How long the gateway may hold a message back."""


def result(seq: int, kind: ResultKind, now: int = START, **facts: object) -> Result:
    """What became of one row; a sent one gets a message id of its own, a refused one a code."""
    if kind is ResultKind.SENT:
        facts.setdefault("message_id", f"wamid.{seq}")
    if kind is ResultKind.HELD:
        facts.setdefault("message_id", f"wamid.{seq}")
        facts.setdefault("not_before", now + HELD_MS)
    if kind is ResultKind.FAILED:
        facts.setdefault("code", 131026)
    if kind is ResultKind.PUT_BACK:
        facts.setdefault("code", 130429)
    return Result(seq, kind, now, now - 100, **facts)  # type: ignore[arg-type]  # fields of Result, named by the test


def countries_of(rows: Sequence[Recipient]) -> dict[int, str | None]:
    """The country of each row, as an owner of the window remembers it."""
    return {row.seq: row.country for row in rows}


class Scene:
    """An account with credits, one sender and one approved template."""

    def __init__(self) -> None:
        with database.transaction():
            account.create_account(Account("Acme", "Asia/Kolkata", Gateway.SIMULATOR, None, None, 1000, START))
            sender_id = account.add_sender(918040214021, "1001", 80, START)
            assert sender_id is not None
            self.sender_id = sender_id
            self.template_id = account.put_template(
                "spring_sale",
                "en",
                status="APPROVED",
                category="MARKETING",
                parameter_format="POSITIONAL",
                components=COMPONENTS,
                quality="GREEN",
                now=START,
            )
            ledger.top_up(START, CREDITS, "ann")

    @property
    def template(self) -> Template:
        """The template as it is now."""
        return account.get_template(self.template_id)

    def fields(self, name: str = "Spring") -> DraftFields:
        """A draft of this sender and template."""
        return DraftFields(name, self.sender_id, self.template_id, {"body.1": Fill(column="name", fallback="friend")})

    def draft(self, rows: Sequence[ContactRow] | None = None, name: str = "Spring", now: int = START) -> int:
        """A Draft with these rows as its audience; without one when there are no rows."""
        with database.transaction():
            campaign_id = campaigns.create(self.fields(name), "spring_sale", "ann", now)
        if rows:
            self.attach(campaign_id, rows)
        return campaign_id

    def attach(self, campaign_id: int, rows: Sequence[ContactRow], now: int = START) -> int:
        """Import these rows into a Draft and answer the audience's id."""
        audience_id = audiences.new_audience("contacts.csv", ("number", "name"), "number", "IN", now)
        audiences.add_rows(audience_id, 1, rows)
        skipped = Counter(row.skip.value for row in rows if row.skip is not None)
        countries = Counter(row.country or "" for row in rows if row.skip is None)
        version = campaigns.get(campaign_id).version
        assert audiences.attach(campaign_id, version, audience_id, skipped, countries, now)
        return audience_id

    def scheduled(
        self, rows: Sequence[ContactRow] | None = None, at: int = START + HOUR, name: str = "Spring", now: int = START
    ) -> int:
        """A Scheduled campaign."""
        campaign_id = self.draft(rows, name, now)
        version = campaigns.get(campaign_id).version
        assert transitions.schedule(
            campaign_id,
            version,
            at=at,
            timezone="Asia/Kolkata",
            frozen=self.template,
            price=price_of(rows or ()),
            now=now,
        )
        return campaign_id

    def running(
        self, rows: Sequence[ContactRow], now: int = START, prices: Mapping[str, int] = PRICES, name: str = "Spring"
    ) -> int:
        """A campaign In Progress with its credits reserved and nothing handed over yet."""
        campaign_id = self.draft(rows, name, now)
        price = sum(prices.get(row.country or "", prices[""]) for row in rows if row.skip is None)
        with database.transaction():
            assert transitions.start(
                campaign_id,
                source=Status.DRAFT,
                version=campaigns.get(campaign_id).version,
                prices=prices,
                price=price,
                now=now,
            )
            transitions.freeze_template(campaign_id, self.template)
            ledger.reserve(now, campaign_id, price, "ann")
            campaigns.set_reserved(campaign_id, price)
        return campaign_id

    def in_status(self, status: Status, now: int = START) -> int:
        """A campaign that reached a status the way campaigns do."""
        rows = contacts(2)
        if status is Status.DRAFT:
            return self.draft(rows, now=now)
        if status in (Status.SCHEDULED, Status.CANCELLED):
            campaign_id = self.scheduled(rows, now + HOUR, now=now)
            assert status is Status.SCHEDULED or transitions.cancel(campaign_id, now, 5 * MINUTE)
            return campaign_id
        campaign_id = self.running(rows, now)
        if status is not Status.IN_PROGRESS:
            kind = ResultKind.SENT if status is Status.COMPLETED else ResultKind.FAILED
            window, claimed = self.claim(campaign_id, self.lease(now=now), 10, now)
            outcomes.record(
                campaign_id, [result(row.seq, kind, now) for row in claimed], countries_of(claimed), [window.id], now
            )
            reason = None if status is Status.COMPLETED else "all_rejected"
            assert transitions.finish(campaign_id, status, reason, {}, now)
        return campaign_id

    def lease(self, owner: str = "w1", now: int = START) -> Lease:
        """The sender's lease for an owner, whoever had it before."""
        lease = leases.take(
            leases.name_of(self.sender_id),
            owner,
            now,
            now + 15_000,
            host="host",
            pid=1,
            role="service",
            owner_is_dead=True,
        )
        assert lease is not None
        return lease

    def claim(self, campaign_id: int, lease: Lease, size: int, now: int = START) -> tuple[Window, list[Recipient]]:
        """A window that must be had."""
        claimed = windows.claim(campaign_id, lease, size, now)
        assert claimed is not None
        return claimed
