"""The table of rules counts what it says it counts."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def rules() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("rules_script", ROOT / "tools" / "rules.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test_R14_the_edge[5]", ["R14"]),
        ("test_R21_R13_both", ["R21", "R13"]),
        ("test_Run_starts", []),
        ("test_reads", []),
        ("check_R1_x", []),
    ],
)
def test_a_name_tells_its_rules(rules: ModuleType, name: str, found: list[str]) -> None:
    assert rules.rules_of(name) == found


def test_every_rule_of_the_book_has_its_line(rules: ModuleType) -> None:
    assert list(rules.titles()) == [f"R{n}" for n in range(1, 58)]


def test_every_rule_has_a_test_that_names_it(rules: ModuleType) -> None:
    """`make check` fails here when a rule has none; whether they pass is what the rest of the suite tells."""
    found = rules.written((ROOT / "tests").rglob("test_*.py"))
    assert [rule for rule in rules.titles() if not found[rule]] == [], "rules of tests/rules.toml without a test"


def test_no_test_names_a_rule_that_the_book_does_not_have(rules: ModuleType) -> None:
    assert set(rules.written((ROOT / "tests").rglob("test_*.py"))) <= set(rules.titles())


def test_a_rule_holds_only_when_a_test_of_it_passed_and_none_failed(rules: ModuleType, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuite><testcase name="test_R1_a"/><testcase name="test_R1_b"><failure/></testcase>'
        '<testcase name="test_R2_a[1]"/><testcase name="test_R2_b"><skipped/></testcase>'
        '<testcase name="test_R3_a"><skipped/></testcase><testcase name="test_R5_a"><error/></testcase></testsuite>'
    )
    found = rules.outcomes(report)
    assert found == (Counter(R1=1, R2=1), Counter(R1=1, R5=1), Counter(R2=1, R3=1))
    lines, holding = rules.table(found, {"R1": "one", "R2": "two", "R3": "three", "R4": "four", "R5": "five"})
    assert holding == 1
    words = [" ".join(line.split()[1:]) for line in lines]
    assert words == [
        "2 1 NOT PASSED one", "1 passed two (1 left out)", "0 NO TEST three (1 left out)", "0 NO TEST four",
        "1 1 NOT PASSED five",
    ]  # fmt: skip


def test_rules_are_found_in_sources(rules: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("class A:\n    def test_R9_x(self): ...\nasync def test_R9_R8_y(): ...\n")
    assert rules.written([tmp_path / "test_x.py"]) == Counter(R9=2, R8=1)
