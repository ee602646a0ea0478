"""What every error code of the contract makes a worker do, over real HTTP (R44, R45)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from engine import streaks
from engine.clock import DAY, HOUR
from engine.commands import duplicating, launch, resuming, setup
from engine.gateway import errors
from engine.gateway.base import Action
from engine.gateway.cloud_api import CloudApi
from engine.gateway.errors import Internal, classify
from engine.holding import TOKEN_WORKS
from engine.pacing import RECOVERY
from engine.retry import BUDGET
from engine.worker import Worker
from store import campaigns, ledger, optouts, outcomes
from store.types import RecipientState, Status
from tests import builders
from tests.answering import Answer, answering, error
from tests.clock import FakeClock
from tests.engine.test_error_codes import LISTED, NOT_IN_SEND_PATH
from tests.sending import actions, check_against, progress, rows, step_until
from tests.store.invariants import check_invariants

FIRST = builders.number(0).lstrip("+")


class Case(NamedTuple):
    """A code with one of the HTTP statuses it was seen with, and what it must lead to."""

    code: int
    http_status: int
    action: str


def cases() -> Iterator[Case]:
    for code, entry in LISTED:
        found = [int(one) for one in re.findall(r"\b[45]\d\d\b", entry["http_documented"])]
        for http_status in found or [400]:
            action = entry["action"].lower().replace("-", "_")
            if entry["action"] == NOT_IN_SEND_PATH:
                # It belongs to other calls; should it answer a send all the same, it is an unknown one.
                action = "retry" if http_status >= 500 else "fix_row"
            yield Case(code, http_status, action)
    for code in sorted(OURS):
        yield Case(code, 400, classify(code, None, 400).action.value)


OURS = {code for code in errors._table()[0] if code > 0} - {code for code, _ in LISTED}
"""Codes that the table has beyond the contract; those below 0 are no codes of WhatsApp's."""
CASES = list(cases())


def of(*actions: Action) -> list[Case]:
    return [case for case in CASES if case.action in {one.value for one in actions}]


def named(case: Case) -> str:
    return f"{case.code}-{case.http_status}"


def running(clock: FakeClock, folder: Path, first: int, n: int = 3, sender_id: int = 1) -> int:
    """A campaign In Progress to `n` numbers of its own."""
    people = [(f"Customer {i}", builders.number(first + i), f"C{i}") for i in range(n)]
    campaign_id = builders.draft(clock, folder, people, f"From {first}", sender_id=sender_id)
    launch.send_now(builders.context(clock), campaign_id)
    return campaign_id


def other_sender(clock: FakeClock) -> int:
    return setup.add_sender(builders.context(clock), "+918061747780", "1000002", 1000).id


def worker(clock: FakeClock, client: CloudApi) -> Worker:
    return Worker(clock, client, "service", Random(1))


async def work(clock: FakeClock, client: CloudApi) -> None:
    await worker(clock, client).work(until_idle=True)


def hold_of(campaign_id: int) -> str | None:
    hold = campaigns.get(campaign_id).hold
    return None if hold is None else hold.reason


def until_of(campaign_id: int) -> int:
    hold = campaigns.get(campaign_id).hold
    return 0 if hold is None or hold.until is None else hold.until


def refuses_first(case: Case, times: int = 1_000_000) -> Callable[[str, int], Answer | None]:
    """The first number of the first campaign is refused so often, everybody else is taken."""
    return lambda to, n: error(case.code, case.http_status) if to == FIRST and n <= times else None


def test_every_code_of_the_contract_is_tried() -> None:
    assert {case.code for case in CASES} == {code for code, _ in LISTED} | OURS
    ranges = [(first, last) for first, last, _ in errors._table()[1]]
    assert all(any(first <= case.code <= last for case in CASES) for first, last in ranges)
    assert {case.action for case in CASES} == {action.value for action in Action}


# One row: retry, slow, pair


