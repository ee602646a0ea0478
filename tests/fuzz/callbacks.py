"""The callback endpoint under whatever can be signed: never a server error, never a crash, no memory that only grows.

Real examples with wrong things in any place, and arbitrary bytes, posted over HTTP to the receiver, stored, and applied
to a database that has the campaign, the template and the sender they speak of.
"""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import hypothesis
from hypothesis import strategies as st

from engine import callback_intake
from engine.callback_writer import Writer
from engine.callbacks import SIGNATURE, Receiver, sign
from engine.commands import launch
from store import callbacks, database
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, started, takes_all, work
from tests.store.invariants import check_invariants

CONTRACT = Path(__file__).parent.parent / "data" / "contract"
SECRET = "fuzz secret"
ROUND = 500
"""Examples between two looks at the clock and at the invariants."""
GROWTH_MIB = 64


def examples() -> list[Any]:
    """Meta's own examples, and callbacks about what the database has."""
    docs = json.loads((CONTRACT / "meta-docs-webhooks.json").read_text(encoding="utf-8"))
    openapi = json.loads((CONTRACT / "meta-openapi-examples.json").read_text(encoding="utf-8"))
    found = [one for name, one in docs.items() if name != "_source"] + list(openapi["inbound_webhooks"].values())
    text = json.dumps(found)
    for theirs, ours in (("order_confirmation", "greeting"), ("15550783881", "918040214021"), ("en-US", "en_US")):
        text = text.replace(theirs, ours)
    return [*found, *json.loads(text), *(_status(kind, seq) for kind in _KINDS for seq in (1, 2, 3, 4))]


_KINDS = ("sent", "delivered", "read", "failed", "played")


def _status(kind: str, seq: int) -> dict[str, Any]:
    status = {
        "id": f"wamid.{seq}",
        "status": kind,
        "timestamp": str(START // 1000 + seq),
        "recipient_id": builders.number(seq - 1),
        "biz_opaque_callback_data": f"1.{seq}.1",
        "pricing": {"billable": True, "type": "regular", "category": "marketing"},
        "errors": [{"code": 132015, "title": "T", "error_data": {"details": "D"}}],
    }
    value = {"metadata": {"phone_number_id": "1000001"}, "statuses": [status]}
    return {"entry": [{"id": "1", "time": START // 1000, "changes": [{"field": "messages", "value": value}]}]}


_ODD_NUMBERS = (2**31, 2**63, 2**70, -1, 0, 10**11, 1e308, float("nan"), float("inf"))
_ODD_WORDS = ("", "\x00", "\ud800", "\u202e", "x" * 5_000, "1.1.1", "1.99.1", "test.1.1", "9" * 18 + ".1.1")
_WORDS = ("stop", "STOP", "PAUSED", "failed", "TIER_2K", "greeting", "ACCOUNT_RESTRICTION", "THROUGHPUT_UPGRADE")
_ODD = st.sampled_from((*_ODD_NUMBERS, *_ODD_WORDS, *_WORDS))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def _bent(draw: st.DrawFn, known: list[Any]) -> bytes:
    """An example with other things in a few places."""
    document = json.loads(json.dumps(draw(st.sampled_from(known))))
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(document))
        if not places:
            break
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        if draw(st.booleans()):
            holder[key] = draw(_JSON)
        elif draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = [holder[key]] * draw(st.integers(0, 3))
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, (dict, list)):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])


def bodies() -> st.SearchStrategy[bytes]:
    """What is posted."""
    return st.one_of(
        _bent(examples()),
        st.binary(max_size=200),
        _JSON.map(lambda one: json.dumps(one).encode()),
        st.integers(1, 20_000).map(lambda depth: b'{"entry":' + b"[" * depth),
    )


class Endpoint:
    """A receiver on loopback, and the client that posts to it, on one loop that runs while something is posted."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._runner = asyncio.Runner()
        self.answers: Counter[int] = Counter()

    def __enter__(self) -> Endpoint:
        self._runner.__enter__()
        self._runner.run(self._open())
        return self

    async def _open(self) -> None:
        self._writer = await Writer(self._clock).__aenter__()
        self._receiver = Receiver(SECRET, self._writer.keep)
        self._url = await self._receiver.start()
        self._session = aiohttp.ClientSession()

    def __exit__(self, *failure: object) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self._session.close()
        await self._receiver.close()
        await self._writer.__aexit__(None, None, None)

    def post(self, raw: bytes) -> int:
        """Post a signed body; answers the status."""
        return self._runner.run(self._post(raw))

    async def _post(self, raw: bytes) -> int:
        async with self._session.post(self._url, data=raw, headers={SIGNATURE: sign(SECRET, raw)}) as answer:
            self.answers[answer.status] += 1
            return answer.status

    def take(self, raw: bytes) -> None:
        """Post it, and apply it: it has to be taken, and nothing may wait afterwards."""
        assert self.post(raw) == 200
        callback_intake.apply_waiting(self._clock)
        self._clock.advance(1)
        assert callbacks.waiting(1) == []


@contextmanager
def endpoint(folder: Path) -> Iterator[Endpoint]:
    """An endpoint over a database with a run that is sent and one that goes on."""
    clock = FakeClock()
    database.open_database(str(folder / "fuzz.db"), create=True)
    with database.session():
        builders.account_with_sender(clock, folder)
        started(clock, folder, 3)
        asyncio.run(work(clock, Scripted(takes_all)))
        launch.send_now(builders.context(clock), builders.draft(clock, folder, 5, name="Goes on"))
        with Endpoint(clock) as one:
            yield one
    database.close_database()


def run(seconds: float, seed: int = 1) -> dict[str, Any]:
    """Fuzz for so long. Raises what is found, with the example that shows it."""
    began, rounds, before = time.monotonic(), 0, 0.0
    with tempfile.TemporaryDirectory() as folder, endpoint(Path(folder)) as one:

        @hypothesis.settings(
            max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(raw=bodies())
        def takes(raw: bytes) -> None:
            one.take(raw)

        while rounds < 2 or time.monotonic() - began < seconds:
            hypothesis.seed(seed + rounds)(takes)()
            rounds += 1
            check_invariants()
            if rounds == 2:
                before = _rss_mib()
        growth = _rss_mib() - before
        assert growth < GROWTH_MIB, f"{growth:.0f} MiB more after {rounds} rounds"
        return {
            "seconds": round(time.monotonic() - began, 1),
            "examples": sum(one.answers.values()),
            "answers": {str(status): n for status, n in one.answers.items()},
            "growth_mib": round(growth, 1),
            "max_rss_mib": round(_rss_mib(), 1),
        }


def _rss_mib() -> float:
    """The most this process had so far; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
