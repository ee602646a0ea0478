"""Duplicating: a Draft made from a campaign, with all of its audience or with those worth another message (R8, R49)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.clock import DAY
from engine.commands.drafts import bring_up_to_date, template_name
from engine.context import Context, command
from engine.errors import Refused
from engine.gateway import errors
from engine.gateway.base import Action
from store import audiences, audit, campaigns, database, recipients, tallies
from store.types import Campaign, DraftFields, RecipientState

_ONLY: dict[str, Sequence[RecipientState] | None] = {
    "failed": (RecipientState.FAILED,),
    "unknown": (RecipientState.UNKNOWN,),
    "unread": None,
}
_FOR_GOOD = (Action.SKIP, Action.SUPPRESS)
"""What the gateway says of a person it will not deliver to, whatever the message."""


def _for_good(campaign_id: int) -> frozenset[int]:
    """The errors of a campaign with which trying again is pointless (R49)."""
    codes = [int(code) for code in tallies.of(campaign_id, tallies.ERROR)]
    return frozenset(code for code in codes if _is(code, *_FOR_GOOD))


def _is(code: int, *actions: Action) -> bool:
    row = errors.row_of(code)
    return row is not None and row.answers_send and row.action in actions


def resting(campaign_id: int, now: int) -> dict[int, RecipientState]:
    """The rows, by `seq`, that may be offered again only 24 h after WhatsApp withheld the message. Raises `Missing`."""
    refused = {*tallies.of(campaign_id, tallies.ERROR), *tallies.of(campaign_id, tallies.UNDELIVERED)}
    codes = [code for code in map(int, refused) if _is(code, Action.SKIP_24H)]
    return recipients.refused_since(campaign_id, codes, now - DAY) if codes else {}


def parts(campaign_id: int, now: int) -> dict[str, int]:
    """How many recipients `duplicate` would take with each value of `only` at this time. Raises `Missing`."""
    counters = campaigns.get(campaign_id).progress
    pointless = _for_good(campaign_id)
    failed = tallies.of(campaign_id, tallies.ERROR)
    rest = Counter(resting(campaign_id, now).values())
    return {
        "failed": sum(n for code, n in failed.items() if int(code) not in pointless) - rest[RecipientState.FAILED],
        "unknown": counters.unknown,
        "unread": counters.sent - counters.read - rest[RecipientState.SENT],
    }


def duplicate(context: Context, campaign_id: int, only: str | None = None) -> int:
    """A new Draft with the same content and audience, the schedule blank (R8); answers its id.

    `only` takes a part of the audience: `failed` (those that may be retried), `unknown` or `unread` (sent, not read).
    Whom WhatsApp withheld the message from less than 24 h ago is in none of them, see `resting`.
    """
    with command(context, "campaign.duplicate", campaign_id):
        source = campaigns.get(campaign_id)
        if only is not None and only not in _ONLY:
            raise Refused("no_such_part", f"There is no part called {only!r}.", f"Choose one of: {', '.join(_ONLY)}.")
        fields = DraftFields(
            name=f"{source.name} ({only or 'copy'})",
            sender_id=source.sender_id,
            template_id=source.template_id,
            fills=source.fills,
            over_quota=source.over_quota,
            grace=source.grace,
            route=source.route,
        )
        copied = _copied(source, only, context.clock.now())
        try:
            copy_id = _duplicate(context, source, fields, copied, only)
        except BaseException:
            if copied is not None:
                audiences.drop_audience(copied.audience_id)
            raise
        if copied is not None:
            bring_up_to_date(copy_id, context.clock.now())
        return copy_id


def _copied(source: Campaign, only: str | None, now: int) -> audiences.Copied | None:
    """The rows of a duplicate; copied before it is made, so that breaking off in between leaves no empty Draft."""
    if source.audience is None:
        return None
    states = None if only is None else _ONLY[only]
    pointless = _for_good(source.id) if only == "failed" else frozenset[int]()
    rest = frozenset[int]() if only is None else resting(source.id, now).keys()
    return audiences.copy_rows(source.audience, states, only == "unread", now, pointless, rest)


def _duplicate(
    context: Context, source: Campaign, fields: DraftFields, copied: audiences.Copied | None, only: str | None
) -> int:
    with database.transaction():
        now = context.clock.now()
        copy_id = campaigns.create(fields, template_name(fields), context.actor.name, now, duplicate_of=source.id)
        if copied is not None:
            audiences.attach(copy_id, campaigns.get(copy_id).version, *copied, now)
        audit.write(
            now, context.actor, "campaign.duplicate", copy_id, before={"campaign": source.id}, after={"only": only}
        )
        return copy_id
