"""The way to the gateway: proxy, CA bundle and time-outs, against real servers on loopback."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.errors import BadInput, Busy
from engine.gateway.base import NotTaken, Rejection
from engine.gateway.cloud_api import CloudApi
from engine.gateway.graph import Graph
from engine.gateway.link import Link, link_of
from engine.gateway.network import DIRECT, Network, read
from store.types import Account, Gateway
from tests.engine.test_cloud_api import listening, never_answer
from tests.graph_server import TOKEN, WABA, graph_server

PASSWORD = "hush"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", str(file) + ".crt"],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def ask(url: str, network: Network) -> list[object]:
    async with Graph(Link(url, "v24.0", TOKEN, WABA, network)) as client:
        return list(await client.templates(WABA))


def test_a_certificate_counts_only_when_its_bundle_is_named(certificate: Path) -> None:
    with graph_server(serving(certificate)) as graph:
        with pytest.raises(Busy) as caught:
            asyncio.run(ask(graph.url, DIRECT))
        assert caught.value.code == "gateway_unreachable" and "certificate" in caught.value.message
        assert asyncio.run(ask(graph.url, Network(ca_bundle=certificate))) == []


def test_sending_goes_by_the_same_bundle(certificate: Path) -> None:
    async def send(url: str, network: Network) -> object:
        async with CloudApi(url, TOKEN, network=network) as client:
            return await client.send("1", {"to": "+1"})

    with graph_server(serving(certificate)) as graph:
        assert isinstance(asyncio.run(send(graph.url, DIRECT)), NotTaken)
        assert isinstance(asyncio.run(send(graph.url, Network(ca_bundle=certificate))), Rejection)


def test_a_bundle_that_is_none_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for file in (empty, tmp_path / "none.pem"):
        with pytest.raises(BadInput) as caught:
            Network(ca_bundle=file).tls()
        assert caught.value.code == "bad_ca_bundle"


class Proxy:
    """An HTTP proxy that tunnels to anywhere on this machine, or refuses."""

    def __init__(self, refuses: bytes = b"") -> None:
        self.refuses = refuses
        self.heads: list[bytes] = []
        self.url = ""
        self._open: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None] | None] = []

    async def end(self) -> None:
        """Cut every connection, and wait until nobody uses one."""
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*(task for task in self._tasks if task is not None), return_exceptions=True)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        self._open.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.refuses:
            writer.write(b"HTTP/1.1 " + self.refuses + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        method, target, _ = head.split(b" ", 2)
        assert method == b"CONNECT"
        host, _, port = target.partition(b":")
        up, down = await asyncio.open_connection(host.decode(), int(port))
        self._open.append(down)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_pump(reader, down), _pump(up, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def proxy(refuses: bytes = b"") -> AsyncIterator[Proxy]:
    made = Proxy(refuses)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    made.url = f"http://me:{PASSWORD}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await made.end()


async def test_a_proxy_is_gone_through_with_its_password(certificate: Path) -> None:
    with graph_server(serving(certificate)) as graph:
        async with proxy() as way:
            network = Network(proxy=way.url, ca_bundle=certificate)
            assert await ask(graph.url, network) == []
        assert graph.requests[0].path.endswith("/message_templates")
    (head,) = way.heads
    assert head.startswith(b"CONNECT 127.0.0.1:")
    assert base64.b64encode(f"me:{PASSWORD}".encode()) in head
    assert TOKEN.encode() not in head, "the token is for the gateway alone"


@pytest.mark.parametrize("answer", [b"407 Proxy Authentication Required", b"502 Bad Gateway"])
async def test_a_proxy_that_refuses_took_nothing_and_its_password_is_not_told(answer: bytes) -> None:
    async with proxy(answer) as way:
        network = Network(proxy=way.url)
        async with CloudApi("https://graph.invalid", TOKEN, network=network) as client:
            outcome = await client.send("1", {"to": "+1"})
        assert isinstance(outcome, NotTaken)
        assert PASSWORD not in outcome.reason and TOKEN not in outcome.reason
        with pytest.raises(Busy) as caught:
            await ask("https://graph.invalid", network)
        assert PASSWORD not in caught.value.message
    assert len(way.heads) == 2


async def test_a_proxy_that_is_not_there_is_told_without_its_password() -> None:
    with pytest.raises(Busy) as caught:
        await ask("https://graph.invalid", Network(proxy=f"http://me:{PASSWORD}@127.0.0.1:1"))
    assert PASSWORD not in caught.value.message


async def test_the_time_outs_are_kept() -> None:
    loop = asyncio.get_running_loop()
    async with listening(never_answer) as url:
        began = loop.time()
        with pytest.raises(Busy):
            await ask(url, Network(timeout=0.2))
        assert loop.time() - began < 3


def test_the_simulator_on_this_machine_is_reached_without_a_proxy() -> None:
    account = Account("Acme", "UTC", Gateway.SIMULATOR, "http://127.0.0.1:9", "1", None, 0)
    link = link_of(account, Network(proxy="http://x:1", timeout=9))
    assert (link.network.proxy, link.network.timeout, link.token) == (None, 9, "simulator")
    assert "simulator" not in repr(link), "a token is in no repr"


def test_a_whole_table_is_read() -> None:
    found = read({"proxy": "http://p:3128", "ca_bundle": "~/ca.pem", "connect_timeout": 2, "timeout": 10.5})
    assert found == Network("http://p:3128", Path("~/ca.pem").expanduser(), 2.0, 10.5)
    assert read({}) == DIRECT
