"""The audit trail in words: what an event changed, line by line (R11). Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from store.types import AuditEvent

_ABSENT: Final = "-"


class Change(NamedTuple):
    """One fact of an event; `before` or `after` is `None` where the event tells nothing of it."""

    key: str
    before: str | None
    after: str | None

    @property
    def changed(self) -> bool:
        """Whether it was one thing before and another after."""
        return self.before != self.after

    @property
    def words(self) -> str:
        """`status: scheduled -> cancelled`, or only the value where there was no other."""
        if self.before is None or not self.changed:
            return f"{self.key}: {self.after}"
        return f"{self.key}: {self.before} -> {_ABSENT if self.after is None else self.after}"


def changes(event: AuditEvent) -> list[Change]:
    """What an event says of before and after, key by key; nested facts as `fills.body.1.column`."""
    before, after = dict(_flat(event.before)), dict(_flat(event.after))
    keys = dict.fromkeys((*before, *after))
    return [Change(key, before.get(key), after.get(key)) for key in keys]


def summary(event: AuditEvent) -> str:
    """An event's changes in one line, its detail first; what stayed as it was is left out."""
    parts = [change.words for change in changes(event) if change.changed]
    return "; ".join((*([event.detail] if event.detail else []), *parts))


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, part in value.items():
        if isinstance(part, dict) and part:
            yield from _flat(part, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _word(part)


def _word(value: object) -> str:
    if isinstance(value, str):
        return value
    return _ABSENT if value is None else json.dumps(value, ensure_ascii=False)
