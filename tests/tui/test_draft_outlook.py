"""What the editor reads off the loop, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import resolution
from engine.commands import drafts, launch
from store import account, campaigns, database, optouts
from store.types import Campaign, DraftFields, Fill
from tests import builders
from tests.clock import START, FakeClock
from tests.tui.draft_scene import DATA, Scene
from tui.screens.draft_form import FileChoice
from tui.screens.draft_import import columns_in
from tui.screens.draft_outlook import Looker, Outlook
from tui.screens.draft_skipped import write

ROWS = [
    ("Asha", builders.number(1), "C1"),
    ("", builders.number(2), "C2"),
    ("Bob", builders.number(3), ""),
    ("Cy", "call me", "C4"),
    ("Dee", builders.number(1), "C5"),
]


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Iterator[Scene]:
    scene = Scene.make(tmp_path, clock)
    with database.session():
        yield scene


@pytest.fixture
def campaign(scene: Scene) -> Campaign:
    return campaigns.get(builders.draft(scene.clock, scene.folder, ROWS))


def look(looker: Looker, fields: DraftFields, campaign: Campaign | None, position: int = 0) -> Outlook:
    found = looker.look(fields, None if campaign is None else campaign.id, position, START)
    assert found is not None
    return found


def test_the_counts_are_those_of_the_engine(campaign: Campaign) -> None:
    assert campaign.audience is not None
    template = account.get_template(campaign.template_id or 0)
    optouts.add(int(builders.number(2)[1:]), 0, "test")
    for fills in ({}, {"body.1": Fill("Name"), "body.2": Fill("Coupon")}, builders.FILLS):
        expected = resolution.count(campaign.audience, template, fills, START)
        facts = look(Looker(), replace(drafts.fields_of(campaign), fills=fills), campaign).facts
        assert expected is not None
        assert (facts.countries, facts.skipped, facts.fallbacks) == (
            expected.countries,
            expected.skipped,
            expected.fallbacks,
        )


def test_R22_the_form_and_the_stored_draft_have_one_preflight(campaign: Campaign) -> None:
    outlook = look(Looker(), drafts.fields_of(campaign), campaign)
    stored = launch.check(campaign.id, START)
    assert (outlook.preflight.price, outlook.preflight.valid) == (stored.price, stored.valid)
    assert [check.code for check in outlook.preflight.checks] == [check.code for check in stored.checks]


def test_a_count_that_nobody_wants_any_more_is_given_up(campaign: Campaign) -> None:
    fields = drafts.fields_of(campaign)
    answers = iter([True, False])
    assert Looker().look(fields, campaign.id, 0, START, lambda: next(answers)) is None
    assert Looker().look(fields, campaign.id, 0, START, lambda: False) is None


def test_typing_a_longer_fallback_counts_nothing_again(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    looker, fields = Looker(), drafts.fields_of(campaign)
    look(looker, fields, campaign)
    monkeypatch.setattr(resolution, "decisions", None)
    longer = replace(fields, name="Other", fills={**fields.fills, "body.1": Fill("Name", fallback="friends")})
    outlook = look(looker, longer, campaign)
    assert outlook.facts.fills["body.1"].fallback == "friends"
    with pytest.raises(TypeError):
        look(looker, replace(fields, fills={**fields.fills, "body.1": Fill("Name")}), campaign)


def test_R37_the_preview_takes_the_fallback_and_leaves_out_who_gets_nothing(campaign: Campaign) -> None:
    looker, fields = Looker(), drafts.fields_of(campaign)
    outlook = look(looker, fields, campaign, 1)
    assert outlook.sample is not None
    assert outlook.sample.phone == int(builders.number(2)[1:])
    assert outlook.sample.preview.body == "Hello there, your coupon is C2 today."
    # Two would get it: the third has no coupon. Beyond the last there is the last.
    assert look(looker, fields, campaign, 99).sample == outlook.sample


def test_without_people_the_template_is_shown_with_what_is_known(scene: Scene) -> None:
    template = account.find_templates("greeting")[0]
    fields = DraftFields(name="", template_id=template.id, fills={"body.2": Fill(fixed="XMAS")})
    outlook = look(Looker(), fields, None)
    assert outlook.sample is not None
    assert outlook.sample.phone is None
    assert outlook.sample.preview.body == "Hello {{1}}, your coupon is XMAS today."
    assert look(Looker(), DraftFields(name=""), None).sample is None


def test_what_whatsapp_would_refuse_is_told_with_the_preview(scene: Scene) -> None:
    template = account.find_templates("greeting")[0]
    fields = DraftFields(name="", template_id=template.id, fills={"body.1": Fill(fixed="x" * 1_100)})
    outlook = look(Looker(), fields, None)
    assert outlook.sample is not None
    assert "WhatsApp takes 1,024" in outlook.sample.problems[0]


def test_R22_rows_that_whatsapp_would_refuse_are_looked_for_again_when_a_text_changes(scene: Scene) -> None:
    rows = [("Asha", builders.number(1), "C1"), ("", builders.number(2), "C2")]
    campaign = campaigns.get(builders.draft(scene.clock, scene.folder, rows))
    looker, fields = Looker(), drafts.fields_of(campaign)
    assert look(looker, fields, campaign).facts.refused_rows is None
    longer = replace(fields, fills={**fields.fills, "body.1": Fill("Name", fallback="x" * 1_100)})
    outlook = look(looker, longer, campaign)
    assert outlook.facts.refused_rows is not None
    assert outlook.facts.refused_rows[:2] == (1, 3)
    assert "rows_refused" in [check.code for check in outlook.preflight.checks]
    assert look(looker, fields, campaign).facts.refused_rows is None


def test_R33_the_columns_of_a_file_are_offered_for_choosing(scene: Scene) -> None:
    assert columns_in(FileChoice(str(DATA / "messy.csv"))) == ("Customer Name", "Coupon", "Mobile No.", "Tier")
    assert "Phone number" in columns_in(FileChoice(str(DATA / "clean.csv")))


def test_the_skipped_rows_replace_no_file(campaign: Campaign, tmp_path: Path) -> None:
    assert campaign.audience is not None
    assert write(tmp_path / "new.csv", campaign.audience) == 3
    with pytest.raises(Exception, match="is there already"):
        write(tmp_path / "new.csv", campaign.audience)
