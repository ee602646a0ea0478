"""What counts for the quota, to the millisecond, whatever becomes of a message."""

from __future__ import annotations

import pytest

from store import (
    account,
    callbacks,
    campaigns,
    contacts,
    database,
    limits,
    outcomes,
    quota_meter,
    recipients,
    testsends,
    windows,
)
from store.errors import ShortOfQuota
from store.types import Result, ResultKind, StatusUpdate
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import HOUR, Scene, contact, countries_of, result
from tests.store.scene import contacts as people

DAY = 24 * HOUR
NO_PLACE = -4


def noted(campaign_id: int) -> dict[int, int]:
    """When each row's message counts from."""
    found = database.execute("SELECT seq, at FROM contact WHERE campaign_id = ? ORDER BY seq", (campaign_id,))
    return dict(found.fetchall())


@pytest.fixture(autouse=True)
def unlimited(scene: Scene) -> None:
    account.update_account(quota=None)


def sent(scene: Scene, campaign_id: int, size: int, now: int = START) -> None:
    window, rows = scene.claim(campaign_id, scene.lease(now=now), size, now)
    results = [result(row.seq, ResultKind.SENT, now) for row in rows]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], now)


def test_R30_a_message_counts_until_it_is_exactly_24_hours_old(scene: Scene) -> None:
    sent(scene, scene.running(people(3)), 3)
    assert [quota_meter.used(START + DAY - 1), quota_meter.used(START + DAY)] == [3, 0]
    account.update_account(quota=3)
    assert quota_meter.refills_at(START) == START + DAY
    assert [quota_meter.room(START + DAY - 1), quota_meter.room(START + DAY)] == [0, 3]
    quota_meter.sweep(START + DAY)
    check_invariants()


def test_R30_a_place_is_taken_with_the_intent_before_any_answer(scene: Scene) -> None:
    campaign_id, lease = scene.running(people(5)), scene.lease()
    account.update_account(quota=3)
    _, rows = scene.claim(campaign_id, lease, 5)
    assert [row.seq for row in rows] == [1, 2, 3]
    with pytest.raises(ShortOfQuota) as short:
        windows.claim(campaign_id, lease, 5, START)
    assert short.value.until == START + DAY
    assert windows.claim(campaign_id, lease, 1, START + DAY) is not None
    check_invariants()


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        (ResultKind.SENT, True),
        (ResultKind.UNKNOWN, True),
        (ResultKind.HELD, True),
        (ResultKind.FAILED, False),
        (ResultKind.PUT_BACK, False),
    ],
)
def test_R30_what_was_taken_or_may_have_been_counts_from_its_answer_on(
    scene: Scene, kind: ResultKind, counts: bool
) -> None:
    campaign_id = scene.running(people(1))
    window, rows = scene.claim(campaign_id, scene.lease(), 1)
    answer = result(1, kind, START + 900, not_before=START)
    outcomes.record(campaign_id, [answer], countries_of(rows), [window.id], START + 950)
    assert noted(campaign_id) == ({1: START + 900} if counts else {})
    assert quota_meter.used(START + 1_000) == int(counts)
    check_invariants()


def test_R30_a_number_of_two_campaigns_counts_once_until_its_newest_message_is_old(scene: Scene) -> None:
    rows = [contact(1, phone=919_000_000_001)]
    sent(scene, scene.running(rows), 1)
    account.update_account(quota=1)
    sent(scene, scene.running(rows), 1, START + HOUR)
    assert quota_meter.used(START + HOUR) == 1
    assert [quota_meter.used(START + DAY), quota_meter.used(START + DAY + HOUR)] == [1, 0]
    assert quota_meter.refills_at(START + HOUR) == START + HOUR + DAY
    check_invariants()


def test_R30_taking_back_one_of_two_messages_leaves_the_number_counted(scene: Scene) -> None:
    rows = [contact(1, phone=919_000_000_001)]
    sent(scene, scene.running(rows), 1)
    second = scene.running(rows)
    window, claimed = scene.claim(second, scene.lease(), 1)
    outcomes.record(second, [result(1, ResultKind.FAILED)], countries_of(claimed), [window.id], START)
    assert quota_meter.used(START) == 1
    check_invariants()


def test_R30_a_callback_that_proves_a_message_put_back_makes_it_count(scene: Scene) -> None:
    campaign_id = scene.running(people(1))
    window, rows = scene.claim(campaign_id, scene.lease(), 1)
    back = result(1, ResultKind.PUT_BACK, not_before=START + HOUR)
    outcomes.record(campaign_id, [back], countries_of(rows), [window.id], START)
    assert quota_meter.used(START) == 0
    callbacks.apply([], [StatusUpdate(campaign_id, 1, "wamid.1", "delivered", START + 5)], START + 9)
    assert (noted(campaign_id), quota_meter.used(START + 9)) == ({1: START + 5}, 1)
    check_invariants()


