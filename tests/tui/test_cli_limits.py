"""`sendoff limits`: what the account may do, shown and set."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import database
from tests.cli import Here
from tests.clock import FakeClock
from tests.sending import events
from tests.tui.cli_scene import draft, set_up


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


def test_R30_R35_limits_are_shown_and_only_those_named_are_set(sendoff: Here) -> None:
    assert sendoff.json("limits", "show") == {
        "quota": None,
        "frequency_cap": None,
        "frequency_days": None,
        "countries": None,
        "quota_used": 0,
        "quota_left": None,
        "quota_refills_at": None,
    }
    assert sendoff("limits", "set", "--tier", "2k").status == 0
    assert sendoff("limits", "set", "--frequency-cap", 2, "--frequency-days", 7, "--countries", "de, IN").status == 0
    found = sendoff.json("limits", "show")
    assert (found["quota"], found["quota_left"], found["countries"]) == (2_000, 2_000, ["DE", "IN"])
    assert (found["frequency_cap"], found["frequency_days"]) == (2, 7)
    shown = sendoff("limits", "show").out
    assert "2,000" in shown and "2 in 7 days" in shown and "DE, IN" in shown
    cleared = sendoff.json("limits", "set", "--quota", "unlimited", "--no-frequency-cap", "--countries", "all")
    assert (cleared["quota"], cleared["frequency_cap"], cleared["countries"]) == (None, None, None)


def test_R11_a_change_of_limits_is_audited_with_before_and_after_and_no_change_is_not(sendoff: Here) -> None:
    assert sendoff("limits", "set", "--quota", "7,500").status == 0
    assert sendoff("limits", "set", "--quota", 7500).status == 0
    with database.session():
        [event] = [one for one in events() if one.action == "account.limits"]
    assert (event.before["quota"], event.after["quota"]) == (None, 7_500)
    assert event.after["countries"] is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "nothing_to_set"),
        (("--quota", "0"), "bad_quota"),
        (("--quota", "many"), "bad_quota"),
        (("--quota", "9" * 30), "bad_quota"),
        (("--quota=-5",), "bad_quota"),
        (("--tier", "3K"), "bad_tier"),
        (("--quota", "5", "--tier", "2K"), "usage"),
        (("--frequency-cap", "2"), "bad_frequency_cap"),
        (("--frequency-days", "2"), "bad_frequency_cap"),
        (("--frequency-cap", "2", "--frequency-days", "91"), "bad_frequency_cap"),
        (("--frequency-cap", "5000", "--frequency-days", "7"), "bad_frequency_cap"),
        (("--frequency-cap", "2", "--no-frequency-cap"), "usage"),
        (("--no-frequency-cap", "--frequency-days", "7"), "bad_frequency_cap"),
        (("--countries", "Germany"), "unknown_country"),
        (("--countries", "IN,XX"), "unknown_country"),
        (("--countries", ""), "unknown_country"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_set(sendoff: Here, arguments: tuple[str, ...], code: str) -> None:
    before = sendoff.json("limits", "show")
    assert sendoff.refused("limits", "set", *arguments) == (2, code)
    assert sendoff.json("limits", "show") == before


def test_R35_a_country_that_is_not_enabled_is_a_reason_to_skip_and_followed(sendoff: Here, tmp_path: Path) -> None:
    assert sendoff("limits", "set", "--countries", "IN").status == 0
    campaign_id = draft(sendoff, tmp_path)
    skips = sendoff.json("campaign", "report", campaign_id)["skips"]
    assert set(skips) == {"country_not_enabled"}
    assert sendoff("campaign", "preflight", campaign_id).status == 3
    assert sendoff("limits", "set", "--countries", "all").status == 0
    assert sendoff("campaign", "preflight", campaign_id).status == 0


def test_R30_the_preflight_warns_with_the_numbers_and_does_not_block(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    audience = sendoff.json("campaign", "show", campaign_id)["pending"]
    assert sendoff("limits", "set", "--quota", audience - 1).status == 0
    answer = sendoff("campaign", "preflight", campaign_id)
    assert answer.status == 0
    assert f"quota: {audience - 1} left now, 1 would fail" in answer.out
    assert sendoff("campaign", "edit", campaign_id, "--over-quota", "wait").status == 0
    assert f"quota: {audience - 1} left now, 1 would wait" in sendoff("campaign", "preflight", campaign_id).out
    assert sendoff("limits", "set", "--quota", audience).status == 0
    assert f"quota: {audience} left now, {audience} needed" in sendoff("campaign", "preflight", campaign_id).out
