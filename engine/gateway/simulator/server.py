"""The simulator's HTTP server."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from engine.clock import SystemClock
from engine.gateway.simulator.account import Account
from engine.gateway.simulator.answers import refusal
from engine.gateway.simulator.behaviour import Behaviour, Kind
from engine.gateway.simulator.callbacks import Outbox
from engine.gateway.simulator.checks import check_path
from engine.gateway.simulator.control import Control
from engine.gateway.simulator.faults import Fault
from engine.gateway.simulator.limits import Throughput, Tokens
from engine.gateway.simulator.media import Media
from engine.gateway.simulator.reading import UNSUPPORTED, Reading
from engine.gateway.simulator.record import AcceptedMessage, Record
from engine.gateway.simulator.scenario import Scenario
from engine.gateway.simulator.sending import Sending, answer
from engine.gateway.simulator.standing import Standing

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from engine.clock import Clock

HOUR_S = 3600.0
EXPIRED = Fault(190, "Error validating access token: Session has expired.", 463)
TOO_MANY_CALLS = Fault(80007, "Business request limit reached for the WhatsApp Business Account.")


class Simulator:
    """A gateway on loopback that behaves as `scenario` says.

    `log` names a file that gets one line for every accepted message before it is answered; `account` names one with
    the templates and numbers there are, and `clock` is what the simulator's time goes by. Used as
    `async with Simulator(...) as simulator`, it listens while the block runs; what it accepted can be read after.
    Raises `BadInput` for an account file that cannot be used.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        seed: int = 0,
        log: Path | None = None,
        account: Path | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        scenario = Scenario() if scenario is None else scenario
        self._scenario = scenario
        self._clock: Clock = SystemClock() if clock is None else clock
        self.account = Account()
        if account is not None:
            self.account.read(account)
        self._behaviour = Behaviour(scenario, seed)
        self._record = Record()
        self._outbox = Outbox(self._behaviour, self._record, self.account, self._clock)
        self._standing = Standing(scenario, self.account, self._clock, self._outbox.announce)
        self._media = Media(self._clock)
        self._reading = Reading(scenario, self.account, self._standing)
        self._sending = Sending(
            scenario,
            self._behaviour,
            self.account,
            self._standing,
            self._media,
            self._record,
            self._outbox,
            self._clock,
        )
        self._control = Control(self._record, self._outbox, self.account, self._clock, lambda: self.counts)
        self._tokens = Tokens(scenario.token)
        self._calls = Throughput(HOUR_S)
        self._log = log
        self._address = host, port
        self._runner: web.ServerRunner | None = None
        self._posting: asyncio.Task[None] | None = None
        self.base_url = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def accepted(self) -> list[AcceptedMessage]:
        """Every message taken so far, oldest first."""
        return list(self._record.messages())

    @property
    def record(self) -> Record:
        """Every message taken so far, one by one."""
        return self._record

    @property
    def outbox(self) -> Outbox:
        """The callbacks under way."""
        return self._outbox

    @property
    def clock(self) -> Clock:
        """What its time goes by."""
        return self._clock

    @property
    def standing(self) -> Standing:
        """What befell the account so far."""
        return self._standing

    @property
    def counts(self) -> dict[str, Any]:
        """How many requests came, what became of them, and how the callbacks stand."""
        sending = self._sending
        faults = [kind for kind in Kind if kind not in (Kind.ACCEPT, Kind.REJECT)]
        return {
            "requests": sending.requests,
            "accepted": len(self._record),
            "held": sending.held,
            **{kind.value: sending.fates[kind] for kind in faults},
            "rejected": {str(code): n for code, n in sorted(sending.refused.items())},
            "media": len(self._media),
            "callbacks": {"posted": self._outbox.posted, "waiting": self._outbox.waiting},
            "announced": self._outbox.announced,
        }

    async def start(self) -> str:
        """Listen and return the base URL. Raises `OSError` when the port is taken."""
        if self._log is not None:
            self._record.open(self._log)
        # The low-level server: one handler, no router and no access log, is what the rate needs.
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._address, backlog=1024).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._posting = asyncio.create_task(self._outbox.run())
        return self.base_url

    async def close(self) -> None:
        """Stop listening; requests under way get no answer."""
        if self._posting is not None:
            self._posting.cancel()
            with suppress(asyncio.CancelledError):
                await self._posting
        if self._runner is not None:
            await self._runner.cleanup()
        self._record.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.split("/")
        if len(parts) == 4 and parts[3] in ("messages", "marketing_messages") and request.method == "POST":
            return await self._sending.handle(request, parts[2], self._check(request, parts[1], parts[2]))
        if len(parts) == 3 and parts[1] == "simulator":
            return await self._control.handle(request, parts[2])
        if len(parts) in (3, 4) and parts[1].startswith("v"):
            found = self._check(request, parts[1], parts[2]) or await self._manage(request, *parts[2:])
            return _refused(found) if isinstance(found, Fault) else answer(200, found)
        return _refused(Fault(100, "Unsupported request."))

    def _check(self, request: web.BaseRequest, version: str, node: str) -> Fault | None:
        """The address and the token, which every request needs."""
        fault = check_path(version, node)
        if fault is not None:
            return fault
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme != "Bearer" or not token:
            return Fault(190, "An access token is required to request this resource.")
        if self._tokens.expired(token, self._clock.steady()):
            return EXPIRED
        sends = request.path.endswith("messages") and request.method == "POST"
        return UNSUPPORTED if sends and self.account.numbers and node not in self.account.numbers else None

    async def _manage(self, request: web.BaseRequest, node: str, edge: str = "") -> bytes | Fault:
        """Everything that is no message."""
        if not self._calls.admit("", self._scenario.management_calls, self._clock.steady()):
            return TOO_MANY_CALLS
        url = f"{self.base_url}{request.path}"
        match request.method, edge:
            case "GET", "message_templates":
                found = self._reading.templates(request.query, url) if self._is_account(node) else UNSUPPORTED
            case "GET", "phone_numbers":
                found = self._reading.numbers(request.query, url) if self._is_account(node) else UNSUPPORTED
            case "GET", "":
                found = self._reading.node(node, request.query)
            case "POST", "media":
                return await self._media.upload(request)
            case "POST", "unpause":
                template = self.account.template_by_id(node)
                if template is None:
                    return UNSUPPORTED
                if not self._standing.unpause(template):
                    return Fault(100, "The template is not paused.")
                found = {"success": True}
            case _:
                return Fault(100, "Unsupported request.")
        return found if isinstance(found, Fault) else json.dumps(found).encode("ascii")

    def _is_account(self, node: str) -> bool:
        return node == self.account.id or not self.account.named


def _refused(fault: Fault) -> web.Response:
    return answer(*refusal(fault.code, fault.details, subcode=fault.subcode))
