"""`why`: everything that was ever decided about a number in a campaign, in order (R50)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine import phone, resolution, schedule, story
from engine.errors import NotFound
from engine.export import state_word, typed_number
from engine.text import shown
from store import audiences, audit, campaigns, history, optouts, recipients, windows
from store.account import get_account
from store.types import RecipientState, ResultKind, SkipReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.story import Event
    from store.types import Attempt, Audience, AuditEvent, Campaign, OptOut, Recipient

_STARTS: Final = ("campaign.start", "campaign.send")
_ENDS: Final = ("campaign.completed", "campaign.failed")
_MANY: Final = 100_000
"""Events of a campaign that are looked through: more than any hold can make."""


@dataclass(frozen=True, slots=True)
class Why:
    """The story of one number in one campaign."""

    campaign: Campaign
    zone: str
    number: str
    """E.164 with its plus, or as it was typed where it is no valid number."""
    rows: tuple[Recipient, ...]
    """Every row it stands on, in file order."""
    main: Recipient
    """The row that counts: the one that got a message or would get it, else the first."""
    events: tuple[Event, ...]
    stands: str


def read(campaign_id: int, typed: str) -> Why:
    """The story of a number typed as people write numbers, read as the campaign's file was.

    Raises `store.errors.Missing` without such a campaign, `NotFound` with `no_such_recipient` for a number it has not.
    """
    campaign = campaigns.get(campaign_id)
    rows = [] if campaign.audience is None else _rows(campaign.id, campaign.audience, typed)
    if campaign.audience is None or not rows:
        raise NotFound(
            "no_such_recipient",
            f"No row of this campaign has the number {shown(typed.strip())!r}.",
            "Give it as in the file, or with its country code: +91 98765 43210.",
        )
    return _told(campaign, campaign.audience, rows)


def of_row(campaign_id: int, seq: int) -> Why:
    """The story of the number that stands on one row. Raises `store.errors.Missing`, `NotFound`."""
    campaign = campaigns.get(campaign_id)
    found = {} if campaign.audience is None else recipients.page(campaign_id, [seq])
    if campaign.audience is None or seq not in found:
        raise NotFound("no_such_recipient", f"This campaign has no row {seq}.", "Read the report again.")
    row = found[seq]
    rows = [row] if row.phone is None else recipients.find(campaign_id, row.phone)
    return _told(campaign, campaign.audience, rows)


def _rows(campaign_id: int, audience: Audience, typed: str) -> list[Recipient]:
    for reading in (phone.parse(typed, audience.country), phone.parse(f"+{typed.strip().lstrip('+')}", None)):
        if isinstance(reading, phone.Phone) and (rows := recipients.find(campaign_id, reading.number)):
            return rows
    # What is no valid number stands there all the same, and somebody may ask why it got nothing.
    wanted = _bare(typed)
    if not wanted:
        return []
    skipped = recipients.without_number(campaign_id)
    return [row for row in skipped if _bare(typed_number(row, audience)) == wanted][:1]


def _bare(text: str) -> str:
    return re.sub(r"[\s().\-/]+", "", text).casefold()


def _told(campaign: Campaign, audience: Audience, rows: Sequence[Recipient]) -> Why:
    main = next((row for row in rows if row.skip is not SkipReason.DUPLICATE), rows[0])
    notes = history.of(campaign.id, main.seq)
    own = [
        *story.of_rows(audience.file, rows, main, audiences.imported_at(audience.id)),
        *_message(campaign, audience, main),
        *_left_out(campaign, main, notes),
        *_hand_overs(campaign, main, notes),
    ]
    run = _run_events(campaign, main, notes)
    price = campaign.prices.get(main.country or "", campaign.prices.get("", 0))
    return Why(
        campaign=campaign,
        zone=get_account().timezone,
        number=shown(typed_number(main, audience)) if main.phone is None else f"+{main.phone}",
        rows=tuple(rows),
        main=main,
        events=tuple(story.merged(own, list(story.of_run(run, get_account().timezone)))),
        stands=story.stands(main, price, campaign.status),
    )


def _run_events(campaign: Campaign, main: Recipient, notes: Sequence[Attempt]) -> list[AuditEvent]:
    """What happened to the campaign while it could still matter to this recipient."""
    events = audit.events(campaign.id, actions=tuple(story.RUN_WORDS), limit=_MANY)
    if main.state in (RecipientState.PENDING, RecipientState.UNKNOWN):
        return events
    # What was skipped before the run has nothing to do with how the run went, what was sent nothing with its end.
    decided = max((note.at for note in notes), default=campaign.started_at or 0)
    if main.state is RecipientState.SENT:
        decided = max(decided, main.sent_at or 0)
    return [event for event in events if event.action in _STARTS or (event.at <= decided and event.action not in _ENDS)]


def _left_out(campaign: Campaign, main: Recipient, notes: Sequence[Attempt]) -> list[Event]:
    if main.skip is SkipReason.DUPLICATE or main.skip is None or main.phone is None:
        return []
    if any(note.outcome == ResultKind.SKIPPED for note in notes):
        return []
    entry = optouts.find(main.phone) if main.skip is SkipReason.OPTED_OUT else None
    text = f"skipped before the run: {story.SKIP_WORDS[main.skip]}{_since(entry)}"
    return [story.Event(campaign.started_at, "skipped", text, {"skip": main.skip.value})]


def _since(entry: OptOut | None) -> str:
    return "" if entry is None else f" ({entry.origin})"


def _message(campaign: Campaign, audience: Audience, main: Recipient) -> list[Event]:
    if main.phone is None or main.skip in (SkipReason.DUPLICATE, SkipReason.OPTED_OUT):
        return []
    filler = resolution.filler_for(resolution.template_of(campaign), campaign.fills, audience)
    return [] if filler is None else list(story.of_message(filler.sources(main.cells), campaign.started_at))


def _hand_overs(campaign: Campaign, main: Recipient, notes: Sequence[Attempt]) -> list[Event]:
    return story.of_hand_overs(
        main,
        notes,
        in_flight=any(main.seq in window.seqs for window in windows.open_windows(campaign.id)),
        waits_until=history.waits_until(campaign.id, main.seq),
    )


def why_json(found: Why) -> dict[str, object]:
    """The story as a document; times in ISO 8601 with the account's offset."""

    def iso(at: int | None) -> str | None:
        return None if at is None else schedule.iso(at, found.zone)

    return {
        "campaign": {"id": found.campaign.id, "name": found.campaign.name, "status": found.campaign.status.value},
        "number": found.number,
        "line": found.main.line,
        "state": state_word(found.main),
        "skip": None if found.main.skip is None else found.main.skip.value,
        "error": found.main.error,
        "message_id": found.main.message_id,
        "stands": found.stands,
        "events": [
            {
                "at": iso(event.at),
                "what": event.what,
                "text": text(event, found.zone),
                **{key: iso(value) if key == "not_before" and isinstance(value, int) else value
                   for key, value in event.facts.items()},
            }
            for event in found.events
        ],
    }  # fmt: skip


def text(event: Event, zone: str) -> str:
    """An event in words, with the time before which it is not tried again."""
    not_before = event.facts.get("not_before")
    if not isinstance(not_before, int):
        return event.text
    return f"{event.text}; next not before {schedule.clock(not_before, zone)}"
