"""Fixed databases for the console's screens, and the console opened on them: no worker, a clock that stands still."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from textual.events import Paste
from textual.message import Message

from engine import sample
from engine.commands import drafts, duplicating, launch
from engine.rehearsal import FIRST_WINDOWS, PastClock
from engine.roles import Role, rights
from store import account, campaigns, database, leases, listing, outcomes, transitions, windows
from store.types import (
    Campaign,
    CampaignRow,
    DraftFields,
    Lease,
    ListFilter,
    Result,
    ResultKind,
)
from tests import builders
from tests.clock import START, FakeClock
from tests.driver import Console
from tui.app import SendoffApp
from tui.screens.campaigns import CampaignsScreen
from tui.screens.confirm import Confirm

MINUTE = 60_000
WIDE = (120, 40)
NARROW = (80, 24)
BLINK_MS = 300
"""Longer than a dialog is deaf."""

MARKUP = "[b]Bold[/b] [@click=app.quit]quit[/] \\[x]"
ESCAPES = "\x1b[31mred\x1b[0m\x07\x1b]0;owned\x07 \x9b2J\r\nnext"
RIGHT_TO_LEFT = "\u202eلبيع\u202c שלום 50%"
WIDE_LETTERS = "双十一大促 🎉 全场五折 ー家族👨‍👩‍👧‍👦"
ENDLESS = "x" * 10_000
ROUGH_NAMES = (MARKUP, ESCAPES, RIGHT_TO_LEFT, WIDE_LETTERS, ENDLESS)
"""What somebody may paste as a campaign's name."""


@dataclass
class Desk:
    """A database file and the clock of whoever uses it."""

    url: str
    folder: Path
    clock: FakeClock

    def app(self, read_only: bool = False, role: Role = Role.OWNER) -> SendoffApp:
        """A console without a worker; whoever takes it closes its threads."""
        database.open_database(self.url, read_only=read_only)
        return SendoffApp(
            self.url,
            clock=self.clock,
            actor=builders.OPERATOR,
            with_worker=False,
            read_only=read_only,
            rights=rights(role),
        )

    @asynccontextmanager
    async def console(
        self,
        size: tuple[int, int] = WIDE,
        *,
        read_only: bool = False,
        role: Role = Role.OWNER,
        hook: Callable[[Message], None] | None = None,
    ) -> AsyncIterator[Console]:
        """A running console; its notices are on the screen."""
        async with self._running(self.app(read_only, role), size, hook) as console:
            yield console

    @asynccontextmanager
    async def two_consoles(self, other: Desk | None = None) -> AsyncIterator[tuple[Console, Console]]:
        """Two consoles on the one file, each with threads and connections of its own; `other` has its own clock."""
        # Both are made before the first runs: opening the database takes the connections from who has it open.
        first, second = self.app(), (other or self).app()
        async with self._running(first, WIDE) as one, self._running(second, WIDE) as two:
            yield one, two

    @asynccontextmanager
    async def _running(
        self, app: SendoffApp, size: tuple[int, int], hook: Callable[[Message], None] | None = None
    ) -> AsyncIterator[Console]:
        # Notices belong to what an operator sees; Textual leaves them out in tests unless it is asked for them.
        setattr(app, "run_test", partial(app.run_test, notifications=True))  # noqa: B010
        try:
            async with Console(app, size, hook) as console:
                yield console
        finally:
            app.services.threads.close()

    def campaign(self, campaign_id: int) -> Campaign:
        """A campaign as it is stored now."""
        with database.session():
            return campaigns.get(campaign_id)

    def rows(self) -> list[CampaignRow]:
        """Every campaign in the list's own order, as it is stored now."""
        with database.session():
            ids = listing.ids(ListFilter())
            found = listing.rows(ids)
        return [found[one] for one in ids]

    def names(self) -> list[str]:
        """The names in the list's own order."""
        return [row.name for row in self.rows()]

    def id_of(self, name: str) -> int:
        """The id of the one campaign of this name."""
        (found,) = [row.id for row in self.rows() if row.name == name]
        return found

    def draft(self, name: str = "Spring sale", rows: int | Sequence[Sequence[str]] = 10) -> int:
        """A draft that passes the preflight."""
        with database.session():
            return builders.draft(self.clock, self.folder, rows, name)

    def scheduled(self, name: str = "Spring sale", minutes: float = 30, rows: int = 10) -> int:
        """A campaign that goes in so many minutes."""
        campaign_id = self.draft(name, rows)
        with database.session():
            launch.schedule_at(builders.context(self.clock), campaign_id, f"in {round(minutes * 60)} s")
        return campaign_id

    def started(self, name: str = "Spring sale", rows: int = 10) -> int:
        """A campaign In Progress of which nothing went out yet."""
        campaign_id = self.draft(name, rows)
        with database.session():
            launch.send_now(builders.context(self.clock), campaign_id)
        return campaign_id

    def cancelled(self, name: str = "Spring sale", rows: int = 10) -> int:
        """A campaign that was called off."""
        campaign_id = self.scheduled(name, rows=rows)
        with database.session():
            launch.cancel(builders.context(self.clock), campaign_id)
        return campaign_id

    def hand_over(self, campaign_id: int, outcome: Sequence[ResultKind], code: int | None = None) -> None:
        """Record outcomes from outside, as a worker's process does: one for each of the next rows."""
        with database.session(), self._lease(campaign_id) as lease:
            claimed = windows.claim(campaign_id, lease, len(outcome), self.clock.now())
            assert claimed is not None
            window, rows = claimed
            now = self.clock.now()
            results = [
                Result(
                    seq=row.seq,
                    kind=kind,
                    at=now,
                    handed_at=now,
                    message_id=f"wamid.{campaign_id}.{row.seq}" if kind is ResultKind.SENT else None,
                    code=code if kind is ResultKind.FAILED else None,
                )
                for row, kind in zip(rows, outcome, strict=True)
            ]
            outcomes.record(campaign_id, results, {row.seq: row.country for row in rows}, [window.id], now)

    @contextmanager
    def _lease(self, campaign_id: int) -> Iterator[Lease]:
        now = self.clock.now()
        sender_id = campaigns.get(campaign_id).sender_id
        assert sender_id is not None
        name = leases.name_of(sender_id)
        lease = leases.take(name, "outside", now, now + 15_000, host="elsewhere", pid=1, role="service")
        assert lease is not None
        try:
            yield lease
        finally:
            leases.resign(lease)

    def hold(self, campaign_id: int, text: str, minutes: float | None = None) -> None:
        """Put a run on hold, as its worker does."""
        now = self.clock.now()
        until = None if minutes is None else now + round(minutes * MINUTE)
        with database.session(), database.transaction():
            assert transitions.hold(campaign_id, "template_paused", text, now, until)


