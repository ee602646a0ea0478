"""The whole report as one page of HTML that needs nothing else: no script, no font, no picture from anywhere (R48)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Final

from engine import timeline
from engine.export import sections
from engine.export.markup import text, time
from engine.export.rows import rows
from engine.export.sections import Listed
from engine.export.tables import moments
from engine.files import whole
from engine.report import read
from store import account, recipients

if TYPE_CHECKING:
    from pathlib import Path

    from engine.report import Report
    from engine.timeline import Timeline
    from store.types import Campaign

MOST: Final = 2_000
"""Recipients that a page lists: more would make it slow to open, and nobody reads them there."""
_UNKNOWN: Final = (
    "Handed over when the worker or the connection broke off, and no answer came. Most such messages went out; they "
    "are never sent again by themselves."
)
_RATES: Final = (
    "Sent is what the gateway accepted, of the recipients that were not skipped. Delivered is a share of sent and "
    "includes what was read; read is a share of delivered; failed is a share of those not skipped. Read is a lower "
    "bound, because people can switch read receipts off."
)


def write_html(campaign_id: int, file: Path, zone: str, now: int, most: int = MOST) -> int:
    """Write the page and answer how many recipients are listed on it; `now` is when the report was made.

    Of an audience of more than `most` it lists the exceptions alone, and says so.
    Raises `store.errors.Missing`, and `BadInput` with `unwritable_file`.
    """
    found = read(campaign_id)
    line = timeline.read(found.campaign)
    listed = _listed(found.campaign, most)
    with whole(file) as partial, partial.open("w", encoding="utf-8", errors="replace", newline="\n") as handle:
        handle.writelines(_page(found, line, listed, zone, now))
    return len(listed.rows)


def _listed(campaign: Campaign, most: int) -> Listed:
    if campaign.audience is None:
        return Listed([], True, False)
    if campaign.progress.audience <= most:
        return Listed(list(rows(campaign)), True, False)
    found = recipients.exceptions(campaign.audience.id, campaign.id, most + 1)
    return Listed(found[:most], False, len(found) > most)


def _page(found: Report, line: Timeline | None, listed: Listed, zone: str, now: int) -> Iterator[str]:
    campaign = found.campaign
    yield _head(campaign)
    yield _header(found, zone, now)
    yield "<main>\n"
    yield from _notices(found, zone)
    if campaign.started_at is not None:
        yield from sections.cards(campaign)
    yield sections.audience(campaign)
    if campaign.started_at is not None:
        yield sections.funnel(campaign)
    if line is not None:
        yield sections.over_time(line, zone, now)
    yield from sections.error_list(found)
    yield from sections.skip_list(found)
    yield sections.about(found, zone)
    if campaign.audience is not None:
        yield from sections.recipient_list(campaign, listed, zone)
    yield f"</main>\n<footer><p>{_RATES}</p><p>Times are in {text(zone)}. "
    yield "This page is one file and loads nothing from anywhere. Made by sendoff.</p></footer>\n</body>\n</html>\n"


def _head(campaign: Campaign) -> str:
    style = resources.files("engine.export").joinpath("page.css").read_text("utf-8")
    # The one style is named by its digest: nothing that was imported could bring its own, or a script, or a picture.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(campaign.name)} - campaign report</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )


def _header(found: Report, zone: str, now: int) -> str:
    campaign = found.campaign
    held = campaign.hold is not None
    word = "On hold" if held else campaign.status.value.replace("_", " ").capitalize()
    tone = "held" if held else campaign.status.value
    when = "".join(f'<span class="when">{name.lower()} {time(at, zone)}</span>' for name, at in moments(campaign)[-1:])
    return (
        f'<header>\n<div class="over"><span>{text(account.get_account().name)}, campaign report</span>'
        f"<span>as of {time(now, zone)}</span></div>\n<h1>{text(campaign.name).strip() or 'Untitled'}</h1>\n"
        f'<p><span class="pill {tone}">{word}</span>{when}</p>\n</header>\n'
    )


def _notices(found: Report, zone: str) -> Iterator[str]:
    """What needs a person: first of all why it failed and what to do (R40)."""
    campaign, cause = found.campaign, found.root_cause
    if cause is not None:
        yield _notice("alarm", text(cause.text), f"<b>What to do:</b> {text(cause.advice)}")
    if campaign.hold is not None:
        until = campaign.hold.until
        lifts = "It waits until somebody resumes it."
        if until is not None:
            lifts = f"It goes on by itself at {time(until, zone)}."
        yield _notice("notice", f"On hold: {text(campaign.hold.text)}", lifts)
    if campaign.progress.unknown:
        yield _notice("notice", f"{campaign.progress.unknown:,} unknown", _UNKNOWN)


def _notice(tone: str, head: str, body: str) -> str:
    return f'<section class="box {tone}"><p class="head">{head}</p><p>{body}</p></section>\n'
