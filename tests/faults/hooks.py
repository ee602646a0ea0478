"""What a test does inside one forked worker, by name: kill it at a step of the protocol, fill its disk, and the like.

The product knows nothing of it: each wraps a named function of the engine or the store in that process alone.
A hook is written `name:argument`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

Then = Callable[[], None]


def install(hook: str) -> None:
    """Put one hook into this process."""
    name, _, argument = hook.partition(":")
    HOOKS[name](argument)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _nth(n: int) -> Then:
    """Die when called for the n-th time, from 1."""
    left = n

    def pass_by() -> None:
        nonlocal left
        left -= 1
        if not left:
            _die()

    return pass_by


def put(owner: Any, name: str, value: Any) -> None:
    """Put something in the place of a function or a constant."""
    setattr(owner, name, value)


def before(owner: Any, name: str, then: Then) -> None:
    """Have `then` called before each call of a function."""
    real = getattr(owner, name)

    def wrapped(*args: Any, **options: Any) -> Any:
        then()
        return real(*args, **options)

    setattr(owner, name, wrapped)


def after(owner: Any, name: str, then: Then, counts: Callable[[Any], bool] = lambda result: True) -> None:
    """Have `then` called after each call of a function whose result counts."""
    real = getattr(owner, name)

    def wrapped(*args: Any, **options: Any) -> Any:
        result = real(*args, **options)
        if counts(result):
            then()
        return result

    setattr(owner, name, wrapped)


def after_answer(owner: Any, name: str, then: Then) -> None:
    """Have `then` called after each await of a coroutine function, before its caller has the result."""
    real = getattr(owner, name)

    async def wrapped(*args: Any, **options: Any) -> Any:
        result = await real(*args, **options)
        then()
        return result

    setattr(owner, name, wrapped)


def _kill_in_start(then: Then) -> None:
    from store import campaigns

    # The last write but the audit event of a start: everything is done, nothing is committed.
    after(campaigns, "set_reserved", then)


def _kill_after_start(then: Then) -> None:
    from engine import starting

    after(starting, "start_due", then, lambda cause: cause is None)


def _kill_in_claim(then: Then) -> None:
    from store import windows

    after(windows, "_open", then)


def _kill_after_claim(then: Then) -> None:
    from store import windows

    after(windows, "claim", then)


def _kill_at_first_byte(then: Then) -> None:
    from engine.gateway import cloud_api

    before(cloud_api, "_note_writing", then)


def _kill_on_the_way(then: Then) -> None:
    from engine.gateway import cloud_api

    def soon() -> None:
        # The request is with the simulator then, which takes 40 ms to answer.
        asyncio.get_running_loop().call_later(0.02, then)

    before(cloud_api, "_note_writing", soon)


def _kill_after_answer(then: Then) -> None:
    from engine.gateway.cloud_api import CloudApi

    after_answer(CloudApi, "send", then)


def _kill_in_outcome(then: Then) -> None:
    from store import outcomes

    # The transaction around it is the recorder's.
    after(outcomes, "record", then)


def _kill_after_outcome(then: Then) -> None:
    from engine.recorder import Recorder

    real = Recorder.flush

    def wrapped(self: Recorder) -> bool:
        any_waiting = bool(self.waiting)
        done = real(self)
        if any_waiting and done:
            then()
        return done

    put(Recorder, "flush", wrapped)


def _kill_before_finish(then: Then) -> None:
    from store import transitions

    before(transitions, "finish", then)


def _kill_in_finish(then: Then) -> None:
    from store import transitions

    after(transitions, "finish", then)


def _kill_after_finish(then: Then) -> None:
    from engine import ending

    after(ending, "finish", then, lambda status: status is not None)


def _kill_in_takeover(then: Then) -> None:
    from store import windows

    after(windows, "_lose", then)


def _kill_before_takeover_commit(then: Then) -> None:
    from store import windows

    # The transaction around it is the worker's.
    after(windows, "recover", then, bool)


def _kill_after_takeover(then: Then) -> None:
    from engine import takeover
    from store import windows

    found = [False]
    after(windows, "recover", lambda: found.__setitem__(0, True), bool)
    after(takeover, "recover", lambda: then() if found[0] else None)


def _kill_in_hold(then: Then) -> None:
    from store import transitions

    after(transitions, "hold", then)


def _kill_in_callbacks(then: Then) -> None:
    from store import callbacks

    # Its effect is written, the event not yet marked as applied for good.
    after(callbacks, "apply", then)


def _kill_after_keeping(then: Then) -> None:
    from store import callbacks

    # Stored, and not answered: it will come again.
    after(callbacks, "keep_all", then)


def _kill_before_resign(then: Then) -> None:
    from store import leases

    before(leases, "resign", then)


STEPS: dict[str, Callable[[Then], None]] = {
    "in the start's transaction": _kill_in_start,
    "after the start": _kill_after_start,
    "in the claim's transaction": _kill_in_claim,
    "after the claim": _kill_after_claim,
    "before the first byte": _kill_at_first_byte,
    "while the request is on its way": _kill_on_the_way,
    "after the answer": _kill_after_answer,
    "in the outcome's transaction": _kill_in_outcome,
    "after the outcome": _kill_after_outcome,
    "before the finish": _kill_before_finish,
    "in the finish's transaction": _kill_in_finish,
    "after the finish": _kill_after_finish,
    "in the take-over, rows lost, window open": _kill_in_takeover,
    "in the take-over's transaction": _kill_before_takeover_commit,
    "after the take-over": _kill_after_takeover,
    "in the hold's transaction": _kill_in_hold,
    "while a callback is applied": _kill_in_callbacks,
    "after a callback was kept": _kill_after_keeping,
    "before the lease is given back": _kill_before_resign,
}
"""The named steps of the protocol, each by how it is reached."""


def _kill_in_copy(then: Then) -> None:
    # The copy is there, and not yet on the disk.
    before(os, "fsync", then)


def _kill_in_hold_of_all(then: Then) -> None:
    from store import restored

    after(restored, "keep_waiting", then)


def _kill_before_place(then: Then) -> None:
    from store import place

    before(place, "replace", then)


def _kill_between_names(then: Then) -> None:
    after(os, "link", then)


def _kill_after_place(then: Then) -> None:
    from store import place

    after(place, "replace", then)


RESTORE: dict[str, Callable[[Then], None]] = {
    "while the copy is made": _kill_in_copy,
    "in the transaction that puts everything on hold": _kill_in_hold_of_all,
    "before the copy takes the database's place": _kill_before_place,
    "while the old one has two names": _kill_between_names,
    "after the copy took its place": _kill_after_place,
}
"""The steps of a restore."""


def _kill_at(argument: str) -> None:
    step, _, n = argument.rpartition("@")
    (STEPS | RESTORE)[step](_nth(int(n)))


def _patience(argument: str) -> None:
    """Seconds that a connection waits for another's lock."""
    from store import sqlite_file

    put(sqlite_file, "LOCK_TIMEOUT_S", float(argument))


