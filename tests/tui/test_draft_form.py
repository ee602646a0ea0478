"""The form as a value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store.types import DraftFields, Fill
from tui.screens.draft_form import FileChoice, FillText, Form, OpenDraft, Source

FILLS = [
    Fill(column="Name"),
    Fill(column="Name", fallback="there"),
    Fill(fixed="Friday"),
    Fill(fallback="you"),
]


@pytest.mark.parametrize("fill", FILLS)
def test_a_stored_fill_comes_back_as_it_was(fill: Fill) -> None:
    assert FillText.of(fill).fill == fill


def test_a_line_without_a_word_stores_nothing() -> None:
    assert FillText().fill is None
    assert FillText(Source.FIXED).fill is None
    assert FillText(Source.COLUMN).fill is None


def test_changing_the_source_loses_neither_text() -> None:
    line = FillText(Source.COLUMN, "Name", fallback="there")
    fixed = replace(line, source=Source.FIXED).with_text("Friday")
    assert fixed.fill == Fill(fixed="Friday")
    assert fixed.text == "Friday"
    back = replace(fixed, source=Source.COLUMN)
    assert back.fill == Fill(column="Name", fallback="there")
    assert back.text == "there"


def test_only_the_chosen_template_is_saved_and_the_other_ones_lines_are_kept() -> None:
    form = Form(template_id=1, fills={"body.1": FillText(fallback="a"), "header.1": FillText(fallback="b")})
    assert form.fields(["body.1"]).fills == {"body.1": Fill(fallback="a")}
    assert form.fields(["header.1"]).fills == {"header.1": Fill(fallback="b")}


def test_blanks_around_the_name_are_not_saved() -> None:
    assert Form(name="  Diwali ").fields([]).name == "Diwali"


def test_a_new_draft_without_a_word_is_no_loss_but_can_be_saved() -> None:
    draft, form = OpenDraft(), Form(zone="Asia/Kolkata")
    assert not draft.changed(form, [])
    assert draft.unsaved(form, [])


def test_a_typed_time_alone_is_no_change_because_no_draft_stores_one() -> None:
    assert not OpenDraft().changed(Form(when="tomorrow 10:00", zone="UTC"), [])


def test_what_was_typed_is_a_change_until_it_is_saved() -> None:
    form = Form(name="Diwali")
    draft = OpenDraft(campaign_id=1)
    assert draft.changed(form, [])
    assert not replace(draft, saved=DraftFields(name="Diwali")).changed(form, [])


def test_another_file_or_country_is_unread_until_it_was_imported() -> None:
    form = Form(file=FileChoice("a.csv"))
    draft = OpenDraft()
    assert draft.unread(form)
    assert draft.changed(form, [])
    assert not replace(draft, read=form.file).unread(form)
    assert replace(draft, read=form.file).unread(Form(file=FileChoice("a.csv", "IN")))


def test_a_country_without_a_file_and_without_an_audience_is_nothing_to_read() -> None:
    assert not OpenDraft().unread(Form(file=FileChoice(country="IN")))
