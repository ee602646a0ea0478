"""Making accounts, templates, contact files and campaigns for tests, through the engine's own commands."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.clock import Clock
from engine.commands import drafts, setup
from engine.context import Context
from store import account, campaigns, database
from store.types import Actor, DraftFields, Fill, Gateway

ZONE = "Asia/Kolkata"
OPERATOR = Actor("asha", "test")
GREETING: dict[str, Any] = {
    "name": "greeting",
    "language": "en_US",
    "category": "MARKETING",
    "status": "APPROVED",
    "components": [
        {"type": "BODY", "text": "Hello {{1}}, your coupon is {{2}} today.", "example": {"body_text": [["Asha", "C1"]]}}
    ],
}


def context(clock: Clock) -> Context:
    """An operator with this clock."""
    return Context(clock, OPERATOR)


def template_file(folder: Path, template: dict[str, Any] = GREETING, **changes: Any) -> Path:
    """A template in the Cloud API's shape, as a file."""
    file = folder / "template.json"
    file.write_text(json.dumps({**template, **changes}), encoding="utf-8")
    return file


def account_with_sender(
    clock: Clock, folder: Path, *, credits: int = 1_000_000, rate: int = 1000, base_url: str | None = None
) -> None:
    """An account with one sender, one approved template and credits, in the open database."""
    ctx = context(clock)
    setup.init(ctx, name="Acme", timezone=ZONE, gateway=Gateway.SIMULATOR, base_url=base_url)
    setup.add_sender(ctx, "+918040214021", "1000001", rate)
    setup.add_templates(ctx, template_file(folder))
    if credits:
        setup.add_credits(ctx, credits)


def number(i: int) -> str:
    """The i-th of ten million valid German mobile numbers."""
    return f"+491517{i:07d}"


def contacts_file(folder: Path, rows: int | Sequence[Sequence[str]], name: str = "contacts.csv") -> Path:
    """A contact file: so many good rows, or exactly these (Name, Phone number, Coupon)."""
    file = folder / name
    data = [(f"Customer {i}", number(i), f"C{i:06d}") for i in range(rows)] if isinstance(rows, int) else rows
    with file.open("w", newline="", encoding="utf-8") as handle:
        out = csv.writer(handle)
        out.writerow(("Name", "Phone number", "Coupon"))
        out.writerows(data)
    return file


FILLS = {"body.1": Fill(column="Name", fallback="there"), "body.2": Fill(column="Coupon")}


def draft(
    clock: Clock,
    folder: Path,
    rows: int | Sequence[Sequence[str]] = 10,
    name: str = "Spring sale",
    *,
    sender_id: int | None = None,
) -> int:
    """A draft that passes the preflight, over an audience of so many rows."""
    ctx = context(clock)
    template = account.templates()[0]
    chosen = account.senders()[0].id if sender_id is None else sender_id
    fields = DraftFields(name=name, sender_id=chosen, template_id=template.id, fills=FILLS)
    campaign_id = drafts.create(ctx, fields)
    version = campaigns.get(campaign_id).version
    drafts.import_audience(ctx, campaign_id, version, contacts_file(folder, rows))
    return campaign_id


def refuse_callbacks() -> None:
    """Have the open database refuse every callback from here on, by an error that no code foresees."""
    database.execute(
        "CREATE TRIGGER no_callbacks BEFORE INSERT ON callback_event BEGIN SELECT RAISE(ABORT, 'none is taken'); END"
    )
