"""Backups beside a worker that sends, and restores that are killed: the database is always one or the other, whole."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from store import campaigns, database
from store.types import Campaign, RecipientState, Status
from tests.faults.hooks import RESTORE
from tests.faults.processes import Field, field_of
from tests.faults.truth import assert_true
from tests.sending import numbers
from tests.store.invariants import check_invariants

RECIPIENTS = 480
RATE = 60


def done(one: Field, *arguments: str) -> None:
    """Run a command to its end, in order."""
    assert one.sendoff(*arguments).wait(30) == 0, one.said()


def found_in(one: Field) -> Campaign:
    """The campaign as the file that is there now has it."""
    database.open_database(str(one.database))
    with database.session():
        return campaigns.get(one.campaign_id)


def test_R29_R42_backups_beside_a_worker_that_sends_are_each_of_one_moment(tmp_path: Path) -> None:
    with field_of(tmp_path, RECIPIENTS, RATE) as one:
        one.fork()
        one.wait_for(1)
        files: list[Path] = []
        while one.status() is Status.IN_PROGRESS:
            files.append(tmp_path / f"backup-{len(files)}.db")
            done(one, "backup", str(files[-1]))
        assert len(files) > 1
        one.wait_for_the_end()
        assert_true(one)
        assert one.progress().unknown == 0, "none of them cost an outcome"
        taken, before = set(one.accepted()), set[str]()
        for file in files:
            database.open_database(str(file))
            with database.session():
                check_invariants()
                known = numbers(one.campaign_id, RecipientState.SENT)
            assert before <= known <= taken
            before = known


@pytest.mark.parametrize("step", RESTORE)
def test_R43_a_restore_that_is_killed_leaves_the_old_database_or_the_new_one(step: str, tmp_path: Path) -> None:
    with field_of(tmp_path, 20, RATE) as one:
        backup = str(tmp_path / "backup.db")
        done(one, "backup", backup)
        one.finish()
        restore = one.sendoff("restore", backup, "--yes", hooks=[f"kill:{step}@1"])
        assert restore.wait(30) == -signal.SIGKILL, f"it never came to this step: {one.said()}"
        done(one, "doctor")
        new = step.startswith("after")
        found = found_in(one)
        assert (found.status, found.hold is not None) == (
            (Status.IN_PROGRESS, True) if new else (Status.COMPLETED, False)
        )
        # Whichever it is, nobody gets the message again by itself; and a restore works as ever.
        one.finish()
        done(one, "restore", backup, "--yes")
        one.finish()
        assert max(Counter(one.accepted()).values()) == 1 and len(one.accepted()) == 20
        assert found_in(one).hold is not None
        assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".partial")] == []
