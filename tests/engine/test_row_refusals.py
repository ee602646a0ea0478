"""Rows that WhatsApp would refuse for a value of their own are told before the launch (R22)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import preflight, preflight_reading, resolution, row_refusals
from engine.commands import drafts, setup
from engine.preflight_facts import Level
from engine.row_refusals import RowRefusals
from store import account, campaigns
from store.types import Campaign, Fill
from tests import builders
from tests.clock import START, FakeClock

PICTURE: dict[str, Any] = {
    "name": "picture",
    "language": "en_US",
    "category": "MARKETING",
    "status": "APPROVED",
    "components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Look, {{1}}"}],
}
PICTURE_FILLS = {"header.media": Fill(column="Coupon"), "body.1": Fill(column="Name", fallback="you")}


def written(clock: FakeClock, folder: Path, rows: Sequence[Sequence[str]]) -> Campaign:
    return campaigns.get(builders.draft(clock, folder, rows))


def with_picture(clock: FakeClock, folder: Path, rows: Sequence[Sequence[str]]) -> Campaign:
    setup.add_templates(builders.context(clock), builders.template_file(folder, PICTURE))
    campaign = written(clock, folder, rows)
    [template] = account.find_templates("picture")
    fields = replace(drafts.fields_of(campaign), template_id=template.id, fills=PICTURE_FILLS)
    drafts.edit(builders.context(clock), campaign.id, campaign.version, fields)
    return campaigns.get(campaign.id)


def found(campaign: Campaign, fills: Mapping[str, Fill] | None = None) -> RowRefusals | None:
    fields = drafts.fields_of(campaign)
    changed = fields if fills is None else replace(fields, fills=fills)
    return preflight_reading.facts_for_form(changed, campaign, START).refused_rows


def test_R22_texts_of_rows_that_are_too_long_are_counted_and_the_first_is_named(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    rows = [("Asha", "1", "C"), ("B" * 1_100, "2", "C"), ("Cem", "3", "C"), ("D" * 1_000, "4", "E" * 100)]
    rows = [(name, builders.number(int(n)), coupon) for name, n, coupon in rows]
    campaign = written(clock, tmp_path, rows)
    assert found(campaign) == RowRefusals(2, 3, "The body is 1,131 characters long; WhatsApp takes 1,024.")
    facts = preflight_reading.facts_for_form(drafts.fields_of(campaign), campaign, START)
    result = preflight.run(facts)
    [told] = [check for check in result.checks if check.code == "rows_refused"]
    assert told.text == (
        "WhatsApp would refuse 2 rows, the first in line 3: the body is 1,131 characters long; WhatsApp takes 1,024"
    )
    assert (told.level, told.field, result.valid, result.blocking) == (Level.WARN, "file", 4, ())


@pytest.mark.parametrize(("length", "refused"), [(1_024, 0), (1_025, 1)])
def test_R22_a_row_is_refused_from_the_first_character_beyond_the_limit(
    length: int, refused: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    text = len("Hello , your coupon is C today.")
    campaign = written(clock, tmp_path, [("x" * (length - text), builders.number(1), "C")])
    refusals = found(campaign)
    assert (0 if refusals is None else refusals.rows) == refused


def test_R22_a_cell_that_is_no_link_is_told_and_skipped_rows_are_not(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    rows = [
        ("Asha", builders.number(1), "https://example.com/1.jpg"),
        ("Ben", "nonsense", "none"),
        ("Cem", builders.number(3), "example.com/3.jpg"),
        ("Dee", builders.number(4), ""),
    ]
    campaign = with_picture(clock, tmp_path, rows)
    assert found(campaign) == RowRefusals(
        1, 4, "The media of the header needs a whole link, such as https://example.com/offer.jpg."
    )


def test_R22_what_is_wrong_with_all_rows_alike_is_told_once(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign = with_picture(clock, tmp_path, [("Asha", builders.number(1), "C1")])
    fills = {"header.media": Fill(fixed="no link"), "body.1": Fill(column="Name")}
    assert found(campaign, fills) is None
    facts = preflight_reading.facts_for_form(replace(drafts.fields_of(campaign), fills=fills), campaign, START)
    assert [check.code for check in preflight.run(facts).blocking] == ["values_refused"]


def test_rows_are_walked_only_where_one_of_them_could_be_refused(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = written(clock, tmp_path, [("x" * 500, builders.number(1), "C"), ("y", builders.number(2), "z" * 400)])
    template, audience = resolution.template_of(campaign), campaign.audience
    assert template is not None and audience is not None
    counts = resolution.count(audience, template, campaign.fills, START)
    assert counts is not None and sorted(counts.widest.values()) == [400, 500]
    monkeypatch.setattr(resolution, "decisions", None)
    assert row_refusals.find(audience, template, campaign.fills, counts.widest, START) is None
    longer = {**campaign.fills, "body.1": Fill(column="Name", fallback="x" * 700)}
    with pytest.raises(TypeError):
        row_refusals.find(audience, template, longer, counts.widest, START)


def test_an_answer_that_nobody_wants_any_more_is_not_looked_for(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign = written(clock, tmp_path, [("x" * 2_000, builders.number(1), "C")])
    template, audience = resolution.template_of(campaign), campaign.audience
    assert template is not None and audience is not None
    widest = {0: 2_000}
    assert row_refusals.find(audience, template, campaign.fills, widest, START) is not None
    assert row_refusals.find(audience, template, campaign.fills, widest, START, lambda: False) is None