def test_R30_an_outcome_that_comes_after_the_take_over_settles_what_counts(scene: Scene) -> None:
    campaign_id = scene.running(people(2))
    window, rows = scene.claim(campaign_id, scene.lease("w1"), 2)
    new = scene.lease("w2")
    assert windows.recover(campaign_id, new.fence, START + HOUR) == 2
    assert noted(campaign_id) == {1: START + HOUR, 2: START + HOUR}, "they may have gone until then"
    check_invariants()
    late = [result(1, ResultKind.SENT, START + 5), result(2, ResultKind.FAILED, START + 5)]
    outcomes.record(campaign_id, late, countries_of(rows), [window.id], START + HOUR)
    assert set(noted(campaign_id)) == {1} and quota_meter.used(START + HOUR) == 1
    check_invariants()


def test_R30_rows_found_in_flight_after_a_day_count_again(scene: Scene) -> None:
    campaign_id = scene.running(people(2))
    scene.claim(campaign_id, scene.lease("w1"), 2)
    quota_meter.sweep(START + 2 * DAY)
    assert windows.recover(campaign_id, scene.lease("w2").fence, START + 2 * DAY) == 2
    assert quota_meter.used(START + 2 * DAY) == 2
    check_invariants()


def test_R30_what_had_stopped_counting_when_its_answer_came_stays_forgotten(scene: Scene) -> None:
    campaign_id = scene.running(people(1))
    window, rows = scene.claim(campaign_id, scene.lease(), 1)
    # A machine that slept for two days with the request open, and looks after its house first.
    now = START + 2 * DAY
    quota_meter.sweep(now)
    assert contacts.purge(now, 10) == 1
    answer = result(1, ResultKind.SENT, now)._replace(handed_at=START)
    outcomes.record(campaign_id, [answer], countries_of(rows), [window.id], now)
    assert quota_meter.used(now) == 0
    check_invariants()


def test_R30_of_a_window_only_the_rows_before_the_first_without_a_place_go(scene: Scene) -> None:
    campaign_id, lease = scene.running(people(6)), scene.lease()
    window, rows = scene.claim(campaign_id, lease, 2)
    back = [result(row.seq, ResultKind.PUT_BACK, not_before=START) for row in rows]
    outcomes.record(campaign_id, back, countries_of(rows), [window.id], START)
    account.update_account(quota=1)
    _, first = scene.claim(campaign_id, lease, 4)
    assert [row.seq for row in first] == [1]
    assert windows.next_retry(campaign_id) == START, "row 2 still waits for its retry"
    account.update_account(quota=4)
    _, more = scene.claim(campaign_id, lease, 9)
    assert [row.seq for row in more] == [2, 3, 4]
    account.update_account(quota=None)
    _, rest = scene.claim(campaign_id, lease, 9)
    assert [row.seq for row in rest] == [5, 6]
    check_invariants()


def beyond(campaign_id: int, after: int = 0, limit: int = 10, now: int = START) -> int | None:
    last = outcomes.fail_over_quota(campaign_id, NO_PLACE, after, limit, now)
    check_invariants()
    return last


def test_R30_R43_nobody_fails_for_the_quota_while_one_is_in_flight_or_there_is_a_place(scene: Scene) -> None:
    campaign_id, lease = scene.running(people(6)), scene.lease()
    account.update_account(quota=2)
    window, rows = scene.claim(campaign_id, lease, 6)
    assert beyond(campaign_id) is None, "what is on its way may give its place back"
    results = [result(1, ResultKind.SENT), result(2, ResultKind.PUT_BACK, not_before=START + HOUR)]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)
    assert beyond(campaign_id) is None, "the place of what was put back"
    assert campaigns.progress(campaign_id).failed == 0
    window, rows = scene.claim(campaign_id, lease, 1)
    outcomes.record(campaign_id, [result(3, ResultKind.SENT)], countries_of(rows), [window.id], START)
    assert beyond(campaign_id, limit=2) == 4, "row 2, which waits for its retry, and row 4"
    assert windows.next_retry(campaign_id) is None
    assert beyond(campaign_id, 4, 2) == 6
    assert beyond(campaign_id, 6, 2) is None
    counters = campaigns.progress(campaign_id)
    assert (counters.sent, counters.failed, counters.pending) == (2, 4, 0)


