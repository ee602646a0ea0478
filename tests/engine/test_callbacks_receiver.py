"""Status callbacks: reading one, and the server that takes them in."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from engine.callbacks import LARGEST_BODY, SIGNATURE, Receiver, is_signed, register, sign
from engine.errors import BadInput, Busy
from engine.gateway.simulator.server import Simulator
from engine.statuses import parse
from store.types import StatusUpdate

SECRET = "app secret"
OPENSSL = "0a8ff7a2fd5441faf54977e5f089e46ffa7c79474d89f39c3f25ee945dcc04f5"


def status(**fields: object) -> dict[str, object]:
    return {"id": "wamid.A1", "status": "sent", "timestamp": "1750030073", "recipient_id": "16505551234", **fields}


def envelope(*statuses: object) -> bytes:
    value = {"messaging_product": "whatsapp", "statuses": list(statuses)}
    change = {"field": "messages", "value": value}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()


# Reading


def test_a_status_is_read_with_its_reference() -> None:
    body = envelope(status(biz_opaque_callback_data="17.42.3", pricing={"type": "regular"}, something_new={"a": 1}))
    assert parse(body) == [StatusUpdate(17, 42, "wamid.A1", "sent", 1_750_030_073_000, phones=(16505551234,))]


def test_a_failure_is_read_with_code_and_detail() -> None:
    error = {"code": 131049, "title": "T", "message": "M", "error_data": {"details": "Enough marketing already."}}
    (update,) = parse(envelope(status(status="failed", errors=[error, {"code": 1}])))
    assert (update.status, update.code, update.detail) == ("failed", 131049, "Enough marketing already.")


@pytest.mark.parametrize(
    ("errors", "code", "detail"),
    [
        ([{"code": 131026, "title": "T", "message": "M"}], 131026, "M"),
        ([{"code": 131026, "title": "T"}], 131026, "T"),
        ([{"code": 131026, "error_data": "plain text"}], 131026, "plain text"),
        ([{"code": "131026"}], None, ""),
        ([{"code": -3}], None, ""),
        ([{"code": 2**40}], None, ""),
        ([{"code": True}], None, ""),
        ([], None, ""),
        (["x"], None, ""),
        ("x", None, ""),
        ([{"title": "x" * 9000}], None, "x" * 500),
    ],
)
def test_odd_errors_are_read_as_far_as_they_go(errors: object, code: int | None, detail: str) -> None:
    (update,) = parse(envelope(status(status="failed", errors=errors)))
    assert (update.code, update.detail) == (code, detail)


def test_R46_several_entries_and_changes_are_read_in_their_order() -> None:
    def change(*names: str) -> dict[str, object]:
        return {"field": "messages", "value": {"statuses": [status(id=name) for name in names]}}

    other = {"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}
    inbound = {"field": "messages", "value": {"messages": [{"type": "text"}]}}
    entries = [
        {"changes": [change("a", "b"), other, inbound, change("c")]},
        {"changes": []},
        {"changes": [change("d")]},
    ]
    assert [update.message_id for update in parse(json.dumps({"entry": entries}).encode())] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("kind", ["played", "deleted", "warning", "SENT", "", None, 7, ["sent"]])
def test_unknown_kinds_are_passed_over_beside_known_ones(kind: object) -> None:
    assert [update.status for update in parse(envelope(status(status=kind), status(status="read")))] == ["read"]


@pytest.mark.parametrize("reference", [None, "", "17.42", "x.y.z", "17.42.3.4", 17, "9" * 30 + ".1.1", "-1.2.3"])
def test_a_reference_that_is_not_ours_leaves_the_message_id(reference: object) -> None:
    (update,) = parse(envelope(status(biz_opaque_callback_data=reference)))
    assert (update.campaign_id, update.seq, update.message_id) == (None, None, "wamid.A1")


@pytest.mark.parametrize("timestamp", [None, "", "soon", "-5", 0, True, 1.5, "9" * 30, 10**15, "１７５"])
def test_without_a_readable_time_the_time_of_receipt_stands_in(timestamp: object) -> None:
    body = envelope(status(timestamp=timestamp))
    assert parse(body) == []
    assert [update.at for update in parse(body, received=5)] == [5]


@pytest.mark.parametrize("timestamp", ["1750030073", 1750030073])
def test_seconds_become_milliseconds(timestamp: object) -> None:
    assert [update.at for update in parse(envelope(status(timestamp=timestamp)), received=5)] == [1_750_030_073_000]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        parse(body)
    assert caught.value.code == "malformed_callback"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["entry", "changes", "value", "statuses", "status", "timestamp", "errors", "code", "error_data", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(document=json_values, inside=json_values)
def test_no_callback_whatever_makes_the_reader_raise_anything_but_bad_input(document: object, inside: object) -> None:
    for body in (json.dumps(document).encode(), envelope(inside), envelope(status(errors=inside, timestamp=inside))):
        try:
            updates = parse(body, received=1)
        except BadInput:
            continue
        assert all(update.at > 0 for update in updates)


# Signatures


def test_a_signature_covers_every_byte_and_the_secret() -> None:
    raw = b'{"text": "\\u00e4\\/"}'
    signature = sign(SECRET, raw)
    # HMAC-SHA256 as worked out by `openssl dgst -sha256 -hmac "app secret"`.
    assert signature == "sha256=" + OPENSSL
    assert is_signed(SECRET, raw, signature)
    assert not is_signed(SECRET, raw + b" ", signature)
    assert not is_signed("other", raw, signature)


@pytest.mark.parametrize("signature", ["", "sha256=", "sha1=abc", "ä", "\udcff", sign("other", b"{}")])
def test_what_is_no_signature_does_not_hold(signature: str) -> None:
    assert not is_signed(SECRET, b"{}", signature)


# The server


class Kept:
    """What the receiver handed on; raises `Busy` while `busy`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.busy = False

    def __call__(self, raw: bytes) -> None:
        if self.busy:
            raise Busy("busy", "not now")
        self.bodies.append(raw)


