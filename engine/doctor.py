"""Everything that can be said of whether a database and its surroundings are in order; looks, and changes nothing.

A fault is something broken or unsafe; a warning may be quite right, and somebody should know it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from engine import credentials, invariants, schedule, zones
from engine.clock import DAY, MINUTE, Clock
from engine.errors import EngineError
from engine.gateway.link import link_of
from engine.gateway.network import DIRECT, Network
from engine.text import counted, shown
from store import account, callbacks, database, leases, moments, place, restored, sqlite_file, upkeep
from store.errors import StoreError
from store.types import Account, Gateway

if TYPE_CHECKING:
    from pathlib import Path

    from engine.invariants import Finding
    from store.types import Lease

LEAST_FREE: Final = 32 << 20
"""Bytes: with less nothing can be relied on to be recorded."""
LITTLE_FREE: Final = 512 << 20
PATIENCE_S: Final = 3.0
"""How long an answer of the gateway is waited for."""
SLACK_MS: Final = 5_000
"""A clock that is behind its own past by less is one of several machines."""


class Level(StrEnum):
    """How much something matters."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at; an invariant that does not hold has its finding."""

    level: Level
    code: str
    text: str
    advice: str = ""
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and what the database is."""

    items: tuple[Item, ...]
    schema: str | None
    """The name of its last migration."""
    leases: tuple[Lease, ...]
    heard_at: int | None
    """When a callback last came in, UTC epoch milliseconds."""

    def at(self, level: Level) -> list[Item]:
        """The items of one level."""
        return [item for item in self.items if item.level is level]


@dataclass(frozen=True, slots=True)
class Looking:
    """What the checks go by; `free` answers a folder's free bytes, `secrets` is the file with the secrets."""

    clock: Clock
    network: Network = DIRECT
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    secrets: Path | None = None

    @property
    def file(self) -> Path | None:
        """The database's file; `None` on a server."""
        return sqlite_file.path_of(database.url())


def examine(looking: Looking) -> Report:
    """Look at everything; this thread's connection must be open, for reading is enough.

    Raises `StoreBusy`, `StoreFailed` when the database cannot be read at all.
    """
    with database.translated():
        missing, newer = upkeep.schema()
        items = [*_schema(missing, newer), *_soundness(), *_files(looking), *_disk(looking), *_secrets(looking)]
        schema = upkeep.newest_migration()
        if missing or newer:
            return Report(tuple(items), schema, (), None)
        items += _promises(looking)
        known = account.get_account() if account.has_account() else None
        if known is not None:
            items += [*_clock(looking, known), *_callbacks(looking, known), *_gateway(looking, known)]
        items += _restored()
        now = looking.clock.now()
        items += _leases(leases.held(now))
        return Report(tuple(items), schema, tuple(leases.held(now)), upkeep.last_heard())


def _schema(missing: list[str], newer: list[str]) -> Iterator[Item]:
    unchecked = "Nothing that the rows must keep to could be checked."
    if newer:
        text = f"A newer release made this database: it has {newer[-1]}. {unchecked}"
        yield Item(Level.FAULT, "schema_newer", text, "Install that release.")
    elif missing:
        text = f"The schema is older than this program's: {counted(len(missing), 'step')} up to {missing[-1]} to do."
        yield Item(Level.FAULT, "schema_older", f"{text} {unchecked}", "Bring it up to date: sendoff init")
    else:
        yield Item(Level.OK, "schema", "The schema is this program's.")


def _soundness() -> Iterator[Item]:
    damage = upkeep.damage()
    for words in damage:
        yield Item(
            Level.FAULT,
            "file_damaged",
            f"SQLite finds the file damaged: {shown(words)}.",
            "Stop every worker and console, keep a copy of the file with its -wal, and restore the newest backup.",
        )
    dangling = {} if damage else upkeep.dangling()
    for table, n in dangling.items():
        yield Item(
            Level.FAULT,
            "rows_dangling",
            f"{counted(n, 'row')} of {table} belong to something that is not there.",
            invariants.REPORT,
        )
    if not damage and not dangling:
        yield Item(Level.OK, "integrity", "The file is undamaged, and every reference leads somewhere.")


def _promises(looking: Looking) -> Iterator[Item]:
    try:
        found = invariants.findings(now=looking.clock.now())
    except StoreError as error:
        yield Item(Level.FAULT, "rows_unreadable", f"The rows could not be read: {error}.", invariants.REPORT)
        return
    for one in found:
        yield Item(Level.FAULT, one.code, _sentence(one), one.advice, one)
    if not found:
        yield Item(Level.OK, "invariants", f"All {len(invariants.CHECKS)} promises of the rule book hold.")


def _sentence(found: Finding) -> str:
    text = str(found)
    return f"{text[:1].upper()}{text[1:]}."


def _files(looking: Looking) -> Iterator[Item]:
    file = looking.file
    if file is None:
        return
    others = place.open_to_others(file)
    for one in others:
        yield Item(Level.FAULT, "file_readable", f"Others than its owner can use {one}.", f"Close it: chmod go= {one}")
    folder = place.folder_of_others(file)
    if folder is not None:
        yield Item(
            Level.FAULT,
            "folder_not_private",
            f"Others can write to the folder of the database, {folder}, and so replace it.",
            f"Take that right away: chmod go-w {folder}",
        )
    if not others and folder is None:
        yield Item(Level.OK, "file_mode", "The database is its owner's alone.")


