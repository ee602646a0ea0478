"""What WhatsApp tells about templates, senders and the account: what changes, what is held, what is no news."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine import callback_intake, ending
from engine.clock import HOUR, MINUTE, SECOND
from engine.commands import drafts, launch, resuming, setup
from engine.context import Context
from engine.decide import ACCOUNT_RESTRICTED, HELD_BACK, UTILITY_RESTRICTED, HoldOrder
from engine.gateway.base import Accepted, Outcome
from engine.notice_intake import TEMPLATE_EDITED, TEMPLATE_STOPPED
from engine.quota import QUOTA_REACHED
from engine.worker import Worker
from store import account, audit, campaigns, database
from store.types import Actor, DraftFields, Endpoint, Hold, Sender, Status, Template
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, actions, progress, refused, rows, started, takes_all, work
from tests.store.invariants import check_invariants

NUMBER = "918040214021"
OURS = "102290129340398"


def told(field: str, value: dict[str, Any], at: int = START, waba: str = OURS) -> bytes:
    """A callback with one change, told at that time."""
    entry = {"id": waba, "time": at // 1_000, "changes": [{"field": field, "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def template_status(event: str, at: int = START, **more: Any) -> bytes:
    value = {"event": event, "message_template_name": "greeting", "message_template_language": "en-US", **more}
    return told("message_template_status_update", value, at)


def account_update(event: str, at: int = START, waba: str = OURS, **more: Any) -> bytes:
    return told("account_update", {"event": event, **more}, at, waba)


def apply(clock: FakeClock, *bodies: bytes) -> int:
    """Take callbacks in; answers how many notices were news."""
    applied = callback_intake.Applied()
    for body in bodies:
        callback_intake.keep(clock, body)
    callback_intake.apply_waiting(clock, applied=applied)
    return applied.notices


def greeting() -> Template:
    return account.find_templates("greeting")[0]


def sender() -> Sender:
    return account.senders()[0]


def hold_of(campaign_id: int) -> Hold | None:
    return campaigns.get(campaign_id).hold


def by_whatsapp(action: str) -> list[tuple[dict[str, Any], dict[str, Any], str]]:
    """What the audit trail tells of an action in WhatsApp's name: before, after, detail."""
    return [
        (dict(event.before), dict(event.after), event.detail)
        for event in audit.events(actions=[action])
        if (event.actor, event.terminal) == ("whatsapp", "callback")
    ]


