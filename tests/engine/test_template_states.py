"""What a template has to be when it is chosen, at check 1 and at check 2, and what counts as changed (R23, R24)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import pricing, root_causes, starting
from engine.clock import HOUR
from engine.commands import drafts, launch, recurring, setup
from engine.errors import Refused
from engine.templates import status_words
from store import account, campaigns, ledger
from store.types import Campaign, DraftFields, Fill, RootCause, Status
from tests import builders
from tests.clock import FakeClock
from tests.store.invariants import check_invariants

WORDS = {
    "PENDING": "waiting for WhatsApp's review",
    "REJECTED": "rejected by WhatsApp",
    "PAUSED": "paused by WhatsApp for low quality",
    "DISABLED": "disabled by WhatsApp",
    "IN_APPEAL": "rejected, with an appeal under review",
    "PENDING_DELETION": "being deleted",
    "DELETED": "deleted",
    "LIMIT_EXCEEDED": "over the account's limit of templates",
    "FLAGGED": "flagged by WhatsApp for low quality",
    "REINSTATED": "reinstated by WhatsApp",
    "LOCKED": "locked by WhatsApp",
    "ARCHIVED": "archived",
    "UNARCHIVED": "back from the archive",
    "QUARANTINED_SINCE_2027": "quarantined since 2027",
    "approved_with_notes": "approved with notes",
    "\x1b[31mRED": "␛[31mred",
}
"""Every status that is known of (Meta, template status update), and some that nobody knows yet."""

FULL: dict[str, Any] = {
    **builders.GREETING,
    "name": "aaa_full",
    "components": [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://cdn.example/1?sig=a"]}},
        {"type": "BODY", "text": "Dear {{1}}, {{2}}", "example": {"body_text": [["Asha", "C1"]]}},
        {"type": "FOOTER", "text": "Reply STOP to opt out"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "URL", "text": "Shop", "url": "https://x.example/{{1}}", "example": ["https://x.example/a"]},
                {"type": "QUICK_REPLY", "text": "Later"},
                {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+918040214021"},
            ],
        },
    ],
}
FILLS = {
    "header.media": Fill(fixed="https://x.example/a.jpg"),
    "body.1": Fill(column="Name", fallback="there"),
    "body.2": Fill(column="Coupon"),
    "button.0.1": Fill(column="Coupon"),
}


def put(clock: FakeClock, folder: Path, template: dict[str, Any], **changes: Any) -> int:
    return setup.add_templates(builders.context(clock), builders.template_file(folder, template, **changes))[0].id


def fields(template_id: int, fills: dict[str, Fill] | None = None) -> DraftFields:
    return DraftFields("Sale", account.senders()[0].id, template_id, fills or {})


def scheduled(clock: FakeClock, folder: Path, template: dict[str, Any] = FULL, fills: dict[str, Fill] = FILLS) -> int:
    """A campaign in an hour."""
    context = builders.context(clock)
    chosen = fields(put(clock, folder, template), fills)
    campaign_id, _ = drafts.create_with_audience(context, chosen, builders.contacts_file(folder, 3))
    launch.schedule_at(context, campaign_id, "in 60 min")
    return campaign_id


def start(clock: FakeClock, campaign_id: int) -> Campaign:
    clock.advance(HOUR)
    starting.start_due(clock, campaign_id)
    check_invariants(campaign_id)
    return campaigns.get(campaign_id)


# R23


@pytest.mark.parametrize("status", WORDS)
def test_R23_a_template_that_is_not_approved_cannot_be_chosen(
    status: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    template_id = put(clock, tmp_path, builders.GREETING, name="other", status=status)
    campaign_id = builders.draft(clock, tmp_path, 3)
    before = campaigns.get(campaign_id)
    attempts: list[Callable[[], object]] = [
        lambda: drafts.create(context, fields(template_id)),
        lambda: drafts.create_with_audience(context, fields(template_id), builders.contacts_file(tmp_path, 1)),
        lambda: drafts.edit(context, campaign_id, before.version, fields(template_id)),
    ]
    for attempt in attempts:
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "template_unavailable"
        assert refusal.value.message == f"Template other:en_US is {WORDS[status]}."
        assert refusal.value.hint
    assert campaigns.get(campaign_id) == before
    assert campaigns.get(campaign_id).template_id != template_id


@pytest.mark.parametrize("status", WORDS)
def test_R23_check_1_refuses_what_is_no_longer_approved(
    status: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 3)
    put(clock, tmp_path, builders.GREETING, status=status)
    attempts: list[Callable[[], object]] = [
        lambda: launch.schedule_at(context, campaign_id, "tomorrow 10:00"),
        lambda: launch.send_now(context, campaign_id),
        lambda: recurring.create(context, campaign_id, "0 10 * * *"),
    ]
    for attempt in attempts:
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "template_unavailable"
        assert WORDS[status] in refusal.value.message
    # What the draft has stays, and the rest of it can be worked on.
    found = campaigns.get(campaign_id)
    renamed = replace(drafts.fields_of(found), name="Other")
    assert drafts.edit(context, campaign_id, found.version, renamed).status is Status.DRAFT


@pytest.mark.parametrize("status", WORDS)
def test_R23_R40_check_2_fails_what_is_no_longer_approved_naming_the_state(
    status: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = scheduled(clock, tmp_path, builders.GREETING, builders.FILLS)
    put(clock, tmp_path, builders.GREETING, status=status)
    failed = start(clock, campaign_id)
    assert (failed.status, failed.status_reason) == (Status.FAILED, RootCause.TEMPLATE_UNAVAILABLE.value)
    assert failed.status_detail == {"template": "greeting:en_US", "state": status.upper()}
    assert WORDS[status] in root_causes.text(RootCause.TEMPLATE_UNAVAILABLE, failed.status_detail)
    assert (failed.progress.sent, ledger.balance().reserved, ledger.balance().spent) == (0, 0, 0)


def test_R23_approved_again_in_time_it_runs(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = scheduled(clock, tmp_path)
    put(clock, tmp_path, FULL, status="PAUSED")
    put(clock, tmp_path, FULL)
    assert start(clock, campaign_id).status is Status.IN_PROGRESS


def test_R23_every_known_status_has_words_of_its_own() -> None:
    known = [status for status in WORDS if status_words(status) != status.replace("_", " ").lower()]
    assert len(known) >= 11
    assert len({status_words(status) for status in WORDS}) == len(WORDS)


# R24


def changed(path: tuple[int | str, ...], value: Any) -> dict[str, Any]:
    """The full template with one thing in it another."""
    template = copy.deepcopy(FULL)
    place: Any = template["components"]
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return template


CHANGES = {
    "header format": changed((0, "format"), "VIDEO"),
    "header gone": changed((0,), None),
    "body": changed((1, "text"), "Dear {{1}}: {{2}}"),
    "body blank": changed((1, "text"), "Dear {{1}},  {{2}}"),
    "footer": changed((2, "text"), "Reply STOP"),
    "footer gone": changed((2,), None),
    "button text": changed((3, "buttons", 0, "text"), "Buy"),
    "button address": changed((3, "buttons", 0, "url"), "https://evil.example/{{1}}"),
    "button kind": changed((3, "buttons", 1, "type"), "COPY_CODE"),
    "button number": changed((3, "buttons", 2, "phone_number"), "+918040214022"),
    "button gone": changed((3, "buttons", 1), None),
    "something new": changed((1, "add_security_recommendation"), True),
    "parameter format": {**FULL, "parameter_format": "NAMED"},
}


@pytest.mark.parametrize("what", CHANGES)
def test_R24_R40_any_change_of_the_content_fails_it(what: str, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = scheduled(clock, tmp_path)
    put(clock, tmp_path, CHANGES[what])
    failed = start(clock, campaign_id)
    assert (failed.status, failed.status_reason) == (Status.FAILED, RootCause.TEMPLATE_CHANGED.value)
    assert failed.status_detail == {"template": "aaa_full:en_US"}
    assert ledger.balance().reserved == 0


SAME = {
    "read again": FULL,
    "quality": {**FULL, "quality_score": {"score": "RED"}},
    # The addresses of examples carry a signature, which is another one with every reading.
    "media example": changed((0, "example"), {"header_handle": ["https://cdn.example/1?sig=b"]}),
    "body example": changed((1, "example"), {"body_text": [["Noor", "C2"]]}),
    "button example": changed((3, "buttons", 0, "example"), ["https://x.example/b"]),
    "case of a type": changed((0, "type"), "header"),
    "case of a button": changed((3, "buttons", 0, "type"), "url"),
    "language's spelling": {**FULL, "language": "en-US"},
}


@pytest.mark.parametrize("what", SAME)
def test_R24_what_is_no_content_changes_nothing(what: str, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = scheduled(clock, tmp_path)
    put(clock, tmp_path, SAME[what])
    assert start(clock, campaign_id).status is Status.IN_PROGRESS


@pytest.mark.parametrize(("free", "status"), [(9, Status.IN_PROGRESS), (8, Status.FAILED)])
def test_R24_R26_R27_another_category_is_another_price_and_no_other_content(
    free: int, status: Status, db: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = {"UTILITY": 1, "MARKETING": 3}
    monkeypatch.setattr(pricing, "price_table", lambda category, media: {pricing.DEFAULT: prices[category]})
    builders.account_with_sender(clock, tmp_path, credits=free)
    campaign_id = scheduled(clock, tmp_path, {**FULL, "category": "UTILITY"})
    assert campaigns.get(campaign_id).price == 3
    # WhatsApp bills what the category is when a message goes.
    put(clock, tmp_path, {**FULL, "category": "MARKETING"})
    found = start(clock, campaign_id)
    assert found.status is status
    if status is Status.FAILED:
        assert found.status_detail == {"needed": 9, "free": 8, "missing": 1}
    else:
        assert (found.price, found.progress.reserved, found.prices) == (9, 9, {"": 3})
