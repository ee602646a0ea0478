"""`campaign preflight`, `schedule`, `send`, `cancel`, `reopen`, `reschedule` and `resume`."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import account, audit, campaigns, database, optouts, recipients, transitions
from tests.builders import contacts_file, number
from tests.cli import Here
from tests.clock import START, FakeClock
from tests.tui.cli_scene import MAPPED, PAUSED, SENDER, draft, set_up, templates_file

MINUTE = 60_000


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


def status(sendoff: Here, campaign_id: int) -> str:
    found: str = sendoff.json("campaign", "show", campaign_id)["status"]
    return found


# Preflight


def test_R22_a_preflight_lists_every_problem_at_once_and_is_status_3(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path, "--map", "1=Name", rows=[("A", "nonsense", "C1")])
    answer = sendoff("campaign", "preflight", campaign_id, "--json")
    assert answer.status == 3
    assert answer.json["ok"] is False
    blocking = [check["code"] for check in answer.json["checks"] if check["level"] == "block"]
    assert set(blocking) == {"unmapped_placeholder", "no_valid_recipients"}
    assert answer.error["code"] == blocking[0]
    said = sendoff("campaign", "preflight", campaign_id)
    assert said.out.count("BLOCKS") == 2
    assert said.status == 3


def test_a_preflight_without_a_problem_is_status_0_with_the_price(sendoff: Here, tmp_path: Path) -> None:
    found = sendoff.json("campaign", "preflight", draft(sendoff, tmp_path, rows=25))
    assert (found["ok"], found["valid"], found["price"]) == (True, 25, 25)
    assert {check["level"] for check in found["checks"]} == {"ok"}
    assert all(set(check) == {"code", "level", "text", "advice", "field"} for check in found["checks"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("paused", "template_unavailable"),
        ("edited", "template_changed"),
        ("countries", "no_valid_recipients"),
        ("optouts", "no_valid_recipients"),
    ],
)
def test_R22_R24_R35_the_preflight_of_a_scheduled_campaign_says_what_its_start_will_meet(
    change: str, code: str, sendoff: Here, tmp_path: Path
) -> None:
    campaign_id = draft(sendoff, tmp_path, rows=2)
    sendoff.json("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00")
    before = sendoff.json("campaign", "show", campaign_id)
    with database.session():
        template = account.get_template(campaigns.get(campaign_id).template_id or 0)
        if change == "paused":
            account.change_template(template.id, START, {"status": "PAUSED"})
        elif change == "edited":
            components = [{**one, "text": f"New: {one.get('text', '')}"} for one in template.components]
            account.change_template(template.id, START, {"components": components})
        elif change == "optouts":
            for row in recipients.page(campaign_id, [1, 2]).values():
                optouts.add(row.phone or 0, START, "test")
    if change == "countries":
        sendoff.json("limits", "set", "--countries", "FR")
    answer = sendoff("campaign", "preflight", campaign_id, "--json")
    assert (answer.status, answer.error["code"]) == (3, code)
    assert sendoff.json("campaign", "show", campaign_id) == before


def test_a_preflight_is_for_what_has_not_started(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.json("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00")
    assert sendoff.json("campaign", "preflight", campaign_id)["ok"] is True
    sendoff.json("campaign", "cancel", campaign_id, "--yes")
    assert sendoff.refused("campaign", "preflight", campaign_id) == (3, "illegal_transition")
    assert sendoff.refused("campaign", "preflight", 77) == (4, "not_found")


# Scheduling


def test_R13_a_time_is_read_in_the_accounts_zone_or_the_one_given(sendoff: Here, tmp_path: Path) -> None:
    for arguments, expected in (
        (("--at", "2026-12-01 10:00"), "2026-12-01T10:00:00+05:30"),
        (("--at", "2026-12-01 10:00", "--timezone", "Europe/Berlin"), "2026-12-01T14:30:00+05:30"),
        (("--at", "2026-12-01T10:00+00:00"), "2026-12-01T15:30:00+05:30"),
        (("--at", "tomorrow 09:30"), "2026-11-24T09:30:00+05:30"),
    ):
        scheduled = sendoff.json("campaign", "schedule", draft(sendoff, tmp_path, rows=2), *arguments)
        assert (scheduled["status"], scheduled["scheduled_at"]) == ("scheduled", expected)
        assert scheduled["locked"] is False
        assert scheduled["price"] == 2


def test_the_answer_says_when_it_goes_and_until_when_it_can_be_cancelled(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    said = sendoff("campaign", "schedule", campaign_id, "--at", "2026-11-23 15:30", "--timezone", "Asia/Kolkata").out
    assert 'Campaign 1 "Spring sale" goes to 10 at 2026-11-23T15:30:00+05:30 (Asia/Kolkata), in 1 h 00 min.' in said
    assert "cancelled until 2026-11-23T15:25:00+05:30" in said


def test_R16_less_than_five_minutes_ahead_is_locked_from_birth_and_says_so(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    said = sendoff("campaign", "schedule", campaign_id, "--at", "in 4 min").out
    assert "locked" in said
    assert sendoff.json("campaign", "schedule", draft(sendoff, tmp_path), "--at", "in 4 min")["locked"] is True
    for action in ("cancel", "reopen"):
        assert sendoff.refused("campaign", action, campaign_id, "--yes") == (3, "cancel_locked")
    assert sendoff.refused("campaign", "reschedule", campaign_id, "--at", "tomorrow 10:00") == (3, "cancel_locked")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--at", "2020-01-01 10:00"), (3, "time_in_past")),
        (("--at", "in 0 min"), (3, "time_in_past")),
        (("--at", "2027-03-28 02:30", "--timezone", "Europe/Berlin"), (3, "time_skipped")),
        (("--at", "2027-10-31 02:30", "--timezone", "Europe/Berlin"), (3, "time_ambiguous")),
        (("--at", "soon"), (2, "bad_time")),
        (("--at", "2026-13-01 10:00"), (2, "bad_time")),
        (("--at", "tomorrow 10:00", "--timezone", "Mars/Base"), (2, "unknown_zone")),
        ((), (2, "usage")),
    ],
)
def test_R12_R13_a_time_that_cannot_be_is_refused(
    arguments: tuple[str, ...], expected: tuple[int, str], sendoff: Here, tmp_path: Path
) -> None:
    campaign_id = draft(sendoff, tmp_path)
    assert sendoff.refused("campaign", "schedule", campaign_id, *arguments) == expected
    assert status(sendoff, campaign_id) == "draft"


def test_R26_a_launch_that_the_credits_do_not_cover_is_refused_and_says_how_many_are_missing(
    sendoff: Here, tmp_path: Path
) -> None:
    campaign_id = draft(sendoff, tmp_path, rows=1_200)
    answer = sendoff("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00", "--json")
    assert (answer.status, answer.error["code"]) == (3, "insufficient_credits")
    assert "200 missing" in answer.error["message"]
    assert sendoff.refused("campaign", "send", campaign_id, "--yes") == (3, "insufficient_credits")
    assert sendoff.json("credits", "show") == {"free": 1_000, "reserved": 0, "spent": 0}


def test_R23_a_template_that_is_not_approved_is_refused(sendoff: Here, tmp_path: Path) -> None:
    approved = {**PAUSED, "status": "APPROVED"}
    sendoff.json("template", "add", templates_file(tmp_path, approved))
    campaign_id = draft(sendoff, tmp_path, "--template", "paused_one", *MAPPED)
    sendoff.json("template", "add", templates_file(tmp_path, PAUSED))
    assert sendoff.refused("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00") == (3, "template_unavailable")
    sendoff.json("template", "add", templates_file(tmp_path, approved))
    assert sendoff("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00").status == 0


def test_R23_a_template_that_is_not_approved_cannot_be_chosen(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    create = (
        "campaign", "create", "--name", "Sale", "--template", "paused_one", "--sender", SENDER,
        "--audience", contacts_file(tmp_path, 2),
    )  # fmt: skip
    for command in (create, ("campaign", "edit", campaign_id, "--template", "paused_one")):
        answer = sendoff(*command, "--json")
        assert (answer.status, answer.out, answer.error["code"]) == (3, "", "template_unavailable")
        assert "paused_one:en_US is paused by WhatsApp for low quality" in answer.error["message"]
        assert answer.error["hint"]
    assert [one["template"] for one in sendoff.json("campaign", "list")] == ["greeting:en_US"]


def test_R31_an_audience_without_a_valid_recipient_is_refused(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path, rows=[("A", "nonsense", "C1")])
    assert sendoff.refused("campaign", "send", campaign_id, "--yes") == (3, "no_valid_recipients")


def test_R25_an_unmapped_placeholder_is_refused(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path, "--map", "1=Name")
    assert sendoff.refused("campaign", "send", campaign_id, "--yes") == (3, "unmapped_placeholder")


# Calling off


@pytest.mark.parametrize(("action", "after"), [("cancel", "cancelled"), ("reopen", "draft")])
def test_R14_five_minutes_before_is_accepted_and_a_millisecond_later_refused(
    action: str, after: str, sendoff: Here, tmp_path: Path, clock: FakeClock
) -> None:
    first, second = draft(sendoff, tmp_path), draft(sendoff, tmp_path)
    for campaign_id in (first, second):
        sendoff.json("campaign", "schedule", campaign_id, "--at", "in 10 min")
    clock.set(START + 5 * MINUTE)
    assert sendoff.json("campaign", action, first, "--yes")["status"] == after
    clock.advance(1)
    assert sendoff.refused("campaign", action, second, "--yes") == (3, "cancel_locked")
    assert status(sendoff, second) == "scheduled"


def test_R18_without_a_yes_nothing_changes_and_campaign_time_and_audience_are_named(
    sendoff: Here, tmp_path: Path
) -> None:
    campaign_id = draft(sendoff, tmp_path)
    for action in ("send", "cancel", "reopen"):
        if action == "cancel":
            sendoff.json("campaign", "schedule", campaign_id, "--at", "2026-12-01 10:00")
        before = sendoff.json("campaign", "show", campaign_id)
        answer = sendoff("campaign", action, campaign_id, "--json")
        assert (answer.status, answer.error["code"]) == (2, "not_confirmed")
        assert '"Spring sale"' in answer.error["message"]
        assert "to 10" in answer.error["message"]
        assert "--yes" in answer.error["hint"]
        if action != "send":
            assert "2026-12-01T10:00:00+05:30" in answer.error["message"]
        assert sendoff.json("campaign", "show", campaign_id) == before


def test_R19_after_cancelling_the_row_stays_and_no_credit_is_taken(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.json("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00")
    said = sendoff("campaign", "cancel", campaign_id, "--yes").out
    assert 'Campaign 1 "Spring sale" is cancelled.' in said
    assert [one["status"] for one in sendoff.json("campaign", "list")] == ["cancelled"]
    assert sendoff.json("credits", "show")["free"] == 1_000


def test_R9_every_other_transition_is_refused(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    illegal = (3, "illegal_transition")
    assert sendoff.refused("campaign", "cancel", campaign_id, "--yes") == illegal
    assert sendoff.refused("campaign", "reopen", campaign_id, "--yes") == illegal
    assert sendoff.refused("campaign", "reschedule", campaign_id, "--at", "tomorrow 10:00") == illegal
    assert sendoff.refused("campaign", "resume", campaign_id) == (3, "not_held")
    sendoff.json("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00")
    assert sendoff.refused("campaign", "schedule", campaign_id, "--at", "tomorrow 11:00") == illegal
    assert sendoff.refused("campaign", "send", campaign_id, "--yes") == illegal
    sendoff.json("campaign", "cancel", campaign_id, "--yes")
    for arguments in (
        ("schedule", campaign_id, "--at", "tomorrow 10:00"), ("send", campaign_id, "--yes"),
        ("cancel", campaign_id, "--yes"), ("reopen", campaign_id, "--yes"),
        ("reschedule", campaign_id, "--at", "tomorrow 10:00"),
    ):  # fmt: skip
        assert sendoff.refused("campaign", *arguments) == illegal


def test_reopen_and_reschedule(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.json("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00")
    moved = sendoff.json("campaign", "reschedule", campaign_id, "--at", "2026-12-24 18:00")
    assert moved["scheduled_at"] == "2026-12-24T18:00:00+05:30"
    assert moved["lock_at"] == "2026-12-24T17:55:00+05:30"
    assert sendoff.refused("campaign", "reschedule", campaign_id, "--at", "2020-01-01 10:00") == (3, "time_in_past")
    reopened = sendoff.json("campaign", "reopen", campaign_id, "--yes")
    assert (reopened["status"], reopened["scheduled_at"], reopened["lock_at"]) == ("draft", None, None)
    assert sendoff("campaign", "edit", campaign_id, "--name", "Again").status == 0


# Sending


def test_R17_R27_send_now_reserves_the_price_and_cannot_be_called_off(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path, rows=[("A", number(1), "C1"), ("B", number(2), "C2"), ("C", "bad", "C3")])
    started = sendoff.json("campaign", "send", campaign_id, "--yes")
    assert (started["status"], started["pending"], started["price"]) == ("in_progress", 2, 2)
    assert sendoff.json("credits", "show") == {"free": 998, "reserved": 2, "spent": 0}
    for action in ("cancel", "reopen", "send"):
        assert sendoff.refused("campaign", action, campaign_id, "--yes") == (3, "illegal_transition")
    assert sendoff.refused("campaign", "edit", campaign_id, "--name", "X") == (3, "not_editable")
    assert sendoff.refused("campaign", "delete", campaign_id, "--yes") == (3, "not_editable")
    assert sendoff.refused("campaign", "resume", campaign_id) == (3, "not_held")


def test_R45_a_held_run_is_shown_and_resumed(sendoff: Here, tmp_path: Path, clock: FakeClock) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.json("campaign", "send", campaign_id, "--yes")
    database.open_database(str(sendoff.database))
    with database.session(), database.transaction():
        transitions.hold(campaign_id, "account_paused", "The account is restricted (131031)", clock.now(), None)
    shown = sendoff.json("campaign", "show", campaign_id)
    assert shown["hold"]["reason"] == "account_paused"
    assert "On hold: The account is restricted (131031)" in sendoff("campaign", "report", campaign_id).out
    assert "On hold" in sendoff("campaign", "list").out
    assert sendoff.json("campaign", "resume", campaign_id)["hold"] is None


def test_R11_a_refused_attempt_is_an_audit_event(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    sendoff.refused("campaign", "cancel", campaign_id, "--yes")
    database.open_database(str(sendoff.database))
    with database.session():
        last = audit.events(campaign_id)[-1]
    assert (last.action, last.after["code"]) == ("campaign.cancel.refused", "illegal_transition")


def test_a_campaign_that_is_not_there_is_status_4(sendoff: Here) -> None:
    for arguments in (
        ("show", 7), ("report", 7), ("edit", 7, "--name", "X"), ("delete", 7), ("schedule", 7, "--at", "in 1 h"),
        ("send", 7), ("cancel", 7, "--yes"), ("reopen", 7), ("reschedule", 7, "--at", "in 1 h"), ("resume", 7),
    ):  # fmt: skip
        assert sendoff.refused("campaign", *arguments) == (4, "not_found")
    assert sendoff("campaign", "show", 7).err.startswith("sendoff: There is no campaign 7.")


def test_an_audience_may_be_named_with_another_sender_spelling(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path, "--sender", SENDER.removeprefix("+"), *MAPPED)
    again = contacts_file(tmp_path, 4, "again.csv")
    assert sendoff.json("campaign", "edit", campaign_id, "--audience", again)["audience"] == 4
