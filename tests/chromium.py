"""A page in a headless browser: what it shows, and what it asks for beside itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
TIMEOUT_S = 60


def browser() -> str:
    """The browser's command; skips the test where there is none, but never in CI, which installs it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip("needs chromium, which is not installed here; CI installs it")
    assert found is not None, "CI has no chromium"
    return found


@dataclass
class Served:
    """A page behind a loopback address, with the requests that came for anything."""

    url: str
    requests: list[str] = field(default_factory=list)


@contextmanager
def served(file: Path) -> Iterator[Served]:
    """Serve one file at `/page`, and note every request."""
    body = file.read_bytes()
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            found = self.path == "/page"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body) if found else 0))
            self.end_headers()
            if found:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}/page", requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def dump_dom(url: str, profile: Path, *flags: str) -> str:
    """The document as the browser understood it; every other host is out of its reach."""
    done = _run(url, profile, "--dump-dom", *flags)
    return done.stdout


def screenshot(url: str, profile: Path, picture: Path, *, dark: bool) -> bytes:
    """A PNG of the top of the page, as somebody sees it who prefers light or dark."""
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    _run(url, profile, f"--screenshot={picture}", "--window-size=1200,1600", scheme)
    return picture.read_bytes()


def _run(url: str, profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [
        browser(),
        *FLAGS,
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    return subprocess.run(
        [*command, *flags, url], capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_S, check=True
    )
