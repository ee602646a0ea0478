"""The same surroundings for every test, whoever runs it: nothing of the developer's machine reaches the product."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import settings

from tests.clock import FakeClock

# Settings of ours, and what the terminal, the SSH session and the editor of whoever runs the tests say of themselves.
_CUT_PREFIXES = ("SENDOFF_", "TEXTUAL", "SSH_", "LC_", "XDG_", "TMUX", "CLICOLOR")
_CUT_NAMES = (
    "COLORFGBG", "COLUMNS", "EDITOR", "ESCDELAY", "FORCE_COLOR", "LANG", "LANGUAGE", "LINES", "NO_COLOR", "STY",
    "SUDO_USER", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "VISUAL",
)  # fmt: skip


# A shell has its background jobs ignore ctrl+c, and every process that a test starts would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _fix_environment() -> Path:
    home = Path(tempfile.mkdtemp(prefix="sendoff-home-"))
    for name in list(os.environ):
        # By TEXTUAL_SNAPSHOT_TEMPDIR the snapshot plugin tells xdist's workers where to put their results.
        if (name.startswith(_CUT_PREFIXES) or name in _CUT_NAMES) and not name.startswith("TEXTUAL_SNAPSHOT_"):
            del os.environ[name]
    os.environ |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "XDG_RUNTIME_DIR": str(home / ".run"),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "TEXTUAL_ANIMATIONS": "none",
    }
    (home / ".run").mkdir(mode=0o700)
    time.tzset()
    # Textual reads its settings once, when it is imported, and the snapshot plugin imports it before this file runs.
    if constants := sys.modules.get("textual.constants"):
        importlib.reload(constants)
    return home


# At import, because test modules import the product before any fixture runs.
_HOME = _fix_environment()
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

# The same examples every time, so that a red run is about the change and not about luck; `--hypothesis-profile=search`
# looks for new ones.
settings.register_profile("fixed", derandomize=True, print_blob=True, deadline=None)
settings.register_profile("search", max_examples=2_000, print_blob=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at `tests.clock.START`."""
    return FakeClock()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is night: `make test FAULTS=nightly`."""
    if os.environ.get("FAULTS") != "nightly":
        for item in items:
            if item.get_closest_marker("nightly"):
                item.add_marker(pytest.mark.skip(reason="only with FAULTS=nightly"))
