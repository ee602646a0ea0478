"""Reading logfmt as a journal's search would: apart from the code that writes it."""

from __future__ import annotations

import re

_PAIR = re.compile(r'([a-z][a-z0-9_]*)=("(?:[^"\\]|\\["\\])*"|[^\s"=]+)(?: |$)')


def fields(line: str) -> dict[str, str]:
    """The pairs of one line; fails where anything in it is none."""
    found: dict[str, str] = {}
    at = 0
    while at < len(line):
        pair = _PAIR.match(line, at)
        assert pair is not None, f"no logfmt from column {at}: {line!r}"
        key, value = pair.groups()
        assert key not in found, f"{key} twice: {line!r}"
        found[key] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        at = pair.end()
    return found


def events(text: str, name: str = "") -> list[dict[str, str]]:
    """The lines of a log, those of one event when given."""
    read = [fields(line) for line in text.splitlines()]
    return [one for one in read if not name or one["event"] == name]
