"""What the console's screens share: the one gate that every key passes, and how a command's refusal is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, ParamSpec, TypeVar, cast

from textual import on
from textual.screen import Screen

from engine.context import forbidden
from engine.errors import GONE, Busy, EngineError, NotAllowed, NotFound
from engine.sessions import turned_away
from engine.text import shown
from store import account, campaigns
from store.errors import Missing, StoreError, StoreGone
from tui import paths, terminal
from tui.command import Command, Scope, always, refusal
from tui.commands import COMMANDS
from tui.widgets.footer import Footer

if TYPE_CHECKING:
    from textual.worker import WorkType

    from store.types import CampaignRow, Sender, Template
    from tui.app import SendoffApp
    from tui.services import Services

P = ParamSpec("P")
T = TypeVar("T")


class ConsoleScreen(Screen[None]):
    """A screen whose keys come from the registry of commands."""

    SCOPE: ClassVar[Scope] = Scope.EVERYWHERE

    @property
    def console(self) -> SendoffApp:
        """The application."""

        return cast("SendoffApp", self.app)

    @property
    def services(self) -> Services:
        """Store, operator, clock."""
        return self.console.services

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed from here."""
        return self.services.read_only

    @property
    def subject(self) -> CampaignRow | None:
        """The campaign a command would act on."""
        return None

    @property
    def marked(self) -> int:
        """How many campaigns are marked."""
        return 0

    def forbids(self, engine: str) -> EngineError | None:
        """Why the operator's role does not allow a command of the engine (R57)."""
        return forbidden(self.services.context, engine)

    def refuses(self, command: Command) -> EngineError | None:
        """What the engine would answer now."""
        return None

    def fits_marked(self, command: Command) -> bool:
        """Whether some marked campaign would let it be done."""
        return True

    async def action_command(self, command_id: str) -> None:
        """Do what a key stands for, or say why not: the one way from any key, the palette and the footer.

        What was told before is read by now: it goes, so that notices never pile up over what somebody works on.
        """
        if self.app._notifications:
            self.app.clear_notifications()
        command = COMMANDS[command_id]
        why_not = refusal(command, self)
        if why_not is not None:
            self.tell(why_not)
            if isinstance(why_not, NotAllowed) and not self.read_only:
                # Whatever is under the cursor has nothing to do with a new draft or with the account.
                acts_on_it = command.when is not always
                subject = self.subject.id if acts_on_it and self.subject is not None else None
                self.in_background(partial(self._note_refusal, command.engine, subject, why_not), "audit")
            return
        await self.run_action(command.action)

    @on(Footer.Pressed)
    async def _footer_pressed(self, event: Footer.Pressed) -> None:
        await self.action_command(event.command_id)

    async def _note_refusal(self, action: str, campaign_id: int | None, error: NotAllowed) -> None:
        """What the role forbids the engine is never asked for: that it was tried is kept here (R11)."""
        await self.did(turned_away, self.services.context, action, campaign_id, error)

    @property
    def in_use(self) -> bool:
        """Whether it is shown and whole: while the console closes, its widgets go one after the other."""
        return self.is_current and self.app.is_running

    def in_background(self, work: WorkType[None], group: str) -> None:
        """Run something beside the keys; made a coroutine only when it starts, so that none is left unawaited."""
        self.run_worker(work, group=group)

    def holds_quit(self) -> bool:
        """Whether something here is not saved; the screen asks about it then, and ends the console by itself."""
        return False

    def action_help(self) -> None:
        """Every key of this screen."""
        from tui.commands import commands_of
        from tui.screens.help import Help

        self.app.push_screen(Help(self.SCOPE.value.capitalize(), commands_of(self.SCOPE), self))

    def tell(self, error: EngineError) -> None:
        """Show a refusal with what to do instead."""
        text = shown(f"{error.message} {error.hint}".strip())
        self.notify(text, severity="warning", markup=False, timeout=8)

    async def reading(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Read something off the loop; a failure is told and gives `None`."""
        try:
            return await self.services.threads.read(function, *args, **kwargs)
        except (EngineError, StoreError) as error:
            self.tell(as_told(error))
            return None

    async def doing(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Give the engine a command off the loop; a refusal is told and gives `None`."""
        done: list[T] = []
        await self.did(lambda: done.append(function(*args, **kwargs)))
        return done[0] if done else None

    async def did(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Give the engine a command off the loop; tells whether it was done, and a refusal to the operator."""
        try:
            await self.services.threads.write(function, *args, **kwargs)
        except (EngineError, StoreError) as error:
            self.tell(as_told(error))
            return False
        return True

    async def asked_gateway(
        self, sender: Sender | None, template: Template | None, fresh_ms: int | None = None
    ) -> bool:
        """Ask the gateway whether it can send with these, off the loop and in silence; whether anything was answered.

        Nothing is asked twice within a minute, or within `fresh_ms`, and nobody waits longer than a few seconds.
        """
        if self.read_only:
            return False
        # Only a draft and a launch ask, and the first screen must not wait for their modules.
        from engine import asking

        def begin() -> asking.Question | None:
            network = paths.network(self.services.config)
            fresh = asking.FRESH_MS if fresh_ms is None else fresh_ms
            return asking.question(sender, template, self.services.now, network, fresh)

        wanted = await self.reading(begin)
        if wanted is None:
            return False
        # Importing it takes as long as a dozen keys.
        await asyncio.to_thread(import_module, "aiohttp")
        answers = await asking.ask(wanted)
        kept = await self.did(asking.keep, answers, self.services.now)
        return kept and any(answer is not None for answer in answers.values())

    async def ask_gateway(self, campaign_id: int, fresh_ms: int | None = None) -> None:
        """Ask about a campaign's sender and template before its launch, or before a run goes on."""
        from engine import resolution

        def read() -> tuple[Sender | None, Template | None]:
            campaign = campaigns.get(campaign_id)
            sender = None if campaign.sender_id is None else account.get_sender(campaign.sender_id)
            return sender, resolution.template_of(campaign)

        found = await self.reading(read)
        if found is not None:
            await self.asked_gateway(*found, fresh_ms)

    async def ask(
        self,
        title: str,
        lines: Callable[[int], Sequence[str]],
        yes: str,
        *,
        no: str = "Keep it",
        too_late: Callable[[int], str | None] | None = None,
        number: int | None = None,
    ) -> bool:
        """Ask before what is hard to reverse; only an explicit yes is one. Call it in a worker."""
        from tui.screens.confirm import Confirm, Question

        question = Question(title, lines, yes, no, too_late, number)
        return await self.app.push_screen_wait(Confirm(question, self.services.context.clock))

    def to_clipboard(self, text: str) -> None:
        """Send text to the terminal's clipboard."""
        try:
            said = terminal.copy(text, self._write_raw, tmux="TMUX" in os.environ)
        except EngineError as error:
            self.tell(error)
        else:
            self.notify(said, markup=False)

    def _write_raw(self, sequence: str) -> None:
        driver = self.app._driver
        if driver is not None:
            driver.write(sequence)
            driver.flush()


def as_told(error: EngineError | StoreError) -> EngineError:
    """An error of either layer as something to show."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, Missing):
        return NotFound("not_found", "It is not there any more.", "Somebody else deleted it.")
    if isinstance(error, StoreGone):
        return NotFound("database_gone", str(error), GONE)
    return Busy("busy", str(error), "Try again in a moment.")
