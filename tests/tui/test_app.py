"""The console as a whole: its screens, its registry of commands, its notices, the way out."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.clock import FakeClock
from tests.sending import eventually
from tests.tui import scenes
from tests.tui.scenes import NARROW, Desk, opened, told
from tui import state
from tui.app import SendoffApp, _name_of
from tui.command import Scope
from tui.commands import COMMANDS, commands_of
from tui.screens.audit import AuditScreen
from tui.screens.base import ConsoleScreen
from tui.screens.campaigns import CampaignsScreen
from tui.screens.draft import DraftScreen
from tui.screens.help import Help
from tui.screens.optouts import OptOutsScreen
from tui.screens.report import ReportScreen
from tui.screens.series import SeriesScreen
from tui.supervisor import Supervisor
from tui.widgets.paged_table import PagedTable

SCREENS: dict[Scope, type[ConsoleScreen]] = {
    Scope.AUDIT: AuditScreen,
    Scope.CAMPAIGNS: CampaignsScreen,
    Scope.DRAFT: DraftScreen,
    Scope.OPT_OUTS: OptOutsScreen,
    Scope.REPORT: ReportScreen,
    Scope.SERIES: SeriesScreen,
}


@pytest.fixture
def sampled(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.sampled(tmp_path, clock)


# The registry


@pytest.mark.parametrize("scope", list(SCREENS))
def test_every_command_does_something(scope: Scope) -> None:
    missing = []
    for command in commands_of(scope):
        target, _, name = command.action.partition("(")[0].rpartition(".")
        owner = SendoffApp if target == "app" else PagedTable if command.scope is Scope.TABLE else SCREENS[scope]
        if not callable(getattr(owner, f"action_{name}", None)):
            missing.append(command.id)
    assert missing == []


def test_every_command_belongs_to_a_screen() -> None:
    reached = {command.id for scope in SCREENS for command in commands_of(scope)}
    assert reached == set(COMMANDS)


@pytest.mark.parametrize("command", ["campaign.export", "report.export"])
def test_exports_promise_every_format_there_is(command: str) -> None:
    assert all(form in COMMANDS[command].help for form in ("CSV", "XLSX", "HTML"))


# Help, palette, notices


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_lists_the_keys_of_the_list(sampled: Desk, key: str) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press(key)
        await console.expect("Keys: Campaigns", "Cancel what is scheduled", "Not now: ")
        await console.press(*["pagedown"] * 6)
        await console.expect("Find a command by its name.")
        await console.type("duplicate")
        await console.expect_not("Cancel what is scheduled")
        await console.press("escape")
        await opened(console)


async def test_help_of_the_report_lists_the_reports_keys(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("enter")
        await console.expect("[1 all]")
        await console.press("f1")
        await console.until(lambda: isinstance(console.app.screen, Help), "help opens")
        await console.expect("Keys: Report", "Show only recipients that are skipped.", "Find a number.")
        assert not console.sees("Cancel what is scheduled")


async def test_the_palette_finds_cancel_and_runs_it(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        assert console.app.screen.query_one(PagedTable).move_to_id(sampled.id_of("Renewal December"))
        await console.press("colon")
        await console.type("cancel")
        await console.expect("cancel   c", "Cancel what is scheduled")
        await console.press("enter")
        await console.expect("Cancel “Renewal December”?")


async def test_notices_hide_neither_the_first_line_nor_the_keys(sampled: Desk) -> None:
    async with sampled.console(NARROW) as console:
        await opened(console)
        first, *_, worker, keys = console.screen.splitlines()
        console.app.notify("One thing.", markup=False)
        console.app.notify("Another thing.", markup=False)
        await console.expect("One thing.", "Another thing.")
        lines = console.screen.splitlines()
        assert (lines[0], lines[-2], lines[-1]) == (first, worker, keys)
        assert "One thing." in lines[1]
        assert "Another thing." in lines[2]


async def test_a_notice_never_reads_markup(sampled: Desk) -> None:
    from engine.errors import Refused

    async with sampled.console() as console:
        screen = await opened(console)
        screen.tell(Refused("x", f"{scenes.MARKUP} {scenes.ESCAPES}", "[b]hint[/b]"))
        await console.expect("[b]Bold[/b] [@click=app.quit]quit[/]", "␛[31mred␛[0m")
        assert "\x1b" not in console.screen


# Themes


async def test_no_cursor_blinks(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("/")
        await console.until(lambda: isinstance(console.app.focused, Input), "the search has the focus")
        assert isinstance(console.app.focused, Input)
        await console.until(lambda: not console.app.focused.cursor_blink, "it does not blink")  # type: ignore[union-attr]  # it is the search


async def test_the_terminals_own_palette_draws_every_screen(sampled: Desk) -> None:
    async with sampled.console() as console:
        console.app.theme = "sendoff-ansi"
        await opened(console, "Winter preview")
        await console.press("enter")
        await console.expect("[1 all]")


# The way out


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_quitting_remembers_where_the_operator_was(sampled: Desk, key: str) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("5", "o", key)
        assert console.app.return_code == 0
    seen = state.load(state.default_path(), sampled.url)
    assert (seen.tab, seen.reverse) == ("failed", True)


async def test_quitting_from_the_report_remembers_the_list_too(sampled: Desk) -> None:
    async with sampled.console() as console:
        await opened(console)
        await console.press("4")
        await console.expect("[Completed 4]")
        await console.press("enter")
        await console.expect("[1 all]")
        await console.press("ctrl+q")
        assert console.app.return_code == 0
    assert state.load(state.default_path(), sampled.url).tab == "completed"


async def test_quitting_ends_the_worker_in_order(sampled: Desk) -> None:
    worker = Supervisor("unused", command=(sys.executable, "-c", "import sys; sys.stdin.read()"))
    async with sampled.console() as console:
        app = console.app
        assert isinstance(app, SendoffApp)
        app.services.supervisor = worker
        worker.start()
        await eventually(lambda: worker.pid is not None)
        await console.press("q")
        assert app.return_code == 0
        assert worker.pid is None
        assert app.unfinished_worker is None


async def test_a_worker_that_takes_longer_is_left_to_finish_and_told(
    sampled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.leaving.QUIT_S", 0.05)
    worker = Supervisor("unused", command=(sys.executable, "-c", "import time; time.sleep(60)"))
    async with sampled.console() as console:
        app = console.app
        assert isinstance(app, SendoffApp)
        app.services.supervisor = worker
        worker.start()
        await eventually(lambda: worker.pid is not None)
        pid, process = worker.pid, worker._process
        assert pid is not None and process is not None
        await console.press("q")
        assert app.unfinished_worker == pid
        os.kill(pid, signal.SIGKILL)
        await process.wait()


async def test_the_workers_line_says_what_its_process_does(sampled: Desk) -> None:
    worker = Supervisor("unused", command=(sys.executable, "-c", "import sys; sys.stdin.read()"))
    async with sampled.console() as console:
        await opened(console, "worker: NONE, nothing is being sent")
        app = console.app
        assert isinstance(app, SendoffApp)
        app.services.supervisor = worker
        worker.start()
        await console.expect("worker: this console, running")
        assert await worker.stop(10)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/var/lib/sendoff/acme.db", "acme.db"),
        ("sqlite:////var/lib/sendoff/acme.db", "acme.db"),
        ("postgresql://asha:s3cret@db1/acme", "db1/acme"),
    ],
)
def test_the_database_is_named_without_its_password(url: str, name: str) -> None:
    assert _name_of(url) == name


async def test_a_terminal_that_is_too_small_is_told(sampled: Desk) -> None:
    async with sampled.console((50, 12)) as console:
        await told(console, "This terminal is 50 x 12; sendoff needs at least 60 x 16.")
        await console.resize(80, 24)
        await opened(console, "STATUS")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (160, 50), (250, 80)])
async def test_every_screen_draws_at_every_size(sampled: Desk, size: tuple[int, int]) -> None:
    async with sampled.console(size) as console:
        await opened(console)
        for line in console.screen.splitlines():
            assert len(line) <= size[0]
        assert "? help" in console.screen.splitlines()[-1]
        await console.press("enter")
        await console.expect("[1 all]", "? help")
        await console.press("escape")
        await opened(console)
