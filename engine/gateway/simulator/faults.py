"""What is wrong with a request, with the Cloud API's code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a request."""

    code: int
    details: str = ""
    subcode: int = 0


def missing(what: str) -> Fault:
    """A required parameter that is not there."""
    return Fault(131008, f"The parameter {what} is required.")
