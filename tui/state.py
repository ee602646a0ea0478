"""What the console takes up again next time: tab, order, search, filter and cursor of each database.

One small JSON file in the user's state folder. It is a convenience: whatever is wrong with it, the console starts with
nothing remembered, and when it cannot be written nothing is lost but that.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from store.types import SortKey, Status

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1
KEPT: Final = 20
"""So many databases are remembered, those used last."""
_MAX_BYTES: Final = 256 * 1024
_MAX_SEARCH: Final = 200


@dataclass(frozen=True, slots=True)
class UiState:
    """Where the operator was in the campaign list."""

    tab: Status | None = None
    sort: SortKey = SortKey.WHEN
    reverse: bool = False
    search: str = ""
    sender_id: int | None = None
    cursor: int | None = None
    """The id of the campaign under the cursor."""
    since: int | None = None
    until: int | None = None
    """The range of days that is filtered by."""


def default_path() -> Path:
    """The file in the user's state folder; on Linux `~/.local/state/sendoff/console.json`."""
    from platformdirs import user_state_path

    return user_state_path("sendoff") / "console.json"


def load(path: Path, database: str) -> UiState:
    """What is remembered for a database; field by field the default for what is missing or makes no sense."""
    found = _read(path).get(_key(database))
    if not isinstance(found, dict):
        return UiState()
    good: dict[str, Any] = {field.name: _checked(field.name, found.get(field.name)) for field in fields(UiState)}
    return UiState(**{name: value for name, value in good.items() if value is not None})


def save(path: Path, database: str, state: UiState) -> bool:
    """Remember for next time, atomically, readable by the user only; tells whether it could be written."""
    databases = _read(path)
    key = _key(database)
    databases.pop(key, None)
    databases[key] = asdict(state)
    kept = dict(list(databases.items())[-KEPT:])
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"version": VERSION, "databases": kept}, file, indent=1)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        return False
    return True


def _key(database: str) -> str:
    # An address may hold a password, which has no business in this file.
    return hashlib.sha256(database.encode(errors="replace")).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or document.get("version") != VERSION:
        return {}
    databases = document.get("databases")
    return databases if isinstance(databases, dict) else {}


def _checked(name: str, value: object) -> object:
    """The value if it can stand in that field, else `None`."""
    if name == "tab":
        return next((status for status in Status if status == value), None)
    if name == "sort":
        return next((key for key in SortKey if key == value), None)
    if name == "reverse":
        return value if isinstance(value, bool) else None
    if name == "search":
        return value[:_MAX_SEARCH] if isinstance(value, str) else None
    # JSON has no upper limit for a number, an id has.
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None
