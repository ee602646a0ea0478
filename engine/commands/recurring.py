"""Series: make one from a campaign, pause, resume and end it (R21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine import firing, preflight, preflight_reading, schedule
from engine.commands import drafts
from engine.context import Context, command
from engine.errors import BadInput, NotFound, Refused
from engine.recurrence import Occurrence, Recurrence
from store import account, audiences, audit, campaigns, database
from store import series as store
from store.errors import Missing
from store.occurrences import Occurrence as Occurred
from store.occurrences import Outcome, of_series
from store.series import Series, SeriesFields, State

if TYPE_CHECKING:
    from engine.preflight import Preflight
    from store.types import Campaign

NEXT = 5
"""So many firings are shown ahead."""


class Shown(NamedTuple):
    """A series with what is next and what was."""

    series: Series
    upcoming: tuple[Occurrence, ...]
    """What the expression gives from now on, whatever was cancelled; nothing unless the series is active."""
    occurrences: tuple[Occurred, ...]
    """The latest first; the first is ahead when its time is."""


def check(cron: str, timezone: str | None, now: int, until: int | None = None) -> tuple[Recurrence, str]:
    """The recurrence of an expression in a zone, by default the account's, and that zone.

    Raises `BadInput` with `bad_cron` or `unknown_zone`, `Refused` with `cron_never_fires` or `no_firing_left`.
    """
    zone = timezone or account.get_account().timezone
    recurrence = Recurrence(cron, zone)
    if recurrence.next(now, until) is None:
        end = "" if until is None else f" before {schedule.iso(until, zone)}"
        raise Refused("no_firing_left", f"It would not fire once{end}.", "Choose a later end, or another expression.")
    return recurrence, zone


def create(
    context: Context,
    campaign_id: int,
    cron: str,
    *,
    timezone: str | None = None,
    until: int | None = None,
    name: str | None = None,
) -> Shown:
    """Make a series with the content and audience of a campaign of any status, and its first firing (R21).

    The campaign itself stays as it is. `until` is the last moment at which it may fire. Check 1 is made as for
    scheduling, with the template as it is now. Raises what `check` raises and `Refused` with the first problem's code.
    """
    with command(context, "series.create", campaign_id):
        source = campaigns.get(campaign_id)
        recurrence, zone = check(cron, timezone, context.clock.now(), until)
        if name is not None and not name.strip():
            raise BadInput("name_missing", "The name is empty.", "Leave it out, or give one by which you will find it.")
        _preflight(source, context.clock.now())
        assert source.audience is not None
        audience_id = audiences.copy(source.audience, context.clock.now())
        try:
            fields = _fields(source, recurrence.cron, zone, until, name, audience_id)
            series_id = _create(context, source, fields)
        except BaseException:
            audiences.drop_audience(audience_id)
            raise
        return show(series_id, context.clock.now())


def _create(context: Context, source: Campaign, fields: SeriesFields) -> int:
    """The series and its first firing in one transaction."""
    actor, now = context.actor, context.clock.now()
    draft = _not_yet(fields, source, actor.name, now)
    occurrence = Recurrence(fields.cron, fields.timezone).next(now, fields.ends_at)
    if occurrence is None:
        raise Refused("no_firing_left", "Its only time has just passed.", "Choose a later end, or another expression.")
    prepared = firing.prepare(context.clock, draft, occurrence, Outcome.CREATED)
    try:
        with database.transaction():
            now = context.clock.now()
            series_id = store.create(fields, actor.name, now)
            audit.write(
                now,
                actor,
                "series.create",
                source.id,
                after={
                    "series": series_id,
                    "name": fields.name,
                    "cron": fields.cron,
                    "timezone": fields.timezone,
                    "until": None if fields.ends_at is None else schedule.iso(fields.ends_at, fields.timezone),
                },
            )
            made = firing.commit(context.clock, actor, prepared._replace(series=store.get(series_id)))
            assert made is not None
            return series_id
    except BaseException:
        audiences.drop_audience(prepared.audience_id)
        raise


def _not_yet(fields: SeriesFields, source: Campaign, created_by: str, now: int) -> Series:
    """What the series will be, for preparing its first firing before anything is written."""
    assert source.audience is not None
    content = fields._asdict()
    audience = source.audience._replace(id=content.pop("audience_id"))
    return Series(
        id=0,
        state=State.ACTIVE,
        note="",
        created_by=created_by,
        created_at=now,
        edited_at=now,
        version=1,
        audience=audience,
        **content,
    )


def _fields(
    source: Campaign, cron: str, zone: str, until: int | None, name: str | None, audience_id: int
) -> SeriesFields:
    return SeriesFields(
        name=(name or source.name).strip(),
        cron=cron,
        timezone=zone,
        ends_at=until,
        sender_id=source.sender_id,
        template_id=source.template_id,
        fills=source.fills,
        audience_id=audience_id,
        over_quota=source.over_quota,
        grace=source.grace,
        route=source.route,
    )


def outlook(campaign_id: int, now: int) -> Preflight:
    """What each firing of a campaign's series would send and cost as things stand.

    Raises `Refused` for what keeps it from being repeated, `Missing`.
    """
    return _preflight(campaigns.get(campaign_id), now)


def _preflight(source: Campaign, now: int) -> Preflight:
    """Check 1 over the campaign's content as it would go now, not as it was frozen."""
    result = preflight.run(preflight_reading.facts_for_form(drafts.fields_of(source), source, now))
    if result.blocking:
        raise Refused(
            result.blocking[0].code,
            "It cannot be repeated yet: " + "; ".join(one.text for one in result.blocking) + ".",
            " ".join(dict.fromkeys(one.advice for one in result.blocking)),
        )
    return result


