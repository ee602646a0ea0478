"""The opt-out list: numbers that get no campaign, whatever file they come from (R38)."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from engine import audience, phone
from engine.context import Context, command
from engine.errors import BadInput, Refused
from engine.files import whole
from engine.schedule import iso
from engine.text import counted, fold, shown, spreadsheet_safe
from store import audit, database, optouts
from store.types import ContactRow, OptOut, SkipReason

if TYPE_CHECKING:
    from pathlib import Path

    from engine.audience import Contacts

COLUMNS = ("number", "since", "origin")
"""Of an export; an import that finds them keeps date and origin."""
BY_HAND = "operator"
_CHUNK = 1_000
"""Entries of one transaction: a long import must not keep others from writing."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import of opt-outs found."""

    rows: int
    added: int
    known: int
    """Numbers that were on the list already, or twice in the file."""
    skipped: dict[str, int]
    """Rows without a usable number, by reason."""
    headless: bool = False
    """It was taken as a bare list of numbers, whose first line is one too."""

    @property
    def words(self) -> str:
        """All of it in a sentence."""
        reasons = ", ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in self.skipped.items())
        tail = f", skipped: {reasons}." if reasons else "."
        bare = " Taken as a list of numbers without a header." if self.headless else ""
        return (
            f"{counted(self.rows, 'row')}: {counted(self.added, 'number')} opted out, {self.known:,} known already"
            f"{tail}{bare}"
        )


def parse(typed: str) -> int:
    """A number as an operator types it. Raises `BadInput` with `bad_number`."""
    found = phone.parse(typed, None)
    if isinstance(found, SkipReason):
        raise BadInput(
            "bad_number", f"{typed!r} is no phone number.", "Give it in full with + and country code: +918040214021."
        )
    return found.number


def add(context: Context, typed: Sequence[str], origin: str = BY_HAND) -> int:
    """Opt numbers out at once, also of runs that are under way; answers how many were not on the list yet."""
    with command(context, "optout.add"):
        numbers = [parse(one) for one in typed]
        with database.transaction():
            now = context.clock.now()
            added = optouts.add_many([OptOut(number, now, origin) for number in dict.fromkeys(numbers)])
            audit.write(
                now, context.actor, "optout.add", after={"numbers": [str(number) for number in numbers], "added": added}
            )
        return added


def remove(context: Context, typed: Sequence[str]) -> int:
    """Take numbers off the list; answers how many were on it.

    Raises `Refused` with `not_opted_out` when none of them was.
    """
    with command(context, "optout.remove"):
        numbers = [parse(one) for one in typed]
        with database.transaction():
            removed = [number for number in numbers if optouts.remove(number)]
            if not removed:
                raise Refused("not_opted_out", "None of these numbers is opted out.", "See `sendoff optout list`.")
            audit.write(
                context.clock.now(),
                context.actor,
                "optout.remove",
                before={"numbers": [str(number) for number in removed]},
            )
        return len(removed)


def import_file(
    context: Context,
    file: Path,
    *,
    country: str | None = None,
    number_column: str | None = None,
    sheet: str | None = None,
) -> Imported:
    """Add every number of a contact file, or of a bare list; a bad row is skipped, never the file (R35, R38).

    The date and the origin in an export of ours are kept. Raises `BadInput` when the file cannot be read.
    """
    with command(context, "optout.import"):
        contacts = _contacts(file, country, number_column, sheet)
        # Entries are kept a thousand at a time, and a file that cannot be read to its end is to leave none of them.
        contacts.read_through()
        places = {fold(column): at for at, column in enumerate(contacts.columns)}
        now, origin = context.clock.now(), f"import {shown(contacts.name)}"
        skipped: Counter[str] = Counter()
        rows = added = good = 0
        source = iter(contacts.rows())
        while chunk := list(islice(source, _CHUNK)):
            rows += len(chunk)
            skipped.update(row.skip.value for row in chunk if row.skip not in (None, SkipReason.DUPLICATE))
            entries = [entry for row in chunk if (entry := _entry(row, places, now, origin)) is not None]
            good += len(entries)
            with database.transaction():
                added += optouts.add_many(entries)
        with database.transaction():
            audit.write(
                now,
                context.actor,
                "optout.import",
                after={"file": contacts.name, "rows": rows, "added": added, "skipped": dict(skipped)},
            )
        return Imported(rows, added, good - added, dict(skipped), contacts.headless)


def _contacts(file: Path, country: str | None, number_column: str | None, sheet: str | None) -> Contacts:
    try:
        return audience.open_contacts(file, country=country, number_column=number_column, sheet=sheet)
    except BadInput as error:
        # An opt-out is a number and needs no more, and it is better kept than refused for want of a header.
        bare = audience.open_numbers(file, country=country, sheet=sheet) if error.code == "no_header" else None
        if bare is None:
            raise
        return bare


def _entry(row: ContactRow, places: dict[str, int], now: int, origin: str) -> OptOut | None:
    if row.phone is None:
        return None
    since = _cell(row, places, "since")
    return OptOut(row.phone, _moment(since, now), _cell(row, places, "origin") or origin)


def _cell(row: ContactRow, places: dict[str, int], column: str) -> str:
    at = places.get(column)
    return row.cells[at].strip() if at is not None and at < len(row.cells) else ""


def _moment(text: str, now: int) -> int:
    """A date of an export of ours; anything else is no reason to lose an opt-out, which counts from now then."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return now
    return now if at.tzinfo is None else min(now, round(at.timestamp() * 1000))


def export(context: Context, file: Path, zone: str) -> int:
    """Write the whole list as CSV and answer how many entries it has; the file appears whole or not at all.

    Raises `BadInput` with `unwritable_file`.
    """
    with command(context, "optout.export"):
        entries = optouts.page()
        with whole(file) as partial, partial.open("w", encoding="utf-8", newline="") as handle:
            out = csv.writer(handle)
            out.writerow(COLUMNS)
            for entry in entries:
                out.writerow((f"+{entry.phone}", iso(entry.since, zone), spreadsheet_safe(entry.origin)))
        with database.transaction():
            audit.write(context.clock.now(), context.actor, "optout.export", after={"entries": len(entries)})
        return len(entries)
