"""The whole report as one page of HTML that needs nothing else: no script, no font, no picture from anywhere (R48)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

from engine import schedule, timeline
from engine.export import svg
from engine.export.files import whole
from engine.export.rows import rows, state_word, typed_number
from engine.export.tables import SKIP_WORDS, errors_table, facts, moments, parts_table, rates_table, skips_table
from engine.gateway import errors
from engine.report import adds_up, read
from engine.text import counted, shown
from store import account, recipients
from store.types import Status

if TYPE_CHECKING:
    from pathlib import Path

    from engine.export.tables import Rate
    from engine.report import Report
    from engine.timeline import Timeline
    from store.types import Campaign, Recipient

MOST: Final = 2_000
"""Recipients that a page lists: more would make it slow to open, and nobody reads them there."""
_FACTS: Final = ("Template", "Sender", "Audience file", "Scheduled", "Started", "Ended", "Credits")
_STATES: Final = ("read", "delivered", "sent", "undelivered", "failed", "unknown", "pending", "skipped")


class Listed(NamedTuple):
    """The recipients on the page."""

    rows: list[Recipient]
    every: bool
    """Whether they are all of them."""
    cut: bool
    """Whether there are more exceptions than the page lists."""


def write_html(campaign_id: int, file: Path, zone: str, now: int, most: int = MOST) -> int:
    """Write the page and answer how many recipients are listed on it; `now` is when the report was made.

    Of an audience of more than `most` it lists the exceptions alone, and says so.
    Raises `store.errors.Missing`, and `BadInput` with `unwritable_file`.
    """
    found = read(campaign_id)
    listed = _listed(found.campaign, most)
    with whole(file) as partial, partial.open("w", encoding="utf-8", errors="replace", newline="\n") as handle:
        handle.writelines(_page(found, timeline.read(found.campaign), listed, zone, now))
    return len(listed.rows)


def _listed(campaign: Campaign, most: int) -> Listed:
    if campaign.audience is None:
        return Listed([], True, False)
    if campaign.progress.audience <= most:
        return Listed(list(rows(campaign)), True, False)
    found = recipients.exceptions(campaign.audience.id, campaign.id, most + 1)
    return Listed(found[:most], False, len(found) > most)


def _page(found: Report, line: Timeline | None, listed: Listed, zone: str, now: int) -> Iterator[str]:
    style = resources.files("engine.export").joinpath("page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    campaign = found.campaign
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{_text(campaign.name)} - campaign report</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )
    yield from _header(found, zone, now)
    yield "<main>\n"
    yield from _notices(found, zone)
    if campaign.started_at is not None:
        yield from _cards(rates_table(campaign))
    yield _adds_up(campaign)
    if campaign.started_at is not None:
        yield _funnel(campaign)
    if line is not None:
        yield _timeline(line, zone, now)
    yield from _errors(found)
    yield from _skips(found)
    yield _facts(found, zone)
    yield from _recipients(campaign, listed, zone)
    yield "</main>\n"
    yield _footer(zone)
    yield "</body>\n</html>\n"


def _text(text: str) -> str:
    return escape(shown(text))


def _percent(part: int, whole: int) -> str:
    """A percentage with one decimal; none and all only where it is exactly that (R47)."""
    if whole <= 0:
        return "-"
    if part in (0, whole):
        return f"{100 * part // whole}%"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f}%"


def _time(at: int | None, zone: str) -> str:
    if at is None:
        return ""
    iso = escape(schedule.iso(at, zone))
    return f'<time datetime="{iso}">{escape(schedule.iso(at // 1_000 * 1_000, zone))}</time>'


def _header(found: Report, zone: str, now: int) -> Iterator[str]:
    campaign = found.campaign
    held = campaign.hold is not None
    word = "On hold" if held else campaign.status.value.replace("_", " ").capitalize()
    last = moments(campaign)[-1:]
    when = f'<span class="when">{_text(last[0][0].lower())} {_time(last[0][1], zone)}</span>' if last else ""
    yield (
        f'<header>\n<div class="over"><span>{_text(account.get_account().name)}, campaign report</span>'
        f"<span>as of {_time(now, zone)}</span></div>\n"
        f"<h1>{_text(campaign.name) or 'Untitled'}</h1>\n"
        f'<p><span class="pill {"held" if held else campaign.status.value}">{word}</span>{when}</p>\n</header>\n'
    )


def _notices(found: Report, zone: str) -> Iterator[str]:
    campaign, cause = found.campaign, found.root_cause
    if cause is not None:
        yield (
            f'<section class="box alarm" id="cause"><p class="head">{_text(cause.text)}</p>'
            f"<p><b>What to do:</b> {_text(cause.advice)}</p></section>\n"
        )
    if campaign.hold is not None:
        until = campaign.hold.until
        lifts = (
            "It waits until somebody resumes it." if until is None else f"It goes on by itself {_time(until, zone)}."
        )
        yield (
            f'<section class="box notice"><p class="head">On hold: {_text(campaign.hold.text)}</p><p>{lifts}</p></section>\n'
        )
    if campaign.progress.unknown:
        yield (
            f'<section class="box notice"><p class="head">{campaign.progress.unknown:,} unknown</p>'
            "<p>Handed over when the worker or the connection broke off, and no answer came. Most such messages went "
            "out; they are never sent again by themselves.</p></section>\n"
        )


def _cards(rates: list[Rate]) -> Iterator[str]:
    yield '<div class="cards">\n'
    for rate in rates[:4]:
        yield (
            f'<section><p class="name">{rate.name.capitalize()}</p>'
            f'<p class="big">{_percent(rate.part, rate.whole)}</p>'
            f'<p class="of">{rate.part:,} of {rate.whole:,}</p>{svg.bar(rate.part, rate.whole, rate.name)}</section>\n'
        )
    yield "</div>\n"


def _adds_up(campaign: Campaign) -> str:
    parts = parts_table(campaign)
    legend = "".join(f'<li><span class="dot {name}"></span>{name} <b>{n:,}</b></li>' for name, n in parts)
    total = " + ".join(f"{name} {n:,}" for name, n in parts)
    verdict = "holds" if adds_up(campaign) else '<span class="wrong">DOES NOT ADD UP</span>'
    return (
        f'<section id="audience"><h2>Audience<small>{counted(campaign.progress.audience, "row")} of the file</small></h2>'
        f'{svg.stacked(parts)}<ul class="legend">{legend}</ul>'
        f'<p class="true">audience {campaign.progress.audience:,} = {total}: {verdict}</p></section>\n'
    )


def _funnel(campaign: Campaign) -> str:
    counters = campaign.progress
    valid = counters.audience - counters.skipped
    steps = (
        ("valid recipients", counters.audience - counters.skipped, counters.audience, "valid"),
        ("sent", counters.sent, valid, "sent"),
        ("delivered", counters.delivered, counters.sent, "delivered"),
        ("read", counters.read, counters.delivered, "read"),
    )
    lines = "".join(
        f'<tr><td class="name">{name}</td><td>{svg.bar(part, counters.audience, tone)}</td>'
        f'<td class="n"><b>{part:,}</b></td><td class="n">of {whole:,}</td>'
        f'<td class="n">{_percent(part, whole)}</td></tr>'
        for name, part, whole, tone in steps
    )
    return (
        '<section id="funnel"><h2>Funnel<small>bars are shares of the audience, percentages of the step before</small>'
        f'</h2><table class="funnel">{lines}</table></section>\n'
    )


def _timeline(line: Timeline, zone: str, now: int) -> str:
    plot = timeline.plot(line, now)
    lines = "".join(
        f"<tr><td>{_time(pause.since, zone)}</td><td>{_time(pause.until, zone) or 'still'}</td>"
        f"<td>{_text(pause.reason)}</td></tr>"
        for pause in line.pauses
    )
    held = (
        f"<table><thead><tr><th>on hold from</th><th>to</th><th>why</th></tr></thead><tbody>{lines}</tbody></table>"
        if lines
        else ""
    )
    return (
        f'<section id="timeline"><h2>Timeline<small>messages sent in every {svg.seconds(plot.width)}, '
        f"at most {plot.peak:,}</small></h2>{svg.timeline(plot, zone)}{held}</section>\n"
    )


def _errors(found: Report) -> Iterator[str]:
    lines = "".join(
        f'<tr><td class="n"><b>{row.n:,}</b></td><td>{_text(row.text)}{", after it was sent" if row.after_sent else ""}'
        f'<div class="advice">{_text(row.advice)}</div></td><td class="n">{"" if row.code is None else row.code}</td></tr>'
        for row in errors_table(found)
    )
    if lines:
        yield (
            '<section id="errors"><h2>Errors</h2><table><thead><tr><th class="n">recipients</th>'
            '<th>what happened, and what to do</th><th class="n">code</th></tr></thead>'
            f"<tbody>{lines}</tbody></table></section>\n"
        )


def _skips(found: Report) -> Iterator[str]:
    lines = "".join(
        f'<tr><td class="name">{_text(reason)}</td><td>{svg.bar(n, found.campaign.progress.skipped, "skipped")}</td>'
        f'<td class="n"><b>{n:,}</b></td></tr>'
        for reason, n in skips_table(found)
    )
    if lines:
        yield (
            f'<section id="skips"><h2>Skipped<small>{counted(found.campaign.progress.skipped, "row")} that got no message'
            f'</small></h2><table class="funnel">{lines}</table></section>\n'
        )


def _facts(found: Report, zone: str) -> str:
    every = dict(facts(found, zone))
    lines = "".join(f"<div><dt>{name}</dt><dd>{_text(every[name])}</dd></div>" for name in _FACTS if name in every)
    return f'<section id="facts"><h2>Campaign</h2><dl>{lines}</dl></section>\n'


def _recipients(campaign: Campaign, listed: Listed, zone: str) -> Iterator[str]:
    if campaign.audience is None:
        return
    words = {word for row in listed.rows if (word := state_word(row))}
    states = [word for word in _STATES if word in words]
    yield f'<section class="rows" id="recipients"><h2>Recipients<small>{counted(len(listed.rows), "row")}</small></h2>'
    if not listed.every:
        first = "The first of those" if listed.cut else "Those"
        yield (
            f'<p class="note">{first} that did not simply go out: skipped, failed, not delivered or unknown. The other '
            f"{campaign.progress.audience - len(listed.rows):,} are in the CSV and XLSX exports: "
            f"<code>sendoff campaign report {campaign.id} --csv FILE</code></p>"
        )
    if len(states) > 1:
        # Without a script: which is chosen decides by :has() what is shown.
        chosen = "".join(
            f'<input type="radio" name="state" id="only-{word}"><label for="only-{word}">{word}</label>'
            for word in states
        )
        yield (
            '<div class="filter"><input type="radio" name="state" id="only-all" checked>'
            f'<label for="only-all">all</label>{chosen}</div>'
        )
    yield (
        '<div class="wide"><table class="list"><thead><tr><th class="n">line</th><th>number</th><th>state</th><th>why</th>'
        "<th>sent</th><th>delivered</th><th>read</th></tr></thead><tbody>\n"
    )
    for row in listed.rows:
        yield _row(campaign, row, zone)
    yield "</tbody></table></div></section>\n"


def _row(campaign: Campaign, row: Recipient, zone: str) -> str:
    assert campaign.audience is not None
    word = state_word(row)
    number = typed_number(row, campaign.audience) if row.phone is None else f"+{row.phone}"
    why = ""
    if row.skip is not None:
        why = SKIP_WORDS[row.skip.value]
    elif row.error is not None:
        why = f"{errors.text_of(row.error)} ({row.error})" if row.error > 0 else errors.text_of(row.error)
    return (
        f'<tr class="r-{word}"><td class="n">{row.line}</td><td>{_text(number)}</td><td class="s-{word}">{word}</td>'
        f"<td>{_text(why)}</td><td>{_time(row.sent_at, zone)}</td><td>{_time(row.delivered_at, zone)}</td>"
        f"<td>{_time(row.read_at, zone)}</td></tr>\n"
    )


def _footer(zone: str) -> str:
    return (
        "<footer><p>Sent is what the gateway accepted, of the recipients that were not skipped. Delivered is a share of "
        "sent and includes what was read; read is a share of delivered; failed is a share of those not skipped. Read is "
        "a lower bound, because people can switch read receipts off.</p>"
        f"<p>Times are in {_text(zone)}. This page is one file and loads nothing from anywhere. Made by sendoff.</p></footer>\n"
    )
