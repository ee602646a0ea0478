"""Consoles on real terminals beside the workers of a field, and who of them holds the sender."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from engine.clock import SystemClock
from store import database, leases
from store.types import Lease
from tests.faults.processes import ROOT, Field, wait_until
from tests.terminal import Terminal

HOST = socket.gethostname()
START_S = 60.0
"""A console starts within a second or two on a machine that has nothing else to do."""


def command(one: Field) -> list[str]:
    """The command line of a console on the field's database."""
    return [sys.executable, "-m", "tui", "--database", str(one.database)]


def environment(folder: Path) -> dict[str, str]:
    """A console's own place for what it remembers."""
    return {"XDG_STATE_HOME": str(folder), "PYTHONPATH": str(ROOT)}


def console(one: Field, name: str, columns: int = 120, rows: int = 40) -> Terminal:
    """One more console, on a terminal of its own."""
    return Terminal(command(one), columns=columns, rows=rows, env=environment(one.folder / name), cwd=str(ROOT))


def owner() -> Lease | None:
    """Who holds the sender now; needs the field's database open."""
    with database.session():
        found = leases.get("sender:1")
    return found if found is not None and found.owner and found.until >= SystemClock().now() else None


def wait_for_owner(wanted: Callable[[Lease], bool], what: str, within_s: float = START_S) -> tuple[Lease, float]:
    """Wait until somebody holds the sender who is wanted, and answer who, and the seconds it took."""
    found: list[Lease] = []

    def holds() -> bool:
        one = owner()
        if one is not None and wanted(one):
            found.append(one)
        return bool(found)

    took = wait_until(holds, lambda: f"{what}: {owner()}", within_s)
    return found[0], took


def parent_of(pid: int) -> int:
    """The process that started another, by the kernel."""
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody asked for its end counts as ended."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