# Templates


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("PAUSED", "paused by WhatsApp for low quality"),
        ("DISABLED", "disabled by WhatsApp"),
        ("REJECTED", "rejected by WhatsApp"),
        ("PENDING_DELETION", "being deleted"),
        ("SOMETHING_NEW", "something new"),
    ],
)
def test_R44_a_template_that_is_stopped_puts_its_runs_on_hold(
    event: str, words: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    info = {"title": "FIRST_PAUSE", "description": "Paused for 3 hours."}
    assert apply(clock, template_status(event, reason="NONE", other_info=info)) == 1
    held = hold_of(campaign_id)
    assert held is not None
    assert held == Hold(TEMPLATE_STOPPED, f"Template greeting:en_US is {words}: Paused for 3 hours", clock.now(), None)
    assert greeting().status == event
    before, after, detail = by_whatsapp("template.status")[0]
    assert (before["status"], after["status"], detail) == ("APPROVED", event, "Paused for 3 hours.")
    assert "campaign.hold" in actions(campaign_id)


def test_R45_a_template_approved_again_leaves_its_runs_to_a_person(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    apply(clock, template_status("PAUSED"))
    held = hold_of(campaign_id)
    assert apply(clock, template_status("APPROVED", START + SECOND)) == 1
    assert greeting().status == "APPROVED"
    assert hold_of(campaign_id) == held is not None


def test_runs_of_other_templates_go_on(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    with database.transaction():
        other = account.put_template(
            "other", "en_US", status="APPROVED", category="UTILITY", parameter_format="POSITIONAL", components=[],
            quality="", now=START,
        )  # fmt: skip
    value = {"event": "PAUSED", "message_template_name": "other", "message_template_language": "en_US"}
    assert apply(clock, told("message_template_status_update", value)) == 1
    assert account.get_template(other).status == "PAUSED"
    assert hold_of(campaign_id) is None


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (["PAUSED@1", "APPROVED@2"], "APPROVED"),
        (["APPROVED@2", "PAUSED@1"], "APPROVED"),
        (["PAUSED@1", "PAUSED@1", "APPROVED@2", "PAUSED@1"], "APPROVED"),
        (["APPROVED@1", "PAUSED@1"], "PAUSED"),
        (["PAUSED@1", "APPROVED@1"], "PAUSED"),
        (["PAUSED@1", "REINSTATED@2"], "APPROVED"),
        (["FLAGGED@1"], "APPROVED"),
    ],
)
def test_a_templates_events_may_come_again_and_in_any_order(
    events: list[str], status: str, acme: Path, clock: FakeClock
) -> None:
    for event in events:
        kind, _, at = event.partition("@")
        apply(clock, template_status(kind, START + int(at) * SECOND))
    assert greeting().status == status


def test_a_repeated_event_leaves_one_audit_event(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    assert apply(clock, *[template_status("PAUSED")] * 3) == 1
    assert len(by_whatsapp("template.status")) == 1
    assert actions(campaign_id).count("campaign.hold") == 1


def test_a_template_that_is_not_known_here_changes_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    value = {"event": "PAUSED", "message_template_name": "greeting", "message_template_language": "de"}
    assert apply(clock, told("message_template_status_update", value)) == 0
    assert (greeting().status, hold_of(campaign_id)) == ("APPROVED", None)


def test_a_templates_quality_and_category_follow(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    name = {"message_template_name": "greeting", "message_template_language": "en_US"}
    quality = {**name, "previous_quality_score": "GREEN", "new_quality_score": "YELLOW"}
    category = {**name, "previous_category": "MARKETING", "new_category": "UTILITY"}
    assert (
        apply(clock, told("message_template_quality_update", quality), told("template_category_update", category)) == 2
    )
    assert (greeting().quality, greeting().category) == ("YELLOW", "UTILITY")
    assert by_whatsapp("template.quality")[0][1] == {"template": "greeting:en_US", "quality": "YELLOW"}
    assert by_whatsapp("template.category")[0][0]["category"] == "MARKETING"
    assert hold_of(campaign_id) is None


def test_a_category_that_is_going_to_change_is_only_noted(acme: Path, clock: FakeClock) -> None:
    value = {
        "message_template_name": "greeting",
        "message_template_language": "en_US",
        "new_category": "UTILITY",
        "correct_category": "MARKETING",
        "category_update_timestamp": 1_795_500_000,
    }
    apply(clock, told("template_category_update", value))
    assert greeting().category == "UTILITY"
    after = by_whatsapp("template.category")[0][1]
    assert (after["planned"], after["planned_at"]) == ("MARKETING", "2026-11-24T06:00:00+00:00")


def test_R24_a_template_edited_while_it_is_sent_holds_the_run(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    value = {
        "message_template_name": "greeting",
        "message_template_language": "en_US",
        "message_template_element": "Something else, {{1}}",
    }
    assert apply(clock, told("message_template_components_update", value)) == 1
    held = hold_of(campaign_id)
    assert held is not None and held.reason == TEMPLATE_EDITED


# The account


@pytest.mark.parametrize(
    ("event", "more", "words"),
    [
        ("ACCOUNT_VIOLATION", {"violation_info": {"violation_type": "ADULT"}}, "a violation of its policies: ADULT"),
        ("ACCOUNT_DELETED", {}, "was deleted"),
        ("ACCOUNT_OFFBOARDED", {}, "taken off the Cloud API"),
        (
            "DISABLED_UPDATE",
            {"ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2026"}},
            "has disabled the account (April 17, 2026)",
        ),
        (
            "DISABLED_UPDATE",
            {"ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE"}},
            "is going to disable the account",
        ),
        (
            "ACCOUNT_RESTRICTION",
            {"restriction_info": [{"restriction_type": "RESTRICTED_SOMETHING_NEW"}]},
            "restricts the account: something new",
        ),
    ],
)
def test_R44_what_stops_the_account_holds_its_runs_in_words(
    event: str, more: dict[str, Any], words: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    assert apply(clock, account_update(event, **more)) == 1
    held = hold_of(campaign_id)
    assert held is not None and held.reason == ACCOUNT_RESTRICTED
    assert words in held.text
    assert held.until is None
    assert words in by_whatsapp("account.told")[0][2]


@pytest.mark.parametrize(
    "more",
    [
        {"event": "ACCOUNT_RECONNECTED"},
        {"event": "VOLUME_BASED_PRICING_TIER_UPDATE"},
        {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}},
        {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": "RESTRICTED_ADD_PHONE_NUMBER_ACTION", "expiration": 2**40}],
        },
        {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [
                {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": START // 1000 - 1}
            ],
        },
        {"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"restriction_type": "RESTRICTED_UTILITY_TEMPLATES"}]},
    ],
)
def test_what_does_not_concern_the_run_is_only_noted(
    more: dict[str, Any], acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    assert apply(clock, told("account_update", more)) == 1
    assert hold_of(campaign_id) is None
    assert len(by_whatsapp("account.told")) == 1


async def test_R45_a_restriction_lifts_when_it_is_known_to_end(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    ends = START + 24 * HOUR
    listed = [
        {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": ends // 1_000},
        {"restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "expiration": ends // 1_000 + 999},
    ]
    apply(clock, account_update("ACCOUNT_RESTRICTION", restriction_info=listed))
    held = hold_of(campaign_id)
    assert held is not None and held.until == ends
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    assert gateway.handed == []
    clock.advance(24 * HOUR)
    await work(clock, gateway)
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    check_invariants()


@pytest.mark.parametrize("ends", [None, START + HOUR])
async def test_R45_a_restriction_of_the_account_is_one_hold_of_all_its_runs(
    ends: int | None, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    before = started(clock, tmp_path)
    until = {} if ends is None else {"expiration": ends // 1_000}
    listed = [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", **until}]
    apply(clock, account_update("ACCOUNT_RESTRICTION", restriction_info=listed))
    other = setup.add_sender(builders.context(clock), "+918061747780", "1000002").id
    after = builders.draft(clock, tmp_path, 3, "Started later", sender_id=other)
    launch.send_now(builders.context(clock), after)
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    assert gateway.handed == []
    assert [one.reason for one in (hold_of(before), hold_of(after)) if one] == [ACCOUNT_RESTRICTED] * 2
    if ends is None:
        resuming.resume(builders.context(clock), after)
        assert hold_of(before) is None, "lifted together"
    else:
        clock.advance(HOUR)
    await work(clock, gateway)
    assert [campaigns.get(one).status for one in (before, after)] == [Status.COMPLETED] * 2
    assert any(event.detail.startswith("together with campaign") for event in audit.events(actions=["campaign.resume"]))
    check_invariants()


async def test_R45_a_restriction_of_utility_templates_holds_only_runs_of_such(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    marketing = started(clock, tmp_path)
    template = builders.template_file(tmp_path, name="order", category="UTILITY")
    setup.add_templates(builders.context(clock), template)
    utility = []
    for name in ("Before", "After"):
        made = builders.draft(clock, tmp_path, 3, name)
        fields = DraftFields(name, sender().id, account.find_templates("order")[0].id, builders.FILLS)
        drafts.edit(builders.context(clock), made, campaigns.get(made).version, fields)
        launch.send_now(builders.context(clock), made)
        utility.append(made)
        apply(
            clock,
            account_update(
                "ACCOUNT_RESTRICTION", restriction_info=[{"restriction_type": "RESTRICTED_UTILITY_TEMPLATES"}]
            ),
        )
    await work(clock, Scripted(takes_all))
    assert campaigns.get(marketing).status is Status.COMPLETED
    assert [one.reason for one in map(hold_of, utility) if one] == [UTILITY_RESTRICTED] * 2


def test_a_late_ban_does_not_follow_its_own_end(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    apply(clock, account_update("DISABLED_UPDATE", START + SECOND, ban_info={"waba_ban_state": "REINSTATE"}))
    assert apply(clock, account_update("DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"})) == 0
    assert hold_of(campaign_id) is None


def test_another_accounts_trouble_is_not_ours(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    account.update_account(waba_id=OURS)
    assert apply(clock, account_update("ACCOUNT_DELETED", waba="999")) == 0
    assert hold_of(campaign_id) is None
    assert apply(clock, account_update("ACCOUNT_DELETED")) == 1
    assert hold_of(campaign_id) is not None


@pytest.mark.parametrize(
    ("said", "quota"),
    [(2_000, 2_000), ("2000", 2_000), ("TIER_2K", 2_000), ("TIER_UNLIMITED", None), (-1, None), ("TIER_250", 250)],
)
def test_R30_the_quota_follows_what_the_business_may_do(
    said: object, quota: int | None, acme: Path, clock: FakeClock
) -> None:
    account.update_account(quota=77)
    value = {"max_daily_conversations_per_business": said, "max_phone_numbers_per_waba": 25}
    assert apply(clock, told("business_capability_update", value)) == 1
    assert account.get_account().quota == quota
    assert by_whatsapp("account.limits") == [({"quota": 77}, {"quota": quota}, "")]
    assert apply(clock, told("business_capability_update", value, START - SECOND)) == 0


@pytest.mark.parametrize("said", ["lots", 0, -7, True, None, [], 1.5, "TIER_NOT_SET"])
def test_a_quota_that_is_none_changes_nothing(said: object, acme: Path, clock: FakeClock) -> None:
    account.update_account(quota=77)
    assert apply(clock, told("business_capability_update", {"max_daily_conversations_per_business": said})) == 0
    assert account.get_account().quota == 77


def test_alerts_and_reviews_are_in_the_audit_trail(acme: Path, clock: FakeClock) -> None:
    info = {"alert_severity": "WARNING", "alert_type": "OBA_APPROVED", "alert_description": "\x1b[31mRead this"}
    alert = told("account_alerts", {"entity_type": "BUSINESS", "alert_info": info})
    review = told("account_review_update", {"decision": "REJECTED"})
    assert apply(clock, alert, alert, review, review) == 2
    assert by_whatsapp("account.alert") == [({}, {"alert": "OBA_APPROVED"}, "WARNING ␛[31mRead this")]
    assert by_whatsapp("account.review") == [({}, {"decision": "REJECTED"}, "")]


# Senders


@pytest.mark.parametrize(("rate", "after"), [(80, 1_000), (75, 75), (20, 20), (1_000, 1_000), (500, 1_000)])
def test_a_throughput_upgrade_raises_the_rate_unless_an_operator_chose_a_lower_one(
    rate: int, after: int, acme: Path, clock: FakeClock
) -> None:
    account.change_sender(sender().id, {"rate": rate})
    value = {"display_phone_number": NUMBER, "event": "THROUGHPUT_UPGRADE", "current_limit": "TIER_UNLIMITED"}
    assert apply(clock, told("phone_number_quality_update", value)) == 1
    assert sender().rate == after
    assert by_whatsapp("sender.quality")[0][1]["event"] == "THROUGHPUT_UPGRADE"


def test_a_flag_comes_and_goes_and_a_limit_moves_the_quota(acme: Path, clock: FakeClock) -> None:
    def event(kind: str, at: int, **more: Any) -> bytes:
        value = {"display_phone_number": "+91 80402-14021", "event": kind, **more}
        return told("phone_number_quality_update", value, START + at * SECOND)

    apply(clock, event("FLAGGED", 1))
    assert (sender().status, sender().quality) == ("FLAGGED", "RED")
    apply(clock, event("UNFLAGGED", 2), event("FLAGGED", 1))
    assert sender().status == "CONNECTED"
    apply(clock, event("DOWNGRADE", 3, current_limit="TIER_10K"))
    assert account.get_account().quota == 10_000


def test_names_and_pins_are_in_the_audit_trail(acme: Path, clock: FakeClock) -> None:
    name = {
        "display_phone_number": NUMBER,
        "decision": "REJECTED",
        "requested_verified_name": "Acme",
        "rejection_reason": "NAME_EMPLOYEE_ENTITY",
    }
    pin = {"display_phone_number": NUMBER, "event": "PIN_CHANGED", "requester": "61555"}
    assert apply(clock, told("phone_number_name_update", name), told("security", pin), told("security", pin)) == 2
    assert by_whatsapp("sender.name")[0][2] == "Acme: rejected (NAME_EMPLOYEE_ENTITY)"
    assert by_whatsapp("sender.security")[0][1] == {"number": NUMBER, "event": "PIN_CHANGED", "by": "61555"}


# Errors that belong to no message


def gateway_error(code: object, at: int = START, phone_number_id: str = "1000001") -> bytes:
    error = {"code": code, "title": "T", "error_data": {"details": "What happened."}}
    value = {"metadata": {"phone_number_id": phone_number_id}, "errors": [error]}
    return told("messages", value, at)


@pytest.mark.parametrize(
    ("code", "reason"), [(130429, None), (131048, "number_paused"), (131042, "account_paused"), (99999, None)]
)
def test_an_error_without_a_message_is_noted_once_an_hour_and_holds_what_it_stops(
    code: int, reason: str | None, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    assert apply(clock, *[gateway_error(code, START + i * MINUTE) for i in range(50)]) == 1
    assert by_whatsapp("gateway.error") == [({}, {"code": code, "sender": NUMBER}, "What happened.")]
    held = hold_of(campaign_id)
    assert (None if held is None else held.reason) == reason
    assert apply(clock, gateway_error(code, START + HOUR)) == 1


def test_an_error_of_a_number_that_is_no_sender_here_holds_nothing(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    apply(clock, gateway_error(131048, phone_number_id="42"))
    assert hold_of(campaign_id) is None


# Messages that fail after they were accepted, and holds that must not lift by themselves


def failed(campaign_id: int, code: int, seq: int = 1) -> bytes:
    status = {
        "id": f"wamid.{seq}",
        "status": "failed",
        "timestamp": str(START // 1000),
        "biz_opaque_callback_data": f"{campaign_id}.{seq}.1",
        "errors": [{"code": code, "title": "T"}],
    }
    return told("messages", {"statuses": [status]})


def some_refused(to: str, n: int) -> Outcome:
    """The first is taken, everybody else has to be tried again later."""
    return takes_all(to, n) if to.endswith("0000000") else refused(131016)


@pytest.mark.parametrize(
    ("code", "reason"), [(132015, "campaign_paused"), (131048, "number_paused"), (131049, None), (131026, None)]
)
async def test_R44_R45_a_message_dropped_later_holds_the_run_until_a_person_resumes_it(
    code: int, reason: str | None, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 2)
    await send_one_of_two(clock)
    assert progress(campaign_id).sent == 1
    apply(clock, failed(campaign_id, code), failed(campaign_id, code))
    held = hold_of(campaign_id)
    assert (None if held is None else held.reason) == reason
    if held is not None:
        assert held.until is None and f"({code})" in held.text
        assert actions(campaign_id).count("campaign.hold") == 1
        clock.advance(71 * HOUR)
        gateway = Scripted(takes_all)
        await work(clock, gateway)
        assert gateway.handed == [] and hold_of(campaign_id) == held
    check_invariants()


@pytest.mark.parametrize("go_on", [resuming.resume, partial(resuming.reroute, endpoint=Endpoint.MARKETING)])
async def test_R45_a_message_dropped_from_before_a_resume_holds_nothing_again(
    go_on: Callable[[Context, int], object], acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 4)
    two = {builders.number(i).lstrip("+") for i in range(2)}
    await send_all_of(clock, Scripted(lambda to, n: back(to) if to in two else refused(131016)), 4)
    first, second = (row.seq for row in rows(campaign_id) if row.held)
    apply(clock, failed(campaign_id, 132015, first))
    held = hold_of(campaign_id)
    assert held is not None and held.reason == "campaign_paused"
    clock.advance(MINUTE)
    go_on(builders.context(clock), campaign_id)
    await send_all_of(clock, Scripted(lambda to, n: back(to)), 2)
    apply(clock, failed(campaign_id, 132015, second))
    held = hold_of(campaign_id)
    assert held is None or held.reason == HELD_BACK, "the operator knows of that"
    later = next(row.seq for row in rows(campaign_id) if row.held)
    apply(clock, failed(campaign_id, 132015, later))
    held = hold_of(campaign_id)
    assert held is not None and held.reason == "campaign_paused", "what went out since tells something new"
    check_invariants()


def back(to: str) -> Outcome:
    """Taken, and held back."""
    return Accepted(f"wamid.{to}", held=True)


async def send_all_of(clock: FakeClock, gateway: Scripted, n: int) -> None:
    """Let a worker hand over so many messages."""
    worker = Worker(clock, gateway, "service", Random(1))
    while len(gateway.handed) < n:
        await worker.step()
        await clock.sleep(1)
    worker.stop()
    await worker.work()


async def send_one_of_two(clock: FakeClock) -> None:
    """Let a worker send what it can; the second message waits for its retry."""
    gateway = Scripted(some_refused)
    worker = Worker(clock, gateway, "service", Random(1))
    while len(gateway.handed) < 2:
        await worker.step()
        await clock.sleep(0)
    worker.stop()
    await worker.work()


@pytest.mark.parametrize("until", [None, START + 9 * HOUR])
def test_R45_a_hold_that_waits_for_a_person_is_not_replaced_by_one_that_lifts(
    until: int | None, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, HoldOrder("campaign_paused", "The template is paused (132015)"), Actor("t"))
    ending.hold(clock, campaign_id, HoldOrder("other", "Something else", until), Actor("t"))
    held = hold_of(campaign_id)
    assert held is not None
    assert held.reason == ("other" if until is None else "campaign_paused")
    assert held.until is None


def test_R45_a_hold_that_lifts_by_itself_gives_way_to_any(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, HoldOrder(QUOTA_REACHED, "Used up"), Actor("t"))
    apply(clock, template_status("PAUSED"))
    held = hold_of(campaign_id)
    assert held is not None and held.reason == TEMPLATE_STOPPED
    waited = campaigns.get(campaign_id)
    with database.transaction():
        ending.lift(clock.now(), waited, Actor("t"))
    assert hold_of(campaign_id) is None


def test_a_stale_lift_does_not_undo_another_hold(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path)
    ending.hold(clock, campaign_id, HoldOrder(QUOTA_REACHED, "Used up"), Actor("t"))
    stale = campaigns.get(campaign_id)
    apply(clock, template_status("PAUSED"))
    with database.transaction():
        ending.lift(clock.now(), stale, Actor("t"))
    assert hold_of(campaign_id) is not None


# What is odd


@pytest.mark.parametrize(
    "document",
    [
        {"entry": [{"changes": [{"field": "flows", "value": {"event": 7}}]}]},
        {"entry": [{"changes": [{"field": "brand_new", "value": {"x": 1}}]}]},
        {"entry": [{"id": "\ud800", "time": "soon", "changes": [{"value": {"message_template_name": "\ud800"}}]}]},
        {"entry": [{"changes": [{"value": {"message_template_name": "greeting", "event": "PAUSED"}}]}]},
        {"entry": [{"changes": [{"value": {"statuses": [{"status": "played", "id": "\ud800"}]}}]}]},
        {"entry": [{"changes": [{"value": {"display_phone_number": "9" * 40, "event": "FLAGGED"}}]}]},
        {"entry": [{"changes": [{"value": {"errors": [{"code": 2**70}, 7], "metadata": []}}]}]},
    ],
)
def test_what_is_unknown_or_odd_is_kept_and_raises_nothing(
    document: dict[str, Any], acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path)
    raw = json.dumps(document).encode()
    apply(clock, raw)
    assert hold_of(campaign_id) is None
    assert database.execute("SELECT body FROM callback_event").fetchall() == [(raw.decode(),)]
    check_invariants()


def test_before_there_is_an_account_notices_change_nothing_and_break_nothing(db: Path, clock: FakeClock) -> None:
    apply(clock, account_update("ACCOUNT_DELETED"), template_status("PAUSED"))
    apply(clock, told("business_capability_update", {"max_daily_conversations_per_business": 250}))
    assert actions() == ["account.told"]
