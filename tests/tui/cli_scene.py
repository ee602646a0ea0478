"""An account on the command line, ready to send, for the tests of the commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.builders import contacts_file
from tests.cli import Cli, Here

SENDER = "+918040214021"
OTHER_SENDER = "+918061747780"
GREETING: dict[str, Any] = {
    "name": "greeting",
    "language": "en_US",
    "category": "MARKETING",
    "status": "APPROVED",
    "components": [{"type": "BODY", "text": "Hello {{1}}, your coupon is {{2}}."}],
}
GRUSS = {**GREETING, "language": "de"}
PAUSED = {**GREETING, "name": "paused_one", "status": "PAUSED"}
ORDER: dict[str, Any] = {
    **GREETING,
    "name": "order",
    "parameter_format": "NAMED",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "For {{1}}"},
        {"type": "BODY", "text": "Dear {{first_name}}"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Look", "url": "https://x.example/{{1}}"}]},
    ],
}
MAPPED = ("--map", "1=Name", "--map", "body.2=Coupon")


def templates_file(folder: Path, *templates: dict[str, Any]) -> Path:
    """Templates as the Cloud API lists them, in a file."""
    file = folder / "templates.json"
    file.write_text(json.dumps({"data": templates or [GREETING, GRUSS, PAUSED, ORDER]}), encoding="utf-8")
    return file


def set_up(sendoff: Cli | Here, folder: Path, *, credits: int = 1_000, base_url: str | None = None) -> None:
    """Init, a sender, templates and credits."""
    at = () if base_url is None else ("--base-url", base_url)
    for arguments in (
        ("init", "--timezone", "Asia/Kolkata", "--gateway", "simulator", *at),
        ("sender", "add", SENDER, "--phone-number-id", "1001", "--rate", 1000),
        ("template", "add", templates_file(folder)),
    ):
        answer = sendoff(*arguments)
        assert answer.status == 0, answer.err
    if credits:
        assert sendoff("credits", "add", credits).status == 0


def draft(
    sendoff: Cli | Here,
    folder: Path,
    *options: object,
    rows: int | Sequence[Sequence[str]] = 10,
    name: str = "Spring sale",
) -> int:
    """A Draft over so many good rows, complete unless the options say otherwise; its id."""
    made = sendoff.json(
        "campaign", "create", "--name", name, "--template", "greeting:en_US", "--sender", SENDER,
        "--audience", contacts_file(folder, rows), *(options or MAPPED),
    )  # fmt: skip
    campaign_id: int = made["id"]
    return campaign_id
