"""The invariants: a busy store breaks none, and each way to break it is seen as exactly what it is."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from engine import invariant_facts, invariants
from store import database
from tests.clock import START, FakeClock
from tests.engine import busy

NOW = START + busy.MINUTE
TAKE_OUT = "INSERT INTO ledger (at, kind, amount, free_after, reserved_after, spent_after, actor, note) SELECT 1, "
LATER = "UPDATE lease SET fence = fence + 1"


WIDE = ("quota_noted", "test_apart")
"""Checks of the whole account that name a campaign."""


class Break(NamedTuple):
    """One way to break a store, and what is found then."""

    codes: str
    rule: str
    text: str
    sql: str
    """`{run}` and the other statuses stand for their campaigns, `{sent}`, `{flying}` for test sends."""
    of: str | None = "in_progress"
    """The status of the campaign concerned, or which test send; `None` for the account."""


BREAKS = [
    Break("credits_total credits_ledger", "R29", "topped up", "UPDATE account SET free = free + 1", None),
    Break("credits_ledger", "R29", "entries come to", "UPDATE account SET free = free - 1, spent = spent + 1", None),
    Break(
        "credits_ledger",
        "R29",
        "newest entry notes",
        f"{TAKE_OUT} 'reserve', 1, free, reserved, spent, 'x', '' FROM account;"
        f"{TAKE_OUT} 'release', 1, free + 1, reserved, spent, 'x', '' FROM account",
        None,
    ),
    Break(
        "credits_reserved",
        "R29",
        "are reserved, but runs hold",
        "UPDATE account SET free = free - 5, reserved = reserved + 5;"
        f"{TAKE_OUT} 'reserve', 5, free, reserved, spent, 'x', '' FROM account",
        None,
    ),
    Break(
        "campaign_credits",
        "R29",
        "pending and unknown rows are worth",
        'UPDATE campaign SET prices = \'{{"": 7, "DE": 7}}\' WHERE id = {in_progress}',
    ),
    Break(
        "credits_reserved campaign_credits campaign_ledger",
        "R29",
        "credits are reserved, but its unknown rows are worth 0",
        "UPDATE progress SET settled = settled - 1 WHERE campaign_id = {completed}",
        "completed",
    ),
    Break(
        "campaign_ledger",
        "R29",
        "credits settled, the ledger",
        f"{TAKE_OUT} 'settle', 1, free, reserved, spent, 'x', '' FROM account;"
        "UPDATE ledger SET campaign_id = NULL WHERE kind = 'settle' AND campaign_id = {completed};"
        "DELETE FROM ledger WHERE actor = 'x'",
        "completed",
    ),
    Break("test_credits", "R29", "settle", "UPDATE ledger SET key = 'x' WHERE key = 'test:{sent}:end'", "sent"),
    Break(
        "campaign_ledger test_apart",
        "R32",
        "a test send is counted in its credits",
        "UPDATE ledger SET campaign_id = {draft} WHERE key = 'test:{sent}:end'",
        "draft",
    ),
    Break("counters", "R41", "read = 4, the rows 0", "UPDATE progress SET read = 4 WHERE campaign_id = {in_progress}"),
    Break("counters", "R41", "no counters", "DELETE FROM progress WHERE campaign_id = {draft}", "draft"),
    Break(
        "counters audience_sum",
        "R41",
        "its parts come to",
        "UPDATE progress SET audience = audience + 1 WHERE campaign_id = {completed}",
        "completed",
    ),
    Break(
        "counters delivery_unsent tallies",
        "R46",
        "without having been sent",
        "UPDATE recipient SET delivery = 1 WHERE seq = 5 AND audience_id = {audience}",
    ),
    Break(
        "skip_reasons tallies",
        "R35",
        "skipped without a reason",
        "UPDATE recipient SET skip = NULL WHERE line = 14 AND audience_id = {audience}",
    ),
    *(
        Break(
            "tallies",
            "R48",
            f"the tally {kind} says",
            f"UPDATE tally SET n = n + 1 WHERE kind = '{kind}' AND campaign_id = {{{status}}}",
            status,
        )
        for kind, status in (
            ("skip", "in_progress"),
            ("error", "failed"),
            ("sent_at", "completed"),
            ("pricing", "in_progress"),
            ("country", "scheduled"),
        )
    ),
    Break(
        "tallies",
        "R48",
        "the tally undelivered says 131026 1, the rows nothing",
        "INSERT INTO tally VALUES ({completed}, 'undelivered', '131026', 1)",
        "completed",
    ),
    Break("quota_meter", "R30", "a recount", "UPDATE quota_meter SET used = used + 1", None),
    Break(
        "quota_noted",
        "R30",
        "does not count its rows 1",
        "DELETE FROM contact WHERE campaign_id = {in_progress} AND seq = 1;"
        "UPDATE quota_meter SET used = (SELECT COUNT(DISTINCT phone) FROM contact)",
    ),
    Break(
        "quota_noted",
        "R30",
        "neither taken nor on their way",
        "INSERT INTO contact SELECT phone, {in_progress}, 9, at, 1 FROM contact LIMIT 1",
    ),
    Break(
        "number_twice",
        "R43",
        "the same number",
        "UPDATE recipient SET phone = (SELECT phone FROM recipient WHERE seq = 11 AND audience_id = {audience}) "
        "WHERE seq = 12 AND audience_id = {audience}",
    ),
    Break(
        "rows_lost",
        "R43",
        "rows 2 were claimed and wait for nothing",
        "DELETE FROM retry; UPDATE send_window SET lo = 5;",
    ),
    Break(
        "rows_retried",
        "R43",
        "never handed over",
        "INSERT INTO retry VALUES ({in_progress}, 10, 1)",
    ),
    Break(
        "rows_retried",
        "R43",
        "held back, and wait to be tried again",
        "INSERT INTO retry VALUES ({in_progress}, 3, 1)",
    ),
    Break("rows_held", "R41", "noted as held back", "INSERT INTO held VALUES ({in_progress}, 5, 1)"),
    Break("rows_held", "R41", "not in progress", "INSERT INTO held VALUES ({completed}, 1, 1)", "completed"),
    Break("windows_dead", "R43", "a worker that is gone", "UPDATE send_window SET fence = fence - 1"),
    Break("windows_dead", "R43", "belongs to no lease", "UPDATE send_window SET fence = fence + 1"),
    Break("tests_dead", "R43", "a worker that is gone", "UPDATE test_send SET fence = fence - 1", "flying"),
    Break("tests_dead", "R43", "under no lease", "UPDATE test_send SET fence = fence + 1", "flying"),
    Break(
        "ended_open",
        "R45",
        "of its windows are open",
        "INSERT INTO send_window (campaign_id, fence, lo, hi, retried, opened_at) "
        "SELECT {completed}, fence, 1, 1, '[]', 1 FROM send_window",
        "completed",
    ),
    Break(
        "ended_open",
        "R45",
        "on hold",
        "UPDATE campaign SET hold_reason = 'x', hold_since = 1 WHERE id = {completed}",
        "completed",
    ),
    Break(
        "root_cause", "R6", "root cause none", "UPDATE campaign SET status_reason = NULL WHERE id = {failed}", "failed"
    ),
    Break(
        "root_cause",
        "R6",
        "root cause missed_window",
        "UPDATE campaign SET status_reason = 'missed_window' WHERE id = {scheduled}",
        "scheduled",
    ),
    Break(
        "audit_trail",
        "R11",
        "by the audit trail scheduled",
        "DELETE FROM audit WHERE action = 'campaign.cancel'",
        "cancelled",
    ),
    Break(
        "audit_trail",
        "R11",
        "a change of its status is missing",
        "DELETE FROM audit WHERE action = 'campaign.schedule' AND campaign_id = {cancelled}",
        "cancelled",
    ),
]


class Prepared(NamedTuple):
    """A busy store as a file."""

    file: Path
    store: busy.Busy


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The store that every test breaks a copy of."""
    folder = tmp_path_factory.mktemp("busy")
    file, clock = folder / "busy.db", FakeClock()
    database.open_database(str(file), create=True)
    with database.session():
        store = busy.fill(clock, folder)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close_database()
    return Prepared(file, store)


