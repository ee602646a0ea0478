"""Which audience rows would get a message now: opt-outs, limits and blank cells applied to the rows (R35, R37, R38).

Bad numbers are decided once, at the import. What depends on the mapping, on the opt-out list, on the enabled countries
and on the frequency cap is decided anew at every edit, at scheduling and before the run starts, by the same pure
function that later fills the message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from engine import placeholders
from store import account, campaigns, limits, optouts, quota_meter, recipients, skips
from store.types import Audience, Campaign, Fill, Recipient, RecipientState, SkipReason, Template

RECONSIDERED = (None, SkipReason.MISSING_VARIABLE, *skips.BARS)

PAGE = 2_000
"""Rows that are brought in step at a time: others wait a few hundredths of a second to write."""
_AT_ONCE = 200
"""Rows of one statement: SQLite takes a limited number of values."""
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
    return Bars(optouts.numbers(), _enabled(), limits.capped(now) if marketing else frozenset())


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
    widest: Mapping[int, int] = field(default_factory=dict)
    """Characters of the longest cell among valid rows, by the position of a column that fills a placeholder."""

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
        self._widest = {} if filler is None else dict.fromkeys(filler.positions, 0)

    def add(self, decided: Iterable[Decided]) -> None:
        """Count these too."""
        for row, reason in decided:
            if reason is not None:
                self._skipped[reason.value] += 1
                continue
            self._countries[row.country or ""] += 1
            self._fallbacks += self._filler is not None and self._filler.uses_fallback(row.cells)
            self._repeats += row.phone in self._recent
            for at, widest in self._widest.items():
                if at < len(row.cells) and len(row.cells[at]) > widest:
                    self._widest[at] = len(row.cells[at])

    @property
    def counts(self) -> Counts:
        """What was found."""
        return Counts(self._countries, self._skipped, self._fallbacks, self._repeats, self._widest)


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
    found = Tallying(filler, frozenset() if limits.of_account().quota is None else quota_meter.recent(now))
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


class Standing(NamedTuple):
    """What rows are brought in step with, beside the lists that the claim looks at again."""

    version: int
    """Of the campaign."""
    countries: tuple[str, ...] | None
    """The enabled ones; `None` is all of them."""
    bound: limits.Limits


def standing(campaign: Campaign) -> Standing:
    """What the rows of a Scheduled campaign have to be in step with now."""
    template, enabled = as_billed(campaign), _enabled()
    # The quota bars nobody.
    bound = limits.of_account().of(template is not None and template.marketing)._replace(quota=None)
    return Standing(campaign.version, None if enabled is None else tuple(sorted(enabled)), bound)


def follow(campaign_id: int, now: int, wanted: Callable[[], bool] = lambda: True) -> Standing | None:
    """Bring a Scheduled campaign in step with opt-outs and limits: nothing else can have changed since it was resolved.

    It takes `PAGE` rows at a time, in short transactions that each leave every count right, so that it may break off
    anywhere. Answers what it went by; `None` when it is no longer `wanted`, or the campaign changed meanwhile.
    """
    campaign = campaigns.get(campaign_id)
    by = standing(campaign)
    audience = campaign.audience
    if audience is None:
        return by
    filler = filler_for(as_billed(campaign), campaign.fills, audience)
    for after in range(0, recipients.last_seq(audience.id), PAGE):
        if not wanted() or not _follow_page(campaign_id, audience.id, after, filler, by, now):
            return None
    return by


def _follow_page(
    campaign_id: int, audience_id: int, after: int, filler: placeholders.Filler | None, by: Standing, now: int
) -> bool:
    """Whether the rows after one `seq` are in step now; false when the campaign changed meanwhile."""
    found = skips.out_of_step(audience_id, after, after + PAGE, by.countries, by.bound, now)
    changes: list[tuple[recipients.Skippable, SkipReason | None]] = [
        (row, row.barred) for row in found if row.barred is not None
    ]
    changes += _let_in(campaign_id, audience_id, [row.seq for row in found if row.barred is None], filler)
    return not changes or recipients.set_skips(campaign_id, changes, by.version)


def _let_in(
    campaign_id: int, audience_id: int, seqs: Sequence[int], filler: placeholders.Filler | None
) -> Iterator[Decided]:
    """What becomes of rows that nothing bars any more."""
    for start in range(0, len(seqs), _AT_ONCE):
        for row in recipients.page(campaign_id, seqs[start : start + _AT_ONCE]).values():
            yield from _heirs(audience_id, row, decide(row, filler, Bars()), filler)


def _heirs(
    audience_id: int, row: Recipient, reason: SkipReason | None, filler: placeholders.Filler | None
) -> list[Decided]:
    """A row's change, and where it turns out to have a hole, that of the next row with its number (R36)."""
    if reason is SkipReason.MISSING_VARIABLE and row.phone is not None:
        for other in recipients.duplicates_of(audience_id, row.phone):
            if decide(replace(other, skip=None), filler, Bars()) is None:
                return [(row, SkipReason.DUPLICATE), (other, None)]
    return [(row, reason)]
