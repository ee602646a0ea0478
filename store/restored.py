"""What becomes of a restored database's campaigns: everything ahead or on its way waits for a person.

It may have been sent already what it calls scheduled, after the backup was made.
"""

from __future__ import annotations

from typing import NamedTuple

from store import testsends
from store.database import execute, is_sqlite, transaction
from store.types import RecipientState

REASON = "restored"
"""Of the holds."""
LEFT_OUT = 1_000
"""How many numbers of campaigns a restore leaves out."""


class Waiting(NamedTuple):
    """What waits for a person after a restore."""

    scheduled: list[int]
    running: list[int]
    series: list[int]
    tests: int
    """Test sends that nobody had begun to send: taken back."""


def keep_waiting(text: str, now: int) -> Waiting:
    """Put every Scheduled and In Progress campaign on hold, pause every series, take back test sends, free the leases.

    Open windows stay as they are: whoever takes the sender over makes them unknown. For a transaction.
    """
    with transaction():
        ids = {
            status: [row[0] for row in execute("SELECT id FROM campaign WHERE status = ? ORDER BY id", (status,))]
            for status in ("scheduled", "in_progress")
        }
        execute(
            "UPDATE campaign SET hold_reason = ?, hold_text = ?, hold_since = ?, hold_until = NULL, "
            "restored_at = ?, version = version + 1 WHERE status IN ('scheduled', 'in_progress')",
            (REASON, text, now, now),
        )
        _leave_out_lost_numbers()
        series = [row[0] for row in execute("SELECT id FROM series WHERE state = 'active' ORDER BY id")]
        execute(
            "UPDATE series SET state = 'paused', note = ?, version = version + 1 WHERE state = 'active'",
            (f"Paused: {text}.",),
        )
        pending = [
            row[0]
            for row in execute(
                "SELECT id FROM test_send WHERE state = ? AND fence IS NULL", (int(RecipientState.PENDING),)
            )
        ]
        tests = testsends.withdraw(pending, "the database was restored from a backup: it may have gone out", now)
        execute("UPDATE lease SET owner = '', until = 0")
    return Waiting(ids["scheduled"], ids["in_progress"], series, tests)


def _leave_out_lost_numbers() -> None:
    """Let new campaigns have numbers that none had after the backup: callbacks name a campaign by its number."""
    if is_sqlite():
        execute(
            "INSERT INTO sqlite_sequence (name, seq) SELECT 'campaign', 0 "
            "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'campaign')"
        )
        execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'campaign'", (LEFT_OUT,))


def waiting() -> int:
    """How many campaigns wait for a person since a restore."""
    return int(execute("SELECT COUNT(*) FROM campaign WHERE hold_reason = ?", (REASON,)).fetchone()[0])
