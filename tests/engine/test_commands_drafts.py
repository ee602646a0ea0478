"""Drafts: create, edit, give an audience, delete, duplicate."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from engine.clock import DAY
from engine.commands import drafts, duplicating, launch
from engine.errors import BadInput, NotFound, Refused
from engine.gateway.base import Outcome, Unknown
from store import account, callbacks, campaigns, database, ledger, optouts, outcomes, recipients
from store.types import DraftFields, Fill, RecipientState, SkipReason, Status, StatusUpdate
from tests import builders
from tests.clock import FakeClock
from tests.sending import Scripted, actions, campaign_in, events, refused, rows, started, takes_all, work
from tests.store.invariants import check_invariants

NOT_DRAFT = [status for status in Status if status is not Status.DRAFT]


def renamed(campaign_id: int, name: str) -> DraftFields:
    return replace(drafts.fields_of(campaigns.get(campaign_id)), name=name)


def audiences() -> int:
    return int(database.execute("SELECT COUNT(*) FROM audience").fetchone()[0])


def test_a_draft_may_be_incomplete(acme: Path, clock: FakeClock) -> None:
    campaign_id = drafts.create(builders.context(clock), DraftFields(name=drafts.UNTITLED))
    found = campaigns.get(campaign_id)
    assert (found.status, found.sender_id, found.audience, found.created_by) == (Status.DRAFT, None, None, "asha")


@pytest.mark.parametrize(("fields", "code"), [({"sender_id": 77}, "not_found"), ({"template_id": 77}, "not_found")])
def test_a_draft_names_only_what_there_is(fields: dict[str, int], code: str, acme: Path, clock: FakeClock) -> None:
    with pytest.raises(NotFound) as missing:
        drafts.create(builders.context(clock), DraftFields("Sale", **fields))  # type: ignore[arg-type]  # ids by name
    assert missing.value.code == code
    campaign_id = drafts.create(builders.context(clock), DraftFields("Sale"))
    with pytest.raises(NotFound):
        drafts.edit(builders.context(clock), campaign_id, 1, DraftFields("Sale", **fields))  # type: ignore[arg-type]


def test_R20_a_grace_below_zero_is_no_grace(acme: Path, clock: FakeClock) -> None:
    with pytest.raises(BadInput) as bad:
        drafts.create(builders.context(clock), DraftFields("Sale", grace=-1))
    assert bad.value.code == "bad_grace"


def test_an_edit_saves_everything_an_operator_can_set(acme: Path, clock: FakeClock) -> None:
    context = builders.context(clock)
    campaign_id = drafts.create(context, DraftFields("Sale"))
    wanted = DraftFields("Autumn", account.senders()[0].id, account.templates()[0].id, builders.FILLS, grace=5)
    edited = drafts.edit(context, campaign_id, campaigns.get(campaign_id).version, wanted)
    assert drafts.fields_of(edited) == wanted


def test_an_edit_of_a_stale_version_is_refused_and_nothing_is_lost(acme: Path, clock: FakeClock) -> None:
    context = builders.context(clock)
    campaign_id = drafts.create(context, DraftFields("Sale"))
    stale = campaigns.get(campaign_id).version
    drafts.edit(context, campaign_id, stale, renamed(campaign_id, "Theirs"))
    with pytest.raises(Refused) as refusal:
        drafts.edit(context, campaign_id, stale, renamed(campaign_id, "Mine"))
    assert refusal.value.code == "changed_meanwhile"
    assert campaigns.get(campaign_id).name == "Theirs"


@pytest.mark.parametrize("status", NOT_DRAFT)
def test_R3_only_a_draft_is_edited_or_deleted(status: Status, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = campaign_in(status, clock, tmp_path)
    before = campaigns.get(campaign_id)
    contacts = builders.contacts_file(tmp_path, 5, "other.csv")
    for attempt in (
        lambda: drafts.edit(context, campaign_id, before.version, renamed(campaign_id, "Other")),
        lambda: drafts.delete(context, campaign_id),
        lambda: drafts.import_audience(context, campaign_id, before.version, contacts),
    ):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "not_editable" and refusal.value.hint
    assert campaigns.get(campaign_id) == before
    assert actions(campaign_id)[-3:] == ["campaign.edit.refused", "campaign.delete.refused", "campaign.import.refused"]


def test_R9_the_store_refuses_an_edit_that_a_stale_screen_believes_in(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = campaign_in(Status.SCHEDULED, clock, tmp_path)
    before = campaigns.get(campaign_id)
    fields = renamed(campaign_id, "Other")
    assert not campaigns.edit(campaign_id, before.version, fields, None, clock.now())
    assert not campaigns.delete(campaign_id, clock.now())
    assert campaigns.get(campaign_id) == before


def test_a_deleted_draft_is_gone(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path)
    drafts.delete(context, campaign_id)
    for attempt in (drafts.delete, duplicating.duplicate, launch.send_now, launch.cancel):
        with pytest.raises(NotFound) as missing:
            attempt(context, campaign_id)
        assert missing.value.message == f"There is no campaign {campaign_id}."


def test_an_import_tells_what_it_found(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = drafts.create(context, DraftFields("Sale"))
    good = [("Asha", builders.number(1), "C1"), ("Ben", builders.number(2), "C2")]
    bad = [("Cem", "015170000001", "C3"), ("Dan", builders.number(1), "C4"), ("Eve", "", "C5")]
    steps: list[int] = []
    file = builders.contacts_file(tmp_path, [*good, *bad])
    found = drafts.import_audience(context, campaign_id, 1, file, progress=steps.append)
    skipped = {"missing_country_code": 1, "duplicate": 1, "blank": 1}
    assert (found.rows, found.valid, found.skipped) == (5, 2, skipped)
    assert steps == [5]
    check_invariants(campaign_id)


def test_R33_a_file_that_cannot_be_read_changes_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 4)
    before = campaigns.get(campaign_id)
    torn = tmp_path / "torn.csv"
    torn.write_text("just words\nand more\n", encoding="utf-8")
    with pytest.raises(BadInput):
        drafts.import_audience(context, campaign_id, before.version, torn)
    assert campaigns.get(campaign_id) == before
    assert audiences() == 1


def test_a_new_audience_replaces_the_old_one(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 4)
    version = campaigns.get(campaign_id).version
    drafts.import_audience(context, campaign_id, version, builders.contacts_file(tmp_path, 7))
    assert campaigns.get(campaign_id).progress.audience == 7
    assert audiences() == 1
    check_invariants(campaign_id)


def test_an_import_into_a_draft_that_changed_meanwhile_leaves_nothing_behind(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 4)
    stale = campaigns.get(campaign_id).version
    drafts.edit(context, campaign_id, stale, renamed(campaign_id, "Theirs"))
    with pytest.raises(Refused) as refusal:
        drafts.import_audience(context, campaign_id, stale, builders.contacts_file(tmp_path, 7))
    assert refusal.value.code == "changed_meanwhile"
    assert (campaigns.get(campaign_id).progress.audience, audiences()) == (4, 1)


def test_an_import_that_is_interrupted_leaves_nothing_behind(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = drafts.create(context, DraftFields("Sale"))

    def interrupt(rows_read: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drafts.import_audience(context, campaign_id, 1, builders.contacts_file(tmp_path, 7), progress=interrupt)
    assert audiences() == 0
    assert database.execute("SELECT COUNT(*) FROM recipient").fetchone()[0] == 0


def test_an_edit_of_the_mapping_decides_the_rows_anew(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, [("Asha", builders.number(1), ""), ("Ben", builders.number(2), "C2")])
    assert campaigns.get(campaign_id).progress.skipped == 1
    fields = drafts.fields_of(campaigns.get(campaign_id))
    fills = {**fields.fills, "body.2": Fill(column="Coupon", fallback="WELCOME")}
    drafts.edit(context, campaign_id, campaigns.get(campaign_id).version, replace(fields, fills=fills))
    assert campaigns.get(campaign_id).progress.skipped == 0
    check_invariants(campaign_id)


@pytest.mark.parametrize("status", Status)
def test_R8_a_duplicate_is_a_new_draft_with_the_same_content_and_no_schedule(
    status: Status, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = campaign_in(status, clock, tmp_path)
    before = campaigns.get(campaign_id)
    copy_id = duplicating.duplicate(builders.context(clock), campaign_id)
    copy = campaigns.get(copy_id)
    assert copy_id != campaign_id and copy.status is Status.DRAFT
    assert (copy.scheduled_at, copy.timezone, copy.template_frozen, copy.duplicate_of) == (
        None,
        None,
        None,
        campaign_id,
    )
    assert drafts.fields_of(copy) == replace(drafts.fields_of(before), name=f"{before.name} (copy)")
    assert [row.phone for row in rows(copy_id)] == [row.phone for row in rows(campaign_id)]
    assert copy.progress.pending == copy.progress.audience == 3
    assert campaigns.get(campaign_id) == before
    check_invariants()


def test_R8_a_duplicate_without_audience_has_none(acme: Path, clock: FakeClock) -> None:
    context = builders.context(clock)
    copy_id = duplicating.duplicate(context, drafts.create(context, DraftFields("Sale")))
    assert campaigns.get(copy_id).audience is None


def finished(clock: FakeClock, folder: Path) -> int:
    """A Completed campaign of seven rows, one failed for good, one in a way that may be retried, one unknown."""

    def outcome(to: str, n: int) -> Outcome:
        ends: dict[str, Outcome] = {"1": refused(131026), "2": refused(131009), "3": Unknown("time-out")}
        return ends.get(to[-1]) or takes_all(to, n)

    campaign_id = builders.draft(clock, folder, 7)
    launch.send_now(builders.context(clock), campaign_id)
    asyncio.run(work(clock, Scripted(outcome)))
    read = [StatusUpdate(campaign_id, seq, None, "read", clock.now()) for seq in (5, 6)]
    delivered = StatusUpdate(campaign_id, 7, None, "delivered", clock.now())
    callbacks.apply([], [*read, delivered], clock.now())
    states = [row.state for row in rows(campaign_id)]
    sent, failed, unknown = RecipientState.SENT, RecipientState.FAILED, RecipientState.UNKNOWN
    assert states == [sent, failed, failed, unknown, sent, sent, sent]
    return campaign_id


@pytest.mark.parametrize(("only", "lines"), [("failed", [4]), ("unknown", [5]), ("unread", [2, 8])])
def test_R49_a_duplicate_takes_the_part_that_is_asked_for(
    only: str, lines: list[int], acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = finished(clock, tmp_path)
    copy_id = duplicating.duplicate(builders.context(clock), campaign_id, only)
    copy = campaigns.get(copy_id)
    assert [row.line for row in rows(copy_id)] == lines
    assert (copy.progress.pending, copy.name) == (len(lines), f"Spring sale ({only})")
    assert all(row.state is RecipientState.PENDING and row.error is None for row in rows(copy_id))
    check_invariants()


def test_R49_who_can_never_be_reached_is_not_tried_again(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = campaign_in(Status.FAILED, clock, tmp_path)
    copy_id = duplicating.duplicate(builders.context(clock), campaign_id, "failed")
    assert campaigns.get(copy_id).progress.audience == 0


def test_R49_there_is_no_other_part(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path)
    with pytest.raises(Refused) as refusal:
        duplicating.duplicate(builders.context(clock), campaign_id, "bounced")
    assert refusal.value.code == "no_such_part" and "failed, unknown, unread" in refusal.value.hint


def test_R8_a_duplicate_that_breaks_off_leaves_no_draft_behind(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = builders.draft(clock, tmp_path, 3)

    def interrupted(audience_id: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recipients, "chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        duplicating.duplicate(builders.context(clock), campaign_id)
    assert database.execute("SELECT id FROM campaign").fetchall() == [(campaign_id,)]
    assert audiences() == 1


def test_R38_a_duplicate_skips_who_opted_out_since(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = campaign_in(Status.COMPLETED, clock, tmp_path)
    optouts.add(rows(campaign_id)[1].phone or 0, clock.now(), "reply: STOP")
    copy_id = duplicating.duplicate(builders.context(clock), campaign_id)
    assert [row.skip for row in rows(copy_id)] == [None, SkipReason.OPTED_OUT, None]


def test_R11_every_draft_command_leaves_an_event_with_before_and_after(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 3, name="Sale")
    edited = drafts.edit(context, campaign_id, campaigns.get(campaign_id).version, renamed(campaign_id, "Autumn"))
    copy_id = duplicating.duplicate(context, campaign_id)
    drafts.delete(context, campaign_id)
    assert actions(campaign_id) == ["campaign.create", "campaign.import", "campaign.edit", "campaign.delete"]
    assert actions(copy_id) == ["campaign.duplicate"]
    by_action = {event.action: event for event in events(campaign_id)}
    change = by_action["campaign.edit"]
    assert (change.before["name"], change.after["name"]) == ("Sale", "Autumn")
    assert (change.actor, change.terminal, change.at) == ("asha", "test", clock.now())
    assert by_action["campaign.import"].after == {"file": "contacts.csv", "valid": 3, "skipped": {}}
    assert by_action["campaign.delete"].before["name"] == edited.name
    assert events(copy_id)[0].before == {"campaign": campaign_id}


def test_R11_a_refused_edit_leaves_an_event_and_changes_nothing_else(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = campaign_in(Status.IN_PROGRESS, clock, tmp_path)
    before, spent = campaigns.get(campaign_id), ledger.balance()
    with pytest.raises(Refused):
        drafts.delete(builders.context(clock), campaign_id)
    last = events(campaign_id)[-1]
    assert (last.action, last.after["code"]) == ("campaign.delete.refused", "not_editable")
    assert "In Progress" in last.detail
    assert (campaigns.get(campaign_id), ledger.balance()) == (before, spent)


def test_a_copy_of_all_keeps_the_reasons_of_the_import(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("Asha", builders.number(1), "C1"), ("Ben", "nonsense", "C2")])
    copy_id = duplicating.duplicate(builders.context(clock), campaign_id)
    assert [row.skip for row in rows(copy_id)] == [None, SkipReason.INVALID_NUMBER]
    assert recipients.audience_of(copy_id) != recipients.audience_of(campaign_id)


@pytest.mark.parametrize(("later_ms", "lines"), [(0, [3]), (DAY - 1, [3]), (DAY, [2, 3])])
def test_R49_from_whom_whatsapp_withheld_it_is_offered_again_only_after_24_hours(
    later_ms: int, lines: list[int], acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 2)
    codes = {builders.number(0).lstrip("+"): 131049, builders.number(1).lstrip("+"): 131009}
    asyncio.run(work(clock, Scripted(lambda to, n: refused(codes[to]))))
    clock.set(outcomes.attempts(campaign_id, 1)[-1].at + later_ms)
    assert duplicating.parts(campaign_id, clock.now())["failed"] == len(lines)
    copy_id = duplicating.duplicate(builders.context(clock), campaign_id, "failed")
    assert [row.line for row in rows(copy_id)] == lines


@pytest.mark.parametrize(("later_ms", "lines"), [(0, [3]), (DAY, [2, 3])])
def test_R49_the_same_of_what_a_callback_told(
    later_ms: int, lines: list[int], acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 2)
    asyncio.run(work(clock, Scripted(takes_all)))
    at = clock.now() + 60_000
    update = StatusUpdate(campaign_id, 1, None, "failed", at, 131049)
    callbacks.apply([], [update], at)
    clock.set(at + later_ms)
    assert duplicating.parts(campaign_id, clock.now())["unread"] == len(lines)
    copy_id = duplicating.duplicate(builders.context(clock), campaign_id, "unread")
    assert [row.line for row in rows(copy_id)] == lines
