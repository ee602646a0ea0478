"""Which audience rows would get a message now."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from engine import resolution
from engine.clock import HOUR
from engine.commands import drafts, launch, setup
from store import account, campaigns, database, optouts, recipients, tallies
from store.types import DraftFields, Fill, OptOut, SkipReason
from tests import builders
from tests.clock import FakeClock
from tests.sending import rows, schedule_in
from tests.store.invariants import check_invariants

MISSING, OUT, TWICE = SkipReason.MISSING_VARIABLE, SkipReason.OPTED_OUT, SkipReason.DUPLICATE
ONE, TWO = builders.number(1), builders.number(2)


def phone(text: str) -> int:
    return int(text.removeprefix("+"))


def skips(campaign_id: int) -> list[SkipReason | None]:
    return [row.skip for row in rows(campaign_id)]


def remap(clock: FakeClock, campaign_id: int, **fills: Fill) -> None:
    """Save another fill for placeholders of the body: `b2=...` for `body.2`."""
    found = campaigns.get(campaign_id)
    changed = {**found.fills, **{f"body.{name[1:]}": fill for name, fill in fills.items()}}
    drafts.edit(builders.context(clock), campaign_id, found.version, replace(drafts.fields_of(found), fills=changed))


def test_R37_a_blank_cell_takes_its_fallback_or_the_row_is_skipped(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("", ONE, "C1"), ("Ben", TWO, "  ")])
    # The name has a fallback, the coupon has none.
    assert skips(campaign_id) == [None, MISSING]
    check_invariants(campaign_id)


def test_R37_a_fixed_value_needs_no_cell(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("Asha", ONE, ""), ("Ben", TWO, "")])
    remap(clock, campaign_id, b2=Fill(fixed="SAVE20"))
    assert skips(campaign_id) == [None, None]


def test_R38_opted_out_numbers_are_skipped_whatever_file_they_come_from(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    optouts.add(phone(ONE), clock.now(), "reply: STOP")
    for name in ("first", "second"):
        campaign_id = builders.draft(clock, tmp_path, [("Asha", ONE, "C1"), ("Ben", TWO, "C2")], name)
        assert skips(campaign_id) == [OUT, None]
        check_invariants(campaign_id)


def test_R38_opting_out_and_in_again_is_followed_while_it_has_not_started(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("Asha", ONE, "C1"), ("Ben", TWO, "C2")])
    launch.schedule_at(builders.context(clock), campaign_id, "in 2 h")
    optouts.add(phone(TWO), clock.now(), "reply: STOP")
    resolution.resolve(campaign_id, clock.now())
    assert skips(campaign_id) == [None, OUT]
    optouts.remove(phone(TWO))
    resolution.resolve(campaign_id, clock.now())
    assert skips(campaign_id) == [None, None]
    check_invariants(campaign_id)


def test_R38_at_the_start_only_the_opt_out_list_is_looked_at_anew_with_the_same_result(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    three, four = builders.number(3), builders.number(4)
    optouts.add(phone(TWO), clock.now(), "reply: STOP")
    optouts.add(phone(three), clock.now(), "reply: STOP")
    data = [("A", ONE, "C1"), ("B", TWO, "C2"), ("C", three, ""), ("D", four, "C4"), ("E", four, "C5"), ("F", "", "")]
    campaign_id = builders.draft(clock, tmp_path, data)
    launch.schedule_at(builders.context(clock), campaign_id, "in 2 h")
    assert skips(campaign_id) == [None, OUT, OUT, None, TWICE, SkipReason.BLANK]
    optouts.add(phone(ONE), clock.now(), "reply: STOP")
    optouts.add(phone(four), clock.now(), "reply: STOP")
    optouts.remove(phone(TWO))
    optouts.remove(phone(three))
    resolution.follow(campaign_id, clock.now())
    found = skips(campaign_id)
    assert found == [OUT, None, MISSING, OUT, TWICE, SkipReason.BLANK]
    resolution.resolve(campaign_id, clock.now())
    assert skips(campaign_id) == found
    check_invariants(campaign_id)


def test_R39_the_rows_of_a_run_that_has_started_are_frozen(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("Asha", ONE, "C1"), ("Ben", TWO, "C2")])
    launch.send_now(builders.context(clock), campaign_id)
    optouts.add(phone(TWO), clock.now(), "reply: STOP")
    resolution.resolve(campaign_id, clock.now())
    # The claim honours it; the counts the run was priced by stay.
    assert skips(campaign_id) == [None, None]


def test_R36_of_one_number_the_first_valid_row_wins(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    data = [("Asha", ONE, ""), ("Ben", ONE, "C2"), ("Cem", ONE, "C3"), ("Dan", TWO, "C4")]
    campaign_id = builders.draft(clock, tmp_path, data)
    # The first row of the number has a hole, so the second one is the first that is valid.
    assert skips(campaign_id) == [TWICE, None, TWICE, None]
    check_invariants(campaign_id)


def test_R36_another_mapping_makes_another_row_win_and_never_two(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("Asha", ONE, ""), ("Ben", ONE, "C2")])
    assert skips(campaign_id) == [TWICE, None]
    remap(clock, campaign_id, b2=Fill(column="Coupon", fallback="WELCOME"))
    assert skips(campaign_id) == [None, TWICE]
    remap(clock, campaign_id, b2=Fill(column="Coupon"))
    assert skips(campaign_id) == [TWICE, None]
    check_invariants(campaign_id)


def test_R36_when_no_row_of_a_number_is_valid_the_first_one_says_why(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("Asha", ONE, ""), ("Ben", ONE, ""), ("Cem", ONE, "C3")])
    optouts.add(phone(ONE), clock.now(), "reply: STOP")
    resolution.resolve(campaign_id, clock.now())
    assert skips(campaign_id) == [OUT, TWICE, TWICE]
    optouts.remove(phone(ONE))
    remap(clock, campaign_id, b2=Fill(column="Phone number"), b1=Fill(column="Name"))
    assert skips(campaign_id) == [None, TWICE, TWICE]
    check_invariants(campaign_id)


def test_R36_holds_across_the_chunks_that_rows_are_read_in(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "CHUNK", 2)
    filler = [("X", builders.number(100 + i), "C") for i in range(5)]
    campaign_id = builders.draft(clock, tmp_path, [("Asha", ONE, ""), *filler, ("Ben", ONE, "C2"), ("Cem", ONE, "C3")])
    assert skips(campaign_id) == [TWICE, *[None] * 5, None, TWICE]
    check_invariants(campaign_id)


def test_a_reason_of_the_import_is_never_reconsidered(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("Asha", "nonsense", "C1"), ("Ben", "", "C2"), ("Cem", ONE, "C3")])
    resolution.resolve(campaign_id, clock.now())
    assert skips(campaign_id) == [SkipReason.INVALID_NUMBER, SkipReason.BLANK, None]


def test_an_unmapped_placeholder_skips_nobody(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("Asha", ONE, "")])
    assert skips(campaign_id) == [MISSING]
    remap(clock, campaign_id, b2=Fill())
    # The preflight blocks the launch; calling every row skipped would hide why.
    assert skips(campaign_id) == [None]


def test_counting_for_a_form_finds_what_resolving_would(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    data = [("", ONE, "C1"), ("Ben", ONE, "C2"), ("Cem", TWO, ""), ("Dan", "nonsense", "C4")]
    campaign_id = builders.draft(clock, tmp_path, data)
    found = campaigns.get(campaign_id)
    assert found.audience is not None
    counts = resolution.count(found.audience, resolution.template_of(found), found.fills, clock.now())
    assert counts is not None
    assert (counts.valid, counts.fallbacks) == (1, 1)
    assert counts.skipped == {"duplicate": 1, "missing_variable": 1, "invalid_number": 1}
    assert (found.progress.pending, found.progress.skipped) == (1, 3)


def test_a_draft_without_audience_has_nothing_to_resolve(acme: Path, clock: FakeClock) -> None:
    campaign_id = drafts.create(builders.context(clock), DraftFields("Sale"))
    resolution.resolve(campaign_id, clock.now())
    assert campaigns.get(campaign_id).progress.audience == 0


COUNTRY, CAP = SkipReason.COUNTRY_NOT_ENABLED, SkipReason.FREQUENCY_CAP
INDIAN = "+919876543210"


def limit(countries: tuple[str, ...] | None = None, cap: int | None = None, days: int | None = None) -> None:
    account.set_limits(None, cap, days, countries)


def messaged(number: str, at: int, marketing: bool = True) -> None:
    """A message of some other campaign, from outside."""
    with database.transaction():
        database.execute(
            "INSERT INTO contact (phone, campaign_id, seq, at, marketing) VALUES (?, 999, ?, ?, ?)",
            (phone(number), at, at, int(marketing)),
        )
        database.execute("UPDATE quota_meter SET used = (SELECT COUNT(DISTINCT phone) FROM contact WHERE at > since)")


def test_R35_one_reason_each_and_the_opt_out_first(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    limit(("DE",), 1, 7)
    optouts.add(phone(ONE), clock.now(), "reply: STOP")
    messaged(ONE, clock.now())
    messaged(TWO, clock.now())
    data = [
        ("A", ONE, "C1"),
        ("B", INDIAN, "C2"),
        ("C", TWO, ""),
        ("D", builders.number(3), ""),
        ("E", "+80012345678", "C"),
    ]
    campaign_id = builders.draft(clock, tmp_path, data)
    assert skips(campaign_id) == [OUT, COUNTRY, CAP, MISSING, COUNTRY], "a number of no country is of no enabled one"


def test_R35_counting_for_a_form_finds_what_resolving_would_with_every_limit(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    limit(("DE",), 1, 7)
    messaged(TWO, clock.now())
    data = [
        ("A", ONE, ""),
        ("B", ONE, "C2"),
        ("C", TWO, "C3"),
        ("D", TWO, "C4"),
        ("E", INDIAN, "C5"),
        ("F", INDIAN, ""),
    ]
    campaign_id = builders.draft(clock, tmp_path, data)
    found = campaigns.get(campaign_id)
    assert found.audience is not None
    counts = resolution.count(found.audience, resolution.template_of(found), found.fills, clock.now())
    assert counts is not None
    assert counts.skipped == tallies.of(campaign_id, tallies.SKIP)
    assert counts.countries == tallies.of(campaign_id, tallies.COUNTRY) == {"DE": 1}
    assert skips(campaign_id) == [TWICE, None, CAP, TWICE, COUNTRY, TWICE]


def test_R35_at_the_start_the_limits_are_followed_with_the_same_result_as_resolving(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    limit(("DE",), 1, 1)
    three, four = builders.number(3), builders.number(4)
    messaged(three, clock.now() - 23 * HOUR)
    data = [("A", ONE, "C1"), ("B", INDIAN, "C2"), ("C", three, "C3"), ("D", four, "C4")]
    campaign_id = builders.draft(clock, tmp_path, data)
    launch.schedule_at(builders.context(clock), campaign_id, "in 2 h")
    assert skips(campaign_id) == [None, COUNTRY, CAP, None]
    clock.advance(2 * HOUR)
    messaged(four, clock.now())
    resolution.follow(campaign_id, clock.now())
    assert skips(campaign_id) == [None, COUNTRY, None, CAP]
    limit(("IN",), None, None)
    resolution.follow(campaign_id, clock.now())
    found = skips(campaign_id)
    assert found == [COUNTRY, None, COUNTRY, COUNTRY]
    resolution.resolve(campaign_id, clock.now())
    assert skips(campaign_id) == found
    check_invariants(campaign_id)


def test_R36_whose_cap_has_passed_at_the_start_gets_it_by_the_first_valid_row(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    limit(None, 1, 1)
    messaged(ONE, clock.now() - 23 * HOUR)
    data = [("A", ONE, ""), ("B", ONE, "C2"), ("C", ONE, "C3"), ("D", TWO, "C4")]
    campaign_id = builders.draft(clock, tmp_path, data)
    launch.schedule_at(builders.context(clock), campaign_id, "in 2 h")
    assert skips(campaign_id) == [CAP, TWICE, TWICE, None]
    clock.advance(2 * HOUR)
    resolution.follow(campaign_id, clock.now())
    assert skips(campaign_id) == [TWICE, None, TWICE, None]
    resolution.resolve(campaign_id, clock.now())
    assert skips(campaign_id) == [TWICE, None, TWICE, None]


def test_R35_the_cap_is_for_marketing_templates_only(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.account_with_sender(clock, tmp_path)
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, category="UTILITY"))
    limit(None, 1, 7)
    messaged(ONE, clock.now())
    campaign_id = builders.draft(clock, tmp_path, [("A", ONE, "C1")])
    launch.schedule_at(builders.context(clock), campaign_id, "in 2 h")
    resolution.follow(campaign_id, clock.now())
    assert skips(campaign_id) == [None]


def opt_all_out(clock: FakeClock, people: int) -> None:
    with database.transaction():
        optouts.add_many([OptOut(phone(builders.number(n)), clock.now(), "list.csv") for n in range(people)])


def test_R35_R38_following_page_by_page_finds_what_resolving_would(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    people = resolution.PAGE + 600
    opt_all_out(clock, resolution.PAGE - 300)
    campaign_id = schedule_in(clock, tmp_path, people)
    database.execute("DELETE FROM opt_out WHERE phone % 2 = 0")
    limit(None, 1, 7)
    for n in range(0, people, 50):
        messaged(builders.number(n), clock.now())
    assert resolution.follow(campaign_id, clock.now()) is not None
    found, counted = skips(campaign_id), tallies.of(campaign_id, tallies.SKIP)
    assert set(counted) == {"opted_out", "frequency_cap"}
    check_invariants(campaign_id)
    resolution.resolve(campaign_id, clock.now())
    assert (skips(campaign_id), tallies.of(campaign_id, tallies.SKIP)) == (found, counted)


def test_R35_a_row_that_is_barred_for_another_reason_by_now_says_so(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    limit(None, 1, 7)
    messaged(ONE, clock.now())
    campaign_id = builders.draft(clock, tmp_path, [("A", ONE, "C1"), ("B", TWO, "C2")])
    launch.schedule_at(builders.context(clock), campaign_id, "in 2 h")
    optouts.add(phone(ONE), clock.now(), "reply: STOP")
    resolution.follow(campaign_id, clock.now())
    assert skips(campaign_id) == [OUT, None]
    check_invariants(campaign_id)


def test_R39_following_ends_when_an_operator_takes_the_campaign_back_meanwhile(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    people = resolution.PAGE + 600
    campaign_id = schedule_in(clock, tmp_path, people)
    opt_all_out(clock, people)
    looks: list[int] = []

    def wanted() -> bool:
        looks.append(campaigns.progress(campaign_id).skipped)
        if len(looks) == 2:
            launch.reopen(builders.context(clock), campaign_id)
        return True

    assert resolution.follow(campaign_id, clock.now(), wanted) is None
    assert looks == [0, resolution.PAGE]
    assert campaigns.progress(campaign_id).skipped == resolution.PAGE, "a draft is not its business"
    check_invariants(campaign_id)


def test_R35_following_takes_no_more_memory_for_a_larger_audience(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    small = schedule_in(clock, tmp_path, resolution.PAGE)
    large = schedule_in(clock, tmp_path, 4 * resolution.PAGE)
    opt_all_out(clock, 4 * resolution.PAGE)
    peaks: list[int] = []
    for campaign_id in (small, large):
        tracemalloc.start()
        resolution.follow(campaign_id, clock.now())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
    assert campaigns.progress(large).pending == 0
