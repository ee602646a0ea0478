"""The frame of the project: what is installed, what make and CI do, and that every test sees the same surroundings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(line) for line in PROJECT["dependencies"]]
DEV = [Requirement(line) for line in PROJECT["optional-dependencies"]["dev"]]
PINS = {
    canonicalize_name(pin.name): pin
    for pin in map(
        Requirement,
        (
            line
            for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
            if line and line[0] != "#"
        ),
    )
}


def pinned(name: str) -> Version:
    (specifier,) = PINS[canonicalize_name(name)].specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


# What is installed


def test_textual_is_pinned_exactly_and_without_extras() -> None:
    (textual,) = [requirement for requirement in RUNTIME if requirement.name == "textual"]
    assert str(textual.specifier) == "==8.2.8"
    assert textual.extras == set()


@pytest.mark.parametrize("requirement", [*RUNTIME, *DEV], ids=lambda requirement: requirement.name)
def test_every_requirement_is_bounded_and_its_pin_fits(requirement: Requirement) -> None:
    operators = {specifier.operator for specifier in requirement.specifier}
    # tzdata is named after the year of its data: a bound would only keep old time zones.
    assert operators in ({">=", "<"}, {"=="}) or requirement.name == "tzdata"
    assert pinned(requirement.name) in requirement.specifier


def test_pins_name_no_address_and_no_extra() -> None:
    assert PINS
    for pin in PINS.values():
        assert pin.url is None
        assert pin.extras == set()
        assert len(pin.specifier) == 1


@pytest.mark.parametrize(
    ("system", "machine", "wanted"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", False),
        ("darwin", "arm64", True),
        ("darwin", "x86_64", False),
        ("win32", "AMD64", True),
        ("win32", "ARM64", False),
    ],
)
def test_pysqlite3_is_asked_for_only_where_a_wheel_exists(system: str, machine: str, wanted: bool) -> None:
    (requirement,) = [requirement for requirement in RUNTIME if requirement.name == "pysqlite3"]
    assert requirement.marker is not None
    here = {"sys_platform": system, "platform_machine": machine, "platform_python_implementation": "CPython"}
    assert requirement.marker.evaluate({**here, "python_version": "3.11"}) is wanted
    assert requirement.marker.evaluate({**here, "python_version": "3.15"}) is False


def test_every_folder_with_code_is_a_package() -> None:
    # Without it `tests/store` would shadow `store` for pytest and mypy, and the wheel would miss a folder's modules.
    for package in ("tui", "store", "engine", "tests"):
        folders = {path.parent for path in (ROOT / package).rglob("*.py")}
        assert folders
        assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


# make and CI


def make(*arguments: str) -> str:
    # The make that runs this test hands its own flags down.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout


def test_check_runs_every_tool_and_then_every_test() -> None:
    said = make("-n", "check")
    steps = ["ruff check", "ruff format --check", "-m mypy", "lint-imports", "-m pytest"]
    places = [said.find(step) for step in steps]
    assert -1 not in places, said
    assert places == sorted(places)


def test_run_opens_the_console_on_sample_data() -> None:
    assert ".venv/bin/sendoff demo" in make("-n", "run")


def test_ci_runs_the_whole_check_and_can_be_started() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    lines = script.read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert re.fullmatch(r"exec make .*\bcheck\b.*", lines[-1])


# tools/environment.sh, with an interpreter that only pretends to install

PRETENDER = """#!/bin/sh
# A Python whose version test and pip are as the test wants them.
case "$*" in
    "-c "*) [ -z "${TOO_OLD:-}" ] || exit 1; exec "@REAL@" "$@" ;;
    --version) echo "Python 3.9.1" ;;
    "-m venv "*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    *) [ -z "${NO_PIP:-}" ] || exit 1; echo "$*" >>calls ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the script reads, and a `python3` beside nothing but the commands it uses."""
    (tmp_path / "tools").mkdir()
    for name in ("tools/environment.sh", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    commands = tmp_path / "bin"
    commands.mkdir()
    for command in ("cat", "cksum", "cp", "dirname", "mkdir", "sh"):
        found = shutil.which(command)
        assert found is not None
        (commands / command).symlink_to(found)
    python = commands / "python3"
    python.write_text(PRETENDER.replace("@REAL@", sys.executable), encoding="utf-8")
    python.chmod(0o755)
    return tmp_path


def prepare(checkout: Path, want: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "tools/environment.sh", want],
        cwd=checkout,
        env={"PATH": str(checkout / "bin"), **env},
        capture_output=True,
        text=True,
    )


def installs(checkout: Path) -> list[str]:
    calls = checkout / "calls"
    if not calls.exists():
        return []
    return [line.rpartition(" ")[2] for line in calls.read_text(encoding="utf-8").splitlines() if " install " in line]


def test_packages_are_installed_once_until_what_is_asked_for_changes(checkout: Path) -> None:
    assert prepare(checkout, "run").returncode == 0
    assert prepare(checkout, "run").stderr == ""
    (checkout / "pyproject.toml").touch()
    assert prepare(checkout, "run").returncode == 0
    assert installs(checkout) == ["."]
    with (checkout / "constraints.txt").open("a", encoding="utf-8") as constraints:
        constraints.write("another==1.0\n")
    assert prepare(checkout, "run").returncode == 0
    assert installs(checkout) == [".", "."]


def test_what_tests_need_includes_what_the_product_needs(checkout: Path) -> None:
    assert prepare(checkout, "dev").returncode == 0
    assert prepare(checkout, "run").stderr == ""
    assert installs(checkout) == [".[dev]"]


def test_a_moved_checkout_is_installed_again(checkout: Path) -> None:
    assert prepare(checkout, "run").returncode == 0
    moved = checkout.rename(checkout.with_name("moved"))
    assert prepare(moved, "run").returncode == 0
    assert installs(moved) == [".", "."]


def test_an_older_python_is_refused_with_what_to_do(checkout: Path) -> None:
    result = prepare(checkout, "run", TOO_OLD="1")
    assert result.returncode != 0
    assert "Python 3.11 or newer" in result.stderr
    assert "Python 3.9.1" in result.stderr
    assert "make PYTHON=" in result.stderr
    assert installs(checkout) == []


def test_a_named_python_that_is_none_is_refused(checkout: Path) -> None:
    result = prepare(checkout, "run", PYTHON="/nowhere/python")
    assert result.returncode != 0
    assert "PYTHON=/nowhere/python is not Python 3.11 or newer" in result.stderr


def test_a_python_without_ensurepip_and_pip_is_told_how_to_get_one(checkout: Path) -> None:
    result = prepare(checkout, "run", NO_PIP="1")
    assert result.returncode != 0
    assert "neither ensurepip nor a pip" in result.stderr
    assert "python3-venv" in result.stderr


# The surroundings of every test


def test_tests_see_an_empty_home_and_one_terminal() -> None:
    home = Path(os.environ["HOME"])
    assert home.name.startswith("sendoff-home-")
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        assert Path(os.environ[f"XDG_{name}_HOME"]).is_relative_to(home)
    assert time.tzname == ("UTC", "UTC")
    assert (os.environ["TERM"], os.environ["COLORTERM"], os.environ["LC_ALL"]) == (
        "xterm-256color",
        "truecolor",
        "C.UTF-8",
    )
    assert not [name for name in os.environ if name.startswith(("SENDOFF_", "SSH_")) or name == "NO_COLOR"]


def test_textual_draws_without_animation_though_a_plugin_imported_it_first() -> None:
    from textual import constants

    assert constants.TEXTUAL_ANIMATIONS == "none"


def test_the_snapshot_plugin_still_finds_its_results_in_a_worker() -> None:
    assert Path(os.environ["TEXTUAL_SNAPSHOT_TEMPDIR"]).is_dir()


def test_property_tests_use_the_same_examples_every_time(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--hypothesis-profile"):
        pytest.skip("another profile was asked for")
    current = settings()
    assert (current.derandomize, current.print_blob, current.deadline) == (True, True, None)
