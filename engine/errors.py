"""What the engine raises when it will not or cannot do what was asked."""

from __future__ import annotations

GONE = "Put the file back, or see what is there now, then start sendoff again."
"""What to do when the database's file was deleted, moved or replaced while it was open."""


class EngineError(Exception):
    """Something was not done, with a code for programs and two sentences for people.

    `code` is stable and lower case with underscores, `message` says what is wrong, `hint` what to do next.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Refused(EngineError):
    """A rule forbids it now."""


class NotAllowed(Refused):
    """The operator's role forbids it."""


class BadInput(EngineError):
    """What was given cannot be read or used."""


class NotFound(EngineError):
    """There is no such thing."""


class Busy(EngineError):
    """The store or the gateway cannot be reached at the moment; trying again may help."""
