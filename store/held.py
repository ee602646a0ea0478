"""Messages that the gateway took and holds back: pending until a callback tells, or until they are waited for no more.

A row is held while it stands here: it is PENDING, has a message id, and is never handed over again, because only rows
beyond `handed` and rows in `retry` are. What it waits for is news, and not its turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import history
from store.database import execute, transaction
from store.models import Held as HeldModel
from store.moves import Moves
from store.query import first, tuples
from store.recipients import audience_of
from store.types import Note

if TYPE_CHECKING:
    from collections.abc import Sequence

DROPPED = frozenset((132015, 132016, 135000))
"""The codes of held messages that WhatsApp never sends (research/cloud-api.md sections 2 and 8)."""
AT_ONCE = 2_000
"""Rows that are given up in one transaction."""
NOT_HELD = "seq NOT IN (SELECT seq FROM held WHERE campaign_id = ?)"
"""For the rows of one audience, with the campaign's id as its value."""


def keep(campaign_id: int, seq: int, until: int) -> None:
    """The row is held back, and its news is waited for until then. For a transaction."""
    execute(
        "INSERT INTO held (campaign_id, seq, until) VALUES (?, ?, ?) ON CONFLICT (campaign_id, seq) DO NOTHING",
        (campaign_id, seq, until),
    )


def forget(campaign_id: int, seq: int) -> bool:
    """The row is held no more; whether it was. For a transaction."""
    return bool(execute("DELETE FROM held WHERE campaign_id = ? AND seq = ?", (campaign_id, seq)).rowcount)


def count(campaign_id: int) -> int:
    """How many rows of a campaign are held back."""
    return int(HeldModel.select().where(HeldModel.campaign == campaign_id).count())


def last(campaign_id: int) -> int | None:
    """Until when the last of a campaign's held rows is waited for; `None` when none is held."""
    query = HeldModel.select(HeldModel.until).where(HeldModel.campaign == campaign_id)
    row = first(query.order_by(HeldModel.until.desc()))
    return None if row is None else int(row[0])


def seqs(campaign_id: int) -> list[int]:
    """The held rows of a campaign, in order."""
    query = HeldModel.select(HeldModel.seq).where(HeldModel.campaign == campaign_id).order_by(HeldModel.seq)
    return [seq for (seq,) in tuples(query)]


def due(campaign_id: int, now: int) -> bool:
    """Whether any row of a campaign was waited for long enough."""
    query = HeldModel.select(HeldModel.seq).where(HeldModel.campaign == campaign_id, HeldModel.until <= now)
    return first(query.limit(1)) is not None


def give_up(campaign_id: int, now: int) -> int:
    """Turn rows that were waited for long enough into `unknown`, some at a time; answers how many.

    The gateway took them and never said what became of them: their credits stay reserved, and a callback that comes
    after all settles them (R42).
    """
    query = HeldModel.select(HeldModel.seq).where(HeldModel.campaign == campaign_id, HeldModel.until <= now)
    due = [seq for (seq,) in tuples(query.order_by(HeldModel.until).limit(AT_ONCE))]
    return _give_up(campaign_id, due, now) if due else 0


def _give_up(campaign_id: int, due: Sequence[int], now: int) -> int:
    with transaction():
        audience_id, given_up = audience_of(campaign_id), 0
        for seq in due:
            # A callback may have told of it since.
            if not forget(campaign_id, seq):
                continue
            given_up += execute(
                "UPDATE recipient SET state = 3 WHERE audience_id = ? AND seq = ? AND state = 0", (audience_id, seq)
            ).rowcount
            history.note(campaign_id, seq, Note.HELD_LAPSED, now)
        moves = Moves()
        moves.counters.update(pending=-given_up, unknown=given_up)
        moves.apply(campaign_id, now)
    return given_up
