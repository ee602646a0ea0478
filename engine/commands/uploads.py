"""Uploading files for headers: ask whether it is allowed, upload, remember the id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine import media
from engine.context import Context, command
from engine.gateway.link import Link, link_of
from engine.gateway.network import DIRECT, Network
from store import account, audit, database
from store import media as store
from store.types import Media

if TYPE_CHECKING:
    from pathlib import Path

    from store.types import Sender

UPLOAD: Final = "media.upload"


class Ready(NamedTuple):
    """An upload that may begin."""

    link: Link
    sender: Sender
    file: media.File


def begin(context: Context, path: Path, sender: Sender, network: Network = DIRECT) -> Ready:
    """Check role, file and way to the gateway before the first byte goes.

    Raises `BadInput` for a file that WhatsApp would not take and for a missing token, `Refused`, `NotAllowed`.
    """
    with command(context, UPLOAD):
        return Ready(link_of(account.get_account(), network), sender, media.checked(path))


def finish(context: Context, ready: Ready, media_id: str) -> Media:
    """Remember what was uploaded just now."""
    with command(context, UPLOAD), database.transaction():
        now = context.clock.now()
        file = ready.file
        made = Media(
            0, media_id, ready.sender.phone_number_id, file.path.name, file.mime, file.size, now, context.actor.name
        )
        store.add(made)
        audit.write(now, context.actor, UPLOAD, after={"file": file.path.name, "size": file.size, "media_id": media_id})
        return made
