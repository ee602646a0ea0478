"""What `why` and the timeline of a report tell: when a hand-over began and may be repeated, what was sent when.

Frozen like every migration before.
"""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase

_TIMES = ("handed_at", "not_before")
# Whole seconds from the start of the run to the start of the slice; slices grow longer as the run does.
_ELAPSED = "(CASE WHEN r.sent_at < c.started_at THEN 0 ELSE (r.sent_at - c.started_at) / 1000 END)"
_SLICE = (
    f"CASE WHEN {_ELAPSED} < 600 THEN {_ELAPSED} "
    f"WHEN {_ELAPSED} < 7200 THEN {_ELAPSED} / 10 * 10 "
    f"WHEN {_ELAPSED} < 86400 THEN {_ELAPSED} / 60 * 60 "
    f"ELSE {_ELAPSED} / 600 * 600 END"
)


def up(migrator: Any, db: Database) -> None:
    milliseconds = "INTEGER" if isinstance(db, SqliteDatabase) else "BIGINT"
    for column in _TIMES:
        db.execute_sql(f"ALTER TABLE attempt ADD COLUMN {column} {milliseconds}")
    db.execute_sql(
        f"INSERT INTO tally (campaign_id, kind, key, n) "
        f"SELECT c.id, 'sent_at', CAST({_SLICE} AS TEXT), COUNT(*) "
        "FROM campaign c JOIN recipient r ON r.audience_id = c.audience_id "
        "WHERE c.started_at IS NOT NULL AND r.state = 1 AND r.sent_at IS NOT NULL "
        f"GROUP BY c.id, CAST({_SLICE} AS TEXT)"
    )
