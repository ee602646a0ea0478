"""What the checks of the store's promises look at, read in one snapshot, and the words they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from store import checks, credit_checks
from store.types import RecipientState, Status

if TYPE_CHECKING:
    from store.checks import Group, Run

Found: TypeAlias = "Iterator[tuple[str, tuple[int, ...]]]"
"""What is wrong in a sentence, and the ids of what it concerns."""
NOT_STARTED = frozenset((Status.DRAFT, Status.SCHEDULED, Status.CANCELLED))
ENDED = frozenset((Status.COMPLETED, Status.FAILED))
SHOWN = 3
"""Rows that a sentence names."""


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
    def tests(self) -> list[credit_checks.Tested]:
        return credit_checks.tests()

    @cached_property
    def terms(self) -> Mapping[str, checks.Term]:
        return checks.terms()

    def of(self, run: Run) -> list[Group]:
        """A count of a campaign's rows."""
        return self.groups.get(run.id, [])


def some(of: Collection[int]) -> str:
    """The first few of many numbers, in order."""
    named = ", ".join(str(one) for one in islice(sorted(of), SHOWN))
    return named if len(of) <= SHOWN else f"{named} and {len(of) - SHOWN:,} more"


def count(groups: list[Group], by: str) -> dict[Any, int]:
    counted: Counter[Any] = Counter()
    for group in groups:
        counted[getattr(group, by)] += group.n
    return dict(counted)


def worth(run: Run, groups: list[Group], *states: RecipientState) -> int:
    other = run.prices.get("", 0)
    return sum(group.n * run.prices.get(group.country or "", other) for group in groups if group.state in states)


def words_of(run: Run) -> str:
    return run.status.replace("_", " ")
