"""What the processes tell on standard error: one line of logfmt an event, fit for a journal and for a terminal.

`ts=2026-11-25T09:30:00.123Z level=info event=run.started campaign=3 msg=started`. Names of events and fields are a
contract with whoever searches a journal; `msg` is for people. No text that came from outside can break a line or a
terminal, and neither numbers of people nor tokens are written, wherever in a text they stand.
"""

from __future__ import annotations

import logging
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb

from engine.text import shown

LONGEST_VALUE = 500
LONGEST_LINE = 4_000
"""Bytes of a line: up to 4,096 a pipe takes in one piece, so that the lines of several processes do not mix."""

_PAIR = re.compile(r'([a-z][a-z0-9_]*)=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_BARE = re.compile(r"[A-Za-z0-9_.:/@+-]+")
# Eight digits and more are a person's number, an id or part of a secret; with separators only after a plus.
_NUMBER = re.compile(r"\+\d[\d ().-]{6,}\d|\d{8,}")
_TOKEN = re.compile(r"\bEAA[A-Za-z0-9]+|(?i:\bbearer\s+\S+)|(?i:\baccess_token=)[^\s&\"]+")


class Log:
    """Tells events of one part of the program through `logging`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, text: str, **fields: object) -> None:
        """What only somebody who looks for a mistake wants to see."""
        self._tell(logging.DEBUG, event, text, None, fields)

    def info(self, event: str, text: str, **fields: object) -> None:
        """What goes as it should."""
        self._tell(logging.INFO, event, text, None, fields)

    def warning(self, event: str, text: str, fault: BaseException | None = None, **fields: object) -> None:
        """What somebody should know of; `fault` is told by its words alone."""
        told = fields if fault is None else {**fields, "error": fault}
        self._tell(logging.WARNING, event, text, None, told)

    def error(self, event: str, text: str, fault: BaseException | None = None, **fields: object) -> None:
        """What somebody has to do something about; `fault` is told with where it came from."""
        self._tell(logging.ERROR, event, text, fault, fields)

    def _tell(self, level: int, event: str, text: str, fault: BaseException | None, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            told = {"event": event, "fields": fields}
            # No arguments: a per cent sign in the text is just that.
            self._logger.log(level, text, exc_info=fault, extra=told)


class Logfmt(logging.Formatter):
    """A record as one line of logfmt."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        pairs: dict[str, object] = {
            "ts": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            "level": record.levelname.lower(),
            "event": getattr(record, "event", record.name),
            **getattr(record, "fields", {}),
            "msg": record.getMessage(),
        }
        fault = record.exc_info[1] if record.exc_info else None
        if fault is not None:
            pairs |= {"error": f"{type(fault).__name__}: {fault}", "at": _where(fault)}
        return _cut(" ".join(f"{key}={_value(key, value)}" for key, value in pairs.items()))


class LineHandler(logging.Handler):
    """Writes each record in one piece to a file descriptor; a line that nobody takes is lost, and nobody waits for it.

    What the descriptor is set to decides whether a full pipe is waited for.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.setFormatter(Logfmt())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            os.write(self._descriptor, f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            # The console is gone, or the disk behind it is full: no reason to stop sending.
            return


def to_stderr(descriptor: int = 2, *, wait: bool = True) -> None:
    """Let the program's loggers write to standard error; without `wait` nothing waits for a reader that is slow."""
    if not wait:
        os.set_blocking(descriptor, False)
    logger = logging.getLogger("sendoff")
    logger.setLevel(logging.INFO)
    logger.addHandler(LineHandler(descriptor))


def trouble_in(line: str) -> str:
    """What a line of such a log says that somebody should know of, in words; empty for one that tells of none."""
    told = {key: quoted or bare for key, quoted, bare in _PAIR.findall(line)}
    if told.get("level") not in ("warning", "error"):
        return ""
    words = ": ".join(filter(None, (told.get("msg"), told.get("error"))))
    return re.sub(r"\\(.)", r"\1", words)


def _value(key: str, value: object) -> str:
    text = str(value)
    if key != "ts" and not isinstance(value, int):
        text = _NUMBER.sub("[number]", _TOKEN.sub("[secret]", text))
    text = shown(text)
    if len(text) > LONGEST_VALUE:
        text = f"{text[:LONGEST_VALUE]}..."
    if _BARE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _where(fault: BaseException) -> str:
    """The calls that led to a fault, the innermost first, in one line."""
    frames = reversed(extract_tb(fault.__traceback__))
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)


def _cut(line: str) -> str:
    data = line.encode("utf-8", "backslashreplace")
    return line if len(data) <= LONGEST_LINE else f'{data[:LONGEST_LINE].decode("utf-8", "ignore")}..."'
