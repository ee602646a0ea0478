"""`campaign create`, `edit`, `delete` and `duplicate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.clock import DAY
from store import audiences
from tests.builders import contacts_file, number
from tests.cli import Here
from tests.clock import FakeClock
from tests.tui.cli_scene import MAPPED, OTHER_SENDER, SENDER, draft, set_up, templates_file


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


def create(file: Path | str, **changes: str | None) -> list[str]:
    """The arguments of a complete `campaign create`, with some changed or left out (`None`)."""
    options = {"name": "Sale", "template": "greeting:en_US", "sender": SENDER, "audience": str(file), **changes}
    pairs = [(f"--{name.replace('_', '-')}", value) for name, value in options.items() if value is not None]
    return ["campaign", "create", *(part for pair in pairs for part in pair)]


def placeholders(sendoff: Here, campaign_id: int) -> dict[str, Any]:
    found: dict[str, Any] = sendoff.json("campaign", "show", campaign_id)["placeholders"]
    return found


def test_create_prints_the_id_alone_and_tells_the_rest_beside_it(sendoff: Here, tmp_path: Path) -> None:
    rows = [("A", number(1), "C1"), ("B", number(1), "C2"), ("", "nonsense", "C3")]
    answer = sendoff(*create(contacts_file(tmp_path, rows)), *MAPPED)
    assert (answer.status, answer.out) == (0, "1\n")
    assert "3 rows, 1 will get it, 2 skipped" in answer.err
    shown = sendoff.json("campaign", "show", 1)
    assert shown["status"] == "draft"
    assert (shown["audience"], shown["skipped"], shown["pending"]) == (3, 2, 1)
    assert (shown["sender"], shown["template"], shown["name"]) == (SENDER, "greeting:en_US", "Sale")
    assert (shown["audience_file"], shown["over_quota"], shown["grace"]) == ("contacts.csv", "fail", 60)


def test_R25_create_tells_which_placeholders_are_still_open(sendoff: Here, tmp_path: Path) -> None:
    answer = sendoff(*create(contacts_file(tmp_path, 3)), "--map", "1=Name")
    assert answer.status == 0
    assert "body.2" in answer.err
    assert "body.1" not in answer.err
    assert sendoff.refused("campaign", "schedule", 1, "--at", "tomorrow 10:00") == (3, "unmapped_placeholder")


def test_placeholders_are_named_with_and_without_prefix_and_columns_by_any_spelling(
    sendoff: Here, tmp_path: Path
) -> None:
    options = (
        "--map", "header.1=NAME", "--map", "first_name=name", "--fallback", "body.first_name=friend",
        "--fixed", "button.0.1=a=b",
    )  # fmt: skip
    answer = sendoff(*create(contacts_file(tmp_path, 3), template="order"), *options)
    assert answer.status == 0, answer.err
    assert placeholders(sendoff, 1) == {
        "header.1": {"column": "Name", "fixed": None, "fallback": None},
        "body.first_name": {"column": "Name", "fixed": None, "fallback": "friend"},
        "button.0.1": {"column": None, "fixed": "a=b", "fallback": None},
    }


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        (("--map", "9=Name"), 2, "unknown_placeholder"),
        (("--map", "1=Nope"), 2, "no_such_column"),
        (("--map", "1"), 2, "usage"),
        (("--map", "1=Name", "--map", "body.1=Coupon"), 2, "placeholder_twice"),
        (("--map", "1=Name", "--fixed", "1=x"), 2, "placeholder_twice"),
        (("--name", " "), 2, "name_missing"),
        (("--template", "nothing"), 4, "no_such_template"),
        (("--template", "greeting"), 2, "template_ambiguous"),
        (("--sender", "+4915112345678"), 4, "no_such_sender"),
        (("--sender", "nobody"), 4, "no_such_sender"),
        (("--number-column", "Nope"), 2, "no_such_column"),
        (("--country", "Atlantis"), 2, "unknown_country"),
        (("--audience", "missing.csv"), 2, "unreadable_file"),
        (("--grace", "-1"), 2, "usage"),
        (("--over-quota", "hope"), 2, "usage"),
    ],
)
def test_what_cannot_be_used_leaves_no_draft(
    options: tuple[str, ...], status: int, code: str, sendoff: Here, tmp_path: Path
) -> None:
    assert sendoff.refused(*create(contacts_file(tmp_path, 3)), *options) == (status, code)
    assert sendoff.json("campaign", "list") == []


def test_an_import_that_breaks_off_leaves_no_draft(
    sendoff: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(audiences, "add_rows", interrupted)
    assert sendoff(*create(contacts_file(tmp_path, 3))).status == 130
    assert sendoff.json("campaign", "list") == []
    assert sendoff.json("campaign", "list", "--deleted") == []


def test_the_hint_of_an_unknown_column_names_the_columns(sendoff: Here, tmp_path: Path) -> None:
    answer = sendoff(*create(contacts_file(tmp_path, 3)), "--map", "1=Nope", "--json")
    assert "Name, Phone number, Coupon" in answer.error["hint"]


@pytest.mark.parametrize("spelling", ["918040214021", "+91 80 4021 4021", "00918040214021"])
def test_a_sender_is_named_by_its_number_in_any_spelling(spelling: str, sendoff: Here, tmp_path: Path) -> None:
    assert sendoff(*create(contacts_file(tmp_path, 3), sender=spelling)).status == 0


# edit


def test_edit_changes_only_what_is_given(sendoff: Here, tmp_path: Path) -> None:
    sendoff.json("sender", "add", OTHER_SENDER, "--phone-number-id", "1002")
    campaign_id = draft(sendoff, tmp_path)
    before = sendoff.json("campaign", "show", campaign_id)
    for option, value, key, expected in (
        ("--name", "Autumn sale", "name", "Autumn sale"),
        ("--sender", OTHER_SENDER, "sender", OTHER_SENDER),
        ("--grace", 15, "grace", 15),
        ("--over-quota", "wait", "over_quota", "wait"),
    ):
        sendoff.json("campaign", "edit", campaign_id, option, value)
        before[key] = expected
        assert sendoff.json("campaign", "show", campaign_id) == before


def test_edit_changes_one_placeholder_and_keeps_the_others(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.json("campaign", "edit", campaign_id, "--fallback", "1=there")
    assert placeholders(sendoff, campaign_id) == {
        "body.1": {"column": "Name", "fixed": None, "fallback": "there"},
        "body.2": {"column": "Coupon", "fixed": None, "fallback": None},
    }
    sendoff.json("campaign", "edit", campaign_id, "--fixed", "1=Friend")
    assert placeholders(sendoff, campaign_id)["body.1"] == {"column": None, "fixed": "Friend", "fallback": "there"}
    sendoff.json("campaign", "edit", campaign_id, "--map", "1=coupon")
    assert placeholders(sendoff, campaign_id)["body.1"]["column"] == "Coupon"
    sendoff.json("campaign", "edit", campaign_id, "--map", "2=")
    assert set(placeholders(sendoff, campaign_id)) == {"body.1"}


def test_R37_a_blank_cell_takes_the_fallback_that_edit_gives(sendoff: Here, tmp_path: Path) -> None:
    rows = [("", number(1), "C1"), ("B", number(2), "C2")]
    campaign_id = int(sendoff(*create(contacts_file(tmp_path, rows)), *MAPPED).out)
    assert sendoff.json("campaign", "report", campaign_id)["skips"] == {"missing_variable": 1}
    edited = sendoff.json("campaign", "edit", campaign_id, "--fallback", "1=there")
    assert (edited["skipped"], edited["pending"]) == (0, 2)


def test_edit_reads_another_audience(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    other = contacts_file(tmp_path, 25, "other.csv")
    edited = sendoff.json("campaign", "edit", campaign_id, "--audience", other, "--name", "More")
    assert (edited["audience"], edited["name"]) == (25, "More")


def test_edit_with_a_bad_file_or_mapping_changes_nothing(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    before = sendoff.json("campaign", "show", campaign_id)
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n", encoding="utf-8")
    edit = ("campaign", "edit", campaign_id, "--name", "X")
    assert sendoff.refused(*edit, "--audience", bad) == (2, "number_column_unclear")
    assert sendoff.refused(*edit, "--map", "1=Nope") == (2, "no_such_column")
    assert sendoff.refused(*edit, "--country", "IN") == (2, "usage")
    assert sendoff.refused("campaign", "edit", campaign_id) == (2, "usage")
    assert sendoff.json("campaign", "show", campaign_id) == before


def test_another_template_drops_the_placeholders_it_does_not_have(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.json("campaign", "edit", campaign_id, "--template", "order", "--map", "first_name=Name")
    assert set(placeholders(sendoff, campaign_id)) == {"body.first_name"}


def test_R3_only_a_draft_is_edited_or_deleted(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.json("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00")
    assert sendoff.refused("campaign", "edit", campaign_id, "--name", "X") == (3, "not_editable")
    assert sendoff.refused("campaign", "edit", campaign_id, "--map", "77=X") == (3, "not_editable")
    assert sendoff.refused("campaign", "edit", campaign_id, "--audience", contacts_file(tmp_path, 1)) == (
        3,
        "not_editable",
    )
    assert sendoff.refused("campaign", "delete", campaign_id, "--yes") == (3, "not_editable")
    sendoff.json("campaign", "cancel", campaign_id, "--yes")
    assert sendoff.refused("campaign", "edit", campaign_id, "--name", "X") == (3, "not_editable")


# delete and duplicate


def test_delete_needs_a_yes(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    answer = sendoff("campaign", "delete", campaign_id)
    assert answer.status == 2
    assert 'campaign 1 "Spring sale"' in answer.err
    assert "--yes" in answer.err
    assert len(sendoff.json("campaign", "list")) == 1
    assert sendoff("campaign", "delete", campaign_id, "--yes").status == 0
    assert sendoff.json("campaign", "list") == []
    assert sendoff.refused("campaign", "show", campaign_id) == (4, "not_found")
    assert sendoff.refused("campaign", "delete", campaign_id, "--yes") == (4, "not_found")


def test_R8_any_campaign_is_duplicated_as_a_draft_with_a_blank_schedule(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.json("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00")
    answer = sendoff("campaign", "duplicate", campaign_id)
    copy = sendoff.json("campaign", "show", int(answer.out))
    original = sendoff.json("campaign", "show", campaign_id)
    assert (copy["status"], copy["scheduled_at"], copy["duplicate_of"]) == ("draft", None, campaign_id)
    for key in ("audience", "pending", "sender", "template", "placeholders", "grace", "over_quota"):
        assert copy[key] == original[key]


def test_duplicating_a_part_that_is_empty_makes_a_draft_without_rows(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    assert sendoff.json("campaign", "duplicate", campaign_id, "--only", "failed")["audience"] == 0
    assert sendoff.refused("campaign", "duplicate", campaign_id, "--only", "lucky") == (2, "usage")
    assert sendoff.refused("campaign", "duplicate", 99) == (4, "not_found")


def test_R10_a_deleted_draft_is_listed_and_restored(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    assert sendoff("campaign", "list", "--deleted").out == "No draft was deleted within the last 7 days.\n"
    assert sendoff("campaign", "delete", campaign_id, "--yes").status == 0
    (gone,) = sendoff.json("campaign", "list", "--deleted")
    assert (gone["id"], gone["restorable_until"][:10]) == (campaign_id, "2026-11-30")
    assert str(campaign_id) in sendoff("campaign", "list", "--deleted").out
    assert sendoff.json("campaign", "restore", campaign_id)["status"] == "draft"
    assert sendoff.json("campaign", "list", "--deleted") == []
    assert sendoff.refused("campaign", "restore", campaign_id) == (3, "not_deleted")
    assert sendoff.refused("campaign", "restore", 99) == (4, "not_found")


def test_R10_from_day_23_show_says_when_a_draft_goes(sendoff: Here, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    assert "deleted in" not in sendoff("campaign", "show", campaign_id).out
    clock.advance(23 * DAY)
    assert "unless it is edited" in sendoff("campaign", "show", campaign_id).out


def test_a_carousel_and_an_offer_are_filled_by_their_keys_and_sent(
    sendoff: Here, tmp_path: Path, clock: FakeClock
) -> None:
    cards = [{"components": [{"type": "header", "format": "image"}]}] * 2
    template = {
        "name": "cards",
        "language": "en_US",
        "category": "MARKETING",
        "components": [
            {"type": "body", "text": "Only {{1}}!"},
            {"type": "limited_time_offer", "limited_time_offer": {"text": "Sale", "has_expiration": True}},
            {"type": "carousel", "cards": cards},
        ],
    }
    sendoff.json("template", "add", templates_file(tmp_path, template))
    shown = sendoff.json("template", "show", "cards")
    assert shown["placeholders"] == [
        "body.1", "offer.expires",
        "card.0.header.media", "card.0.header.media_id", "card.1.header.media", "card.1.header.media_id",
    ]  # fmt: skip
    assert "card 1\n    header  [image: {{media}}]" in sendoff("template", "show", "cards").out
    options = (
        "--map", "body.1=Coupon", "--fixed", "body.1.currency=EUR 5", "--fixed", "offer.expires=2027-01-01 10:00",
        "--fixed", "card.0.header.media_id=77", "--fixed", "card.1.header.media=https://x.example/1.jpg",
    )  # fmt: skip
    assert sendoff(*create(contacts_file(tmp_path, 2), template="cards"), *options).status == 0
    assert placeholders(sendoff, 1)["body.1.currency"]["fixed"] == "EUR 5"
    assert sendoff("campaign", "preflight", 1).status == 0
    assert sendoff("campaign", "edit", 1, "--fixed", "offer.expires=2026-01-01 10:00").status == 0
    assert "ended already" in sendoff("campaign", "preflight", 1).out
    assert sendoff.refused("campaign", "schedule", 1, "--at", "tomorrow 10:00") == (3, "values_refused")
    assert sendoff("campaign", "edit", 1, "--fixed", "offer.expires=soon").status == 0
    assert sendoff.refused("campaign", "schedule", 1, "--at", "tomorrow 10:00") == (3, "unreadable_value")
