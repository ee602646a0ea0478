"""What a new account still needs before it can send: said by `sendoff init`, the first-run screen and an empty form."""

from __future__ import annotations

from store.types import Gateway


def sender_step(gateway: Gateway) -> str:
    """The command that gets the account its first sender."""
    return "sendoff sender sync" if gateway is Gateway.CLOUD_API else "sendoff sender add"


def template_step(gateway: Gateway) -> str:
    """The command that gets the account its first templates; the simulator has none of its own."""
    return "sendoff template sync" if gateway is Gateway.CLOUD_API else "sendoff template add FILE"


def next_steps(gateway: Gateway) -> str:
    """All of them, in one line."""
    return f"{sender_step(gateway)}, {template_step(gateway)}, sendoff credits add"