def test_R30_who_fails_for_the_quota_is_of_this_campaign_and_has_no_place(scene: Scene) -> None:
    sent(scene, scene.running([contact(2)], START - DAY), 1, START - DAY)
    other, lease = scene.running([contact(n) for n in (101, 102, 103)], name="Other"), scene.lease()
    campaign_id = scene.running([contact(n) for n in (1, 101, 2)])
    account.update_account(quota=3)
    in_flight, _ = scene.claim(other, lease, 1)
    window, rows = scene.claim(other, lease, 2)
    results = [result(row.seq, ResultKind.PUT_BACK, not_before=START + HOUR - row.seq) for row in rows]
    outcomes.record(other, results, countries_of(rows), [window.id], START)
    sent(scene, campaign_id, 1)
    account.update_account(quota=2)
    assert beyond(campaign_id) == 3, "the open hand-over is another campaign's"
    found = recipients.page(campaign_id, [1, 2, 3])
    states = [found[seq].state.name for seq in (1, 2, 3)]
    assert states == ["SENT", "PENDING", "FAILED"], "number 101 counts already, a message of yesterday no more"
    assert windows.open_windows(other) == [in_flight]
    assert (campaigns.progress(other).failed, windows.next_retry(other)) == (0, START + HOUR - 3)


def test_R30_a_clock_that_is_set_back_is_followed_by_a_recount(scene: Scene) -> None:
    first, second = scene.running(people(2)), scene.running(people(4)[2:])
    sent(scene, first, 2, START)
    sent(scene, second, 2, START + 2 * DAY)
    assert quota_meter.used(START + 2 * DAY) == 2
    assert quota_meter.used(START + HOUR) == 4
    quota_meter.sweep(START + HOUR)
    check_invariants()


def test_R30_a_quota_that_was_lowered_refills_when_enough_have_left(scene: Scene) -> None:
    campaign_id = scene.running(people(3))
    for n in range(3):
        sent(scene, campaign_id, 1, START + n)
    account.update_account(quota=2)
    assert quota_meter.refills_at(START + 5) == START + 1 + DAY
    account.update_account(quota=4)
    assert quota_meter.refills_at(START + 5) is None


def test_what_counts_for_nothing_is_forgotten_and_what_counts_stays(scene: Scene) -> None:
    campaign_id = scene.running(people(4))
    for n in range(4):
        sent(scene, campaign_id, 1, START + n * DAY)
    now = START + 3 * DAY
    assert quota_meter.behind(now, START + DAY)
    quota_meter.sweep(now)
    assert contacts.purge(START + DAY, 1) == 1
    assert contacts.purge(now, 10) == 2, "all but what is younger than 24 hours"
    assert set(noted(campaign_id)) == {4} and not quota_meter.behind(now, START)
    check_invariants()


def test_R35_the_frequency_cap_counts_marketing_messages_of_its_days(scene: Scene) -> None:
    rows = [contact(1, phone=919_000_000_001), contact(2)]
    sent(scene, scene.running(rows), 2)
    sent(scene, scene.running(rows[:1]), 1, START + HOUR)
    account.set_limits(None, 2, 3, None)
    last = START + 3 * DAY
    assert limits.capped(START + HOUR) == {919_000_000_001} == limits.capped(last - 1)
    assert limits.capped(last) == frozenset(), "the first of the two is 3 days old"
    database.execute("UPDATE contact SET marketing = 0 WHERE at = ?", (START,))
    assert limits.capped(START + HOUR) == frozenset()


def test_an_upgrade_does_not_forget_whom_was_messaged(scene: Scene) -> None:
    campaign_id = scene.running(people(3))
    sent(scene, campaign_id, 2)
    before = noted(campaign_id)
    history = __import__("store.migrations.0003_limits", fromlist=["_HISTORY"])._HISTORY
    database.execute("DELETE FROM contact")
    database.execute(history)
    assert noted(campaign_id) == before
    assert database.execute("SELECT DISTINCT marketing FROM contact").fetchall() == [(1,)]
    assert recipients.audience_of(campaign_id)


def test_R30_R35_rows_found_in_flight_count_also_when_an_upgrade_came_between(scene: Scene) -> None:
    campaign_id = scene.running(people(2))
    scene.claim(campaign_id, scene.lease("w1"), 2)
    # As the migration leaves it, which knows only of what was sent or unknown.
    database.execute("DELETE FROM contact")
    database.execute("UPDATE quota_meter SET used = 0")
    assert windows.recover(campaign_id, scene.lease("w2").fence, START + HOUR) == 2
    assert (noted(campaign_id), quota_meter.used(START + HOUR)) == ({1: START + HOUR, 2: START + HOUR}, 2)
    account.set_limits(None, 1, 7, None)
    assert len(limits.capped(START + HOUR)) == 2
    check_invariants()


