"""Owning senders: taking, renewing and trusting leases (DESIGN section 4, step 6).

The lease in the store is what makes sending safe; the file lock beside a SQLite database only makes take-over fast: the
kernel drops it the moment its owner dies, so whoever gets it knows that the lease in the store has no living owner on
this machine.
"""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from engine.logs import Log
from store import database, leases, place, sqlite_file

if TYPE_CHECKING:
    from engine.clock import Clock
    from store.types import Lease

log = Log("sendoff.worker")

TTL_MS = 15_000
RENEW_S = TTL_MS / 1000 / 3
MARGIN_S = 3.0
NEWS_S = 1.0


@dataclass(slots=True)
class _Term:
    lease: Lease
    trusted_until: float
    renew_at: float
    renewed_at: float
    status: str


def _news(term: _Term, status: str, steady: float) -> bool:
    """Whether the screens should hear of a change before the next renewal is due."""
    return status != term.status and steady - term.renewed_at >= NEWS_S


class Leases:
    """The leases of one worker; its name is new at every start."""

    def __init__(self, clock: Clock, role: str) -> None:
        self.owner = uuid4().hex
        self._clock = clock
        self._role = role
        self._terms: dict[int, _Term] = {}
        self._locks: dict[int, int] = {}
        self._no_proof_until: dict[int, float] = {}

    def ensure(self, sender_id: int, status: str = "") -> Lease | None:
        """Take or renew the lease of a sender; `None` while somebody else has it."""
        term = self._terms.get(sender_id)
        steady = self._clock.steady()
        if term is not None and sender_id not in self._locks:
            # Taken over from a process that hung; its file lock comes free when it wakes or ends.
            self._lock(sender_id)
        if term is not None and steady < term.renew_at and not _news(term, status, steady):
            return term.lease if steady < term.trusted_until else None
        until = self._clock.now() + TTL_MS
        if term is not None:
            if leases.renew(term.lease, until, status):
                lease: Lease | None = replace(term.lease, until=until)
            else:
                log.warning("lease.lost", "another worker has taken over", sender=sender_id, fence=term.lease.fence)
                self.drop(sender_id)
                # Whoever took the lease had to do without the file lock that this process held: for a while its being
                # free proves nobody's death.
                self._no_proof_until[sender_id] = steady + TTL_MS / 1000
                lease = None
        else:
            lease = self._take(sender_id, until)
        if lease is None:
            return None
        self._terms[sender_id] = _Term(lease, steady + TTL_MS / 1000 - MARGIN_S, steady + RENEW_S, steady, status)
        return lease

    def trusts(self, sender_id: int, lease: Lease) -> bool:
        """Whether work may be handed out under this very term now.

        Trust runs from before the last renewal, by a clock that never stops.
        """
        term = self._terms.get(sender_id)
        return term is not None and term.lease.fence == lease.fence and self._clock.steady() < term.trusted_until

    def doubt(self, sender_id: int) -> None:
        """Trust a lease no more until `ensure` has asked the store: a write under it was fenced."""
        term = self._terms.get(sender_id)
        if term is not None:
            term.renew_at = term.trusted_until = float("-inf")

    def held(self) -> list[int]:
        """Ids of the senders this worker owns."""
        return list(self._terms)

    def drop(self, sender_id: int) -> None:
        """Forget a lease that is lost."""
        self._terms.pop(sender_id, None)
        self._unlock(sender_id)

    def resign_all(self) -> None:
        """Give every lease back."""
        for sender_id, term in list(self._terms.items()):
            leases.resign(term.lease)
            self.drop(sender_id)

    def _take(self, sender_id: int, until: int) -> Lease | None:
        alone = self._lock(sender_id) and self._clock.steady() >= self._no_proof_until.get(sender_id, 0.0)
        lease = leases.take(
            leases.name_of(sender_id),
            self.owner,
            self._clock.now(),
            until,
            host=socket.gethostname(),
            pid=os.getpid(),
            role=self._role,
            owner_is_dead=alone,
        )
        if lease is None:
            self._unlock(sender_id)
        else:
            log.info("lease.taken", "sending for this sender from now on", sender=sender_id, fence=lease.fence)
        return lease

    def _lock(self, sender_id: int) -> bool:
        """Whether the file lock was free; always false where the database is not a file on this machine."""
        path = sqlite_file.path_of(database.url())
        if path is None:
            return False
        # Two names of one file are one lock: what is free under another name proves nobody's death.
        name = f"{place.real(path)}.sender-{sender_id}.lock"
        try:
            handle = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            # A folder that cannot be written, or no file handles left: the lease in the store is what counts.
            log.debug("lease.no_file", "there is no lock file, the lease alone decides", sender=sender_id, error=error)
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._locks[sender_id] = handle
        return True

    def _unlock(self, sender_id: int) -> None:
        handle = self._locks.pop(sender_id, None)
        if handle is not None:
            os.close(handle)