@pytest.mark.parametrize("case", of(Action.RETRY), ids=named)
async def test_R44_a_passing_fault_is_tried_again_after_a_durable_wait(
    case: Case, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0)
    row = classify(case.code, None, case.http_status)
    waited: list[int] = []

    def answer(to: str, n: int) -> Answer | None:
        if to == FIRST and n == 2:
            # What the store has says when, and a worker that comes after a crash reads it there.
            (first,) = outcomes.attempts(campaign_id, 1)
            assert first.not_before is not None and first.code == case.code
            waited.append(clock.now() - first.not_before)
            assert first.not_before - first.at >= 1000 * (row.retry_after or 0)
            assert first.not_before - first.at <= max(1000 * (row.retry_after or 0), 1000)
        return refuses_first(case, 1)(to, n)

    async with answering(answer) as (server, client):
        await work(clock, client)
        check_against(server.taken.elements(), campaign_id)
    assert len(waited) == 1 and waited[0] >= 0
    assert (rows(campaign_id)[0].attempt, rows(campaign_id)[0].tried) == (2, 1)
    assert progress(campaign_id).sent == 3


@pytest.mark.parametrize("case", of(Action.RETRY), ids=named)
async def test_R44_a_fault_that_does_not_pass_fails_the_row_with_its_last_code(
    case: Case, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0)
    async with answering(refuses_first(case)) as (server, client):
        await work(clock, client)
        check_against(server.taken.elements(), campaign_id)
    assert server.times[FIRST] == (classify(case.code, None, case.http_status).tries or BUDGET)
    first = rows(campaign_id)[0]
    assert (first.state, first.error) == (RecipientState.FAILED, case.code)
    assert (progress(campaign_id).sent, progress(campaign_id).failed) == (2, 1)


@pytest.mark.parametrize("case", of(Action.SLOW), ids=named)
async def test_R44_being_asked_to_slow_down_halves_the_pace_and_it_recovers(
    case: Case, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0, 4)
    sending: list[Worker] = []
    paces: list[float] = []

    def answer(to: str, n: int) -> Answer | None:
        if sum(server.times.values()) == 2:
            paces.append(sending[0]._pacers[1].rate)
        return refuses_first(case, BUDGET + 2)(to, n)

    async with answering(answer) as (server, client):
        sending.append(worker(clock, client))
        await sending[0].work(until_idle=True)
        check_against(server.taken.elements(), campaign_id)
    pacer = sending[0]._pacers[1]
    assert paces[0] <= pacer.ceiling / 2 * 1.05
    clock.advance(RECOVERY * 1000)
    assert pacer.rate == pacer.ceiling
    # By the same amount every second, not by doubling.
    pacer.slow()
    for _ in range(3):
        slowed = pacer.rate
        clock.advance(RECOVERY * 1000 / 8)
        assert pacer.rate == pytest.approx(slowed + pacer.ceiling / 8)
    # More often than the retry budget: it costs no try, and nobody fails for it.
    assert (rows(campaign_id)[0].attempt, rows(campaign_id)[0].tried) == (BUDGET + 3, 0)
    assert progress(campaign_id).sent == 4


@pytest.mark.parametrize("case", of(Action.WAIT_PAIR), ids=named)
async def test_R44_the_pair_limit_keeps_one_person_waiting_for_4_to_the_n_seconds(
    case: Case, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0)
    async with answering(refuses_first(case)) as (server, client):
        await work(clock, client)
        check_against(server.taken.elements(), campaign_id)
    first, *others = rows(campaign_id)
    tries = outcomes.attempts(campaign_id, 1)
    assert [(one.not_before or 0) - one.at for one in tries[:-1]] == [1_000, 4_000, 16_000, 64_000]
    assert (first.state, first.error, len(tries)) == (RecipientState.FAILED, case.code, BUDGET)
    # Nobody else waited for it.
    assert all(one.sent_at is not None and one.sent_at < tries[2].at for one in others)


# One row: for good


