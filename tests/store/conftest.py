"""A fresh real database for every store test, one parameter a back end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from store import database
from tests.store.scene import Scene

BACK_ENDS = ["sqlite"]
"""What `fresh_url` can make an empty database of; another back end is one name here and one branch there."""


def fresh_url(back_end: str, folder: Path) -> str:
    """The address of a database that does not exist yet."""
    if back_end == "sqlite":
        return str(folder / f"{uuid4().hex}.db")
    raise ValueError(f"no such back end: {back_end}")


@pytest.fixture(params=BACK_ENDS)
def back_end(request: pytest.FixtureRequest) -> str:
    """The name of the back end that a test runs on."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(back_end: str, tmp_path: Path) -> str:
    """The address of a database that does not exist yet."""
    return fresh_url(back_end, tmp_path)


@pytest.fixture
def db(database_url: str) -> Iterator[str]:
    """The address of an open, migrated, empty database; this thread's connection is open until the test ends."""
    database.open_database(database_url, create=True)
    with database.session():
        yield database_url
    database.close_database()


@pytest.fixture
def scene(db: str) -> Scene:
    """An account with credits, a sender and a template, and what makes campaigns of them."""
    return Scene()
