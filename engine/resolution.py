"""Which audience rows would get a message now: opt-outs, limits and blank cells applied to the rows (R35, R37, R38).

Bad numbers are decided once, at the import. What depends on the mapping, on the opt-out list, on the enabled countries
and on the frequency cap is decided anew at every edit, at scheduling and before the run starts, by the same pure
function that later fills the message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from engine import placeholders
from store import account, campaigns, contacts, optouts, recipients
from store.types import Audience, Campaign, Fill, Recipient, RecipientState, SkipReason, Template

BARRING = (SkipReason.OPTED_OUT, SkipReason.COUNTRY_NOT_ENABLED, SkipReason.FREQUENCY_CAP)
RECONSIDERED = (None, SkipReason.MISSING_VARIABLE, *BARRING)

_AT_ONCE = 200
"""Rows of one look at the lists: SQLite takes a limited number of values."""
_OPEN = (RecipientState.PENDING, RecipientState.SKIPPED)

Decided: TypeAlias = tuple[Recipient, SkipReason | None]


class Bars(NamedTuple):
    """Whom no message may go to, whatever the row says."""

    out: frozenset[int] = frozenset()
    """Opted-out numbers."""
    countries: frozenset[str] | None = None
    """The enabled countries (ISO 3166 alpha-2); `None` is all of them."""
    capped: frozenset[int] = frozenset()
    """Numbers that have had as many marketing messages as the frequency cap allows."""


def bars(template: Template | None, now: int) -> Bars:
    """Whom a campaign with this template may not go to at this time; the cap is for marketing templates only."""
    marketing = template is not None and template.marketing
    return Bars(optouts.numbers(), _enabled(), contacts.capped(now) if marketing else frozenset())


def _enabled() -> frozenset[str] | None:
    countries = account.get_account().countries
    return None if countries is None else frozenset(countries)


@dataclass(frozen=True, slots=True)
class Counts:
    """Valid rows by country, skipped rows by reason, and rows that use a fallback."""

    countries: Mapping[str, int]
    skipped: Mapping[str, int]
    fallbacks: int
    repeats: int = 0
    """Valid rows whose numbers were messaged within 24 hours, where the account has a messaging quota (R30)."""

    @property
    def valid(self) -> int:
        """Rows that would get a message."""
        return sum(self.countries.values())


def filler_for(template: Template | None, fills: Mapping[str, Fill], audience: Audience) -> placeholders.Filler | None:
    """What fills a row's placeholders; `None` while there is no template or a placeholder is unmapped."""
    if template is None:
        return None
    found = placeholders.used(template.components, template.parameter_format, fills)
    if placeholders.unmapped(found, fills, audience.columns):
        return None
    return placeholders.Filler(found, fills, audience.columns, account.get_account().timezone)


def decide(row: Recipient, filler: placeholders.Filler | None, barred: Bars) -> SkipReason | None:
    """Why this row by itself gets no message, or `None`; a reason that the import found is not reconsidered."""
    if row.skip not in RECONSIDERED:
        return row.skip
    if row.phone in barred.out:
        return SkipReason.OPTED_OUT
    if barred.countries is not None and (row.country or "") not in barred.countries:
        return SkipReason.COUNTRY_NOT_ENABLED
    if row.phone in barred.capped:
        return SkipReason.FREQUENCY_CAP
    if filler is not None and filler.fill(row.cells) is None:
        return SkipReason.MISSING_VARIABLE
    return None


def decisions(audience_id: int, filler: placeholders.Filler | None, barred: Bars) -> Iterator[list[Decided]]:
    """What becomes of every row, in lists; of several rows with one number the first valid one wins (R36)."""
    repeated = recipients.repeated_numbers(audience_id)
    won: set[int] = set()
    beaten: dict[int, Decided] = {}
    """By number the first of its rows, while none of them is valid."""
    for chunk in recipients.chunks(audience_id):
        decided: list[Decided] = []
        for row in chunk:
            if row.phone is None or row.phone not in repeated:
                decided.append((row, decide(row, filler, barred)))
                continue
            alone = replace(row, skip=None) if row.skip is SkipReason.DUPLICATE else row
            reason = decide(alone, filler, barred)
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


