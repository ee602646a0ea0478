"""`sendoff optout`: the numbers that get no campaign (R38)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.commands import optouts as commands
from engine.phone import display
from engine.schedule import iso
from engine.text import counted
from store import optouts

if TYPE_CHECKING:
    from argparse import Namespace

    from tui.cli.session import Session


def add(options: Namespace, session: Session) -> int:
    """Opt numbers out."""
    added = commands.add(session.context, options.numbers)
    return _tell(session, {"added": added}, f"{counted(added, 'number')} opted out.")


def remove(options: Namespace, session: Session) -> int:
    """Take numbers off the list."""
    removed = commands.remove(session.context, options.numbers)
    return _tell(session, {"removed": removed}, f"{counted(removed, 'number')} may get campaigns again.")


def show_list(options: Namespace, session: Session) -> int:
    """List the opted-out numbers, the newest first."""
    digits = "".join(c for c in options.search if c.isdecimal())
    found = optouts.page(digits, limit=options.limit)
    zone = session.zone
    if session.output.as_json:
        session.output.document(
            [{"number": f"+{one.phone}", "since": iso(one.since, zone), "origin": one.origin} for one in found]
        )
    elif not found:
        session.output.say("No number matches." if optouts.count() else "No number is opted out.")
    else:
        rows = [(display(one.phone), iso(one.since, zone), one.origin) for one in found]
        session.output.table(("NUMBER", "SINCE", "ORIGIN"), rows)
    return 0


def import_file(options: Namespace, session: Session) -> int:
    """Add the numbers of a contact file."""
    done = commands.import_file(
        session.context,
        options.file,
        country=options.country,
        number_column=options.number_column,
        sheet=options.sheet,
    )
    found = {"rows": done.rows, "added": done.added, "known": done.known, "skipped": done.skipped}
    return _tell(session, {**found, "without_header": done.headless}, done.words)


def export(options: Namespace, session: Session) -> int:
    """Write the list as CSV."""
    entries = commands.export(session.context, options.file, session.zone)
    words = f"{entries:,} entr{'y' if entries == 1 else 'ies'} written to {options.file}."
    return _tell(session, {"file": str(options.file), "entries": entries}, words)


def _tell(session: Session, document: dict[str, object], words: str) -> int:
    if session.output.as_json:
        session.output.document(document)
    else:
        session.output.say(words)
    return 0
