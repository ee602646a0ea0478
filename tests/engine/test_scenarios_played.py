"""Every shipped scenario sends fifty messages to the end, or to the hold that it promises (README, "Simulator")."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from engine.gateway.simulator.scenario_file import load, shipped
from store.types import Status
from tests.truth import played, sooner

PEOPLE = 50
HOUR_S = 3_600.0


class Promise(NamedTuple):
    """What is met on the way when what the scenario counts comes so many times sooner, and the hold it ends in."""

    sooner: int
    met: tuple[str, ...]
    """Reasons of holds for which a person was needed, and codes of answers and of rows."""
    hold: str | None = None
    resumes: int = 9
    """How often a person lets it go on, each time after an hour."""


PROMISES = {
    "account-troubles": Promise(40, ("131057", "131048", "number_paused")),
    "dropped": Promise(20, ("132015",)),
    "friendly": Promise(1, ()),
    "held": Promise(20, ()),
    "nastiest": Promise(200, ("131057", "132015", "131048", "campaign_paused", "number_paused")),
    "perfect": Promise(1, ()),
    "quality-pause": Promise(20, ("132015", "132016", "campaign_paused"), "campaign_paused", 10),
    "rough": Promise(1, ()),
    "silent": Promise(1, ()),
    "slow": Promise(1, ()),
    "storm": Promise(1, ()),
    "throttled": Promise(50, ("131048", "number_paused"), "number_paused", 1),
    "token-expires": Promise(20, ("190", "not_authorised")),
}


def test_every_shipped_scenario_is_played() -> None:
    assert PROMISES.keys() == set(shipped())


@pytest.mark.parametrize("name", shipped())
def test_as_it_ships_fifty_messages_come_to_their_end(name: str, tmp_path: Path) -> None:
    story = played(tmp_path, load(name), PEOPLE, seed=1)
    assert story.ended is not None and story.ended.status is Status.COMPLETED
    assert story.ended.progress.sent >= PEOPLE * 0.8


@pytest.mark.parametrize("name", [name for name, promise in PROMISES.items() if promise.sooner > 1])
def test_what_it_counts_to_is_met_and_ends_as_promised(name: str, tmp_path: Path) -> None:
    promise = PROMISES[name]
    story = played(
        tmp_path, sooner(load(name), promise.sooner), PEOPLE, seed=1, thinks_s=HOUR_S, resumes=promise.resumes
    )
    assert story.ended is not None
    assert set(promise.met) <= {*story.holds, *story.simulator.counts["rejected"], *map(str, story.errors)}
    if promise.hold is None:
        assert (story.ended.status, story.ended.hold) == (Status.COMPLETED, None)
    else:
        assert story.ended.status is Status.IN_PROGRESS and story.ended.hold is not None
        assert story.ended.hold.reason == promise.hold
        # What had its turn is known, and the rest waits.
        assert story.ended.progress.sent and story.ended.progress.pending
