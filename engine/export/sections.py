"""The boxes of the page, from the figures down to the recipients. Pure but for what they are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from engine import timeline
from engine.export import svg
from engine.export.markup import percent, section, text, time
from engine.export.rows import state_word, typed_number
from engine.export.tables import errors_table, facts, parts_table, rates_table, skips_table
from engine.gateway import errors
from engine.report import NO_CALLBACKS, SKIP_WORDS, adds_up
from engine.text import counted

if TYPE_CHECKING:
    from engine.report import Report
    from engine.timeline import Timeline
    from store.types import Campaign, Recipient

_FACTS: Final = ("Template", "Sender", "Audience file", "Scheduled", "Started", "Ended", "Credits")
_STATES: Final = ("read", "delivered", "sent", "undelivered", "failed", "unknown", "held", "pending", "skipped")
_TITLES: Final = ("number", "state", "why", "sent", "delivered", "read")


class Listed(NamedTuple):
    """The recipients on the page."""

    rows: list[Recipient]
    every: bool
    """Whether they are all of them."""
    cut: bool
    """Whether there are more exceptions than the page lists."""


def cards(campaign: Campaign) -> Iterator[str]:
    """The four rates, large, each beside its n of m (R47)."""
    yield '<div class="cards">\n'
    for rate in rates_table(campaign)[:4]:
        if not rate.known:
            name = rate.name.capitalize()
            yield f'<section><p class="name">{name}</p><p class="big">?</p><p class="of">{NO_CALLBACKS}</p></section>\n'
            continue
        yield (
            f'<section><p class="name">{rate.name.capitalize()}</p>'
            f'<p class="big">{percent(rate.part, rate.whole)}</p>'
            f'<p class="of">{rate.part:,} of {rate.whole:,}</p>{svg.bar(rate.part, rate.whole, rate.name)}</section>\n'
        )
    yield "</div>\n"


def audience(campaign: Campaign) -> str:
    """The five parts of the audience, and that they add up (R41)."""
    parts = parts_table(campaign)
    legend = "".join(f'<li><span class="dot {name}"></span>{name} <b>{n:,}</b></li>' for name, n in parts)
    total = " + ".join(f"{name} {n:,}" for name, n in parts)
    verdict = "holds" if adds_up(campaign) else '<span class="wrong">DOES NOT ADD UP</span>'
    line = f'<p class="true">audience {campaign.progress.audience:,} = {total}: {verdict}</p>'
    rows = f"{counted(campaign.progress.audience, 'row')} of the file"
    return section("audience", "Audience", rows, f'{svg.stacked(parts)}<ul class="legend">{legend}</ul>{line}')


def funnel(campaign: Campaign) -> str:
    """From the audience down to who read it."""
    counters = campaign.progress
    valid = counters.audience - counters.skipped
    steps = [
        ("valid recipients", valid, counters.audience, "valid"),
        ("sent", counters.sent, valid, "sent"),
        ("delivered", counters.delivered, counters.sent, "delivered"),
        ("read", counters.read, counters.delivered, "read"),
    ][: 4 if campaign.delivery_known else 2]
    lines = "".join(
        f'<tr><td class="name">{name}</td><td>{svg.bar(part, counters.audience, tone)}</td>'
        f'<td class="n"><b>{part:,}</b></td><td class="n">of {whole:,}</td>'
        f'<td class="n">{percent(part, whole)}</td></tr>'
        for name, part, whole, tone in steps
    )
    small = "bars are shares of the audience, percentages of the step before"
    if not campaign.delivery_known:
        small = f"what was delivered and read is {NO_CALLBACKS}"
    return section("funnel", "Funnel", small, f'<table class="funnel">{lines}</table>')


def over_time(line: Timeline, zone: str, now: int) -> str:
    """What was sent when, with the holds."""
    plot = timeline.plot(line, now)
    small = "nothing was sent"
    if plot.peak:
        small = f"messages sent in every {timeline.seconds(plot.width)}, at most {plot.peak:,}"
    held = "".join(
        f"<tr><td>{time(pause.since, zone)}</td><td>{time(pause.until, zone) or 'still'}</td>"
        f"<td>{text(pause.reason)}</td></tr>"
        for pause in line.pauses
    )
    if held:
        head = "<thead><tr><th>on hold from</th><th>to</th><th>why</th></tr></thead>"
        held = f"<table>{head}<tbody>{held}</tbody></table>"
    return section("timeline", "Timeline", small, svg.timeline(plot, zone) + held)


def error_list(found: Report) -> Iterator[str]:
    """Errors in words with their advice, where there are any."""
    lines = ""
    for row in errors_table(found):
        after = ", after it was sent" if row.after_sent else ""
        lines += (
            f'<tr><td class="n"><b>{row.n:,}</b></td>'
            f'<td>{text(row.text)}{after}<div class="advice">{text(row.advice)}</div></td>'
            f'<td class="n">{"" if row.code is None else row.code}</td></tr>'
        )
    if lines:
        head = '<th class="n">recipients</th><th>what happened, and what to do</th><th class="n">code</th>'
        body = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
        yield section("errors", "Errors", "", body)


def skip_list(found: Report) -> Iterator[str]:
    """Why rows were skipped, where some were."""
    skipped = found.campaign.progress.skipped
    lines = "".join(
        f'<tr><td class="name">{text(reason)}</td><td>{svg.bar(n, skipped, "skipped")}</td>'
        f'<td class="n"><b>{n:,}</b></td></tr>'
        for reason, n in skips_table(found)
    )
    if lines:
        small = f"{counted(skipped, 'row')} that got no message"
        yield section("skips", "Skipped", small, f'<table class="funnel">{lines}</table>')


def about(found: Report, zone: str) -> str:
    """What the campaign is made of."""
    every = dict(facts(found, zone))
    lines = "".join(f"<div><dt>{name}</dt><dd>{text(every[name])}</dd></div>" for name in _FACTS if name in every)
    return section("facts", "Campaign", "", f"<dl>{lines}</dl>")


def recipient_list(campaign: Campaign, listed: Listed, zone: str) -> Iterator[str]:
    """The recipients, with a choice of state that works without a script."""
    small = counted(len(listed.rows), "row")
    yield f'<section class="rows" id="recipients"><h2>Recipients<small>{small}</small></h2>'
    if not listed.every:
        yield _not_all(campaign, listed)
    states = [word for word in _STATES if any(state_word(row) == word for row in listed.rows)]
    if len(states) > 1:
        # Which one is chosen decides, by :has(), what is shown.
        chosen = "".join(
            f'<input type="radio" name="state" id="only-{word}"><label for="only-{word}">{word}</label>'
            for word in states
        )
        every = '<input type="radio" name="state" id="only-all" checked><label for="only-all">all</label>'
        yield f'<div class="filter">{every}{chosen}</div>'
    titles = "".join(f"<th>{title}</th>" for title in _TITLES)
    yield f'<div class="wide"><table class="list"><thead><tr><th class="n">line</th>{titles}</tr></thead><tbody>\n'
    for row in listed.rows:
        yield _row(campaign, row, zone)
    yield "</tbody></table></div></section>\n"


def _not_all(campaign: Campaign, listed: Listed) -> str:
    first = "The first of those" if listed.cut else "Those"
    others = campaign.progress.audience - len(listed.rows)
    return (
        f'<p class="note">{first} that did not simply go out: skipped, failed, not delivered or unknown. '
        f"The other {others:,} are in the CSV and XLSX exports: "
        f"<code>sendoff campaign report {campaign.id} --csv FILE</code></p>"
    )


def _row(campaign: Campaign, row: Recipient, zone: str) -> str:
    # A campaign without an audience has no rows.
    assert campaign.audience is not None
    word = state_word(row)
    number = typed_number(row, campaign.audience) if row.phone is None else f"+{row.phone}"
    why = ""
    if row.skip is not None:
        why = SKIP_WORDS[row.skip.value]
    elif row.error is not None:
        why = f"{errors.text_of(row.error)} ({row.error})" if row.error > 0 else errors.text_of(row.error)
    times = "".join(f"<td>{time(at, zone)}</td>" for at in (row.sent_at, row.delivered_at, row.read_at))
    return (
        f'<tr class="r-{word}"><td class="n">{row.line}</td><td>{text(number)}</td>'
        f'<td class="s-{word}">{word}</td><td>{text(why)}</td>{times}</tr>\n'
    )
