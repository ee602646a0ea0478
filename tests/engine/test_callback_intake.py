"""From a callback's raw body to the recipients it concerns: stored first, applied after."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from engine import callback_intake
from engine.gateway.base import Unknown
from store import account, callbacks, ledger
from store.types import Balance, Delivery, RecipientState
from tests.clock import FakeClock
from tests.sending import Scripted, events, progress, rows, started, takes_all, work
from tests.store.invariants import check_invariants


def body(campaign_id: int, *statuses: str, seq: int = 1, **more: Any) -> bytes:
    """A callback with these statuses of one message, a second apart."""
    found = [
        {
            "id": f"wamid.{seq}",
            "status": status,
            "timestamp": str(1_795_424_400 + i),
            "biz_opaque_callback_data": f"{campaign_id}.{seq}.1",
            **more,
        }
        for i, status in enumerate(statuses)
    ]
    return json.dumps({"entry": [{"changes": [{"value": {"statuses": found}}]}]}).encode()


async def sent(clock: FakeClock, folder: Path, audience: int = 3) -> int:
    campaign_id = started(clock, folder, audience)
    await work(clock, Scripted(takes_all))
    assert progress(campaign_id).sent == audience
    return campaign_id


def apply(clock: FakeClock, *bodies: bytes) -> int:
    for one in bodies:
        callback_intake.keep(clock, one)
    return callback_intake.apply_waiting(clock)


async def test_R46_a_callback_is_stored_as_it_came_before_it_is_applied(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = await sent(clock, tmp_path)
    raw = body(campaign_id, "delivered")
    callback_intake.keep(clock, raw)
    assert [stored for _, stored in callbacks.waiting()] == [raw.decode()]
    assert progress(campaign_id).delivered == 0
    assert callback_intake.apply_waiting(clock) == 1
    assert progress(campaign_id).delivered == 1
    assert callbacks.waiting() == []


@pytest.mark.parametrize("order", permutations(["sent", "delivered", "read"]))
async def test_R46_states_only_move_forward_in_whatever_order_they_come(
    order: tuple[str, ...], acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = await sent(clock, tmp_path)
    apply(clock, *(body(campaign_id, status) for status in order))
    assert rows(campaign_id)[0].delivery is Delivery.READ
    assert (progress(campaign_id).delivered, progress(campaign_id).read) == (1, 1)
    check_invariants()


async def test_R46_repeated_and_late_callbacks_change_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = await sent(clock, tmp_path)
    apply(clock, body(campaign_id, "sent", "delivered", "read"))
    before, credits = rows(campaign_id), ledger.balance()
    clock.advance(7 * 24 * 3_600_000)
    apply(clock, body(campaign_id, "sent", "delivered", "read"), body(campaign_id, "sent"))
    assert (rows(campaign_id), ledger.balance()) == (before, credits)


async def test_R46_a_failure_after_sending_is_counted_beside_sent(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = await sent(clock, tmp_path)
    apply(clock, body(campaign_id, "failed", errors=[{"code": 131049, "title": "not delivered"}]))
    found = progress(campaign_id)
    assert (found.sent, found.undelivered, found.failed) == (3, 1, 0)
    assert rows(campaign_id)[0].error == 131049
    # The gateway took it, so its credit stays spent.
    assert ledger.balance().spent == 3
    check_invariants()


async def test_R42_a_callback_settles_an_unknown_and_its_credit(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 2)
    await work(clock, Scripted(lambda to, n: Unknown("time-out")))
    assert ledger.balance() == Balance(999_998, 2, 0)
    apply(clock, body(campaign_id, "delivered", seq=2))
    assert [row.state for row in rows(campaign_id)] == [RecipientState.UNKNOWN, RecipientState.SENT]
    assert rows(campaign_id)[1].message_id == "wamid.2"
    assert ledger.balance() == Balance(999_998, 1, 1)
    check_invariants()


@pytest.mark.parametrize("junk", [b"", b"\xff\xfe", b"[1]", b"{", b"null", b"\x00"])
async def test_what_cannot_be_read_is_kept_and_passed_over(
    junk: bytes, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = await sent(clock, tmp_path)
    assert apply(clock, junk, body(campaign_id, "delivered")) == 2
    assert progress(campaign_id).delivered == 1
    assert callbacks.waiting() == []


@pytest.mark.parametrize("reference", ["999.1.1", "1.999.1", "not ours", "1.1", ""])
async def test_what_concerns_nobody_here_changes_nothing(
    reference: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = await sent(clock, tmp_path)
    before = progress(campaign_id)
    apply(clock, body(campaign_id, "read", biz_opaque_callback_data=reference, id="wamid.unheard-of"))
    assert progress(campaign_id) == before


@pytest.mark.parametrize(("full", "batch", "at_once"), [(500, 20, 20), (4, 200, 2)])
async def test_a_long_backlog_is_applied_a_moment_at_a_time(
    full: int, batch: int, at_once: int, acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await sent(clock, tmp_path, 30)
    monkeypatch.setattr(callback_intake, "FULL", full)
    monkeypatch.setattr(callback_intake, "BATCH", batch)
    works = callbacks.apply

    def slow(*args: Any) -> int:
        clock.advance(2_000 * callback_intake.LONGEST_S)
        return works(*args)

    monkeypatch.setattr(callbacks, "apply", slow)
    every = [body(campaign_id, "delivered", "read", seq=seq) for seq in range(1, 31)]
    assert apply(clock, *every) == at_once
    assert progress(campaign_id).read == at_once
    while callback_intake.apply_waiting(clock):
        pass
    assert progress(campaign_id).read == 30


async def test_R46_statuses_of_another_account_of_the_same_app_are_passed_over(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = await sent(clock, tmp_path)
    told = json.loads(body(campaign_id, "delivered"))
    account.update_account(waba_id="1001")
    told["entry"][0]["id"] = "2002"
    apply(clock, json.dumps(told).encode())
    assert progress(campaign_id).delivered == 0
    told["entry"][0]["id"] = "1001"
    apply(clock, json.dumps(told).encode())
    assert progress(campaign_id).delivered == 1


async def test_callbacks_leave_the_audit_trail_to_people(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = await sent(clock, tmp_path)
    before = len(events())
    apply(clock, body(campaign_id, "read"))
    assert len(events()) == before
