"""What a sync makes of the gateway's list of phone numbers."""

from __future__ import annotations

from typing import Any

import pytest

from engine.remote_senders import plan, rate_of, read
from store.types import Sender

ITEM: dict[str, Any] = {
    "id": "1906385232743451",
    "display_phone_number": "+1 631-555-5555",
    "verified_name": "Jasper's Market",
    "status": "CONNECTED",
    "quality_rating": "GREEN",
    "name_status": "APPROVED",
    "throughput": {"level": "STANDARD"},
    "whatsapp_business_manager_messaging_limit": "TIER_2K",
}


def known(**changes: Any) -> Sender:
    fields: dict[str, Any] = {
        "id": 1,
        "number": 16315555555,
        "phone_number_id": "1906385232743451",
        "rate": 80,
        "quality": "GREEN",
        "status": "CONNECTED",
        "name": "Jasper's Market",
        "name_status": "APPROVED",
        "throughput": "STANDARD",
    }
    return Sender(**{**fields, **changes})


def test_an_unknown_number_is_added() -> None:
    (added,) = plan([], [ITEM]).added
    assert (added.item.number, added.item.phone_number_id, added.rate) == (16315555555, "1906385232743451", 80)


def test_a_known_one_without_news_is_left_alone() -> None:
    made = plan([known()], [ITEM])
    assert (made.added, made.changed, made.unchanged, made.only_here) == ([], [], 1, [])


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"quality_rating": "YELLOW"}, {"quality": "YELLOW"}),
        ({"status": "a_new_one"}, {"status": "A_NEW_ONE"}),
        ({"verified_name": "Jasper"}, {"name": "Jasper"}),
        ({"throughput": {"level": "HIGH"}}, {"throughput": "HIGH", "rate": 1000}),
        ({"throughput": {"level": "NOT_APPLICABLE"}}, {"throughput": "NOT_APPLICABLE"}),
        ({"is_on_biz_app": True}, {"throughput": "SHARED", "rate": 20}),
        ({"id": "7"}, {"phone_number_id": "7"}),
        ({"display_phone_number": "16315550000"}, {"number": 16315550000}),
        ({"quality_rating": None, "status": None, "throughput": 5, "verified_name": 1}, {}),
    ],
)
def test_what_changed_is_renewed_and_what_was_not_said_stays(change: dict[str, Any], fields: dict[str, Any]) -> None:
    made = plan([known()], [ITEM | change])
    assert [dict(one.fields) for one in made.changed] == ([fields] if fields else [])


@pytest.mark.parametrize(
    ("rate", "before", "level", "after"),
    [
        (80, "STANDARD", "HIGH", 1000),
        (50, "STANDARD", "HIGH", 50),
        (1000, "HIGH", "STANDARD", 80),
        (500, "", "STANDARD", 80),
        (40, "", "STANDARD", 40),
        (80, "", "HIGH", 1000),
    ],
)
def test_a_rate_an_operator_lowered_stays_and_one_above_the_level_never_does(
    rate: int, before: str, level: str, after: int
) -> None:
    made = plan([known(rate=rate, throughput=before)], [ITEM | {"throughput": {"level": level}}])
    fields = made.changed[0].fields if made.changed else {}
    assert fields.get("rate", rate) == after


def test_a_sender_that_is_not_listed_is_told_and_kept() -> None:
    made = plan([known(), known(id=2, number=4915112345678, phone_number_id="2")], [ITEM])
    assert [one.id for one in made.only_here] == [2]


def test_a_number_that_is_known_under_another_sender_s_id_changes_nothing() -> None:
    other = known(id=2, number=4915112345678, phone_number_id="2")
    made = plan([known(), other], [ITEM | {"id": "2"}])
    assert made.changed == [] and made.added == []
    assert "belongs to +4915112345678" in made.conflicts[0]


def test_one_number_under_two_ids_is_one_sender() -> None:
    made = plan([], [ITEM, ITEM | {"id": "8"}])
    assert len(made.added) == 1 and "two phone number ids" in made.conflicts[0]
    again = plan([known()], [ITEM, ITEM | {"id": "8"}])
    assert (again.added, again.changed, len(again.conflicts)) == ([], [], 1)


@pytest.mark.parametrize("item", [{}, {"id": "1"}, {"id": "1", "display_phone_number": "none"}, {"value": [1]}])
def test_what_has_no_id_or_number_is_counted(item: dict[str, Any]) -> None:
    assert read(item) is None
    assert plan([], [item]).unreadable == 1


def test_an_older_version_s_words_count_too() -> None:
    listed = read({"id": 5, "display_phone_number": "+1 631-555-5555", "messaging_limit_tier": "TIER_1K"})
    assert listed is not None and (listed.limit, listed.phone_number_id) == ("TIER_1K", "5")


def test_levels_nobody_knows_say_nothing_of_the_rate() -> None:
    assert rate_of("LUDICROUS") is None
