"""Who sits at this session: the operating-system user, the terminal, and over SSH from where and with which key (R55).

The name comes from the kernel and nobody can choose it. Address and key are what the SSH server told the session in its
environment: they help to tell two people of one account apart, they prove nothing.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Mapping
from typing import Final

from store.types import Actor

_MOST: Final = 65_536
"""Bytes of the server's file that are looked at; a key has less than a thousand."""


def operator() -> Actor:
    """The operating-system user of this session, with its terminal and, over SSH, the client's address and key."""
    try:
        terminal = os.ttyname(0)
    except OSError:
        terminal = "no terminal"
    return Actor(user_name(os.getuid()), place(terminal, os.environ))


def user_name(uid: int) -> str:
    """The name of a user, or `uid N` where the machine knows none."""
    try:
        # Not from USER or LOGNAME, which anybody can set.
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def place(terminal: str, environment: Mapping[str, str]) -> str:
    """The terminal with what the SSH server says of its client: `/dev/pts/3 from 203.0.113.7 with key SHA256:...`."""
    client = environment.get("SSH_CONNECTION", "").split(" ")[0]
    if not client:
        return terminal
    keys = ssh_keys(environment.get("SSH_USER_AUTH", ""))
    told = f" with key {', '.join(keys)}" if keys else ""
    return f"{terminal} from {client}{told}"


def ssh_keys(path: str) -> list[str]:
    """The keys a session was opened with, from the file that sshd writes under `ExposeAuthInfo yes`.

    A plain key as `SHA256:...`, as `ssh-keygen -lf` prints it; a certificate only by its type. Empty for a file that is
    not there, cannot be read or says something else.
    """
    keys = []
    for line in _lines(path):
        method, _, rest = line.partition(" ")
        kind, _, body = rest.partition(" ")
        if method == "publickey" and kind and body.strip():
            told = kind if "-cert-" in kind else fingerprint(body)
            if told is not None:
                keys.append(told)
    return keys


def fingerprint(body: str) -> str | None:
    """The SHA256 fingerprint of a key in base64; `None` for what is none."""
    # Imported late: most sessions have no such file, and every command asks who its operator is.
    from base64 import b64decode, b64encode
    from binascii import Error
    from hashlib import sha256

    try:
        blob = b64decode(body.split()[0], validate=True)
    except (Error, ValueError, IndexError):
        return None
    return f"SHA256:{b64encode(sha256(blob).digest()).decode().rstrip('=')}" if blob else None


def _lines(path: str) -> list[str]:
    if not path:
        return []
    try:
        # Not blocking: what the variable names could be a pipe that nobody writes to.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return []
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return []
        return os.read(handle, _MOST).decode("ascii", "replace").splitlines()
    except OSError:
        return []
    finally:
        os.close(handle)
