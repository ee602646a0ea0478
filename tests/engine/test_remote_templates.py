"""What a sync makes of the gateway's list of templates (R23)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.remote_templates import plan, read
from engine.templates import sendable
from store.types import Template

BODY = {"type": "BODY", "text": "Hello {{1}}"}
ITEM: dict[str, Any] = {
    "id": "1192339204654487",
    "name": "hello",
    "language": "en_US",
    "status": "APPROVED",
    "category": "MARKETING",
    "components": [BODY],
}


def known(**changes: Any) -> Template:
    fields: dict[str, Any] = {
        "id": 1,
        "name": "hello",
        "language": "en_US",
        "status": "APPROVED",
        "category": "MARKETING",
        "parameter_format": "POSITIONAL",
        "components": [BODY],
        "quality": "",
        "updated_at": 0,
        "remote_id": "1192339204654487",
    }
    return Template(**{**fields, **changes})


def test_what_is_new_is_added_with_everything_the_gateway_said() -> None:
    item = ITEM | {"previous_category": "UTILITY", "quality_score": {"score": "GREEN"}, "hologram": {"a": [1]}}
    (added,) = plan([], [item]).added
    assert added.item.ref == "hello:en_US"
    assert added.fields == {
        "status": "APPROVED",
        "category": "MARKETING",
        "quality": "GREEN",
        "remote_id": "1192339204654487",
        "extra": {"previous_category": "UTILITY", "hologram": {"a": [1]}},
        "parameter_format": "POSITIONAL",
        "components": [BODY],
    }


def test_what_is_the_same_is_left_alone() -> None:
    made = plan([known()], [ITEM])
    assert (made.added, made.changed, made.deleted, made.unchanged) == ([], [], [], 1)


@pytest.mark.parametrize(
    ("change", "fields", "words"),
    [
        ({"status": "PAUSED"}, {"status": "PAUSED"}, "status APPROVED -> PAUSED"),
        ({"status": "some_new_one"}, {"status": "SOME_NEW_ONE"}, "status APPROVED -> SOME_NEW_ONE"),
        ({"category": "UTILITY"}, {"category": "UTILITY"}, "category MARKETING -> UTILITY"),
        ({"quality_score": "RED"}, {"quality": "RED"}, "quality - -> RED"),
        ({"components": [{**BODY, "text": "Hi"}]}, {"components": [{**BODY, "text": "Hi"}]}, "content"),
        ({"id": "7"}, {"remote_id": "7"}, ""),
        ({"rejected_reason": "NONE"}, {"extra": {"rejected_reason": "NONE"}}, ""),
    ],
)
def test_R23_what_changed_is_renewed_and_said(change: dict[str, Any], fields: dict[str, Any], words: str) -> None:
    (changed,) = plan([known()], [ITEM | change]).changed
    assert changed.fields == fields
    assert changed.words == words


def test_R23_what_is_gone_is_marked_and_never_taken_away() -> None:
    other = {**ITEM, "name": "other"}
    made = plan([known(), known(id=2, name="mine", remote_id=None)], [other])
    assert [one.name for one in made.deleted] == ["hello"]
    assert [one.name for one in made.only_here] == ["mine"], "a file's template never was there"
    assert plan([known(status="DELETED")], []).deleted == []


def test_a_template_that_comes_back_is_approved_again() -> None:
    (changed,) = plan([known(status="DELETED")], [ITEM]).changed
    assert changed.fields == {"status": "APPROVED"}


def test_a_template_of_a_file_gets_its_id_when_the_gateway_lists_it() -> None:
    (changed,) = plan([known(remote_id=None)], [ITEM]).changed
    assert changed.fields == {"remote_id": "1192339204654487"}


def test_R23_a_missing_status_is_never_taken_for_approved() -> None:
    item = {key: value for key, value in ITEM.items() if key != "status"}
    (added,) = plan([], [item]).added
    assert added.item.status == "UNKNOWN"


def test_an_item_without_its_content_leaves_the_content_that_is_known() -> None:
    item = {key: value for key, value in ITEM.items() if key != "components"}
    assert plan([known()], [item]).unchanged == 1
    (added,) = plan([], [item]).added
    assert added.fields["components"] == []
    assert "without its content" in (sendable(known(components=[])) or "")


def test_a_format_named_is_kept_over_a_guess() -> None:
    (added,) = plan([], [ITEM | {"parameter_format": "named"}]).added
    assert added.item.parameter_format == "NAMED"


@pytest.mark.parametrize("components", [["x"], [{"text": "no type"}], [{"type": 5}], [None], [{"type": "HOLOGRAM"}]])
def test_unknown_components_are_kept_and_not_sent(components: list[Any]) -> None:
    (added,) = plan([], [ITEM | {"components": components}]).added
    kept = added.fields["components"][0]
    assert kept == components[0] or kept == {"type": "UNKNOWN", "value": components[0]}
    assert sendable(known(components=added.fields["components"])) is not None


@pytest.mark.parametrize(
    "item",
    [{}, {"name": "x"}, {"name": 5, "language": "en"}, {"name": "x", "language": ["en"]}, {"value": 1}, {"name": " "}],
)
def test_what_has_no_name_or_language_is_counted_and_nothing_else(item: dict[str, Any]) -> None:
    made = plan([], [item, ITEM])
    assert (made.unreadable, len(made.added)) == (1, 1)


def test_a_name_that_is_listed_twice_is_one_template() -> None:
    made = plan([], [ITEM, ITEM | {"status": "PENDING"}])
    assert [one.item.status for one in made.added] == ["PENDING"]


@pytest.mark.parametrize("language", ["en-US", {"code": "en_US"}])
def test_a_language_is_one_in_every_spelling(language: object) -> None:
    assert plan([known()], [ITEM | {"language": language}]).unchanged == 1


def test_control_characters_of_a_status_are_shown_as_signs() -> None:
    listed = read(ITEM | {"status": "AP\x1b[2J"})
    assert listed is not None and "\x1b" not in listed.status
