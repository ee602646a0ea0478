"""What WhatsApp told last about a subject other than a message: repeated and late events change nothing."""

from __future__ import annotations

from store.database import execute


def is_news(subject: str, at: int, rank: int = 0) -> bool:
    """Note that something was told about a subject, and answer whether it is newer than what was told before.

    `at` is the event's own time; of two told for one moment the higher `rank` counts, and the first of equal ones. For
    the transaction that applies it.
    """
    return bool(
        execute(
            "INSERT INTO told (subject, at, rank) VALUES (?, ?, ?) "
            "ON CONFLICT (subject) DO UPDATE SET at = excluded.at, rank = excluded.rank "
            "WHERE excluded.at > told.at OR (excluded.at = told.at AND excluded.rank > told.rank)",
            (subject, at, rank),
        ).rowcount
    )
