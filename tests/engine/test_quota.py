"""The messaging quota and the frequency cap in a run: what goes, what fails, what waits, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from engine import history, quota, report, run
from engine.clock import DAY, HOUR, MINUTE, SECOND
from engine.commands import drafts, duplicating, launch, setup
from engine.commands import limits as limits_command
from engine.gateway.base import Outcome, Unknown
from engine.gateway.errors import Internal
from engine.worker import Worker
from store import account, campaigns, contacts, database, ledger, limits, optouts, quota_meter, tallies, windows
from store.types import OverQuota, RecipientState, SkipReason, Status
from tests import builders
from tests.clock import FakeClock
from tests.sending import Scripted, actions, numbers, progress, refused, rows, takes_all, work
from tests.store.invariants import check_invariants

Row = tuple[str, str, str]


def people(*numbered: int) -> list[Row]:
    return [(f"Customer {n}", builders.number(n), f"C{n}") for n in numbered]


def set_quota(clock: FakeClock, most: int | None) -> None:
    limits_command.change(builders.context(clock), lambda known: known._replace(quota=most))


def set_cap(clock: FakeClock, cap: int | None, days: int | None) -> None:
    limits_command.change(builders.context(clock), lambda known: known._replace(frequency_cap=cap, frequency_days=days))


def made(
    clock: FakeClock,
    folder: Path,
    data: Sequence[Row],
    over: OverQuota = OverQuota.FAIL,
    *,
    sender_id: int | None = None,
) -> int:
    """A draft over these rows."""
    campaign_id = builders.draft(clock, folder, data, sender_id=sender_id)
    found = campaigns.get(campaign_id)
    drafts.edit(builders.context(clock), campaign_id, found.version, replace(drafts.fields_of(found), over_quota=over))
    return campaign_id


def begun(
    clock: FakeClock,
    folder: Path,
    data: Sequence[Row],
    over: OverQuota = OverQuota.FAIL,
    *,
    sender_id: int | None = None,
) -> int:
    """A campaign In Progress that nobody sends yet."""
    campaign_id = made(clock, folder, data, over, sender_id=sender_id)
    launch.send_now(builders.context(clock), campaign_id)
    return campaign_id


async def sent(clock: FakeClock, folder: Path, numbered: int) -> int:
    """A campaign to one person, sent; answers when that is noted."""
    begun(clock, folder, people(numbered))
    await work(clock, Scripted(takes_all))
    noted = contacts.newest(clock.now())
    assert noted is not None
    return noted


def taken(gateway: Scripted) -> list[str]:
    return [number.removeprefix("491517").lstrip("0") or "0" for number in gateway.handed]


def errors_of(campaign_id: int) -> dict[str, int]:
    return tallies.of(campaign_id, tallies.ERROR)


async def test_R30_what_goes_beyond_the_quota_fails_with_its_own_code_and_costs_nothing(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 7)
    campaign_id = begun(clock, tmp_path, people(*range(12)))
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    found = campaigns.get(campaign_id)
    assert (found.status, found.progress.sent, found.progress.failed) == (Status.COMPLETED, 7, 5)
    assert taken(gateway) == [str(n) for n in range(7)], "the first ones of the file"
    assert errors_of(campaign_id) == {str(int(Internal.QUOTA_EXCEEDED)): 5}
    assert (ledger.balance().spent, ledger.balance().reserved) == (7, 0)
    [line] = report.read(campaign_id).errors
    assert (line.n, "messaging quota" in line.text) == (5, True)
    check_invariants()


async def test_R30_R49_who_failed_for_the_quota_may_be_tried_again(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 2)
    campaign_id = begun(clock, tmp_path, people(*range(5)))
    await work(clock, Scripted(takes_all))
    copy = duplicating.duplicate(builders.context(clock), campaign_id, "failed")
    assert numbers(copy, RecipientState.PENDING) == {builders.number(n)[1:] for n in (2, 3, 4)}


async def test_R30_R6_a_run_that_finds_the_quota_used_up_is_failed_and_says_so(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 3)
    begun(clock, tmp_path, people(0, 1, 2))
    await work(clock, Scripted(takes_all))
    late = begun(clock, tmp_path, people(5, 6))
    await work(clock, Scripted(takes_all))
    found = report.read(late)
    assert found.campaign.status is Status.FAILED and found.root_cause is not None
    assert "messaging quota" in found.root_cause.text and "gateway refused" not in found.root_cause.text
    assert "refilled" in found.root_cause.advice
    check_invariants()


async def test_R30_a_number_messaged_within_24_hours_uses_no_place_again(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 4)
    begun(clock, tmp_path, people(0, 1, 2, 3))
    await work(clock, Scripted(takes_all))
    again = begun(clock, tmp_path, people(8, 0, 9, 3))
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    assert taken(gateway) == ["0", "3"], "those count already; 8 and 9 have no place"
    assert (progress(again).sent, progress(again).failed) == (2, 2)
    assert quota_meter.used(clock.now()) == 4
    check_invariants()


async def test_R30_what_the_gateway_refuses_gives_its_place_to_the_next(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 5)
    campaign_id = begun(clock, tmp_path, people(*range(9)))
    bad = builders.number(1)[1:]
    gateway = Scripted(lambda to, n: refused(131026) if to == bad else takes_all(to, n))
    await work(clock, gateway)
    assert (progress(campaign_id).sent, quota_meter.used(clock.now())) == (5, 5)
    assert errors_of(campaign_id) == {str(int(Internal.QUOTA_EXCEEDED)): 3, "131026": 1}
    check_invariants()


async def test_R30_an_unknown_one_counts_for_it_may_have_gone(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    set_quota(clock, 3)

    def silent_once(to: str, n: int) -> Outcome:
        return Unknown("no answer") if to == builders.number(0)[1:] else takes_all(to, n)

    campaign_id = begun(clock, tmp_path, people(0, 1, 2, 3))
    await work(clock, Scripted(silent_once))
    found = progress(campaign_id)
    assert (found.sent, found.unknown, found.failed) == (2, 1, 1)
    check_invariants()


async def test_R30_R45_a_run_that_waits_is_on_hold_until_the_first_place_comes_back(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 3)
    campaign_id = begun(clock, tmp_path, people(*range(5)), OverQuota.WAIT)
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    held = campaigns.get(campaign_id).hold
    assert held is not None and held.reason == quota.QUOTA_REACHED and held.until is not None
    first = min(at for at in (row.sent_at for row in rows(campaign_id)) if at is not None)
    assert held.until == first + DAY
    assert (progress(campaign_id).sent, progress(campaign_id).pending) == (3, 2)
    clock.advance(held.until - clock.now() - 1)
    await work(clock, gateway)
    assert progress(campaign_id).sent == 3, "a millisecond before 24 hours it still counts"
    clock.advance(1)
    await work(clock, gateway)
    assert progress(campaign_id).sent >= 4, "at exactly 24 hours the place is back"
    clock.advance(MINUTE)
    await work(clock, gateway)
    found = campaigns.get(campaign_id)
    assert (found.status, found.progress.sent, found.progress.failed) == (Status.COMPLETED, 5, 0)
    assert actions(campaign_id).count("campaign.hold") == actions(campaign_id).count("campaign.resume") > 0
    check_invariants()


async def test_R30_a_quota_that_is_raised_lets_a_waiting_run_go_on_at_once(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 2)
    campaign_id = begun(clock, tmp_path, people(*range(4)), OverQuota.WAIT)
    await work(clock, Scripted(takes_all))
    assert campaigns.get(campaign_id).hold is not None
    set_quota(clock, None)
    await work(clock, Scripted(takes_all))
    assert campaigns.get(campaign_id).status is Status.COMPLETED


async def test_R30_R45_the_hold_remembers_since_when_it_lasts_though_its_end_moves(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 1)
    begun(clock, tmp_path, people(0))
    await work(clock, Scripted(takes_all))
    waiting = begun(clock, tmp_path, people(5, 6), OverQuota.WAIT)
    await work(clock, Scripted(takes_all))
    since = campaigns.get(waiting).hold
    assert since is not None and since.until is not None
    for _ in range(4):
        # Another campaign takes the place in the moment it comes back.
        held = campaigns.get(waiting).hold
        if held is None or held.until is None:
            break
        assert held.since == since.since
        clock.advance(held.until - clock.now())
        _taken_by_another(clock)
        await work(clock, Scripted(takes_all))
    held = campaigns.get(waiting).hold
    found = campaigns.get(waiting)
    assert (found.status, found.progress.failed) == (Status.FAILED, 2), held
    assert errors_of(waiting) == {str(int(Internal.NOT_ATTEMPTED)): 2}
    assert found.finished_at is not None and found.finished_at - since.since >= 72 * HOUR


async def test_R30_R45_R39_a_waiting_run_whose_next_row_opted_out_stays_held_until_one_goes(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 1)
    begun(clock, tmp_path, people(0))
    await work(clock, Scripted(takes_all))
    waiting = begun(clock, tmp_path, people(5, 6), OverQuota.WAIT)
    await work(clock, Scripted(takes_all))
    held = campaigns.get(waiting).hold
    assert held is not None and held.until is not None
    optouts.add(int(builders.number(5)), clock.now(), "reply: STOP")
    clock.set(held.until)
    worker = Worker(clock, Scripted(takes_all), "service", Random(1))
    sender = account.senders()[0]
    lease = worker._leases.ensure(sender.id, "")
    assert lease is not None
    sending = run.Run(campaigns.get(waiting), sender, lease, worker._tools(sender, lease))
    claimed = sending._claim(1)
    assert claimed is not None and claimed[1] == [] and progress(waiting).skipped == 1
    assert campaigns.get(waiting).hold == held and "campaign.resume" not in actions(waiting)
    claimed = sending._claim(1)
    assert claimed is not None and len(claimed[1]) == 1
    assert campaigns.get(waiting).hold is None and actions(waiting).count("campaign.resume") == 1
    worker._leases.resign_all()
    check_invariants()


def _taken_by_another(clock: FakeClock) -> None:
    """One more number counts from now on, as another worker's campaign would make it."""
    now = clock.now()
    with database.transaction():
        quota_meter.sweep(now)
        database.execute(
            "INSERT INTO contact (phone, campaign_id, seq, at, marketing) VALUES (?, 999, 1, ?, 1) "
            "ON CONFLICT DO UPDATE SET at = excluded.at",
            (4915170009999, now),
        )
        database.execute("UPDATE quota_meter SET used = (SELECT COUNT(DISTINCT phone) FROM contact WHERE at > since)")


