"""After a restore: nobody gets a message twice, and what is heard of lost campaigns is not taken for news of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.clock import DAY, HOUR, MINUTE
from engine.commands import backups, launch, resuming
from engine.gateway.base import Unknown
from engine.worker import Worker
from store import campaigns, database, ledger, restored
from store.types import Balance, RecipientState
from tests import builders
from tests.clock import FakeClock
from tests.engine.test_callback_intake import apply
from tests.sending import Scripted, progress, refused, rows, started, step_until, takes_all, work
from tests.store.invariants import check_invariants

CREDITS = 1_000_000
TOKEN_IS_DEAD: dict[str, Any] = {
    "messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "918040214021", "phone_number_id": "1000001"},
    "errors": [{"code": 190, "title": "token expired"}],
}


def told(value: dict[str, Any]) -> bytes:
    changes = [{"field": "messages", "value": value}]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()


def status(clock: FakeClock, reference: str, phone: int, kind: str = "delivered", ago_s: int = 0) -> bytes:
    found = {
        "id": f"wamid.lost.{reference}",
        "status": kind,
        "timestamp": str(clock.now() // 1000 - ago_s),
        "recipient_id": str(phone),
        "biz_opaque_callback_data": reference,
    }
    return told({"statuses": [found]})


def restore(clock: FakeClock, db: Path, backup: Path) -> None:
    database.close_database()
    backups.restore(builders.context(clock), backups.plan(str(db), backup))
    database.open_database(str(db))


async def lost_half(clock: FakeClock, db: Path, folder: Path) -> tuple[int, set[str]]:
    """A run that a backup knows as begun, gone out whole since, and restored; the campaign, and who got it since."""
    campaign_id = started(clock, folder, 30)
    first = Scripted(takes_all)
    worker = Worker(clock, first, "service")
    await step_until(worker, clock, lambda: progress(campaign_id).sent >= 5)
    worker.stop()
    await worker.work(until_idle=True)
    backups.make(builders.context(clock), folder / "b.db")
    rest = Scripted(takes_all)
    await work(clock, rest)
    assert len({*first.handed, *rest.handed}) == 30 and rest.handed
    restore(clock, db, folder / "b.db")
    return campaign_id, set(rest.handed)


def another(clock: FakeClock, folder: Path) -> int:
    """A campaign to other people that goes out now."""
    people = [(f"N{i}", builders.number(500 + i), "C") for i in range(3)]
    campaign_id = builders.draft(clock, folder, people, "Another")
    launch.send_now(builders.context(clock), campaign_id)
    return campaign_id


async def test_R43_the_hold_of_a_restored_run_is_replaced_by_none_and_lifted_with_none(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id, since = await lost_half(clock, acme, tmp_path)
    with database.session():
        clock.advance(HOUR)
        other = another(clock, tmp_path)
        apply(clock, told(TOKEN_IS_DEAD))
        assert [hold and hold.reason for hold in (campaigns.get(campaign_id).hold, campaigns.get(other).hold)] == [
            "restored",
            "not_authorised",
        ]
        clock.advance(MINUTE)
        resuming.resume(builders.context(clock), other)
        gateway = Scripted(takes_all)
        await work(clock, gateway)
        hold = campaigns.get(campaign_id).hold
        assert hold is not None and hold.reason == "restored"
        assert not since & set(gateway.handed) and len(gateway.handed) == 3


async def test_R45_a_run_that_waits_for_a_person_is_not_lifted_together_with_others(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    silent = started(clock, tmp_path, 100)
    await work(clock, Scripted(lambda to, n: Unknown("time-out")))
    before = campaigns.get(silent).hold
    assert before is not None and before.until is None
    other = another(clock, tmp_path)
    apply(clock, told(TOKEN_IS_DEAD))
    assert campaigns.get(silent).hold == before
    clock.advance(MINUTE)
    resuming.resume(builders.context(clock), other)
    assert (campaigns.get(silent).hold, campaigns.get(other).hold) == (before, None)


async def test_R42_R43_rows_of_a_restored_run_that_callbacks_prove_are_not_handed_over_again(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id, since = await lost_half(clock, acme, tmp_path)
    with database.session():
        clock.advance(HOUR)
        by_number = {str(row.phone): row for row in rows(campaign_id)}
        proven = sorted(since)[::2]
        for number in proven:
            apply(clock, status(clock, f"{campaign_id}.{by_number[number].seq}.1", int(number)))
        check_invariants()
        resuming.resume(builders.context(clock), campaign_id)
        gateway = Scripted(takes_all)
        await work(clock, gateway)
        assert not set(proven) & set(gateway.handed)
        assert set(gateway.handed) == since - set(proven)
        assert (progress(campaign_id).sent, progress(campaign_id).delivered) == (30, len(proven))
        assert ledger.balance() == Balance(CREDITS - 30, 0, 30)
        check_invariants()


async def test_R42_R43_what_is_heard_of_one_that_the_backup_knew_as_scheduled_counts_when_it_starts(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 10)
    launch.schedule_at(context, campaign_id, "in 1 h")
    backups.make(context, tmp_path / "b.db")
    clock.advance(HOUR)
    await work(clock, Scripted(takes_all))
    numbers = [row.phone or 0 for row in rows(campaign_id)]
    restore(clock, acme, tmp_path / "b.db")
    with database.session():
        for seq in (2, 9):
            apply(clock, status(clock, f"{campaign_id}.{seq}.1", numbers[seq - 1]))
        assert progress(campaign_id).sent == 0
        resuming.resume(context, campaign_id)
        gateway = Scripted(takes_all)
        await work(clock, gateway)
        assert sorted(gateway.handed) == sorted(str(n) for n in numbers if n not in (numbers[1], numbers[8]))
        assert (progress(campaign_id).sent, progress(campaign_id).delivered) == (10, 2)
        check_invariants()


async def test_R43_campaigns_made_after_a_restore_have_numbers_that_no_lost_one_had(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    backups.make(builders.context(clock), tmp_path / "b.db")
    lost = started(clock, tmp_path, 3)
    restore(clock, acme, tmp_path / "b.db")
    with database.session():
        assert another(clock, tmp_path) > lost + restored.LEFT_OUT // 2


@pytest.mark.parametrize(("of_whom", "ago_s"), [("somebody else", 0), ("the same person", 3 * DAY // 1000)])
async def test_R42_a_status_of_another_message_with_this_reference_proves_nothing(
    of_whom: str, ago_s: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 1)
    number = int(builders.number(0)[1:])
    gateway = Scripted(lambda to, n: refused(131056) if n == 1 else takes_all(to, n))
    worker = Worker(clock, gateway, "service")
    await step_until(worker, clock, lambda: rows(campaign_id)[0].attempt == 1)
    whom = number if of_whom == "the same person" else number + 7
    apply(clock, status(clock, f"{campaign_id}.1.1", whom, "read", ago_s))
    assert rows(campaign_id)[0].state is RecipientState.PENDING
    worker.stop()
    await worker.work(until_idle=True)
    await work(clock, gateway)
    assert gateway.handed == [str(number)] * 2
    assert rows(campaign_id)[0].read_at is None
    check_invariants()


async def test_R42_a_status_that_names_the_recipient_as_whatsapp_writes_it_proves_the_message(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    people = [("Ana", "+525512345678", "C1")]
    campaign_id = builders.draft(clock, tmp_path, people)
    launch.send_now(builders.context(clock), campaign_id)
    gateway = Scripted(lambda to, n: refused(131056) if n == 1 else takes_all(to, n))
    worker = Worker(clock, gateway, "service")
    await step_until(worker, clock, lambda: rows(campaign_id)[0].attempt == 1)
    assert rows(campaign_id)[0].phone == 525512345678
    apply(clock, status(clock, f"{campaign_id}.1.1", 5215512345678))
    assert rows(campaign_id)[0].state is RecipientState.SENT
    worker.stop()
    await worker.work(until_idle=True)
