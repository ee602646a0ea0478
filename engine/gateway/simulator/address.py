"""Where the simulator may listen and post: on this machine only."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from engine.errors import BadInput


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT` (`[::1]:0` for IPv6), port 0 for any free one.

    Raises `BadInput` for anything but a loopback address: the simulator takes every token and answers everyone.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise BadInput("listen_invalid", f"{text!r} is not HOST:PORT.", "Listen on 127.0.0.1:0 for any free port.")
    if not is_loopback(host):
        raise BadInput(
            "listen_not_loopback",
            f"The simulator listens on this machine only, not on {host!r}.",
            "Listen on 127.0.0.1:PORT.",
        )
    return host, int(port)


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Whether `url` is an HTTP address on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and is_loopback(parts.hostname)
