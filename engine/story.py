"""What happened to one recipient in words and in order: its rows, its message, its hand-overs, its end. Pure (R50).

Times are UTC epoch milliseconds. Texts hold what was imported and received as it came: show them through
`engine.text.shown`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from engine import schedule
from engine.gateway import errors
from engine.text import counted
from store.types import Attempt, AuditEvent, Delivery, Note, Recipient, RecipientState, ResultKind, SkipReason, Status

if TYPE_CHECKING:
    from engine.placeholders import Source

SKIP_WORDS: Final[Mapping[SkipReason, str]] = {
    SkipReason.BLANK: "it has no number",
    SkipReason.INVALID_NUMBER: "it is no valid number",
    SkipReason.MISSING_COUNTRY_CODE: "it lacks the country code, and none was chosen for the file",
    SkipReason.AMBIGUOUS_NUMBER: "it can be read as two different numbers",
    SkipReason.MANGLED_NUMBER: "a spreadsheet has mangled the number",
    SkipReason.DUPLICATE: "the same number stands on another row",
    SkipReason.OPTED_OUT: "the number is opted out",
    SkipReason.MISSING_VARIABLE: "a cell behind a placeholder is blank and has no fallback",
    SkipReason.COUNTRY_NOT_ENABLED: "its country is not enabled",
    SkipReason.FREQUENCY_CAP: "the number had enough messages lately",
}
RUN_WORDS: Final[Mapping[str, str]] = {
    "campaign.schedule": "campaign scheduled",
    "campaign.reschedule": "campaign given another time",
    "campaign.reopen": "campaign taken back to draft",
    "campaign.cancel": "campaign cancelled",
    "campaign.start": "run started",
    "campaign.send": "run started: send now",
    "campaign.hold": "run put on hold",
    "campaign.resume": "run goes on",
    "campaign.completed": "run ended: completed",
    "campaign.failed": "campaign failed",
}
"""What happens to the whole campaign and matters to each of its recipients, by the action of the audit trail.

Settling by hand is not among it: whom it settled has a note of its own, and it says nothing of the others.
"""
AT_ONCE: Final = 1_000
"""A status callback tells whole seconds."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the story."""

    at: int | None
    """`None` where it is not known, or has not happened yet."""
    what: str
    """A stable word for programs."""
    text: str
    facts: Mapping[str, object] = field(default_factory=dict)
    """Numbers and codes behind the text; `not_before` is a time."""


def of_rows(file: str, rows: Sequence[Recipient], main: Recipient, at: int | None) -> Iterator[Event]:
    """Where the number stands in the file, and what became of each of those rows."""
    for row in rows:
        place = f"row {row.seq} of {file}, line {row.line}"
        facts: dict[str, object] = {"row": row.seq, "line": row.line, "skip": None if row.skip is None else row.skip}
        if row.seq != main.seq:
            yield Event(at, "row", f"{place}: skipped, a duplicate of line {main.line}", facts)
            continue
        others = [other.line for other in rows if other.seq != row.seq]
        told = "valid" if row.phone is not None and row.skip is not SkipReason.DUPLICATE else "skipped"
        if told == "skipped" and row.skip is not None:
            told = f"skipped, {SKIP_WORDS[row.skip]}"
        if others:
            lines = "line" if len(others) == 1 else "lines"
            told += f"; it has the number {len(rows)} times, also on {lines} {', '.join(map(str, others))}"
        yield Event(at, "row", f"{place}: {told}", facts)


def of_message(sources: Sequence[Source], at: int | None) -> Iterator[Event]:
    """Where each value of the message comes from."""
    for source in sources:
        facts = {"placeholder": source.key, "column": source.column, "value": source.value, "fallback": source.blank}
        if source.column is None:
            text = f'{source.key} is always "{source.value}"'
        elif not source.blank:
            text = f'{source.key} from column {source.column}: "{source.value}"'
        elif source.value:
            text = f'{source.key}: column {source.column} is blank, fallback "{source.value}"'
        else:
            text = f"{source.key}: column {source.column} is blank, and there is no fallback"
        yield Event(at, "fill", text, facts)


def of_run(events: Sequence[AuditEvent], zone: str) -> Iterator[Event]:
    """What happened to the campaign; the times it was given are told in the zone."""
    for event in events:
        text = RUN_WORDS[event.action]
        if event.action == "campaign.failed" and event.before.get("status") == "in_progress":
            text = "run ended: nothing was sent"
        planned = event.after.get("at")
        if isinstance(planned, str):
            text += f" for {_planned(planned, zone)}"
        reason = event.detail or (event.after.get("reason") if event.action == "campaign.failed" else None)
        if reason:
            text += f", {reason}" if event.action == "campaign.failed" else f": {reason}"
        if event.actor != "worker":
            text += f", by {event.actor}"
        yield Event(event.at, event.action, text)


