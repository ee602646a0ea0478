"""Phone numbers as the gateway lists them, and what a sync makes of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.text import shown
from engine.wire_words import number_of

if TYPE_CHECKING:
    from store.types import Sender

DEFAULT_RATE: Final = 80
"""Messages a second that a new business number may send (Cloud API, Throughput)."""
HIGH_RATE: Final = 1_000
SHARED_RATE: Final = 20
"""Of a number that is used with the Business app as well."""
_RATES: Final = {"STANDARD": DEFAULT_RATE, "HIGH": HIGH_RATE}
SHARED: Final = "SHARED"
"""Our own word for the level of a number that is used with the Business app as well."""
USABLE: Final = frozenset(("CONNECTED", "LINKED"))
"""Statuses of a number that can send; LINKED is what Meta's own list calls a number in use."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One phone number of the list; empty strings are what the gateway did not say."""

    phone_number_id: str
    number: int
    name: str
    quality: str
    status: str
    name_status: str
    throughput: str
    limit: str
    """The portfolio's messaging limit as a word, such as TIER_2K."""


class Added(NamedTuple):
    """A number that was not known."""

    item: Listed
    rate: int


class Changed(NamedTuple):
    """A known sender with the fields that are another now."""

    sender: Sender
    fields: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What changed, for people: `quality GREEN -> YELLOW`."""
        return ", ".join(
            f"{name.replace('_', ' ')} {getattr(self.sender, name) or '-'} -> {value or '-'}"
            for name, value in self.fields.items()
        )


class Plan(NamedTuple):
    """What a sync changes, and what it leaves alone."""

    added: Sequence[Added]
    changed: Sequence[Changed]
    unchanged: int
    only_here: Sequence[Sender]
    """Not in the account: left as they are."""
    conflicts: Sequence[str]
    """Sentences about numbers that cannot be told apart."""
    unreadable: int
    limit: str
    """The portfolio's limit as a word; empty where no number says."""


def read(item: Mapping[str, Any]) -> Listed | None:
    """One item of the list; `None` for one without an id or a number."""
    remote, number = item.get("id"), number_of(item.get("display_phone_number"))
    if isinstance(remote, bool) or not isinstance(remote, str | int) or not str(remote) or number is None:
        return None
    return Listed(
        str(remote),
        number,
        _text(item.get("verified_name")),
        _word(item.get("quality_rating")),
        _word(item.get("status")),
        # `unified_cert_status` and `messaging_limit_tier` are what older versions call the same.
        _word(item.get("name_status")) or _word(item.get("unified_cert_status")),
        _throughput(item),
        _word(item.get("whatsapp_business_manager_messaging_limit")) or _word(item.get("messaging_limit_tier")),
    )


def _throughput(item: Mapping[str, Any]) -> str:
    if item.get("is_on_biz_app") is True:
        return SHARED
    level = item.get("throughput")
    return _word(level.get("level") if isinstance(level, Mapping) else level)


def rate_of(throughput: str) -> int | None:
    """Messages a second of a throughput level; `None` for a level that says nothing."""
    return SHARED_RATE if throughput == SHARED else _RATES.get(throughput)


def plan(known: Sequence[Sender], items: Sequence[Mapping[str, Any]]) -> Plan:
    """What the gateway's whole list makes of the senders that are known; none is ever taken away.

    A sender is the one of its phone number id, else the one of its number.
    """
    listed = [read(item) for item in items]
    found = {one.phone_number_id: one for one in listed if one is not None}
    added: list[Added] = []
    changed: list[Changed] = []
    conflicts: list[str] = []
    met: set[int] = set()
    unchanged = 0
    for item in found.values():
        by_id = next((one for one in known if one.phone_number_id == item.phone_number_id), None)
        by_number = next((one for one in known if one.number == item.number), None)
        if by_id is not None and by_number is not None and by_id.id != by_number.id:
            conflicts.append(
                f"+{item.number} has the phone number id {shown(item.phone_number_id)}, which belongs to"
                f" +{by_id.number} here."
            )
            met |= {by_id.id, by_number.id}
            continue
        before = by_id or by_number
        if before is None:
            if any(one.item.number == item.number for one in added):
                conflicts.append(f"+{item.number} is listed under two phone number ids; the first one is taken.")
            else:
                added.append(Added(item, rate_of(item.throughput) or DEFAULT_RATE))
            continue
        if before.id in met:
            conflicts.append(f"+{item.number} is listed under two phone number ids; the first one is taken.")
            continue
        met.add(before.id)
        fields = _fields(item, before)
        if fields:
            changed.append(Changed(before, fields))
        else:
            unchanged += 1
    limit = next((one.limit for one in found.values() if one.limit), "")
    only_here = [one for one in known if one.id not in met]
    return Plan(added, changed, unchanged, only_here, conflicts, listed.count(None), limit)


def _fields(item: Listed, before: Sender) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "phone_number_id": item.phone_number_id,
        "number": item.number,
        "name": item.name or before.name,
        "quality": item.quality or before.quality,
        "status": item.status or before.status,
        "name_status": item.name_status or before.name_status,
        "throughput": item.throughput or before.throughput,
        "rate": _rate(item, before),
    }
    return {name: value for name, value in fields.items() if value != getattr(before, name)}


def _rate(item: Listed, before: Sender) -> int:
    """The rate of the level; a lower one that an operator chose stays, a higher one is what WhatsApp would refuse."""
    rate = rate_of(item.throughput)
    if rate is None:
        return before.rate
    chosen = before.rate != (rate_of(before.throughput) or DEFAULT_RATE)
    return before.rate if chosen and before.rate < rate else rate


def _word(value: object) -> str:
    return shown(value.strip().upper()) if isinstance(value, str) else ""


def _text(value: object) -> str:
    return shown(value.strip()) if isinstance(value, str) else ""
