"""Asking the gateway before a launch or a resume whether it can send; who cannot ask goes on without knowing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine import asking, resolution
from store import account
from tui import paths

if TYPE_CHECKING:
    from store.types import Campaign
    from tui.cli.session import Session


def ask_gateway(session: Session, campaign: Campaign, fresh_ms: int = asking.FRESH_MS) -> None:
    """Ask about a campaign's sender and template, unless it was done within `fresh_ms`.

    Nothing is written in a read-only session.
    """
    if session.read_only:
        return
    sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
    template, network = resolution.template_of(campaign), paths.network(session.config)
    wanted = asking.question(sender, template, session.now, network, fresh_ms)
    if wanted is not None:
        asking.keep(asyncio.run(asking.ask(wanted)), session.now)
