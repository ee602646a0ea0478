"""What RULES.md says of campaigns, in plain Python; shares no code with the engine.

It decides what an operator may do and with which code the rest is refused, who is in an audience, and what may and what
must have become of a row by what the gateway was handed and answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.machine.exchange import ACCEPT, NO_ROUTE, HandOver

MINUTE = 60_000
LOCK = 5 * MINUTE
HOLD_LIMIT = 72 * 60 * MINUTE
PENDING, SENT, FAILED, UNKNOWN, SKIPPED = range(5)
OVER_QUOTA = -2
NOT_ATTEMPTED = -3
BY_HAND = -10
NOT_REFUSED = (NOT_ATTEMPTED, BY_HAND)
"""Codes of failed rows that nobody refused; what has no place in the quota counts as refused."""
HOME = "DE"
"""The country of every number there is."""
TRIES = 5
DELIVERY = {"sent": 0, "failed": 1, "delivered": 2, "read": 3}

TRANSITIONS = {
    ("draft", "scheduled"), ("draft", "in_progress"), ("scheduled", "draft"), ("scheduled", "cancelled"),
    ("scheduled", "in_progress"), ("scheduled", "failed"), ("in_progress", "completed"), ("in_progress", "failed"),
}  # fmt: skip
"""R9."""

# R44 and WhatsApp's documentation of these codes: what they ask for.
LATER = {131016: TRIES, 131056: TRIES, 131000: 3}
"""Try again, so many times in all."""
SLOW_DOWN = {130429}
FOR_GOOD = {131026, 131050, 131049, 131009}
POINTLESS = {131026, 131050}
"""About the person: trying again is pointless (R49)."""
HOLDING = {132015, 131048, 131042, 190, 100}
CODES = [*LATER, *SLOW_DOWN, *FOR_GOOD, *HOLDING]
STOPPED_MARKETING = 131050
WITHHELD = 131049
"""WhatsApp has shown this person enough marketing for now: not again within 24 h."""


@dataclass(frozen=True)
class Contact:
    """One line of a contact file."""

    name: str
    typed: str
    coupon: str
    phone: int | None
    bad: str | None = None
    """Why its number cannot be used."""


@dataclass
class Template:
    """A template as it stands on the account."""

    status: str = "APPROVED"
    content: int = 0
    """Which of the contents that it had; `EXTRA` has one more placeholder."""
    media: bool = False

    @property
    def price(self) -> int:
        return 2 if self.media else 1


EXTRA = 2


@dataclass
class Fields:
    """What an operator sets in the form."""

    name: str = "Sale"
    sender: int | None = 1
    template: int | None = 1
    fills: str = "good"
    """`good`: the coupon has no fallback; `safe`: it has; `hole`: it is not mapped; `stray`: from no column."""
    grace: int = 60
    over: str = "fail"
    """At the messaging quota: fail the rest, or wait."""


@dataclass
class Row:
    """One row of an audience."""

    contact: Contact
    skip: str | None = None
    state: int = PENDING
    """As last seen, once the run has started."""
    code: int | None = None


@dataclass
class Campaign:
    """A campaign as the rules have it."""

    id: int
    fields: Fields
    status: str = "draft"
    rows: list[Row] | None = None
    at: int | None = None
    frozen: int | None = None
    """Content of the template at scheduling."""
    changes: int = 0
    """How often anybody changed it: what a second console has read may be older."""
    deleted: bool = False
    held: bool = False
    began: bool = False
    """Whether a run has started, which freezes the rows (R39)."""

    def row(self, seq: int) -> Row:
        assert self.rows is not None
        return self.rows[seq - 1]

    @property
    def valid(self) -> int:
        return sum(row.skip is None for row in self.rows or [])


@dataclass
class Model:
    """The account and everything in it."""

    free: int = 0
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    templates: dict[int, Template] = field(default_factory=dict)
    senders: dict[int, str] = field(default_factory=dict)
    out: dict[int, int] = field(default_factory=dict)
    """Opted-out numbers, and when that became known."""
    since: dict[int, int] = field(default_factory=dict)
    """Opted-out numbers, and since when they are."""
    said: dict[int, tuple[int, bool]] = field(default_factory=dict)
    """By number the reply that was written last: when, and whether it was a STOP."""
    quota: int | None = None
    countries: tuple[str, ...] | None = None

    # Opt-outs

    def opt_out(self, phone: int, now: int, since: int) -> None:
        self.out.setdefault(phone, now)
        self.since.setdefault(phone, since)

    def opt_in(self, phone: int) -> None:
        del self.out[phone], self.since[phone]

    def reply(self, phone: int, at: int, stop: bool, now: int) -> None:
        """R38: the reply written last counts, of two in one second the STOP; a newer opt-out stays."""
        if (at, stop) <= self.said.get(phone, (-1, False)):
            return
        self.said[phone] = at, stop
        if stop:
            self.opt_out(phone, now, min(at, now))
        elif phone in self.since and self.since[phone] < at:
            self.opt_in(phone)

    # Audience

    def filled(self, campaign: Campaign) -> bool:
        """Whether every placeholder has a source, so that rows with a hole can be told."""
        fields = campaign.fields
        if fields.template is None or fields.fills not in ("good", "safe") or campaign.rows is None:
            return False
        content = self.templates[fields.template].content if campaign.frozen is None else campaign.frozen
        return content != EXTRA

    def resolve(self, campaign: Campaign) -> None:
        """Who would get it now (R35 to R38)."""
        holes = self.filled(campaign) and campaign.fields.fills == "good"
        taken: set[int] = set()
        first: dict[int, Row] = {}
        for row in campaign.rows or []:
            contact = row.contact
            row.skip = contact.bad
            if contact.bad is not None or contact.phone is None:
                continue
            if contact.phone in self.out:
                row.skip = "opted_out"
            elif self.countries is not None and HOME not in self.countries:
                row.skip = "country_not_enabled"
            elif holes and not contact.coupon:
                row.skip = "missing_variable"
            # The first valid row of a number wins; without one the first keeps its reason.
            if contact.phone in taken or (row.skip is not None and contact.phone in first):
                row.skip = "duplicate"
            elif row.skip is None:
                taken.add(contact.phone)
                if contact.phone in first:
                    first[contact.phone].skip = "duplicate"
            else:
                first[contact.phone] = row

    def not_selectable(self, chosen: int | None, before: int | None) -> set[str]:
        """R23: what cannot be sent cannot be chosen; what a draft has already stays."""
        if chosen is None or chosen == before:
            return set()
        return set() if self.templates[chosen].status == "APPROVED" else {"template_unavailable"}

    def template(self, campaign: Campaign) -> Template | None:
        chosen = campaign.fields.template
        return None if chosen is None else self.templates[chosen]

    def price(self, campaign: Campaign) -> int:
        """Credits for a campaign's valid rows (R26)."""
        template = self.template(campaign)
        return campaign.valid * (1 if template is None else template.price)

    # Operators

    def missing(self, campaign: Campaign) -> set[str]:
        return {"not_found"} if campaign.deleted else set()

    def from_draft(self, campaign: Campaign, code: str) -> set[str]:
        """Only a Draft may be edited, deleted, scheduled or sent (R3, R4, R9)."""
        return self.missing(campaign) or ({code} if campaign.status != "draft" else set())

    def from_scheduled(self, campaign: Campaign, now: int) -> set[str]:
        """Cancel, back to draft, reschedule: a Scheduled campaign, at least five minutes before its time (R14)."""
        if campaign.deleted:
            return {"not_found"}
        if campaign.status != "scheduled" or campaign.at is None:
            return {"illegal_transition"}
        return {"cancel_locked"} if campaign.at - now < LOCK else set()

    def resume(self, campaign: Campaign) -> set[str]:
        """R45."""
        held = campaign.status == "in_progress" and campaign.held
        return self.missing(campaign) or (set() if held else {"not_held"})

    def problems(self, campaign: Campaign) -> set[str]:
        """What stands before a launch (R22 to R31)."""
        fields, found = campaign.fields, set()
        if not fields.name.strip():
            found.add("name_missing")
        if fields.sender is None:
            found.add("sender_missing")
        elif self.senders[fields.sender] != "CONNECTED":
            found.add("sender_unavailable")
        template = self.template(campaign)
        if template is None:
            found.add("template_missing")
        else:
            if template.status != "APPROVED":
                found.add("template_unavailable")
            if not self.filled(campaign):
                found.add("unmapped_placeholder")
        if campaign.rows is None:
            found.add("audience_missing")
        elif not campaign.valid:
            found.add("no_valid_recipients")
        elif self.price(campaign) > self.free:
            found.add("insufficient_credits")
        return found

    # The start

    def obstacles(self, campaign: Campaign, now: int) -> set[str]:
        """Why a campaign that is due fails instead of starting (R20, R23, R24, R31, R40), but for its credits (R27)."""
        assert campaign.at is not None
        found = set()
        if now - campaign.at > campaign.fields.grace * MINUTE:
            found.add("missed_window")
        template = self.template(campaign)
        assert template is not None and campaign.fields.sender is not None
        if template.status != "APPROVED":
            found.add("template_unavailable")
        elif template.content != campaign.frozen:
            found.add("template_changed")
        if self.senders[campaign.fields.sender] != "CONNECTED":
            found.add("sender_unavailable")
        if not campaign.valid:
            found.add("no_valid_recipients")
        return found


