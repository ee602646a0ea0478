"""Which role somebody has on a database: by the configuration file, else by whose database it is (R56).

Nobody may grant himself a role. So roles are only taken from a configuration file that belongs to the administrator of
the machine (root) or to the database's owner, and that nobody else can write to. In a file that sets roles only what it
says counts, for the database's owner too. Without one the database's owner is owner and everyone else has no role:

- a SQLite database is owned by whom its file belongs to;
- a PostgreSQL database by whoever logs in to the server as the role that owns it.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from engine import sessions
from engine.context import Context, forbidden, operator
from engine.errors import BadInput, NotAllowed
from engine.operators import user_name
from engine.roles import DEFAULTS, EVERYTHING, Permission, Rights, Role, rights
from engine.text import shown
from store import database, sqlite_file
from tui import paths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.clock import Clock

_ROOT = 0


def admit(url: str, config: str | None, clock: Clock) -> Context:
    """Let the user of this session in to the open database at `url`, with the rights there.

    Who is refused leaves an audit event where the database can be written (R57). Raises `NotAllowed`, `BadInput`.
    """
    who = operator()
    try:
        context = Context(clock, who, rights_here(url, config, who.name))
    except NotAllowed as error:
        sessions.turned_away(Context(clock, who, rights(None)), sessions.OPEN, None, error)
        raise
    sessions.admit(context)
    return context


def look(url: str, config: str | None, clock: Clock) -> Context:
    """As `admit`, for whoever only looks at the database as it is: a refusal is not written down. Raises the same."""
    who = operator()
    context = Context(clock, who, rights_here(url, config, who.name))
    why_not = forbidden(context, sessions.OPEN)
    if why_not is not None:
        raise why_not
    return context


def rights_here(url: str, config: str | None, name: str) -> Rights:
    """The rights of the user `name`, who runs this process, on the open database at `url`.

    Raises `BadInput` with `bad_config` for roles that cannot be read, `NotAllowed` with `untrusted_config` for a file
    whose roles somebody else, or the user, could have written.
    """
    uid = os.getuid()
    return decide(paths.config_path(config), name, uid, owner_of(url, uid))


def owner_of(url: str, uid: int) -> int | None:
    """The user id of the database's owner; on PostgreSQL `uid` where its login owns the database, else `None`."""
    path = sqlite_file.path_of(url)
    if path is None:
        return uid if database.login_owns() else None
    # Whoever makes a database owns it.
    return path.stat().st_uid if path.exists() else uid


def decide(config: Path | None, name: str, uid: int, owner: int | None) -> Rights:
    """The rights of a user on a database of `owner`. Raises what `rights_here` raises."""
    found = {} if config is None else paths.read_config(config)
    if config is None or not any(key in found for key in paths.TABLES):
        return EVERYTHING if uid == owner else rights(None)
    _check_trust(config, owner)
    table = _permissions(found.get("permissions", {}), config)
    given = _table(found.get("roles", {}), "roles", config)
    if not given:
        # A file may change what the roles may do and leave open who has them.
        return rights(Role.OWNER if uid == owner else None, table)
    words = {user: _role(role, config) for user, role in given.items()}
    return rights(words.get(name), table)


def _check_trust(config: Path, owner: int | None) -> None:
    """The file's owner and mode: whoever can write it can make himself owner."""
    status = config.stat()
    if status.st_uid not in (_ROOT, owner):
        whose = user_name(status.st_uid)
        raise NotAllowed(
            "untrusted_config",
            f"The configuration file {config} sets roles, but it belongs to {whose}, not to the database's owner.",
            "Roles count only from a file of the database's owner or of root: name that with --config.",
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotAllowed(
            "untrusted_config",
            f"The configuration file {config} sets roles, but others than its owner can write to it.",
            f"Take that right away: chmod go-w {config}",
        )


def _permissions(found: object, config: Path) -> Mapping[Role, frozenset[Permission]]:
    table = dict(DEFAULTS)
    for name, listed in _table(found, "permissions", config).items():
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise _bad(config, f"the permissions of {name!r} are no list", f'Write: {Role.AGENT} = ["read"]')
        unknown = [one for one in listed if one not in list(Permission)]
        if unknown:
            raise _bad(config, f"{unknown[0]!r} is no permission", f"There are: {', '.join(Permission)}.")
        table[_role(name, config)] = frozenset(map(Permission, listed))
    return table


def _role(word: object, config: Path) -> Role:
    if not isinstance(word, str) or word not in list(Role):
        raise _bad(config, f"{word!r} is no role", f"There are: {', '.join(Role)}.")
    return Role(word)


def _table(found: object, name: str, config: Path) -> dict[str, object]:
    if not isinstance(found, dict):
        raise _bad(config, f"{name} is no table", f'Write a line [{name}], and below it: asha = "manager"')
    return found


def _bad(config: Path, what: str, hint: str) -> BadInput:
    return BadInput("bad_config", shown(f"In the configuration file {config} {what}."), hint)
