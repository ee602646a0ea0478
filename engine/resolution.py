"""Which audience rows would get a message now: opt-outs and blank cells applied to the rows (R37, R38).

Bad numbers are decided once, at the import. What depends on the mapping and on the opt-out list is decided anew
whenever one of them changes and again before the run starts, by the same pure function that later fills the message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from engine import placeholders
from store import account, campaigns, optouts, recipients
from store.types import Audience, Campaign, Fill, Recipient, RecipientState, SkipReason, Template

RECONSIDERED = (None, SkipReason.MISSING_VARIABLE, SkipReason.OPTED_OUT)

_OPEN = (RecipientState.PENDING, RecipientState.SKIPPED)

Decided: TypeAlias = tuple[Recipient, SkipReason | None]


@dataclass(frozen=True, slots=True)
class Counts:
    """Valid rows by country, skipped rows by reason, and rows that use a fallback."""

    countries: Mapping[str, int]
    skipped: Mapping[str, int]
    fallbacks: int

    @property
    def valid(self) -> int:
        """Rows that would get a message."""
        return sum(self.countries.values())


def filler_for(template: Template | None, fills: Mapping[str, Fill], audience: Audience) -> placeholders.Filler | None:
    """What fills a row's placeholders; `None` while there is no template or a placeholder is unmapped."""
    if template is None:
        return None
    found = placeholders.placeholders(template.components, template.parameter_format)
    if placeholders.unmapped(found, fills, audience.columns):
        return None
    return placeholders.Filler(found, fills, audience.columns)


def decide(row: Recipient, filler: placeholders.Filler | None, out: frozenset[int]) -> SkipReason | None:
    """Why this row by itself gets no message, or `None`; a reason that the import found is not reconsidered."""
    if row.skip not in RECONSIDERED:
        return row.skip
    if row.phone in out:
        return SkipReason.OPTED_OUT
    if filler is not None and filler.fill(row.cells) is None:
        return SkipReason.MISSING_VARIABLE
    return None


def decisions(audience_id: int, filler: placeholders.Filler | None, out: frozenset[int]) -> Iterator[list[Decided]]:
    """What becomes of every row, in lists; of several rows with one number the first valid one wins (R36)."""
    repeated = recipients.repeated_numbers(audience_id)
    won: set[int] = set()
    beaten: dict[int, Decided] = {}
    """By number the first of its rows, while none of them is valid."""
    for chunk in recipients.chunks(audience_id):
        decided: list[Decided] = []
        for row in chunk:
            if row.phone is None or row.phone not in repeated:
                decided.append((row, decide(row, filler, out)))
                continue
            alone = replace(row, skip=None) if row.skip is SkipReason.DUPLICATE else row
            reason = decide(alone, filler, out)
            if row.phone in won or (reason is not None and row.phone in beaten):
                decided.append((row, SkipReason.DUPLICATE))
            elif reason is not None:
                beaten[row.phone] = row, reason
            else:
                won.add(row.phone)
                decided.append((row, None))
                if row.phone in beaten:
                    # One row of the number must say so, or the next look would not know that it is there twice.
                    decided.append((beaten.pop(row.phone)[0], SkipReason.DUPLICATE))
        yield decided
    yield list(beaten.values())


def count(audience: Audience, template: Template | None, fills: Mapping[str, Fill]) -> Counts:
    """What `resolve` would find for a mapping that is not saved yet; writes nothing."""
    filler, out = filler_for(template, fills, audience), optouts.numbers()
    countries: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    fallbacks = 0
    for decided in decisions(audience.id, filler, out):
        for row, reason in decided:
            if reason is not None:
                skipped[reason.value] += 1
                continue
            countries[row.country or ""] += 1
            fallbacks += filler is not None and filler.uses_fallback(row.cells)
    return Counts(countries, skipped, fallbacks)


def template_of(campaign: Campaign) -> Template | None:
    """The template a campaign would send: the frozen one, else the draft's choice."""
    if campaign.template_frozen is not None:
        return campaign.template_frozen
    return None if campaign.template_id is None else account.get_template(campaign.template_id)


def resolve(campaign_id: int) -> None:
    """Bring the rows of a campaign that has not started in step with its mapping and the opt-out list."""
    campaign = campaigns.get(campaign_id)
    if campaign.audience is None:
        return
    filler = filler_for(template_of(campaign), campaign.fills, campaign.audience)
    out = optouts.numbers()
    for decided in decisions(campaign.audience.id, filler, out):
        changes = [(row, reason) for row, reason in decided if row.state in _OPEN and reason != row.skip]
        if changes:
            recipients.set_skips(campaign_id, changes)


def follow_opt_outs(campaign_id: int) -> None:
    """Bring a Scheduled campaign in step with the opt-out list: nothing else can have changed since it was resolved.

    It looks only at the rows that are concerned, because the worker's loop waits for it.
    """
    campaign = campaigns.get(campaign_id)
    if campaign.audience is None:
        return
    filler = filler_for(template_of(campaign), campaign.fills, campaign.audience)
    changes = [
        (row, SkipReason.OPTED_OUT if row.skip is None else decide(row, filler, frozenset()))
        for row in recipients.out_of_step(campaign.audience.id)
    ]
    for start in range(0, len(changes), recipients.CHUNK):
        recipients.set_skips(campaign_id, changes[start : start + recipients.CHUNK])
