"""`sendoff test-send`: a campaign's message to up to five numbers (R32)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine import report
from engine import testsends as rules
from engine.clock import MINUTE
from engine.commands import testsends as commands
from engine.errors import Busy
from engine.phone import display
from engine.text import counted
from store import campaigns, testsends
from store.types import RecipientState
from tui import paths
from tui.cli.telling import named

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from engine.reply_words import Words
    from store.types import TestSend
    from tui.cli.session import Session

POLL_S = 0.2


def run(options: Namespace, session: Session) -> int:
    """Ask for a test send, see it sent and tell what became of it.

    Raises `Busy` with `not_sent` when nobody began to send it in time; then it is taken back and costs nothing.
    """
    # Before anything is asked for: a mistake in the configuration must leave nothing behind.
    words = paths.reply_words(options.config)
    asked = commands.send(session.context, options.id, options.numbers, line=options.row)
    if options.wait:
        asyncio.run(_see_it_sent(session, asked, options.wait, words))
        _take_back(session, options.id, asked, options.wait)
    elif not rules.is_served(asked[0].sender_id, session.now):
        minutes = rules.EXPIRES_MS // MINUTE
        session.output.note(f"No worker runs. Start one within {minutes} minutes (sendoff worker), or it is dropped.")
    _tell(session, options.id, testsends.page([one.id for one in asked]))
    return 0


async def _see_it_sent(session: Session, asked: Sequence[TestSend], seconds: int, words: Words) -> None:
    """Wait for the outcomes, and where no worker holds the sender, send from here under its lease."""
    clock, sender_id = session.context.clock, asked[0].sender_id
    ids = [one.id for one in asked]
    until = clock.steady() + seconds

    def over() -> bool:
        return clock.steady() >= until or not _waiting(testsends.page(ids))

    while not over():
        if not rules.is_served(sender_id, clock.now()):
            session.output.note("No worker runs: it is sent from here.")
            await _send_from_here(session, sender_id, over, words)
            return
        await clock.sleep(POLL_S)


async def _send_from_here(session: Session, sender_id: int, over: Callable[[], bool], words: Words) -> None:
    from engine import service

    network = paths.network(session.config)
    await service.send_tests(session.context.clock, sender_id, over, words, network)


def _waiting(tests: Sequence[TestSend]) -> list[TestSend]:
    return [one for one in tests if one.state is RecipientState.PENDING]


def _take_back(session: Session, campaign_id: int, asked: Sequence[TestSend], seconds: int) -> None:
    """What nobody began to send is not to go out later, when nobody looks."""
    late = [one.id for one in _waiting(testsends.page([one.id for one in asked]))]
    if not late:
        return
    taken = commands.withdraw(session.context, campaign_id, late, f"taken back: not sent within {seconds} s")
    if taken == len(asked):
        raise Busy(
            "not_sent",
            f"The worker did not send it within {seconds} s; it is taken back and costs nothing.",
            "See what the worker says, then try again.",
        )


def _tell(session: Session, campaign_id: int, tests: Sequence[TestSend]) -> None:
    price = sum(one.price for one in tests)
    if session.output.as_json:
        session.output.document(
            {
                "campaign": campaign_id,
                "test": True,
                "price": price,
                "messages": [report.test_json(one, session.zone) for one in tests],
            }
        )
        return
    campaign = campaigns.get(campaign_id)
    session.output.say(f"Test of {named(campaign)}, {counted(price, 'credit')}; it counts in none of its figures.")
    session.output.table(("ID", "NUMBER", ""), [(f"{one.id}", display(one.phone), rules.words(one)) for one in tests])
