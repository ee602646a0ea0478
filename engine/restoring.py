"""A copy of a backup made ready to be the database: brought up to date, with everything ahead or on its way on hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import schedule
from store import account, audit, copying, database, restored

if TYPE_CHECKING:
    from pathlib import Path

    from engine.clock import Clock
    from store.restored import Waiting
    from store.types import Actor


def prepare(clock: Clock, actor: Actor, copy: Path, *, source: str, schema: str, newest: int | None) -> Waiting:
    """Prepare the copy before anybody can see it; the open database is none afterwards.

    `source` is the backup's name, `schema` its newest migration, `newest` when its newest event was (UTC epoch
    milliseconds). Raises what opening a database raises.
    """
    database.open_database(str(copy))
    with database.session(), database.translated(), database.transaction():
        now, text = clock.now(), _why(newest)
        waiting = restored.keep_waiting(text, now)
        for campaign_id in (*waiting.scheduled, *waiting.running):
            after = {"reason": restored.REASON, "until": None}
            audit.write(now, actor, "campaign.hold", campaign_id, after=after, detail=text)
        audit.write(
            now,
            actor,
            "backup.restore",
            after={
                "file": source,
                "schema": schema,
                "scheduled": waiting.scheduled,
                "in_progress": waiting.running,
                "series": waiting.series,
                "tests": waiting.tests,
            },
            detail=text,
        )
    database.close_database()
    # Nothing may belong beside it when it gets its name.
    with copying.sole(copy):
        return waiting


def _why(newest: int | None) -> str:
    of = ""
    if newest is not None:
        zone = account.get_account().timezone if account.has_account() else "UTC"
        of = f" of {schedule.day_and_time(newest, zone)}"
    return (
        f"The database was restored from a backup{of}: what was sent after that is not known here, "
        "and would be sent again"
    )
