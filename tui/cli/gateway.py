"""The way to WhatsApp: where, as whom, and how this machine gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import credentials
from engine.commands import setup
from engine.errors import BadInput
from engine.gateway.link import GRAPH, version_of
from store import account
from store.types import Account, Gateway
from tui import paths

if TYPE_CHECKING:
    from argparse import Namespace

    from engine.gateway.network import Network
    from tui.cli.session import Session


def show(options: Namespace, session: Session) -> int:
    """Show the gateway; of a secret only its last four characters."""
    _tell(session, account.get_account())
    return 0


def change(options: Namespace, session: Session) -> int:
    """Change what is given of the gateway."""
    given = (options.gateway, options.base_url, options.api_version, options.waba_id)
    if all(one is None for one in given):
        raise BadInput("usage", "Nothing to change was given.", "See `sendoff gateway set --help`.")
    done = setup.set_gateway(
        session.context,
        gateway=None if options.gateway is None else Gateway(options.gateway.replace("-", "_")),
        base_url=options.base_url,
        api_version=options.api_version,
        waba_id=options.waba_id,
    )
    _tell(session, done)
    return 0


def _tell(session: Session, known: Account) -> None:
    network = paths.network(session.config)
    if session.output.as_json:
        session.output.document(_json(known, network))
        return
    session.output.facts([(name.replace("_", " "), _word(value)) for name, value in _json(known, network).items()])


def _json(known: Account, network: Network) -> dict[str, Any]:
    simulated = known.gateway is Gateway.SIMULATOR
    token = None if simulated else credentials.secret(credentials.TOKEN)
    return {
        "gateway": known.gateway.value.replace("_", "-"),
        "base_url": known.base_url or (None if simulated else GRAPH),
        "api_version": version_of(known),
        "waba_id": known.waba_id,
        "token": None if token is None else credentials.ending(token),
        "proxy": network.shown_proxy,
        "ca_bundle": None if network.ca_bundle is None else str(network.ca_bundle),
        "connect_timeout": network.connect_timeout,
        "timeout": network.timeout,
    }


def _word(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:g} s" if isinstance(value, float) else str(value)
