"""The preflight: every problem at once, each with what to do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import preflight, preflight_reading
from engine.commands import drafts, launch
from engine.preflight import Preflight
from engine.preflight_facts import Check, Facts, Level, Quota
from store import account, campaigns
from store.types import Balance, DraftFields, Endpoint, Fill, OverQuota, Route, Sender, Template
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, takes_all, work

SENDER = Sender(1, 918040214021, "1000001", 80, "GREEN", "CONNECTED")
TEMPLATE = Template(
    1, "greeting", "en_US", "APPROVED", "MARKETING", "POSITIONAL", builders.GREETING["components"], "GREEN", 0
)
GOOD = Facts(
    name="Sale",
    sender=SENDER,
    template=TEMPLATE,
    fills=builders.FILLS,
    columns=("Name", "Phone number", "Coupon"),
    countries={"IN": 90, "US": 10},
    skipped={},
    fallbacks=0,
    balance=Balance(100, 0, 0),
    scheduled_price=0,
)


def run(**changes: Any) -> Preflight:
    return preflight.run(replace(GOOD, **changes))


def codes(result: Preflight, level: Level) -> list[str]:
    return [check.code for check in result.checks if check.level is level]


def the(result: Preflight, code: str) -> Check:
    (found,) = [check for check in result.checks if check.code == code]
    return found


def test_R22_a_good_draft_passes_and_shows_what_was_checked() -> None:
    result = run()
    assert not result.blocking and codes(result, Level.WARN) == []
    assert codes(result, Level.OK) == ["template", "placeholders", "audience", "credits"]
    assert (result.price, result.valid, result.prices) == (100, 100, {"": 1})


def test_R22_it_lists_every_problem_at_once_each_with_what_to_do() -> None:
    result = preflight.run(Facts("  ", None, None, {}, None, {}, {}, None, Balance(0, 0, 0), 0))
    assert [check.code for check in result.blocking] == [
        "name_missing",
        "sender_missing",
        "template_missing",
        "audience_missing",
    ]
    assert all(check.text and check.advice and check.field for check in result.blocking)


def test_R22_problems_of_several_kinds_are_listed_together() -> None:
    result = run(
        sender=replace(SENDER, status="FLAGGED"),
        template=replace(TEMPLATE, status="PAUSED"),
        fills={},
        balance=Balance(1, 0, 0),
    )
    assert [check.code for check in result.blocking] == [
        "sender_unavailable",
        "template_unavailable",
        "unmapped_placeholder",
        "unmapped_placeholder",
        "insufficient_credits",
    ]
    assert "flagged" in the(result, "sender_unavailable").text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("PENDING", "review"),
        ("REJECTED", "rejected"),
        ("PAUSED", "paused"),
        ("DISABLED", "disabled"),
        ("DELETED", "deleted"),
        ("SOMETHING_NEW", ""),
    ],
)
def test_R23_only_an_approved_template_passes(status: str, words: str) -> None:
    result = run(template=replace(TEMPLATE, status=status))
    check = the(result, "template_unavailable")
    assert check.level is Level.BLOCK and words in check.text and "greeting:en_US" in check.text


def test_R23_a_template_this_program_cannot_send_is_blocked() -> None:
    carousel = [*TEMPLATE.components, {"type": "CAROUSEL", "cards": []}]
    assert the(run(template=replace(TEMPLATE, components=carousel)), "template_unsupported").level is Level.BLOCK


def test_R25_each_unmapped_placeholder_is_named() -> None:
    result = run(fills={"body.1": Fill(column="Name"), "body.2": Fill(column="No such column")})
    check = the(result, "unmapped_placeholder")
    assert (check.level, check.field) == (Level.BLOCK, "body.2")


@pytest.mark.parametrize("fill", [Fill(fixed="SAVE20"), Fill(fallback="WELCOME"), Fill(column="coupon")])
def test_R25_a_column_a_fixed_value_or_a_fallback_will_do(fill: Fill) -> None:
    assert not run(fills={"body.1": Fill(column="Name"), "body.2": fill}).blocking


def test_R37_rows_that_use_a_fallback_are_counted() -> None:
    assert "7 rows use a fallback" in the(run(fallbacks=7), "placeholders").text


@pytest.mark.parametrize(("free", "missing"), [(99, "1 missing"), (0, "100 missing")])
def test_R26_short_of_credits_blocks_and_says_how_many_are_missing(free: int, missing: str) -> None:
    check = the(run(balance=Balance(free, 500, 0)), "insufficient_credits")
    assert check.level is Level.BLOCK and missing in check.text and check.advice


def test_R26_reserved_credits_are_not_free() -> None:
    assert run(balance=Balance(100, 0, 0)).blocking == ()
    assert len(run(balance=Balance(50, 50, 0)).blocking) == 1


def test_R26_the_price_counts_only_valid_rows_and_the_media() -> None:
    image = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hello"}]
    result = run(
        template=replace(TEMPLATE, components=image),
        fills={"header.media": Fill(fixed="https://example.com/a.jpg")},
        countries={"IN": 3, "": 1},
        skipped={"blank": 50},
        balance=Balance(8, 0, 0),
    )
    assert (result.price, result.blocking) == (8, ())


def test_R28_what_is_scheduled_already_is_a_warning_and_no_block() -> None:
    result = run(balance=Balance(150, 0, 0), scheduled_price=51)
    assert not result.blocking
    check = the(result, "credits_overcommitted")
    assert check.level is Level.WARN and " 1 credit" in check.text.replace(",", "") and check.advice
    assert codes(run(balance=Balance(150, 0, 0), scheduled_price=50), Level.WARN) == []


def test_R31_an_audience_without_a_valid_row_blocks() -> None:
    result = run(countries={}, skipped={"blank": 3, "opted_out": 2})
    check = the(result, "no_valid_recipients")
    assert check.level is Level.BLOCK and "all 5 rows" in check.text
    assert "insufficient_credits" not in codes(result, Level.BLOCK)


def test_R35_skipped_rows_are_a_warning_with_their_number() -> None:
    check = the(run(skipped={"blank": 3, "duplicate": 4}), "audience")
    assert check.level is Level.WARN and "7 rows are skipped" in check.text


def test_R22_the_form_is_checked_live_before_anything_is_saved(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    rows = [("Asha", builders.number(1), "C1"), ("", builders.number(2), "C2"), ("Cem", builders.number(3), "")]
    campaign = campaigns.get(builders.draft(clock, tmp_path, rows))
    fields = drafts.fields_of(campaign)
    assert preflight.run(preflight_reading.facts_for_form(fields, campaign, clock.now())).price == 2
    fallbacks = {**fields.fills, "body.2": Fill(column="Coupon", fallback="WELCOME")}
    live = preflight_reading.facts_for_form(replace(fields, fills=fallbacks), campaign, clock.now())
    assert (live.valid, live.fallbacks) == (3, 2)
    unmapped = preflight.run(preflight_reading.facts_for_form(replace(fields, fills={}), campaign, clock.now()))
    assert [check.code for check in unmapped.blocking] == ["unmapped_placeholder"] * 2
    assert campaigns.get(campaign.id) == campaign


def test_R22_the_live_check_says_what_the_saved_draft_will(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    rows = [("Asha", builders.number(1), ""), ("Ben", builders.number(1), "C2"), ("Cem", "nonsense", "C3")]
    campaign = campaigns.get(builders.draft(clock, tmp_path, rows))
    live = preflight_reading.facts_for_form(drafts.fields_of(campaign), campaign, clock.now())
    saved = preflight_reading.facts_of(campaign, clock.now())
    assert (live.countries, live.skipped) == (saved.countries, saved.skipped)
    assert replace(live, fallbacks=None) == replace(saved, fills=live.fills)


def test_R22_a_form_without_a_draft_is_checked_too(acme: Path) -> None:
    facts = preflight_reading.facts_for_form(DraftFields("Sale", account.senders()[0].id), None, START)
    assert [check.code for check in preflight.run(facts).blocking] == ["template_missing", "audience_missing"]


def test_R28_the_form_counts_the_other_scheduled_campaigns(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.account_with_sender(clock, tmp_path, credits=15)
    first = builders.draft(clock, tmp_path, 10)
    launch.schedule_at(builders.context(clock), first, "in 2 h")
    second = campaigns.get(builders.draft(clock, tmp_path, 10))
    result = preflight.run(preflight_reading.facts_for_form(drafts.fields_of(second), second, clock.now()))
    assert "5 credits will be missing" in the(result, "credits_overcommitted").text
    assert codes(preflight.run(preflight_reading.facts_of(campaigns.get(first))), Level.WARN) == []


@pytest.mark.parametrize(
    ("valid", "repeats", "over", "level", "text"),
    [
        (4_963, 0, OverQuota.FAIL, Level.WARN, "quota: 2,588 left now, 2,375 would fail"),
        (4_963, 0, OverQuota.WAIT, Level.WARN, "quota: 2,588 left now, 2,375 would wait"),
        (4_963, 2_374, OverQuota.FAIL, Level.WARN, "quota: 2,588 left now, 1 would fail"),
        (4_963, 2_375, OverQuota.FAIL, Level.OK, "quota: 2,588 left now, 2,588 needed"),
    ],
)
def test_R30_beyond_the_quota_is_a_warning_with_the_numbers_and_never_a_block(
    valid: int, repeats: int, over: OverQuota, level: Level, text: str
) -> None:
    result = run(countries={"IN": valid}, quota=Quota(2_588, repeats, over))
    [check] = [one for one in result.checks if one.field == "over_quota"]
    assert (check.level, check.text) == (level, text)
    assert "quota_exceeded" not in [one.code for one in result.blocking]


def test_R30_without_a_quota_or_a_recipient_nothing_is_said_of_it() -> None:
    for facts in ({"quota": None}, {"countries": {}, "quota": Quota(0, 0, OverQuota.FAIL)}):
        assert "over_quota" not in [one.field for one in run(**facts).checks]


def test_R30_the_form_and_the_stored_draft_know_the_same_of_the_quota(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    first = builders.draft(clock, tmp_path, 3)
    launch.send_now(builders.context(clock), first)
    asyncio.run(work(clock, Scripted(takes_all)))
    account.set_limits(5, None, None, None)
    campaign = campaigns.get(builders.draft(clock, tmp_path, 10))
    live = preflight_reading.facts_for_form(drafts.fields_of(campaign), campaign, clock.now())
    saved = preflight_reading.facts_of(campaign, clock.now())
    assert live.quota == saved.quota == Quota(2, 3, OverQuota.FAIL)
    assert "5 would fail" in the(preflight.run(saved), "quota_exceeded").text


OFFER = Template(
    2,
    "offer",
    "en_US",
    "APPROVED",
    "MARKETING",
    "POSITIONAL",
    [
        {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Sale", "has_expiration": True}},
        {"type": "BODY", "text": "Hello"},
    ],
    "GREEN",
    0,
)


@pytest.mark.parametrize("after_ms", [-1, 0, 1])
def test_R22_an_offer_that_has_ended_blocks_and_one_that_ends_later_does_not(
    after_ms: int, acme: Path, clock: FakeClock
) -> None:
    ends = {"offer.expires": Fill(fixed=str(clock.now() + after_ms))}
    refused = preflight_reading.refused_in_all(OFFER, ends, clock.now())
    assert bool(refused) is (after_ms <= 0)
    result = run(template=OFFER, fills=ends, refused=refused)
    assert [check.code for check in result.blocking] == (["values_refused"] if refused else [])


def test_R25_a_time_that_cannot_be_read_is_named_with_what_to_write() -> None:
    check = the(run(template=OFFER, fills={"offer.expires": Fill(fixed="soon")}), "unreadable_value")
    assert check.level is Level.BLOCK and "milliseconds" in check.advice


def test_an_animated_header_is_a_warning() -> None:
    gif = replace(TEMPLATE, components=[{"type": "HEADER", "format": "GIF"}, {"type": "BODY", "text": "Hi"}])
    fills = {"header.media_id": Fill(fixed="1")}
    assert the(run(template=gif, fills=fills), "gif_header").level is Level.WARN
    by_marketing = Route(Endpoint.MARKETING)
    assert "gif_header" not in codes(run(template=gif, fills=fills, route=by_marketing), Level.WARN)