class Tallying:
    """Adds up decisions, row by row."""

    def __init__(self, filler: placeholders.Filler | None, recent: frozenset[int]) -> None:
        self._filler = filler
        self._recent = recent
        self._countries: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._fallbacks = 0
        self._repeats = 0

    def add(self, decided: Iterable[Decided]) -> None:
        """Count these too."""
        for row, reason in decided:
            if reason is not None:
                self._skipped[reason.value] += 1
                continue
            self._countries[row.country or ""] += 1
            self._fallbacks += self._filler is not None and self._filler.uses_fallback(row.cells)
            self._repeats += row.phone in self._recent

    @property
    def counts(self) -> Counts:
        """What was found."""
        return Counts(self._countries, self._skipped, self._fallbacks, self._repeats)


def count(
    audience: Audience,
    template: Template | None,
    fills: Mapping[str, Fill],
    now: int,
    wanted: Callable[[], bool] = lambda: True,
) -> Counts | None:
    """What `resolve` would find for a mapping that is not saved yet; writes nothing.

    `None` when it is no longer `wanted`: a million rows take some ten seconds.
    """
    filler = filler_for(template, fills, audience)
    found = Tallying(filler, frozenset() if contacts.limits().quota is None else contacts.recent(now))
    for decided in decisions(audience.id, filler, bars(template, now)):
        if not wanted():
            return None
        found.add(decided)
    return found.counts


def template_of(campaign: Campaign) -> Template | None:
    """The template a campaign would send: the frozen one, else the draft's choice."""
    if campaign.template_frozen is not None:
        return campaign.template_frozen
    return None if campaign.template_id is None else account.get_template(campaign.template_id)


def as_billed(campaign: Campaign) -> Template | None:
    """As `template_of`, in the category it has now: that one is billed, and the frequency cap goes by it (R26, R35)."""
    template = template_of(campaign)
    if template is None or campaign.template_id is None:
        return template
    return replace(template, category=account.get_template(campaign.template_id).category)


def resolve(campaign_id: int, now: int) -> None:
    """Bring the rows of a campaign that has not started in step with its mapping, the opt-outs and the limits."""
    campaign = campaigns.get(campaign_id)
    if campaign.audience is None:
        return
    template = template_of(campaign)
    filler = filler_for(template, campaign.fills, campaign.audience)
    for decided in decisions(campaign.audience.id, filler, bars(template, now)):
        changes = [(row, reason) for row, reason in decided if row.state in _OPEN and reason != row.skip]
        if changes:
            recipients.set_skips(campaign_id, changes)


def follow(campaign_id: int, now: int) -> None:
    """Bring a Scheduled campaign in step with opt-outs and limits: nothing else can have changed since it was resolved.

    It looks only at the rows that are concerned, because the worker's loop waits for it.
    """
    campaign = campaigns.get(campaign_id)
    audience = campaign.audience
    if audience is None:
        return
    template = as_billed(campaign)
    filler = filler_for(template, campaign.fills, audience)
    bound = contacts.limits().of(template is not None and template.marketing)
    enabled = _enabled()
    found = recipients.out_of_step(audience.id, None if enabled is None else sorted(enabled), bound, now)
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        phones = [row.phone for row in some if row.phone is not None]
        barred = Bars(optouts.among(phones), enabled, contacts.capped_among(phones, bound, now))
        changes = [(row, decide(row, filler, barred)) for row in some]
        recipients.set_skips(campaign_id, [one for row in changes for one in _heirs(audience.id, *row, filler, barred)])


def _heirs(
    audience_id: int, row: Recipient, reason: SkipReason | None, filler: placeholders.Filler | None, barred: Bars
) -> list[Decided]:
    """A row's change, and where it turns out to have a hole, that of the next row with its number (R36)."""
    if reason is SkipReason.MISSING_VARIABLE and row.phone is not None:
        for other in recipients.duplicates_of(audience_id, row.phone):
            if decide(replace(other, skip=None), filler, barred) is None:
                return [(row, SkipReason.DUPLICATE), (other, None)]
    return [(row, reason)]