def _planned(iso: str, zone: str) -> str:
    """A time of the audit trail, which has the zone it was typed in."""
    try:
        at = round(datetime.fromisoformat(iso).timestamp() * 1_000)
    except (ValueError, OverflowError):
        return iso
    return schedule.full(at, zone)


def of_hand_overs(row: Recipient, notes: Sequence[Attempt], *, in_flight: bool, waits_until: int | None) -> list[Event]:
    """Every hand-over with its outcome, what callbacks told after, and what is still open."""
    told: list[Event] = []
    accepted = _accepted(row, notes)
    for note in notes:
        if note.outcome == Note.UNDELIVERED:
            continue
        if accepted and row.sent_at is not None and note.at >= row.sent_at + AT_ONCE:
            # A callback proved it before this was learnt.
            told += accepted
            accepted = []
        told += _noted(row, note)
    told += accepted
    told += _delivery(row, [note for note in notes if note.outcome == Note.UNDELIVERED])
    return [*told, *_open(row, in_flight, waits_until)]


def _accepted(row: Recipient, notes: Sequence[Attempt]) -> list[Event]:
    """The hand-over that was accepted, where nothing but the row itself tells of it."""
    if row.state is not RecipientState.SENT or any(
        note.outcome in (Note.PROVED, Note.ANSWERED_LATE, Note.SETTLED_SENT, Note.RELEASED) for note in notes
    ):
        return []
    taken = f"accepted: {row.message_id}" if row.message_id else "accepted"
    return [
        *([] if row.handed_at is None else [_handed(row.handed_at, row.attempt)]),
        Event(row.sent_at, "accepted", taken, {"attempt": row.attempt, "message_id": row.message_id}),
    ]


def _handed(at: int, n: int) -> Event:
    return Event(at, "handed_over", f"handed over (attempt {n})", {"attempt": n})


def _noted(row: Recipient, note: Attempt) -> Iterator[Event]:
    facts: dict[str, object] = {"attempt": note.n, "code": note.code, "detail": note.detail}
    answered = note.outcome in (ResultKind.FAILED, ResultKind.UNKNOWN, ResultKind.HELD) or (
        note.outcome == ResultKind.PUT_BACK and note.code is not None
    )
    if answered and note.handed_at is not None:
        yield _handed(note.handed_at, note.n)
    match note.outcome:
        case ResultKind.FAILED:
            yield Event(note.at, "refused", f"refused by the gateway: {_error(note)}", facts)
        case ResultKind.PUT_BACK if note.code is None:
            yield Event(note.at, "put_back", f"not handed over: {note.detail or 'not begun'}; its turn comes again")
        case ResultKind.PUT_BACK:
            facts["not_before"] = note.not_before
            yield Event(note.at, "put_back", f"put back by the gateway: {_error(note)}", facts)
        case ResultKind.UNKNOWN:
            why = f": {note.detail}" if note.detail else ""
            yield Event(note.at, "no_answer", f"no answer{why}. Unknown now, never sent again by itself", facts)
        case ResultKind.HELD:
            text = f"accepted and held back by WhatsApp, up to 75 minutes: {row.message_id}"
            yield Event(note.at, "held", text, {**facts, "until": note.not_before})
        case Note.RELEASED:
            yield Event(note.at, "released", "WhatsApp let it go: sent", facts)
        case Note.HELD_LAPSED:
            text = "nothing was heard of it in 75 minutes. Unknown now, never sent again by itself"
            yield Event(note.at, "held_lapsed", text, facts)
        case Note.DROPPED:
            yield Event(note.at, "dropped", f"dropped by WhatsApp, never sent: {_error(note)}", facts)
        case Note.TAKEN_OVER:
            if note.handed_at is not None:
                text = f"about to be handed over (attempt {note.n})"
                yield Event(note.handed_at, "claimed", text, {"attempt": note.n})
            text = "the worker was gone before the outcome was known. Unknown now, never sent again by itself"
            yield Event(note.at, "taken_over", text, facts)
        case Note.ANSWERED_LATE:
            yield Event(note.at, "accepted", f"its answer came after all: accepted, {row.message_id}", facts)
        case Note.DISPROVED_LATE:
            told = _error(note) if note.code is not None else note.detail or "not begun"
            text = f"told too late that the gateway had not taken it: {told}. It is not handed over again by itself"
            yield Event(note.at, "disproved_late", text, facts)
        case Note.PROVED:
            text = f"a status callback proved that the gateway took it: {row.message_id or note.detail}"
            yield Event(note.at, "proved", text, facts)
        case Note.OVER_QUOTA:
            yield Event(note.at, "failed", f"failed without being handed over: {_error(note)}", facts)
        case Note.SETTLED_SENT:
            yield Event(note.at, "settled", f"settled by hand as sent, {note.detail}", facts)
        case Note.SETTLED_FAILED:
            yield Event(note.at, "settled", f"settled by hand as not sent, {note.detail}", facts)
        case ResultKind.SKIPPED:
            reason = SKIP_WORDS.get(row.skip, note.detail) if row.skip is not None else note.detail
            yield Event(note.at, "skipped", f"skipped before it was handed over: {reason}", facts)
        case Note.REST:
            if row.state is RecipientState.FAILED and row.error == note.code:
                yield Event(note.at, "failed", f"failed, with everything that was still pending: {_error(note)}", facts)
        case _:
            detail = f": {note.detail}" if note.detail else ""
            yield Event(note.at, note.outcome, f"{note.outcome.replace('_', ' ')}{detail}", facts)