async def test_R30_two_campaigns_of_two_senders_never_exceed_the_quota_together(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    setup.add_sender(builders.context(clock), "+918040214022", "1000002", 1000)
    second = account.senders()[1].id
    set_quota(clock, 30)
    one = begun(clock, tmp_path, people(*range(25)))
    two = begun(clock, tmp_path, people(*range(20, 45)), sender_id=second)
    gateway = Scripted(takes_all)
    workers = [Worker(clock, gateway, "service", Random(n)) for n in (1, 2)]
    await asyncio.gather(*(worker.work(until_idle=True) for worker in workers))
    assert len(set(gateway.handed)) == 30 == quota_meter.used(clock.now())
    assert progress(one).sent > 0 < progress(two).sent, "both had their share of it at the same time"
    check_invariants()


async def test_R30_over_a_crash_the_places_of_what_was_in_flight_stay_taken(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 4)
    campaign_id = begun(clock, tmp_path, people(*range(6)))
    dead = Worker(clock, Scripted(takes_all), "service", Random(1))
    lease = dead._leases.ensure(account.senders()[0].id, "")
    assert lease is not None and windows.claim(campaign_id, lease, 3, clock.now()) is not None
    dead._leases.resign_all()
    clock.advance(20 * SECOND)
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    found = progress(campaign_id)
    assert (found.unknown, found.sent, found.failed) == (3, 1, 2)
    # They may have gone until the worker was found dead: only a day after that their places come back.
    recovered_at = clock.now()
    assert quota_meter.used(recovered_at + DAY - 2 * SECOND) >= 3
    check_invariants()


async def test_R30_thousands_beyond_the_quota_fail_in_pieces(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "FAILED_AT_ONCE", 10)
    set_quota(clock, 3)
    campaign_id = begun(clock, tmp_path, people(*range(60)))
    await work(clock, Scripted(takes_all))
    assert (progress(campaign_id).sent, progress(campaign_id).failed) == (3, 57)
    check_invariants()


async def test_R35_who_was_messaged_too_often_by_another_campaign_meanwhile_is_skipped_at_the_claim(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_cap(clock, 1, 7)
    one = begun(clock, tmp_path, people(0, 1, 2))
    two = begun(clock, tmp_path, people(2, 3))
    await work(clock, Scripted(takes_all))
    assert progress(one).sent + progress(two).sent == 4 and progress(one).skipped + progress(two).skipped == 1
    capped = [row for one_id in (one, two) for row in rows(one_id) if row.skip is SkipReason.FREQUENCY_CAP]
    assert [str(row.phone) for row in capped] == [builders.number(2)[1:]]
    assert ledger.balance().reserved == 0
    check_invariants()


async def test_R35_the_cap_is_reconsidered_at_edit_scheduling_and_start_and_ends_to_the_day(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_cap(clock, 1, 2)
    begun(clock, tmp_path, people(0))
    await work(clock, Scripted(takes_all))
    sent_at = clock.now()
    later = made(clock, tmp_path, people(0, 1))
    assert [row.skip for row in rows(later)] == [SkipReason.FREQUENCY_CAP, None]
    launch.schedule_at(builders.context(clock), later, "in 50 h")
    check_invariants()
    clock.advance(50 * HOUR)
    assert clock.now() - sent_at > 2 * DAY
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    assert taken(gateway) == ["0", "1"], "at the start the cap had passed"
    check_invariants()


async def test_R30_R35_a_clock_that_is_ahead_for_a_moment_forgets_nobody(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_quota(clock, 3)
    set_cap(clock, 1, 7)
    await sent(clock, tmp_path, 0)
    right = clock.now()
    clock.set(right + 365 * DAY)
    assert history.wanting(clock.now()), "the meter has to follow the clock"
    history.tend(clock)
    # What goes out meanwhile has that clock's time.
    await sent(clock, tmp_path, 1)
    history.tend(clock)
    clock.set(right + MINUTE)
    history.tend(clock)
    assert quota_meter.used(clock.now()) == 2
    assert int(builders.number(0)) in limits.capped(clock.now())


async def test_R35_messages_are_forgotten_when_later_ones_tell_that_their_days_are_over(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    first = await sent(clock, tmp_path, 0)
    clock.set(first + 8 * DAY)
    assert history.tend(clock) == 0
    assert not history.wanting(clock.now()) and contacts.newest(clock.now()) == first
    second = await sent(clock, tmp_path, 1)
    clock.set(second + DAY - 1)
    assert history.tend(clock) == 0
    clock.set(second + DAY)
    assert history.wanting(clock.now()) and history.tend(clock) == 1
    assert not history.wanting(clock.now()) and contacts.newest(second - 1) is None


async def test_R35_R31_a_campaign_whose_last_recipient_is_capped_meanwhile_fails_at_the_start(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    set_cap(clock, 1, 7)
    later = made(clock, tmp_path, people(0))
    launch.schedule_at(builders.context(clock), later, "in 1 h")
    begun(clock, tmp_path, people(0))
    await work(clock, Scripted(takes_all))
    clock.advance(HOUR)
    await work(clock, Scripted(takes_all))
    found = campaigns.get(later)
    assert (found.status, found.status_reason) == (Status.FAILED, "no_valid_recipients")
    assert tallies.of(later, tallies.SKIP) == {"frequency_cap": 1}


async def test_R35_utility_messages_count_for_no_cap_and_are_held_back_by_none(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path)
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, category="UTILITY"))
    set_cap(clock, 1, 7)
    for _ in range(2):
        campaign_id = begun(clock, tmp_path, people(0))
        await work(clock, Scripted(takes_all))
        assert progress(campaign_id).sent == 1
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path))
    marketing = begun(clock, tmp_path, people(0))
    await work(clock, Scripted(takes_all))
    assert progress(marketing).sent == 1


@pytest.mark.parametrize(("before", "now", "capped"), [("UTILITY", "MARKETING", 1), ("MARKETING", "UTILITY", 0)])
async def test_R35_R26_the_cap_goes_by_the_category_that_is_billed_at_the_start(
    before: str, now: str, capped: int, db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path)
    set_cap(clock, 1, 7)
    begun(clock, tmp_path, people(0))
    await work(clock, Scripted(takes_all))
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, category=before))
    later = made(clock, tmp_path, people(0, 1))
    launch.schedule_at(builders.context(clock), later, "in 1 h")
    setup.add_templates(builders.context(clock), builders.template_file(tmp_path, category=now))
    clock.advance(HOUR)
    await work(clock, Scripted(takes_all))
    assert (progress(later).skipped, progress(later).sent) == (capped, 2 - capped)
    # And it counts, or does not, for the next one.
    assert (int(builders.number(1)) in limits.capped(clock.now())) == (now == "MARKETING")
    check_invariants()


def test_R30_the_tiers_are_data() -> None:
    assert dict(quota.tiers()) == {"250": 250, "2K": 2_000, "10K": 10_000, "100K": 100_000, "unlimited": None}
