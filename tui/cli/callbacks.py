"""`sendoff callbacks`: the status-callback server, and callbacks that were relayed in a file."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from engine.errors import BadInput, Busy
from engine.text import counted
from tui import paths

if TYPE_CHECKING:
    from argparse import Namespace

    from tui.cli.session import Session


def listen(options: Namespace, session: Session) -> int:
    """Take callbacks in until told to stop."""
    from engine import callback_service, logs, sessions

    if options.listen is None:
        raise BadInput(
            "usage", "Where to listen is not given.", "sendoff callbacks --listen HOST:PORT, behind the TLS proxy."
        )
    sessions.admit(session.context, sessions.CALLBACKS)
    host, port = callback_service.parse_listen(options.listen)
    words = paths.reply_words(options.config)
    logs.to_stderr()

    def ready(url: str) -> None:
        said = json.dumps({"listening": url}) if options.json else f"Listening on {url}, ctrl+c ends it."
        print(said, flush=True)

    try:
        asyncio.run(callback_service.serve(session.context.clock, host, port, words=words, ready=ready))
    except OSError as error:
        raise Busy(
            "port_taken", f"Cannot listen on {options.listen}: {error.strerror}.", "Use another port."
        ) from error
    return 0


def import_file(options: Namespace, session: Session) -> int:
    """Take in and apply the callbacks of a file."""
    from engine.commands import relayed

    done = relayed.import_file(session.context, options.file, paths.reply_words(options.config))
    document = {
        "callbacks": done.bodies,
        "new": done.new,
        "statuses": done.statuses,
        "changed": done.changed,
        "unmatched": done.unmatched,
        "replies": done.replies,
        "notices": done.notices,
    }
    if session.output.as_json:
        session.output.document(document)
        return 0
    session.output.say(
        f"{counted(done.bodies, 'callback')}, {done.new:,} new: of {counted(done.statuses, 'status update')} "
        f"{done.changed:,} changed something and {done.unmatched:,} concern no message that is known here."
    )
    if done.replies or done.notices:
        session.output.say(
            f"STOP and START: {done.replies:,}; of templates, senders and the account: {done.notices:,}."
        )
    return 0
