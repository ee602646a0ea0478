"""What people wrote back about getting messages, and what it does to the opt-out list (R38)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from store import optouts
from store.database import execute, transaction
from store.models import OptOut as OptOutModel

if TYPE_CHECKING:
    from store.types import OptOut, Reply


class Taken(NamedTuple):
    """What a reply found on the opt-out list and what it left there."""

    before: OptOut | None
    after: OptOut | None


def take(reply: Reply, now: int) -> Taken | None:
    """Opt a number out or in by what its owner wrote; `None` for what is not news.

    Judged by the replies' own times, so that repeated, late and reordered ones change nothing: the one written last
    counts, of two in one second the STOP. An opt-out that is newer than a START stays, whoever made it; a number that
    is out already keeps its first date and origin.
    """
    with transaction():
        news = execute(
            "INSERT INTO reply (phone, at, stop, origin) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (phone) DO UPDATE SET at = excluded.at, stop = excluded.stop, origin = excluded.origin "
            "WHERE excluded.at > reply.at OR (excluded.at = reply.at AND excluded.stop > reply.stop)",
            (reply.phone, reply.at, reply.stop, reply.origin),
        ).rowcount
        if not news:
            return None
        before = optouts.get(reply.phone)
        if reply.stop:
            # The gateway's clock may be ahead of ours, and nothing is opted out from tomorrow on.
            optouts.add(reply.phone, min(reply.at, now), reply.origin)
        else:
            OptOutModel.delete().where(OptOutModel.phone == reply.phone, OptOutModel.since < reply.at).execute()
        return Taken(before, optouts.get(reply.phone))