@pytest.fixture
def copy(prepared: Prepared, tmp_path: Path) -> Iterator[Path]:
    """An open copy of it, whose ledger and audit trail can be changed."""
    file = tmp_path / "copy.db"
    shutil.copy(prepared.file, file)
    database.open_database(str(file))
    with database.session():
        change("; ".join(f"DROP TRIGGER {table}_no_{verb}" for table in ("ledger", "audit") for verb in VERBS))
        yield file
    database.close_database()


VERBS = ("update", "delete")


def change(sql: str) -> None:
    """Change the open database behind the program's back."""
    database.proxy.connection().executescript(sql)


def test_R29_R41_R43_a_busy_store_breaks_no_promise(copy: Path) -> None:
    assert invariants.findings(now=NOW) == []


@pytest.mark.parametrize("broken", BREAKS, ids=[f"{one.codes.split()[0]}: {one.text}" for one in BREAKS])
def test_each_way_to_break_the_store_is_seen_as_what_it_is(broken: Break, prepared: Prepared, copy: Path) -> None:
    store = prepared.store
    names = {status.value: str(campaign_id) for status, campaign_id in store.ids.items()}
    names |= {"sent": str(store.tests[0]), "flying": str(store.tests[1])}
    names["audience"] = f"(SELECT audience_id FROM campaign WHERE id = {names['in_progress']})"
    change(broken.sql.format(**names))
    found = invariants.findings(now=NOW)
    assert {one.code for one in found} == set(broken.codes.split())
    (mine,) = [one for one in found if broken.text in one.text]
    assert mine.rule == broken.rule
    assert mine.ids == (() if broken.of is None else (int(names[broken.of]),))
    assert mine.advice.endswith(".")
    assert invariants.findings(now=NOW, codes=["no such"]) == []
    if mine.of == "campaign":
        others = [one for status, one in store.ids.items() if status.value != broken.of]
        found = invariants.findings(others, now=NOW)
        assert [one for one in found if one.of == "campaign" and one.code not in WIDE] == []


