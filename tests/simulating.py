"""Messages for the simulator, and an inbox for what it calls back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.callbacks import parse
from engine.errors import Busy
from engine.gateway.base import Outcome
from engine.gateway.cloud_api import CloudApi
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

    async def until(self, reached: Callable[[list[StatusUpdate]], bool]) -> list[StatusUpdate]:
        async with asyncio.timeout(PATIENCE):
            while not reached(self.updates):
                self._changed.clear()
                await self._changed.wait()
        return self.updates
