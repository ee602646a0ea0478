"""Callbacks, statuses and replies: what becomes due is posted in batches, at least once, to whoever registered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import aiohttp

from engine.gateway.errors import text_of

if TYPE_CHECKING:
    from engine.gateway.simulator.behaviour import Behaviour, Step
    from engine.gateway.simulator.record import Record

BATCH = 1000
COALESCE = 0.1
"""Seconds between batches that are not full."""
FIRST_DELAY = 0.25
LONGEST_DELAY = 30.0
MOST_TARGETS = 8
ACCOUNT_ID = "100000000000001"


@dataclass(frozen=True, slots=True)
class Target:
    """Where callbacks go, and the secret they are signed with."""

    url: str
    secret: str


class Outbox:
    """The callbacks of all accepted messages, posted by one task.

    Nothing is taken off the schedule while nobody has registered, and a batch is repeated with growing delay until a
    target answers 200, so no callback is lost while no worker runs.
    """

    def __init__(self, behaviour: Behaviour, record: Record) -> None:
        self._behaviour = behaviour
        self._record = record
        # (due by the loop's clock, index of the message, number of the step): one entry a message, its next step.
        self._due: list[tuple[float, int, int]] = []
        self._batch: list[tuple[int, Step]] = []
        self._targets: list[Target] = []
        self._something = asyncio.Event()
        self._registered = asyncio.Event()
        self.posted = 0

    @property
    def waiting(self) -> int:
        """Messages that have callbacks to come."""
        return len({index for index, _ in self._batch} | {index for _, index, _ in self._due})

    def accepted(self, index: int, to: str, attempt: int) -> None:
        """Schedule the callbacks of one message from now on."""
        first = self._behaviour.callbacks(to, attempt)[0]
        heappush(self._due, (asyncio.get_running_loop().time() + first.due, index, 0))
        if self._targets:
            self._something.set()

    def register(self, target: Target) -> None:
        """Post to `target` from now on; the newest one is tried first, and only the newest few are kept."""
        self._targets = [target, *(other for other in self._targets if other.url != target.url)][:MOST_TARGETS]
        self._registered.set()
        self._something.set()

    async def run(self) -> None:
        """Post what becomes due until cancelled."""
        patience = aiohttp.ClientTimeout(total=10.0)
        async with aiohttp.ClientSession(timeout=patience, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                await self._something.wait()
                if not self._targets or not self._due:
                    self._something.clear()
                    continue
                self._batch = self._take()
                if self._batch:
                    await self._post_until_taken(session)
                if len(self._batch) < BATCH:
                    await asyncio.sleep(COALESCE)
                self._batch = []

    def _take(self) -> list[tuple[int, Step]]:
        now = asyncio.get_running_loop().time()
        taken: list[tuple[int, Step]] = []
        while self._due and self._due[0][0] <= now and len(taken) < BATCH:
            due, index, number = heappop(self._due)
            entry = self._record.entry(index)
            steps = self._behaviour.callbacks(entry.to, entry.attempt)
            taken.append((index, steps[number]))
            if number + 1 < len(steps):
                heappush(self._due, (due - steps[number].due + steps[number + 1].due, index, number + 1))
        return taken

    async def _post_until_taken(self, session: aiohttp.ClientSession) -> None:
        body = json.dumps(self._envelope()).encode("ascii")
        delay = FIRST_DELAY
        while not await self._post(session, body):
            self._registered.clear()
            try:
                await asyncio.wait_for(self._registered.wait(), delay)
            except TimeoutError:
                delay = min(LONGEST_DELAY, delay * 2)
        self.posted += len(self._batch)

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        for target in self._targets:
            signature = hmac.new(target.secret.encode(), body, hashlib.sha256).hexdigest()
            headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
            try:
                async with session.post(target.url, data=body, headers=headers, allow_redirects=False) as answer:
                    if answer.status == 200:
                        return True
            except (aiohttp.ClientError, OSError):
                continue
        return False

    def _envelope(self) -> dict[str, Any]:
        by_sender: dict[str, list[dict[str, Any]]] = defaultdict(list)
        replies: list[dict[str, Any]] = []
        for index, step in self._batch:
            if step.said:
                replies.append(self._reply(index, step))
                continue
            sender, status = self._status(index, step)
            by_sender[sender].append(status)
        changes = [_change(sender, statuses=statuses) for sender, statuses in by_sender.items()] + replies
        return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": changes}]}

    def _reply(self, index: int, step: Step) -> dict[str, Any]:
        """One message of the recipient, as WhatsApp reports it: a change of its own, with whom it is from."""
        entry = self._record.entry(index)
        message = {
            "context": {"from": entry.sender, "id": self._record.message_id(index)},
            "from": entry.to,
            # The same when it is posted again.
            "id": f"{self._record.message_id(index)}.{step.said}",
            "timestamp": str(int(entry.at / 1000 + step.stamp)),
            "text": {"body": step.said},
            "type": "text",
        }
        contact = {"profile": {"name": f"+{entry.to}"}, "wa_id": entry.to}
        return _change(entry.sender, contacts=[contact], messages=[message])

    def _status(self, index: int, step: Step) -> tuple[str, dict[str, Any]]:
        entry = self._record.entry(index)
        status: dict[str, Any] = {
            "id": self._record.message_id(index),
            "status": step.status,
            "timestamp": str(int(entry.at / 1000 + step.stamp)),
            "recipient_id": entry.to,
        }
        if entry.reference:
            status["biz_opaque_callback_data"] = entry.reference
        if step.status == "sent":
            status["pricing"] = {
                "billable": True,
                "pricing_model": "PMP",
                "type": "regular",
                "category": "marketing",
            }
        if step.code:
            status["errors"] = [_error(step.code)]
        return entry.sender, status


def _change(sender: str, **told: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"display_phone_number": sender, "phone_number_id": sender}
    return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **told}}


def _error(code: int) -> dict[str, Any]:
    text = text_of(code)
    return {"code": code, "title": text, "message": text, "error_data": {"details": text}}
