"""`sendoff prices`: what a message costs (R26)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.commands import prices as commands
from engine.text import counted
from store import prices

if TYPE_CHECKING:
    from argparse import Namespace

    from tui.cli.session import Session

_EVERY = "(every other)"


def import_file(options: Namespace, session: Session) -> int:
    """Put another list in the place of the one there is."""
    done = commands.import_file(session.context, options.file)
    if session.output.as_json:
        session.output.document(
            {"lines": done.lines, "replaced": done.replaced, "without_price": list(done.without_price)}
        )
        return 0
    before = f"; it replaces a list of {counted(done.replaced, 'line')}" if done.replaced else ""
    session.output.say(f"{counted(done.lines, 'price')} imported{before}.")
    if done.without_price:
        listed = ", ".join(map(str, done.without_price))
        session.output.note(f"Scheduled, but without a price for some of their recipients: campaigns {listed}.")
    return 0


def show_list(options: Namespace, session: Session) -> int:
    """List the prices."""
    lines = prices.lines()
    if session.output.as_json:
        session.output.document([line._asdict() for line in lines])
    elif not lines:
        session.output.say("No price list was imported: a message costs 1 credit, with a media header 2.")
    else:
        rows = [(line.category, line.country or _EVERY, line.media or _EVERY, f"{line.credits:,}") for line in lines]
        session.output.table(("CATEGORY", "COUNTRY", "MEDIA", "CREDITS"), rows, right=("CREDITS",))
    return 0
