"""Running the machine: so many examples from one seed, and what they must have come across."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import ClassVar

import hypothesis
from hypothesis import HealthCheck
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import Engine, prepare

STEPS = 50
ROUNDS = 10
SEEDS_APART = 1000

COMMON = (
    "campaign.cancel", "campaign.cancel refused: cancel_locked", "campaign.cancel refused: illegal_transition",
    "campaign.completed None", "campaign.delete", "campaign.delete refused: not_editable", "campaign.duplicate",
    "campaign.edit", "campaign.edit refused: changed_meanwhile", "campaign.edit refused: not_editable",
    "campaign.failed all_rejected", "campaign.failed missed_window",
    "campaign.import", "campaign.import refused: changed_meanwhile", "campaign.recovered None", "campaign.reopen",
    "campaign.reopen refused: cancel_locked", "campaign.reschedule", "campaign.resume",
    "campaign.resume refused: not_held", "campaign.schedule", "campaign.schedule refused: insufficient_credits",
    "campaign.schedule refused: no_valid_recipients",
    "campaign.send", "campaign.send refused: illegal_transition",
    "campaign.start None", "credits.add", "campaign.settle", "campaign.settle refused: not_unknown",
    "campaign.hold quota_reached", "campaign.test_send", "a STOP reply", "a START reply",
    # Rows: pending to sent, failed, unknown and skipped, and unknown settled by a callback.
    "row 0 to 1 None 0", "row 0 to 2 131026 0", "row 0 to 3 None 0", "row 0 to 4 None 0",
    # Failed at the quota; unknown settled by hand, and an operator's word overruled by evidence.
    "row 0 to 2 -2 0", "row 3 to 1 None 0",
)  # fmt: skip
"""What a few hundred examples come across many times; a machine that does not has gone hollow."""


def run(
    folder: Path, examples: int, seed: int, *, shrink: bool = True, told: Callable[[int], None] = lambda n: None
) -> Counter[str]:
    """Run examples over databases in `folder` and answer what they came across; fails with the shortest way there.

    Without `shrink` it fails with the first way that was found: finding a shorter one takes minutes. `told` hears how
    many have begun, with each.
    """
    begun = count(1)

    class Here(Engine):
        prepared = prepare(folder)
        met: ClassVar[Counter[str]] = Counter()

        def __init__(self) -> None:
            told(next(begun))
            super().__init__()

    settings = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        # The seed decides, not the name of the test.
        derandomize=False,
        database=None,
        phases=tuple(hypothesis.Phase) if shrink else (hypothesis.Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    # Processes that were killed complain when they are cleared away.
    logging.disable(logging.CRITICAL)
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(Here), settings=settings)
    finally:
        logging.disable(logging.NOTSET)
    return Here.met


def cover(folder: Path, examples: int, seed: int) -> list[str]:
    """Run examples, and more while something common was not come across; answers what still was not.

    A seed alone does not decide what Hypothesis draws: it also draws constants of the modules that happen to be
    imported, and those differ with the tests that ran before. So a single run may miss something by chance, a hollow
    machine misses it in every one. What is left out by chance mostly comes soon, so later runs are short.
    """
    met: Counter[str] = Counter()
    for nth in range(ROUNDS):
        here = folder / str(nth)
        here.mkdir()
        met += run(here, examples if nth == 0 else examples // 4, seed + nth * SEEDS_APART)
        if not hollow(met):
            break
    return hollow(met)


def hollow(met: Counter[str]) -> list[str]:
    """What should have been come across and was not."""
    return [one for one in COMMON if not met[one]]
