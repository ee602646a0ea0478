"""A fresh real database for every test of the engine that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import database
from tests import builders
from tests.clock import FakeClock


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Path]:
    """The file of an open, migrated, empty database; this thread's connection is open until the test ends."""
    file = tmp_path / "engine.db"
    database.open_database(str(file), create=True)
    with database.session():
        yield file
    database.close_database()


@pytest.fixture
def acme(db: Path, clock: FakeClock, tmp_path: Path) -> Path:
    """A database with an account, a sender, an approved template and a million credits."""
    builders.account_with_sender(clock, tmp_path)
    return db
