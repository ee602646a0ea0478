"""Every placeholder a template can have, from the draft to the message (R25, R37)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine import placeholders
from engine.commands import drafts, launch, setup
from engine.errors import Refused
from engine.message import payload
from store import account, campaigns, recipients, tallies
from store.types import Campaign, DraftFields, Fill
from tests import builders
from tests.clock import FakeClock
from tests.store.invariants import check_invariants

BLANKS = ("", "  ", "\u00a0", "\u200b", "\u2060\ufeff", "\t\n", "\u3164", "\x07")
LINK = "https://x.example/a.jpg"
URL = {"type": "URL", "text": "Look", "url": "https://x.example/{{1}}"}


class Part(NamedTuple):
    """One placeholder: the components that have it, its key, a good value, and where in the message it stands."""

    components: list[dict[str, Any]]
    key: str
    value: str
    at: list[str | int]
    others: dict[str, Fill] = {}  # noqa: RUF012 (nobody changes it)
    named: bool = False


def header(form: str, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "HEADER", "format": form, **more}, {"type": "BODY", "text": "Hi"}]


def button(**item: Any) -> list[dict[str, Any]]:
    return [
        {"type": "BODY", "text": "Hi"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "x"}, item]},
    ]


PLACE = {name: Fill(fixed="1.5") for name in ("header.latitude", "header.longitude", "header.name", "header.address")}
FIRST: list[str | int] = [0, "parameters", 0]
PARTS = {
    "header text": Part(header("TEXT", text="For {{1}}"), "header.1", "Asha", [*FIRST, "text"]),
    "header text, named": Part(header("TEXT", text="For {{who}}"), "header.who", "A", [*FIRST, "text"], named=True),
    "image": Part(header("IMAGE"), "header.media", LINK, [*FIRST, "image", "link"]),
    "video": Part(header("VIDEO"), "header.media", LINK, [*FIRST, "video", "link"]),
    "document": Part(header("DOCUMENT"), "header.media", LINK, [*FIRST, "document", "link"]),
    "latitude": Part(header("LOCATION"), "header.latitude", "12.9", [*FIRST, "location", "latitude"], PLACE),
    "longitude": Part(header("LOCATION"), "header.longitude", "77.6", [*FIRST, "location", "longitude"], PLACE),
    "place": Part(header("LOCATION"), "header.name", "Shop", [*FIRST, "location", "name"], PLACE),
    "address": Part(header("LOCATION"), "header.address", "1 MG Road", [*FIRST, "location", "address"], PLACE),
    "body": Part([{"type": "BODY", "text": "Dear {{1}}"}], "body.1", "Asha", [*FIRST, "text"]),
    "body, named": Part([{"type": "BODY", "text": "Dear {{who}}"}], "body.who", "A", [*FIRST, "text"], named=True),
    "link": Part(button(**URL), "button.1.1", "a-1", [*FIRST, "text"]),
    "copy code": Part(button(type="COPY_CODE", text="Copy"), "button.1.code", "C1", [*FIRST, "coupon_code"]),
}
OPTIONAL = {
    "file name": Part(header("DOCUMENT"), "header.filename", "offer.pdf", [*FIRST, "document", "filename"]),
    "payload": Part(button(type="QUICK_REPLY", text="No"), "button.1.payload", "NO", [*FIRST, "payload"]),
}


def made(clock: FakeClock, folder: Path, part: Part, fill: Fill | None, cells: list[str]) -> Campaign:
    """A draft whose placeholder is filled so, over rows with these cells in the column Coupon."""
    template = {
        **builders.GREETING,
        "name": "part",
        "components": part.components,
        "parameter_format": "NAMED" if part.named else "POSITIONAL",
    }
    context = builders.context(clock)
    (stored,) = setup.add_templates(context, builders.template_file(folder, template))
    others = {key: other for key, other in part.others.items() if key != part.key}
    if part.key == "header.filename":
        others["header.media"] = Fill(fixed=LINK)
    fills = others if fill is None else {**others, part.key: fill}
    rows = [("Asha", builders.number(n), cell) for n, cell in enumerate(cells)]
    fields = DraftFields("Sale", account.senders()[0].id, stored.id, fills)
    campaign_id, _ = drafts.create_with_audience(context, fields, builders.contacts_file(folder, rows))
    check_invariants(campaign_id)
    return campaigns.get(campaign_id)


def messages(campaign: Campaign) -> list[list[dict[str, Any]]]:
    """The components of every message that would go."""
    assert campaign.template_id is not None and campaign.audience is not None
    template = account.get_template(campaign.template_id)
    known = placeholders.placeholders(template.components, template.parameter_format)
    filler = placeholders.Filler(known, campaign.fills, campaign.audience.columns)
    found = []
    for chunk in recipients.chunks(campaign.audience.id):
        for row in chunk:
            if row.skip is None:
                values = filler.fill(row.cells)
                assert values is not None and row.phone is not None
                made = payload(
                    "part", "en_US", template.components, template.parameter_format, values, row.phone, "1.1.1"
                )
                found.append(made["template"].get("components", []))
    return found


def at(message: Any, path: list[str | int]) -> Any:
    for step in path:
        message = message[step]
    return message


@pytest.mark.parametrize("name", PARTS)
def test_R25_each_placeholder_blocks_the_launch_while_nothing_fills_it(
    name: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    part = PARTS[name]
    campaign = made(clock, tmp_path, part, None, ["C1"])
    blocking = launch.check(campaign.id, clock.now()).blocking
    assert [(check.code, check.field) for check in blocking] == [("unmapped_placeholder", part.key)]
    assert part.key in blocking[0].text and part.key in blocking[0].advice
    with pytest.raises(Refused) as refusal:
        launch.schedule_at(builders.context(clock), campaign.id, "tomorrow 10:00")
    assert refusal.value.code == "unmapped_placeholder"


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("source", ["column", "fixed", "fallback"])
def test_R25_a_column_a_fixed_text_or_a_fallback_fills_it(
    source: str, name: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    part = PARTS[name]
    fill = {
        "column": Fill(column="Coupon"),
        "fixed": Fill(fixed=part.value),
        "fallback": Fill(fallback=part.value),
    }[source]
    campaign = made(clock, tmp_path, part, fill, [part.value])
    assert launch.check(campaign.id, clock.now()).blocking == ()
    (message,) = messages(campaign)
    assert at(message, part.at) == part.value


@pytest.mark.parametrize("name", PARTS)
def test_R37_a_blank_cell_takes_the_fallback_and_without_one_the_row_is_skipped(
    name: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    part = PARTS[name]
    cells = [part.value, *BLANKS]
    without = made(clock, tmp_path, part, Fill(column="Coupon"), cells)
    assert tallies.of(without.id, tallies.SKIP) == {"missing_variable": len(BLANKS)}
    assert [at(message, part.at) for message in messages(without)] == [part.value]
    with_one = made(clock, tmp_path, part, Fill(column="Coupon", fallback=part.value), cells)
    assert tallies.of(with_one.id, tallies.SKIP) == {}
    assert [at(message, part.at) for message in messages(with_one)] == [part.value] * len(cells)


@pytest.mark.parametrize("name", PARTS)
def test_R37_a_fallback_that_cannot_be_seen_is_none(name: str, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    part = PARTS[name]
    for fill in (Fill(fallback=" \u200b"), Fill(fixed="\u200b"), Fill(fixed=" ", fallback="\u2060")):
        campaign = made(clock, tmp_path, part, fill, ["C1"])
        assert [check.field for check in launch.check(campaign.id, clock.now()).blocking] == [part.key]
    hole = made(clock, tmp_path, part, Fill(column="Coupon", fallback="\u200b"), ["", "C1"])
    assert tallies.of(hole.id, tallies.SKIP) == {"missing_variable": 1}


@pytest.mark.parametrize("name", OPTIONAL)
def test_R37_what_may_be_left_out_is_left_out_when_blank(
    name: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    part = OPTIONAL[name]
    assert launch.check(made(clock, tmp_path, part, None, ["C1"]).id, clock.now()).blocking == ()
    campaign = made(clock, tmp_path, part, Fill(column="Coupon"), [part.value, ""])
    assert tallies.of(campaign.id, tallies.SKIP) == {}
    filled, left_out = messages(campaign)
    assert at(filled, part.at) == part.value
    assert part.value not in str(left_out)


def test_R25_a_column_that_the_audience_lacks_blocks_even_with_a_fallback(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign = made(clock, tmp_path, PARTS["body"], Fill(column="Coupon", fallback="x"), ["C1"])
    context = builders.context(clock)
    other = tmp_path / "other.csv"
    other.write_text(f"Phone\n{builders.number(1)}\n", encoding="utf-8")
    drafts.import_audience(context, campaign.id, campaign.version, other)
    (check,) = launch.check(campaign.id, clock.now()).blocking
    assert (check.code, check.field) == ("unmapped_placeholder", "body.1")
    assert "'Coupon'" in check.text and "The columns are: Phone." in check.advice
    found = campaigns.get(campaign.id)
    fixed = replace(drafts.fields_of(found), fills={"body.1": Fill(fallback="x")})
    drafts.edit(context, campaign.id, found.version, fixed)
    assert launch.check(campaign.id, clock.now()).blocking == ()