def _no_room() -> bool:
    """Until the test puts a file `room` beside the database."""
    from store import database, sqlite_file

    file = sqlite_file.path_of(database.url())
    return file is not None and not file.with_name("room").exists()


def _full(argument: str) -> None:
    """No page more fits on the disk from the n-th recorded batch on, until there is room."""
    from store import database, outcomes

    left = int(argument)
    real = outcomes.record

    def record(*args: Any) -> None:
        nonlocal left
        left -= 1
        if left <= 0 and _no_room():
            pages = database.execute("PRAGMA page_count").fetchone()[0]
            database.execute(f"PRAGMA max_page_count = {pages}")
            # Outcomes are mostly written in place; this one is not, as on a disk that has no room for the log.
            database.execute("CREATE TABLE filler (content)")
            database.execute("INSERT INTO filler VALUES (zeroblob(65536))")
        database.execute(f"PRAGMA max_page_count = {1 << 30}")
        real(*args)

    put(outcomes, "record", record)


def _read_only(argument: str) -> None:
    """Nothing can be written from the n-th claim on, as after a disk was mounted for reading only, until `room`."""
    from store import database, windows

    left = int(argument)
    real = database.transaction

    def claimed() -> None:
        nonlocal left
        left -= 1

    def transaction() -> Any:
        database.execute(f"PRAGMA query_only = {int(left <= 0 and _no_room())}")
        return real()

    after(windows, "claim", claimed)
    put(database, "transaction", transaction)
    put(windows, "transaction", transaction)


def _handles(argument: str) -> None:
    """So many more file handles and no more once the worker has started, until there is room."""
    import resource

    from engine.holding import Reach

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few: list[int] = []

    def limit() -> None:
        if not few:
            few.append(max(int(handle.name) for handle in Path("/proc/self/fd").iterdir()) + 1 + int(argument))
        resource.setrlimit(resource.RLIMIT_NOFILE, (few[0] if _no_room() else soft, hard))

    before(Reach, "look", limit)


HOOKS: dict[str, Callable[[str], None]] = {
    "kill": _kill_at,
    "patience": _patience,
    "full": _full,
    "readonly": _read_only,
    "handles": _handles,
}
