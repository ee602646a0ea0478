"""Counts that reports show."""

from __future__ import annotations

from collections import Counter

from store import tallies
from tests.store.scene import Scene


def test_counts_add_up_and_come_largest_first(scene: Scene) -> None:
    campaign_id = scene.draft()
    tallies.add(campaign_id, tallies.ERROR, {"131026": 2, "131049": 3, "1": 0})
    tallies.add(campaign_id, tallies.ERROR, Counter({"131026": 4}))
    assert list(tallies.of(campaign_id, tallies.ERROR).items()) == [("131026", 6), ("131049", 3)]


def test_what_came_to_nothing_is_left_out(scene: Scene) -> None:
    campaign_id = scene.draft()
    tallies.add(campaign_id, tallies.UNDELIVERED, {"131026": 1})
    tallies.add(campaign_id, tallies.UNDELIVERED, {"131026": -1})
    assert tallies.of(campaign_id, tallies.UNDELIVERED) == {}


def test_kinds_and_campaigns_are_apart(scene: Scene) -> None:
    first, second = scene.draft(), scene.draft()
    tallies.add(first, tallies.SKIP, {"blank": 1})
    tallies.add(first, tallies.COUNTRY, {"blank": 2})
    tallies.add(second, tallies.SKIP, {"blank": 3})
    tallies.replace(first, tallies.SKIP, {"duplicate": 4})
    assert tallies.of(first, tallies.SKIP) == {"duplicate": 4}
    assert tallies.of(first, tallies.COUNTRY) == {"blank": 2}
    assert tallies.of(second, tallies.SKIP) == {"blank": 3}
