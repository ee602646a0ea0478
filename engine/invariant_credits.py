"""That credits add up: the account's, each run's and each test send's (R29)."""

from __future__ import annotations

from engine.invariant_facts import ENDED, NOT_STARTED, Facts, Found, worth
from store import credit_checks, tallies
from store.types import RecipientState


def total(_: Facts) -> Found:
    """What was topped up is free, reserved or spent, and none of these is below nothing."""
    balance = credit_checks.balance()
    if balance is None:
        return
    topped_up = credit_checks.moved()["top_up"]
    if topped_up != sum(balance) or min(balance) < 0:
        yield f"{topped_up:,} credits were topped up, but {_words(balance)}", ()


def ledger(_: Facts) -> Found:
    """The balance is the sum of the ledger."""
    balance, moved = credit_checks.balance(), credit_checks.moved()
    if balance is None:
        return
    sums = (
        moved["top_up"] - moved["reserve"] + moved["release"],
        moved["reserve"] - moved["settle"] - moved["release"],
        moved["settle"],
    )
    if sums != tuple(balance):
        yield f"the ledger's entries come to {_words(sums)}, but {_words(balance)}", ()
    noted = credit_checks.noted_balance()
    if noted is not None and noted != balance:
        yield f"the ledger's newest entry notes {_words(noted)}, but {_words(balance)}", ()


def _words(balance: tuple[int, int, int]) -> str:
    free, reserved, spent = balance
    return f"{free:,} free, {reserved:,} reserved and {spent:,} spent"


def reserved(facts: Facts) -> Found:
    """What is reserved is what runs and test sends have reserved."""
    balance = credit_checks.balance()
    if balance is None:
        return
    waiting = (RecipientState.PENDING, RecipientState.UNKNOWN)
    of_runs, of_tests = credit_checks.held_by_runs(), sum(one.price for one in facts.tests if one.state in waiting)
    if of_runs + of_tests != balance.reserved:
        yield f"{balance.reserved:,} credits are reserved, but runs hold {of_runs:,} and test sends {of_tests:,}", ()


def run_credits(facts: Facts) -> Found:
    """What a campaign has reserved is what its pending and unknown rows are worth; once over, its unknown ones."""
    for run in facts.runs:
        counters = run.counters
        if counters is None:
            continue
        groups, began = facts.of(run), run.status not in NOT_STARTED and counters["reserved"] > 0
        still = counters["reserved"] - counters["settled"] - counters["released"]
        states = [RecipientState.UNKNOWN] if run.status in ENDED else [RecipientState.PENDING, RecipientState.UNKNOWN]
        names = " and ".join(state.name.lower() for state in states)
        due = worth(run, groups, *states) if began else 0
        if still != due:
            yield f"{still:,} credits are reserved, but its {names} rows are worth {due:,}", (run.id,)
        unpaid = facts.tallies.get((run.id, tallies.UNPAID), {}).get(tallies.CREDITS, 0)
        refunded = facts.tallies.get((run.id, tallies.REFUNDED), {}).get(tallies.CREDITS, 0)
        sent = worth(run, groups, RecipientState.SENT)
        if began and counters["settled"] + unpaid - refunded != sent:
            back = f", {refunded:,} given back" if refunded else ""
            yield (
                f"{counters['settled']:,} credits are settled{back}, but sent rows are worth {sent:,}, "
                f"{unpaid:,} unpaid",
                (run.id,),
            )


def run_ledger(facts: Facts) -> Found:
    """What a run reserved, spent and released stands in the ledger."""
    sums = credit_checks.moved_by(facts.ids)
    for run in facts.runs:
        if run.counters is None:
            continue
        for kind, name in (("reserve", "reserved"), ("settle", "settled"), ("release", "released")):
            moved = sums[run.id][kind] if run.id in sums else 0
            if moved != run.counters[name]:
                yield f"its counters say {run.counters[name]:,} credits {name}, the ledger {moved:,}", (run.id,)


def test_credits(facts: Facts) -> Found:
    """Each test send was reserved once and ended once, by its outcome (R29, R32)."""
    ends = {RecipientState.SENT: ["settle"], RecipientState.FAILED: ["release"]}
    for one in facts.tests:
        kinds = ["reserve", *ends.get(RecipientState(one.state), [])] if one.price else []
        if list(one.moved) != [(kind, one.price) for kind in kinds]:
            happened = ", ".join(f"{kind} {amount:,}" for kind, amount in one.moved) or "nothing"
            yield f"the ledger moved {happened} for it; {' and '.join(kinds) or 'nothing'} would be right", (one.id,)


def test_apart(_: Facts) -> Found:
    """A test send is no row of a campaign."""
    for campaign_id in credit_checks.tests_in_campaigns():
        yield "a test send is counted in its credits", (campaign_id,)
