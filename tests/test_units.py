"""The systemd units in contrib: what they start is a command of ours, and what they promise fits what it does."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from store.sqlite_file import LOCK_TIMEOUT_S
from tests.cli import ROOT
from tui.cli import NOT_ALLOWED, NOT_FOUND, REFUSED, USAGE
from tui.cli.parser import parse

CONTRIB = ROOT / "contrib"
UNITS = {"sendoff-worker.service": "worker", "sendoff-callbacks.service": "callbacks"}
STOP_S = 10
"""Within which a worker that is told to stop has ended (DESIGN section 3)."""
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")

Unit = dict[str, list[tuple[str, str]]]


def read(name: str) -> Unit:
    """Sections to settings, in order; a key may come several times."""
    sections: Unit = {}
    current: list[tuple[str, str]] = []
    for line in (CONTRIB / name).read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals and key.isalpha(), line
            current.append((key, value))
    return sections


def service(name: str) -> dict[str, str]:
    return dict(read(name)["Service"])


@pytest.mark.parametrize("name", UNITS)
def test_what_a_unit_starts_is_a_command_of_ours(name: str) -> None:
    program, *arguments = shlex.split(service(name)["ExecStart"])
    assert Path(program).name == "sendoff"
    options = parse(arguments)
    assert (options.command.name, options.database, options.read_only) == (UNITS[name], None, False)


@pytest.mark.parametrize("name", UNITS)
def test_it_tells_the_manager_and_is_given_the_time_it_needs(name: str) -> None:
    one = service(name)
    assert (one["Type"], one["NotifyAccess"], one["KillSignal"]) == ("notify", "main", "SIGTERM")
    assert int(one["TimeoutStopSec"]) >= 2 * STOP_S
    # A loop that waits for a locked database is no loop that hangs.
    assert int(one["WatchdogSec"]) >= 10 * LOCK_TIMEOUT_S
    assert one["Restart"] == "always"
    assert [int(status) for status in one["RestartPreventExitStatus"].split()] == [
        USAGE, REFUSED, NOT_FOUND, NOT_ALLOWED,
    ]  # fmt: skip


def test_the_workers_own_simulator_outlives_the_order_to_stop() -> None:
    assert service("sendoff-worker.service")["KillMode"] == "mixed"


@pytest.mark.parametrize("name", UNITS)
def test_the_database_lies_where_the_unit_may_write_and_nobody_else_reads(name: str) -> None:
    pairs = read(name)["Service"]
    one = dict(pairs)
    home = f"/var/lib/{one['StateDirectory']}"
    environment = dict(value.split("=", 1) for key, value in pairs if key == "Environment")
    assert environment["SENDOFF_DATABASE"].startswith(f"{home}/") and environment["HOME"] == home
    assert (one["StateDirectoryMode"], one["UMask"], one["ProtectSystem"]) == ("0700", "0077", "strict")
    user = (CONTRIB / "sendoff.sysusers.conf").read_text(encoding="ascii").splitlines()[-1]
    assert shlex.split(user)[:2] == ["u", one["User"]] and home in user


def test_both_are_shut_in_alike_and_use_the_same_database() -> None:
    apart = {"ExecStart", "KillMode"}
    worker, callbacks = ([pair for pair in read(name)["Service"] if pair[0] not in apart] for name in UNITS)
    assert worker == callbacks


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_itself_finds_nothing_wrong_with_it(name: str, tmp_path: Path) -> None:
    text = (CONTRIB / name).read_text(encoding="ascii")
    assert "/usr/local/bin/sendoff" in text
    # What it starts need not be installed here.
    (tmp_path / name).write_text(text.replace("/usr/local/bin/sendoff", sys.executable), encoding="ascii")
    environment = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / name],
        capture_output=True, text=True, env=environment, timeout=60,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", tmp_path / name],
        capture_output=True, text=True, env=environment, timeout=60,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout


def test_readme_shows_them() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in UNITS:
        assert f"contrib/{name}" in readme
