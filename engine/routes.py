"""Which of WhatsApp's two endpoints takes a campaign, and when the other one is to be offered. Pure.

Accounts can switch marketing off on the ordinary endpoint (131063); the one for marketing takes nothing else (131055,
134100) and not every account or template (134102).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from store.types import Endpoint, ProductPolicy

if TYPE_CHECKING:
    from store.types import Route

OTHER_ENDPOINT: Final = "other_endpoint"
"""The reason of a hold that ends when the operator lets the run go on by the other endpoint."""
MARKETING: Final = "MARKETING"
_OFFERS: Final = {
    131063: Endpoint.MARKETING,
    131055: Endpoint.MESSAGES,
    134100: Endpoint.MESSAGES,
    134102: Endpoint.MESSAGES,
}


def offered(code: int) -> Endpoint | None:
    """The endpoint that a refusal with this code is about; `None` for every other code."""
    return _OFFERS.get(code)


def other(endpoint: Endpoint) -> Endpoint:
    """The one that it is not."""
    return Endpoint.MESSAGES if endpoint is Endpoint.MARKETING else Endpoint.MARKETING


def offer(code: int) -> str:
    """What the hold says of the way out, or nothing."""
    endpoint = offered(code)
    if endpoint is None:
        return ""
    return f"; it can go on by {endpoint.value} (M, or sendoff campaign resume ID --endpoint {endpoint.value})"


def unfit(endpoint: Endpoint, category: str) -> str | None:
    """Why the endpoint does not take templates of this category; `None` when it does."""
    if endpoint is Endpoint.MARKETING and category.upper() != MARKETING:
        return (
            f"the endpoint {endpoint.value} takes only marketing templates, and this one is {category.lower() or '-'}"
        )
    return None


def words(route: Route) -> str:
    """A route for people: the endpoint, and what was chosen of how it takes messages."""
    parts: list[str] = [route.endpoint.value]
    if route.product_policy is not None:
        fallback = route.product_policy is ProductPolicy.FALLBACK
        parts.append("what it cannot take goes by messages" if fallback else "what it cannot take fails")
    if route.activity_sharing is not None:
        parts.append("activity shared" if route.activity_sharing else "activity not shared")
    return ", ".join(parts)
