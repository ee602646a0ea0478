"""Templates and senders brought in step from the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.commands import setup
from engine.roles import Role
from store import account, database
from store.types import Gateway
from tests import builders
from tests.clock import FakeClock
from tests.engine.test_cloud_api import listening, never_answer
from tests.graph_server import TOKEN, WABA, GraphServer, graph_server
from tests.tui import scenes
from tests.tui.scenes import NARROW, WIDE, Desk, opened, told
from tui.screens.sync import SyncScreen

BODY = {"type": "BODY", "text": "Hello {{1}}"}


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.empty(tmp_path, clock)


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as server:
        yield server


@pytest.fixture
def connected(desk: Desk, graph: GraphServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    with database.session():
        setup.set_gateway(builders.context(desk.clock), gateway=Gateway.CLOUD_API, base_url=graph.url, waba_id=WABA)
    return desk


def item(name: str, **changes: Any) -> dict[str, Any]:
    made = {"id": f"id-{name}", "name": name, "language": "en", "status": "APPROVED", "category": "UTILITY"}
    return {**made, "components": [BODY], **changes}


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_sync_tells_what_it_did(connected: Desk, graph: GraphServer, size: tuple[int, int]) -> None:
    graph.lists["message_templates"] = [item("fresh"), item("[b]bold[/b]", status="PAUSED")]
    graph.lists["phone_numbers"] = [{"id": "7", "display_phone_number": "+91 80402 14029", "status": "CONNECTED"}]
    async with connected.console(size) as console:
        await opened(console)
        await console.press("W")
        await console.expect("Templates: 2 new templates, 0 changed", "new      fresh:en, approved", "[b]bold[/b]:en")
        await console.expect("Senders: 1 new sender", "+91 80 4021 4029, connected", "esc closes")
        await console.press("escape")
        await console.until(lambda: not isinstance(console.app.screen, SyncScreen), "it is closed")
    with database.session():
        assert {one.name for one in account.templates()} >= {"fresh", "[b]bold[/b]"}


async def test_a_long_list_is_cut_and_says_so(connected: Desk, graph: GraphServer) -> None:
    graph.lists["message_templates"] = [item(f"offer_{n:03}") for n in range(150)]
    async with connected.console() as console:
        await opened(console)
        await console.press("W")
        await console.expect("Templates: 150 new templates", "esc closes")
        await console.press("end")
        await console.expect("offer_099:en", "… and 51 more; the audit trail has them", "Senders: 0 new senders")
    with database.session():
        assert len(account.templates()) == 151


async def test_what_stands_in_the_way_is_told_in_the_dialog(desk: Desk) -> None:
    async with desk.console() as console:
        await opened(console)
        await console.press("W")
        await console.expect("! This account's messages go to the simulator inside the worker", "esc closes")


async def test_a_limit_of_calls_is_told_and_nothing_is_applied(connected: Desk, graph: GraphServer) -> None:
    graph.refuse("message_templates", 80007, 400, {"Retry-After": "120"})
    async with connected.console() as console:
        await opened(console)
        await console.press("W")
        await console.expect("(80007)", "Wait 2 minutes, then try again.")


async def test_R57_who_may_not_sync_is_told_so(connected: Desk, graph: GraphServer) -> None:
    async with connected.console(role=Role.AGENT) as console:
        await opened(console)
        await console.press("W")
        await told(console, "The role agent may not do this")
    assert graph.requests == []


async def test_a_sync_that_hangs_is_left_with_esc(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    async with listening(never_answer) as url, desk.console() as console:
        with database.session():
            setup.set_gateway(builders.context(desk.clock), gateway=Gateway.CLOUD_API, base_url=url, waba_id=WABA)
        await opened(console)
        await console.press("W")
        await console.expect("Reading templates…")
        await console.press("escape")
        await console.until(lambda: not isinstance(console.app.screen, SyncScreen), "it is closed")
