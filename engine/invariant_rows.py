"""That every row is on its way at most once, and none is left behind; that what ended is over, and is told of."""

from __future__ import annotations

from collections import Counter

from engine import leasing
from engine.invariant_facts import ENDED, Facts, Found, some, words_of
from store import checks, leases, tallies
from store.types import RecipientState, Status

# Hand-overs (R43)


def twice(facts: Facts) -> Found:
    """A number is in a run once."""
    for campaign_id, phones in checks.twice(facts.ids).items():
        yield f"several of its rows have the same number, {len(phones):,} times", (campaign_id,)


def lost(facts: Facts) -> Found:
    """A pending row that was claimed is on its way, waits to be tried again, or is held back."""
    for campaign_id, seqs in checks.claimed(facts.ids).items():
        going = {seq for window in facts.windows if window.campaign_id == campaign_id for seq in window.seqs}
        lost = seqs - going - facts.retries.get(campaign_id, set()) - facts.held.get(campaign_id, set())
        if lost:
            yield f"its rows {some(lost)} were claimed and wait for nothing: nobody will send them", (campaign_id,)


def retry(facts: Facts) -> Found:
    """Only what was handed over waits to be tried again."""
    for campaign_id, seqs in checks.early_retries(facts.ids).items():
        yield f"its rows {some(seqs)} wait to be tried again, but were never handed over", (campaign_id,)
    for campaign_id, seqs in facts.held.items():
        both = seqs & facts.retries.get(campaign_id, set())
        if both:
            yield f"its rows {some(both)} were handed over and held back, and wait to be tried again", (campaign_id,)


def held(facts: Facts) -> Found:
    """What is held back is a pending row of a run, with a message id."""
    running = {run.id for run in facts.runs if run.status == Status.IN_PROGRESS}
    for campaign_id, seqs in checks.held_wrongly(facts.ids).items():
        yield f"its rows {some(seqs)} are noted as held back, but are not pending with a message id", (campaign_id,)
    for campaign_id, seqs in facts.held.items():
        if campaign_id not in running:
            yield f"{len(seqs):,} of its rows are held back, but it is not in progress", (campaign_id,)


def dead(facts: Facts) -> Found:
    """No intent of a dead owner is open once a living one had time to see it, and none is of an owner yet to come."""
    for window in facts.windows:
        term = None if window.sender_id is None else facts.terms.get(leases.name_of(window.sender_id))
        if term is None or window.fence > term.fence:
            yield f"its open window {window.id} belongs to no lease (fence {window.fence})", (window.campaign_id,)
        elif window.fence < term.fence and _settled_in(term, facts.now):
            yield f"its open window {window.id} belongs to a worker that is gone", (window.campaign_id,)


def dead_tests(facts: Facts) -> Found:
    """The same of test sends."""
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


def over(facts: Facts) -> Found:
    """What has ended, or has not begun, has nothing on its way, and is on hold only while it is ahead."""
    still_open = Counter(window.campaign_id for window in facts.windows)
    for run in facts.runs:
        if run.status != Status.IN_PROGRESS and still_open[run.id]:
            yield f"it is {words_of(run)}, but {still_open[run.id]:,} of its windows are open", (run.id,)
        counters = run.counters or {}
        if run.status in ENDED and counters.get("reserved") and counters["pending"]:
            yield f"it is {words_of(run)}, but {counters['pending']:,} of its rows are pending", (run.id,)
        if run.hold is not None and run.status not in (Status.IN_PROGRESS, Status.SCHEDULED):
            yield f"it is {words_of(run)}, but on hold", (run.id,)


def cause(facts: Facts) -> Found:
    """A failed campaign has its root cause, and nothing was completed without a message, but by an operator's word."""
    for run in facts.runs:
        if (run.status == Status.FAILED) != (run.reason is not None):
            yield f"it is {words_of(run)} with the root cause {run.reason or 'none'}", (run.id,)
        overruled = facts.tallies.get((run.id, tallies.REFUNDED), {}).get(tallies.ROWS, 0)
        if run.status == Status.COMPLETED and not (run.counters or {}).get("sent") and not overruled:
            yield "it is completed, but nothing was sent", (run.id,)


def trail(facts: Facts) -> Found:
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
            yield f"it is {words_of(run)}, but by the audit trail {last.replace('_', ' ')}", (run.id,)
        elif run.id in gaps:
            yield "a change of its status is missing in the audit trail", (run.id,)
