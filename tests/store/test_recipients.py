"""Audience rows: importing, skipping, copying and reading them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pytest

from store import audiences, callbacks, campaigns, database, outcomes, recipients, tallies
from store.codec import dump
from store.errors import Missing
from store.models import Recipient as RecipientModel
from store.types import ContactRow, Delivery, Recipient, RecipientState, ResultKind, SkipReason, Status, StatusUpdate
from tests.clock import START
from tests.store.invariants import check_invariants
from tests.store.scene import Scene, contact, contacts, countries_of, result

MIXED = [
    contact(1, "IN"),
    contact(2, skip=SkipReason.INVALID_NUMBER, country=None),
    contact(3, "US"),
    contact(4, skip=SkipReason.DUPLICATE),
    contact(5, None),
    contact(6, "IN", SkipReason.OPTED_OUT),
    contact(7, "IN"),
]


def all_rows(audience_id: int) -> list[Recipient]:
    return [row for chunk in recipients.chunks(audience_id) for row in chunk]


def raw_rows(audience_id: int) -> list[tuple[object, ...]]:
    """The rows as the database has them, but for the audience they are of."""
    found = database.execute("SELECT * FROM recipient WHERE audience_id = ? ORDER BY seq", (audience_id,)).fetchall()
    return [tuple(row[1:]) for row in found]


def audience_sizes() -> list[tuple[int, int]]:
    """Every audience with the number of its rows, also of rows without one."""
    sql = (
        "SELECT a.id, (SELECT COUNT(*) FROM recipient r WHERE r.audience_id = a.id) FROM audience a "
        "UNION SELECT audience_id, COUNT(*) FROM recipient GROUP BY audience_id"
    )
    return sorted((audience_id, n) for audience_id, n in database.execute(sql).fetchall())


def new_audience() -> int:
    return audiences.new_audience("contacts.csv", ("number", "name"), "number", "IN", START)


def counts(rows: Sequence[ContactRow]) -> tuple[Counter[str], Counter[str]]:
    skipped = Counter(row.skip.value for row in rows if row.skip is not None)
    return skipped, Counter(row.country or "" for row in rows if row.skip is None)


def test_R35_R41_an_import_brings_rows_counters_and_reasons(scene: Scene) -> None:
    campaign_id = scene.draft(MIXED)
    progress = campaigns.progress(campaign_id)
    assert (progress.audience, progress.skipped, progress.pending) == (7, 3, 4)
    assert tallies.of(campaign_id, tallies.SKIP) == {"duplicate": 1, "invalid_number": 1, "opted_out": 1}
    assert tallies.of(campaign_id, tallies.COUNTRY) == {"IN": 2, "US": 1, "": 1}
    check_invariants(campaign_id)


def test_rows_come_back_as_they_were_read(scene: Scene) -> None:
    odd = ContactRow(2, ("", "नमस्ते \x1b[31m", '"quoted", comma\nand line'), 919000000001, "IN", None)
    skipped = ContactRow(9, ("9.19E+11", "x", ""), None, None, SkipReason.MANGLED_NUMBER)
    campaign_id = scene.draft([odd, skipped])
    first, second = all_rows(recipients.audience_of(campaign_id))
    assert (first.seq, first.line, first.cells, first.phone, first.country) == (1, 2, odd.cells, odd.phone, "IN")
    assert (first.state, first.skip, first.attempt, first.delivery) == (RecipientState.PENDING, None, 0, Delivery.NONE)
    assert (second.seq, second.line, second.cells, second.phone) == (2, 9, skipped.cells, None)
    assert (second.state, second.skip) == (RecipientState.SKIPPED, SkipReason.MANGLED_NUMBER)
    assert (second.message_id, second.error, second.handed_at, second.sent_at, second.read_at) == (None,) * 5


def test_importing_with_executemany_stores_what_peewee_stores(db: str) -> None:
    rows = [*MIXED, ContactRow(99, ("", "नमस्ते", "\x00"), None, None, SkipReason.BLANK)]
    fast, slow = new_audience(), new_audience()
    audiences.add_rows(fast, 1, rows)
    with database.transaction():
        RecipientModel.insert_many(
            {
                "audience_id": slow,
                "seq": seq,
                "line": row.line,
                "phone": row.phone,
                "country": row.country,
                "cells": dump(list(row.cells)),
                "state": RecipientState.PENDING if row.skip is None else RecipientState.SKIPPED,
                "skip": row.skip,
            }
            for seq, row in enumerate(rows, 1)
        ).execute()
    assert raw_rows(fast) == raw_rows(slow)
    assert len(raw_rows(fast)) == 8


def test_a_large_import_comes_in_chunks_and_leaves_the_same_way(scene: Scene) -> None:
    campaign_id = scene.draft()
    audience_id, rows = new_audience(), contacts(audiences.CHUNK * 2 + 5)
    for lo in range(0, len(rows), audiences.CHUNK):
        audiences.add_rows(audience_id, lo + 1, rows[lo : lo + audiences.CHUNK])
        assert campaigns.progress(campaign_id).audience == 0, "nothing shows before it is whole"
    assert audiences.attach(campaign_id, 1, audience_id, *counts(rows), START)
    sizes = [len(chunk) for chunk in recipients.chunks(audience_id, campaign_id)]
    assert sizes == [audiences.CHUNK, audiences.CHUNK, 5]
    assert [row.seq for row in all_rows(audience_id)] == list(range(1, len(rows) + 1))
    check_invariants(campaign_id)
    smaller = scene.attach(campaign_id, contacts(3))
    audiences.drop_audience(audience_id)
    assert audience_sizes() == [(smaller, 3)]
    check_invariants(campaign_id)


def test_a_chunk_goes_in_whole_or_not_at_all(db: str) -> None:
    audience_id = new_audience()
    audiences.add_rows(audience_id, 3, contacts(1))
    with pytest.raises(Exception, match="UNIQUE"):
        audiences.add_rows(audience_id, 1, contacts(4))
    assert [row.seq for row in all_rows(audience_id)] == [3]
    audiences.add_rows(audience_id, 4, [])
    assert [row.seq for row in all_rows(audience_id)] == [3]


def test_an_import_into_a_draft_that_changed_meanwhile_changes_nothing(scene: Scene) -> None:
    campaign_id = scene.draft(contacts(2))
    old, before = recipients.audience_of(campaign_id), campaigns.get(campaign_id)
    audience_id, rows = new_audience(), contacts(5)
    audiences.add_rows(audience_id, 1, rows)
    assert not audiences.attach(campaign_id, before.version - 1, audience_id, *counts(rows), START + 1)
    assert campaigns.get(campaign_id) == before
    assert audience_sizes() == [(old, 2), (audience_id, 5)]
    check_invariants(campaign_id)


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.DRAFT])
def test_R3_R39_only_a_draft_takes_another_audience(scene: Scene, status: Status) -> None:
    campaign_id = scene.in_status(status)
    before = campaigns.get(campaign_id)
    audience_id, rows = new_audience(), contacts(5)
    audiences.add_rows(audience_id, 1, rows)
    assert not audiences.attach(campaign_id, before.version, audience_id, *counts(rows), START)
    assert campaigns.get(campaign_id) == before
    check_invariants(campaign_id)


def test_attaching_is_one_step(scene: Scene) -> None:
    campaign_id = scene.draft(contacts(2))
    before = campaigns.get(campaign_id)
    audience_id, rows = new_audience(), contacts(5)
    audiences.add_rows(audience_id, 1, rows)
    with pytest.raises(RuntimeError), database.transaction():
        assert audiences.attach(campaign_id, before.version, audience_id, *counts(rows), START)
        raise RuntimeError
    assert campaigns.get(campaign_id) == before
    check_invariants(campaign_id)


def test_an_audience_belongs_to_one_campaign(scene: Scene) -> None:
    first, second = scene.draft(contacts(2)), scene.draft()
    audience_id = recipients.audience_of(first)
    with pytest.raises(Exception, match="UNIQUE"):
        audiences.attach(second, 1, audience_id, Counter(), Counter({"IN": 2}), START)
    assert campaigns.get(second).audience is None
    check_invariants(first, second)


def test_dropping_leaves_an_audience_alone_that_a_campaign_has(scene: Scene) -> None:
    campaign_id = scene.draft(contacts(2))
    audiences.drop_audience(recipients.audience_of(campaign_id))
    assert len(all_rows(recipients.audience_of(campaign_id))) == 2
    half = new_audience()
    audiences.add_rows(half, 1, contacts(3))
    audiences.drop_audience(half)
    audiences.drop_audience(new_audience())
    assert audience_sizes() == [(recipients.audience_of(campaign_id), 2)]


def sent_out(scene: Scene) -> int:
    """A run with a row of every kind: sent, read, delivered, undelivered, failed, unknown, skipped, pending."""
    campaign_id = scene.running([*contacts(7), contact(8, skip=SkipReason.BLANK), contact(9)])
    window, rows = scene.claim(campaign_id, scene.lease(), 7)
    kinds = [ResultKind.SENT] * 5 + [ResultKind.FAILED, ResultKind.UNKNOWN]
    results = [result(row.seq, kind) for row, kind in zip(rows, kinds, strict=True)]
    outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)
    updates = [(2, "read"), (3, "delivered"), (4, "failed"), (5, "sent")]
    callbacks.apply([], [StatusUpdate(campaign_id, seq, None, what, START, 131026) for seq, what in updates], START)
    return campaign_id


@pytest.mark.parametrize(
    ("states", "unread", "copied"),
    [
        (None, False, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ([RecipientState.FAILED], False, [6]),
        ([RecipientState.UNKNOWN], False, [7]),
        ([RecipientState.FAILED, RecipientState.UNKNOWN], False, [6, 7]),
        (None, True, [1, 3, 4, 5]),
    ],
)
def test_R8_R49_a_copy_takes_rows_by_what_became_of_them(
    scene: Scene, states: Sequence[RecipientState] | None, unread: bool, copied: list[int]
) -> None:
    source = sent_out(scene)
    audience = campaigns.get(source).audience
    assert audience is not None
    originals = {row.seq: row for row in all_rows(audience.id)}
    target = scene.draft()
    assert audiences.attach(target, 1, *audiences.copy_rows(audience, states, unread, START + 5), START + 5)
    found = campaigns.get(target)
    assert found.audience is not None
    assert (found.audience.file, found.audience.columns, found.audience.country) == (
        audience.file,
        audience.columns,
        audience.country,
    )
    rows = all_rows(found.audience.id)
    assert [row.seq for row in rows] == list(range(1, len(copied) + 1)), "dense again"
    assert [(row.line, row.cells, row.phone, row.country, row.skip) for row in rows] == [
        (one.line, one.cells, one.phone, one.country, one.skip) for one in (originals[seq] for seq in copied)
    ]
    assert {row.state for row in rows} <= {RecipientState.PENDING, RecipientState.SKIPPED}
    assert {(row.attempt, row.message_id, row.error, row.delivery, row.sent_at) for row in rows} == {
        (0, None, None, Delivery.NONE, None)
    }
    check_invariants(source, target)


def test_a_copy_that_breaks_off_leaves_nothing_behind(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    audience = campaigns.get(scene.draft(contacts(3))).audience
    assert audience is not None
    real = recipients.chunks

    def interrupted(audience_id: int) -> Iterator[list[Recipient]]:
        yield from real(audience_id)
        raise KeyboardInterrupt

    monkeypatch.setattr(recipients, "chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        audiences.copy_rows(audience, None, False, START)
    assert audience_sizes() == [(audience.id, 3)]


def changes(campaign_id: int, wanted: Mapping[int, SkipReason | None]) -> list[tuple[Recipient, SkipReason | None]]:
    page = recipients.page(campaign_id, list(wanted))
    return [(page[seq], skip) for seq, skip in wanted.items()]


@pytest.mark.parametrize("status", [Status.DRAFT, Status.SCHEDULED])
def test_R37_R38_skipping_keeps_counters_reasons_and_countries_in_step(scene: Scene, status: Status) -> None:
    campaign_id = scene.draft(MIXED) if status is Status.DRAFT else scene.scheduled(MIXED)
    opt_out, hole = SkipReason.OPTED_OUT, SkipReason.MISSING_VARIABLE
    recipients.set_skips(campaign_id, changes(campaign_id, {1: opt_out, 3: hole, 5: opt_out, 6: hole}))
    check_invariants(campaign_id)
    progress = campaigns.progress(campaign_id)
    assert (progress.audience, progress.skipped, progress.pending) == (7, 6, 1)
    assert tallies.of(campaign_id, tallies.SKIP) == {
        "missing_variable": 2,
        "opted_out": 2,
        "duplicate": 1,
        "invalid_number": 1,
    }
    assert tallies.of(campaign_id, tallies.COUNTRY) == {"IN": 1}
    recipients.set_skips(campaign_id, changes(campaign_id, {1: None, 3: None, 6: None}))
    check_invariants(campaign_id)
    assert tallies.of(campaign_id, tallies.COUNTRY) == {"IN": 3, "US": 1}
    assert campaigns.progress(campaign_id).version > progress.version


def test_skipping_leaves_alone_what_changed_since_it_was_read(scene: Scene) -> None:
    campaign_id = scene.draft(MIXED)
    stale = changes(campaign_id, {1: SkipReason.OPTED_OUT, 3: SkipReason.OPTED_OUT, 6: None})
    fresh = {1: SkipReason.MISSING_VARIABLE, 6: SkipReason.MISSING_VARIABLE}
    recipients.set_skips(campaign_id, changes(campaign_id, fresh))
    recipients.set_skips(campaign_id, stale)
    check_invariants(campaign_id)
    skips = {seq: row.skip for seq, row in recipients.page(campaign_id, [1, 3, 6]).items()}
    assert skips == {1: SkipReason.MISSING_VARIABLE, 3: SkipReason.OPTED_OUT, 6: SkipReason.MISSING_VARIABLE}


def test_skipping_what_is_so_already_changes_no_count(scene: Scene) -> None:
    campaign_id = scene.draft(MIXED)
    before = recipients.count_states(campaign_id)
    recipients.set_skips(campaign_id, changes(campaign_id, {1: None, 6: SkipReason.OPTED_OUT}))
    assert recipients.count_states(campaign_id) == before
    check_invariants(campaign_id)


@pytest.mark.parametrize("status", [Status.IN_PROGRESS, Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_R39_R29_rows_are_frozen_once_the_run_has_started(scene: Scene, status: Status) -> None:
    campaign_id = scene.in_status(status)
    before = campaigns.progress(campaign_id)
    recipients.set_skips(campaign_id, changes(campaign_id, {1: SkipReason.OPTED_OUT, 2: None}))
    assert campaigns.progress(campaign_id) == before
    check_invariants(campaign_id)


def test_R39_with_a_version_only_the_scheduled_campaign_as_it_was_is_changed(scene: Scene) -> None:
    campaign_id = scene.scheduled(MIXED)
    version = campaigns.get(campaign_id).version
    barred = changes(campaign_id, {1: SkipReason.OPTED_OUT})
    assert not recipients.set_skips(campaign_id, barred, version - 1)
    assert recipients.page(campaign_id, [1])[1].skip is None
    assert recipients.set_skips(campaign_id, barred, version)
    assert recipients.page(campaign_id, [1])[1].skip is SkipReason.OPTED_OUT
    check_invariants(campaign_id)


def test_a_report_filters_by_state_delivery_reason_and_error(scene: Scene) -> None:
    campaign_id = sent_out(scene)

    def seqs(**wanted: object) -> list[int]:
        return list(recipients.seqs(campaign_id, **wanted))  # type: ignore[arg-type]  # filters named by the test

    assert seqs() == list(range(1, 10))
    assert seqs(states=[RecipientState.SENT]) == [1, 2, 3, 4, 5]
    assert seqs(states=[RecipientState.FAILED]) == [6]
    assert seqs(states=[RecipientState.UNKNOWN]) == [7]
    assert seqs(states=[RecipientState.UNKNOWN, RecipientState.FAILED]) == [6, 7]
    assert seqs(states=[RecipientState.UNKNOWN, RecipientState.PENDING]) == [7, 9]
    assert seqs(states=[RecipientState.SENT], delivery=[Delivery.DELIVERED, Delivery.READ]) == [2, 3]
    assert seqs(skip=SkipReason.BLANK) == [8]
    assert seqs(error=131026) == [4, 6], "failed at once, and reported undelivered"
    assert seqs(states=[RecipientState.FAILED], error=131026) == [6]
    assert seqs(states=[RecipientState.FAILED], error=1) == []


def test_a_page_holds_the_rows_asked_for(scene: Scene) -> None:
    campaign_id = scene.draft(contacts(5))
    page = recipients.page(campaign_id, [4, 2, 99])
    assert {seq: (row.seq, row.campaign_id) for seq, row in page.items()} == {2: (2, campaign_id), 4: (4, campaign_id)}
    assert recipients.page(campaign_id, []) == {}


def test_a_number_is_found_in_file_order(scene: Scene) -> None:
    rows = [contact(1, phone=919000000007), contact(2), contact(3, phone=919000000007)]
    campaign_id = scene.draft(rows)
    assert [row.seq for row in recipients.find(campaign_id, 919000000007)] == [1, 3]
    assert recipients.find(campaign_id, 1) == []


def test_R48_rows_are_found_by_any_digits_of_their_number(scene: Scene) -> None:
    rows = [contact(n, phone=phone) for n, phone in enumerate((919000000107, 4915100107, 919000001070, 917), 1)]
    campaign_id = scene.draft([*rows, contact(5, skip=SkipReason.BLANK)])
    assert recipients.find_digits(campaign_id, "107") == [1, 2, 3]
    assert recipients.find_digits(campaign_id, "0107") == [1, 2, 3]
    assert recipients.find_digits(campaign_id, "107", limit=1) == [1]
    assert recipients.find_digits(campaign_id, "919000000107") == [1]
    assert recipients.find_digits(campaign_id, "4915") == [2]
    assert recipients.find_digits(campaign_id, "9190") == [1, 3]
    for nothing in ("555", "", "10²", "١", "%", "_", "x", "9" * 16, "9" * 40):
        assert recipients.find_digits(campaign_id, nothing) == []


def test_R36_numbers_that_came_again_are_known_by_their_skipped_rows(scene: Scene) -> None:
    again = ContactRow(9, ("x", "y"), 919000000001, "IN", SkipReason.DUPLICATE)
    skipped = ContactRow(10, ("x", "y"), 919000000002, "IN", SkipReason.COUNTRY_NOT_ENABLED)
    nameless = ContactRow(11, ("x", "y"), None, None, SkipReason.DUPLICATE)
    campaign_id = scene.draft([contact(1), contact(2), again, again, skipped, nameless])
    assert recipients.repeated_numbers(recipients.audience_of(campaign_id)) == {919000000001}


def test_R49_a_copy_leaves_out_what_failed_for_good(scene: Scene) -> None:
    source = scene.running(contacts(4))
    window, rows = scene.claim(source, scene.lease(), 4)
    codes = {1: 131026, 2: 130472, 3: 131049}
    results = [result(seq, ResultKind.FAILED, code=code) for seq, code in codes.items()]
    outcomes.record(source, [*results, result(4, ResultKind.SENT)], countries_of(rows), [window.id], START)
    audience, target = campaigns.get(source).audience, scene.draft()
    assert audience is not None
    failed = [RecipientState.FAILED]
    copied = audiences.copy_rows(audience, failed, False, START, without_errors={131026, 130472})
    assert audiences.attach(target, 1, *copied, START)
    assert [row.line for row in all_rows(recipients.audience_of(target))] == [contacts(4)[2].line]
    check_invariants(source, target)


def test_the_preview_steps_through_the_valid_rows(scene: Scene) -> None:
    campaign_id = scene.draft(MIXED)
    found = [recipients.first_valid(campaign_id, n) for n in range(5)]
    assert [row and row.seq for row in found] == [1, 3, 5, 7, None]


def test_a_recount_of_the_rows_names_every_state(scene: Scene) -> None:
    assert recipients.count_states(sent_out(scene)) == {
        RecipientState.PENDING: 1,
        RecipientState.SENT: 5,
        RecipientState.FAILED: 1,
        RecipientState.UNKNOWN: 1,
        RecipientState.SKIPPED: 1,
    }


def test_a_campaign_without_an_audience_has_no_rows_to_ask_for(scene: Scene) -> None:
    campaign_id = scene.draft()
    for ask in (recipients.audience_of, recipients.seqs, recipients.count_states):
        with pytest.raises(Missing):
            ask(campaign_id)
