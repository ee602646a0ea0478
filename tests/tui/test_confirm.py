"""The dialog before what is hard to reverse."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.clock import START, FakeClock
from tests.driver import Console, check_text_snapshot
from tests.tui.harness import Harness
from tui.screens.confirm import Confirm, Question

MINUTE = 60_000
LOCK = START + 22 * MINUTE + 41_000


def lines(now: int) -> Sequence[str]:
    left = (LOCK - now) // 1_000
    return [
        "Scheduled for today 15:00 IST, 1,204 recipients.",
        "Nothing is sent and no credit is taken. It stays in the list.",
        f"You can still cancel for {left // 60:02d}:{left % 60:02d}.",
    ]


def too_late(now: int) -> str | None:
    return "It is locked now: less than 5 minutes are left." if now > LOCK else None


CANCEL = Question('Cancel "Renewal [b]July"?', lines, "Yes, cancel", too_late=too_late)
SEND = Question("Send now?", ["1,204 messages go out at once."], "Send", no="Not now", number=1_204)


class Asking(Harness):
    """Asks when it starts; `answers` gets what came back."""

    def __init__(self, question: Question, clock: FakeClock) -> None:
        super().__init__()
        self.dialog = None if question is None else question
        self.clock = clock
        self.answers: list[bool | None] = []

    def ask(self) -> Confirm:
        assert self.dialog is not None
        confirm = Confirm(self.dialog, self.clock)
        self.push_screen(confirm, self.answers.append)
        return confirm


async def opened(screen: Console, app: Asking, deaf: bool = False) -> Confirm:
    confirm = app.ask()
    await screen.until(lambda: app.screen is confirm and confirm.is_mounted, "the dialog is open")
    await screen.pilot.pause()
    if not deaf:
        app.clock.advance(300)
    return confirm


async def test_R18_the_dialog_says_what_will_happen_and_keep_it_has_the_focus(clock: FakeClock) -> None:
    app = Asking(CANCEL, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        await screen.expect('Cancel "Renewal [b]July"?', "1,204 recipients.", "You can still cancel for 22:41.")
        await screen.expect("[ Keep it ]", "y  Yes, cancel")
        assert app.focused is not None
        assert app.focused.id == "no"


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        ("y", True),
        ("n", False),
        ("escape", False),
        ("enter", False),
        ("tab enter", True),
        ("right enter", True),
        ("right left enter", False),
    ],
)
async def test_R18_only_an_explicit_yes_is_a_yes(clock: FakeClock, keys: str, answer: bool) -> None:
    app = Asking(CANCEL, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        await screen.press(*keys.split())
        assert app.answers == [answer]


@pytest.mark.parametrize("key", ["x", "space", "c", "Y", "ctrl+d"])
async def test_R18_any_other_key_changes_nothing(clock: FakeClock, key: str) -> None:
    app = Asking(CANCEL, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        await screen.press(key)
        assert True not in app.answers


@pytest.mark.parametrize("key", ["y", "n", "escape", "enter"])
async def test_keys_are_ignored_for_a_quarter_of_a_second(clock: FakeClock, key: str) -> None:
    app = Asking(CANCEL, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app, deaf=True)
        await screen.press(key)
        clock.advance(249)
        await screen.press(key)
        assert app.answers == []
        clock.advance(1)
        await screen.press(key)
        assert app.answers == [key == "y"]


async def test_R15_the_countdown_runs(clock: FakeClock) -> None:
    app = Asking(CANCEL, clock)
    async with Console(app, (80, 24)) as screen:
        confirm = await opened(screen, app, deaf=True)
        clock.advance(61_000)
        confirm.tick()
        await screen.expect("You can still cancel for 21:40.")


async def test_R15_when_it_reaches_the_lock_the_dialog_says_so_and_only_closes(clock: FakeClock) -> None:
    app = Asking(CANCEL, clock)
    async with Console(app, (80, 24)) as screen:
        confirm = await opened(screen, app)
        clock.set(LOCK + 1)
        confirm.tick()
        await screen.expect("! It is locked now", "[ Close ]")
        await screen.expect_not("Yes, cancel", "Keep it")
        await screen.press("y")
        assert app.answers == []
        await screen.press("enter")
        assert app.answers == [False]


async def test_R15_a_yes_after_the_lock_is_none_even_before_the_next_tick(clock: FakeClock) -> None:
    app = Asking(CANCEL, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        clock.set(LOCK + 1)
        await screen.press("y")
        await screen.expect("It is locked now")
        assert app.answers == []


async def test_R14_at_the_very_last_moment_a_yes_still_counts(clock: FakeClock) -> None:
    app = Asking(CANCEL, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        clock.set(LOCK)
        await screen.press("y")
        assert app.answers == [True]


async def test_too_late_may_take_several_lines(clock: FakeClock) -> None:
    app = Asking(Question("?", ["a"], too_late=lambda now: "Locked.\nIt will run."), clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        await screen.expect("! Locked.", "It will run.")


async def test_sending_now_asks_for_the_number_to_be_typed(clock: FakeClock) -> None:
    app = Asking(SEND, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        await screen.expect("1,204 messages go out at once.", "Type 1,204 to confirm:", "[ Not now ]")
        await screen.press("y")
        assert app.answers == [], "y is no answer here"
        await screen.type("1204")
        await screen.press("enter")
        assert app.answers == [True]


@pytest.mark.parametrize("typed", ["1,204", "1 204", "1.204", "1'204"])
async def test_the_number_may_be_typed_as_it_is_shown_elsewhere(clock: FakeClock, typed: str) -> None:
    app = Asking(SEND, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        await screen.type(typed)
        await screen.press("enter")
        assert app.answers == [True]


async def test_a_wrong_number_does_nothing_and_says_so(clock: FakeClock) -> None:
    app = Asking(SEND, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app)
        await screen.press("enter")
        await screen.type("1205")
        await screen.press("enter")
        await screen.expect("! 1205 is not 1,204; nothing was done.")
        assert app.answers == []
        await screen.press("escape")
        assert app.answers == [False]


async def test_what_was_typed_too_early_does_not_count(clock: FakeClock) -> None:
    app = Asking(SEND, clock)
    async with Console(app, (80, 24)) as screen:
        await opened(screen, app, deaf=True)
        await screen.type("1204")
        clock.advance(300)
        await screen.press("enter")
        assert app.answers == []


@pytest.mark.parametrize("size", [(60, 16), (80, 24)])
@pytest.mark.parametrize(("name", "question"), [("cancel", CANCEL), ("send", SEND)])
async def test_the_dialog_fits_every_terminal(
    clock: FakeClock, size: tuple[int, int], name: str, question: Question
) -> None:
    app = Asking(question, clock)
    async with Console(app, size) as screen:
        await opened(screen, app)
        await screen.expect(f"[ {question.no} ]", "1,204")
        check_text_snapshot(f"confirm_{name}_{size[0]}x{size[1]}", screen.screen)
