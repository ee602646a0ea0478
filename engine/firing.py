"""Making the campaigns of a series, and what happens to firings that nobody made in time (R21).

An active series always has one occurrence ahead, with an ordinary Scheduled campaign that can be seen, cancelled, taken
back or given another time. What an operator does to that campaign concerns this firing only: it is not made again, and
the next one is made when its time has passed. After a time without a worker at most one firing is late: the one made
ahead if it still goes within its grace, else the newest one that is. The others are recorded as missed.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from engine import preflight_credits, pricing, resolution, schedule
from engine.clock import MINUTE
from engine.logs import Log
from engine.recurrence import Occurrence, Recurrence
from engine.text import counted
from store import account, audiences, audit, database, occurrences, prices
from store import series as store
from store.errors import Missing
from store.occurrences import Firing, Outcome
from store.series import Series, State
from store.types import Actor, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.clock import Clock

RECORDED: Final = 100
"""So many missed occurrences are recorded one by one, the newest ones; the audit event tells of them all."""
COUNTED: Final = 10_000
"""So many are counted; a firing every minute misses half a million in a year."""

log = Log("sendoff.worker")


class Missed(NamedTuple):
    """Occurrences that passed while nobody made them, latest first, and the one among them that is still made."""

    passed: Sequence[Occurrence]
    late: Occurrence | None


def wanting(clock: Clock) -> list[int]:
    """Ids of the active series that have something to be made. Cheap enough for every second."""
    now = clock.now()
    return [*store.wanting(now), *(one.id for one in occurrences.ahead(now) if _jumped(one, now))]


def _jumped(one: occurrences.Ahead, now: int) -> bool:
    """Whether a series' last occurrence was made by a clock that was ahead, and the next one is still to be made."""
    if one.outcome == Outcome.MISSED:
        return True
    following = _next(one.cron, one.timezone, one.ends_at, now // MINUTE)
    return following is None or (following.at < one.at and not occurrences.is_made(one.id, following.local))


@lru_cache(maxsize=1_000)
def _next(cron: str, timezone: str, ends_at: int | None, minute: int) -> Occurrence | None:
    # Within a minute it stays the same, and working it out takes too long for every second.
    return Recurrence(cron, timezone).next(minute * MINUTE, ends_at)


def tend(clock: Clock, actor: Actor) -> int:
    """Bring every active series up to date; answers how many campaigns were made. For a thread that may take its time.

    Any number of workers may do so at once.
    """
    made = 0
    for series_id in wanting(clock):
        try:
            made += tend_one(clock, actor, store.get(series_id))
        except Missing:
            continue
    return made


def tend_one(clock: Clock, actor: Actor, series: Series) -> int:
    """Bring one active series up to date: what was missed, one late firing, the firing ahead, or its end."""
    if series.state is not State.ACTIVE:
        return 0
    recurrence, now, made = Recurrence(series.cron, series.timezone), clock.now(), 0
    _unmiss(series, now)
    ahead = recurrence.next(now, series.ends_at)
    # What lies beyond the next one was made by a clock that was ahead, and stands for nothing before it.
    last = occurrences.last(series.id, now if ahead is None else ahead.at)
    if last is not None and last.at > now:
        return 0
    missed = sort_out(series, recurrence, last, now)
    # Recorded first: when it breaks off here, the late one is still found missing.
    if len(missed.passed) > (missed.late is not None):
        _record(clock, actor, series, missed)
    if missed.late is not None:
        made += make(clock, actor, series, missed.late, Outcome.LATE) is not None
    if ahead is None:
        _end(clock, actor, series)
    else:
        made += make(clock, actor, series, ahead, Outcome.CREATED) is not None
    return made


def sort_out(series: Series, recurrence: Recurrence, last: occurrences.Occurrence | None, now: int) -> Missed:
    """Which occurrences passed since the last one known, and whether one of them is still made. Pure."""
    # What passed before the series was made or while it was paused was not to fire.
    since = max(series.edited_at, 0 if last is None else last.at)
    until = now if series.ends_at is None else min(now, series.ends_at)
    passed = recurrence.passed(since, until, COUNTED)
    if not passed:
        return Missed((), None)
    newest = passed[0]
    if now - newest.at > series.grace * MINUTE or _goes_late(last, series.grace, newest, now):
        return Missed(passed, None)
    return Missed(passed, newest)


def _goes_late(last: occurrences.Occurrence | None, grace: int, newest: Occurrence, now: int) -> bool:
    """Whether the campaign made ahead is itself the one late firing: it went after `newest`, or is about to."""
    if last is None:
        return False
    if last.started_at is not None:
        return last.started_at >= newest.at
    waiting = last.status is Status.SCHEDULED and last.scheduled_at is not None and last.scheduled_at <= now
    return waiting and now - (last.scheduled_at or 0) <= grace * MINUTE


def make(clock: Clock, actor: Actor, series: Series, occurrence: Occurrence, outcome: Outcome) -> int | None:
    """Make the campaign of an occurrence, whatever the credits: check 2 decides when it starts (R27).

    Answers its id, `None` when somebody else made it or the series changed meanwhile. The rows are copied in short
    transactions, so that sending does not wait, and only the last step makes a campaign of them.
    """
    firing = prepare(clock, series, occurrence, outcome)
    try:
        with database.transaction():
            campaign_id = commit(clock, actor, firing)
    except BaseException:
        audiences.drop_audience(firing.audience_id)
        raise
    if campaign_id is None:
        audiences.drop_audience(firing.audience_id)
    else:
        log.info("series.fired", f"made for {occurrence.local}", series=series.id, campaign=campaign_id)
    return campaign_id


def prepare(clock: Clock, series: Series, occurrence: Occurrence, outcome: Outcome) -> Firing:
    """Copy the audience and decide which rows get a message now; the template is frozen as it is now (R24)."""
    try:
        template = None if series.template_id is None else account.get_template(series.template_id)
    except Missing:
        # Check 2 fails the campaign then, and its report says why.
        template = None
    audience_id = audiences.copy(series.audience, clock.now())
    try:
        audience = series.audience._replace(id=audience_id)
        skipped: Counter[str] = Counter()
        countries: Counter[str] = Counter()
        for decided in resolution.decisions(
            audience_id,
            resolution.filler_for(template, series.fills, audience),
            resolution.bars(template, clock.now()),
        ):
            audiences.set_skips(audience_id, [(row, reason) for row, reason in decided if reason != row.skip])
            skipped.update(reason.value for _, reason in decided if reason is not None)
            countries.update(row.country or "" for row, reason in decided if reason is None)
    except BaseException:
        audiences.drop_audience(audience_id)
        raise
    price = 0
    if template is not None:
        # A country without a price is left out: check 2 fails the campaign then, and its report says why.
        price = pricing.total(preflight_credits.price_table(prices.lines(), template), countries)
    name = f"{series.name}, {schedule.day_and_time(occurrence.at, series.timezone)}"
    return Firing(
        series, occurrence.local, occurrence.at, outcome, name, template, audience_id, skipped, countries, price
    )


def commit(clock: Clock, actor: Actor, firing: Firing) -> int | None:
    """Make a prepared campaign with its audit event, inside the caller's transaction; `None` as for `make`."""
    now = clock.now()
    campaign_id = occurrences.fire(firing, actor.name, now)
    if campaign_id is not None:
        audit.write(
            now,
            actor,
            "series.firing",
            campaign_id,
            after={
                "series": firing.series.id,
                "occurrence": firing.local,
                "at": schedule.iso(firing.at, firing.series.timezone),
                "outcome": firing.outcome.value,
                "price": firing.price,
            },
        )
    return campaign_id


def _record(clock: Clock, actor: Actor, series: Series, missed: Missed) -> None:
    gone = [one for one in missed.passed if one != missed.late]
    with database.transaction():
        recorded = [occurrences.miss(series.id, one.local, one.at) for one in gone[:RECORDED]]
        if not any(recorded):
            return
        many = "more than " if len(missed.passed) == COUNTED else ""
        first, last = (schedule.iso(one.at, series.timezone) for one in (gone[-1], gone[0]))
        note = f"{many}{counted(len(gone), 'firing')} missed up to {schedule.day_and_time(gone[0].at, series.timezone)}"
        store.set_note(series.id, note)
        audit.write(
            clock.now(),
            actor,
            "series.missed",
            after={"series": series.id, "missed": len(gone), "from": first, "to": last},
            detail=f"{note}: no worker ran",
        )
    log.warning("series.missed", note, series=series.id)


def _unmiss(series: Series, now: int) -> None:
    """A clock that was ahead took for missed what is still to come: it gets its campaign after all."""
    with database.transaction():
        ahead = occurrences.unmiss(series.id, now)
        if ahead:
            note = f"{counted(ahead, 'firing')} that a wrong clock took for missed will be made in time"
            store.set_note(series.id, note)
    if ahead:
        log.warning("series.ahead", note, series=series.id)


def _end(clock: Clock, actor: Actor, series: Series) -> None:
    with database.transaction():
        now = clock.now()
        if store.change_state(series.id, series.version, (State.ACTIVE,), State.ENDED, now):
            audit.write(
                now, actor, "series.ended", after={"series": series.id}, detail="no firing is left before its end"
            )
