"""What the store raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class StoreError(Exception):
    """Base of everything the store raises on purpose."""


class NoDatabase(StoreError):
    """There is no database at this address yet."""


class NoDriver(StoreError):
    """What talks to this kind of database is not installed."""


class NotADatabase(StoreError):
    """A file is no sound database of this program."""


class SchemaTooNew(StoreError):
    """A newer release of the program made this database."""


class UnsafeFolder(StoreError):
    """Others than its owner can write to the folder of the database."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Others can write to the folder of the database, {folder}, and so replace it.")
        self.folder = folder


class StoreBusy(StoreError):
    """Another process holds the database longer than the time-out, or it cannot be reached."""


class StoreFailed(StoreError):
    """The database cannot be read or written: disk full, read-only file, damaged file."""


class StoreGone(StoreFailed):
    """The file that was opened is no longer the one at its path: deleted, moved or replaced."""


class Missing(StoreError):
    """No row with this id."""


class Conflict(StoreError):
    """The row is no longer as the caller saw it: a compare-and-set changed nothing."""


class ShortOfCredits(StoreError):
    """The free balance does not cover a reservation."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(f"{needed} credits needed, {free} free")
        self.needed = needed
        self.free = free


class Fenced(StoreError):
    """The lease under which this was done belongs to a newer owner."""


class ShortOfQuota(StoreError):
    """Rows are waiting, and the messaging quota lets none of them go now."""

    def __init__(self, until: int | None) -> None:
        super().__init__("the messaging quota is used up")
        self.until = until
        """When the first place comes back, UTC epoch ms; `None` when none was ever taken."""
