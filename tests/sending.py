"""Runs against the simulator over loopback HTTP, and what must be true of them whatever happened."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.clock import HOUR, Clock
from engine.commands import launch
from engine.gateway.base import Accepted, Gateway, Outcome, Rejection
from engine.gateway.cloud_api import CloudApi
from engine.gateway.errors import classify
from engine.gateway.simulator.scenario import Scenario
from engine.gateway.simulator.server import Simulator
from engine.worker import Worker
from store import audit, campaigns, database, ledger, recipients
from store.errors import StoreBusy
from store.types import AuditEvent, Endpoint, Progress, Recipient, RecipientState, Status
from tests import builders
from tests.clock import FakeClock
from tests.store.invariants import check_invariants

TOKEN = "test-token"


class Watched:
    """A gateway that notes every hand-over and calls `before` with its number (from 1) just before it goes out."""

    def __init__(self, inner: Gateway, before: Callable[[int], object] = lambda n: None) -> None:
        self.inner = inner
        self.handed: list[str] = []
        """The numbers, in the order of the requests."""
        self.endpoints: list[Endpoint] = []
        self.answered = 0
        self.before = before

    async def send(
        self, phone_number_id: str, payload: Mapping[str, Any], endpoint: Endpoint = Endpoint.MESSAGES
    ) -> Outcome:
        self.handed.append(payload["to"].removeprefix("+"))
        self.before(len(self.handed))
        self.endpoints.append(endpoint)
        outcome = await self.inner.send(phone_number_id, payload, endpoint)
        self.answered += 1
        return outcome

    async def reachable(self) -> float | None:
        return await self.inner.reachable()

    async def authorised(self, phone_number_id: str) -> bool | None:
        return await self.inner.authorised(phone_number_id)

    async def close(self) -> None:
        await self.inner.close()


class Scripted:
    """A gateway without a network: the outcome is a function of the number and of how often it came before."""

    def __init__(self, outcome: Callable[[str, int], Outcome]) -> None:
        self._outcome = outcome
        self.handed: list[str] = []

    async def send(
        self, phone_number_id: str, payload: Mapping[str, Any], endpoint: Endpoint = Endpoint.MESSAGES
    ) -> Outcome:
        to = payload["to"].removeprefix("+")
        self.handed.append(to)
        await asyncio.sleep(0)
        return self._outcome(to, self.handed.count(to))

    async def reachable(self) -> float | None:
        return 1.0

    async def authorised(self, phone_number_id: str) -> bool | None:
        return True

    async def close(self) -> None:
        return


def takes_all(to: str, n: int) -> Outcome:
    """Everything is taken."""
    return Accepted(f"wamid.{to}.{n}")


def refused(code: int, http_status: int = 400) -> Rejection:
    """A refusal as `CloudApi` reads it off the wire."""
    row = classify(code, None, http_status)
    return Rejection(code, "details", http_status, row.action, row.retry_after, row.tries)


def refuses_all(to: str, n: int) -> Outcome:
    """Nobody is on WhatsApp."""
    return refused(131026)


class Bench:
    """A simulator, a client for it, and workers on the open database."""

    def __init__(self, clock: Clock, simulator: Simulator, client: CloudApi) -> None:
        self.clock = clock
        self.simulator = simulator
        self.gateway = Watched(client)

    def worker(self, gateway: Gateway | None = None, role: str = "service") -> Worker:
        """One more worker; its dice are seeded."""
        return Worker(self.clock, gateway or self.gateway, role, Random(1))

    async def run(self) -> None:
        """Let one worker do what there is to do."""
        await self.worker().work(until_idle=True)

    def accepted(self) -> Counter[str]:
        """How often each number was taken, by the simulator's own record."""
        return Counter(message.to for message in self.simulator.accepted)


@asynccontextmanager
async def bench(
    clock: Clock, scenario: Scenario | None = None, *, seed: int = 1, timeout: float = 5.0
) -> AsyncIterator[Bench]:
    """A simulator that behaves as `scenario` says and a client whose patience is `timeout` seconds."""
    async with (
        Simulator(scenario, seed=seed) as simulator,
        CloudApi(simulator.base_url, TOKEN, connect_timeout=2.0, timeout=timeout) as client,
    ):
        yield Bench(clock, simulator, client)


def rows(campaign_id: int) -> list[Recipient]:
    """Every row of a campaign's audience, in order."""
    audience_id = recipients.audience_of(campaign_id)
    return [row for chunk in recipients.chunks(audience_id, campaign_id) for row in chunk]


