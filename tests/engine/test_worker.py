"""The worker: starting what is due, owning senders, standing by, holding, recovering, ending."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import callback_intake, ending
from engine.callbacks import Receiver, register
from engine.clock import HOUR, SystemClock
from engine.commands import launch, setup
from engine.decide import GATEWAY_UNREACHABLE, NOT_AUTHORISED, HoldOrder
from engine.gateway.base import NotTaken, Outcome
from engine.gateway.cloud_api import CloudApi
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.gateway.simulator.server import Simulator
from engine.leasing import TTL_MS, Leases
from engine.message import reference
from engine.worker import Worker
from store import account, campaigns, database, leases, ledger, outcomes, windows
from store.errors import StoreBusy, StoreFailed
from store.types import Actor, Balance, Delivery, RecipientState, Result, ResultKind, RootCause, Status
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import (
    TOKEN,
    Scripted,
    Watched,
    actions,
    bench,
    check_against,
    events,
    eventually,
    progress,
    refused,
    rows,
    schedule_in,
    started,
    step_until,
    takes_all,
    work,
)
from tests.store.invariants import check_invariants


def ended(campaign_id: int) -> bool:
    return campaigns.get(campaign_id).status in (Status.COMPLETED, Status.FAILED)


def hold_until(campaign_id: int) -> int:
    hold = campaigns.get(campaign_id).hold
    assert hold is not None and hold.until is not None
    return hold.until


# What is due


async def test_R12_R20_a_worker_starts_what_is_due_and_sends_it(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    first, later = schedule_in(clock, tmp_path, 5), schedule_in(clock, tmp_path, 5, ahead_ms=3 * HOUR)
    clock.advance(HOUR)
    async with bench(clock) as one:
        await one.run()
        assert sum(one.accepted().values()) == 5
    assert campaigns.get(first).status is Status.COMPLETED
    assert campaigns.get(later).status is Status.SCHEDULED
    assert actions(first)[-3:] == ["campaign.schedule", "campaign.start", "campaign.completed"]


async def test_R20_what_came_due_while_no_worker_ran_runs_or_has_missed_its_window(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    missed, late = schedule_in(clock, tmp_path, 2), schedule_in(clock, tmp_path, 2, ahead_ms=2 * HOUR)
    clock.advance(2 * HOUR + 1)
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    assert campaigns.get(missed).status_reason == RootCause.MISSED_WINDOW
    assert campaigns.get(late).status is Status.COMPLETED
    assert len(gateway.handed) == 2


async def test_R40_a_campaign_whose_sender_is_gone_fails(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = schedule_in(clock, tmp_path)
    database.execute("UPDATE campaign SET sender_id = NULL")
    clock.advance(HOUR)
    await work(clock, Scripted(takes_all))
    assert campaigns.get(campaign_id).status_reason == RootCause.SENDER_UNAVAILABLE
    assert ledger.balance() == Balance(1_000_000, 0, 0)


async def test_two_due_campaigns_of_two_senders_are_both_sent(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    first = started(clock, tmp_path, 3)
    setup.add_sender(builders.context(clock), "+918040214022", "1000002")
    second = builders.draft(clock, tmp_path, 3)
    database.execute("UPDATE campaign SET sender_id = 2 WHERE id = ?", (second,))
    launch.send_now(builders.context(clock), second)
    worker = Worker(clock, Scripted(takes_all), "service")
    await worker.step()
    assert {lease.name for lease in leases.held(clock.now())} == {"sender:1", "sender:2"}
    await step_until(worker, clock, lambda: ended(first) and ended(second))


async def test_until_idle_waits_for_retries_and_not_for_what_is_scheduled_or_held(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    schedule_in(clock, tmp_path, ahead_ms=3 * HOUR)
    paired, held = started(clock, tmp_path, 2), started(clock, tmp_path, 2)
    first_numbers = {str(row.phone) for row in rows(paired)}
    database.execute("UPDATE recipient SET phone = phone + 1000 WHERE audience_id = ?", (held,))

    def outcome(to: str, n: int) -> Outcome:
        if to not in first_numbers:
            return refused(132001, 404)
        return refused(131056) if n < 4 else takes_all(to, n)

    await work(clock, Scripted(outcome))
    assert campaigns.get(paired).status is Status.COMPLETED
    assert clock.now() - START >= 1_000 + 4_000 + 16_000
    assert campaigns.get(held).hold is not None


async def test_once_ends_when_what_is_due_was_sent(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 5)
    await Worker(clock, Scripted(takes_all), "service").work(once=True)
    assert ended(campaign_id)


async def test_the_lease_says_how_the_worker_does(acme: Path, clock: FakeClock) -> None:
    def status() -> str:
        return "".join(lease.status for lease in leases.held(clock.now()))

    async with bench(clock) as one:
        worker = one.worker(role="console")
        await step_until(worker, clock, lambda: '"gateway_ms"' in status() and "null" not in status())
        said = json.loads(status())
        assert said["gateway_ms"] >= 0 and said["sending"] == []
        assert [lease.role for lease in leases.held(clock.now())] == ["console"]
        worker.stop()
        await worker.work()
    assert leases.held(clock.now()) == []


# The gateway is gone


@asynccontextmanager
async def gone() -> AsyncIterator[tuple[CloudApi, int]]:
    """A client for an address where nobody listens any more, and its port."""
    async with Simulator() as simulator:
        port = int(simulator.base_url.rpartition(":")[2])
    async with CloudApi(f"http://127.0.0.1:{port}", TOKEN, connect_timeout=1.0, timeout=2.0) as client:
        yield client, port


async def test_R45_an_unreachable_gateway_holds_the_run_which_lifts_by_itself_and_goes_on(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 60)
    async with gone() as (client, port):
        worker = Worker(clock, client, "service")
        await step_until(worker, clock, lambda: campaigns.get(campaign_id).hold is not None)
        hold = campaigns.get(campaign_id).hold
        assert hold is not None and hold.reason == "gateway_unreachable"
        assert hold.until is not None and hold.until > hold.since
        assert (progress(campaign_id).pending, progress(campaign_id).unknown) == (60, 0)
        async with Simulator(port=port) as simulator:
            await step_until(worker, clock, lambda: ended(campaign_id))
            check_against([message.to for message in simulator.accepted], campaign_id)
        worker.stop()
        await worker.work()
    assert (campaigns.get(campaign_id).status, progress(campaign_id).sent) == (Status.COMPLETED, 60)
    kept = [action for action in actions(campaign_id) if action in ("campaign.hold", "campaign.resume")]
    assert kept[:2] == ["campaign.hold", "campaign.resume"]


async def test_R45_the_next_look_at_an_unreachable_gateway_is_ever_later(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 3)
    waits: list[int] = []
    async with gone() as (client, _):
        worker = Worker(clock, client, "service")
        await step_until(worker, clock, lambda: campaigns.get(campaign_id).hold is not None)
        for _ in range(5):
            until = hold_until(campaign_id)
            clock.advance(max(0, until - clock.now()))
            now = clock.now()
            await worker.step()
            waits.append(hold_until(campaign_id) - now)
        assert waits == [4_000, 16_000, 60_000, 60_000, 60_000]
        # It was one hold all the time.
        assert actions(campaign_id).count("campaign.hold") == 1
        worker.stop()
        await worker.work()


async def test_R45_R40_a_gateway_that_stays_away_for_72_hours_ends_the_run(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 3)
    async with gone() as (client, _):
        worker = Worker(clock, client, "service")
        await step_until(worker, clock, lambda: campaigns.get(campaign_id).hold is not None)
        hold = campaigns.get(campaign_id).hold
        assert hold is not None
        for _ in range(71):
            clock.advance(HOUR)
            await worker.step()
            assert not ended(campaign_id)
        clock.advance(HOUR)
        await worker.step()
        worker.stop()
        await worker.work()
    over = campaigns.get(campaign_id)
    assert (over.status, over.status_reason) == (Status.FAILED, RootCause.GATEWAY_UNREACHABLE)
    assert over.finished_at is not None and over.finished_at - hold.since < 73 * HOUR
    assert "cannot be reached" in over.status_detail["reason"]
    assert ledger.balance() == Balance(1_000_000, 0, 0)
    check_invariants()


async def test_R45_an_answer_in_between_makes_the_next_outage_the_first_again(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 30)
    down = {f"{n:07d}" for n in (3, 12, 20)}

    def outcome(to: str, n: int) -> Outcome:
        return NotTaken("no route") if to[-7:] in down and n == 1 else takes_all(to, n)

    waits: list[int] = []
    gateway = Scripted(outcome)
    worker = Worker(clock, gateway, "service")
    while not ended(campaign_id):
        await worker.step()
        hold = campaigns.get(campaign_id).hold
        if hold is not None and hold.until not in waits:
            assert hold.until is not None and hold.until - hold.since <= 1_000
            waits.append(hold.until)
        await clock.sleep(0.25)
    assert 1 <= len(waits) <= 3
    assert len(gateway.handed) == 30 + len(down)
    check_invariants()


# Several workers


async def test_two_workers_one_sends_and_the_other_takes_over_when_the_first_resigns(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 150)
    async with bench(clock, Scenario(latency_ms=Delay(1))) as one:
        first, second = Watched(one.gateway), Watched(one.gateway)
        sending, standing_by = one.worker(first, "console"), one.worker(second)
        first.before = lambda n: sending.stop() if n == 60 else None
        seen_at_the_stop: list[int] = []
        second.before = lambda n: seen_at_the_stop.append(progress(campaign_id).unknown)
        await sending.step()
        assert (await standing_by.step()).waiting == 1
        await asyncio.gather(sending.work(until_idle=True), standing_by.work(until_idle=True))
        check_against(one.accepted().elements(), campaign_id)
    assert (campaigns.get(campaign_id).status, progress(campaign_id).sent) == (Status.COMPLETED, 150)
    assert 60 <= len(first.handed) < 150
    assert len(first.handed) + len(second.handed) == 150
    assert set(seen_at_the_stop) == {0}


async def test_a_standing_by_worker_starts_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = schedule_in(clock, tmp_path)
    assert Leases(clock, "service").ensure(1) is not None
    clock.advance(HOUR)
    # The owner renews in time.
    (lease,) = [found for found in [leases.get("sender:1")] if found]
    leases.renew(lease, clock.now() + TTL_MS)
    found = await Worker(clock, Scripted(takes_all), "service").step()
    assert (found.due, found.idle, campaigns.get(campaign_id).status) == (1, False, Status.SCHEDULED)


async def test_R43_a_worker_that_was_fenced_out_stands_by_afterwards(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 30)
    first = Worker(clock, Scripted(takes_all), "service")
    await first.step()
    now = clock.now()
    thief = leases.take("sender:1", "thief", now, now + TTL_MS, host="h", pid=1, role="service", owner_is_dead=True)
    assert thief is not None
    clock.advance(5_000)
    found = await first.step()
    assert found.waiting == 1
    stored = leases.get("sender:1")
    assert stored is not None and stored.owner == "thief"
    clock.advance(TTL_MS)
    await step_until(first, clock, lambda: ended(campaign_id))
    check_invariants()


async def test_R43_a_lease_that_was_lost_and_taken_again_is_no_licence_for_the_old_window(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, rate=1)
    campaign_id = started(clock, tmp_path, 20)
    async with bench(clock) as one:
        worker = one.worker()

        def lose_and_take_again(n: int) -> None:
            if n == 12:
                # Rows 12 to 16 are one window, and the others of it wait for their turn.
                now = clock.now()
                thief = leases.take("sender:1", "x", now, now + 1, host="h", pid=1, role="service", owner_is_dead=True)
                assert thief is not None and windows.recover(campaign_id, thief.fence, now) == 5
                leases.resign(thief)
                clock.advance(5_000)
                assert worker._leases.ensure(1) is None
                assert worker._leases.ensure(1) is not None

        one.gateway.before = lose_and_take_again
        await worker.work(until_idle=True)
        check_against(one.accepted().elements(), campaign_id)
    # Its own outcome is welcome, the others are unknown and were not handed out on top of that.
    unknown = [row.seq for row in rows(campaign_id) if row.state is RecipientState.UNKNOWN]
    assert unknown == [13, 14, 15, 16]
    assert len(one.gateway.handed) == 16


# Recovery


async def killed_in_mid_flight(one_client: CloudApi, clock: FakeClock, campaign_id: int) -> int:
    """What a worker leaves that is killed after its requests went out and before an outcome was recorded."""
    now = clock.now()
    lease = leases.take("sender:1", "killed", now, now + TTL_MS, host="h", pid=1, role="service")
    assert lease is not None
    claimed = windows.claim(campaign_id, lease, 10, now)
    assert claimed is not None
    for row in claimed[1]:
        payload = {
            "messaging_product": "whatsapp",
            "to": f"+{row.phone}",
            "type": "template",
            "biz_opaque_callback_data": reference(campaign_id, row.seq, 1),
            "template": {"name": "greeting", "language": {"code": "en_US"}},
        }
        # The last three had not gone out yet.
        if row.seq <= 7:
            await one_client.send("1000001", payload)
    return len(claimed[1])


async def test_R42_R43_what_a_killed_worker_had_in_flight_is_unknown_until_callbacks_settle_it(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 40)
    async with bench(clock) as one:
        assert isinstance(one.gateway.inner, CloudApi)
        assert await killed_in_mid_flight(one.gateway.inner, clock, campaign_id) == 10
        await one.run()
        check_against(one.accepted().elements(), campaign_id)
        over = campaigns.get(campaign_id)
        assert (over.status, over.progress.unknown, over.progress.sent) == (Status.COMPLETED, 10, 30)
        (recovered,) = [event for event in events(campaign_id) if event.action == "campaign.recovered"]
        assert recovered.after == {"unknown": 10} and recovered.detail
        receiver = Receiver("secret", lambda body: callback_intake.keep(clock, body))
        try:
            await register(one.simulator.base_url, await receiver.start(), "secret")

            def settled() -> bool:
                callback_intake.apply_waiting(clock)
                return progress(campaign_id).read == 37

            await eventually(settled)
        finally:
            await receiver.close()
        check_against(one.accepted().elements(), campaign_id)
    found = progress(campaign_id)
    assert (found.sent, found.unknown, found.delivered) == (37, 3, 37)
    assert {row.delivery for row in rows(campaign_id) if row.state is RecipientState.SENT} == {Delivery.READ}
    assert ledger.balance() == Balance(1_000_000 - 40, 3, 37)
    # R46: the figures of a Completed campaign go on.
    assert campaigns.get(campaign_id).status is Status.COMPLETED


async def test_R43_a_row_that_was_put_back_before_the_kill_is_still_pending(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 4)
    now = clock.now()
    lease = leases.take("sender:1", "killed", now, now + TTL_MS, host="h", pid=1, role="service")
    assert lease is not None and windows.claim(campaign_id, lease, 4, now) is not None
    put_back = Result(2, ResultKind.PUT_BACK, now, now, code=130429, http_status=429, not_before=now)
    outcomes.record(campaign_id, [put_back], {2: None}, [], now)
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    assert [row.state for row in rows(campaign_id)] == [
        RecipientState.UNKNOWN,
        RecipientState.SENT,
        RecipientState.UNKNOWN,
        RecipientState.UNKNOWN,
    ]
    assert len(gateway.handed) == 1


async def test_no_window_of_a_dead_fence_is_open_once_a_worker_runs(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 20)
    for owner in ("one", "two"):
        now = clock.now()
        lease = leases.take("sender:1", owner, now, now + TTL_MS, host="h", pid=1, role="service", owner_is_dead=True)
        assert lease is not None and windows.claim(campaign_id, lease, 3, now) is not None
    assert len(windows.open_windows(campaign_id)) == 2
    worker = Worker(clock, Scripted(takes_all), "service")
    await worker.step()
    assert [window for window in windows.open_windows(campaign_id) if window.fence < 3] == []
    assert progress(campaign_id).unknown == 6
    await step_until(worker, clock, lambda: ended(campaign_id))
    check_invariants()


# The store


@pytest.mark.parametrize("fault", [StoreBusy("locked"), StoreFailed("disk full")])
async def test_a_store_that_cannot_be_used_for_a_while_ends_no_worker(
    fault: Exception, acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 5)
    works, raised = account.senders, list[int]()

    def sometimes() -> list[object]:
        if len(raised) < 3:
            raised.append(1)
            raise fault
        return list(works())

    monkeypatch.setattr(account, "senders", sometimes)
    await work(clock, Scripted(takes_all))
    assert len(raised) == 3 and campaigns.get(campaign_id).status is Status.COMPLETED


async def test_a_store_that_fails_at_the_end_of_a_run_is_no_fault_of_the_program(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = started(clock, tmp_path, 5)
    works, raised = ending.finish, list[int]()

    def sometimes(*args: Any) -> object:
        if not raised:
            raised.append(1)
            raise StoreBusy("locked")
        return works(*args)

    monkeypatch.setattr(ending, "finish", sometimes)
    await work(clock, Scripted(takes_all))
    assert raised and campaigns.get(campaign_id).status is Status.COMPLETED
    assert "campaign.hold" not in actions(campaign_id)


async def test_a_campaign_that_cannot_be_composed_holds_itself_and_no_other(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    broken, whole = started(clock, tmp_path, 3), started(clock, tmp_path, 3)
    database.execute("UPDATE campaign SET fills = '{}' WHERE id = ?", (broken,))
    await work(clock, Scripted(takes_all))
    hold = campaigns.get(broken).hold
    assert hold is not None and hold.reason == "program_fault"
    assert campaigns.get(whole).status is Status.COMPLETED


# Ending


async def test_a_stop_before_anything_began_ends_at_once(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 5)
    gateway = Scripted(takes_all)
    worker = Worker(clock, gateway, "service")
    worker.stop()
    await worker.work()
    assert gateway.handed == [] and progress(campaign_id).pending == 5


async def test_a_stop_does_not_wait_for_the_turns_of_a_slow_senders_campaigns(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, rate=1)
    queue = [started(clock, tmp_path, 3) for _ in range(12)]
    real = SystemClock()
    gateway = Scripted(takes_all)
    worker = Worker(real, gateway, "service")
    await worker.step()
    await eventually(lambda: len(gateway.handed) >= 1)
    began = real.steady()
    worker.stop()
    await worker.work()
    # Their turns would come at one a second.
    assert real.steady() - began < 6
    assert windows.open_windows() == [] and len(gateway.handed) < 6
    check_invariants(*queue)


async def test_a_stop_applies_the_callbacks_that_came(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 1)
    worker = Worker(clock, Scripted(takes_all), "service")
    await step_until(worker, clock, lambda: ended(campaign_id))
    status = {
        "id": rows(campaign_id)[0].message_id,
        "status": "read",
        "timestamp": "1795424401",
        "biz_opaque_callback_data": f"{campaign_id}.1.1",
    }
    body = {"entry": [{"changes": [{"value": {"statuses": [status]}}]}]}
    callback_intake.keep(clock, json.dumps(body).encode())
    worker.stop()
    await worker.work()
    assert progress(campaign_id).read == 1


async def test_a_worker_by_the_machines_clock_sends_at_the_senders_rate(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    builders.account_with_sender(clock, tmp_path, rate=100)
    campaign_id = started(clock, tmp_path, 50)
    real = SystemClock()
    async with bench(real) as one:
        began = real.steady()
        await one.run()
        took = real.steady() - began
        check_against(one.accepted().elements(), campaign_id)
    # 95 a second, of which a late caller may catch up 30 ms.
    assert took > (50 - 1) / 95 - 0.1


@pytest.mark.parametrize("reason", [NOT_AUTHORISED, GATEWAY_UNREACHABLE])
async def test_R45_a_worker_that_ends_when_idle_waits_for_the_answer_by_which_a_hold_lifts(
    reason: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, HoldOrder(reason, "Wait", clock.now() + 1_000), Actor("worker", "before"))
    clock.advance(2_000)
    await work(clock, Scripted(takes_all))
    assert campaigns.get(campaign_id).status is Status.COMPLETED
