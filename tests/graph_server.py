"""A Cloud API on loopback that answers what the test says, in a thread of its own, so that commands can ask it."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

TOKEN = "EAAGsecrettoken9876"
WABA = "102290129340398"


@dataclass
class Told:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    token: str
    body: bytes = b""
    form: dict[str, Any] = field(default_factory=dict)
    connection: int = 0


@dataclass
class Answer:
    """What is answered instead of the usual."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class GraphServer:
    """`lists` by edge, `nodes` by id, `instead` by path's end; pages of `page` items."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Any]] = {"message_templates": [], "phone_numbers": []}
        self.nodes: dict[str, dict[str, Any]] = {}
        self.instead: dict[str, list[Answer]] = {}
        self.page = 100
        self.requests: list[Told] = []
        self.url = ""
        self._connections: dict[int, int] = {}

    def refuse(self, end: str, code: int, status: int = 400, headers: dict[str, str] | None = None) -> None:
        """Answer paths with this end with an error of this code, once."""
        body = {"error": {"code": code, "message": "the message", "error_data": {"details": "the details"}}}
        self.instead.setdefault(end, []).append(Answer(status, body, headers or {}))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Any request at all."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        number = self._connections.setdefault(id(request.transport), len(self._connections))
        told = Told(request.method, request.path, dict(request.query), token, connection=number)
        self.requests.append(told)
        end = request.path.rpartition("/")[2]
        if request.method == "POST" and end == "media":
            told.form = await _form(request)
            told.form["length"] = request.headers.get("Content-Length")
        else:
            told.body = await request.read()
        for instead in (queue for name, queue in self.instead.items() if name == end and queue):
            answer = instead.pop(0)
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            return web.Response(status=answer.status, text=text, headers=answer.headers)
        if end == "media":
            return web.json_response({"id": f"media-{len(self.requests)}"})
        if end in self.lists:
            return web.json_response(self._page(self.lists[end], told.query))
        if end in self.nodes:
            return web.json_response(self.nodes[end])
        return web.json_response({"error": {"code": 100, "error_subcode": 33, "message": "gone"}}, status=400)

    def _page(self, items: list[Any], query: dict[str, str]) -> dict[str, Any]:
        start = int(query.get("after", "c0").removeprefix("c"))
        size = min(self.page, int(query["limit"]))
        end = min(start + size, len(items))
        paging: dict[str, Any] = {"cursors": {"before": f"c{start}", "after": f"c{end}"}}
        if end < len(items):
            # Nobody may follow it: the cursor is what counts.
            paging["next"] = f"https://graph.invalid/v1.0/next?access_token=stolen&after=c{end}"
        return {"data": items[start:end], "paging": paging}


async def _form(request: web.BaseRequest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        assert isinstance(part, BodyPartReader)
        data = b""
        while chunk := await part.read_chunk():
            data += chunk
        found[str(part.name)] = data
        if part.filename is not None:
            found["filename"], found["content_type"] = part.filename, part.headers["Content-Type"]
    return found


@contextmanager
def graph_server(tls: ssl.SSLContext | None = None) -> Iterator[GraphServer]:
    """The server, listening while the block runs."""
    graph = GraphServer()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    over: asyncio.Event = asyncio.Event()

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(graph.handle))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        graph.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="graph server")
    thread.start()
    assert ready.wait(10)
    try:
        yield graph
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
