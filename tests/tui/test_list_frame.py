"""Who sends, made from the leases that stand in the store."""

from __future__ import annotations

import json
import socket
from typing import Any, cast

from store.types import Lease
from tests.clock import START
from tui.feed import Overview
from tui.list_frame import worker_status
from tui.supervisor import Supervisor
from tui.widgets.status_bar import WorkerStatus

HOST = socket.gethostname()
OWN_PID = 4711


class Own(Supervisor):
    """A console's worker with this process id."""

    @property
    def pid(self) -> int | None:
        return OWN_PID


def lease(
    sender: int, pid: int, *, host: str = HOST, role: str = "service", ms: int | None = 5, runs: Any = ()
) -> Lease:
    status = json.dumps({"gateway_ms": ms, "sending": list(runs)})
    return Lease(f"sender:{sender}", f"{host}{pid}", 1, START + 15_000, host, pid, role, START, status)


def told(*leases: Lease, now: int = START, own: bool = True) -> WorkerStatus:
    seen = Overview(cast("Any", None), cast("Any", None), leases, None, {})
    return worker_status(seen, Own("x") if own else None, True, "", now)


def test_the_consoles_own_worker_is_this_console() -> None:
    assert (told(lease(1, OWN_PID, role="console")).who, told(lease(1, OWN_PID)).doing) == ("this console", "idle")


def test_another_worker_is_named_by_role_host_and_process() -> None:
    found = told(lease(1, 7, host="web1", runs=[3]))
    assert (found.who, found.doing) == ("service on web1, pid 7", "sending 1")


def test_the_same_process_id_on_another_machine_is_another_worker() -> None:
    assert told(lease(1, OWN_PID, host="web1")).who == f"service on web1, pid {OWN_PID}"


def test_one_worker_with_several_senders_is_named_once_and_its_runs_are_counted_once() -> None:
    found = told(lease(1, 7, host="web1", runs=[3, 4]), lease(2, 7, host="web1", runs=[3, 4]))
    assert (found.who, found.doing) == ("service on web1, pid 7", "sending 2")


def test_workers_that_share_the_senders_are_all_named_the_own_one_first() -> None:
    found = told(lease(1, 7, host="web1", runs=[3]), lease(2, OWN_PID, role="console", runs=[5], ms=9))
    assert found.who == "this console and service on web1, pid 7"
    assert (found.doing, found.gateway, found.trouble) == ("sending 2", "ok 9 ms", False)


def test_one_of_them_without_a_gateway_is_trouble() -> None:
    found = told(lease(1, 7, ms=None), lease(2, OWN_PID))
    assert (found.gateway, found.trouble) == ("does not answer", True)


def test_a_lease_that_ran_out_is_nobodys() -> None:
    dead = lease(1, 7, host="web1", runs=[3])
    assert told(dead, now=START + 15_000).who == "service on web1, pid 7"
    found = told(dead, now=START + 15_001)
    assert (found.who, found.doing) == ("this console", "starting")
    assert told(dead, now=START + 15_001, own=False).doing == "starting"
