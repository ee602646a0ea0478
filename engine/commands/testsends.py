"""Test sends (R32): asked for here, sent by whoever holds the sender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import testsends
from engine.context import Context, command
from store import audit, database
from store import testsends as store
from store.errors import ShortOfCredits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.types import TestSend


def send(context: Context, campaign_id: int, typed: Sequence[str], *, line: int | None = None) -> list[TestSend]:
    """Ask for a campaign's message to 1 to 5 typed numbers and reserve its credits; answers what waits to be sent.

    The values are those of the first valid row, or of the one at `line` of the contact file. Nothing of the campaign
    changes. Raises what `engine.testsends` raises for a message that cannot be made and for numbers it cannot go to.
    """
    with command(context, "campaign.test_send", campaign_id):
        prepared = testsends.prepare(campaign_id, line)
        phones = testsends.numbers(typed)
        with database.transaction():
            testsends.wanted(prepared, phones)
            prices = testsends.cost(prepared, phones)
            now = context.clock.now()
            messages = [
                (one.number, prepared.payload(one.number), price) for one, price in zip(phones, prices, strict=True)
            ]
            try:
                ids = store.queue(campaign_id, prepared.sender.id, context.actor.name, messages, now)
            except ShortOfCredits as error:
                raise testsends.short(error.needed, error.free) from error
            audit.write(
                now,
                context.actor,
                "campaign.test_send",
                campaign_id,
                after={
                    "test": ids,
                    "numbers": [str(one.number) for one in phones],
                    "template": prepared.template.ref,
                    "price": sum(prices),
                    "line": None if prepared.row is None else prepared.row.line,
                },
            )
        return store.page(ids)


def withdraw(context: Context, campaign_id: int, ids: Sequence[int], why: str) -> int:
    """Take back what nobody has begun to send; its credits are free again. Answers how many."""
    with command(context, "campaign.test_withdraw", campaign_id), database.transaction():
        now = context.clock.now()
        taken = store.withdraw(ids, why, now)
        if taken:
            audit.write(
                now, context.actor, "campaign.test_withdraw", campaign_id, after={"test": list(ids), "taken": taken}
            )
        return taken
