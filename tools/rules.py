"""The rule book against the tests: `python tools/rules.py` runs every test that names a rule and prints the table.

A test names its rules at the front: `test_R14_...`, `test_R21_R13_...`. With `--list` nothing is run, tests are only
counted; with `--report FILE` nothing is run either, a JUnit report of the whole suite is read. Exit status 1 when a
rule has no test that passed, or one that did not. Some are left out here, and told of: those of the night, and one of a
pair of which one is root's and one everybody else's.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
_NAME = re.compile(r"test_((?:R\d+_)+)")


def rules_of(test: str) -> list[str]:
    """The rules a test's name says it proves."""
    match = _NAME.match(test)
    return match[1].strip("_").split("_") if match else []


def titles() -> dict[str, str]:
    """Every rule with its line."""
    return {rule: str(title) for rule, title in tomllib.loads((TESTS / "rules.toml").read_text("utf-8")).items()}


def written(files: Iterable[Path]) -> Counter[str]:
    """How many test functions name each rule, found in the sources."""
    found: Counter[str] = Counter()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.update(rules_of(node.name))
    return found


class Outcomes(NamedTuple):
    """How many tests name each rule, by what became of them."""

    passed: Counter[str]
    failed: Counter[str]
    """Also those that broke before they began."""
    left_out: Counter[str]


def run(jobs: str) -> Outcomes:
    """Run the tests that name a rule."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        wanted = " or ".join(f"test_{rule}_" for rule in titles())
        command = [sys.executable, "-m", "pytest", "-q", "-n", jobs, "--dist", "loadfile"]
        subprocess.run([*command, "-k", wanted, f"--junitxml={report}"], cwd=ROOT, stdout=sys.stderr, check=False)
        return outcomes(report)


def outcomes(report: Path) -> Outcomes:
    """What a JUnit report says."""
    found = Outcomes(Counter(), Counter(), Counter())
    for case in ElementTree.parse(report).iter("testcase"):
        into = found.passed
        if case.find("skipped") is not None:
            into = found.left_out
        if case.find("failure") is not None or case.find("error") is not None:
            into = found.failed
        into.update(rules_of(case.get("name", "")))
    return found


def table(found: Outcomes, known: dict[str, str]) -> tuple[list[str], int]:
    """A line for each rule, and how many rules hold."""
    lines, holding = [], 0
    for rule, title in known.items():
        passed, failed, left_out = (count[rule] for count in found)
        holds = passed > 0 and not failed
        holding += holds
        word = "passed" if holds else f"{failed} NOT PASSED" if failed else "NO TEST"
        more = f"  ({left_out} left out)" if left_out else ""
        lines.append(f"{rule:<4} {passed + failed:>5}  {word:<14} {title}{more}")
    return lines, holding


def main() -> int:
    """Print the table."""
    known, arguments = titles(), sys.argv[1:]
    if "--list" in arguments:
        found = Outcomes(written(TESTS.rglob("test_*.py")), Counter(), Counter())
    elif "--report" in arguments:
        found = outcomes(Path(arguments[arguments.index("--report") + 1]))
    else:
        found = run(next(iter(arguments), "2"))
    lines, holding = table(found, known)
    print("\n".join([f"RULE TESTS  {'':<14}", *lines, f"{holding} of {len(known)}"]))
    return 0 if holding == len(known) else 1


if __name__ == "__main__":
    sys.exit(main())