async def told(console: Console, *texts: str) -> None:
    """Wait for one notice that holds all these texts; on the screen its lines are broken anywhere."""
    notices = console.app._notifications
    await console.until(
        lambda: any(all(text in notice.message for text in texts) for notice in notices),
        f"a notice with {list(texts)}, not {[notice.message for notice in notices]}",
    )


async def dialog_open(console: Console, *texts: str) -> None:
    """Wait for the dialog that says these texts."""
    await console.until(lambda: isinstance(console.app.screen, Confirm), "a dialog opens")
    await console.expect(*texts)


async def asked(console: Console, desk: Desk, *texts: str) -> None:
    """Wait for the dialog that says these texts, and until it listens."""
    await dialog_open(console, *texts)
    desk.clock.advance(BLINK_MS)


async def opened(console: Console, *texts: str) -> CampaignsScreen:
    """Wait until the list is whole: its rows, its tabs and the report pane's own reading are there."""
    await console.until(lambda: isinstance(console.app.screen, CampaignsScreen), "the list is shown")
    screen = console.app.screen
    assert isinstance(screen, CampaignsScreen)

    def whole() -> bool:
        seen = screen._snapshot
        return (
            seen is not None
            and not screen._polling
            and bool(seen.overview.counts)
            and (seen.report is not None or not any(seen.overview.counts.values()))
        )

    await console.until(whole, "the list, its tabs and the pane are read")
    await console.expect(*texts)
    return screen


async def paste(console: Console, text: str) -> None:
    """Paste a text, as a terminal does: all of it at once."""
    console.app.post_message(Paste(text))
    await console.pilot.pause()


def under_cursor(console: Console) -> str:
    """The name of the campaign under the list's cursor."""
    screen = console.app.screen
    assert isinstance(screen, CampaignsScreen)
    return "" if screen.subject is None else screen.subject.name


def empty(folder: Path, clock: FakeClock, credits: int = 41_250) -> Desk:
    """An account with one sender, one template and credits, and no campaign."""
    url = str(folder / "acme.db")
    database.open_database(url, create=True)
    with database.session():
        builders.account_with_sender(clock, folder, credits=credits)
    return Desk(url, folder, clock)


def fresh(folder: Path, clock: FakeClock) -> Desk:
    """A database that nobody has set up."""
    url = str(folder / "acme.db")
    database.open_database(url, create=True)
    return Desk(url, folder, clock)


def sampled(folder: Path, clock: FakeClock) -> Desk:
    """Three weeks of Acme Retail with a campaign in every status, one of them on hold and one locked."""
    file = folder / "acme.db"
    shutil.copyfile(_sample_file(), file)
    database.open_database(str(file))
    return Desk(str(file), folder, clock)


@cache
def _sample_file() -> Path:
    # Playing three weeks takes more than a second: once for all tests of a process.
    folder = Path(tempfile.mkdtemp(prefix="sendoff-scene-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = str(folder / "sample.db")
    clock = FakeClock()
    database.open_database(url, create=True)
    with database.session():
        sample.fill(builders.context(clock))
    _put_on_hold(Desk(url, folder, clock))
    return folder / "sample.db"


def _put_on_hold(desk: Desk) -> None:
    """A run that was stopped on the way by what concerns its whole template."""
    past = PastClock(START - 4 * MINUTE)
    context = builders.context(past)
    with database.session():
        winter = campaigns.get(desk.id_of("Winter preview"))
        loyalty = duplicating.duplicate(context, winter.id)
        copy = campaigns.get(loyalty)
        drafts.edit(
            context,
            loyalty,
            copy.version,
            DraftFields("Loyalty week", account.senders()[0].id, copy.template_id, copy.fills),
        )
        launch.send_now(context, loyalty)
    desk.hand_over(loyalty, [ResultKind.SENT] * FIRST_WINDOWS[0])
    desk.hand_over(loyalty, [ResultKind.SENT] * (FIRST_WINDOWS[1] - 1) + [ResultKind.UNKNOWN])
    desk.hold(loyalty, "WhatsApp paused the template for low quality (132015).", minutes=56)


def rough(folder: Path, clock: FakeClock) -> Desk:
    """Drafts with names that try to be something else."""
    desk = empty(folder, clock)
    for name in ROUGH_NAMES:
        clock.advance(MINUTE)
        desk.draft(name, 3)
    return desk
