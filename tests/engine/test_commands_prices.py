"""A price list from its import to what a campaign is charged (R26)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine import preflight_credits, report
from engine.clock import HOUR
from engine.commands import drafts, launch, prices
from engine.errors import BadInput, NotAllowed, Refused
from engine.roles import Role, rights
from store import account, audit, campaigns, ledger
from store import prices as kept
from store.types import PriceLine, Status
from tests import builders
from tests.clock import FakeClock
from tests.engine.test_price_list import written
from tests.sending import Scripted, schedule_in, takes_all, work
from tests.store.invariants import check_invariants


def load(clock: FakeClock, folder: Path, lines: str) -> prices.Imported:
    return prices.import_file(builders.context(clock), written(folder, lines))


def test_R26_an_import_replaces_the_list_and_is_audited(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    assert load(clock, tmp_path, "MARKETING,,,3\nUTILITY,,,1\n") == prices.Imported(2, 0, ())
    assert load(clock, tmp_path, "MARKETING,DE,,4\n") == prices.Imported(1, 2, ())
    assert kept.lines() == [PriceLine("MARKETING", "DE", "", 4)]
    event = audit.events()[-1]
    assert (event.action, event.before, event.after["lines"]) == ("prices.import", {"lines": 2}, 1)
    assert event.after["file"] == "prices.csv"


def test_R26_a_long_list_is_kept_whole(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    kinds = ("", "none", "media", "image", "video", "document")
    countries = ("", "IN", "DE", "FR", "US", "BR", "GB", "IT", "ES", "AT", "CH", "NL", "BE", "PL", "SE", "NO", "FI")
    lines = [f"MARKETING,{country},{kind},{n}" for n, country in enumerate(countries) for kind in kinds]
    lines += [f"UTILITY,{country},{kind},2" for country in countries for kind in kinds]
    assert load(clock, tmp_path, "\n".join(lines)).lines == len(lines) == 204
    assert len(kept.lines()) == 204


def test_R26_a_bad_list_leaves_the_old_one(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    load(clock, tmp_path, "MARKETING,,,3\n")
    with pytest.raises(BadInput, match="line 3"):
        load(clock, tmp_path, "MARKETING,,,4\nMARKETING,,,4\n")
    assert kept.lines() == [PriceLine("MARKETING", "", "", 3)]


def test_R26_prices_are_a_setting(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    for role, may in ((Role.MANAGER, False), (Role.ADMIN, True)):
        one = type(context)(clock, context.actor, rights(role))
        if may:
            prices.import_file(one, written(tmp_path, "MARKETING,,,3\n"))
            continue
        with pytest.raises(NotAllowed):
            prices.import_file(one, written(tmp_path, "MARKETING,,,3\n"))
        assert kept.lines() == []


def test_R26_a_draft_and_a_scheduled_campaign_follow_an_import(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    draft = builders.draft(clock, tmp_path, 3)
    scheduled = schedule_in(clock, tmp_path, 4)
    assert (campaigns.get(draft).price, campaigns.get(scheduled).price) == (3, 4)
    load(clock, tmp_path, "MARKETING,DE,,5\n")
    assert (campaigns.get(draft).price, campaigns.get(scheduled).price) == (15, 20)
    assert campaigns.scheduled_price() == 20, "R28"
    assert launch.check(draft, clock.now()).price == 15
    check_invariants()


def test_R26_R27_check_2_reserves_by_the_list_of_that_moment(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = schedule_in(clock, tmp_path, 3)
    load(clock, tmp_path, "MARKETING,DE,,5\n")
    clock.advance(HOUR)
    asyncio.run(work(clock, Scripted(takes_all)))
    campaign = campaigns.get(campaign_id)
    assert (campaign.status, campaign.price, campaign.prices) == (Status.COMPLETED, 15, {"DE": 5})
    assert ledger.balance().spent == 15
    check_invariants()


def test_R26_a_run_keeps_the_prices_it_was_started_with(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, 3)
    launch.send_now(builders.context(clock), campaign_id)
    load(clock, tmp_path, "MARKETING,DE,,5\n")
    asyncio.run(work(clock, Scripted(takes_all)))
    assert (ledger.balance().spent, campaigns.get(campaign_id).price) == (3, 3)
    check_invariants()


def test_R26_a_destination_without_a_price_blocks_in_its_own_words(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    load(clock, tmp_path, "MARKETING,IN,,5\n")
    campaign_id = builders.draft(clock, tmp_path, 3)
    (check,) = launch.check(campaign_id, clock.now()).blocking
    assert (check.code, check.field) == ("no_price", "template")
    assert check.text == "the price list has no price for MARKETING to DE 3"
    assert "sendoff prices import" in check.advice
    with pytest.raises(Refused) as refused:
        launch.send_now(builders.context(clock), campaign_id)
    assert refused.value.code == "no_price"
    assert campaigns.get(campaign_id).status is Status.DRAFT
    load(clock, tmp_path, "MARKETING,IN,,5\nMARKETING,,,2\n")
    assert (launch.check(campaign_id, clock.now()).blocking, launch.check(campaign_id, clock.now()).price) == ((), 6)


def test_R26_many_destinations_without_a_price_are_counted(acme: Path) -> None:
    template = account.templates()[0]
    countries = dict.fromkeys(("AT", "BE", "CH", "DE", "ES", "FR", "GB"), 1)
    said = preflight_credits.no_price(template, countries)
    assert said.endswith("to AT 1, BE 1, CH 1, DE 1, ES 1 and 2 more")


def test_R26_R40_a_price_that_is_gone_at_check_2_fails_it_and_nothing_is_taken(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path, 3)
    assert load(clock, tmp_path, "UTILITY,DE,,5\n").without_price == (campaign_id,)
    clock.advance(HOUR)
    asyncio.run(work(clock, Scripted(takes_all)))
    found = report.read(campaign_id)
    assert found.campaign.status is Status.FAILED
    assert found.root_cause is not None and found.root_cause.code == "insufficient_credits"
    assert "the price list has no price for MARKETING to DE 3" in found.root_cause.text
    assert "sendoff prices import" in found.root_cause.advice
    assert ledger.balance() == (1_000_000, 0, 0)
    check_invariants()


def test_R26_a_draft_without_a_template_or_deleted_meanwhile_is_no_hindrance(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    bare = builders.draft(clock, tmp_path, 3)
    fields = drafts.fields_of(campaigns.get(bare))
    version = campaigns.get(bare).version
    drafts.edit(builders.context(clock), bare, version, type(fields)(fields.name, fields.sender_id))
    drafts.delete(builders.context(clock), builders.draft(clock, tmp_path, 3))
    assert load(clock, tmp_path, "UTILITY,DE,,5\n").lines == 1
