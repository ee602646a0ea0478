"""Uploading files for headers, and the files that were."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from engine import media
from engine.commands import uploads
from engine.errors import BadInput
from engine.gateway.graph import Graph
from engine.schedule import iso
from store import account
from store import media as store
from tui import paths
from tui.cli import choose

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from store.types import Media, Sender
    from tui.cli.session import Session

_BAR = 30


def upload(options: Namespace, session: Session) -> int:
    """Upload a file and say what to fill the header with."""
    ready = uploads.begin(session.context, options.file, _sender(options.sender), paths.network(session.config))

    async def run() -> str:
        async with Graph(ready.link) as graph:
            progress = _bar(session, ready.file.size)
            return await graph.upload(ready.sender.phone_number_id, ready.file.path, ready.file.mime, progress)

    made = uploads.finish(session.context, ready, asyncio.run(run()))
    if session.output.as_json:
        session.output.document(_json(made, session.zone))
        return 0
    session.output.note(
        f"{made.file} is uploaded and can be used until {iso(media.expires_at(made.uploaded_at), session.zone)}:"
        f" --fixed header.media_id={made.media_id}"
    )
    # Alone on standard output, so that a script can keep it.
    session.output.say(made.media_id)
    return 0


def show_list(options: Namespace, session: Session) -> int:
    """List the uploads, the newest first."""
    found = store.newest(options.limit)
    if session.output.as_json:
        session.output.document([_json(one, session.zone) for one in found])
    elif not found:
        session.output.say("Nothing was uploaded yet: sendoff media upload FILE")
    else:
        rows = [
            (one.media_id, one.file, one.mime, f"{one.size:,}", _until(one, session), one.uploaded_by) for one in found
        ]
        session.output.table(("MEDIA ID", "FILE", "TYPE", "BYTES", "UNTIL", "WHO"), rows, right=("BYTES",))
    return 0


def _until(one: Media, session: Session) -> str:
    until = media.expires_at(one.uploaded_at)
    return "gone" if until <= session.now else iso(until, session.zone)


def _sender(named: str | None) -> Sender:
    if named is not None:
        return choose.sender(named)
    found = account.senders()
    if len(found) != 1:
        raise BadInput(
            "usage", "An upload belongs to a sender, and there is not exactly one.", "Say which: --sender NUMBER"
        )
    return found[0]


def _bar(session: Session, size: int) -> Callable[[int], None]:
    """A bar for a person at a terminal, drawn again only when it looks different."""
    if session.output.as_json or not sys.stderr.isatty():
        return lambda n: None
    drawn = -1

    def draw(n: int) -> None:
        nonlocal drawn
        percent = 100 * n // size
        if percent == drawn:
            return
        drawn = percent
        full = _BAR * n // size
        end = "\n" if n == size else ""
        print(f"\r[{'#' * full}{'.' * (_BAR - full)}] {percent:3d} %", end=end, file=sys.stderr, flush=True)

    return draw


def _json(made: Media, zone: str) -> dict[str, Any]:
    return {
        "media_id": made.media_id,
        "phone_number_id": made.phone_number_id,
        "file": made.file,
        "type": made.mime,
        "size": made.size,
        "uploaded_at": iso(made.uploaded_at, zone),
        "expires_at": iso(media.expires_at(made.uploaded_at), zone),
        "uploaded_by": made.uploaded_by,
    }
