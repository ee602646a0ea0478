"""The account's limits: what they are and how much of the quota is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.commands import limits
from engine.errors import BadInput
from engine.schedule import iso
from store import account, quota_meter

if TYPE_CHECKING:
    from argparse import Namespace

    from engine.commands.limits import Limits
    from tui.cli.session import Session


def show(options: Namespace, session: Session) -> int:
    """Show the limits, with how much of the quota is used."""
    now = session.context.clock.now()
    known = limits.of(account.get_account())
    used, left, refills = quota_meter.used(now), quota_meter.room(now), quota_meter.refills_at(now)
    if session.output.as_json:
        session.output.document(
            {
                **known._asdict(),
                "countries": None if known.countries is None else list(known.countries),
                "quota_used": used,
                "quota_left": left,
                "quota_refills_at": None if refills is None else iso(refills, session.zone),
            }
        )
        return 0
    words = limits.words(known)
    usage = f"{used:,} people messaged in the last 24 hours"
    if left is not None:
        usage += f", {left:,} left"
    if refills is not None:
        usage += f"; the next place comes back at {iso(refills, session.zone)}"
    rows = [
        ("messaging quota", words["quota"], usage),
        ("frequency cap", words["frequency"], "marketing messages to a number"),
        ("countries", words["countries"], "messages may go to"),
    ]
    session.output.table(("LIMIT", "IS", ""), rows)
    return 0


def change(options: Namespace, session: Session) -> int:
    """Set the limits that are named; the others stay."""
    named = (
        options.quota,
        options.tier,
        options.frequency_cap,
        options.frequency_days,
        options.countries,
        options.no_frequency_cap or None,
    )
    if all(one is None for one in named):
        raise BadInput("nothing_to_set", "No limit is named.", "See sendoff limits set --help.")
    limits.change(session.context, lambda before: _changed(options, before))
    return show(options, session)


def _changed(options: Namespace, before: Limits) -> Limits:
    after = before
    if options.quota is not None:
        after = after._replace(quota=limits.parse_quota(options.quota))
    if options.tier is not None:
        after = after._replace(quota=limits.parse_tier(options.tier))
    if options.no_frequency_cap:
        if options.frequency_days is not None:
            raise BadInput("bad_frequency_cap", "Days without a cap mean nothing.", "Leave --frequency-days out.")
        after = after._replace(frequency_cap=None, frequency_days=None)
    if options.frequency_cap is not None:
        after = after._replace(frequency_cap=options.frequency_cap)
    if options.frequency_days is not None:
        after = after._replace(frequency_days=options.frequency_days)
    if options.countries is not None:
        after = after._replace(countries=limits.parse_countries(options.countries))
    return after
