"""The worker as a process: its gateway, the simulator where there is none, signals."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import peewee
import pytest

from engine import service
from engine.clock import SystemClock
from engine.commands import setup
from engine.errors import BadInput, Busy
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.gateway.simulator.server import Simulator
from store import campaigns, leases, windows
from store.types import Gateway, Status
from tests import builders
from tests.clock import FakeClock
from tests.sending import check_against, eventually, progress, started
from tests.store.invariants import check_invariants

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """What a service does with signals ends with the test."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def use(clock: FakeClock, gateway: Gateway, base_url: str | None) -> None:
    context = builders.context(clock)
    setup.init(context, name="Acme", timezone=builders.ZONE, gateway=gateway, base_url=base_url)


CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")


async def test_it_sends_to_the_simulator_it_is_pointed_at_and_hears_of_deliveries(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 40)
    async with Simulator() as simulator:
        use(clock, Gateway.SIMULATOR, simulator.base_url)
        serving = asyncio.create_task(service.serve(SystemClock(), role="service"))
        # R46: the figures of a Completed campaign go on.
        await eventually(lambda: progress(campaign_id).read == 40)
        assert campaigns.get(campaign_id).status is Status.COMPLETED
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        check_against([message.to for message in simulator.accepted], campaign_id)
    assert leases.held(0) == []


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_stops_it_in_order_with_nothing_unknown(
    number: signal.Signals, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 500)
    async with Simulator(Scenario(latency_ms=Delay(30))) as simulator:
        use(clock, Gateway.SIMULATOR, simulator.base_url)
        serving = asyncio.create_task(service.serve(SystemClock(), role="service"))
        await eventually(lambda: progress(campaign_id).sent >= 30)
        os.kill(os.getpid(), number)
        await asyncio.wait_for(serving, 10)
        check_against([message.to for message in simulator.accepted], campaign_id)
    found = progress(campaign_id)
    assert (found.unknown, found.sent < 500, windows.open_windows()) == (0, True, [])
    assert leases.held(0) == []


async def test_until_idle_it_ends_by_itself(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 5)
    async with Simulator() as simulator:
        use(clock, Gateway.SIMULATOR, simulator.base_url)
        await service.serve(SystemClock(), role="service", until_idle=True)
    assert campaigns.get(campaign_id).status is Status.COMPLETED


@pytest.mark.skipif(not CHILDREN.exists(), reason="tells child processes apart by Linux's /proc")
async def test_R46_a_worker_that_can_store_no_callback_ends_in_order_with_what_broke(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 40)
    builders.refuse_callbacks()
    async with Simulator() as simulator:
        use(clock, Gateway.SIMULATOR, simulator.base_url)
        serving = asyncio.create_task(service.serve(SystemClock(), role="service"))
        await eventually(serving.done)
        assert isinstance(serving.exception(), peewee.IntegrityError)
        assert windows.open_windows() == [] and leases.held(0) == []
        check_against([message.to for message in simulator.accepted], campaign_id)


async def test_without_an_address_it_starts_a_simulator_of_its_own_and_ends_it(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 5)
    before = CHILDREN.read_text().split()
    serving = asyncio.create_task(service.serve(SystemClock(), role="console"))
    await eventually(lambda: campaigns.get(campaign_id).status is Status.COMPLETED, 20)
    assert len(CHILDREN.read_text().split()) == len(before) + 1
    os.kill(os.getpid(), signal.SIGTERM)
    await serving
    assert CHILDREN.read_text().split() == before
    check_invariants(campaign_id)


async def test_a_simulator_that_does_not_start_is_told(acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Busy) as busy:
        await service.serve(SystemClock(), role="service", until_idle=True)
    assert busy.value.code == "simulator_failed" and busy.value.hint


async def test_the_cloud_api_needs_a_token(acme: Path, clock: FakeClock) -> None:
    use(clock, Gateway.CLOUD_API, None)
    with pytest.raises(BadInput) as bad:
        await service.serve(SystemClock(), role="service", until_idle=True)
    assert bad.value.code == "no_token"
    assert "SENDOFF_TOKEN" in bad.value.hint and "secrets.toml" in bad.value.hint
    assert leases.held(0) == []


async def test_the_cloud_api_is_sent_to_with_the_token_of_the_environment(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SENDOFF_TOKEN", "a-very-secret-token")
    campaign_id = started(clock, tmp_path, 5)
    async with Simulator() as simulator:
        use(clock, Gateway.CLOUD_API, simulator.base_url)
        await service.serve(SystemClock(), role="service", until_idle=True)
        assert len(simulator.accepted) == 5
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    assert "a-very-secret-token" not in caplog.text
    assert b"a-very-secret-token" not in acme.read_bytes()


async def test_a_simulator_that_starts_later_than_the_worker_is_found(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "REGISTER_S", 0.05)
    monkeypatch.setattr("engine.holding.HEALTH_S", 0.05)
    campaign_id = started(clock, tmp_path, 10)
    async with Simulator() as first:
        port = int(first.base_url.rpartition(":")[2])
    use(clock, Gateway.SIMULATOR, f"http://127.0.0.1:{port}")
    serving = asyncio.create_task(service.serve(SystemClock(), role="service"))
    await eventually(lambda: campaigns.get(campaign_id).hold is not None)
    async with Simulator(port=port):
        await eventually(lambda: progress(campaign_id).read == 10)
        os.kill(os.getpid(), signal.SIGTERM)
        await serving


async def test_an_address_that_is_no_simulator_delivers_no_news_and_still_sends(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuses(base_url: str, url: str, secret: str) -> None:
        raise BadInput("callbacks_not_registered", "It takes no registration.", "Check the address.")

    monkeypatch.setattr("engine.callbacks.register", refuses)
    campaign_id = started(clock, tmp_path, 3)
    async with Simulator() as simulator:
        use(clock, Gateway.SIMULATOR, simulator.base_url)
        await service.serve(SystemClock(), role="service", until_idle=True)
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    assert "It takes no registration." in caplog.text