def test_every_check_is_broken_by_some_test() -> None:
    assert {code for one in BREAKS for code in one.codes.split()} == {check.code for check in invariants.CHECKS}


def test_every_code_is_told_in_readme() -> None:
    section = (Path(__file__).parents[2] / "README.md").read_text("utf-8").partition("## Upkeep\n")[2]
    table = section.partition("\n## ")[0]
    assert [check.code for check in invariants.CHECKS if f"`{check.code}`" not in table] == []


def test_R43_what_a_dead_worker_left_is_no_fault_before_a_living_one_had_time_for_it(copy: Path) -> None:
    change(f"{LATER}, since = {NOW - 14_000}")
    assert invariants.findings(now=NOW) == []
    change(f"UPDATE lease SET since = {NOW - 16_000}")
    assert {one.code for one in invariants.findings(now=NOW)} == {"windows_dead", "tests_dead"}
    # Nobody lives: it is taken over when somebody does.
    assert invariants.findings(now=NOW + 2 * busy.MINUTE) == []
    change("UPDATE lease SET owner = ''")
    assert invariants.findings(now=NOW) == []


def in_session(sql: str) -> None:
    with database.session():
        change(f"BEGIN IMMEDIATE; {sql}; COMMIT")


def test_the_checks_see_one_moment_while_somebody_writes(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that moves a row and its counter together between two reads is not seen half."""

    def write_now(facts: invariant_facts.Facts) -> Iterator[tuple[str, tuple[int, ...]]]:
        assert facts.runs
        sql = "UPDATE recipient SET state = 3 WHERE state = 0; UPDATE progress SET unknown = pending, pending = 0"
        other = threading.Thread(target=in_session, args=(sql,))
        other.start()
        other.join()
        yield from ()

    writer = invariants.Check("writer", "", write_now)
    monkeypatch.setattr(invariants, "CHECKS", (writer, *invariants.CHECKS))
    assert invariants.findings(codes=["writer", "counters", "audience_sum"]) == []
    assert database.execute("SELECT SUM(pending) FROM progress").fetchone() == (0,)


def test_the_checks_work_where_nothing_may_be_written(prepared: Prepared) -> None:
    database.open_database(str(prepared.file), read_only=True)
    with database.session():
        assert invariants.findings(now=NOW) == []
    database.close_database()


def test_a_database_without_an_account_breaks_no_promise(db: Path) -> None:
    assert invariants.findings(now=NOW) == []
