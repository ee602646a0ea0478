"""Templates as the gateway lists them, and what a sync makes of them. Pure (R23).

Whatever the gateway says is kept: statuses, categories, components and fields that this program does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine import template_reading
from engine.text import shown

if TYPE_CHECKING:
    from store.types import Template

DELETED: Final = "DELETED"
UNKNOWN: Final = "UNKNOWN"
_OWN: Final = ("id", "name", "language", "status", "category", "parameter_format", "components", "quality_score")
"""What has a column of its own; everything else is kept as it came."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of the list."""

    remote_id: str | None
    name: str
    language: str
    status: str
    category: str
    parameter_format: str
    components: Sequence[Mapping[str, Any]] | None
    """`None` where the item does not say."""
    quality: str
    extra: Mapping[str, Any]

    @property
    def ref(self) -> str:
        """`name:language`."""
        return f"{self.name}:{self.language}"


class Added(NamedTuple):
    """A template that was not known."""

    item: Listed
    fields: Mapping[str, Any]


class Changed(NamedTuple):
    """A known template with the fields that are another now."""

    template: Template
    fields: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What changed, for people: `status APPROVED -> PAUSED, components`."""
        told = []
        for name, value in self.fields.items():
            if name in ("status", "category", "quality", "parameter_format"):
                told.append(f"{name.replace('_', ' ')} {getattr(self.template, name) or '-'} -> {value or '-'}")
            elif name == "components":
                told.append("content")
        return ", ".join(told)


class Plan(NamedTuple):
    """What a sync changes, and what it leaves alone."""

    added: Sequence[Added]
    changed: Sequence[Changed]
    deleted: Sequence[Template]
    """Known to the gateway before, and gone there."""
    unchanged: int
    only_here: Sequence[Template]
    """From a file, and not in the account: left as they are."""
    unreadable: int
    """Items without name or language."""


def read(item: Mapping[str, Any]) -> Listed | None:
    """One item of the list; `None` for one without name or language, which nothing can be kept under."""
    name, language = item.get("name"), item.get("language")
    if isinstance(language, Mapping):
        language = language.get("code")
    if not isinstance(name, str) or not name.strip() or not isinstance(language, str) or not language.strip():
        return None
    components = item.get("components")
    parts = None if not isinstance(components, list) else tuple(map(_component, components))
    return Listed(
        remote_id=_id(item.get("id")),
        name=name.strip(),
        language=language.strip().replace("-", "_"),
        status=_word(item.get("status"), UNKNOWN),
        category=_word(item.get("category"), ""),
        parameter_format=_word(item.get("parameter_format"), template_reading.guessed_format(parts or ())),
        components=parts,
        quality=template_reading.quality_of(item.get("quality_score")),
        extra={key: value for key, value in item.items() if key not in _OWN},
    )


def plan(known: Sequence[Template], items: Sequence[Mapping[str, Any]]) -> Plan:
    """What the whole list of the gateway makes of the templates that are known.

    A template is the one of its name and language. Only what the gateway itself once listed is taken for deleted when
    it is gone; what came from a file and never was there is told and left alone.
    """
    by_ref = {one.ref: one for one in known}
    listed = [read(item) for item in items]
    newest = {one.ref: one for one in listed if one is not None}
    added, changed, unchanged = [], [], 0
    for ref, item in newest.items():
        before = by_ref.get(ref)
        if before is None:
            added.append(Added(item, _fields(item, None)))
            continue
        fields = {name: value for name, value in _fields(item, before).items() if value != _comparable(before, name)}
        if fields:
            changed.append(Changed(before, fields))
        else:
            unchanged += 1
    gone = [one for one in known if one.ref not in newest]
    return Plan(
        added,
        changed,
        [one for one in gone if one.remote_id is not None and one.status != DELETED],
        unchanged,
        [one for one in gone if one.remote_id is None],
        listed.count(None),
    )


def _fields(item: Listed, before: Template | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "status": item.status,
        "category": item.category,
        "quality": item.quality,
        "remote_id": item.remote_id or (before.remote_id if before else None),
        "extra": dict(item.extra),
    }
    if item.components is not None or before is None:
        # An item that does not say what it holds leaves the content that is known.
        fields |= {"parameter_format": item.parameter_format, "components": list(item.components or ())}
    return fields


def _comparable(before: Template, name: str) -> Any:
    value = getattr(before, name)
    return list(value) if name == "components" else dict(value) if name == "extra" else value


def _component(item: object) -> Mapping[str, Any]:
    if isinstance(item, Mapping) and isinstance(item.get("type"), str):
        return item
    return {"type": UNKNOWN, "value": item}


def _id(value: object) -> str | None:
    """Ids are strings in lists and numbers in callbacks."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def _word(value: object, default: str) -> str:
    return shown(value.strip().upper()) if isinstance(value, str) and value.strip() else default