@pytest.mark.parametrize("case", of(Action.FIX_ROW, Action.SKIP, Action.SKIP_24H, Action.SUPPRESS), ids=named)
async def test_R44_what_is_refused_for_good_fails_at_once_and_the_others_go(
    case: Case, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0)
    async with answering(refuses_first(case)) as (server, client):
        await work(clock, client)
        check_against(server.taken.elements(), campaign_id)
    assert server.times[FIRST] == 1
    first = rows(campaign_id)[0]
    assert (first.state, first.error) == (RecipientState.FAILED, case.code)
    assert (campaigns.get(campaign_id).status, progress(campaign_id).sent) == (Status.COMPLETED, 2)
    # R38: on the opt-out list, and in no campaign after.
    assert optouts.numbers() == ({int(FIRST)} if case.action == Action.SUPPRESS else set())
    # R49: what may be tried again, and when.
    offered = {Action.FIX_ROW.value: (1, 1), Action.SKIP_24H.value: (0, 1)}.get(case.action, (0, 0))
    assert duplicating.parts(campaign_id, clock.now())["failed"] == offered[0]
    assert duplicating.parts(campaign_id, clock.now() + DAY)["failed"] == offered[1]


# Holds


@pytest.mark.parametrize(
    "case", of(Action.PAUSE_CAMPAIGN, Action.PAUSE_NUMBER, Action.PAUSE_ACCOUNT, Action.AUTH), ids=named
)
async def test_R44_R45_what_concerns_more_than_a_row_holds_as_much_as_it_concerns(
    case: Case, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    ours = running(clock, tmp_path, 0, 20)
    async with answering(refuses_first(case)) as (server, client):
        server.token = error(190, 401)
        await work(clock, client)
        # It showed on the first row, which is none the worse for it.
        assert server.times == {FIRST: 1}
        assert (progress(ours).pending, rows(ours)[0].tried, ledger.balance().reserved) == (20, 0, 20)
        same_sender = running(clock, tmp_path, 100, 3)
        another = running(clock, tmp_path, 200, 3, other_sender(clock))
        await work(clock, client)
        held = {one for one in (ours, same_sender, another) if hold_of(one)}
        expected = {
            Action.PAUSE_CAMPAIGN.value: {ours},
            Action.PAUSE_NUMBER.value: {ours, same_sender},
            Action.PAUSE_ACCOUNT.value: {ours, same_sender, another},
            Action.AUTH.value: {ours, same_sender, another},
        }[case.action]
        assert held == expected
        assert len({hold_of(one) for one in held}) == 1
        # The later ones were held before they sent anything.
        assert all(progress(one).pending == 3 for one in held - {ours})
        assert all(progress(one).sent == 3 for one in {same_sender, another} - held)
        hold = campaigns.get(ours).hold
        assert hold is not None and errors.text_of(case.code) in hold.text and str(case.code) in hold.text
        # An operator's resume, of whichever of them, lets all of them go on.
        server.answer = lambda to, n: None
        resuming.resume(builders.context(clock), max(held))
        assert [one for one in held if hold_of(one)] == []
        await work(clock, client)
        check_against(server.taken.elements(), ours, same_sender, another)
    assert {campaigns.get(one).status for one in (ours, same_sender, another)} == {Status.COMPLETED}


@pytest.mark.parametrize("case", of(Action.AUTH), ids=named)
async def test_R45_without_a_token_everything_waits_until_it_works_and_goes_on_by_itself(
    case: Case, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    ours, another = running(clock, tmp_path, 0), running(clock, tmp_path, 200, 3, other_sender(clock))
    async with answering(lambda to, n: error(case.code, case.http_status)) as (server, client):
        server.token = error(case.code, case.http_status)
        one = worker(clock, client)
        await step_until(one, clock, lambda: server.asked >= 2)
        sent = sum(server.times.values())
        assert sent <= 2 and hold_of(ours) == hold_of(another) == "not_authorised"
        clock.advance(HOUR)
        await step_until(one, clock, lambda: server.asked >= 3)
        # The answer has come, and the next question is a minute away at the most.
        await step_until(one, clock, lambda: until_of(ours) > clock.now() and until_of(another) > clock.now())
        # Asking costs no message.
        assert sum(server.times.values()) == sent
        server.answer, server.token = lambda to, n: None, Answer(200, {"id": "1000001"})
        clock.advance(60_000)
        await step_until(one, clock, lambda: campaigns.get(another).status is Status.COMPLETED)
        await step_until(one, clock, lambda: campaigns.get(ours).status is Status.COMPLETED)
        one.stop()
        await one.work()
        check_against(server.taken.elements(), ours, another)
    assert "campaign.resume" in actions(ours) and "campaign.resume" in actions(another)


NEVER = [case for case in of(Action.PAUSE_CAMPAIGN, Action.PAUSE_NUMBER) if case.code in (132015, 131048)]


@pytest.mark.parametrize("case", NEVER, ids=named)
async def test_R45_what_must_not_lift_by_itself_never_does(
    case: Case, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0)
    async with answering(refuses_first(case)) as (server, client):
        await work(clock, client)
        hold = campaigns.get(campaign_id).hold
        assert hold is not None and hold.until is None
        for _ in range(71):
            clock.advance(HOUR)
            await work(clock, client)
        assert (server.times, hold_of(campaign_id)) == ({FIRST: 1}, hold.reason)
        clock.advance(HOUR)
        await work(clock, client)
        assert server.times == {FIRST: 1}
    ended = campaigns.get(campaign_id)
    assert (ended.status, ended.progress.failed) == (Status.FAILED, 3)
    assert {row.error for row in rows(campaign_id)} == {int(Internal.NOT_ATTEMPTED)}
    check_invariants()


async def test_R45_the_runs_under_way_stop_too_when_one_meets_a_hold_of_the_sender(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    busy, meets = running(clock, tmp_path, 1_000, 400), running(clock, tmp_path, 0)
    others = running(clock, tmp_path, 5_000, 60, other_sender(clock))

    def answer(to: str, n: int) -> Answer | None:
        # In the middle of the other run.
        return error(131048) if to == FIRST else None

    async with answering(answer) as (server, client):
        await work(clock, client)
        assert hold_of(busy) == hold_of(meets) == "number_paused"
        assert progress(busy).sent < 400 and progress(busy).unknown == 0
        assert campaigns.get(others).status is Status.COMPLETED
        server.answer = lambda to, n: None
        resuming.resume(builders.context(clock), busy)
        await work(clock, client)
        check_against(server.taken.elements(), busy, meets, others)
    assert {campaigns.get(one).status for one in (busy, meets)} == {Status.COMPLETED}


async def test_R45_a_token_that_works_and_still_may_not_send_waits_for_a_person(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0)
    async with answering(lambda to, n: error(10, 403)) as (server, client):
        one = worker(clock, client)
        await step_until(one, clock, lambda: sum(server.times.values()) == 2 and hold_of(campaign_id) is not None)
        hold = campaigns.get(campaign_id).hold
        assert hold is not None and hold.until is None and hold.text.endswith(TOKEN_WORKS)
        for _ in range(20):
            clock.advance(HOUR)
            await one.step()
        assert sum(server.times.values()) == 2
        one.stop()
        await one.work()


async def test_R45_a_new_token_is_taken_from_where_it_is_kept(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = running(clock, tmp_path, 0)
    kept = ["a-token"]
    async with answering(lambda to, n: None, fresh_token=lambda: kept[0]) as (server, client):

        def answer(to: str, n: int) -> Answer | None:
            return error(190, 401) if server.tokens[-1] == "Bearer a-token" else None

        server.answer, server.token = answer, error(190, 401)
        one = worker(clock, client)
        await step_until(one, clock, lambda: server.asked >= 2)
        kept[0] = "a-new-one"
        server.token = Answer(200, {"id": "1"})
        await step_until(one, clock, lambda: campaigns.get(campaign_id).status is Status.COMPLETED)
        assert server.tokens[-1] == "Bearer a-new-one"
        one.stop()
        await one.work()


async def test_R44_a_number_in_maintenance_rests_as_a_whole(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = running(clock, tmp_path, 0, 60)
    at: list[int] = []

    def answer(to: str, n: int) -> Answer | None:
        at.append(clock.now())
        return error(131057, 500) if len(at) == 1 else None

    async with answering(answer) as (server, client):
        await work(clock, client)
        check_against(server.taken.elements(), campaign_id)
    assert at[1] - at[0] >= 60_000
    assert progress(campaign_id).sent == 60


# Codes that the table does not know


@pytest.mark.parametrize(
    ("answer", "requests", "hold"),
    [
        (error(987_654, 400), 1, None),
        (error(987_654, 404), 1, None),
        (error(987_654, 400, transient=True), 3, None),
        (error(987_654, 500), 3, None),
        (error(987_654, 503, transient=False), 3, None),
        (error(987_654, 401), 1, "not_authorised"),
        (error(987_654, 403), 1, "not_authorised"),
        (Answer(400, "no"), 1, None),
        (Answer(401, "no"), 1, "not_authorised"),
    ],
)
async def test_R44_a_code_that_nobody_knows_is_judged_by_the_rest_of_the_answer(
    answer: Answer, requests: int, hold: str | None, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0)
    async with answering(lambda to, n: answer if to == FIRST else None) as (server, client):
        server.token = error(190, 401)
        await work(clock, client)
        check_invariants()
    assert (server.times[FIRST], hold_of(campaign_id)) == (requests, hold)
    if hold is None:
        assert (progress(campaign_id).sent, progress(campaign_id).failed) == (2, 1)


@pytest.mark.parametrize("answer", [error(987_654, 429), Answer(429, "slow down")])
async def test_R44_a_429_with_a_code_that_nobody_knows_slows_down(
    answer: Answer, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0)
    async with answering(lambda to, n: answer if to == FIRST and n <= 7 else None) as (server, client):
        await work(clock, client)
        check_against(server.taken.elements(), campaign_id)
    assert (progress(campaign_id).sent, rows(campaign_id)[0].tried) == (3, 0)


@pytest.mark.parametrize("answer", [error(987_654), Answer(400, "no"), error(133_000)])
async def test_R44_the_same_code_that_nobody_knows_twenty_times_in_a_row_holds_the_campaign(
    answer: Answer, acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.worker.MAX_IN_FLIGHT", 1)
    campaign_id = running(clock, tmp_path, 0, 60)
    async with answering(lambda to, n: answer) as (server, client):
        await work(clock, client)
    assert hold_of(campaign_id) == streaks.UNKNOWN_ERROR
    assert streaks.UNKNOWN_ERRORS_IN_A_ROW <= sum(server.times.values()) <= streaks.UNKNOWN_ERRORS_IN_A_ROW + 2
    check_invariants()


async def test_R44_two_codes_in_turn_or_one_that_is_known_are_no_such_row(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.worker.MAX_IN_FLIGHT", 1)
    campaign_id = running(clock, tmp_path, 0, 48)
    async with answering(lambda to, n: error(987_654 + int(to) % 2)) as (_, client):
        await work(clock, client)
    assert progress(campaign_id).failed == 48
    known = running(clock, tmp_path, 500, 30)
    async with answering(lambda to, n: error(131_026)) as (_, client):
        await work(clock, client)
    assert progress(known).failed == 30


@pytest.mark.parametrize(("good", "held"), [(0, True), (1, False)])
async def test_R44_an_invalid_value_in_every_first_row_is_the_campaign_s_fault(
    good: int, held: bool, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = running(clock, tmp_path, 0, 40)
    lucky = {builders.number(i).lstrip("+") for i in range(good)}
    async with answering(lambda to, n: None if to in lucky else error(131_009)) as (server, client):
        await work(clock, client)
    assert (hold_of(campaign_id) == "campaign_paused") is held
    assert (sum(server.times.values()) == sum(streaks.RAMP)) is held
    check_invariants()


# Words


@pytest.mark.parametrize("case", CASES, ids=named)
def test_R48_every_code_is_told_in_words_with_advice(case: Case) -> None:
    text, advice = errors.text_of(case.code), errors.advice_of(case.code)
    assert text[0].isupper() and not text.endswith(".") and advice.endswith(".")
    # Words of operators, none of the API's.
    assert not re.search(r"HTTP|JSON|payload|endpoint error|wamid|_", text + advice)
    holds = (Action.PAUSE_CAMPAIGN, Action.PAUSE_NUMBER, Action.PAUSE_ACCOUNT, Action.AUTH)
    row = errors.row_of(case.code)
    assert row is not None
    if row.answers_send and row.action in holds:
        assert re.search(r"resume|[Ss]end through|[Cc]hoose|[Uu]se|Create|Accept", advice)
