"""Credits: topping up, the balance, the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.commands import setup
from engine.schedule import iso
from store import ledger

if TYPE_CHECKING:
    from argparse import Namespace

    from tui.cli.session import Session


def add(options: Namespace, session: Session) -> int:
    """Top up the free balance."""
    setup.add_credits(session.context, options.amount, options.note)
    session.output.note(f"{options.amount:,} credits added.")
    return show(options, session)


def show(options: Namespace, session: Session) -> int:
    """Show what is free, reserved and spent."""
    balance = ledger.balance()
    if session.output.as_json:
        session.output.document({"free": balance.free, "reserved": balance.reserved, "spent": balance.spent})
    else:
        session.output.say(f"{balance.free:,} free, {balance.reserved:,} reserved, {balance.spent:,} spent")
    return 0


def show_ledger(options: Namespace, session: Session) -> int:
    """List the movements, oldest first."""
    zone = session.zone
    entries = ledger.entries(limit=options.limit)
    if session.output.as_json:
        session.output.document(
            [
                {
                    "id": entry.id,
                    "at": iso(entry.at, zone),
                    "kind": entry.kind.value,
                    "amount": entry.amount,
                    "free_after": entry.free_after,
                    "reserved_after": entry.reserved_after,
                    "spent_after": entry.spent_after,
                    "campaign": entry.campaign_id,
                    "actor": entry.actor,
                    "note": entry.note,
                }
                for entry in entries
            ]
        )
        return 0
    if not entries:
        session.output.say("Nothing moved yet. Top up: sendoff credits add N")
        return 0
    figures = ("AMOUNT", "FREE", "RESERVED", "SPENT")
    rows = [
        (
            iso(entry.at, zone),
            entry.kind.value.replace("_", " "),
            f"{entry.amount:,}",
            f"{entry.free_after:,}",
            f"{entry.reserved_after:,}",
            f"{entry.spent_after:,}",
            "-" if entry.campaign_id is None else f"{entry.campaign_id}",
            entry.actor,
            entry.note,
        )
        for entry in entries
    ]
    session.output.table(("WHEN", "WHAT", *figures, "CAMPAIGN", "WHO", "NOTE"), rows, right=(*figures, "CAMPAIGN"))
    return 0
