"""`sendoff series`: recurring campaigns (R21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import schedule, zones
from engine.commands import recurring
from engine.cron_words import words
from engine.lifecycle import cancel_locked
from store.series import State
from store.types import Status
from tui.cli.drafts import require_yes
from tui.cli.listing import moment

if TYPE_CHECKING:
    from argparse import Namespace

    from engine.commands.recurring import Shown
    from store.occurrences import Occurrence
    from store.series import Series
    from tui.cli.session import Session


def create(options: Namespace, session: Session) -> int:
    """Make a series of a campaign, with its first firing."""
    zone = options.timezone or session.zone
    # The zone is checked first: a date means nothing in one that there is not.
    zones.named(zone)
    done = recurring.create(
        session.context,
        options.source,
        options.cron,
        timezone=zone,
        until=None if options.until is None else moment(options.until, zone, end=True),
        name=options.name,
    )
    first = done.occurrences[0]
    locked = ["That is less than 5 minutes ahead: it is locked from birth and cannot be called off."]
    _tell(
        session,
        done,
        f"Series {_named(done.series)} fires {words(done.series.cron)} ({zone}).",
        f"Its first campaign is {first.campaign_id}, scheduled for {schedule.iso(first.at, zone)}.",
        *(locked if cancel_locked(first.at, session.now) else []),
        "A worker makes the next one when that time has come.",
    )
    return 0


def show_list(options: Namespace, session: Session) -> int:
    """List the series, active ones first."""
    found = recurring.everyone(session.now)
    if session.output.as_json:
        session.output.document([_json(one) for one in found])
    elif not found:
        session.output.say("There is no series yet: sendoff series create --from ID --cron C")
    else:
        rows = [
            (
                f"{one.series.id}",
                one.series.state.value,
                one.series.name,
                words(one.series.cron),
                one.series.timezone,
                schedule.iso(one.upcoming[0].at, one.series.timezone) if one.upcoming else "-",
                one.series.note or "-",
            )
            for one in found
        ]
        session.output.table(("ID", "STATE", "NAME", "FIRES", "ZONE", "NEXT", "NOTE"), rows, right=("ID",))
    return 0


def show(options: Namespace, session: Session) -> int:
    """Show a series with its next firings, in its zone and in UTC, and its last ones."""
    found = recurring.show(options.id, session.now)
    one, output = found.series, session.output
    if output.as_json:
        output.document(_json(found))
        return 0
    output.say(f"Series {_named(one)}: {one.state.value}")
    if one.note:
        output.say(f"Note: {one.note}")
    output.facts(
        [
            ("fires", f"{words(one.cron)} ({one.timezone})"),
            ("cron", one.cron),
            ("until", "-" if one.ends_at is None else schedule.iso(one.ends_at, one.timezone)),
            ("audience", one.audience.file),
            ("grace", f"{one.grace} min"),
            ("created by", one.created_by),
        ]
    )
    if found.upcoming:
        output.say()
        rows = [
            (schedule.day_and_time(next_.at, one.timezone), one.timezone, schedule.iso(next_.at, "UTC"))
            for next_ in found.upcoming
        ]
        output.table(("NEXT FIRINGS", "ZONE", "UTC"), rows)
    output.say()
    past = [(schedule.day_and_time(each.at, one.timezone), _became(each, session.now)) for each in found.occurrences]
    output.table(("CAMPAIGNS", ""), past)
    return 0


def pause(options: Namespace, session: Session) -> int:
    """Make no firings until it is resumed."""
    done = recurring.pause(session.context, options.id)
    _tell(session, done, f"Series {_named(done.series)} is paused: no further firing is made.", *_stays(done, session))
    return 0


def resume(options: Namespace, session: Session) -> int:
    """Make firings again, from now on."""
    done = recurring.resume(session.context, options.id)
    at = schedule.iso(done.upcoming[0].at, done.series.timezone) if done.upcoming else "none is left"
    _tell(session, done, f"Series {_named(done.series)} is active again; the next firing: {at}.")
    return 0


def end(options: Namespace, session: Session) -> int:
    """End a series for good."""
    before = recurring.get(options.id)
    require_yes(options, f"This ends series {_named(before)} for good.")
    done = recurring.end(session.context, options.id)
    _tell(session, done, f"Series {_named(done.series)} has ended.", *_stays(done, session))
    return 0


def _stays(done: Shown, session: Session) -> list[str]:
    """R21: the campaign that was made ahead is an ordinary one, and is the operator's to cancel."""
    return [
        f"Campaign {one.campaign_id}, made already, still goes at {schedule.iso(one.at, done.series.timezone)}; "
        + (
            "it is locked, nothing stops it"
            if cancel_locked(one.at, session.now)
            else f"to stop it: sendoff campaign cancel {one.campaign_id} --yes"
        )
        for one in done.occurrences[:1]
        if one.status is Status.SCHEDULED and one.at > session.now
    ]


def _named(one: Series) -> str:
    return f'{one.id} "{one.name}"'


def _became(one: Occurrence, now: int) -> str:
    if one.campaign_id is None:
        return "missed: no worker ran"
    status = "deleted" if one.status is None else one.status.value.replace("_", " ")
    late = ", made late" if one.outcome == "late" else ""
    return f"campaign {one.campaign_id}: {status}{late}"


def _tell(session: Session, done: Shown, *sentences: str) -> None:
    if session.output.as_json:
        session.output.document(_json(done))
        return
    for one in sentences:
        session.output.say(one)


def _json(found: Shown) -> dict[str, object]:
    one = found.series
    return {
        "id": one.id,
        "name": one.name,
        "state": one.state.value,
        "cron": one.cron,
        "words": words(one.cron),
        "timezone": one.timezone,
        "until": None if one.ends_at is None else schedule.iso(one.ends_at, one.timezone),
        "note": one.note,
        "created_by": one.created_by,
        "upcoming": [
            {
                "local": next_.local,
                "at": schedule.iso(next_.at, one.timezone),
                "utc": schedule.iso(next_.at, "UTC"),
            }
            for next_ in (found.upcoming if one.state is State.ACTIVE else ())
        ],
        "occurrences": [
            {
                "local": each.local,
                "at": schedule.iso(each.at, one.timezone),
                "outcome": each.outcome.value,
                "campaign": each.campaign_id,
                "status": None if each.status is None else each.status.value,
            }
            for each in found.occurrences
        ],
    }
