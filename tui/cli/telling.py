"""How a campaign is named in a sentence and told as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import report
from store import account

if TYPE_CHECKING:
    from store.types import Campaign
    from tui.cli.session import Session


def named(campaign: Campaign) -> str:
    """`campaign 4 "Diwali"`."""
    return f'campaign {campaign.id} "{campaign.name}"'


def sentence(text: str) -> str:
    """The text with a capital at its start."""
    return f"{text[:1].upper()}{text[1:]}"


def campaign_json(session: Session, campaign: Campaign) -> dict[str, object]:
    """A campaign under the names of the contract."""
    sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
    return report.campaign_json(campaign, session.zone, sender)


def tell(session: Session, campaign: Campaign, *sentences: str) -> None:
    """What became of a command: the campaign as JSON, or sentences."""
    if session.output.as_json:
        session.output.document(campaign_json(session, campaign))
        return
    for one in sentences:
        session.output.say(sentence(one))
