"""A run through the nastiest shipped scenario: every recipient ends in a true state, by the simulator's own log."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.gateway.simulator.scenario_file import load
from store.types import Status
from tests import builders
from tests.truth import Story, played, sooner

NASTIEST = load("nastiest")
RECIPIENTS = 10_000
ON_THE_WAY = (
    "reset_before", "http_500", "http_500_taken", "http_502", "http_502_taken", "html_200", "redirect", "lost_answer",
    "half_answer", "late_answer",
)  # fmt: skip


def people(n: int) -> list[tuple[str, str, str]]:
    """So many good contacts, Brazilian and Mexican ones among them, and a few bad ones between them."""
    listed = []
    for i in range(n):
        odd = {7: f"+55119{i + 10**7:08d}", 13: f"+5255{i + 2 * 10**7:08d}"}
        number = odd.get(i % 20, builders.number(i))
        listed.append((f"Customer {i}", number, f"C{i:06d}"))
        if i % 400 == 399:
            listed += [("Twice", number, "C"), ("Nobody", "", "C"), ("Hole", builders.number(n + i), "")]
    return listed


def everything_but_pending(story: Story) -> int:
    assert story.ended is not None
    progress = story.ended.progress
    assert progress.pending == 0
    return progress.sent + progress.failed + progress.unknown


@pytest.mark.timeout(900)
def test_R41_R42_R43_ten_thousand_through_the_nastiest_scenario_end_in_true_states(tmp_path: Path) -> None:
    story = played(tmp_path, NASTIEST, people(RECIPIENTS), seed=1)
    assert story.ended is not None and story.ended.status is Status.COMPLETED
    assert everything_but_pending(story) == RECIPIENTS
    assert story.ended.progress.skipped == 3 * RECIPIENTS // 400
    # It was as nasty as it is said to be.
    counts = story.simulator.counts
    assert [kind for kind in ON_THE_WAY if not counts[kind]] == []
    assert {"131057", "132015", "131048", "130429", "131056", "999997", "999998"} <= set(counts["rejected"])
    assert {"campaign_paused", "number_paused"} <= set(story.holds)
    assert story.ended.progress.unknown and story.ended.progress.failed and story.ended.progress.undelivered
    # What was held back without any news was waited for.
    assert counts["held"] > 100 and story.minutes > 75


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_R43_five_hundred_with_its_troubles_sooner_end_in_true_states(seed: int, tmp_path: Path) -> None:
    story = played(tmp_path, sooner(NASTIEST, 20), people(500), seed=seed)
    assert everything_but_pending(story) == 500
    assert {"campaign_paused", "number_paused"} <= set(story.holds)


def test_the_same_seed_makes_the_same_story(tmp_path: Path) -> None:
    stories = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        stories.append(played(folder, sooner(NASTIEST, 50), people(200), seed=5))
    one, two = stories
    assert one.ended is not None and two.ended is not None
    assert (one.accepted, one.told, one.holds) == (two.accepted, two.told, two.holds)
    assert one.ended.progress == two.ended.progress
