"""How this machine reaches the gateway: proxy, CA bundle and time-outs, out of the configuration file's `[gateway]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from engine.errors import BadInput
from engine.text import shown

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

TABLE: Final = "gateway"
LONGEST_S: Final = 600.0
_KEYS: Final = ("proxy", "ca_bundle", "connect_timeout", "timeout")


@dataclass(frozen=True, slots=True)
class Network:
    """The way to the gateway; times in seconds."""

    proxy: str | None = None
    """`http://[USER:PASSWORD@]HOST:PORT`; never shown with what stands before the @."""
    ca_bundle: Path | None = None
    """Certificates in PEM that are trusted instead of the system's."""
    connect_timeout: float = 5.0
    timeout: float = 30.0
    """For a whole call; an upload may take longer as long as it moves."""

    @property
    def shown_proxy(self) -> str | None:
        """The proxy without its user and password."""
        if self.proxy is None:
            return None
        parts = urlsplit(self.proxy)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def tls(self) -> ssl.SSLContext | None:
        """What certificates are checked against; `None` for what the system trusts.

        Raises `BadInput` with `bad_ca_bundle` for a file that cannot be read or holds no certificate.
        """
        if self.ca_bundle is None:
            return None
        # Imported late: every start of the console reads this module.
        import ssl

        try:
            context = ssl.create_default_context(cafile=self.ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise BadInput(
                "bad_ca_bundle",
                f"The CA bundle {self.ca_bundle} cannot be used: {error.strerror or error}.",
                "Name a PEM file with the certificates of your proxy or company: [gateway] ca_bundle.",
            ) from error
        return context


DIRECT: Final = Network()
"""Straight to the gateway, trusting what the system trusts."""


def read(found: object) -> Network:
    """The `[gateway]` table of a configuration file. Raises `BadInput` with `bad_config` for what cannot be used."""
    if not isinstance(found, dict):
        raise _bad("gateway is no table", f"Write a line [{TABLE}], and below it: timeout = 30")
    unknown = [key for key in found if key not in _KEYS]
    if unknown:
        raise _bad(f"[{TABLE}] sets {unknown[0]!r}, which there is not", f"It may set: {', '.join(_KEYS)}.")
    return Network(
        proxy=_proxy(found),
        ca_bundle=_file(found),
        connect_timeout=_seconds(found, "connect_timeout", DIRECT.connect_timeout),
        timeout=_seconds(found, "timeout", DIRECT.timeout),
    )


def _proxy(found: Mapping[str, object]) -> str | None:
    value = found.get("proxy")
    if value is None:
        return None
    try:
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not isinstance(value, str):
        # Not the value itself: it may hold a password.
        raise _bad(f"[{TABLE}] proxy is no address", 'Write it as: proxy = "http://HOST:PORT"')
    return value


def _file(found: Mapping[str, object]) -> Path | None:
    value = found.get("ca_bundle")
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise _bad(f"[{TABLE}] ca_bundle is no file", 'Write it as: ca_bundle = "/path/to/ca.pem"')
    return Path(value).expanduser()


def _seconds(found: Mapping[str, object], key: str, default: float) -> float:
    value = found.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_S:
        raise _bad(
            f"[{TABLE}] {key} is no number of seconds up to {LONGEST_S:.0f}", f"Write it as: {key} = {default:g}"
        )
    return float(value)


def _bad(what: str, hint: str) -> BadInput:
    return BadInput("bad_config", shown(f"In the configuration file {what}."), hint)
