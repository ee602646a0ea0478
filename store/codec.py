"""JSON in text columns, and rows into the dataclasses that leave the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from store.types import Endpoint, Fill, ProductPolicy, Route, Template

if TYPE_CHECKING:
    from collections.abc import Mapping


def dump(value: Any) -> str:
    """Compact JSON with characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load(text: str | None) -> Any:
    """The value behind a JSON column; `None` for an empty one."""
    return json.loads(text) if text else None


def dump_fills(fills: Mapping[str, Fill]) -> str:
    """Fills as JSON, leaving out what is not set."""
    return dump(
        {
            key: {
                name: value
                for name, value in (("column", fill.column), ("fixed", fill.fixed), ("fallback", fill.fallback))
                if value is not None
            }
            for key, fill in fills.items()
        }
    )


def load_fills(text: str) -> dict[str, Fill]:
    """The opposite of `dump_fills`."""
    return {key: Fill(**value) for key, value in json.loads(text).items()}


def dump_route(route: Route) -> str:
    """A route as JSON, leaving out what is not set."""
    return dump({name: value for name, value in route._asdict().items() if value != Route._field_defaults[name]})


def load_route(text: str) -> Route:
    """The opposite of `dump_route`."""
    found = json.loads(text)
    policy = found.get("product_policy")
    return Route(
        Endpoint(found.get("endpoint", Endpoint.MESSAGES)),
        None if policy is None else ProductPolicy(policy),
        found.get("activity_sharing"),
    )


def dump_template(template: Template) -> str:
    """A template as JSON, to freeze it with a campaign."""
    return dump({name: getattr(template, name) for name in Template.__slots__})


def load_template(text: str | None) -> Template | None:
    """The opposite of `dump_template`."""
    return Template(**json.loads(text)) if text else None
