"""Scenarios out of files: the shipped ones by name, others by path, in TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from dataclasses import MISSING, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BadInput
from engine.gateway.simulator.scenario import (
    DEFAULT,
    Delay,
    Pacing,
    Pair,
    Portfolio,
    Replies,
    Scenario,
    Token,
    Trouble,
    invalid,
)

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_MOST = 1e12
_TABLES: dict[str, type] = {table.__name__: table for table in (Delay, Pair, Portfolio, Pacing, Token, Replies)}


def shipped() -> list[str]:
    """The names of the scenarios that come with the program."""
    return sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml"))


def description(name: str) -> str:
    """What a shipped scenario is about: the comment at its head, as one line."""
    lines = []
    for line in _folder().joinpath(f"{name}.toml").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    return " ".join(lines)


def load(name_or_path: str = DEFAULT) -> Scenario:
    """A shipped scenario by name, or one from a TOML file, or from a JSON file (`.json`).

    Raises `BadInput` for a file that cannot be read, an unknown key or a value out of range.
    """
    if name_or_path in shipped():
        return parse(_folder().joinpath(f"{name_or_path}.toml").read_text("utf-8"), name_or_path)
    try:
        text = Path(name_or_path).read_text("utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadInput(
            "scenario_unreadable",
            f"The scenario {name_or_path!r} cannot be read: {error}.",
            f"Give a TOML or JSON file, or one of: {', '.join(shipped())}.",
        ) from error
    return parse(text, name_or_path)


def parse(text: str, name: str) -> Scenario:
    """A scenario out of TOML, or out of JSON when `name`, which is for messages too, ends so. Raises `BadInput`."""
    document = _document(text, name)
    values = _values(Scenario, document, name, "scenario")
    return Scenario(**values)


def _document(text: str, name: str) -> dict[str, Any]:
    as_json = name.endswith(".json")
    try:
        document: object = json.loads(text) if as_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"{name} is not valid {'JSON' if as_json else 'TOML'}: {error}.") from error
    if not isinstance(document, dict):
        raise invalid(f"{name} must be a JSON object.")
    return document


def _folder() -> Traversable:
    return resources.files("engine.gateway.simulator").joinpath("scenarios")


def _values(kind: type, given: dict[str, Any], where: str, what: str) -> dict[str, Any]:
    """The arguments of a dataclass out of a table, each checked against the type of its field."""
    known = {item.name: item for item in fields(kind)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise invalid(f"{where} has keys that no {what} has: {', '.join(unknown)}.", f"Keys: {', '.join(known)}.")
    for name, item in known.items():
        if name not in given and item.default is MISSING and item.default_factory is MISSING:
            raise invalid(f"{where} lacks {name}.")
    prefix = "" if kind is Scenario else f"{where}."
    return {key: _value(f"{prefix}{key}", value, str(known[key].type)) for key, value in given.items()}


def _value(key: str, given: object, kind: str) -> object:
    if kind in _TABLES:
        return _table(key, given, kind)
    if kind.startswith("tuple[Trouble"):
        if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
            raise invalid(f"{key} must be a list of tables, not {given!r}.")
        return tuple(Trouble(**_values(Trouble, item, f"{key}[{at}]", key)) for at, item in enumerate(given))
    if kind.startswith("Mapping"):
        return _shares(key, given)
    if kind in ("bool", "str"):
        if type(given).__name__ != kind:
            raise invalid(f"{key} must be {'true or false' if kind == 'bool' else 'text'}, not {given!r}.")
        return given
    number = _number(key, given)
    if kind == "int" and not isinstance(given, int):
        raise invalid(f"{key} must be a whole number, not {given!r}.")
    return number


def _table(key: str, given: object, kind: str) -> object:
    table = _TABLES[kind]
    known = [item.name for item in fields(table)]
    if not isinstance(given, dict) or not set(given) <= set(known):
        parts = " and ".join((", ".join(known[:-1]), known[-1]))
        raise invalid(f"{key} must be a table with {parts}, not {given!r}.")
    return table(**_values(table, given, key, key))


def _shares(key: str, given: object) -> dict[int, float]:
    if not isinstance(given, dict) or not all(code.isascii() and code.isdigit() for code in given):
        raise invalid(f"{key} must be a table of error code to share, not {given!r}.")
    return {int(code): _number(f"{key}.{code}", share) for code, share in given.items()}


def _number(key: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= _MOST:
        raise invalid(f"{key} must be a number that is not negative and no more than {_MOST:g}, not {given!r}.")
    return given
