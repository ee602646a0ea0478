"""A console that is locked down, for an account which is to have nothing else (`sendoff --restricted FOLDER`).

It is the whole session and no way to another: files are read and written in one folder only (`engine.confinement`), no
other program is started, nothing suspends it, a command that the SSH client asks for is refused, and of the environment
only what describes the terminal and the session is left. So nothing a client may send chooses a database, a
configuration, a log file or a module of Textual's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from engine import confinement, sessions
from engine.clock import SystemClock
from engine.credentials import secrets_file
from engine.errors import BadInput, NotAllowed
from engine.text import shown
from store import database, sqlite_file
from store.errors import NoDatabase
from tui import access, paths
from tui.output import complain

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from engine.errors import EngineError

_KEPT: Final = frozenset((
    "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "NO_COLOR", "LANG", "LANGUAGE",
    "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SSH_USER_AUTH",
))  # fmt: skip
_PATH: Final = "/usr/bin:/bin"
_USAGE: Final = 2
_ASKED: Final = "SSH_ORIGINAL_COMMAND"
_ASKED_SHOWN: Final = 200
"""Characters of what a client asked for that are told and kept."""


def clean(environ: MutableMapping[str, str] = os.environ) -> str | None:
    """Take out of the environment what is not the terminal's or the session's; answers the command asked for.

    Call it before anything is read from the environment and before Textual is imported. Raises `BadInput` with
    `unsafe_environment` when Python itself was started by variables that a client may have sent.
    """
    ours = [name for name in environ if name.startswith("PYTHON")]
    if ours and not sys.flags.ignore_environment:
        raise BadInput(
            "unsafe_environment",
            f"A locked-down console does not start with {', '.join(map(shown, sorted(ours)))} in its environment.",
            "Start it by `python -I -m tui`, and keep AcceptEnv in sshd_config to LANG and LC_*.",
        )
    asked = environ.get(_ASKED)
    for name in [name for name in environ if name not in _KEPT and not name.startswith("LC_")]:
        del environ[name]
    environ["PATH"] = _PATH
    return asked


def end(error: EngineError) -> NoReturn:
    """Tell a refusal and end at once, without what Python does at an orderly end."""
    complain(error, False)
    sys.stderr.flush()
    os._exit(_USAGE)


def confine(folder: str, url: str, config: str | None) -> None:
    """Limit this process to one folder, which may hold neither the account's own files nor the program's.

    `url` is the database's address, `config` the configuration file that was named. Raises `BadInput` with
    `bad_folder`.
    """
    path = Path(folder).expanduser()
    if not path.is_absolute() or not path.is_dir():
        raise BadInput(
            "bad_folder",
            f"{shown(folder)!r} is no folder for a locked-down console: it is not there, or its path begins with no /.",
            "Name one that is there: --restricted /srv/sendoff/files",
        )
    limit = Path(os.path.realpath(path))
    for what, kept in _kept_files(url, config):
        if Path(os.path.realpath(kept)).is_relative_to(limit):
            raise BadInput(
                "bad_folder",
                f"The folder {shown(folder)} also holds {what}, and a locked-down console might replace it.",
                "Give it a folder of its own: --restricted /srv/sendoff/files",
            )
    confinement.confine(path)


def _kept_files(url: str, config: str | None) -> list[tuple[str, Path]]:
    own_config, own_database = paths.config_path(config), sqlite_file.path_of(url)
    return [
        ("the account's home", Path.home()),
        ("the program", Path(__file__)),
        ("its Python", Path(sys.prefix)),
        ("the secrets file", secrets_file()),
        *([] if own_config is None else [("the configuration", own_config)]),
        *([] if own_database is None else [("the database", own_database)]),
    ]


def only_console(asked: str) -> NotAllowed:
    """The refusal of everything but the console."""
    words = shown(asked)
    told = words if len(words) <= _ASKED_SHOWN else f"{words[:_ASKED_SHOWN]} …"
    return NotAllowed(
        "only_console",
        f"This account opens the console and runs nothing else, “{told}” neither.",
        "Leave out the command.",
    )


def refuse(asked: str, url: str, config: str | None) -> NotAllowed:
    """The refusal of a command that an SSH client asked for, with an audit event of it (R11).

    Raises `NotAllowed` for somebody without a role, and what opening a database raises.
    """
    error = only_console(asked)
    try:
        database.open_database(url)
    except NoDatabase:
        return error
    sessions.turned_away(access.admit(url, config, SystemClock()), sessions.OPEN, None, error)
    return error
