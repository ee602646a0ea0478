"""What a form would do if it went now: preflight, counts and one message, read off the loop.

Counting walks every audience row, so it is done again only when the answer can differ: another audience, another
template, another mapping. Typing a longer fallback changes no count; only whether a row would be refused for its length
is then looked at again, where the longest could be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine import message, placeholders, preflight, preflight_reading, resolution, row_refusals
from engine.placeholders import clean_value
from store import account, campaigns, limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.preflight import Preflight
    from engine.preflight_facts import Facts
    from engine.resolution import Counts
    from engine.row_refusals import RowRefusals
    from store.types import Audience, DraftFields, Fill, Recipient, Template


@dataclass(frozen=True, slots=True)
class Sample:
    """One recipient's message."""

    phone: int | None
    """`None` while there is nobody to send to; then the template is shown as it is."""
    position: int
    """From 0, among those who would get a message."""
    preview: message.Preview
    problems: tuple[str, ...]
    """What WhatsApp would refuse in it."""
    line: int | None = None
    """Where the recipient stands in the file."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Everything the right-hand side shows."""

    facts: Facts
    preflight: Preflight
    audience: Audience | None
    sample: Sample | None
    version: int = 0
    """Of the draft as it is stored; 0 for one that is not."""


class Looker:
    """Answers for one form after the other; remembers the last count. For one thread."""

    def __init__(self) -> None:
        self._counted: tuple[tuple[object, ...], Counts] | None = None
        self._found: tuple[int, Recipient | None] | None = None
        """The row at a position, by what was counted last."""
        self._refused: tuple[tuple[object, ...], RowRefusals | None] | None = None

    def look(
        self,
        fields: DraftFields,
        campaign_id: int | None,
        position: int,
        now: int,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Outlook | None:
        """The outlook with the recipient at `position`, or the last one there is; `None` when no longer `wanted`."""
        if not wanted():
            return None
        campaign = None if campaign_id is None else campaigns.get(campaign_id)
        audience = None if campaign is None else campaign.audience
        # Without its audience, because counting is done here: in pieces, and only when the answer can differ.
        facts = preflight_reading.facts_for_form(
            fields, None if campaign is None else replace(campaign, audience=None), now
        )
        if audience is not None:
            counts = self._count(audience, facts.template, fields, now, wanted)
            if counts is None:
                return None
            rows = self._refused_rows(audience, facts.template, fields, counts, now, wanted)
            if rows is None and not wanted():
                return None
            facts = replace(
                facts,
                columns=tuple(audience.columns),
                countries=counts.countries,
                skipped=counts.skipped,
                fallbacks=counts.fallbacks,
                quota=None if facts.quota is None else facts.quota._replace(repeats=counts.repeats),
                refused_rows=rows,
            )
        position = max(min(position, facts.valid - 1), 0)
        sample = None
        if facts.template is not None:
            row = None if audience is None else self._row(facts.template, fields.fills, audience, position, now)
            sample = _sample(facts.template, fields.fills, audience, row, position, now)
        return Outlook(facts, preflight.run(facts), audience, sample, 0 if campaign is None else campaign.version)

    def _count(
        self, audience: Audience, template: Template | None, fields: DraftFields, now: int, wanted: Callable[[], bool]
    ) -> Counts | None:
        key = _count_key(audience, fields)
        if self._counted is None or self._counted[0] != key:
            counts = resolution.count(audience, template, fields.fills, now, wanted)
            if counts is None:
                return None
            self._counted, self._found = (key, counts), None
        return self._counted[1]

    def _refused_rows(
        self,
        audience: Audience,
        template: Template | None,
        fields: DraftFields,
        counts: Counts,
        now: int,
        wanted: Callable[[], bool],
    ) -> RowRefusals | None:
        texts = sorted((key, fill.fixed, fill.fallback) for key, fill in fields.fills.items())
        key = (*_count_key(audience, fields), *texts)
        if self._refused is None or self._refused[0] != key:
            found = row_refusals.find(audience, template, fields.fills, counts.widest, now, wanted)
            if found is None and not wanted():
                return None
            self._refused = key, found
        return self._refused[1]

    def _row(
        self, template: Template, fills: Mapping[str, Fill], audience: Audience, position: int, now: int
    ) -> Recipient | None:
        if self._found is None or self._found[0] != position:
            self._found = position, _nth_valid(template, fills, audience, position, now)
        return self._found[1]


def _count_key(audience: Audience, fields: DraftFields) -> tuple[object, ...]:
    """What the counts depend on: of the texts only whether there is one."""
    fills = tuple(
        (key, fill.column, bool(clean_value(fill.fixed or "")), bool(clean_value(fill.fallback or "")))
        for key, fill in sorted(fields.fills.items())
    )
    bound, countries = limits.of_account(), account.get_account().countries
    return audience.id, fields.template_id, fills, bound, countries and tuple(countries)


def _sample(
    template: Template,
    fills: Mapping[str, Fill],
    audience: Audience | None,
    row: Recipient | None,
    position: int,
    now: int,
) -> Sample:
    # Not required: a hole is shown as what it is, and the preflight tells about it.
    known = [
        replace(one, required=False) for one in placeholders.used(template.components, template.parameter_format, fills)
    ]
    columns = () if audience is None else audience.columns
    cells = () if row is None else row.cells
    zone = account.get_account().timezone
    values = placeholders.Filler(known, fills, columns, zone).fill(cells) or {}
    return Sample(
        phone=None if row is None else row.phone,
        position=position,
        preview=message.preview(template.components, values, zone),
        problems=tuple(message.problems(template.components, values, now)),
        line=None if row is None else row.line,
    )


def _nth_valid(
    template: Template, fills: Mapping[str, Fill], audience: Audience, position: int, now: int
) -> Recipient | None:
    """The row at `position` among those who would get a message by a mapping that need not be saved."""
    filler = resolution.filler_for(template, fills, audience)
    passed = 0
    for decided in resolution.decisions(audience.id, filler, resolution.bars(template, now)):
        valid = [row for row, reason in decided if reason is None]
        if position < passed + len(valid):
            return valid[position - passed]
        passed += len(valid)
    return None
