"""The report of one campaign."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine import ending, report
from engine.clock import HOUR
from engine.commands import drafts, launch
from engine.decide import HoldOrder
from engine.gateway.base import Outcome, Unknown
from store import callbacks, campaigns, database
from store.errors import Missing
from store.types import DraftFields, RootCause, Status, StatusUpdate
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, campaign_in, refused, schedule_in, started, takes_all, work

CONTRACT = {
    *("id", "name", "status", "status_reason", "hold", "sender", "template", "audience", "skipped", "pending", "sent"),
    *("delivered", "read", "failed", "unknown", "scheduled_at", "lock_at", "started_at", "finished_at", "price"),
    "created_by",
}
"""The names of the command line's contract (DESIGN section 3)."""


@pytest.fixture
def campaign_id(acme: Path, clock: FakeClock, tmp_path: Path) -> int:
    """Ten rows: two skipped, five sent (two read, one delivered, one undelivered), two failed, one unknown."""

    def outcome(to: str, n: int) -> Outcome:
        ends: dict[str, Outcome] = {"5": refused(131026), "6": refused(131009), "7": Unknown("time-out")}
        return ends.get(to[-1]) or takes_all(to, n)

    good = [(f"Customer {i}", builders.number(i), f"C{i}") for i in range(8)]
    found = builders.draft(clock, tmp_path, [*good, ("X", "nonsense", "C"), ("Y", builders.number(0), "C")])
    launch.send_now(builders.context(clock), found)
    asyncio.run(work(clock, Scripted(outcome)))
    said = [(1, "read", None), (2, "read", None), (3, "delivered", None), (4, "failed", 131049)]
    updates = [StatusUpdate(found, seq, f"w{seq}", status, clock.now(), code) for seq, status, code in said]
    callbacks.apply([], updates, clock.now())
    return found


def lines(found: report.Report) -> list[tuple[int, int, bool]]:
    return [(line.code, line.n, line.after_sent) for line in found.errors]


@pytest.mark.parametrize(("part", "whole", "percent"), [(0, 0, None), (0, 5, 0.0), (5, 5, 100.0), (1, 8, 12.5)])
def test_R47_zero_of_zero_has_no_percentage(part: int, whole: int, percent: float | None) -> None:
    assert report.rate(part, whole) == percent


def test_R47_every_rate_has_its_own_base(campaign_id: int) -> None:
    campaign = campaigns.get(campaign_id)
    counters = campaign.progress
    assert (counters.audience, counters.skipped, counters.sent, counters.failed) == (10, 2, 5, 2)
    assert (counters.delivered, counters.read, counters.undelivered, counters.unknown) == (3, 2, 1, 1)
    expected = {"sent": 500 / 8, "delivered": 300 / 5, "read": 200 / 3, "failed": 200 / 8}
    assert report.rates(campaign) == pytest.approx(expected)


def test_R47_a_draft_has_no_delivery_rates(acme: Path, clock: FakeClock) -> None:
    campaign = campaigns.get(drafts.create(builders.context(clock), DraftFields("Sale")))
    assert set(report.rates(campaign).values()) == {None}


def test_R41_the_audience_adds_up_and_a_lie_is_found(campaign_id: int) -> None:
    assert report.adds_up(campaigns.get(campaign_id))
    database.execute("UPDATE progress SET sent = sent + 1")
    assert not report.adds_up(campaigns.get(campaign_id))


def test_R48_errors_are_listed_by_code_in_words_the_most_frequent_first(campaign_id: int) -> None:
    found = report.read(campaign_id)
    assert sorted(lines(found)) == [(131009, 1, False), (131026, 1, False), (131049, 1, True)]
    assert all(line.text and line.advice for line in found.errors)
    assert found.skips == {"duplicate": 1, "invalid_number": 1}
    assert found.zone == builders.ZONE
    assert (found.sender and found.sender.number, found.template and found.template.ref) == (
        918040214021,
        "greeting:en_US",
    )


@pytest.mark.parametrize("cause", RootCause)
def test_R40_every_root_cause_is_told_in_words_with_what_to_do(
    cause: RootCause, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    failed = campaign_in(Status.FAILED, clock, tmp_path)
    database.execute("UPDATE campaign SET status_reason = ?, status_detail = '{}'", (cause.value,))
    told = report.read(failed).root_cause
    assert told is not None and told.code == cause.value
    assert told.text.endswith(".") and told.advice.endswith(".")


def test_R40_only_a_failed_campaign_has_a_root_cause(campaign_id: int) -> None:
    assert report.read(campaign_id).root_cause is None


def test_the_json_has_the_names_of_the_contract(campaign_id: int) -> None:
    found = report.report_json(report.read(campaign_id))
    assert set(found) >= CONTRACT | {"root_cause", "skips", "errors", "rates"}
    assert json.loads(json.dumps(found)) == found
    assert (found["status"], found["sender"], found["template"]) == ("completed", "+918040214021", "greeting:en_US")
    assert (found["audience"], found["sent"], found["root_cause"]) == (10, 5, None)
    rates: Any = found["rates"]
    assert set(rates) == {"sent", "delivered", "read", "failed"}
    errors: Any = found["errors"]
    assert all({"code", "text", "n"} <= set(line) for line in errors)


def test_the_json_of_a_failed_campaign_names_its_root_cause(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    found = report.report_json(report.read(campaign_in(Status.FAILED, clock, tmp_path)))
    cause: Any = found["root_cause"]
    assert (found["status_reason"], cause["code"]) == ("all_rejected", "all_rejected")
    assert set(cause) == {"code", "text", "advice"}


def test_R13_times_are_in_the_accounts_zone_with_its_offset(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign = campaigns.get(schedule_in(clock, tmp_path, ahead_ms=HOUR))
    found = report.campaign_json(campaign, builders.ZONE, None)
    assert found["scheduled_at"] == "2026-11-23T15:30:00+05:30"
    assert found["lock_at"] == "2026-11-23T15:25:00+05:30"
    assert (found["started_at"], found["finished_at"], found["sender"], found["hold"]) == (None, None, None, None)


def test_R45_a_hold_is_told_with_its_reason_and_its_end(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    held = started(clock, tmp_path)
    order = HoldOrder("gateway_unreachable", "No route", until=START + HOUR)
    ending.hold(clock, held, order, builders.OPERATOR)
    found = report.campaign_json(campaigns.get(held), builders.ZONE, None)
    assert found["hold"] == {"reason": "gateway_unreachable", "text": "No route", "until": "2026-11-23T15:30:00+05:30"}


def test_a_report_of_an_incomplete_draft_can_be_read(acme: Path, clock: FakeClock) -> None:
    found = report.read(drafts.create(builders.context(clock), DraftFields("Sale")))
    assert (found.sender, found.template, found.errors, found.skips) == (None, None, (), {})
    assert report.report_json(found)["template"] is None


def test_a_draft_shows_the_template_it_chose(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    found = report.read(builders.draft(clock, tmp_path))
    assert found.template is not None and report.report_json(found)["template"] == "greeting:en_US"


def test_there_is_no_report_of_what_there_is_not(acme: Path) -> None:
    with pytest.raises(Missing):
        report.read(999)
