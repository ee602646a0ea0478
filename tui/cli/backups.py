"""`sendoff backup` and `sendoff restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.commands import backups
from engine.doctor import megabytes
from engine.text import counted
from store import database
from tui import access
from tui.cli.drafts import require_yes
from tui.cli.session import database_url, openable, translated
from tui.output import Output

if TYPE_CHECKING:
    from argparse import Namespace

    from engine.clock import Clock
    from engine.commands.backups import Plan, Restored
    from tui.cli.session import Session


def backup(options: Namespace, session: Session) -> int:
    """Copy the database while it is used."""
    made = backups.make(session.context, options.file, force=options.force)
    if session.output.as_json:
        session.output.document({"file": str(made.file), "size": made.size, "seconds": round(made.seconds, 3)})
    else:
        session.output.say(f"{made.file} is made and checked: {megabytes(made.size)} in {made.seconds:.1f} s.")
    return 0


def restore(options: Namespace, clock: Clock) -> int:
    """Put a backup in the database's place, with everything on hold."""
    with translated():
        url = database_url(options)
        what = backups.plan(url, options.file)
        with openable(url):
            if what.replaces:
                database.open_as_it_is(url)
            context = access.look(url, options.config, clock)
            if what.replaces:
                backups.refuse_in_use(backups.in_use(what.target, clock.now()))
        replaced = "takes the place of" if what.replaces else "becomes"
        require_yes(options, f"{what.source} {replaced} the database {what.target}; everything in it waits for you.")
        done = backups.restore(context, what)
    _tell(Output(options.json), what, done)
    return 0


def _tell(output: Output, what: Plan, done: Restored) -> None:
    waiting = done.waiting
    if output.as_json:
        output.document(
            {
                "database": str(done.target),
                "from": str(what.source),
                "replaced": None if done.kept is None else str(done.kept),
                "on_hold": {"scheduled": waiting.scheduled, "in_progress": waiting.running},
                "series_paused": waiting.series,
                "tests_withdrawn": waiting.tests,
            }
        )
        return
    output.say(f"{what.source} is the database {done.target} now.")
    if done.kept is not None:
        output.say(f"The one before is kept: {done.kept}")
    held = len(waiting.scheduled) + len(waiting.running)
    output.say(f"On hold: {counted(held, 'campaign')}; paused: {len(waiting.series)} series.")
    output.say("What was sent after the backup was made is not known here, and would be sent again.")
    if held:
        output.say("Look at each, then: sendoff campaign resume ID, or reschedule, cancel or reopen what is scheduled.")
