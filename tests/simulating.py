"""Messages for the simulator, and an inbox for what it calls back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from engine.callbacks import Receiver, register
from engine.errors import Busy
from engine.gateway.base import Outcome
from engine.gateway.cloud_api import CloudApi
from engine.gateway.simulator.scenario import Scenario
from engine.gateway.simulator.server import Simulator
from engine.statuses import parse
from store.types import StatusUpdate

ROOT = Path(__file__).parents[1]
EXAMPLES = json.loads((ROOT / "tests/data/contract/meta-openapi-examples.json").read_text("utf-8"))
SECRET = "app secret"
PATIENCE = 10.0


def payload(to: str = "+16505551234", reference: str = "1.1.1", **template: object) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "template",
        "biz_opaque_callback_data": reference,
        "template": {"name": "hello_world", "language": {"code": "en_US"}, **template},
    }


def body_of(*texts: object) -> dict[str, Any]:
    parameters = [{"type": "text", "text": text} for text in texts]
    return payload(components=[{"type": "body", "parameters": parameters}])


def number(i: int) -> str:
    return f"1650{i:07d}"


async def send_all(api: CloudApi, n: int, at_once: int = 32) -> list[Outcome]:
    """Hand `n` messages over, to numbers 0 to n-1 as campaign 1; outcomes in their order."""
    outcomes: dict[int, Outcome] = {}
    todo = iter(range(n))

    async def hand_over() -> None:
        for i in todo:
            outcomes[i] = await api.send("106540352242922", payload("+" + number(i), f"1.{i}.1"))

    await asyncio.gather(*(hand_over() for _ in range(at_once)))
    return [outcomes[i] for i in range(n)]


class Inbox:
    """Takes callbacks; `refuse` of them are answered 503 first. `until` waits for a condition on the updates."""

    def __init__(self, refuse: int = 0) -> None:
        self._refuse = refuse
        self._changed = asyncio.Event()
        self.bodies: list[bytes] = []
        self.updates: list[StatusUpdate] = []
        self.refused = 0

    def handle(self, raw: bytes) -> None:
        if self.refused < self._refuse:
            self.refused += 1
            raise Busy("busy", "not now")
        self.bodies.append(raw)
        self.updates += parse(raw)
        self._changed.set()

    @property
    def statuses(self) -> list[dict[str, Any]]:
        """Every status object that came, as it came."""
        return [status for value in self.values("messages") for status in value.get("statuses", [])]

    def values(self, field: str) -> list[dict[str, Any]]:
        """What came of one webhook field."""
        entries = [entry for body in self.bodies for entry in json.loads(body)["entry"]]
        return [change["value"] for entry in entries for change in entry["changes"] if change["field"] == field]

    async def until_values(self, field: str, n: int) -> list[dict[str, Any]]:
        """Wait for so many changes of one webhook field."""
        await self.until(lambda updates: len(self.values(field)) >= n)
        return self.values(field)

    async def until(self, reached: Callable[[list[StatusUpdate]], bool]) -> list[StatusUpdate]:
        async with asyncio.timeout(PATIENCE):
            while not reached(self.updates):
                self._changed.clear()
                await self._changed.wait()
        return self.updates


class Graph:
    """A bare client of the simulator: status and JSON of every answer, the token sent along."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession, token: str = "token") -> None:
        self.base_url = simulator.base_url
        self._session = session
        self.token = token

    async def get(self, path: str) -> tuple[int, Any]:
        """`GET` of a path with its query."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self._session.get(self.base_url + path, headers=headers) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, document: object = None, **options: Any) -> tuple[int, Any]:
        """`POST` of a document as JSON, or of what the options say."""
        headers = {"Authorization": f"Bearer {self.token}"}
        body: dict[str, Any] = options if "data" in options else {"json": document}
        async with self._session.post(self.base_url + path, headers=headers, **body) as answer:
            return answer.status, await answer.json()

    async def send(self, to: str = "+16505551234", reference: str = "1.1.1", *, sender: str = "1", **more: Any) -> int:
        """A message; 200 for one that was taken, else the code of the error. `more` goes into the template."""
        status, document = await self.post(f"/v23.0/{sender}/messages", payload(to, reference, **more))
        return 200 if status == 200 else int(document["error"]["code"])


@asynccontextmanager
async def graph(scenario: Scenario | None = None, **options: Any) -> AsyncIterator[tuple[Simulator, Graph]]:
    """A simulator and a bare client for it."""
    async with Simulator(scenario, **options) as simulator, aiohttp.ClientSession() as session:
        yield simulator, Graph(simulator, session)


@asynccontextmanager
async def listening(simulator: Simulator) -> AsyncIterator[Inbox]:
    """An inbox registered for the simulator's callbacks."""
    inbox = Inbox()
    receiver = Receiver(SECRET, inbox.handle)
    await register(simulator.base_url, await receiver.start(), SECRET)
    try:
        yield inbox
    finally:
        await receiver.close()
