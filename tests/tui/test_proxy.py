"""The proxy examples in docs/proxy: nginx really in front of `sendoff callbacks`, Caddy's as far as it can be read."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.callbacks import LARGEST_BODY, SIGNATURE, sign
from store import database
from tests import builders
from tests.cli import ROOT, TIMEOUT_S, Cli
from tests.clock import FakeClock
from tests.faults.processes import wait_until

SECRET, TOKEN = "app secret", "token"
PROXY = ROOT / "docs" / "proxy"
# CI installs it; elsewhere it need not be there.
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None and not os.environ.get("CI"), reason="needs nginx")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def certificate(folder: Path) -> None:
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", folder / "key.pem", "-out", folder / "fullchain.pem")
    making = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files)
    subprocess.run(making, check=True, capture_output=True)


def config(folder: Path, backend: str, port: int) -> Path:
    """The example as it stands in docs, with this machine's ports and certificate, inside the least of a main file."""
    example = (PROXY / "nginx.conf").read_text(encoding="utf-8")
    for theirs, ours in (
        ("127.0.0.1:8480", backend),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("callbacks.example.com;", "localhost;"),
        ("/etc/ssl/callbacks.example.com", str(folder)),
    ):
        assert theirs in example
        example = example.replace(theirs, ours)
    (folder / "example.conf").write_text(example, encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "main.conf"
    user = "user root;\n" if os.getuid() == 0 else ""
    main.write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        f"events {{ worker_connections 64; }}\nhttp {{\n{temporary}include {folder}/example.conf;\n}}\n",
        encoding="utf-8",
    )
    return main


@pytest.fixture
def proxied(tmp_path: Path, clock: FakeClock) -> Iterator[tuple[str, ssl.SSLContext]]:
    """The public address of a proxy before a callback server, and how to trust its certificate."""
    database.open_database(str(tmp_path / "flow.db"), create=True)
    certificate(tmp_path)
    port = free_port()
    cli = Cli(tmp_path / "flow.db", SENDOFF_APP_SECRET=SECRET, SENDOFF_VERIFY_TOKEN=TOKEN)
    with database.session():
        builders.account_with_sender(clock, tmp_path)
        with subprocess.Popen(
            cli.command("callbacks", "--listen", "127.0.0.1:0", "--json"),
            env=cli.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as server:  # fmt: skip
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["listening"]
            main = config(tmp_path, url.split("/")[2], port)
            with subprocess.Popen(["nginx", "-p", tmp_path, "-c", main], stderr=subprocess.DEVNULL) as nginx:
                try:
                    wait_until(lambda: listens(port), lambda: (tmp_path / "error.log").read_text())
                    trusted = ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem"))
                    yield f"https://localhost:{port}", trusted
                finally:
                    nginx.terminate()
                    server.terminate()
    database.close_database()


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def ask(where: tuple[str, ssl.SSLContext], path: str, raw: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of an answer to a signed POST, or to a GET."""
    url, trusted = where
    headers = {} if raw is None else {SIGNATURE: sign(SECRET, raw)}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url + path, raw, headers), timeout=TIMEOUT_S, context=trusted
        ) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""


@needs_nginx
def test_the_nginx_example_ends_tls_and_leaves_the_signed_bytes_alone(proxied: tuple[str, ssl.SSLContext]) -> None:
    handshake = f"/whatsapp?hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge=1158201444"
    assert ask(proxied, handshake) == (200, b"1158201444")
    odd = b'{"entry" :  [],  "x": "\\u00e4\\/ \xe0\xa4\xa8"}\n'
    large = json.dumps({"entry": [], "padding": "x" * 500_000}).encode()
    for raw in (odd, large):
        assert ask(proxied, "/whatsapp", raw) == (200, b"")
    for path in ("/", "/health", "/whatsapp/", "/whatsapp/health"):
        assert ask(proxied, path)[0] == 404
    assert ask(proxied, "/whatsapp", b" " * (LARGEST_BODY + 1))[0] == 413
    stored = database.execute("SELECT body FROM callback_event ORDER BY id").fetchall()
    assert [body for (body,) in stored] == [odd.decode(), large.decode()]


@needs_nginx
def test_nginx_reads_its_example_without_a_warning(tmp_path: Path) -> None:
    certificate(tmp_path)
    main = config(tmp_path, "127.0.0.1:8480", 8443)
    done = subprocess.run(["nginx", "-t", "-p", tmp_path, "-c", main], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


@pytest.mark.skipif(shutil.which("caddy") is None, reason="needs caddy")
def test_caddy_reads_its_example(tmp_path: Path) -> None:
    done = subprocess.run(
        ["caddy", "adapt", "--config", PROXY / "Caddyfile", "--adapter", "caddyfile", "--validate"],
        capture_output=True, text=True, env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "127.0.0.1:8480" in done.stdout
