"""What the preflight looks at, and what one of its checks says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from store.types import ORDINARY, OverQuota

if TYPE_CHECKING:
    from engine.errors import EngineError
    from engine.health import Health
    from engine.row_refusals import RowRefusals
    from store.types import Balance, Fill, Media, PriceLine, Route, Sender, Template

ENDPOINT: Final = "endpoint"
"""The form field that says which endpoint of the gateway's takes the campaign."""
OVER_QUOTA: Final = "over_quota"
"""The form field that says what a run does at the messaging quota."""


class Level(StrEnum):
    """How much a check weighs."""

    OK = "ok"
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the preflight; `field` names the form field it belongs to."""

    code: str
    level: Level
    text: str
    advice: str = ""
    field: str = ""


class Quota(NamedTuple):
    """What the messaging quota has left, and what is asked of it (R30)."""

    left: int
    repeats: int
    """Valid rows whose numbers count already and need no place."""
    over: OverQuota


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the checks look at."""

    name: str
    sender: Sender | None
    template: Template | None
    fills: Mapping[str, Fill]
    columns: tuple[str, ...] | None
    """The audience's columns; `None` when there is no audience yet."""
    countries: Mapping[str, int]
    skipped: Mapping[str, int]
    fallbacks: int | None
    """Rows that use a fallback; `None` when nobody counted."""
    balance: Balance
    scheduled_price: int
    """Credits the other scheduled campaigns will need."""
    quota: Quota | None = None
    """`None` when the account has none, or nobody asked."""
    price_list: Sequence[PriceLine] = ()
    """Empty when none was imported."""
    route: Route = ORDINARY
    health: Health | None = None
    """What the gateway says of number and template; `None` when it was not asked."""
    asked: bool = False
    """Whether it should have been."""
    no_token: EngineError | None = None
    """Why nobody could be asked from here: there is no access token, or none that can be used."""
    now: int | None = None
    at: int | None = None
    """When it goes, where that is known."""
    media: Mapping[str, Media | None] = field(default_factory=dict)
    """Headers filled with an uploaded file, by their keys; `None` for one that was not uploaded from here."""
    frozen: Template | None = None
    """The template as it was when the campaign was scheduled; `None` for one that is not yet."""
    refused: Sequence[str] = ()
    """What WhatsApp would refuse in every message, because of values that are the same in all, in sentences."""

    refused_rows: RowRefusals | None = None
    """Rows that would be refused for values of their own; `None` when there are none, or nobody looked."""

    @property
    def valid(self) -> int:
        """Rows that would get a message."""
        return sum(self.countries.values())
