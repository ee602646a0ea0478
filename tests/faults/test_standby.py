"""Two consoles and a headless worker on one database: one sends, the others say who does and take over from it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from store import database, leases
from store.types import Status
from tests.faults.consoles import HOST, START_S, alive, console, owner, parent_of, wait_for_owner
from tests.faults.processes import field_of, let_pass, wait_until
from tests.logfmt import events
from tests.terminal import Terminal

LEASE_S = 15.0
AT_ONCE_S = 8.0
"""What is at once on a machine that is busy with something else; without the file lock it would be the lease's 15 s."""


def says(terminal: Terminal, who: str) -> None:
    terminal.expect(f"worker: {who}, sending 1", START_S)


@pytest.mark.timeout(300)
def test_R43_two_consoles_and_a_service_one_sends_the_others_say_who_and_take_over(tmp_path: Path) -> None:
    with field_of(tmp_path, 3_000, 20) as one:
        service = one.worker()
        one.wait_for(10)
        with console(one, "a") as a, console(one, "b", 80, 24) as b:
            for terminal in (a, b):
                says(terminal, f"service on {HOST}, pid {service.pid}")
            wait_until(lambda: parent_workers(a, b) == 2, lambda: "the consoles' own workers")
            first = owner()
            assert first is not None and (first.pid, first.role, first.fence) == (service.pid, "service", 1)

            service.kill()
            service.wait(10)
            accepted = len(one.accepted())
            assert one.wait_for(accepted + 1) < AT_ONCE_S, "it waited for the lease to run out"
            second, _ = wait_for_owner(lambda lease: lease.fence == 2, "a console")
            assert second.role == "console"
            senders, others = (a, b) if parent_of(second.pid) == a.pid else (b, a)
            assert parent_of(second.pid) == senders.pid
            says(senders, "this console")
            says(others, f"console on {HOST}, pid {second.pid}")

            senders.press("q")
            _, took = wait_for_owner(lambda lease: lease.fence == 3, "the other console", LEASE_S)
            assert took < AT_ONCE_S
            assert senders.expect_end() == 0
            third = owner()
            assert third is not None and parent_of(third.pid) == others.pid
            says(others, "this console")
            accepted = len(one.accepted())
            one.wait_for(accepted + 1)

            # With nobody left who stands by it asks.
            others.press("q")
            others.expect("until somebody starts sendoff")
            others.settle()
            others.press("y")
            assert others.expect_end() == 0
            wait_until(lambda: not alive(third.pid), lambda: "the end of the last worker")
        assert owner() is None
        one.check()
        assert one.status() is Status.IN_PROGRESS
        # Only what was in flight at the kill; the consoles ended in order.
        assert one.progress().unknown <= 10
        assert one.progress().sent + one.progress().unknown >= len(one.accepted())


def parent_workers(*terminals: Terminal) -> int:
    """How many consoles have their worker running."""
    found = 0
    for terminal in terminals:
        terminal.settle(0.05, 0.2)
        children = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text(encoding="ascii").split()
        found += any("worker" in Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in children)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stand_by_takes_over_at_once_after_a_clean_stop_and_nothing_is_unknown(
    number: signal.Signals, tmp_path: Path
) -> None:
    with field_of(tmp_path, 400, 100) as one:
        first = one.worker()
        one.wait_for(30)
        second = one.worker()
        wait_until(lambda: one.said().count("worker started") == 2, lambda: "the second worker")
        first.send_signal(number)
        _, took = wait_for_owner(lambda lease: lease.pid == second.pid, "the second worker", LEASE_S)
        assert took < AT_ONCE_S
        assert first.wait(10) == 0
        one.wait_for_the_end()
        assert (one.progress().sent, one.progress().unknown) == (400, 0)
        second.send_signal(number)
        assert second.wait(10) == 0
        one.check_in_order()
        taken = [(line["sender"], line["fence"]) for line in events(one.said(), "lease.taken")]
        assert taken == [("1", "1"), ("1", "2")]
        assert [line["why"] for line in events(one.said(), "worker.stopping")] == [number.name] * 2


def test_a_clean_stop_is_over_within_ten_seconds_though_the_gateway_does_not_answer(tmp_path: Path) -> None:
    slow = "missing = 1.0\n[latency_ms]\nmedian = 60000\nspread = 0\n"
    with field_of(tmp_path, 50, 100, slow) as one:
        worker = one.worker()
        wait_until(lambda: bool(open_windows()), lambda: "a window", 20)
        let_pass(0.5)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
        # What had no answer by then is not known, and nothing is left open.
        assert one.progress().unknown > 0
        assert open_windows() == [] and owner() is None
        with database.session():
            assert leases.held(0) == []


def open_windows() -> list[object]:
    from store import windows

    with database.session():
        return list(windows.open_windows())