def numbers(campaign_id: int, *states: RecipientState) -> set[str]:
    """The numbers of the rows in these states."""
    return {str(row.phone) for row in rows(campaign_id) if row.state in states}


def progress(campaign_id: int) -> Progress:
    """The counters of a campaign."""
    return campaigns.get(campaign_id).progress


def check_against(accepted: Iterable[str], *campaign_ids: int, now: int | None = None) -> None:
    """What the gateway took is what these campaigns know: nobody twice, nobody missed, credits as accepted.

    The campaigns have to be over or on hold, of one credit a message, with audiences that do not overlap.
    """
    taken = Counter(accepted)
    assert [number for number, n in taken.items() if n > 1] == [], "R43: handed over twice"
    # Of one moment: a callback may still settle an unknown one.
    with database.snapshot():
        sent = set().union(*(numbers(one, RecipientState.SENT) for one in campaign_ids))
        unknown = set().union(*(numbers(one, RecipientState.UNKNOWN) for one in campaign_ids))
        held = {str(row.phone) for one in campaign_ids for row in rows(one) if row.held}
        spent = ledger.balance().spent
    assert sent | held <= set(taken), "sent or held back, but the gateway knows nothing of it"
    assert set(taken) <= sent | unknown | held, "accepted, but neither sent nor unknown nor held back"
    assert spent == len(sent)
    check_invariants(*campaign_ids, now=now)


def started(clock: FakeClock, folder: Path, audience: int = 3) -> int:
    """A campaign In Progress that nobody sends yet."""
    campaign_id = builders.draft(clock, folder, audience)
    launch.send_now(builders.context(clock), campaign_id)
    return campaign_id


async def eventually(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Look again and again until it holds, leaving the loop free in between; fails when it takes too long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    never = loop.create_future()
    while not condition():
        assert loop.time() < deadline, "it did not come to that in time"
        await asyncio.wait({never}, timeout=0.01)


async def step_until(worker: Worker, clock: FakeClock, condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Let a worker step, a quarter of a second of the clock's time apart, until the condition holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not condition():
        assert loop.time() < deadline, "it did not come to that in time"
        await worker.step()
        await clock.sleep(0.25)


def events(campaign_id: int | None = None) -> list[AuditEvent]:
    """The audit trail, of one campaign when given, oldest first."""
    return audit.events(campaign_id)


def actions(campaign_id: int | None = None) -> list[str]:
    """What the audit trail names, oldest first."""
    return [event.action for event in events(campaign_id)]


async def work(clock: Clock, gateway: Gateway) -> None:
    """Let a worker do what there is to do."""
    await Worker(clock, gateway, "service", Random(1)).work(until_idle=True)


def busy_for(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, times: int) -> list[str]:
    """The function raises `StoreBusy` so often before it works again."""
    works, raised = getattr(module, name), list[str]()

    def sometimes(*args: Any) -> Any:
        if len(raised) < times:
            raised.append(name)
            raise StoreBusy("another process is writing")
        return works(*args)

    monkeypatch.setattr(module, name, sometimes)
    return raised


def campaign_in(status: Status, clock: FakeClock, folder: Path, rows: int = 3) -> int:
    """A campaign that came to this status by commands and a worker; the clock stays where it is."""
    context = builders.context(clock)
    campaign_id = builders.draft(clock, folder, rows, name=f"A {status.value} one")
    if status in (Status.SCHEDULED, Status.CANCELLED):
        launch.schedule_at(context, campaign_id, "in 2 h")
    if status is Status.CANCELLED:
        launch.cancel(context, campaign_id)
    if status in (Status.IN_PROGRESS, Status.COMPLETED, Status.FAILED):
        launch.send_now(context, campaign_id)
    if status in (Status.COMPLETED, Status.FAILED):
        asyncio.run(work(clock, Scripted(takes_all if status is Status.COMPLETED else refuses_all)))
    assert campaigns.get(campaign_id).status is status
    return campaign_id


def schedule_in(clock: FakeClock, folder: Path, audience: int = 3, ahead_ms: int = HOUR) -> int:
    """A campaign Scheduled so far ahead."""
    campaign_id = builders.draft(clock, folder, audience)
    launch.schedule_at(builders.context(clock), campaign_id, f"in {ahead_ms // 1000} s")
    return campaign_id