@pytest.mark.parametrize("kind", [ResultKind.SENT, ResultKind.UNKNOWN])
def test_R30_R32_a_test_send_counts_from_its_answer_on(scene: Scene, kind: ResultKind) -> None:
    (test_id,) = testsends.queue(scene.draft(people(1)), scene.sender_id, "ann", [(919_000_000_500, {}, 1)], START)
    testsends.claim(scene.sender_id, scene.lease(), START, START)
    testsends.record(Result(test_id, kind, START + HOUR, START), 1)
    assert noted(contacts.TESTS) == {test_id: START + HOUR}
    assert [quota_meter.used(START + HOUR + DAY - 1), quota_meter.used(START + HOUR + DAY)] == [1, 0]
    check_invariants()


def test_R30_R32_a_test_send_found_in_flight_counts_from_then_on(scene: Scene) -> None:
    (test_id,) = testsends.queue(scene.draft(people(1)), scene.sender_id, "ann", [(919_000_000_500, {}, 1)], START)
    testsends.claim(scene.sender_id, scene.lease(), START, START)
    quota_meter.sweep(START + 2 * DAY)
    assert testsends.recover(scene.sender_id, 1, START + 2 * DAY)
    assert (noted(contacts.TESTS), quota_meter.used(START + 2 * DAY)) == ({test_id: START + 2 * DAY}, 1)
    check_invariants()


def test_R30_a_message_proven_before_its_answer_counts_from_the_answer_on(scene: Scene) -> None:
    campaign_id = scene.running(people(1))
    window, rows = scene.claim(campaign_id, scene.lease(), 1)
    callbacks.apply([], [StatusUpdate(campaign_id, 1, "wamid.1", "sent", START)], START + 5)
    answer = result(1, ResultKind.SENT, START + 900)
    outcomes.record(campaign_id, [answer], countries_of(rows), [window.id], START + 950)
    assert noted(campaign_id) == {1: START + 900}
    check_invariants()


# Messages that differ from one another in one thing only


def crossed(scene: Scene) -> tuple[int, int, int]:
    """Runs that are all in flight: two with the same numbers in the same rows, one with them the other way round."""
    one, two = contact(1), contact(2)
    found = (scene.running([two, one]), scene.running([one, two]), scene.running([one, two]))
    lease = scene.lease()
    for campaign_id in found:
        scene.claim(campaign_id, lease, 2)
    return found


def answer(campaign_id: int, *results: Result) -> None:
    rows = list(recipients.page(campaign_id, [one.seq for one in results]).values())
    outcomes.record(campaign_id, list(results), countries_of(rows), [], results[0].at)
    check_invariants()


def test_R30_an_answer_moves_the_time_of_its_own_message_alone(scene: Scene) -> None:
    others = crossed(scene)
    campaign_id = others[-1]
    answer(campaign_id, result(1, ResultKind.SENT, START + 900))
    assert noted(campaign_id) == {1: START + 900, 2: START}
    assert [noted(other) for other in others[:2]] == [{1: START, 2: START}] * 2


def test_R30_an_answer_that_comes_late_never_moves_a_message_back(scene: Scene) -> None:
    campaign_id = scene.running(people(1))
    scene.claim(campaign_id, scene.lease("w1"), 1)
    windows.recover(campaign_id, scene.lease("w2").fence, START + HOUR)
    answer(campaign_id, result(1, ResultKind.SENT, START + 900))
    assert noted(campaign_id) == {1: START + HOUR}


def test_R30_a_message_that_was_not_taken_is_taken_out_alone(scene: Scene) -> None:
    others = crossed(scene)
    campaign_id = others[-1]
    answer(campaign_id, result(1, ResultKind.FAILED))
    assert set(noted(campaign_id)) == {2}
    assert [set(noted(other)) for other in others[:2]] == [{1, 2}] * 2
    assert quota_meter.used(START) == 2


def test_R30_rows_found_in_flight_count_with_their_own_numbers(scene: Scene) -> None:
    scene.claim(scene.running(people(9)[5:]), scene.lease("w1"), 2)
    campaign_id = scene.running(people(2))
    scene.claim(campaign_id, scene.lease("w1"), 2)
    before = database.execute("SELECT phone, campaign_id, seq FROM contact ORDER BY 1, 2, 3").fetchall()
    windows.recover(campaign_id, scene.lease("w2").fence, START + HOUR)
    assert database.execute("SELECT phone, campaign_id, seq FROM contact ORDER BY 1, 2, 3").fetchall() == before
    check_invariants()