@asynccontextmanager
async def receiving(kept: Kept, **options: Any) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    receiver = Receiver(SECRET, kept, **options)
    url = await receiver.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield url, session
    finally:
        await receiver.close()


async def post(session: aiohttp.ClientSession, url: str, raw: bytes, signature: str | None, **headers: str) -> int:
    if signature is not None:
        headers[SIGNATURE] = signature
    async with session.post(url, data=io.BytesIO(raw), headers=headers) as answer:
        return answer.status


async def test_a_signed_callback_is_kept_as_it_came_and_answered_200() -> None:
    kept, raw = Kept(), b'{"odd" :  "\\u00e4\\/"}\n'
    async with receiving(kept) as (url, session):
        assert await post(session, url, raw, sign(SECRET, raw)) == 200
    assert kept.bodies == [raw]


@pytest.mark.parametrize("signature", [None, "", "sha256=" + "0" * 64, sign("other", b"{}"), sign(SECRET, b"{} ")])
async def test_an_unsigned_or_forged_callback_is_refused_before_anything(signature: str | None) -> None:
    kept = Kept()
    async with receiving(kept) as (url, session):
        assert await post(session, url, b"{}", signature) == 401
    assert kept.bodies == []


async def test_while_the_store_is_busy_the_gateway_is_told_to_come_again() -> None:
    kept = Kept()
    async with receiving(kept) as (url, session):
        kept.busy = True
        assert await post(session, url, b"{}", sign(SECRET, b"{}")) == 503
        kept.busy = False
        assert await post(session, url, b"{}", sign(SECRET, b"{}")) == 200
    assert kept.bodies == [b"{}"]


async def test_a_body_may_have_four_megabytes_and_no_more() -> None:
    kept = Kept()
    async with receiving(kept) as (url, session):
        whole = b" " * LARGEST_BODY
        assert await post(session, url, whole, sign(SECRET, whole)) == 200
        assert await post(session, url, whole + b" ", sign(SECRET, whole + b" ")) == 413
    assert kept.bodies == [whole]


async def test_a_compressed_body_is_kept_as_it_was_signed() -> None:
    kept, raw = Kept(), gzip.compress(b"{}")
    async with receiving(kept) as (url, session):
        assert await post(session, url, raw, sign(SECRET, raw), **{"Content-Encoding": "gzip"}) == 200
    assert kept.bodies == [raw]


@pytest.mark.parametrize(
    ("mode", "token", "answered"),
    [
        ("subscribe", "verify me", 200),
        ("subscribe", "guess", 403),
        ("unsubscribe", "verify me", 403),
        ("subscribe", "", 403),
    ],
)
async def test_the_handshake_answers_the_bare_challenge(mode: str, token: str, answered: int) -> None:
    query = {"hub.mode": mode, "hub.challenge": "<1158201444>", "hub.verify_token": token}
    async with (
        receiving(Kept(), verify_token="verify me") as (url, session),
        session.get(url, params=query) as answer,
    ):
        assert answer.status == answered
        assert answer.content_type == "text/plain" or answered != 200
        assert (await answer.text() == "<1158201444>") is (answered == 200)


async def test_without_a_verify_token_every_handshake_is_refused() -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""}
    async with receiving(Kept()) as (url, session), session.get(url, params=query) as answer:
        assert answer.status == 403


def test_without_a_secret_there_is_no_receiver() -> None:
    with pytest.raises(BadInput) as caught:
        Receiver("", Kept())
    assert caught.value.code == "secret_missing"


async def test_closing_twice_and_never_starting_are_harmless() -> None:
    receiver = Receiver(SECRET, Kept())
    await receiver.close()
    url = await receiver.start()
    await receiver.close()
    await receiver.close()
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection(url.split("/")[2].split(":")[0], int(url.split(":")[2].strip("/")))


# Registering


async def test_registering_with_a_simulator() -> None:
    kept = Kept()
    async with Simulator() as simulator, receiving(kept) as (url, _):
        await register(simulator.base_url + "/", url, SECRET)
        assert simulator.counts["callbacks"] == {"posted": 0, "waiting": 0}


async def test_registering_where_nothing_listens_is_busy() -> None:
    with pytest.raises(Busy) as caught:
        await register("http://127.0.0.1:1", "http://127.0.0.1:2/", SECRET)
    assert caught.value.code == "gateway_unreachable"


async def test_registering_with_something_else_is_refused() -> None:
    async def handle(request: web.BaseRequest) -> web.Response:
        return web.Response(status=404)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with pytest.raises(BadInput) as caught:
        await register(f"http://127.0.0.1:{runner.addresses[0][1]}", "http://127.0.0.1:2/", SECRET)
    await runner.cleanup()
    assert caught.value.code == "callbacks_not_registered"
