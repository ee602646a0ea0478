"""Callbacks that were applied long ago are forgotten, and nothing that anybody still goes by (R46)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import callback_intake, doctor, forgetting
from engine.callback_intake import Applied, apply_relayed, apply_waiting
from engine.clock import DAY, MINUTE
from engine.forgetting import Forgetting
from engine.worker import Worker
from store import account, callbacks, database, optouts, upkeep
from tests import sending
from tests.clock import START, FakeClock
from tests.store.invariants import check_invariants


def said(words: str, at: int = START) -> str:
    """A callback in which somebody writes something."""
    message = {"from": "4915170000000", "timestamp": str(at // 1000), "type": "text", "text": {"body": words}}
    return json.dumps({"entry": [{"changes": [{"field": "messages", "value": {"messages": [message]}}]}]})


def hear(clock: FakeClock, *bodies: str) -> None:
    """Callbacks that come in now and are applied."""
    for body in bodies:
        callback_intake.keep(clock, body.encode())
    apply_waiting(clock)


def left() -> list[Any]:
    return [row[0] for row in database.execute("SELECT body FROM callback_event ORDER BY id").fetchall()]


def tend(clock: FakeClock) -> int:
    """All there is to do for a worker that starts now."""
    one, gone = Forgetting(clock), 0
    while one.wanting():
        gone += one.tend()
    return gone


def test_R46_an_applied_callback_is_forgotten_after_30_days_and_not_a_millisecond_before(
    db: Path, clock: FakeClock
) -> None:
    hear(clock, "{}", "[]")
    clock.advance(1)
    hear(clock, "1")
    clock.advance(30 * DAY - 1)
    assert (tend(clock), left()) == (0, ["{}", "[]", "1"])
    clock.advance(1)
    assert (tend(clock), left()) == (2, ["1"])


def test_R46_what_is_not_applied_yet_is_never_forgotten(db: Path, clock: FakeClock) -> None:
    hear(clock, "1")
    callback_intake.keep(clock, b"2")
    clock.advance(400 * DAY)
    one = Forgetting(clock)
    assert one.wanting() and one.tend() == 1 and not one.wanting()
    hear(clock, "3")
    # The same worker, although it was told of the event long after it came in.
    assert one.wanting() and one.tend() == 1
    assert (left(), callbacks.waiting()) == (["3"], [])


def test_R46_the_newest_stays_for_whoever_asks_when_callbacks_last_came(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    database.execute("UPDATE account SET gateway = 'cloud_api', base_url = 'http://127.0.0.1:9'")
    assert not account.hears_of_delivery()
    hear(clock, "1", "2")
    clock.advance(400 * DAY)
    assert (tend(clock), left()) == (1, ["2"])
    assert account.hears_of_delivery() and callbacks.ever_received() and upkeep.last_heard() == START
    database.execute("UPDATE account SET gateway = 'simulator', base_url = NULL")
    found = doctor.examine(doctor.Looking(clock, free=lambda _: 1 << 40, secrets=tmp_path / "secrets.toml"))
    assert [item.text for item in found.items if item.code == "callbacks"] == [
        "The last callback came in 400 d 0 h ago."
    ]
    assert found.at(doctor.Level.FAULT) == []
    check_invariants()


def test_R38_R46_a_relayed_callback_that_comes_again_after_years_is_still_none_that_is_new(
    db: Path, clock: FakeClock
) -> None:
    timeless = said("START").replace(f'"timestamp": "{START // 1000}", ', "")
    relayed = [("a", said("STOP")), ("b", timeless)]
    assert apply_relayed(clock, relayed, None, Applied()) == 2
    clock.advance(MINUTE)
    hear(clock, said("STOP", clock.now()), "last")
    clock.advance(400 * DAY)
    assert (tend(clock), left()) == (3, ["", "", "last"])
    assert (tend(clock), left()) == (0, ["", "", "last"])
    assert apply_relayed(clock, relayed, None, Applied()) == 0
    assert optouts.get(4915170000000) is not None


def test_R38_R46_a_reply_that_is_told_again_after_it_was_forgotten_changes_nothing(db: Path, clock: FakeClock) -> None:
    stop = said("STOP")
    hear(clock, stop)
    clock.advance(MINUTE)
    hear(clock, said("START", clock.now()), "last")
    assert optouts.get(4915170000000) is None
    clock.advance(400 * DAY)
    assert tend(clock) == 2
    hear(clock, stop)
    assert optouts.get(4915170000000) is None


def test_R46_a_clock_that_was_ahead_keeps_no_callback_but_its_own(db: Path, clock: FakeClock) -> None:
    clock.set(START + 4_000 * DAY)
    hear(clock, "ahead")
    clock.set(START)
    hear(clock, "1", "2", "3")
    clock.advance(31 * DAY)
    assert (tend(clock), left()) == (2, ["ahead", "3"])


def test_R46_it_is_done_in_short_transactions_and_the_room_is_used_again(
    db: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 100)
    bodies = [said(f"hello {n}") * 3 for n in range(1_000)]
    callbacks.keep_all([(clock.now(), body) for body in bodies])
    callbacks.keep_relayed([(f"{n:064}", body) for n, body in enumerate(bodies)], clock.now())
    database.execute("UPDATE callback_event SET applied_at = received_at")
    hear(clock, "last")
    clock.advance(31 * DAY)
    one, gone = Forgetting(clock), []
    while one.wanting():
        gone.append(one.tend())
    assert gone == [100] * 20
    assert database.execute("SELECT COUNT(*), COUNT(digest) FROM callback_event").fetchone() == (1_001, 1_000)
    pages, free = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
    callbacks.keep_all([(clock.now(), body) for body in bodies])
    assert free > 0 and database.execute("PRAGMA page_count").fetchone() == (pages,)


def test_R46_a_go_deals_with_no_more_than_some_megabytes(db: Path, clock: FakeClock) -> None:
    hear(clock, *(" " * (3 << 20) for _ in range(4)), "last")
    clock.advance(31 * DAY)
    one = Forgetting(clock)
    assert [one.tend(), one.tend(), one.tend()] == [2, 2, 0]


async def test_R46_the_worker_does_it_beside_its_work(acme: Path, clock: FakeClock) -> None:
    hear(clock, "1", "2")
    clock.advance(31 * DAY)
    worker = Worker(clock, sending.Scripted(sending.takes_all), "service")
    await sending.step_until(worker, clock, lambda: left() == ["2"])
    worker.stop()
    await worker.work()
