"""The codes of errors: every one that is raised is in README's table in words, and every one there is raised."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("engine", "store", "tui")
RAISED = frozenset(("Refused", "NotAllowed", "BadInput", "NotFound", "Busy", "EngineError", "Problem"))
CODE = re.compile(r"[a-z][a-z0-9_]*")
_ROW = re.compile(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \| (.+) \|$", re.MULTILINE)


def codes_in(source: str, name: str = "") -> Iterator[str]:
    """The codes that a module gives to errors and to checks that block or warn; fails for one that cannot be known."""
    tree = ast.parse(source)
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _is_error(node):
            yield from _constants(node.args[0], assigned, f"{name}:{node.lineno}")


def _is_error(node: ast.Call) -> bool:
    function = node.func
    called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if called == "Check":
        # The database's checks are called so too; those of the preflight have a level.
        words = ast.unparse(node)
        return "Level." in words and "Level.OK" not in words
    return called in RAISED


def _constants(value: ast.expr, assigned: dict[str, list[ast.expr]], where: str) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(code)):
            assert CODE.fullmatch(code), f"{where}: {code!r} is no code"
            yield code
        case ast.IfExp(body=body, orelse=other):
            yield from _constants(body, assigned, where)
            yield from _constants(other, assigned, where)
        case ast.Name(id=name) if name in assigned:
            for one in assigned[name]:
                yield from _constants(one, assigned, where)
        case ast.Attribute(attr="code"):
            # Somebody else's code passed on; it is counted where it is made.
            return
        case _:
            raise AssertionError(f"{where}: the code of this error cannot be read off: {ast.unparse(value)}")


def raised() -> dict[str, str]:
    """Every code with a place where it is raised."""
    found = {}
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            name = str(file.relative_to(ROOT))
            found.update(dict.fromkeys(codes_in(file.read_text("utf-8"), name), name))
    return found


def told(readme: str) -> dict[str, str]:
    """Every code of README's tables with what it says."""
    section = readme.partition("## Error codes\n")[2].partition("\n## ")[0]
    found: dict[str, str] = {}
    for codes, words in _ROW.findall(section):
        for code in CODE.findall(codes):
            assert code not in found, f"{code} is in README twice"
            found[code] = words
    return found


def test_every_code_that_is_raised_is_told_in_readme() -> None:
    known = told((ROOT / "README.md").read_text("utf-8"))
    missing = {code: place for code, place in raised().items() if code not in known}
    assert not missing


def test_every_code_in_readme_is_raised() -> None:
    known = told((ROOT / "README.md").read_text("utf-8"))
    assert known
    assert not known.keys() - raised().keys()


def test_codes_are_told_in_words() -> None:
    for code, words in told((ROOT / "README.md").read_text("utf-8")).items():
        assert len(words.split()) >= 3, code


def test_the_codes_of_a_module_are_found() -> None:
    source = """
def f(x):
    code = "a" if x else "b"
    raise Refused(code, "words")
    raise errors.BadInput("c" if x else "d", "words")
    Check("e", Level.WARN, "words"), Check("ok", Level.OK, "words"), Other("z")
    raise Busy(error.code, "words")
"""
    assert sorted(codes_in(source)) == ["a", "b", "c", "d", "e"]


def test_a_code_that_cannot_be_read_off_is_an_error() -> None:
    for source in ('raise Refused(f"{x}", "words")', 'raise Refused("Not A Code", "words")', "raise Refused(x)"):
        try:
            list(codes_in(source))
        except AssertionError:
            continue
        raise AssertionError(source)
