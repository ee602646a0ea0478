"""Starting what is due: check 2, reservation and the change of status in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import root_causes, starting
from engine.clock import HOUR, MINUTE
from engine.commands import drafts, duplicating, launch, setup
from engine.schedule import PROMPT
from store import account, campaigns, database, ledger, optouts, transitions
from store.types import Balance, Campaign, DraftFields, Fill, RecipientState, RootCause, SkipReason, Status
from tests import builders
from tests.clock import FakeClock
from tests.sending import actions, events, rows, schedule_in
from tests.store.invariants import check_invariants

CREDITS = 1_000_000


def due(clock: FakeClock, folder: Path, audience: int = 3) -> int:
    """A campaign whose time has come this very moment."""
    campaign_id = schedule_in(clock, folder, audience)
    clock.advance(HOUR)
    return campaign_id


def start(clock: FakeClock, campaign_id: int) -> tuple[RootCause | None, Campaign]:
    cause = starting.start_due(clock, campaign_id)
    return cause, campaigns.get(campaign_id)


def fails(clock: FakeClock, campaign_id: int, cause: RootCause) -> Campaign:
    """It fails with this root cause, in words, without a message or a credit."""
    found, campaign = start(clock, campaign_id)
    assert (found, campaign.status, campaign.status_reason) == (cause, Status.FAILED, cause.value)
    assert campaign.finished_at == clock.now() and campaign.started_at is None
    assert campaign.progress.sent == campaign.progress.reserved == 0
    assert ledger.balance().reserved == 0
    assert root_causes.text(cause, campaign.status_detail) and root_causes.advice(cause, campaign.status_detail)
    last = events(campaign_id)[-1]
    assert (last.action, last.after["reason"], last.actor) == ("campaign.failed", cause.value, "worker")
    check_invariants()
    return campaign


def test_R27_a_start_reserves_the_whole_price_and_freezes_the_prices(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = due(clock, tmp_path, 4)
    cause, campaign = start(clock, campaign_id)
    assert (cause, campaign.status, campaign.started_at) == (None, Status.IN_PROGRESS, clock.now())
    assert (campaign.price, campaign.prices, campaign.progress.reserved) == (4, {"": 1}, 4)
    assert ledger.balance() == Balance(CREDITS - 4, 4, 0)
    last = events(campaign_id)[-1]
    assert (last.action, last.before) == ("campaign.start", {"status": "scheduled"})
    assert last.after == {"status": "in_progress", "price": 4, "recipients": 4}
    check_invariants()


def test_R27_it_starts_once(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = due(clock, tmp_path)
    start(clock, campaign_id)
    assert start(clock, campaign_id)[0] is None
    assert [entry.kind.value for entry in ledger.entries(campaign_id)] == ["reserve"]
    assert actions(campaign_id).count("campaign.start") == 1


@pytest.mark.parametrize("early", [1, 5 * MINUTE])
def test_R12_nothing_starts_before_its_time(early: int, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = schedule_in(clock, tmp_path)
    clock.advance(HOUR - early)
    assert start(clock, campaign_id) == (None, campaigns.get(campaign_id))
    assert campaigns.get(campaign_id).status is Status.SCHEDULED


def test_R23_R20_nothing_fails_before_its_time_for_what_may_be_put_right_until_then(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path)
    clock.advance(HOUR - 1)
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, status="PAUSED"))
    cause, campaign = start(clock, campaign_id)
    assert (cause, campaign.status) == (None, Status.SCHEDULED)


def test_R2_R19_a_draft_and_a_cancelled_campaign_do_not_start(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    cancelled, draft = schedule_in(clock, tmp_path), builders.draft(clock, tmp_path)
    launch.cancel(context, cancelled)
    clock.advance(2 * HOUR)
    for campaign_id, status in ((cancelled, Status.CANCELLED), (draft, Status.DRAFT)):
        assert start(clock, campaign_id)[1].status is status
    assert ledger.balance() == Balance(CREDITS, 0, 0)


def test_R9_a_campaign_that_is_cancelled_in_the_last_moment_takes_no_credit(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = due(clock, tmp_path)
    # On a server several transactions run at once, and the compare-and-set is what decides.
    monkeypatch.setattr(transitions, "start", lambda *args, **more: False)
    assert start(clock, campaign_id)[0] is None
    assert ledger.balance() == Balance(CREDITS, 0, 0)
    assert "campaign.start" not in actions(campaign_id)


@pytest.mark.parametrize("late", [0, PROMPT, 59 * MINUTE, 60 * MINUTE])
def test_R20_late_within_its_grace_it_runs(late: int, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = due(clock, tmp_path)
    clock.advance(late)
    assert start(clock, campaign_id)[1].status is Status.IN_PROGRESS


@pytest.mark.parametrize("late", [60 * MINUTE + 1, 24 * HOUR])
def test_R20_R40_beyond_its_grace_it_has_missed_its_window(
    late: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = due(clock, tmp_path)
    clock.advance(late)
    campaign = fails(clock, campaign_id, RootCause.MISSED_WINDOW)
    assert campaign.status_detail == {"late_ms": late, "grace_minutes": 60}


def test_R20_the_grace_is_the_campaigns_own(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    found = campaigns.get(campaign_id)
    fields = DraftFields(found.name, found.sender_id, found.template_id, found.fills, grace=5)
    drafts.edit(context, campaign_id, found.version, fields)
    launch.schedule_at(context, campaign_id, "in 60 min")
    clock.advance(HOUR + 5 * MINUTE + 1)
    fails(clock, campaign_id, RootCause.MISSED_WINDOW)


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "PAUSED", "DISABLED"])
def test_R23_R40_a_template_that_is_no_longer_approved_fails_it_naming_the_state(
    status: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = due(clock, tmp_path)
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, status=status))
    campaign = fails(clock, campaign_id, RootCause.TEMPLATE_UNAVAILABLE)
    assert campaign.status_detail == {"template": "greeting:en_US", "state": status}


def test_R23_R40_a_template_that_is_gone_fails_it_naming_which(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = due(clock, tmp_path)
    database.execute("DELETE FROM template")
    campaign = fails(clock, campaign_id, RootCause.TEMPLATE_UNAVAILABLE)
    assert campaign.status_detail == {"template": "greeting:en_US", "state": "DELETED"}


@pytest.mark.parametrize(
    "changes",
    [
        {"components": [{"type": "BODY", "text": "Bye {{1}}, your coupon is {{2}}."}]},
        {"components": [*builders.GREETING["components"], {"type": "CAROUSEL", "cards": []}]},
        {"parameter_format": "NAMED"},
    ],
)
def test_R24_R40_a_template_that_differs_from_the_frozen_one_fails_it(
    changes: dict[str, Any], acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = due(clock, tmp_path)
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, **changes))
    campaign = fails(clock, campaign_id, RootCause.TEMPLATE_CHANGED)
    assert campaign.status_detail == {"template": "greeting:en_US"}


def test_R25_R40_a_frozen_template_that_cannot_be_filled_fails_it_though_nothing_differs(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = due(clock, tmp_path)
    components = [*builders.GREETING["components"], {"type": "CAROUSEL", "cards": []}]
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, components=components))
    # As a firing of a series freezes it: as it is then.
    with database.transaction():
        transitions.freeze_template(campaign_id, account.templates()[0])
    campaign = fails(clock, campaign_id, RootCause.TEMPLATE_CHANGED)
    assert "carousel" in campaign.status_detail["unfit"]


def test_R24_a_template_that_was_only_read_again_still_runs(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = due(clock, tmp_path)
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, quality_score={"score": "YELLOW"}))
    assert start(clock, campaign_id)[1].status is Status.IN_PROGRESS


@pytest.mark.parametrize("status", ["DISCONNECTED", "FLAGGED", "BANNED"])
def test_R40_a_sender_that_is_not_connected_fails_it(status: str, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = due(clock, tmp_path)
    database.execute("UPDATE sender SET status = ?", (status,))
    campaign = fails(clock, campaign_id, RootCause.SENDER_UNAVAILABLE)
    assert campaign.status_detail == {"sender": account.senders()[0].number, "reason": status}


def test_R31_R40_when_everybody_opted_out_nobody_is_left(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = due(clock, tmp_path)
    for row in rows(campaign_id):
        optouts.add(row.phone or 0, clock.now(), "reply: STOP")
    campaign = fails(clock, campaign_id, RootCause.NO_VALID_RECIPIENTS)
    assert campaign.status_detail == {"skipped": {"opted_out": 3}}
    assert campaign.progress.skipped == 3


def test_R27_R28_R40_the_second_of_two_that_passed_check_1_fails_with_nothing_taken(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, credits=15)
    first, second = schedule_in(clock, tmp_path, 10), schedule_in(clock, tmp_path, 10)
    clock.advance(HOUR)
    assert start(clock, first)[1].status is Status.IN_PROGRESS
    cause, campaign = start(clock, second)
    assert (cause, campaign.status) == (RootCause.INSUFFICIENT_CREDITS, Status.FAILED)
    assert campaign.status_detail == {"needed": 10, "free": 5, "missing": 5}
    assert {row.state for row in rows(second)} == {RecipientState.PENDING}
    assert ledger.balance() == Balance(5, 10, 0) and ledger.entries(second) == []
    check_invariants()


def test_R38_R39_opt_outs_up_to_the_start_are_skipped_and_not_paid_for(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = due(clock, tmp_path, 3)
    optouts.add(rows(campaign_id)[1].phone or 0, clock.now(), "reply: STOP")
    campaign = start(clock, campaign_id)[1]
    assert (campaign.progress.pending, campaign.progress.skipped, campaign.price) == (2, 1, 2)
    assert rows(campaign_id)[1].skip is SkipReason.OPTED_OUT
    check_invariants()


def test_R39_an_edit_of_the_contacts_after_the_start_changes_nothing(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = due(clock, tmp_path, 3)
    before = start(clock, campaign_id)[1]
    copy_id = duplicating.duplicate(builders.context(clock), campaign_id)
    copy = campaigns.get(copy_id)
    fields = DraftFields(copy.name, copy.sender_id, copy.template_id, {"body.1": Fill(fixed="x")})
    drafts.edit(builders.context(clock), copy_id, copy.version, fields)
    drafts.import_audience(
        builders.context(clock), copy_id, campaigns.get(copy_id).version, builders.contacts_file(tmp_path, 9)
    )
    assert campaigns.get(campaign_id) == before
    assert len(rows(campaign_id)) == 3


def test_R1_a_crash_before_the_commit_leaves_a_scheduled_campaign(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = due(clock, tmp_path)

    def crash(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(campaigns, "set_reserved", crash)
    with pytest.raises(KeyboardInterrupt):
        starting.start_due(clock, campaign_id)
    assert campaigns.get(campaign_id).status is Status.SCHEDULED
    assert ledger.balance() == Balance(CREDITS, 0, 0)
    monkeypatch.undo()
    assert start(clock, campaign_id)[1].status is Status.IN_PROGRESS


def test_R35_a_limit_that_is_set_while_the_rows_are_brought_in_step_is_followed_before_it_starts(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = due(clock, tmp_path)

    def meanwhile() -> bool:
        account.set_limits(None, None, None, ("IN",))
        return True

    assert starting.start_due(clock, campaign_id, meanwhile) is None
    assert campaigns.get(campaign_id).status is Status.SCHEDULED
    assert ledger.balance().reserved == 0
    fails(clock, campaign_id, RootCause.NO_VALID_RECIPIENTS)
    assert {row.skip for row in rows(campaign_id)} == {SkipReason.COUNTRY_NOT_ENABLED}