def pause(context: Context, series_id: int) -> Shown:
    """Make no more firings until it is resumed; a campaign that is made already stays and goes at its time."""
    return _move(context, "series.pause", series_id, (State.ACTIVE,), State.PAUSED)


def resume(context: Context, series_id: int) -> Shown:
    """Make firings again, from now on: what passed meanwhile is neither made late nor counted as missed."""
    _move(context, "series.resume", series_id, (State.PAUSED,), State.ACTIVE)
    firing.tend_one(context.clock, context.actor, get(series_id))
    return show(series_id, context.clock.now())


def end(context: Context, series_id: int) -> Shown:
    """End it for good; a campaign that is made already stays and goes at its time."""
    return _move(context, "series.end", series_id, (State.ACTIVE, State.PAUSED), State.ENDED)


def refusal(before: State, after: State) -> Refused | None:
    """Why a series cannot come from one state to another; `None` when it can."""
    if before is State.ENDED:
        return Refused("series_ended", "This series has ended.", "Make a new one from any of its campaigns.")
    if before is after:
        word = "paused" if after is State.PAUSED else "active"
        return Refused("series_unchanged", f"This series is {word} already.", "Nothing needs to be done.")
    return None


def _move(context: Context, action: str, series_id: int, before: tuple[State, ...], after: State) -> Shown:
    with command(context, action):
        found = get(series_id)
        why_not = refusal(found.state, after)
        if why_not is not None:
            raise why_not
        with database.transaction():
            now = context.clock.now()
            if not store.change_state(series_id, found.version, before, after, now):
                raise Refused(
                    "changed_meanwhile",
                    "Somebody else changed this series a moment ago.",
                    "Look at it again, then repeat yours.",
                )
            audit.write(
                now,
                context.actor,
                action,
                before={"series": series_id, "state": found.state.value},
                after={"series": series_id, "state": after.value},
            )
        return show(series_id, now)


def get(series_id: int) -> Series:
    """A series. Raises `NotFound` with `not_found`."""
    try:
        return store.get(series_id)
    except Missing as error:
        raise NotFound("not_found", f"There is no series {series_id}.", "See `sendoff series list`.") from error


def show(series_id: int, now: int, history: int = 10) -> Shown:
    """A series with its next firings and its last ones. Raises `NotFound`."""
    return _shown(get(series_id), now, history)


def everyone(now: int) -> list[Shown]:
    """All series, active ones first, each with its next firing and its last ones."""
    return [_shown(one, now, 3, 1) for one in store.everyone()]


def _shown(one: Series, now: int, history: int, ahead: int = NEXT) -> Shown:
    upcoming: list[Occurrence] = []
    if one.state is State.ACTIVE:
        upcoming = Recurrence(one.cron, one.timezone).upcoming(now, ahead, one.ends_at)
    return Shown(one, tuple(upcoming), tuple(of_series(one.id, history)))
