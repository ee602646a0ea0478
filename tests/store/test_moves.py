"""What one transaction moves beside the rows."""

from __future__ import annotations

import pytest

from store import campaigns, database, ledger, moves, recipients, tallies
from store.errors import Missing
from store.types import RecipientState, SkipReason
from tests.clock import START
from tests.store.invariants import violations
from tests.store.scene import PRICES, Scene, contacts


@pytest.mark.parametrize(("country", "price"), [("IN", 1), ("US", 3), ("DE", 2), ("", 2), (None, 2)])
def test_R26_a_country_without_a_price_of_its_own_has_that_of_all_others(country: str | None, price: int) -> None:
    assert moves.price_of(PRICES, country) == price


def test_without_any_price_nothing_is_charged() -> None:
    assert moves.price_of({}, "IN") == 0


def test_counters_tallies_and_credits_move_together(scene: Scene) -> None:
    campaign_id = scene.running(contacts(6))
    before = campaigns.progress(campaign_id)
    moved = moves.Moves(settled=4, released=3)
    moved.counters.update(pending=-3, sent=2, failed=1)
    moved.errors["131026"] += 1
    moved.skips["blank"] += 2
    with database.transaction():
        moved.apply(campaign_id, START)
    after = campaigns.progress(campaign_id)
    assert (after.pending, after.sent, after.failed) == (3, 2, 1)
    assert (after.settled, after.released, after.version) == (4, 3, before.version + 1)
    assert tallies.of(campaign_id, tallies.ERROR) == {"131026": 1}
    assert tallies.of(campaign_id, tallies.SKIP) == {"blank": 2}
    assert [entry.amount for entry in ledger.entries(campaign_id)] == [12, 4, 3]


def test_the_invariants_see_counters_that_moved_without_their_rows(scene: Scene) -> None:
    campaign_id = scene.running(contacts(6))
    moved = moves.Moves(settled=4)
    moved.counters.update(pending=-2, sent=1)
    with database.transaction():
        moved.apply(campaign_id, START)
    found = "\n".join(violations(campaign_id))
    for text in ("sent = 1, the rows 0", "audience 6, but its parts come to 5", "worth 12", "settled, but sent rows"):
        assert text in found


def test_a_row_is_skipped_only_from_the_state_it_is_thought_to_be_in(scene: Scene) -> None:
    audience_id = recipients.audience_of(scene.draft(contacts(1)))
    assert moves.skip_row(audience_id, 1, SkipReason.OPTED_OUT, RecipientState.UNKNOWN) == 0
    assert moves.skip_row(audience_id, 1, SkipReason.OPTED_OUT, RecipientState.PENDING) == 1
    assert moves.skip_row(audience_id, 1, SkipReason.OPTED_OUT, RecipientState.PENDING) == 0


def test_a_campaign_without_an_audience_has_no_prices_to_ask_for(scene: Scene) -> None:
    with pytest.raises(Missing):
        moves.audience_and_prices(scene.draft())
