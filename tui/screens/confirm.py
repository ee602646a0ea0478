"""The dialog before what is hard to reverse: it says what will happen, and its default is that nothing does.

It answers True only to an explicit yes: `y`, the yes button, or the right number typed. Anything else is no (R18).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.text import shown

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Key, Paste

    from engine.clock import Clock

DEAF_S = 0.25
"""Keys are ignored for so long after the dialog opened: they were meant for the screen below."""
TICK_S = 1.0
_NOT_DIGITS = str.maketrans("", "", " ,.'_")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    title: str
    lines: Sequence[str] | Callable[[int], Sequence[str]]
    """What will happen; a function gets the time (UTC milliseconds) and is asked again every second."""
    yes: str = "Yes"
    no: str = "Keep it"
    too_late: Callable[[int], str | None] | None = None
    """From the moment it gives a text there is nothing left to say yes to: the dialog shows that and only closes."""
    number: int | None = None
    """Set: instead of `y` this number has to be typed."""


class _NumberInput(Input):
    """Takes nothing while the dialog is deaf."""

    def __init__(self, deaf: Callable[[], bool]) -> None:
        super().__init__(restrict=r"[\d ,.'_]*", compact=True, id="number")
        self._deaf = deaf
        self.cursor_blink = False

    async def _on_key(self, event: Key) -> None:
        if self._deaf():
            event.stop()
            event.prevent_default()

    def _on_paste(self, event: Paste) -> None:
        if self._deaf():
            event.stop()
            event.prevent_default()


class _Answer(Static, can_focus=True):
    """One of the two answers. Textual's Button flashes when pressed: frames for nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "choose", "Choose")]
    ALLOW_SELECT = False

    class Chosen(Message):
        """Enter or a click."""

        def __init__(self, answer: _Answer) -> None:
            super().__init__()
            self.answer = answer

    def action_choose(self) -> None:
        """Take this answer."""
        self.post_message(self.Chosen(self))

    def on_click(self) -> None:
        self.action_choose()


class Confirm(ModalScreen[bool]):
    """Asks a question; push it with a callback that gets the answer."""

    AUTO_FOCUS = "#number, #no"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)", "Yes"),
        ("n,escape", "answer(False)", "No"),
        ("left,right", "app.focus_next", "Other button"),
        ("down", "scroll(1)", "Down"),
        ("up", "scroll(-1)", "Up"),
    ]
    DEFAULT_CSS = """
    Confirm {
        align: center middle;
        background: transparent;
    }
    Confirm > #dialog {
        width: 66;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        padding: 0 1;
        border: solid $border;
        background: $surface;
        border-title-style: bold;
        border-title-color: $foreground;
    }
    Confirm #said {
        height: auto;
        max-height: 70vh;
        scrollbar-size-vertical: 1;
    }
    Confirm #lines {
        height: auto;
        width: 1fr;
    }
    Confirm #number-line {
        height: 1;
    }
    Confirm #number-label {
        width: auto;
        padding-right: 1;
    }
    Confirm #number {
        width: 1fr;
        background: $panel;
    }
    Confirm #answers {
        height: 1;
        margin-top: 1;
        align-horizontal: right;
    }
    Confirm #answers _Answer {
        width: auto;
        margin-left: 4;
    }
    Confirm #enter {
        width: auto;
        margin-left: 4;
        color: $text-muted;
    }
    Confirm #answers _Answer:focus {
        text-style: reverse;
    }
    """

    def __init__(self, question: Question, clock: Clock) -> None:
        super().__init__()
        self._question = question
        self._clock = clock
        self._opened = clock.steady()
        self._late: str | None = None
        self._wrong = ""
        # There from the start: set at mounting, everything would be laid out and painted twice.
        self._lines = Static(self._said(clock.now()), markup=False, id="lines")
        self._no = _Answer(Content(f"[ {shown(question.no)} ]"), id="no")
        self._yes = _Answer(Content(f"y  {shown(question.yes)}"), id="yes")
        self._enter = Static(Content(f"enter  {shown(question.yes)}"), id="enter")
        self._number = None if question.number is None else _NumberInput(self.deaf)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content(shown(self._question.title))
            # In a low terminal the answers stay in view and what is said scrolls.
            with VerticalScroll(id="said", can_focus=False):
                yield self._lines
            if self._number is not None:
                with Horizontal(id="number-line"):
                    yield Static(Content(f"Type {self._question.number:,} to confirm:"), id="number-label")
                    yield self._number
            with Horizontal(id="answers"):
                yield self._no
                yield self._yes if self._number is None else self._enter

    def on_mount(self) -> None:
        self._opened = self._clock.steady()
        self.tick()
        if callable(self._question.lines) or self._question.too_late is not None:
            self.set_interval(TICK_S, self.tick)

    def deaf(self) -> bool:
        """Whether the dialog has only just opened."""
        return self._clock.steady() - self._opened < DEAF_S

    def tick(self) -> None:
        """Say what is true now; only what changed is repainted."""
        now = self._clock.now()
        if self._late is None and self._question.too_late is not None:
            self._late = self._question.too_late(now)
            if self._late is not None:
                self._close_only()
        said = self._said(now)
        if not isinstance(self._lines.content, Content) or not self._lines.content.is_same(said):
            self._lines.update(said)

    def _said(self, now: int) -> Content:
        if self._late is not None:
            late = Content("\n").join(Content.styled(shown(line), "bold") for line in self._late.split("\n"))
            return Content.styled("! ", "bold $held") + late
        lines = self._question.lines
        told = lines(now) if callable(lines) else lines
        content = Content("\n").join(Content(shown(line)) for line in told)
        return Content.assemble(content, ("\n! " + self._wrong, "bold $held")) if self._wrong else content

    def _close_only(self) -> None:
        self._no.update(Content("[ Close ]"))
        self._no.focus()
        self._yes.display = self._enter.display = False
        if self._number is not None:
            self._number.disabled = True

    def action_answer(self, yes: bool) -> None:
        """Answer, unless the key was meant for the screen below or it is too late for a yes."""
        if self.deaf():
            return
        if not yes:
            self.dismiss(False)
            return
        if self._number is None:
            self._agree()

    def action_scroll(self, lines: int) -> None:
        """Scroll what is said by so many lines."""
        self.query_one("#said").scroll_relative(y=lines, animate=False)

    @on(_Answer.Chosen)
    def _chosen(self, event: _Answer.Chosen) -> None:
        event.stop()
        self.action_answer(event.answer is self._yes)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        typed = event.value.translate(_NOT_DIGITS)
        if self.deaf() or not typed:
            return
        if typed == str(self._question.number):
            self._agree()
            return
        self._wrong = f"{shown(event.value)} is not {self._question.number:,}; nothing was done."
        self.tick()

    def _agree(self) -> None:
        # The last tick may be a second old.
        self.tick()
        if self._late is None:
            self.dismiss(True)
