"""Whether another worker is there, as the kernel tells it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine import presence
from store import sqlite_file

OTHER = """
import sys
from engine import presence
from store import database
database.open_database(sys.argv[1])
presence.announce()
print("here", flush=True)
sys.stdin.read()
"""


def other(file: Path) -> subprocess.Popen[str]:
    """A process that is there."""
    found = subprocess.Popen(
        (sys.executable, "-c", OTHER, str(file)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert found.stdout is not None and found.stdout.readline() == "here\n"
    return found


def test_nobody_is_there_at_first(acme: Path) -> None:
    assert not presence.another(1)


def test_another_one_is_there_until_it_ends_however_it_does(acme: Path) -> None:
    with other(acme) as there:
        assert presence.another(os.getpid())
        assert presence.another(there.pid + 1) and presence.another(there.pid - 1)
        # The one that is asked for does not count.
        assert not presence.another(there.pid)
        there.kill()
        there.wait(10)
        assert not presence.another(os.getpid())


def test_who_is_gone_is_not_there_and_the_file_is_its_owners_alone(acme: Path) -> None:
    handle = presence.announce()
    assert handle is not None
    file = acme.with_name(f"{acme.name}.workers.lock")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    presence.gone(handle)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_beside_no_file_nobody_is_there(monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.setattr(sqlite_file, "path_of", lambda url: None)
    assert presence.announce() is None
    presence.gone(None)
    assert not presence.another(1)


def test_a_folder_that_cannot_be_written_keeps_no_worker(monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.setattr(sqlite_file, "path_of", lambda url: acme / "no folder" / "x.db")
    assert presence.announce() is None
    assert not presence.another(1)