@dataclass(frozen=True)
class Evidence:
    """Everything there is to know of a row of a run."""

    handed: Sequence[HandOver]
    proofs: Sequence[str]
    """The status callbacks that were applied."""
    in_window: bool
    """Whether an intent that names it is open."""
    orphan: bool
    """Whether an intent that named it has lost its process."""
    out: bool
    """Whether its number is, or in this run was, opted out."""
    given_up: bool
    """Whether the run was on hold for 72 hours."""
    tight: bool = False
    """Whether the run fails what the messaging quota has no place for, and there was a quota during it."""
    hand: str | None = None
    """What an operator settled it as, when nobody knew."""


def put_back(handed: Sequence[HandOver]) -> bool:
    """Whether the last answer says that the message was not taken and may be tried again (R43, R44)."""
    told = handed[-1].answer
    if told == NO_ROUTE or told in SLOW_DOWN or told in HOLDING:
        return True
    return told in LATER and tries(handed) < LATER[int(told)]


def tries(handed: Sequence[HandOver]) -> int:
    """Hand-overs that used up the retry budget; being asked to slow down does not, nor what stops a whole run."""
    return sum(one.answer in LATER for one in handed)


def possible(row: Evidence) -> set[tuple[int, int | None]]:
    """The states, with their error codes, that a row of a run may be in (R42 to R46)."""
    if row.proofs or row.hand == "sent":
        return {(SENT, None)}
    if row.hand == "failed":
        return {(FAILED, BY_HAND), *_late(row.handed)}
    found: set[tuple[int, int | None]] = set()
    if row.orphan:
        found.add((UNKNOWN, None))
    if row.in_window:
        found.add((PENDING, None))
    if not row.handed or put_back(row.handed):
        found.add((PENDING, None))
        if row.out:
            found.add((SKIPPED, None))
        if row.given_up:
            found.add((FAILED, NOT_ATTEMPTED))
        if row.tight:
            found.add((FAILED, OVER_QUOTA))
    elif row.handed[-1].answer == ACCEPT:
        found.add((SENT, None))
    elif row.handed[-1].answer == "unknown":
        found.add((UNKNOWN, None))
    elif isinstance(told := row.handed[-1].answer, int):
        found.add((FAILED, told))
    return found


def _late(handed: Sequence[HandOver]) -> set[tuple[int, int | None]]:
    """What the answer of a process that was taken over may say against an operator's word (R42)."""
    if not handed or put_back(handed):
        return set()
    told = handed[-1].answer
    if told == ACCEPT:
        return {(SENT, None)}
    return {(FAILED, told)} if isinstance(told, int) else set()


def delivery(proofs: Sequence[str]) -> int:
    """What callbacks in any order come to: it only moves forward (R46)."""
    return max((DELIVERY[one] for one in proofs), default=0)


def ends(states: Mapping[int, int], codes: Sequence[int]) -> tuple[str, set[str | None]]:
    """Status and root causes of a run that is over, by its rows' states and its failed rows' codes (R5, R6, R40)."""
    if states.get(SENT):
        return "completed", {None}
    if any(code not in NOT_REFUSED for code in codes):
        return "failed", {"all_rejected"}
    if states.get(UNKNOWN) or codes:
        return "failed", {"gateway_unreachable"}
    return "failed", {"no_valid_recipients"}
