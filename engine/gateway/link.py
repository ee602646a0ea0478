"""Which gateway an account is at, and with what right: address, version, token, the account's id."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from engine import credentials
from engine.errors import BadInput, Refused
from engine.gateway.network import DIRECT, Network
from store.types import Gateway

if TYPE_CHECKING:
    from store.types import Account

GRAPH: Final = "https://graph.facebook.com"
VERSION: Final = "v24.0"
"""The oldest version that knows the portfolio's messaging limit; `sendoff gateway set --api-version` takes another."""
SIMULATOR_TOKEN: Final = "simulator"
_VERSION: Final = re.compile(r"v[1-9]\d{0,2}\.\d{1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Link:
    """Everything needed to talk to a gateway."""

    base_url: str
    version: str
    token: str = field(repr=False)
    waba_id: str | None = None
    network: Network = DIRECT


def version_of(account: Account) -> str:
    """The version of the API that the account is used with."""
    return account.api_version or VERSION


def checked_version(text: str) -> str:
    """A version as the API writes it. Raises `BadInput` with `bad_api_version`."""
    if not _VERSION.fullmatch(text):
        raise BadInput("bad_api_version", f"{text!r} is no version of the API.", f"Give it as {VERSION}.")
    return text


def link_of(account: Account, network: Network = DIRECT) -> Link:
    """The way to an account's gateway.

    Raises `BadInput` with `no_token` where there is no access token, `Refused` with `no_gateway_address` for the
    simulator inside the worker: nobody else can ask that one anything.
    """
    if account.gateway is Gateway.SIMULATOR:
        if account.base_url is None:
            raise Refused(
                "no_gateway_address",
                "This account's messages go to the simulator inside the worker, which has nothing to tell.",
                "Run `sendoff simulate --listen HOST:PORT` and give its address: sendoff gateway set --base-url URL,"
                " or change to the Cloud API.",
            )
        # It is on this machine, so no proxy stands between.
        here = Network(connect_timeout=network.connect_timeout, timeout=network.timeout)
        return Link(account.base_url, version_of(account), SIMULATOR_TOKEN, account.waba_id, here)
    return Link(account.base_url or GRAPH, version_of(account), access_token(), account.waba_id, network)


def access_token() -> str:
    """The token out of the environment or the secrets file. Raises `BadInput` with `no_token`."""
    found = credentials.secret(credentials.TOKEN)
    if found is None:
        raise BadInput(
            "no_token",
            "There is no access token for the Cloud API.",
            f'Set {credentials.TOKEN}, or write token = "..." into {credentials.secrets_file()} (mode 0600).',
        )
    return found


def checked_url(base_url: str) -> str:
    """A gateway's address without a slash at its end. Raises `BadInput` with `base_url_invalid`."""
    try:
        parts = urlsplit(base_url)
        plain = not (parts.username or parts.password or parts.query or parts.fragment)
        usable = plain and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(
            "base_url_invalid",
            f"The gateway's address {base_url!r} cannot be used.",
            "Give it as https://HOST, without user name, password or query.",
        )
    return base_url.rstrip("/")


def checked_token(token: str) -> str:
    """A token that can stand in a header. Raises `BadInput` with `token_invalid`."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise BadInput(
            "token_invalid",
            "The gateway's access token is empty or holds characters that no token has.",
            "Set SENDOFF_TOKEN, or store the token in the secrets file.",
        )
    return token
