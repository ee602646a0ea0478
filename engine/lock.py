"""The cancel lock against clocks that jump (R14, R15).

Whether a lock has fallen is decided by the wall clock at the write. A wall clock that is set back must not lift it
again, so every operator command that asks, and the worker every few seconds, keeps locked in the store what is locked
by now. A clock that was set back while nobody looked is noticed by the machine's steady clock, which nobody can set:
then everything is kept locked that the old time would have locked by now, and the new time is believed from there on.

A clock that was fast for a while and is put right therefore leaves locked what was locked meanwhile, and nothing else.
A restart of the machine begins a new steady clock: across it only what is kept locked in the store is remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import schedule
from engine.lifecycle import LOCK
from store import audit, database, moments

if TYPE_CHECKING:
    from engine.clock import Clock
    from store.types import Actor


def moment(clock: Clock, actor: Actor) -> int:
    """The time that decides now, after what it locks was kept locked. Call it inside the transaction that writes.

    It must commit also when the lock refuses: raise afterwards. A clock that was set back leaves an audit event.
    """
    wall, steady = clock.now(), _milliseconds(clock)
    seen = moments.read(clock.boot, wall, steady)
    moments.keep_locked(seen.latest, LOCK)
    if not seen.known:
        moments.keep(clock.boot, wall, steady)
    if seen.set_back:
        audit.write(
            wall,
            actor,
            "clock.set_back",
            after={"ms": seen.set_back},
            detail=f"the system clock was set back by {schedule.duration(seen.set_back)}; locked campaigns stay locked",
        )
    return wall


def watch(clock: Clock, actor: Actor) -> int:
    """Enforce the lock from time to time; takes the write lock only when there is something to write.

    Answers the milliseconds by which the clock was found set back, else 0.
    """
    seen = moments.read(clock.boot, clock.now(), _milliseconds(clock))
    if not seen.known or moments.any_to_lock(seen.latest, LOCK):
        with database.transaction():
            moment(clock, actor)
    return seen.set_back


def _milliseconds(clock: Clock) -> int:
    return int(clock.steady() * 1000)
