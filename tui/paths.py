"""Where things are: the database and the configuration file, by option, environment, configuration, default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import BadInput
from engine.text import shown

if TYPE_CHECKING:
    from engine.gateway.network import Network
    from engine.reply_words import Words

KEYS = ("database",)
"""What the configuration file may set."""

TABLES = ("roles", "permissions")
"""What it may hold besides; see `tui.access`."""

REPLIES = "replies"
"""The words that opt a number out or in; see `engine.reply_words`."""
GATEWAY = "gateway"
"""How this machine reaches the gateway; see `engine.gateway.network`."""

_KNOWN_DATABASES = frozenset(("sqlite", "postgres", "postgresql"))


def default_database() -> Path:
    """The SQLite file in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("sendoff") / "sendoff.db"


def default_config() -> Path:
    """The configuration file that is read when none is named and it exists."""
    from platformdirs import user_config_path

    return user_config_path("sendoff") / "config.toml"


def config_path(named: str | None) -> Path | None:
    """The configuration file: the one the command line names, else `SENDOFF_CONFIG`, else the default where it is."""
    chosen = named or os.environ.get("SENDOFF_CONFIG")
    path = Path(chosen).expanduser() if chosen else default_config()
    return path if chosen or path.exists() else None


def load_config(named: str | None) -> dict[str, str]:
    """The settings of the configuration file, none where the default one does not exist.

    `named` comes from the command line; `SENDOFF_CONFIG` is next. Raises `BadInput` for a file that is missing though
    it was named, cannot be read, is not TOML, or sets what there is not.
    """
    path = config_path(named)
    return {} if path is None else _checked(read_config(path), path)


def network(named: str | None) -> Network:
    """How this machine reaches the gateway, by the configuration file. Raises `BadInput` for what cannot be used."""
    from engine.gateway.network import DIRECT, read

    path = config_path(named)
    found = {} if path is None else read_config(path)
    return read(found[GATEWAY]) if GATEWAY in found else DIRECT


def read_config(path: Path) -> dict[str, object]:
    """A configuration file as it stands. Raises `BadInput` for one that cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _bad(
            f"The configuration file {path} cannot be read: {error.strerror or error}.", "Check its path."
        ) from (error)
    except ValueError as error:
        raise _bad(f"The configuration file {path} is not TOML: {error}.", f"Write lines such as: {_example()}") from (
            error
        )


def _checked(found: Mapping[str, object], path: Path) -> dict[str, str]:
    settings = {}
    for key, value in found.items():
        if key in TABLES or key == GATEWAY:
            continue
        if key == REPLIES:
            # A mistake in it is told at once and not when somebody writes STOP.
            _words(value)
            continue
        if key not in KEYS:
            raise _bad(
                f"The configuration file {path} sets {shown(key)!r}, which there is not.",
                f"It may set: {', '.join((*KEYS, *TABLES, REPLIES, GATEWAY))}.",
            )
        if not isinstance(value, str) or not value:
            raise _bad(f"{key} in the configuration file {path} is not text.", f"Write it as: {_example()}")
        settings[key] = value
    return settings


def reply_words(named: str | None) -> Words:
    """The words that opt a number out or in, by the configuration file. Raises `BadInput` as `load_config` does."""
    path = config_path(named)
    return _words({} if path is None else read_config(path).get(REPLIES, {}))


def _words(table: object) -> Words:
    # Most commands read no replies.
    from engine import reply_words

    if not isinstance(table, dict):
        raise _bad("replies in the configuration file is no table.", "Write a line [replies], and below it: stop = []")
    return reply_words.configured(table)


def database_url(option: str | None, config: Mapping[str, str]) -> str:
    """The address of the database: `--database`, `SENDOFF_DATABASE`, the configuration, else the default file.

    Raises `BadInput` for an address of no kind of database this program knows.
    """
    url = option if option is not None else os.environ.get("SENDOFF_DATABASE") or config.get("database")
    if url is None:
        return str(default_database())
    parts = urlsplit(url)
    if not url.strip() or ("://" in url and (parts.scheme not in _KNOWN_DATABASES or not parts.path.strip("/"))):
        raise BadInput(
            "bad_database",
            f"{shown(url)!r} is no address of a database.",
            "Give a file, sqlite:///FILE or postgresql://USER@HOST/NAME.",
        )
    return url


def _bad(message: str, hint: str) -> BadInput:
    return BadInput("bad_config", message, hint)


def _example() -> str:
    return 'database = "/path/to/sendoff.db"'
