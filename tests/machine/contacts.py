"""Contact files for the machine: good rows, and one of every kind that is skipped."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from tests import builders
from tests.machine.model import Contact

NUMBERS = 8
COLUMNS = ("Name", "Phone number", "Coupon")


def phone(i: int) -> int:
    """The i-th number of the machine's small world."""
    return int(builders.number(i).removeprefix("+"))


def good(i: int) -> Contact:
    """A row with nothing wrong."""
    return Contact(f"Person {i}", builders.number(i), f"C{i}", phone(i))


def _bad(typed: str, reason: str) -> Contact:
    return Contact("Somebody", typed, "C", None, reason)


KINDS: list[Contact] = [
    *[good(i) for i in range(NUMBERS)] * 3,
    Contact("Person 0", "００" + builders.number(0).removeprefix("+"), "D0", phone(0)),
    Contact("Person 1", builders.number(1), "", phone(1)),
    Contact("Person 2", builders.number(2), "", phone(2)),
    Contact("", builders.number(3), "E3", phone(3)),
    _bad("", "blank"),
    _bad("+49151", "invalid_number"),
    _bad("015170000001", "missing_country_code"),
    _bad("9.19E+11", "mangled_number"),
]
"""What the machine draws the lines of its files from."""


def write(folder: Path, rows: Sequence[Contact]) -> Path:
    """A contact file of these rows."""
    file = folder / "contacts.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        out = csv.writer(handle)
        out.writerow(COLUMNS)
        out.writerows((one.name, one.typed, one.coupon) for one in rows)
    return file
