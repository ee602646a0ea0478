"""Trying a draft out: its message to up to five numbers, and what becomes of each while one looks (R32)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import VerticalGroup
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine import phone, testsends
from engine.commands import testsends as commands
from engine.errors import Refused
from engine.text import counted, shown
from store import testsends as store
from store.types import Delivery, RecipientState
from tui.screens.draft_launch import DraftLaunch
from tui.screens.prompt import PromptScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.testsends import Prepared
    from store.types import TestSend

LOOK_S: Final = 0.5
"""How often the outcomes are read while they are looked at."""
_ROOM: Final = 40
"""Characters of a campaign's name in the dialog's title."""


class Outcomes(ModalScreen[None]):
    """What became of each number, as it becomes; closing it changes nothing.

    `look` reads the test sends and whether a worker holds their sender; `None` when they cannot be read now.
    """

    CSS_PATH = "prompt.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "leave", "close")]

    def __init__(self, title: str, look: Callable[[], Awaitable[tuple[Sequence[TestSend], bool] | None]]) -> None:
        super().__init__()
        self._title = title
        self._look = look

    def compose(self) -> ComposeResult:
        """Title, one line a number, what is waited for, keys."""
        with VerticalGroup(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            yield Static("Reading …", id="outcomes", markup=False)
            yield Static("esc closes this; what is on its way goes on", classes="dialog-keys", markup=False)

    async def on_mount(self) -> None:
        """Look at once, and again and again."""
        self.set_interval(LOOK_S, self._show)
        await self._show()

    async def _show(self) -> None:
        found = await self._look()
        if found is not None and self.is_mounted:
            self.query_one("#outcomes", Static).update(Content("\n").join(lines(*found)))

    def action_leave(self) -> None:
        """Back to the form."""
        self.dismiss(None)


def lines(tests: Sequence[TestSend], served: bool) -> list[Content]:
    """One line a number, and below them why it does not go on. Pure."""
    numbers = [phone.display(one.phone) for one in tests]
    width = max(map(len, numbers), default=0)
    found = [
        Content.assemble(f"{number:<{width}}   ", (shown(testsends.words(one)), _tone(one)))
        for number, one in zip(numbers, tests, strict=True)
    ]
    if not served and any(one.state is RecipientState.PENDING for one in tests):
        minutes = testsends.EXPIRES_MS // 60_000
        found.append(Content.styled(f"No worker runs: it goes when one does, within {minutes} minutes.", "$held"))
    return found


def _tone(test: TestSend) -> str:
    if test.state is RecipientState.FAILED or test.delivery is Delivery.UNDELIVERED:
        return "bold $failed"
    if test.state is RecipientState.UNKNOWN:
        return "bold $held"
    return "" if test.state is RecipientState.SENT else "$text-muted"


def echo(prepared: Prepared, typed: str) -> str:
    """How typed numbers are understood, what they cost and whose values the message has. Raises `EngineError`."""
    phones = testsends.numbers(phone.split(typed))
    price = sum(testsends.cost(prepared, phones))
    listed = ", ".join(phone.display(one.number) for one in phones)
    return f"{counted(price, 'credit')} of {prepared.free:,} free, with {prepared.words}: {listed}."


class DraftTest(DraftLaunch):
    """What ctrl+t does."""

    def action_test(self) -> None:
        """Save, ask for the numbers, send, show what becomes of each."""
        if self.importing is not None:
            self.tell(Refused("importing", "The file is still being read.", "Press ctrl+t again when it is done."))
        else:
            self.run_errand(self._test)

    async def _test(self) -> None:
        if not await self.save_all():
            return
        campaign_id = self.draft.campaign_id
        # It has just been saved.
        assert campaign_id is not None
        line = self._line()
        prepared = await self.reading(testsends.prepare, campaign_id, line)
        if prepared is None:
            return
        actor = self.services.context.actor.name
        last = await self.reading(store.last_numbers, actor) or []
        typed = ", ".join(f"+{number}" for number in last)
        title = f"Test “{self.campaign_name[:_ROOM]}”: to which numbers, up to {testsends.MOST}?"
        asked = None
        while asked is None:
            answer = await self.app.push_screen_wait(
                PromptScreen(
                    title,
                    partial(echo, prepared),
                    value=typed,
                    placeholder="+918040214021, +4915170000001",
                    does="sends it",
                )
            )
            if answer is None:
                return
            # What is refused is told, and can be put right.
            typed = answer
            asked = await self.doing(commands.send, self.services.context, campaign_id, phone.split(typed), line=line)
        self.look()
        ids, sender_id = [one.id for one in asked], asked[0].sender_id
        await self.app.push_screen_wait(
            Outcomes(f"Test “{self.campaign_name[:_ROOM]}”", partial(self._outcomes, ids, sender_id))
        )

    def _line(self) -> int | None:
        """The line of the recipient in the preview, when another one than the first was chosen."""
        sample = None if self.outlook is None else self.outlook.sample
        return sample.line if sample is not None and self.position > 0 else None

    async def _outcomes(self, ids: Sequence[int], sender_id: int) -> tuple[Sequence[TestSend], bool] | None:
        def read() -> tuple[Sequence[TestSend], bool]:
            return store.page(ids), testsends.is_served(sender_id, self.services.now)

        return await self.reading(read)