def test_R30_what_is_too_old_is_forgotten_and_not_a_younger_message_to_the_number(scene: Scene) -> None:
    rows = [contact(1)]
    old, young = scene.running(rows), scene.running(rows)
    sent(scene, old, 1)
    sent(scene, young, 1, START + 2 * DAY)
    quota_meter.sweep(START + 2 * DAY)
    assert contacts.purge(START + DAY, 10) == 1
    assert (noted(old), noted(young)) == ({}, {1: START + 2 * DAY})
    check_invariants()


@pytest.mark.parametrize("kind", [ResultKind.UNKNOWN, ResultKind.FAILED, ResultKind.PUT_BACK])
def test_R30_R32_what_becomes_of_a_test_send_leaves_a_campaigns_message_to_the_number(
    scene: Scene, kind: ResultKind
) -> None:
    campaign_id = scene.running(people(1))
    (row,) = people(1)
    assert row.phone is not None
    scene.claim(campaign_id, scene.lease(), 1)
    (test_id,) = testsends.queue(campaign_id, scene.sender_id, "ann", [(row.phone, {}, 1)], START)
    assert test_id == 1, "as the row's place"
    (test,) = testsends.claim(scene.sender_id, scene.lease(), START, START)
    testsends.record(Result(test_id, kind, START + HOUR, START), test.fence or 0)
    assert noted(campaign_id) == {1: START}
    assert noted(contacts.TESTS) == ({1: START + HOUR} if kind is ResultKind.UNKNOWN else {})
    check_invariants()


def test_R30_what_stopped_counting_at_this_very_moment_is_not_moved_by_its_answer(scene: Scene) -> None:
    campaign_id = scene.running(people(1))
    scene.claim(campaign_id, scene.lease(), 1)
    quota_meter.sweep(START + DAY)
    answer(campaign_id, result(1, ResultKind.SENT, START + DAY))
    assert (noted(campaign_id), quota_meter.used(START + DAY)) == ({1: START}, 0)


def test_R30_R32_a_late_answer_never_moves_a_test_send_back(scene: Scene) -> None:
    (test_id,) = testsends.queue(scene.draft(people(1)), scene.sender_id, "ann", [(919_000_000_500, {}, 1)], START)
    testsends.claim(scene.sender_id, scene.lease(), START, START)
    testsends.recover(scene.sender_id, 1, START + HOUR)
    testsends.record(Result(test_id, ResultKind.SENT, START + 900, START, message_id="wamid.1"), 1)
    assert noted(contacts.TESTS) == {test_id: START + HOUR}
    check_invariants()


def test_R30_a_take_over_by_a_clock_that_is_behind_moves_no_message_back(scene: Scene) -> None:
    campaign_id = scene.running(people(1))
    scene.claim(campaign_id, scene.lease("w1"), 1, START + HOUR)
    assert windows.recover(campaign_id, scene.lease("w2").fence, START) == 1
    assert noted(campaign_id) == {1: START + HOUR}
    check_invariants()


def test_R30_R32_a_callback_that_proves_a_test_send_put_back_makes_it_count(scene: Scene) -> None:
    (test_id,) = testsends.queue(scene.draft(people(1)), scene.sender_id, "ann", [(919_000_000_500, {}, 1)], START)
    testsends.claim(scene.sender_id, scene.lease(), START, START)
    testsends.record(Result(test_id, ResultKind.PUT_BACK, START, START, code=2, not_before=START + HOUR), 1)
    assert quota_meter.used(START) == 0
    proof = StatusUpdate(None, None, "wamid.9", "delivered", START + 5, None, "", test_id)
    callbacks.apply([], [proof], START + 9)
    assert (noted(contacts.TESTS), quota_meter.used(START + 9)) == ({test_id: START + 5}, 1)
    check_invariants()


def test_R30_which_rows_count_already_is_asked_of_the_pending_ones_of_one_audience(scene: Scene) -> None:
    sent(scene, scene.running(people(2)), 2)
    other, mine = scene.running(people(4)), scene.running([contact(1), contact(2), contact(9)])
    audience_id = recipients.audience_of(mine)
    assert audience_id is not None
    assert quota_meter.recent_of(audience_id, START) == 2
    sent(scene, mine, 1)
    assert quota_meter.recent_of(audience_id, START) == 1
    sent(scene, other, 4)
    assert quota_meter.recent_of(audience_id, START) == 1
    assert quota_meter.recent_of(audience_id, START + DAY) == 0
