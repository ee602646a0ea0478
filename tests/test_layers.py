"""Which packages an import really loads, in fresh interpreters: the import contracts do not see deferred imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# May load aiohttp when they are imported: those that speak HTTP, and the two that run them.
SPEAK_HTTP = ("engine.gateway.cloud_api", "engine.gateway.simulator", "engine.callbacks", "engine.worker", "engine.run")

# Imports the modules one by one and prints which watched packages each was the first to load.
PROBE = """
import importlib, json, sys
modules, watched = json.loads(sys.argv[1]), set(json.loads(sys.argv[2]))
seen, loaded = set(), {}
for name in modules:
    importlib.import_module(name)
    new = {module.partition(".")[0] for module in sys.modules} & watched - seen
    if new:
        loaded[name] = sorted(new)
    seen |= new
print(json.dumps(loaded))
"""


def modules_of(package: str) -> list[str]:
    """Every module of a package of ours, by its dotted name, without importing any."""
    names = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return sorted(names)


def speaks_http(module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in SPEAK_HTTP)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def load(modules: list[str], watched: list[str]) -> dict[str, list[str]]:
    """What each module was the first to load of the watched packages."""
    result = python("-c", PROBE, json.dumps(modules), json.dumps(watched))
    assert result.returncode == 0, result.stderr
    loaded: dict[str, list[str]] = json.loads(result.stdout)
    return loaded


def test_the_probe_sees_what_an_import_loads() -> None:
    assert load(["json", "wave", "json.tool"], ["json", "wave", "textual"]) == {"json": ["json"], "wave": ["wave"]}


def test_every_module_is_found() -> None:
    found = modules_of("store")
    assert "store" in found
    assert "store.types" in found
    assert not speaks_http("engine.runs")
    assert speaks_http("engine.gateway.simulator.server")


def test_importing_the_store_loads_no_rule_and_no_screen() -> None:
    assert load(modules_of("store"), ["engine", "tui", "textual", "rich", "aiohttp"]) == {}


def test_importing_the_engine_loads_no_screen() -> None:
    assert load(modules_of("engine"), ["tui", "textual", "rich"]) == {}


def test_importing_the_engine_loads_no_http_library() -> None:
    assert load([name for name in modules_of("engine") if not speaks_http(name)], ["aiohttp"]) == {}


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_asking_for_version_or_help_loads_no_screen_and_no_http_library(option: str) -> None:
    result = python("-X", "importtime", "-m", "tui", option)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "sendoff" in result.stdout
    lines = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip() for line in lines}
    assert "tui" in imported
    assert {name for name in imported if name.partition(".")[0] in {"textual", "rich", "aiohttp"}} == set()
