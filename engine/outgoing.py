"""What goes out for the rows of a run: the frozen template filled from their cells, by the campaign's route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import message, resolution
from store.types import SkipReason

if TYPE_CHECKING:
    from store.types import Campaign, Recipient


class Outgoing:
    """The messages of one campaign that has started; made once, asked for every row."""

    def __init__(self, campaign: Campaign) -> None:
        """Raises `ValueError` for a campaign that cannot be in progress: a start would have refused it."""
        frozen = campaign.template_frozen
        if frozen is None or campaign.audience is None:
            raise ValueError(f"campaign {campaign.id} is in progress without a template or an audience")
        filler = resolution.filler_for(frozen, campaign.fills, campaign.audience)
        if filler is None:
            raise ValueError(f"campaign {campaign.id} is in progress with an unmapped placeholder")
        self._campaign_id = campaign.id
        self._filler = filler
        self._composer = message.Composer(frozen.name, frozen.language, frozen.components, frozen.parameter_format)
        self.route = campaign.route

    def of(self, row: Recipient) -> dict[str, Any] | SkipReason:
        """The body of a row's request, or why there is none: a message with a hole is never sent (R37)."""
        values = self._filler.fill(row.cells)
        if values is None:
            return SkipReason.MISSING_VARIABLE
        if row.phone is None:
            return SkipReason.INVALID_NUMBER
        reference = message.reference(self._campaign_id, row.seq, row.attempt + 1)
        return message.routed(self._composer.payload(values, row.phone, reference), self.route)
