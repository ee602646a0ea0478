"""`sendoff campaign settle`: what became of recipients of whom nobody knows (R42)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.commands import settling
from engine.commands.settling import Fate
from engine.errors import BadInput
from engine.text import counted
from store import campaigns
from tui.cli.drafts import require_yes
from tui.cli.telling import campaign_json, named, sentence

if TYPE_CHECKING:
    from argparse import Namespace

    from tui.cli.session import Session

_MEANS = {
    Fate.SENT: "They count as sent and their credits are spent.",
    Fate.FAILED: "They count as failed and their credits are given back; the messages may have gone out all the same.",
}


def settle(options: Namespace, session: Session) -> int:
    """Settle some unknown recipients of a campaign, or all."""
    if bool(options.numbers) == options.all:
        raise BadInput("usage", "Which recipients is not said.", "Name their numbers, or give --all.")
    campaign, fate = campaigns.get(options.id), Fate(options.fate)
    what = f"all {campaign.progress.unknown:,}" if options.all else counted(len(options.numbers), "number")
    require_yes(options, f"This settles {what} unknown of {named(campaign)} as {fate.value}. {_MEANS[fate]}")
    done = settling.settle(session.context, options.id, fate, None if options.all else options.numbers)
    if session.output.as_json:
        session.output.document(
            {
                **campaign_json(session, done.campaign),
                "settled": {
                    "as": fate.value,
                    "recipients": done.rows,
                    "not_unknown": done.already,
                    "credits": done.credits,
                },
            }
        )
        return 0
    credits = f"{counted(done.credits, 'credit')} {'spent' if fate is Fate.SENT else 'given back'}"
    session.output.say(
        sentence(f"{named(done.campaign)}: {counted(done.rows, 'recipient')} settled as {fate.value}, {credits}.")
    )
    if done.already:
        session.output.say(f"{counted(done.already, 'number')} of these were not unknown and stay as they are.")
    return 0
