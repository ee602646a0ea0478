"""Frozen looks for the console's tests."""

from __future__ import annotations

import pytest
from textual.widgets import Input, TextArea

from tests import driver


@pytest.fixture(autouse=True)
def no_blink(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cursor blinks: two pictures of one screen are equal."""
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda self: None)


@pytest.fixture(autouse=True)
def snapshot_update(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--snapshot-update` reaches the text snapshots as it reaches syrupy's."""
    if request.config.getoption("update_snapshots", default=False):
        monkeypatch.setenv(driver.UPDATE_VARIABLE, "1")
