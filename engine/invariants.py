"""What must hold at every instant (DESIGN section 4), each as one named check that answers what is wrong.

Everything is read in one snapshot, so that it is right while a worker sends, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from engine import invariant_counts as counts
from engine import invariant_credits as credits
from engine import invariant_rows as rows
from engine.invariant_facts import Facts, Found
from store import database

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


class Check(NamedTuple):
    """One promise: its code, the rule it belongs to, and what finds where it is broken."""

    code: str
    rule: str
    find: Callable[[Facts], Found]
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


CHECKS = (
    Check("credits_total", "R29", credits.total, DO_NOT_SEND, "account"),
    Check("credits_ledger", "R29", credits.ledger, DO_NOT_SEND, "account"),
    Check("credits_reserved", "R29", credits.reserved, DO_NOT_SEND, "account"),
    Check("campaign_credits", "R29", credits.run_credits),
    Check("campaign_ledger", "R29", credits.run_ledger),
    Check("test_credits", "R29", credits.test_credits, REPORT, "test_send"),
    Check("test_apart", "R32", credits.test_apart),
    Check("counters", "R41", counts.counters),
    Check("audience_sum", "R41", counts.audience),
    Check("delivery_unsent", "R46", counts.deliveries),
    Check("skip_reasons", "R35", counts.skips),
    Check("tallies", "R48", counts.tallied),
    Check("quota_meter", "R30", counts.meter, REPORT, "account"),
    Check("quota_noted", "R30", counts.noted),
    Check("number_twice", "R43", rows.twice, DO_NOT_SEND),
    Check("rows_lost", "R43", rows.lost),
    Check("rows_retried", "R43", rows.retry, DO_NOT_SEND),
    Check("rows_held", "R41", rows.held),
    Check("windows_dead", "R43", rows.dead, f"Restart the worker. If it stays: {DO_NOT_SEND}"),
    Check("tests_dead", "R43", rows.dead_tests, f"Restart the worker. If it stays: {REPORT}", "test_send"),
    Check("ended_open", "R45", rows.over),
    Check("root_cause", "R6", rows.cause),
    Check("audit_trail", "R11", rows.trail),
)
"""Every check, in the order in which it is told of."""
