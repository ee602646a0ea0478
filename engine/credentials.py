"""Where secrets come from: the environment, then a file only its owner can read. Never the database, never a log."""

from __future__ import annotations

import os
import stat
import tomllib
from typing import TYPE_CHECKING

from engine.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "SENDOFF_TOKEN"
APP_SECRET = "SENDOFF_APP_SECRET"
VERIFY_TOKEN = "SENDOFF_VERIFY_TOKEN"
SHOWN = 4
SHORTEST_SHOWN = 12
_KEYS = {TOKEN: "token", APP_SECRET: "app_secret", VERIFY_TOKEN: "verify_token"}


def secrets_file() -> Path:
    """The file beside the user's configuration."""
    from platformdirs import user_config_path

    return user_config_path("sendoff") / "secrets.toml"


def readable_by_others(path: Path) -> bool:
    """Whether others than its owner may read or write a file of secrets; false without one. Raises `OSError`."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    except FileNotFoundError:
        return False


def ending(value: str) -> str:
    """A secret as it may be shown: its last four characters; nothing at all of one too short to spare them."""
    return f"...{value[-SHOWN:]}" if len(value) >= SHORTEST_SHOWN else "..."


def secret(name: str, file: Path | None = None) -> str | None:
    """A secret by its environment name; `None` where there is none.

    Raises `BadInput` when the secrets file can be read by others or is not TOML.
    """
    value = os.environ.get(name)
    if value:
        return value
    path = secrets_file() if file is None else file
    if not path.exists():
        return None
    if readable_by_others(path):
        raise BadInput("secrets_readable", f"{path} can be read by others.", f"Close it first: chmod 600 {path}")
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get(_KEYS[name])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Not the error's own words: they may quote the secret.
        raise BadInput("secrets_unreadable", f"{path} is not TOML.", 'Write lines such as: token = "..."') from error
    except OSError as error:
        raise BadInput(
            "secrets_unreadable", f"{path} cannot be read: {error.strerror}.", "Give it to the user who runs this."
        ) from error
    return None if found is None else str(found)
