"""What an operator decides about recipients of whom nobody knows whether their message went out (R42)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.commands.optouts import parse
from engine.context import Context, command
from engine.errors import Refused
from engine.text import counted
from store import audit, campaigns, database, recipients, settling
from store.types import Campaign, RecipientState


class Fate(StrEnum):
    """What an unknown recipient is settled as."""

    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Settled:
    """What was settled."""

    campaign: Campaign
    rows: int
    already: int
    """Of the numbers asked for: how many were not unknown (any more)."""
    credits: int
    """Taken for those that are sent now, or given back for those that failed."""


def settle(context: Context, campaign_id: int, fate: Fate, typed: Sequence[str] | None = None) -> Settled:
    """Settle these numbers of a campaign, or with `None` all that are unknown, as sent or as failed.

    Only what is still unknown at the moment of the write is changed, so that a callback at the same moment wins. One
    that comes later and proves a failed one sent makes it so again. Raises `Refused` with `not_unknown` where nothing
    is left to settle and with `not_in_audience` for a number the campaign does not have, and then changes nothing;
    `BadInput` with `bad_number`.
    """
    with command(context, "campaign.settle", campaign_id):
        before = campaigns.get(campaign_id)
        numbers = None if typed is None else list(dict.fromkeys(parse(one) for one in typed))
        if before.audience is None:
            raise _nothing(numbers)
        with database.transaction():
            now = context.clock.now()
            seqs = None if numbers is None else _unknown_rows(campaign_id, numbers)
            unknown = campaigns.get(campaign_id).progress.unknown
            done = settling.settle(campaign_id, seqs, sent=fate is Fate.SENT, actor=context.actor.name, now=now)
            if not done.rows:
                raise _nothing(numbers)
            named = {} if numbers is None else {"numbers": [str(number) for number in numbers]}
            audit.write(
                now,
                context.actor,
                "campaign.settle",
                campaign_id,
                before={**named, "unknown": unknown},
                after={
                    **named,
                    "unknown": unknown - done.rows,
                    "settled_as": fate.value,
                    "rows": done.rows,
                    "credits_taken" if fate is Fate.SENT else "credits_given_back": done.credits,
                },
            )
        already = 0 if numbers is None else len(numbers) - done.rows
        return Settled(campaigns.get(campaign_id), done.rows, already, done.credits)


def _unknown_rows(campaign_id: int, numbers: Sequence[int]) -> list[int]:
    rows = {number: recipients.find(campaign_id, number) for number in numbers}
    strangers = [number for number, found in rows.items() if not found]
    if strangers:
        raise Refused(
            "not_in_audience",
            f"The campaign has no recipient +{strangers[0]}" + (_more(len(strangers) - 1)),
            f"See `sendoff campaign report {campaign_id}` for who is unknown.",
        )
    return [row.seq for found in rows.values() for row in found if row.state is RecipientState.UNKNOWN]


def _more(n: int) -> str:
    return f", nor {counted(n, 'other')} of these." if n else "."


def _nothing(numbers: Sequence[int] | None) -> Refused:
    return Refused(
        "not_unknown",
        "No recipient of this campaign is unknown." if numbers is None else "None of these is unknown any more.",
        "There is nothing to settle; a status callback may have done it.",
    )
