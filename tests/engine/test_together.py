"""What sending several drafts one after the other would come to."""

from __future__ import annotations

from pathlib import Path

from engine import together
from engine.clock import HOUR
from engine.commands import drafts
from store import campaigns, ledger
from store.types import Balance, DraftFields, Status
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import schedule_in


def test_R54_those_that_may_go_are_summed_and_the_others_say_why_not(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    one, two = builders.draft(clock, tmp_path, 4), builders.draft(clock, tmp_path, 8)
    bare = drafts.create(builders.context(clock), DraftFields("Half done"))
    scheduled = schedule_in(clock, tmp_path, ahead_ms=HOUR)
    found = together.outlook([one, bare, 77, scheduled, two], START)
    assert (found.people, found.price) == (12, 12)
    assert {campaign_id: error.code for campaign_id, error in found.why_not.items()} == {
        bare: found.why_not[bare].code,
        77: "not_found",
        scheduled: "illegal_transition",
    }
    assert found.why_not[bare].message.startswith("It cannot go yet: ")


def test_R28_the_free_credits_are_counted_down_and_nothing_is_reserved(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, credits=10)
    six, seven, four = (builders.draft(clock, tmp_path, n) for n in (6, 7, 4))
    found = together.outlook([six, seven, four], START)
    assert (found.people, found.price) == (10, 10)
    assert found.why_not[seven].message == "Behind the others 3 credits would be missing."
    assert found.why_not[seven].code == "insufficient_credits"
    assert ledger.balance() == Balance(10, 0, 0)
    assert {campaigns.get(one).status for one in (six, seven, four)} == {Status.DRAFT}