def _delivery(row: Recipient, undelivered: Sequence[Attempt]) -> Iterator[Event]:
    for note in undelivered:
        facts = {"code": note.code, "detail": note.detail}
        yield Event(note.at, "undelivered", f"failed after it was sent: {_error(note)}", facts)
    if row.delivery is Delivery.UNDELIVERED and not undelivered and row.error is not None:
        yield Event(None, "undelivered", f"failed after it was sent: {_words(row.error)}", {"code": row.error})
    if row.delivered_at is not None:
        yield Event(row.delivered_at, "delivered", "delivered")
    if row.read_at is not None:
        yield Event(row.read_at, "read", "read")


def _open(row: Recipient, in_flight: bool, waits_until: int | None) -> Iterator[Event]:
    if row.state is RecipientState.UNKNOWN:
        text = "still unknown: a status callback may settle it, or an operator by hand"
        yield Event(None, "unknown", text)
    elif row.held:
        yield Event(None, "held", "still held back: a status callback tells what becomes of it")
    elif row.state is RecipientState.PENDING and waits_until is not None:
        yield Event(None, "waits", "waits for its next attempt", {"not_before": waits_until})
    elif row.state is RecipientState.PENDING and in_flight:
        yield Event(None, "in_flight", f"being handed over now (attempt {row.attempt + 1})")


def _error(note: Attempt) -> str:
    words = "no reason was given" if note.code is None else _words(note.code)
    if not note.detail or note.outcome == Note.REST or (note.code and note.detail == errors.text_of(note.code)):
        return words
    return f"{words}: {note.detail}"


def _words(code: int) -> str:
    return f"{errors.text_of(code)} ({code})" if code > 0 else errors.text_of(code)


def merged(events: Sequence[Event], beside: Sequence[Event]) -> list[Event]:
    """A story with what happened to the campaign meanwhile, each before the first line that is not earlier.

    The story's own order stays: it is that in which things follow from each other, and callbacks tell whole seconds.
    """
    told: list[Event] = []
    left = list(beside)
    for event in events:
        # At the same millisecond the rows were there first, and everything else came of what happened to the campaign.
        while left and event.at is not None and (left[0].at or 0) <= event.at - (event.what == "row"):
            told.append(left.pop(0))
        if event.at is None:
            # What is still open comes after everything that happened.
            told += left
            left = []
        told.append(event)
    return told + left


def stands(row: Recipient, price: int, status: Status) -> str:
    """How it stands in one sentence, with what became of the credits; `status` is that of its campaign."""
    credits = counted(price, "credit")
    match row.state:
        case RecipientState.SENT:
            word = {
                Delivery.NONE: "sent, nothing heard since",
                Delivery.UNDELIVERED: "sent, but not delivered",
                Delivery.DELIVERED: "delivered",
                Delivery.READ: "read",
            }[row.delivery]
            return f"{word}; {credits} spent"
        case RecipientState.FAILED:
            return "failed; no credit taken"
        case RecipientState.UNKNOWN:
            return f"unknown; {credits} reserved until that is settled"
        case RecipientState.SKIPPED:
            return "skipped; no credit taken"
        case _ if status in (Status.CANCELLED, Status.FAILED):
            return f"never sent, for the campaign {_ENDED[status]}; no credit taken"
        case _:
            return f"held back by WhatsApp, up to 75 minutes; {credits} reserved" if row.held else "pending"


_ENDED: Final = {Status.CANCELLED: "was cancelled", Status.FAILED: "failed before it began"}
