"""What must hold at every instant (DESIGN section 4), each as one named check that answers what is wrong.

Everything is read in one snapshot, so that it is right while a worker sends, and nothing is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from engine import leasing
from store import checks, database, leases, tallies
from store.types import Delivery, RecipientState, Status

if TYPE_CHECKING:
    from store.checks import Group, Run

NOT_STARTED = frozenset((Status.DRAFT, Status.SCHEDULED, Status.CANCELLED))
ENDED = frozenset((Status.COMPLETED, Status.FAILED))
SHOWN = 3
"""Rows that a sentence names."""
REPORT = "Save a copy with `sendoff backup`, and report it with what `sendoff doctor --json` says."
DO_NOT_SEND = f"Do not send from this database until it is understood. {REPORT}"


class Finding(NamedTuple):
    """A broken promise: a code for programs, a sentence, what to do, and what it concerns."""

    code: str
    rule: str
    """The number of the rule in the rule book; empty where it is the protocol's own."""
    text: str
    advice: str
    ids: tuple[int, ...] = ()
    of: Literal["account", "campaign", "test_send"] = "campaign"
    """What the ids are of."""

    def __str__(self) -> str:
        whose = "" if self.of == "account" else f"{self.of.replace('_', ' ')} {', '.join(map(str, self.ids))}: "
        return f"{self.rule + ': ' if self.rule else ''}{whose}{self.text}"


@dataclass(frozen=True)
class Facts:
    """What the checks look at, each part read when it is first asked for, all in one snapshot."""

    ids: Collection[int] = ()
    """Campaigns that are looked at; none is all."""
    now: int | None = None
    """UTC epoch milliseconds; without it nothing is said of what only a living worker's absence explains."""

    @cached_property
    def runs(self) -> list[Run]:
        return checks.runs(self.ids)

    @cached_property
    def groups(self) -> Mapping[int, list[Group]]:
        return checks.groups(self.ids)

    @cached_property
    def tallies(self) -> Mapping[tuple[int, str], dict[str, int]]:
        return checks.tallies(self.ids)

    @cached_property
    def windows(self) -> list[checks.Window]:
        return checks.windows(self.ids)

    @cached_property
    def held(self) -> Mapping[int, set[int]]:
        return checks.held(self.ids)

    @cached_property
    def retries(self) -> Mapping[int, set[int]]:
        return checks.retries(self.ids)

    @cached_property
    def tests(self) -> list[checks.Tested]:
        return checks.tests()

    @cached_property
    def terms(self) -> Mapping[str, checks.Term]:
        return checks.terms()

    def of(self, run: Run) -> list[Group]:
        """A count of a campaign's rows."""
        return self.groups.get(run.id, [])


class Check(NamedTuple):
    """One promise: its code, the rule it belongs to, and what finds where it is broken."""

    code: str
    rule: str
    find: Callable[[Facts], Iterator[tuple[str, tuple[int, ...]]]]
    advice: str = REPORT
    of: Literal["account", "campaign", "test_send"] = "campaign"


def findings(ids: Collection[int] = (), *, now: int | None = None, codes: Collection[str] = ()) -> list[Finding]:
    """Every broken promise of the account and of these campaigns, or all; only those of some codes when given.

    Reads in one snapshot on this thread's connection, and changes nothing. Raises `StoreBusy`, `StoreFailed`.
    """
    with database.snapshot():
        facts = Facts(ids, now)
        return [
            Finding(check.code, check.rule, text, check.advice, concerned, check.of)
            for check in CHECKS
            if not codes or check.code in codes
            for text, concerned in check.find(facts)
        ]


def _some(of: Collection[int]) -> str:
    """The first few of many numbers, in order."""
    named = ", ".join(str(one) for one in islice(sorted(of), SHOWN))
    return named if len(of) <= SHOWN else f"{named} and {len(of) - SHOWN:,} more"


def _count(groups: list[Group], by: str) -> dict[Any, int]:
    counted: Counter[Any] = Counter()
    for group in groups:
        counted[getattr(group, by)] += group.n
    return dict(counted)


def _worth(run: Run, groups: list[Group], *states: RecipientState) -> int:
    other = run.prices.get("", 0)
    return sum(group.n * run.prices.get(group.country or "", other) for group in groups if group.state in states)


# Credits (R29)


