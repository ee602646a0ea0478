"""The nightly profile: `make test FAULTS=nightly ARGS=tests/faults` runs what takes minutes, too."""

from __future__ import annotations

import os

import pytest

NIGHTLY = os.environ.get("FAULTS") == "nightly"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is marked as nightly, unless it is night."""
    if not NIGHTLY:
        for item in items:
            if item.get_closest_marker("nightly"):
                item.add_marker(pytest.mark.skip(reason="only with FAULTS=nightly"))
