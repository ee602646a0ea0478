"""Take the picture of the console that the README shows: the real app on the sample data, with a fixed clock."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from engine import sample
from engine.context import Context
from store import database, leases
from store.types import Actor
from tests.clock import FakeClock
from tui.app import SendoffApp

OUT = Path(__file__).parent.parent / "docs" / "console.svg"
NOON = 1_795_415_520_000


async def take() -> str:
    """The campaign list at 130x36, as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        url = str(Path(folder) / "acme.db")
        clock = FakeClock(NOON)
        database.open_database(url, create=True)
        with database.session():
            sample.fill(Context(clock, Actor("asha")))
            status = json.dumps({"gateway_ms": 84, "sending": [1]})
            lease = leases.take("sender:1", "picture", NOON, NOON + 60_000, host="ops1", pid=4711, role="service")
            assert lease is not None
            leases.renew(lease, NOON + 60_000, status)
        app = SendoffApp(url, clock=clock, actor=Actor("asha"), with_worker=False)
        async with app.run_test(size=(130, 36)) as pilot:
            for _ in range(20):
                await pilot.pause()
            picture = app.export_screenshot(title="sendoff")
        app.services.threads.close()
        return picture


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    # The picture stands alone: no font is fetched from anywhere.
    OUT.write_text(re.sub(r"@font-face \{.*?\}", "", asyncio.run(take()), flags=re.DOTALL), encoding="utf-8")
    print(OUT)