def _total(_: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    balance = checks.balance()
    if balance is None:
        return
    topped_up = checks.moved()["top_up"]
    if topped_up != sum(balance) or min(balance) < 0:
        yield f"{topped_up:,} credits were topped up, but {_words(balance)}", ()


def _ledger(_: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    balance, moved = checks.balance(), checks.moved()
    if balance is None:
        return
    sums = (
        moved["top_up"] - moved["reserve"] + moved["release"],
        moved["reserve"] - moved["settle"] - moved["release"],
        moved["settle"],
    )
    if sums != tuple(balance):
        yield f"the ledger's entries come to {_words(sums)}, but {_words(balance)}", ()
    noted = checks.noted_balance()
    if noted is not None and noted != balance:
        yield f"the ledger's newest entry notes {_words(noted)}, but {_words(balance)}", ()


def _words(balance: tuple[int, int, int]) -> str:
    free, reserved, spent = balance
    return f"{free:,} free, {reserved:,} reserved and {spent:,} spent"


def _reserved(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    balance = checks.balance()
    if balance is None:
        return
    waiting = (RecipientState.PENDING, RecipientState.UNKNOWN)
    of_runs, of_tests = checks.held_by_runs(), sum(one.price for one in facts.tests if one.state in waiting)
    if of_runs + of_tests != balance.reserved:
        yield f"{balance.reserved:,} credits are reserved, but runs hold {of_runs:,} and test sends {of_tests:,}", ()


def _run_credits(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What a campaign has reserved is what its pending and unknown rows are worth; once over, its unknown ones."""
    for run in facts.runs:
        counters = run.counters
        if counters is None:
            continue
        groups, began = facts.of(run), run.status not in NOT_STARTED and counters["reserved"] > 0
        still = counters["reserved"] - counters["settled"] - counters["released"]
        states = [RecipientState.UNKNOWN] if run.status in ENDED else [RecipientState.PENDING, RecipientState.UNKNOWN]
        names = " and ".join(state.name.lower() for state in states)
        worth = _worth(run, groups, *states) if began else 0
        if still != worth:
            yield f"{still:,} credits are reserved, but its {names} rows are worth {worth:,}", (run.id,)
        unpaid = facts.tallies.get((run.id, tallies.UNPAID), {}).get(tallies.CREDITS, 0)
        sent = _worth(run, groups, RecipientState.SENT)
        if began and counters["settled"] + unpaid != sent:
            yield (
                f"{counters['settled']:,} credits are settled, but sent rows are worth {sent:,}, {unpaid:,} unpaid",
                (run.id,),
            )


def _run_ledger(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    sums = checks.moved_by(facts.ids)
    for run in facts.runs:
        if run.counters is None:
            continue
        for kind, name in (("reserve", "reserved"), ("settle", "settled"), ("release", "released")):
            moved = sums[run.id][kind] if run.id in sums else 0
            if moved != run.counters[name]:
                yield f"its counters say {run.counters[name]:,} credits {name}, the ledger {moved:,}", (run.id,)


def _test_credits(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each test send was reserved once and ended once, by its outcome (R29, R32)."""
    ends = {RecipientState.SENT: ["settle"], RecipientState.FAILED: ["release"]}
    for one in facts.tests:
        kinds = ["reserve", *ends.get(RecipientState(one.state), [])] if one.price else []
        if list(one.moved) != [(kind, one.price) for kind in kinds]:
            happened = ", ".join(f"{kind} {amount:,}" for kind, amount in one.moved) or "nothing"
            yield f"the ledger moved {happened} for it; {' and '.join(kinds) or 'nothing'} would be right", (one.id,)


def _test_apart(_: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for campaign_id in checks.tests_in_campaigns():
        yield "a test send is counted in its credits", (campaign_id,)


# Counters (R41)


def _counters(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for run in facts.runs:
        if run.counters is None:
            yield "it has no counters", (run.id,)
            continue
        states = _count(facts.of(run), "state")
        delivery = _count(facts.of(run), "delivery")
        expected = {state.name.lower(): states.get(state, 0) for state in RecipientState}
        expected |= {
            "audience": sum(states.values()),
            "read": delivery.get(Delivery.READ, 0),
            "delivered": delivery.get(Delivery.READ, 0) + delivery.get(Delivery.DELIVERED, 0),
            "undelivered": delivery.get(Delivery.UNDELIVERED, 0),
        }
        wrong = [
            f"{name} = {run.counters[name]:,}, the rows {n:,}"
            for name, n in expected.items()
            if run.counters[name] != n
        ]
        if wrong:
            yield f"the counters say {'; '.join(wrong)}", (run.id,)


def _audience(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for run in facts.runs:
        if run.counters is not None:
            parts = sum(run.counters[state.name.lower()] for state in RecipientState)
            if parts != run.counters["audience"]:
                yield f"audience {run.counters['audience']:,}, but its parts come to {parts:,}", (run.id,)


def _deliveries(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for run in facts.runs:
        strays = sum(one.n for one in facts.of(run) if one.delivery and one.state != RecipientState.SENT)
        if strays:
            yield f"{strays:,} of its rows were delivered, or not, without having been sent", (run.id,)


def _skips(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for run in facts.runs:
        holes = sum(one.n for one in facts.of(run) if (one.state == RecipientState.SKIPPED) != (one.skip is not None))
        if holes:
            yield f"{holes:,} of its rows are skipped without a reason, or have one without being skipped", (run.id,)


def _tallies(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for run in facts.runs:
        for kind, expected in _expected_tallies(run, facts.of(run)).items():
            kept = facts.tallies.get((run.id, kind), {})
            if kept != expected:
                yield f"the tally {kind} says {_pairs(kept)}, the rows {_pairs(expected)}", (run.id,)


def _expected_tallies(run: Run, groups: list[Group]) -> dict[str, dict[str, int]]:
    skipped = [one for one in groups if one.skip is not None]
    failed = [one for one in groups if one.state == RecipientState.FAILED]
    undelivered = [one for one in groups if one.delivery == Delivery.UNDELIVERED]
    billed = [one for one in groups if one.delivery >= Delivery.DELIVERED and one.pricing is not None]
    sent = sum(one.n for one in groups if one.state == RecipientState.SENT)
    expected = {
        tallies.SKIP: _count(skipped, "skip"),
        tallies.ERROR: {str(code): n for code, n in _count(failed, "error").items()},
        tallies.UNDELIVERED: {str(code): n for code, n in _count(undelivered, "error").items()},
        tallies.PRICING: _count(billed, "pricing"),
        tallies.SENT_AT: {"": sent} if sent else {},
    }
    if run.status in NOT_STARTED:
        # Afterwards it tells what the run was priced by, which an opt-out during the run does not change.
        valid = [one._replace(country=one.country or "") for one in groups if one.skip is None]
        expected[tallies.COUNTRY] = _count(valid, "country")
    return expected


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{key} {n:,}" if key else f"{n:,}" for key, n in sorted(counts.items())) or "nothing"


# Quota (R30)


def _meter(_: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    meter = checks.meter()
    if meter is not None and meter[1] != meter[2]:
        yield f"the meter of the messaging quota says {meter[1]:,} numbers, a recount {meter[2]:,}", ()


def _noted(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    meter = checks.meter()
    if meter is None:
        return
    for campaign_id, seqs in _by_campaign(checks.taken_not_noted(meter[0])).items():
        yield f"the quota does not count its rows {_some(seqs)}, which were taken", (campaign_id,)
    every = facts if not facts.ids else Facts(now=facts.now)
    going = {window.campaign_id: set[int]() for window in every.windows}
    for window in every.windows:
        going[window.campaign_id] |= set(window.seqs) - every.retries.get(window.campaign_id, set())
    for campaign_id, seqs in _by_campaign(checks.noted_not_taken()).items():
        stray = seqs - going.get(campaign_id, set()) - every.held.get(campaign_id, set())
        if stray:
            yield f"the quota counts its rows {_some(stray)}, neither taken nor on their way", (campaign_id,)


def _by_campaign(rows: list[checks.Row]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for campaign_id, seq in rows:
        found.setdefault(campaign_id, set()).add(seq)
    return found


# Hand-overs (R43)


def _twice(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for campaign_id, phones in checks.twice(facts.ids).items():
        yield f"several of its rows have the same number, {len(phones):,} times", (campaign_id,)


def _lost(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A pending row that was claimed is on its way, waits to be tried again, or is held back."""
    for campaign_id, seqs in checks.claimed(facts.ids).items():
        going = {seq for window in facts.windows if window.campaign_id == campaign_id for seq in window.seqs}
        lost = seqs - going - facts.retries.get(campaign_id, set()) - facts.held.get(campaign_id, set())
        if lost:
            yield f"its rows {_some(lost)} were claimed and wait for nothing: nobody will send them", (campaign_id,)


def _retry(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for campaign_id, seqs in checks.early_retries(facts.ids).items():
        yield f"its rows {_some(seqs)} wait to be tried again, but were never handed over", (campaign_id,)
    for campaign_id, seqs in facts.held.items():
        both = seqs & facts.retries.get(campaign_id, set())
        if both:
            yield f"its rows {_some(both)} were handed over and held back, and wait to be tried again", (campaign_id,)


def _held(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    running = {run.id for run in facts.runs if run.status == Status.IN_PROGRESS}
    for campaign_id, seqs in checks.held_wrongly(facts.ids).items():
        yield f"its rows {_some(seqs)} are noted as held back, but are not pending with a message id", (campaign_id,)
    for campaign_id, seqs in facts.held.items():
        if campaign_id not in running:
            yield f"{len(seqs):,} of its rows are held back, but it is not in progress", (campaign_id,)


def _dead(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    """No intent of a dead owner is open once a living one had time to see it, and none is of an owner yet to come."""
    for window in facts.windows:
        term = None if window.sender_id is None else facts.terms.get(leases.name_of(window.sender_id))
        if term is None or window.fence > term.fence:
            yield f"its open window {window.id} belongs to no lease (fence {window.fence})", (window.campaign_id,)
        elif window.fence < term.fence and _settled_in(term, facts.now):
            yield f"its open window {window.id} belongs to a worker that is gone", (window.campaign_id,)


def _dead_tests(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for one in facts.tests:
        if one.fence is None or one.state != RecipientState.PENDING:
            continue
        term = facts.terms.get(leases.name_of(one.sender_id))
        if term is None or one.fence > term.fence:
            yield f"it is on its way under no lease (fence {one.fence})", (one.id,)
        elif one.fence < term.fence and _settled_in(term, facts.now):
            yield "it is on its way by a worker that is gone", (one.id,)


def _settled_in(term: checks.Term, now: int | None) -> bool:
    """Whether the lease's owner lives, and has had it long enough to clear up behind the one before."""
    return now is not None and bool(term.owner) and term.until >= now and now - term.since > leasing.TTL_MS


# Ends and the audit trail


def _over(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What has ended, or has not begun, has nothing on its way, and is on hold only while it is ahead."""
    still_open = Counter(window.campaign_id for window in facts.windows)
    for run in facts.runs:
        if run.status != Status.IN_PROGRESS and still_open[run.id]:
            yield f"it is {_words_of(run)}, but {still_open[run.id]:,} of its windows are open", (run.id,)
        counters = run.counters or {}
        if run.status in ENDED and counters.get("reserved") and counters["pending"]:
            yield f"it is {_words_of(run)}, but {counters['pending']:,} of its rows are pending", (run.id,)
        if run.hold is not None and run.status not in (Status.IN_PROGRESS, Status.SCHEDULED):
            yield f"it is {_words_of(run)}, but on hold", (run.id,)


def _words_of(run: Run) -> str:
    return run.status.replace("_", " ")


def _cause(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    for run in facts.runs:
        if (run.status == Status.FAILED) != (run.reason is not None):
            yield f"it is {_words_of(run)} with the root cause {run.reason or 'none'}", (run.id,)
        if run.status == Status.COMPLETED and not (run.counters or {}).get("sent"):
            yield "it is completed, but nothing was sent", (run.id,)


def _trail(facts: Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every change of a status is in the audit trail, each from where the one before had led."""
    told: dict[int, str] = {}
    gaps: set[int] = set()
    for campaign_id, before, became in checks.changes(facts.ids):
        if before is not None and before != told.get(campaign_id, Status.DRAFT.value):
            gaps.add(campaign_id)
        told[campaign_id] = became
    for run in facts.runs:
        last = told.get(run.id, Status.DRAFT.value)
        if last != run.status:
            yield f"it is {_words_of(run)}, but by the audit trail {last.replace('_', ' ')}", (run.id,)
        elif run.id in gaps:
            yield "a change of its status is missing in the audit trail", (run.id,)


CHECKS = (
    Check("credits_total", "R29", _total, DO_NOT_SEND, "account"),
    Check("credits_ledger", "R29", _ledger, DO_NOT_SEND, "account"),
    Check("credits_reserved", "R29", _reserved, DO_NOT_SEND, "account"),
    Check("campaign_credits", "R29", _run_credits),
    Check("campaign_ledger", "R29", _run_ledger),
    Check("test_credits", "R29", _test_credits, REPORT, "test_send"),
    Check("test_apart", "R32", _test_apart),
    Check("counters", "R41", _counters),
    Check("audience_sum", "R41", _audience),
    Check("delivery_unsent", "R46", _deliveries),
    Check("skip_reasons", "R35", _skips),
    Check("tallies", "R48", _tallies),
    Check("quota_meter", "R30", _meter, REPORT, "account"),
    Check("quota_noted", "R30", _noted),
    Check("number_twice", "R43", _twice, DO_NOT_SEND),
    Check("rows_lost", "R43", _lost),
    Check("rows_retried", "R43", _retry, DO_NOT_SEND),
    Check("rows_held", "R41", _held),
    Check("windows_dead", "R43", _dead, f"Restart the worker. If it stays: {DO_NOT_SEND}"),
    Check("tests_dead", "R43", _dead_tests, f"Restart the worker. If it stays: {REPORT}", "test_send"),
    Check("ended_open", "R45", _over),
    Check("root_cause", "R6", _cause),
    Check("audit_trail", "R11", _trail),
)
"""Every check, in the order in which it is told of."""
