"""Which index the hot queries use: SQLite walks a million rows when it chooses another one.

The statements are those that the store really runs, caught on their way to the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from store import (
    account,
    audit,
    callbacks,
    campaigns,
    contacts,
    database,
    ledger,
    limits,
    listing,
    optouts,
    outcomes,
    quota_meter,
    recipients,
    settling,
    skips,
    tallies,
    testdeliveries,
    testsends,
    windows,
)
from store.models import Campaign, Progress
from store.types import Lease, ListFilter, OptOut, RecipientState, ResultKind, Status, StatusUpdate
from tests.clock import START
from tests.store.back_ends import fresh_url
from tests.store.scene import Scene, countries_of, result
from tests.store.scene import contacts as people

ONE_ROW = {"account", "lease"}
"""Tables that have one row, or one for each sender."""

LIMITS = limits.Limits(None, 1, 7)
EXCEPTIONS = (RecipientState.FAILED, RecipientState.UNKNOWN)


class Full(NamedTuple):
    """A database large enough for SQLite to have a choice."""

    run: int
    audience: int
    page: list[int]
    lease: Lease


def _campaigns(scene: Scene) -> None:
    sizes = {
        Status.DRAFT: 100,
        Status.SCHEDULED: 200,
        Status.COMPLETED: 2_000,
        Status.FAILED: 200,
        Status.CANCELLED: 100,
    }
    with database.transaction():
        for n in range(20):
            account.add_sender(918040214100 + n, f"20{n}", 80, START)
        for number, status in enumerate(one for one, n in sizes.items() for _ in range(n)):
            campaign_id = Campaign.insert(
                name=f"campaign {number}",
                status=status.value,
                created_by="ann",
                created_at=START,
                edited_at=START,
                scheduled_at=START if status is Status.SCHEDULED else None,
                sender=scene.sender_id,
                template_name="spring_sale",
                list_key=campaigns.list_key(status, START + number),
            ).execute()
            Progress.insert(campaign=campaign_id).execute()


def _rows(scene: Scene) -> tuple[int, Lease]:
    run, other = scene.running(people(6_000)), scene.running(people(2_000))
    lease = scene.lease()
    for campaign_id, sent in ((run, 10), (other, 0)):
        window, rows = scene.claim(campaign_id, lease, 900)
        kinds = [ResultKind.SENT] * sent + [ResultKind.PUT_BACK, ResultKind.FAILED, ResultKind.UNKNOWN]
        results = [result(row.seq, kinds[row.seq % len(kinds)]) for row in rows]
        outcomes.record(campaign_id, results, countries_of(rows), [window.id], START)
    return run, lease


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    database.open_database(fresh_url("sqlite", tmp_path_factory.mktemp("plans")), create=True)
    with database.session():
        scene = Scene()
        _campaigns(scene)
        run, lease = _rows(scene)
        with database.transaction():
            optouts.add_many([OptOut(4_915_170_000_000 + n, START + n, "list.csv") for n in range(1_000)])
        events = [callbacks.keep("{}", START) for _ in range(300)]
        strangers = [StatusUpdate(None, None, f"wamid.other.{n}", "read", START) for n in range(1_000)]
        callbacks.apply(events[:280], strangers, START)
        yield Full(run, recipients.audience_of(run), list(listing.ids(ListFilter(), limit=50)), lease)
    database.close_database()


def plans(call: Callable[[], object]) -> list[str]:
    """The plan of every statement that a call runs, made at the moment the statement has just run."""
    found: list[str] = []
    connection = database.proxy.connection()

    def explain(event: Any) -> None:
        if event.sql.split()[0] in {"SELECT", "UPDATE", "DELETE", "INSERT"}:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {event.sql}", event.params or ()).fetchall()
            found.append(f"{event.sql} => " + " | ".join(row[3] for row in rows))

    hooks = database.proxy.obj.query_hooks
    hooks.append(explain)
    try:
        call()
    finally:
        hooks.remove(explain)
    return found


def full_scans(found: list[str]) -> list[str]:
    """The plans that walk a table of any size from its first row to its last."""
    return [
        plan
        for plan in found
        for step in plan.partition(" => ")[2].split(" | ")
        if step.startswith("SCAN") and " USING " not in step and not any(f'"{table}"' in plan for table in ONE_ROW)
    ]


HOT: dict[str, tuple[Callable[[Full], object], str]] = {
    "all ids": (lambda _: listing.ids(ListFilter()), "SCAN t1 USING INDEX campaign_live"),
    "all ids from the end": (
        lambda _: listing.ids(ListFilter(), reverse=True),
        "SCAN t1 USING INDEX campaign_live",
    ),
    "ids under a tab": (
        lambda _: listing.ids(ListFilter(status=Status.COMPLETED)),
        "SEARCH t1 USING INDEX campaign_by_status (status=?)",
    ),
    "ids under a small tab": (
        lambda _: listing.ids(ListFilter(status=Status.IN_PROGRESS)),
        "SEARCH t1 USING INDEX campaign_by_status (status=?)",
    ),
    "counts of the tabs": (lambda _: listing.counts(), "SCAN t1 USING INDEX campaign_by_status"),
    "a page of campaigns": (lambda full: listing.rows(full.page), "SEARCH t1 USING INTEGER PRIMARY KEY (rowid=?)"),
    "one campaign": (lambda full: campaigns.get(full.run), "SEARCH t1 USING INTEGER PRIMARY KEY (rowid=?)"),
    "counters": (lambda full: campaigns.progress(full.run), "SEARCH t1 USING INTEGER PRIMARY KEY (rowid=?)"),
    "due": (lambda _: campaigns.due(START, 1), "SEARCH t1 USING INDEX campaign_"),
    "next due": (lambda _: campaigns.next_due(), "SEARCH t1 USING INDEX campaign_"),
    "running": (lambda _: campaigns.running(1), "SEARCH t1 USING INDEX campaign_by_status (status=?)"),
    "sum of what is scheduled": (lambda _: campaigns.scheduled_price(), "SEARCH t1 USING INDEX campaign_"),
    "a page of recipients": (
        lambda full: recipients.page(full.run, range(3_000, 3_050)),
        "SEARCH recipient USING PRIMARY KEY (audience_id=? AND seq=?)",
    ),
    "next chunk": (
        lambda full: next(iter(recipients.chunks(full.audience))),
        "SEARCH recipient USING PRIMARY KEY (audience_id=? AND seq>?)",
    ),
    "what is out of step": (
        lambda full: skips.out_of_step(full.audience, 3_000, 4_000, ("DE",), LIMITS, START),
        "SEARCH recipient USING PRIMARY KEY (audience_id=? AND seq>? AND seq<?)",
    ),
    "who is out of step by the frequency cap": (
        lambda full: skips.out_of_step(full.audience, 3_000, 4_000, None, LIMITS, START),
        "SEARCH c USING PRIMARY KEY (phone=?)",
    ),
    "failed and unknown": (
        lambda full: recipients.seqs(full.run, states=EXCEPTIONS),
        "SEARCH recipient USING INDEX recipient_exceptions (audience_id=?)",
    ),
    "failed": (
        lambda full: recipients.seqs(full.run, states=[RecipientState.FAILED]),
        "SEARCH recipient USING INDEX recipient_exceptions (audience_id=?)",
    ),
    "unknown": (
        lambda full: recipients.seqs(full.run, states=[RecipientState.UNKNOWN]),
        "SEARCH recipient USING INDEX recipient_exceptions (audience_id=?)",
    ),
    "failed with one code": (
        lambda full: recipients.seqs(full.run, states=EXCEPTIONS[::-1], error=131026),
        "SEARCH recipient USING INDEX recipient_exceptions (audience_id=?)",
    ),
    "next rows of a claim": (
        lambda full: windows.next_rows(full.audience, 900, 50),
        "SEARCH recipient USING PRIMARY KEY (audience_id=? AND seq>?)",
    ),
    "due retries of a claim": (
        lambda full: rolled_back(lambda: windows.claim(full.run, full.lease, 50, START)),
        "SEARCH retry USING INDEX retry_campaign_id_not_before (campaign_id=? AND not_before<?)",
    ),
    "earliest retry": (
        lambda full: windows.next_retry(full.run),
        "SEARCH t1 USING COVERING INDEX retry_campaign_id_not_before (campaign_id=?)",
    ),
    "outcomes": (
        lambda full: rolled_back(lambda: record_every_kind(full.run)),
        "SEARCH recipient USING PRIMARY KEY (audience_id=? AND seq=?)",
    ),
    "take-over": (
        lambda full: rolled_back(lambda: take_over(full)),
        "SEARCH recipient USING PRIMARY KEY (audience_id=? AND seq>? AND seq<?)",
    ),
    "waiting callbacks": (lambda _: callbacks.waiting(), "SCAN t1 USING INDEX callback_waiting"),
    "applying a callback": (
        lambda full: rolled_back(
            lambda: callbacks.apply([290], [StatusUpdate(full.run, 1, "x", "read", START)], START)
        ),
        "SEARCH recipient USING PRIMARY KEY (audience_id=? AND seq=?)",
    ),
    "applying a callback by the message's id": (
        lambda full: rolled_back(
            lambda: callbacks.apply([], [StatusUpdate(None, None, "wamid.9", "read", START)], START)
        ),
        "SEARCH r USING COVERING INDEX recipient_message (message_id=?)",
    ),
    "test sends by the message's id": (
        lambda _: testdeliveries.with_message_ids(["wamid.9"]),
        "USING COVERING INDEX test_send_message (message_id=?)",
    ),
    "kept for a message": (
        lambda _: rolled_back(lambda: callbacks.match(START, ["wamid.other.9"])),
        "SEARCH kept_status USING INDEX sqlite_autoindex_kept_status_1 (message_id=?",
    ),
    "kept for what was handed over since": (
        lambda _: rolled_back(lambda: callbacks.match(START)),
        "kept_status_referenced (campaign_id",
    ),
    "whether a callback is so old": (
        lambda _: callbacks.forgettable(0, START + 1, START + 1),
        "SEARCH callback_event USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ),
    "old callbacks": (
        lambda _: rolled_back(lambda: callbacks.forget(0, START + 1, START + 1, 100)),
        "RETURNING id, received_at, applied_at, unmatched, digest => "
        "SEARCH callback_event USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ),
    "attempts": (
        lambda full: outcomes.attempts(full.run, 11),
        "USING INDEX attempt_campaign_id_seq (campaign_id=? AND seq=?)",
    ),
    "counts by reason": (lambda full: tallies.of(full.run, tallies.SKIP), "USING INDEX sqlite_autoindex_tally_1"),
    "numbers that count": (lambda _: quota_meter.counting([1, 2], START), "SEARCH contact USING PRIMARY KEY (phone=?)"),
    "numbers at the cap": (
        lambda _: limits.capped_among([1, 2], limits.Limits(None, 1, 7), START),
        "SEARCH contact USING PRIMARY KEY (phone=?)",
    ),
    "numbers that stop counting": (
        lambda _: quota_meter.used(START + quota_meter.WINDOW_MS - 1),
        "SEARCH c USING COVERING INDEX contact_at (at>? AND at<?)",
    ),
    "the next place": (lambda _: rolled_back(next_place), "SEARCH c USING COVERING INDEX contact_at (at>?)"),
    "what is forgotten": (
        lambda _: rolled_back(lambda: contacts.purge(START, 100)),
        "SEARCH contact USING COVERING INDEX contact_at (at<?)",
    ),
    "test sends that wait": (lambda _: testsends.waiting(1), "test_send_waiting"),
    "due test sends": (lambda _: testsends.due(1, START), "SEARCH t1 USING INDEX test_send_waiting (sender_id=?)"),
    "a claim of test sends": (
        lambda full: rolled_back(lambda: testsends.claim(1, full.lease, START, START)),
        "SEARCH t1 USING INDEX test_send_waiting (sender_id=?)",
    ),
    "take-over of test sends": (
        lambda full: testsends.recover(1, full.lease.fence, START),
        "SEARCH t1 USING INDEX test_send_waiting (sender_id=?)",
    ),
    "opted out": (lambda _: optouts.among([1, 2]), "SEARCH opt_out USING INTEGER PRIMARY KEY (rowid=?)"),
    "a page of the opt-outs": (
        lambda _: optouts.page(limit=50, offset=10),
        "SCAN t1 USING INDEX opt_out_newest",
    ),
    "an opt-out's place": (
        lambda _: optouts.place(4_915_170_000_500),
        "SEARCH t1 USING COVERING INDEX opt_out_newest (since>?)",
    ),
    "settling all unknown ones": (
        lambda full: rolled_back(lambda: settling.settle(full.run, None, sent=False, actor="asha", now=START)),
        "SEARCH recipient USING INDEX recipient_exceptions (audience_id=?)",
    ),
    "a campaign's events": (lambda full: audit.events(full.run), "USING INDEX audit_campaign_id"),
    "a campaign's credits": (lambda full: ledger.entries(full.run), "USING INDEX ledger_campaign_id"),
}


class RollBack(Exception):
    pass


def rolled_back(call: Callable[[], object]) -> None:
    """Run a change and undo it, so that every test sees the same database."""
    with pytest.raises(RollBack), database.transaction():
        call()
        raise RollBack


def record_every_kind(run: int) -> None:
    kinds = (ResultKind.SENT, ResultKind.FAILED, ResultKind.PUT_BACK, ResultKind.UNKNOWN)
    outcomes.record(run, [result(1_000 + n, kind) for n, kind in enumerate(kinds)], {}, [1], START)


def next_place() -> None:
    account.update_account(quota=10)
    assert quota_meter.refills_at(START) is not None


def take_over(full: Full) -> None:
    assert windows.claim(full.run, full.lease, 50, START - 1_000) is not None
    assert windows.recover(full.run, full.lease.fence + 1, START) == 50


def statistics(there: bool) -> None:
    """Make the planner's statistics, or take them away."""
    if there:
        database.analyze()
    elif database.proxy.table_exists("sqlite_stat1"):
        database.execute("DELETE FROM sqlite_stat1")
        database.execute("ANALYZE sqlite_schema")


@pytest.mark.parametrize("name", list(HOT))
@pytest.mark.parametrize("analyzed", [False, True], ids=["without ANALYZE", "with ANALYZE"])
def test_a_hot_query_uses_its_index(full: Full, name: str, analyzed: bool) -> None:
    statistics(analyzed)
    call, expected = HOT[name]
    found = plans(lambda: call(full))
    assert any(expected in plan for plan in found), "\n".join(found)
    assert full_scans(found) == []


@pytest.mark.parametrize("analyzed", [False, True], ids=["without ANALYZE", "with ANALYZE"])
def test_R20_due_campaigns_are_read_off_their_own_index(full: Full, analyzed: bool) -> None:
    statistics(analyzed)
    found = plans(lambda: campaigns.due(START, 1))[0]
    assert "campaign_due (scheduled_at<?)" in found


def test_a_full_scan_would_be_seen(full: Full) -> None:
    found = plans(lambda: database.execute("SELECT id FROM campaign WHERE name = ?", ("x",)))
    assert len(full_scans(found)) == 1
