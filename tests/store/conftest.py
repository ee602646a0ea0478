"""A fresh real database for every store test, one parameter a back end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import database
from tests.store.back_ends import BACK_ENDS, fresh_url
from tests.store.scene import Scene


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
