"""STOP and START replies end to end: from a signed POST over loopback HTTP to the next message (R38, R39)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from engine import callback_intake
from engine.callbacks import SIGNATURE, Receiver, register, sign
from engine.commands import launch
from engine.gateway.base import Gateway, Outcome
from engine.gateway.simulator.scenario import Replies, Scenario
from engine.reply_words import configured
from engine.worker import Worker
from store import audit, callbacks, database, ledger, optouts, tallies
from store.types import Endpoint, RecipientState
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import bench, check_against, eventually, numbers, progress
from tests.store.invariants import check_invariants

SECRET = "app secret"


def text(number: str, body: str, at: int = START, message_id: str = "wamid.1") -> bytes:
    """A text of somebody, as Meta posts it; `at` is UTC epoch ms."""
    message = {
        "from": number.removeprefix("+"),
        "id": message_id,
        "timestamp": str(at // 1000),
        "type": "text",
        "text": {"body": body},
    }
    return json.dumps({"entry": [{"changes": [{"field": "messages", "value": {"messages": [message]}}]}]}).encode()


def of_account(waba_id: str, body: bytes) -> bytes:
    document = json.loads(body)
    document["entry"][0]["id"] = waba_id
    return json.dumps(document).encode()


@asynccontextmanager
async def receiving(clock: FakeClock) -> AsyncIterator[str]:
    """A callback server on loopback whose bodies are kept in the store; its URL."""
    receiver = Receiver(SECRET, lambda body: callback_intake.keep(clock, body))
    try:
        yield await receiver.start()
    finally:
        await receiver.close()


async def post(url: str, body: bytes) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers={SIGNATURE: sign(SECRET, body)}) as answer,
    ):
        return answer.status


class Interrupting:
    """A gateway on whose way, at the n-th message, somebody else writes; it answers when that is applied."""

    def __init__(self, inner: Gateway, at: int, url: str, body: bytes) -> None:
        self._inner, self._at, self._url, self._body = inner, at, url, body
        self.handed: list[str] = []

    async def send(
        self, phone_number_id: str, payload: Mapping[str, Any], endpoint: Endpoint = Endpoint.MESSAGES
    ) -> Outcome:
        self.handed.append(payload["to"].removeprefix("+"))
        if len(self.handed) == self._at:
            assert await post(self._url, self._body) == 200
            await eventually(lambda: not callbacks.waiting())
        return await self._inner.send(phone_number_id, payload, endpoint)

    async def reachable(self) -> float | None:
        return await self._inner.reachable()

    async def authorised(self, phone_number_id: str) -> bool | None:
        return await self._inner.authorised(phone_number_id)

    async def close(self) -> None:
        await self._inner.close()


async def test_R38_R39_a_stop_in_mid_run_is_honoured_by_the_next_message(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, 60)
    launch.send_now(builders.context(clock), campaign_id)
    late = builders.number(40)
    async with bench(clock) as here, receiving(clock) as url:
        gateway = Interrupting(here.gateway, 5, url, text(late, "Stop!"))
        await here.worker(gateway).work(until_idle=True)
        check_against(here.accepted(), campaign_id)
    assert late.removeprefix("+") not in gateway.handed
    assert len(gateway.handed) == 59
    assert numbers(campaign_id, RecipientState.SKIPPED) == {late.removeprefix("+")}
    assert tallies.of(campaign_id, tallies.SKIP) == {"opted_out": 1}
    assert progress(campaign_id).released == 1
    assert ledger.balance().spent == 59


async def test_R38_people_who_answer_stop_get_no_further_campaign_until_they_answer_start(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    scenario = Scenario(replies=Replies(stop=0.6, start=0.5), duplicate=0.3, reorder=0.3)
    first = builders.draft(clock, tmp_path, 40)
    launch.send_now(builders.context(clock), first)
    async with bench(clock, scenario, seed=7) as here, receiving(clock) as url:
        await register(here.simulator.base_url, url, SECRET)
        await here.run()
        expected = {
            to: [step.said for step in here.simulator._behaviour.callbacks(to, 1) if step.said]
            for to in here.accepted()
        }
        # Every reply is news once, whatever is repeated or comes in the wrong order.
        await eventually(lambda: here.simulator.counts["callbacks"]["waiting"] == 0)
        callback_intake.apply_waiting(clock)
        out = {to for to, said in expected.items() if "STOP" in said and "START" not in said}
        back = {to for to, said in expected.items() if "START" in said}
        assert len(out) >= 3 and len(back) >= 3
        assert {str(number) for number in optouts.numbers()} == out
        second = builders.draft(clock, tmp_path, 40)
        launch.send_now(builders.context(clock), second)
        await here.run()
    assert numbers(second, RecipientState.SKIPPED) == out
    assert back <= numbers(second, RecipientState.SENT)
    check_invariants()


async def test_R38_a_body_that_is_not_signed_opts_nobody_out(acme: Path, clock: FakeClock) -> None:
    async with receiving(clock) as url, aiohttp.ClientSession() as session:
        async with session.post(url, data=text(builders.number(1), "stop")) as answer:
            assert answer.status == 401
        assert callbacks.waiting() == []
        assert await post(url, text(builders.number(1), "stop")) == 200
    assert optouts.count() == 0, "kept first, applied after"
    assert callback_intake.apply_waiting(clock) == 1
    assert optouts.numbers() == {4915170000001}


def apply(clock: FakeClock, *bodies: bytes) -> None:
    for body in bodies:
        callback_intake.keep(clock, body)
    callback_intake.apply_waiting(clock)


def replies_told() -> list[tuple[str, str]]:
    return [(event.action, event.actor) for event in audit.events() if event.action in ("optout.stop", "optout.start")]


def test_R38_R11_each_reply_is_one_audit_event_with_what_was_before_and_after(acme: Path, clock: FakeClock) -> None:
    number = builders.number(1)
    body = text(number, "  Stop. ")
    apply(clock, body, body)
    clock.advance(60_000)
    apply(clock, text(number, "START", START + 60_000, "wamid.2"), body)
    assert replies_told() == [("optout.stop", number), ("optout.start", number)]
    stop, start = (one for one in audit.events() if one.action in ("optout.stop", "optout.start"))
    assert stop.before == {"opted_out": False}
    assert stop.after == {
        "number": "4915170000001",
        "written_at": "2026-11-23T09:00:00+00:00",
        "said": "  Stop. ",
        "message": "wamid.1",
        "opted_out": True,
        "since": "2026-11-23T09:00:00+00:00",
        "origin": "reply: STOP",
    }
    assert (stop.terminal, start.terminal) == ("reply: STOP", "reply: START")
    assert start.before["opted_out"] and not start.after["opted_out"]
    assert optouts.count() == 0


def test_R38_an_older_stop_that_comes_late_leaves_no_trace_but_its_body(acme: Path, clock: FakeClock) -> None:
    number = builders.number(1)
    apply(clock, text(number, "start", START + 5_000), text(number, "stop", START))
    assert optouts.count() == 0
    assert replies_told() == [("optout.start", number)]
    assert callbacks.waiting() == []


def test_R38_a_status_and_a_reply_in_one_body_are_both_applied(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    both = json.loads(text(builders.number(1), "stop"))
    both["entry"][0]["changes"][0]["value"]["statuses"] = [{"status": "read", "timestamp": "1", "id": "x"}]
    apply(clock, json.dumps(both).encode(), b"not json", text(builders.number(2), "stop"))
    assert optouts.numbers() == {4915170000001, 4915170000002}


async def test_R38_a_worker_goes_by_the_words_it_was_given(acme: Path, clock: FakeClock) -> None:
    callback_intake.keep(clock, text(builders.number(1), "Genug!"))
    callback_intake.keep(clock, text(builders.number(2), "unsubscribe"))
    async with bench(clock) as here:
        words = configured({"stop": ["genug"], "shipped": False})
        await Worker(clock, here.gateway, "service", words=words).work(until_idle=True)
    assert optouts.numbers() == {4915170000001}


def test_R38_what_is_written_to_another_account_opts_nobody_in_and_does_opt_out(acme: Path, clock: FakeClock) -> None:
    database.execute("UPDATE account SET waba_id = '111'")
    number, other = builders.number(0), builders.number(1)

    def heard(waba_id: str, who: str, said: str, at: int) -> None:
        callback_intake.keep(clock, of_account(waba_id, text(who, said, START + at, f"wamid.{who}.{at}")))
        callback_intake.apply_waiting(clock)

    heard("111", number, "STOP", 1_000)
    heard("222", number, "START", 2_000)
    assert optouts.get(int(number)) is not None
    heard("111", number, "START", 3_000)
    assert optouts.get(int(number)) is None
    heard("222", other, "STOP", 4_000)
    assert optouts.get(int(other)) is not None
