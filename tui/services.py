"""What every screen of the console works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.context import Context
    from tui.store_threads import StoreThreads
    from tui.supervisor import Supervisor


@dataclass(slots=True)
class Services:
    """The store's threads, the operator and the clock, the worker, and how the console was opened."""

    threads: StoreThreads
    context: Context
    supervisor: Supervisor | None
    """The console's own worker; `None` in a read-only console and before the database is set up."""
    database: str
    """The database's name as the frame shows it."""
    url: str
    read_only: bool = False
    demo: bool = False
    remote: bool = False
    """Over SSH: what counts down does so in minutes."""
    config: str | None = None
    """The configuration file that was named for this console."""
    zone: str = "UTC"
    """The account's time zone, once it is known."""

    @property
    def now(self) -> int:
        """UTC epoch milliseconds by the injected clock."""
        return self.context.clock.now()
