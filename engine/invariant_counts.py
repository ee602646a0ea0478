"""That what is counted is what the rows say: counters, tallies, the messaging quota."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.invariant_facts import NOT_STARTED, Facts, Found, count, some
from store import checks, tallies
from store.types import Delivery, RecipientState

if TYPE_CHECKING:
    from store.checks import Group, Run


# Counters (R41)


def counters(facts: Facts) -> Found:
    """The counters of a run are a count of its rows."""
    for run in facts.runs:
        if run.counters is None:
            yield "it has no counters", (run.id,)
            continue
        states = count(facts.of(run), "state")
        delivery = count(facts.of(run), "delivery")
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


def audience(facts: Facts) -> Found:
    """Every row of an audience is in one state."""
    for run in facts.runs:
        if run.counters is not None:
            parts = sum(run.counters[state.name.lower()] for state in RecipientState)
            if parts != run.counters["audience"]:
                yield f"audience {run.counters['audience']:,}, but its parts come to {parts:,}", (run.id,)


def deliveries(facts: Facts) -> Found:
    """Only what was sent can be delivered or read."""
    for run in facts.runs:
        strays = sum(one.n for one in facts.of(run) if one.delivery and one.state != RecipientState.SENT)
        if strays:
            yield f"{strays:,} of its rows were delivered, or not, without having been sent", (run.id,)


def skips(facts: Facts) -> Found:
    """A row is skipped exactly when it has a reason."""
    for run in facts.runs:
        holes = sum(one.n for one in facts.of(run) if (one.state == RecipientState.SKIPPED) != (one.skip is not None))
        if holes:
            yield f"{holes:,} of its rows are skipped without a reason, or have one without being skipped", (run.id,)


def tallied(facts: Facts) -> Found:
    """What is kept by country, reason and code is a count of the rows."""
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
        tallies.SKIP: count(skipped, "skip"),
        tallies.ERROR: {str(code): n for code, n in count(failed, "error").items()},
        tallies.UNDELIVERED: {str(code): n for code, n in count(undelivered, "error").items()},
        tallies.PRICING: count(billed, "pricing"),
        tallies.SENT_AT: {"": sent} if sent else {},
    }
    if run.status in NOT_STARTED:
        # Afterwards it tells what the run was priced by, which an opt-out during the run does not change.
        valid = [one._replace(country=one.country or "") for one in groups if one.skip is None]
        expected[tallies.COUNTRY] = count(valid, "country")
    return expected


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{key} {n:,}" if key else f"{n:,}" for key, n in sorted(counts.items())) or "nothing"


# Quota (R30)


def meter(_: Facts) -> Found:
    """The meter of the messaging quota is a count of the numbers it counts."""
    meter = checks.meter()
    if meter is not None and meter[1] != meter[2]:
        yield f"the meter of the messaging quota says {meter[1]:,} numbers, a recount {meter[2]:,}", ()


def noted(facts: Facts) -> Found:
    """The quota counts what was taken, and what is on its way, and nothing else."""
    meter = checks.meter()
    if meter is None:
        return
    for campaign_id, seqs in _by_campaign(checks.taken_not_noted(meter[0])).items():
        yield f"the quota does not count its rows {some(seqs)}, which were taken", (campaign_id,)
    every = facts if not facts.ids else Facts(now=facts.now)
    going = {window.campaign_id: set[int]() for window in every.windows}
    for window in every.windows:
        going[window.campaign_id] |= set(window.seqs) - every.retries.get(window.campaign_id, set())
    for campaign_id, seqs in _by_campaign(checks.noted_not_taken()).items():
        stray = seqs - going.get(campaign_id, set()) - every.held.get(campaign_id, set())
        if stray:
            yield f"the quota counts its rows {some(stray)}, neither taken nor on their way", (campaign_id,)


def _by_campaign(rows: list[checks.Row]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for campaign_id, seq in rows:
        found.setdefault(campaign_id, set()).add(seq)
    return found
