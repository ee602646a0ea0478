"""The terminal on the other end: over SSH or not, how text is copied to it, how small is too small.

Imports no Textual: `prepare` has to run before Textual is imported, because that reads its settings once.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final

from engine.errors import Refused

MIN_WIDTH: Final = 60
MIN_HEIGHT: Final = 16

COPY_LIMIT: Final = 74_994
"""Bytes of text that one OSC 52 sequence carries everywhere: with Base64 it stays under the 100,000 that hterm and
others accept at most."""

_REMOTE_SETTINGS: Final = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_FPS": "30"}
_TMUX_TIMEOUT_S: Final = 2


@dataclass(frozen=True, slots=True)
class Profile:
    """What was found out about the terminal before Textual started."""

    remote: bool
    """The session came over SSH: nothing is animated and nothing blinks."""
    tmux: bool
    no_color: str | None
    """The value of NO_COLOR, which Textual takes out of the environment."""
    ours: tuple[str, ...]
    """Variables that `prepare` set and that are none of a child process's business."""

    @property
    def blink(self) -> bool:
        """Whether a cursor may blink: a blinking one writes half a kilobyte a second for ever."""
        return not self.remote


def prepare(environ: MutableMapping[str, str] = os.environ) -> Profile:
    """Set Textual's environment for this session; what the operator set stays. Call it before importing Textual."""
    remote = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    ours: list[str] = []
    for name, value in _REMOTE_SETTINGS.items() if remote else ():
        if name not in environ:
            environ[name] = value
            ours.append(name)
    return Profile(remote, bool(environ.get("TMUX")), environ.get("NO_COLOR"), tuple(ours))


def child_environment(profile: Profile, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for an editor or pager started from the console: as it was before Textual and `prepare`."""
    child = {name: value for name, value in environ.items() if name not in profile.ours}
    if profile.no_color is not None:
        child["NO_COLOR"] = profile.no_color
    return child


def too_small(width: int, height: int) -> str | None:
    """What to say in a terminal that cannot hold a screen; `None` when it can."""
    if width >= MIN_WIDTH and height >= MIN_HEIGHT:
        return None
    return f"This terminal is {width} x {height}; sendoff needs at least {MIN_WIDTH} x {MIN_HEIGHT}. Make it larger."


def osc52(text: str, tmux: bool = False) -> str:
    """The escape sequence that puts text on the clipboard of the terminal, wherever that runs.

    Inside tmux it is wrapped to reach the outer terminal (tmux manual, "allow-passthrough").

    Raises:
        Refused: `too_long_to_copy`, above `COPY_LIMIT` bytes.
    """
    # A lone surrogate, as an undecodable file name has, is no text a clipboard could take.
    data = text.encode(errors="replace")
    if len(data) > COPY_LIMIT:
        raise Refused(
            "too_long_to_copy",
            f"{len(data):,} bytes are more than a terminal takes onto its clipboard ({COPY_LIMIT:,}).",
            "Export it to a file instead.",
        )
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"
    if not tmux:
        return sequence
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def copy(
    text: str,
    write: Callable[[str], object],
    tmux: bool = False,
    run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run,
) -> str:
    """Send text to the terminal's clipboard; `write` writes to the terminal. Returns what to tell the operator.

    It says what was sent: no terminal answers whether it took it. Inside tmux the paste buffer gets it too, which also
    serves where passing sequences through is turned off.

    Raises:
        Refused: `too_long_to_copy`.
    """
    write(osc52(text, tmux))
    size = f"{len(text):,} character{'' if len(text) == 1 else 's'}"
    if tmux and _fill_tmux_buffer(text, run):
        return f"Sent {size} to the terminal's clipboard and to tmux's buffer."
    return f"Sent {size} to the terminal's clipboard."


def _fill_tmux_buffer(text: str, run: Callable[..., subprocess.CompletedProcess[bytes]]) -> bool:
    try:
        done = run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode(errors="replace"),
            capture_output=True,
            timeout=_TMUX_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