def _disk(looking: Looking) -> Iterator[Item]:
    file = looking.file
    if file is None:
        return
    free, size = looking.free(file.resolve().parent), sum(one.stat().st_size for one in place.beside(file))
    text = f"{megabytes(free)} are free where the database of {megabytes(size)} lies."
    advice = "Make room: without it nothing can be recorded, and runs stop."
    if free < LEAST_FREE:
        yield Item(Level.FAULT, "disk_full", text, advice)
    elif free < max(LITTLE_FREE, size):
        yield Item(Level.WARNING, "disk_low", text, advice)
    else:
        yield Item(Level.OK, "disk", text)


def megabytes(size: int) -> str:
    """A number of bytes for people: `12.3 MB`, `1,204 MB`."""
    return f"{size / 1_000_000:,.1f} MB" if size < 100_000_000 else f"{size / 1_000_000:,.0f} MB"


def _secrets(looking: Looking) -> Iterator[Item]:
    file = credentials.secrets_file() if looking.secrets is None else looking.secrets
    try:
        others = credentials.readable_by_others(file)
    except OSError as error:
        text = f"The secrets file {file} cannot be looked at: {error.strerror or error}."
        yield Item(Level.WARNING, "secrets_unseen", text, "Give it to the user who runs this.")
        return
    if others:
        yield Item(Level.FAULT, "secrets_readable", f"{file} can be read by others.", f"Close it: chmod 600 {file}")
    else:
        yield Item(Level.OK, "secrets", "Secrets are in no file that others can read.")


def _clock(looking: Looking, known: Account) -> Iterator[Item]:
    clock, now = looking.clock, looking.clock.now()
    advice = "Set the clock, and keep it by NTP: what is due goes by it."
    seen = moments.read(clock.boot, now, int(clock.steady() * 1000))
    newest = upkeep.newest_event_at()
    if seen.set_back:
        text = f"The system clock was set back by {schedule.duration(seen.set_back)} since a worker last looked."
        yield Item(Level.WARNING, "clock_set_back", text, advice)
    elif newest is not None and newest > now + SLACK_MS:
        text = f"The newest event is {schedule.duration(newest - now)} ahead of the system clock."
        yield Item(Level.WARNING, "clock_behind", text, advice)
    try:
        zones.named(known.timezone)
    except EngineError as error:
        yield Item(Level.FAULT, "zone_unknown", error.message, "Give another one: sendoff init --timezone ZONE")
    else:
        yield Item(Level.OK, "clock", f"It is {schedule.iso(now, known.timezone)} in {known.timezone}.")


def _callbacks(looking: Looking, known: Account) -> Iterator[Item]:
    now, heard, waiting = looking.clock.now(), upkeep.last_heard(), callbacks.waiting_since()
    if waiting is not None and now - waiting > 5 * MINUTE:
        text = f"Callbacks wait to be applied since {schedule.duration(now - waiting)}."
        yield Item(Level.WARNING, "callbacks_waiting", text, "Run a worker or the callback server: they apply them.")
    if known.gateway is Gateway.CLOUD_API and upkeep.sent_since(now - DAY) and (heard is None or heard < now - DAY):
        last = "None ever came" if heard is None else f"The last came {schedule.duration(now - heard)} ago"
        yield Item(
            Level.WARNING,
            "callbacks_silent",
            f"Messages went out within a day, and no callback came in. {last}.",
            "See that `sendoff callbacks` runs and that WhatsApp knows its address.",
        )
    elif heard is not None:
        yield Item(Level.OK, "callbacks", f"The last callback came in {schedule.duration(max(0, now - heard))} ago.")
    else:
        yield Item(Level.OK, "callbacks", "No callback ever came in.")


def _gateway(looking: Looking, known: Account) -> Iterator[Item]:
    import asyncio

    if known.gateway is Gateway.SIMULATOR and known.base_url is None:
        yield Item(Level.OK, "gateway", "Messages go to the simulator inside the worker.")
        return
    try:
        link = link_of(known, looking.network)
        took = asyncio.run(_ask(link.base_url, link.token, link.network))
    except EngineError as error:
        yield Item(Level.WARNING, "gateway_unusable", error.message, error.hint)
        return
    if took is None:
        text = f"The gateway at {shown(link.base_url)} does not answer."
        yield Item(Level.WARNING, "gateway_unreachable", text, "Check its address, the network and the proxy.")
    else:
        yield Item(Level.OK, "gateway", f"The gateway at {shown(link.base_url)} answers within {took:.0f} ms.")


async def _ask(base_url: str, token: str, network: Network) -> float | None:
    from engine.gateway.cloud_api import CloudApi

    async with CloudApi(base_url, token, connect_timeout=PATIENCE_S, timeout=PATIENCE_S, network=network) as client:
        return await client.reachable()


def _restored() -> Iterator[Item]:
    n = restored.waiting()
    if n:
        yield Item(
            Level.WARNING,
            "restored_waiting",
            f"Since the database was restored {counted(n, 'campaign')} on hold waits for a person."
            if n == 1
            else f"Since the database was restored {counted(n, 'campaign')} on hold wait for a person.",
            "Look at each: sendoff campaign list; then resume, reschedule, cancel or reopen it.",
        )


def _leases(held: list[Lease]) -> Iterator[Item]:
    for one in held:
        text = f"Process {one.pid} on {shown(one.host)} ({shown(one.role)}) holds {shown(one.name)}."
        yield Item(Level.OK, "lease", text)
    if not held:
        yield Item(Level.OK, "lease", "No worker holds a sender: nothing is being sent.")
