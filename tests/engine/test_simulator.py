"""The simulator: its decisions, its checks, its wire format, its callbacks and its process."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.callbacks import Receiver, parse, register
from engine.errors import BadInput, Busy
from engine.gateway.base import Accepted, Action, Outcome, Rejection, Unknown
from engine.gateway.cloud_api import CloudApi
from engine.gateway.simulator.address import parse_listen
from engine.gateway.simulator.behaviour import Behaviour, Kind
from engine.gateway.simulator.checks import Message, check
from engine.gateway.simulator.faults import Fault
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.gateway.simulator.scenario_file import load, shipped
from engine.gateway.simulator.scenario_file import parse as parse_scenario
from engine.gateway.simulator.server import Simulator
from store.types import StatusUpdate

ROOT = Path(__file__).parents[2]
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


# Decisions

ROUGH = load("rough")


@given(seed=st.integers(), to=st.from_regex(r"[0-9]{7,15}", fullmatch=True), attempt=st.integers(0, 9))
def test_a_fate_is_a_function_of_seed_number_and_attempt(seed: int, to: str, attempt: int) -> None:
    first, again = Behaviour(ROUGH, seed), Behaviour(ROUGH, seed)
    assert first.fate(to, attempt) == again.fate(to, attempt)
    assert first.callbacks(to, attempt) == again.callbacks(to, attempt)


def test_another_seed_gives_another_campaign() -> None:
    first, second = Behaviour(ROUGH, 1), Behaviour(ROUGH, 2)
    assert [first.fate(number(i), 1) for i in range(200)] != [second.fate(number(i), 1) for i in range(200)]


def test_the_shares_are_what_the_scenario_says() -> None:
    n = 40_000
    behaviour = Behaviour(ROUGH, 5)
    fates = [behaviour.fate(number(i), 1) for i in range(n)]
    codes = Counter(fate.code for fate in fates if fate.kind is Kind.REJECT)
    for code, share in ROUGH.rejected.items():
        assert codes[code] / n == pytest.approx(share, abs=0.004)
    for code, share in ROUGH.retry.items():
        assert codes[code] / n == pytest.approx(share, abs=0.003)
    kinds = Counter(fate.kind for fate in fates)
    assert kinds[Kind.LOST_ANSWER] / n == pytest.approx(ROUGH.lost_answer, abs=0.002)
    assert kinds[Kind.RESET] / n == pytest.approx(ROUGH.reset_before, abs=0.002)
    assert kinds[Kind.LATE_ANSWER] / n == pytest.approx(ROUGH.late_answer, abs=0.001)
    assert kinds[Kind.HTTP_500] == pytest.approx(kinds[Kind.HTTP_500_TAKEN], rel=0.4)
    assert sum(fate.held for fate in fates) / n == pytest.approx(ROUGH.held, abs=0.003)
    latencies = sorted(fate.latency for fate in fates if fate.kind is Kind.ACCEPT)
    assert latencies[len(latencies) // 2] == pytest.approx(0.180, rel=0.05)


def test_delivered_read_and_failed_are_what_the_scenario_says() -> None:
    behaviour, n = Behaviour(load("friendly"), 5), 20_000
    ends = [behaviour.callbacks(number(i), 1)[-1] for i in range(n)]
    delivered = sum(end.status in ("delivered", "read") for end in ends)
    assert delivered / n == pytest.approx(0.95, abs=0.006)
    assert sum(end.status == "read" for end in ends) / delivered == pytest.approx(0.60, abs=0.012)
    assert sum(end.code == 131049 for end in ends) / n == pytest.approx(0.012, abs=0.003)
    assert sum(end.status == "sent" for end in ends) / n == pytest.approx(0.03, abs=0.005)


def test_who_cannot_be_reached_stays_so_and_what_goes_wrong_on_the_way_does_not() -> None:
    behaviour = Behaviour(Scenario(rejected={131026: 0.3}, retry={131000: 0.3}), 9)
    for i in range(300):
        fates = [behaviour.fate(number(i), attempt) for attempt in range(1, 12)]
        for_good = [fate.code == 131026 for fate in fates]
        assert all(for_good) or not any(for_good)
        assert any(for_good) or any(fate.kind is Kind.ACCEPT for fate in fates)


def test_callbacks_come_in_order_unless_the_scenario_says_otherwise() -> None:
    delays = {"sent_ms": Delay(100, 0.5), "delivered_ms": Delay(100, 0.5), "read_ms": Delay(100, 0.5)}
    straight, turned = (Behaviour(Scenario(**delays, reorder=share)) for share in (0.0, 1.0))  # type: ignore[arg-type]  # mixed fields
    for i in range(100):
        steps, back = straight.callbacks(number(i), 1), turned.callbacks(number(i), 1)
        assert [step.status for step in steps] == ["sent", "delivered", "read"]
        assert all(step.due == step.stamp for step in steps)
        assert [step.status for step in back] == ["read", "delivered", "sent"]
        assert [step.due for step in back] == [step.due for step in steps]
        assert [step.stamp for step in reversed(back)] == [step.stamp for step in steps]
        assert all(before.due <= after.due for before, after in pairwise(steps))


def test_held_messages_report_later() -> None:
    behaviour = Behaviour(Scenario(held=1.0, held_ms=5000))
    assert behaviour.fate(number(1), 1).held
    assert [step.due for step in behaviour.callbacks(number(1), 1)] == [5.0, 5.0, 5.0]


def test_repeated_callbacks_are_true_copies() -> None:
    steps = Behaviour(Scenario(duplicate=1.0)).callbacks(number(1), 1)
    assert Counter((step.status, step.stamp) for step in steps) == {
        ("sent", 0.0): 2,
        ("delivered", 0.0): 2,
        ("read", 0.0): 2,
    }


# Scenarios


def test_the_shipped_scenarios_load() -> None:
    assert {"friendly", "perfect", "rough"} <= set(shipped())
    assert load("perfect") == Scenario()
    assert load().delivered == 0.95
    assert all(isinstance(load(name), Scenario) for name in shipped())


def test_a_scenario_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("throughput = 80\nlatency_ms = {median = 5}\n[retry]\n130429 = 0.5\n")
    assert load(str(file)) == Scenario(throughput=80, latency_ms=Delay(5), retry={130429: 0.5})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("latencyms = 3", "latencyms"),
        ("throughput = 1.5", "whole number"),
        ("read = 1.2", "between 0 and 1"),
        ("read = -0.1", "not negative"),
        ("read = true", "must be a number"),
        ("read = nan", "must be a number"),
        ("latency_ms = 60", "median and spread"),
        ("latency_ms = {mean = 60}", "median and spread"),
        ("rejected = 0.5", "error code to share"),
        ("[rejected]\nmany = 0.5", "error code to share"),
        ("[rejected]\n131026 = 0.7\n131000 = 0.7", "between 0 and 1"),
        ("delivered = 0.9\n[undelivered]\n131026 = 0.2", "between 0 and 1"),
        ("lost_answer = 0.6\nhttp_500 = 0.6", "between 0 and 1"),
        ("= 3", "not valid TOML"),
    ],
)
def test_a_scenario_with_a_mistake_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        parse_scenario(text, "mine.toml")
    assert caught.value.code == "scenario_invalid"
    assert caught.value.hint


def test_a_scenario_that_does_not_exist_names_the_shipped_ones() -> None:
    with pytest.raises(BadInput) as caught:
        load("freindly")
    assert "friendly" in caught.value.hint


# Checks of a request


@pytest.mark.parametrize("name", EXAMPLES["send_template_requests"])
def test_the_examples_of_meta_are_in_order(name: str) -> None:
    found = check({**EXAMPLES["send_template_requests"][name], "to": "+16505551234"})
    if name == "Send Sample Issue Resolution Template":
        # Meta's example has booleans where its reference asks for text.
        assert isinstance(found, Fault)
    else:
        assert isinstance(found, Message)
        assert (found.to, found.reference, found.attempt) == ("16505551234", "", 0)


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        (None, 100),
        ([], 100),
        ({**payload(), "messaging_product": "sms"}, 100),
        ({key: value for key, value in payload().items() if key != "type"}, 131008),
        ({**payload(), "type": "text"}, 131051),
        ({**payload(), "to": ""}, 131008),
        ({**payload(), "to": "Ana"}, 131009),
        ({**payload(), "to": 16505551234}, 131009),
        ({**payload(), "to": "+123"}, 131009),
        ({**payload(), "biz_opaque_callback_data": "x" * 513}, 100),
        ({**payload(), "template": "hello_world"}, 131008),
        (payload(name=""), 131008),
        (payload(language="en"), 131008),
        (payload(language={}), 131008),
        (payload(components={}), 100),
        (payload(components=["body"]), 100),
        (payload(components=[{"parameters": []}]), 131008),
        (payload(components=[{"type": "body", "parameters": "x"}]), 100),
        (payload(components=[{"type": "body", "parameters": ["x"]}]), 100),
        (payload(components=[{"type": "body", "parameters": [{"text": "x"}]}]), 131008),
        (payload(components=[{"type": "header", "parameters": [{"type": "image"}]}]), 131008),
        (payload(components=[{"type": "button", "parameters": []}]), 131008),
        (body_of(""), 131008),
        (body_of(7), 100),
        (body_of("fine", "two\nlines"), 132018),
        (body_of("tab\there"), 132018),
        (body_of("five     spaces"), 132018),
    ],
)
async def test_a_faulty_request_is_refused_with_the_code_of_the_cloud_api(request_body: object, code: int) -> None:
    found = check(request_body)
    assert isinstance(found, Fault)
    assert found.code == code
    async with Simulator() as simulator, aiohttp.ClientSession() as session:
        url, headers = f"{simulator.base_url}/v23.0/1/messages", {"Authorization": "Bearer x"}
        async with session.post(url, json=request_body, headers=headers) as answer:
            error = (await answer.json())["error"]
    assert (answer.status, error["code"], error["error_data"]["details"]) == (400, code, found.details)
    assert simulator.accepted == []


@pytest.mark.parametrize("to", ["+1 (650) 555-1234", "16505551234", "+1-650-555-1234"])
def test_numbers_may_be_punctuated(to: str) -> None:
    found = check(payload(to))
    assert isinstance(found, Message)
    assert (found.to, found.attempt, found.international) == ("16505551234", 1, to.startswith("+"))


@pytest.mark.parametrize(("reference", "attempt"), [("7.8.9", 9), ("", 0), ("7.8", 0), ("a.b.c", 0), ("1.2.3.4", 0)])
def test_the_attempt_comes_out_of_the_reference(reference: str, attempt: int) -> None:
    found = check(payload(reference=reference))
    assert isinstance(found, Message)
    assert (found.reference, found.attempt) == (reference, attempt)


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v23.0/1/messages", {}, 401, 190),
        ("/v23.0/1/messages", {"Authorization": "Bearer "}, 401, 190),
        ("/v23.0/1/messages", {"Authorization": "Basic eDp5"}, 401, 190),
        ("/23/1/messages", {"Authorization": "Bearer x"}, 400, 100),
        ("/v23.0/me/messages", {"Authorization": "Bearer x"}, 400, 100),
        ("/v23.0/1/other", {"Authorization": "Bearer x"}, 400, 100),
        ("/", {}, 400, 100),
    ],
)
async def test_what_is_no_message_gets_a_graph_error(
    path: str, headers: dict[str, str], status: int, code: int
) -> None:
    async with (
        Simulator() as simulator,
        aiohttp.ClientSession() as session,
        session.post(simulator.base_url + path, json=payload(), headers=headers) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)
    assert simulator.accepted == []


# What the client learns


async def test_every_outcome_of_a_rough_day_is_what_was_decided(tmp_path: Path) -> None:
    scenario = Scenario(
        rejected={131026: 0.1},
        retry={130429: 0.1, 131056: 0.05, 131000: 0.05},
        throttle_http_status=429,
        lost_answer=0.1,
        reset_before=0.1,
        http_500=0.1,
        held=0.2,
    )
    log, n = tmp_path / "accepted.log", 600
    async with Simulator(scenario, seed=3, log=log) as simulator, CloudApi(simulator.base_url, "token") as api:
        outcomes = await send_all(api, n)
    taken = {message.reference: message for message in simulator.accepted}
    behaviour = Behaviour(scenario, 3)
    seen: Counter[Kind] = Counter()
    for i, outcome in enumerate(outcomes):
        fate = behaviour.fate(number(i), 1)
        seen[fate.kind] += 1
        message = taken.get(f"1.{i}.1")
        assert (message is not None) == fate.kind.taken
        if fate.kind is Kind.ACCEPT:
            assert message is not None
            assert outcome == Accepted(message.message_id, fate.held)
            assert message.to == number(i)
        elif fate.kind is Kind.REJECT:
            assert isinstance(outcome, Rejection)
            assert outcome.code == fate.code
            assert outcome.http_status == {131026: 400, 131000: 500}.get(fate.code, 429)
        else:
            assert isinstance(outcome, Unknown)
    assert set(seen) == set(Kind) - {Kind.LATE_ANSWER}
    assert len(simulator.accepted) == len(taken)
    assert [json.loads(line)["reference"] for line in log.read_text().splitlines()] == list(taken)
    counts = simulator.counts
    assert (counts["requests"], counts["accepted"], counts["lost_answer"]) == (n, len(taken), seen[Kind.LOST_ANSWER])
    assert sum(counts["rejected"].values()) == seen[Kind.REJECT]


async def test_the_same_seed_gives_the_same_campaign_again_and_new_message_ids() -> None:
    kinds, ids = [], []
    for _ in range(2):
        async with Simulator(ROUGH_AND_QUICK, seed=8) as simulator, CloudApi(simulator.base_url, "token") as api:
            outcomes = await send_all(api, 200)
        kinds.append([(type(outcome), getattr(outcome, "code", 0)) for outcome in outcomes])
        ids.append({message.message_id for message in simulator.accepted})
    assert kinds[0] == kinds[1]
    assert not ids[0] & ids[1]


ROUGH_AND_QUICK = Scenario(rejected={131026: 0.1}, retry={131000: 0.1}, lost_answer=0.1)


async def test_without_a_reference_every_repetition_is_another_attempt() -> None:
    async with Simulator(Scenario(retry={131000: 0.5})) as simulator, CloudApi(simulator.base_url, "token") as api:
        kinds = {type(await api.send("1", payload(reference=""))) for _ in range(30)}
    assert kinds == {Accepted, Rejection}


async def test_a_message_sent_twice_is_on_record_twice() -> None:
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        first, second = [await api.send("1", payload()) for _ in range(2)]
    assert first != second
    assert [message.reference for message in simulator.accepted] == ["1.1.1", "1.1.1"]


async def test_a_late_answer_is_taken_and_unknown_to_the_client() -> None:
    scenario = Scenario(late_answer=1.0, late_answer_ms=60_000)
    async with Simulator(scenario) as simulator, CloudApi(simulator.base_url, "token", timeout=0.2) as api:
        assert isinstance(await api.send("1", payload()), Unknown)
    assert len(simulator.accepted) == 1


async def test_above_its_throughput_a_number_is_throttled() -> None:
    async with Simulator(Scenario(throughput=20)) as simulator, CloudApi(simulator.base_url, "token") as api:
        outcomes = await asyncio.gather(*(api.send("1", payload()) for _ in range(30)))
        other = await api.send("2", payload())
    refused = [outcome for outcome in outcomes if isinstance(outcome, Rejection)]
    assert len(refused) == 10
    assert {(outcome.code, outcome.action) for outcome in refused} == {(130429, Action.SLOW)}
    assert isinstance(other, Accepted)


# The record


async def test_accepted_messages_and_counts_can_be_asked_for() -> None:
    async with (
        Simulator() as simulator,
        CloudApi(simulator.base_url, "token") as api,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{simulator.base_url}/simulator/accepted") as answer:
            assert await answer.json() == []
        await send_all(api, 2500)
        async with session.get(f"{simulator.base_url}/simulator/accepted") as answer:
            listed = await answer.json()
        async with session.get(f"{simulator.base_url}/simulator/counts") as answer:
            counts = await answer.json()
    assert {item["reference"] for item in listed} == {f"1.{i}.1" for i in range(2500)}
    assert set(listed[0]) == {"reference", "to", "message_id", "at"}
    assert len({item["message_id"] for item in listed}) == 2500
    assert counts["accepted"] == counts["requests"] == 2500


async def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    simulator = Simulator(log=tmp_path / "missing" / "log")
    with pytest.raises(BadInput) as caught:
        await simulator.start()
    await simulator.close()
    assert caught.value.code == "log_unwritable"


# Callbacks


async def test_callbacks_carry_id_reference_and_a_signature_that_holds() -> None:
    inbox = Inbox()
    receiver = Receiver(SECRET, inbox.handle)
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        await register(simulator.base_url, await receiver.start(), SECRET)
        accepted = await api.send("106540352242922", payload())
        updates = await inbox.until(lambda updates: len(updates) == 3)
        assert (
            simulator.counts["callbacks"] == {"posted": 3, "waiting": 0} or simulator.counts["callbacks"]["posted"] == 0
        )
        await receiver.close()
    assert isinstance(accepted, Accepted)
    assert [update.status for update in updates] == ["sent", "delivered", "read"]
    assert {(update.campaign_id, update.seq, update.message_id) for update in updates} == {(1, 1, accepted.message_id)}
    assert abs(updates[0].at - simulator.accepted[0].at) < 1000
    value = json.loads(inbox.bodies[0])["entry"][0]["changes"][0]["value"]
    assert value["metadata"]["phone_number_id"] == "106540352242922"
    sent = value["statuses"][0]
    assert (sent["recipient_id"], sent["timestamp"].isdigit(), sent["pricing"]["type"]) == (
        "16505551234",
        True,
        "regular",
    )


async def test_callbacks_wait_until_somebody_registers_and_come_in_batches() -> None:
    n = 700
    inbox = Inbox()
    receiver = Receiver(SECRET, inbox.handle)
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        await send_all(api, n)
        assert simulator.counts["callbacks"] == {"posted": 0, "waiting": n}
        await register(simulator.base_url, await receiver.start(), SECRET)
        updates = await inbox.until(lambda updates: len(updates) >= 3 * n)
        await receiver.close()
    assert len(updates) == 3 * n
    assert Counter(update.status for update in updates) == {"sent": n, "delivered": n, "read": n}
    assert {update.seq for update in updates} == set(range(n))
    assert len(inbox.bodies) <= 4
    assert max(len(parse(body)) for body in inbox.bodies) <= 1000


async def test_callbacks_that_are_not_taken_come_again() -> None:
    inbox = Inbox(refuse=2)
    receiver = Receiver(SECRET, inbox.handle)
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        await register(simulator.base_url, await receiver.start(), SECRET)
        await api.send("1", payload())
        updates = await inbox.until(lambda updates: len(updates) == 3)
        await receiver.close()
    assert inbox.refused == 2
    assert [update.status for update in updates] == ["sent", "delivered", "read"]


async def test_callbacks_go_to_the_next_registered_when_one_is_gone() -> None:
    inbox = Inbox()
    gone, here = Receiver(SECRET, inbox.handle), Receiver(SECRET, inbox.handle)
    async with Simulator() as simulator, CloudApi(simulator.base_url, "token") as api:
        await register(simulator.base_url, await here.start(), SECRET)
        await register(simulator.base_url, await gone.start(), SECRET)
        await gone.close()
        await api.send("1", payload())
        assert len(await inbox.until(lambda updates: len(updates) == 3)) == 3
        await here.close()


async def test_failures_and_lost_answers_are_reported_by_callback() -> None:
    scenario = Scenario(lost_answer=1.0, delivered=0.0, undelivered={131049: 1.0})
    inbox = Inbox()
    receiver = Receiver(SECRET, inbox.handle)
    async with Simulator(scenario) as simulator, CloudApi(simulator.base_url, "token") as api:
        await register(simulator.base_url, await receiver.start(), SECRET)
        assert isinstance(await api.send("1", payload()), Unknown)
        updates = await inbox.until(lambda updates: len(updates) == 2)
        await receiver.close()
    assert [(update.status, update.code) for update in updates] == [("sent", None), ("failed", 131049)]
    assert updates[1].detail


@pytest.mark.parametrize(
    "registration",
    [{}, [], {"url": "http://127.0.0.1:1/"}, {"url": "http://example.com/", "secret": "x"}, {"url": 7, "secret": "x"}],
)
async def test_a_registration_without_secret_or_off_this_machine_is_refused(registration: object) -> None:
    async with (
        Simulator() as simulator,
        aiohttp.ClientSession() as session,
        session.post(f"{simulator.base_url}/simulator/callbacks", json=registration) as answer,
    ):
        assert answer.status == 400


# Where it listens, and its process


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:80", ("::1", 80)), ("localhost:8080", ("localhost", 8080))],
)
def test_loopback_addresses_are_taken(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1",
        ":80",
        "0.0.0.0:80",
        "[::]:80",
        "10.0.0.1:80",
        "example.com:80",
        "127.0.0.1:x",
        "localhost:70000",
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_listen(text)
    assert caught.value.code in ("listen_invalid", "listen_not_loopback")


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "engine.gateway.simulator", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


async def test_the_process_says_where_it_listens_logs_and_ends_with_its_parent(tmp_path: Path) -> None:
    log = tmp_path / "accepted.log"
    arguments = ["--listen", "127.0.0.1:0", "--seed", "4", "--scenario", "perfect", "--log", str(log), "--parent"]
    with process(*arguments) as running:
        assert running.stdout is not None and running.stdin is not None
        base_url = json.loads(running.stdout.readline())["listening"]
        async with CloudApi(base_url, "token") as api:
            accepted = await api.send("1", payload())
            assert await api.reachable() is not None
        running.kill()
        running.wait(PATIENCE)
        assert isinstance(accepted, Accepted)
        assert json.loads(log.read_text())["message_id"] == accepted.message_id
    with process(*arguments) as running:
        assert running.stdout is not None and running.stdin is not None
        assert "listening" in running.stdout.readline()
        running.stdin.close()
        assert running.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_and_closed_input_alone_does_not(number: signal.Signals) -> None:
    with process("--listen", "127.0.0.1:0") as running:
        assert running.stdout is not None and running.stdin is not None
        assert "listening" in running.stdout.readline()
        running.stdin.close()
        assert running.poll() is None
        running.send_signal(number)
        assert running.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--listen", "0.0.0.0:0"], "this machine only"),
        (["--listen", "127.0.0.1:0", "--scenario", "freindly"], "friendly"),
        (["--listen", "127.0.0.1:0", "--log", "/missing/folder/log"], "cannot be written"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_sentence(arguments: list[str], says: str) -> None:
    with process(*arguments) as running:
        out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 2
    assert out == ""
    assert says in err
    assert "Traceback" not in err


async def test_a_port_that_is_taken_ends_with_75() -> None:
    async with Simulator() as simulator:
        with process("--listen", simulator.base_url.removeprefix("http://")) as running:
            _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 75
    assert "another port" in err
