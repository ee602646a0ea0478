"""The rule book against the tests: `python tools/rules.py` runs every test that names a rule and prints the table.

A test names its rules at the front: `test_R14_...`, `test_R21_R13_...`. With `--list` nothing is run, tests are only
counted. Exit status 1 when a rule has no test or one of its tests did not pass.
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


def run(jobs: str) -> tuple[Counter[str], Counter[str]]:
    """Run the tests that name a rule; how many passed and how many did not, by rule."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        wanted = " or ".join(f"test_{rule}_" for rule in titles())
        command = [sys.executable, "-m", "pytest", "-q", "-n", jobs, "--dist", "loadfile"]
        subprocess.run([*command, "-k", wanted, f"--junitxml={report}"], cwd=ROOT, stdout=sys.stderr, check=False)
        return outcomes(report)


def outcomes(report: Path) -> tuple[Counter[str], Counter[str]]:
    """What a JUnit report says, by rule: passed, and failed, broken or skipped."""
    passed: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        into = others if any(case.find(tag) is not None for tag in ("failure", "error", "skipped")) else passed
        into.update(rules_of(case.get("name", "")))
    return passed, others


def table(passed: Counter[str], others: Counter[str], known: dict[str, str]) -> tuple[list[str], int]:
    """A line for each rule, and how many rules hold."""
    lines, holding = [], 0
    for rule, title in known.items():
        holds = passed[rule] > 0 and not others[rule]
        holding += holds
        word = "passed" if holds else f"{others[rule]} NOT PASSED" if others[rule] else "NO TEST"
        lines.append(f"{rule:<4} {passed[rule] + others[rule]:>5}  {word:<14} {title}")
    return lines, holding


def main() -> int:
    known = titles()
    if "--list" in sys.argv[1:]:
        passed, others = written(TESTS.rglob("test_*.py")), Counter[str]()
    else:
        passed, others = run(next(iter(sys.argv[1:]), "2"))
    lines, holding = table(passed, others, known)
    print("\n".join([f"RULE TESTS  {'':<14}", *lines, f"{holding} of {len(known)}"]))
    return 0 if holding == len(known) else 1


if __name__ == "__main__":
    sys.exit(main())
