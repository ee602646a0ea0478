"""The locked-down console: what it takes from its surroundings, where its folder may be, and no way out of it."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import confinement
from engine.errors import BadInput
from store import audit, database
from tests.cli import ROOT, Cli
from tests.clock import FakeClock
from tests.terminal import Terminal
from tests.tui import scenes
from tests.tui.draft_scene import Scene, editor, fill_in, wrong
from tests.tui.scenes import NARROW, Desk
from tui import bulk_export, locked, supervisor
from tui.screens import draft_skipped, upload
from tui.screens.draft_choices import FILE
from tui.screens.exporting import export_echo, report_echo
from tui.screens.optout_import import file_echo
from tui.widgets.path_input import complete

SESSION = {
    "HOME": "/home/asha",
    "TERM": "xterm",
    "LANG": "en_IN.UTF-8",
    "LC_TIME": "C",
    "SSH_CONNECTION": "203.0.113.7 50000 203.0.113.8 22",
    "SSH_USER_AUTH": "/tmp/sshauth.x",
}

CUT = (
    "SENDOFF_DATABASE", "SENDOFF_CONFIG", "SENDOFF_TOKEN", "TEXTUAL", "TEXTUAL_LOG", "TEXTUAL_DRIVER",
    "XDG_CONFIG_HOME", "TMUX", "EDITOR", "PAGER", "BROWSER", "https_proxy", "SSL_CERT_FILE", "SSLKEYLOGFILE",
    "LD_PRELOAD", "TMPDIR", "PATH", "SSH_AUTH_SOCK", "TZ", "LC", "SSH",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    (tmp_path / "files").mkdir()
    return scenes.empty(tmp_path, clock)


class Console:
    """Starts `sendoff --restricted` on a desk, as README's ForceCommand does: Python hears no variable."""

    def __init__(self, desk: Desk) -> None:
        self.files = desk.folder / "files"
        start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tui.cli import main; sys.exit(main())"
        self._command = [sys.executable, "-I", "-c", start, "--database", desk.url, "--restricted", str(self.files)]

    def open(self, *more: str, **env: str) -> Terminal:
        return Terminal([*self._command, *more], env=env)

    def ask(self, *more: str, isolated: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        command = [word for word in self._command if isolated or word != "-I"]
        return subprocess.run(
            [*command, *more], env={**os.environ, **env},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )  # fmt: skip


# The environment


def test_only_the_terminals_and_the_sessions_variables_are_left() -> None:
    environ = SESSION | dict.fromkeys(CUT, "/x")
    assert locked.clean(environ) is None
    assert environ == SESSION | {"PATH": "/usr/bin:/bin"}


def test_the_command_asked_for_is_answered_and_taken_out() -> None:
    environ = SESSION | {"SSH_ORIGINAL_COMMAND": ""}
    # An empty one was asked for too.
    assert locked.clean(environ) == ""
    assert "SSH_ORIGINAL_COMMAND" not in environ


def test_variables_that_steer_python_are_refused_where_python_heard_them(desk: Desk) -> None:
    console = Console(desk)
    answer = console.ask("--json", isolated=False, PYTHONUNBUFFERED="1", PYTHONINSPECT="1")
    assert answer.returncode == 2
    assert "PYTHONINSPECT, PYTHONUNBUFFERED" in answer.stderr
    # Without the prompt that PYTHONINSPECT asks for.
    assert ">>>" not in answer.stderr + answer.stdout
    assert "needs a terminal" in console.ask(PYTHONINSPECT="1").stderr


# The folder


@pytest.mark.parametrize("folder", ["nowhere", "relative", "/nowhere/at/all", "/etc/passwd"])
def test_a_folder_that_is_none_is_refused(folder: str, desk: Desk) -> None:
    with pytest.raises(BadInput) as refused:
        locked.confine(folder, desk.url, None)
    assert refused.value.code == "bad_folder"


def test_a_folder_that_holds_what_a_console_lives_by_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = "postgresql://db.example/acme"
    config = desk.folder / "settings" / "config.toml"
    config.parent.mkdir()
    config.touch()
    link = desk.folder / "link"
    link.symlink_to(desk.folder)
    home = Path(os.environ["HOME"])
    for folder, url, named, what in (
        (desk.folder, desk.url, None, "the database"),
        (link, desk.url, None, "the database"),
        (config.parent, elsewhere, str(config), "the configuration"),
        (home, elsewhere, None, "the account's home"),
        (home.parent, elsewhere, None, "the account's home"),
        (Path("/"), elsewhere, None, "the account's home"),
        (ROOT, elsewhere, None, "the program"),
        (Path(sys.prefix), elsewhere, None, "its Python"),
    ):
        refused(folder, url, named, what)
    # Last, for the files of the test would be beside it.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.folder / "secrets"))
    (desk.folder / "secrets" / "sendoff").mkdir(parents=True)
    refused(desk.folder / "secrets", elsewhere, None, "the secrets file")


def refused(folder: Path, url: str, config: str | None, what: str) -> None:
    with pytest.raises(BadInput, match=f"also holds {what}") as error:
        locked.confine(str(folder), url, config)
    assert error.value.code == "bad_folder"


# The command line


@pytest.mark.parametrize("line", ["campaign list", "worker --once", "demo", "callbacks import x", "simulate --list"])
def test_nothing_but_the_console_is_run(line: str, tmp_path: Path) -> None:
    answer = Cli(tmp_path / "unused.db")("--restricted", tmp_path, *line.split(), "--json")
    assert (answer.status, answer.out, answer.error["code"]) == (5, "", "only_console")
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_the_client_asks_for_is_told_literally_and_shortened(desk: Desk) -> None:
    answer = Console(desk).ask("--json", SSH_ORIGINAL_COMMAND=f"\x1b]0;x\x07{'a' * 5000}")
    assert answer.returncode == 5
    assert "\x1b" not in answer.stderr
    assert len(answer.stderr) < 600
    with database.session():
        event = audit.events(limit=1)[0]
    assert (event.action, event.after) == ("session.open.refused", {"code": "only_console"})
    assert "\x1b" not in event.detail and len(event.detail) < 400


def test_it_sets_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    console = Console(Desk(str(tmp_path / "new.db"), tmp_path, FakeClock()))
    with console.open() as terminal:
        assert terminal.expect_end() == 4
    assert not (tmp_path / "new.db").exists()


# The console


def test_nothing_suspends_it_and_the_environment_opens_no_file(desk: Desk) -> None:
    log = desk.folder / "textual.log"
    env = {"TEXTUAL": "debug,devtools", "TEXTUAL_LOG": str(log), "TEXTUAL_PRESS": "q", "TEXTUAL_SCREENSHOT": "0"}
    with Console(desk).open(**env) as terminal:
        terminal.expect("No campaigns yet.")
        terminal.press("ctrl+z")
        terminal.kill(signal.SIGTSTP)
        terminal.press("U")
        terminal.expect("Nobody is opted out.")
        terminal.press("escape")
        terminal.expect("No campaigns yet.")
        terminal.press("q")
        assert terminal.expect_end() == 0
    assert not log.exists()


async def test_no_action_of_textuals_leads_out(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(os, "kill", lambda pid, number: pytest.fail(f"signal {number}"))
    opened: list[str] = []
    async with desk.console(NARROW) as console:
        monkeypatch.setattr(console.app._driver, "open_url", lambda url, new_tab: opened.append(url))
        # What they do elsewhere, so that this test can fail.
        console.app.open_url("https://example.com")
        assert opened == ["https://example.com"]
        locked.confine(str(desk.folder / "files"), desk.url, None)
        try:
            console.app.open_url("https://example.org")
            console.app.action_suspend_process()
            console.app.action_screenshot(path=str(tmp_path))
        finally:
            confinement.confine(None)
    assert opened == ["https://example.com"]
    assert sorted(tmp_path.rglob("*.svg")) == [one for one in before if one.suffix == ".svg"]


@pytest.fixture
def confined(tmp_path: Path) -> Iterator[Path]:
    """The one folder of this process, with a contact file, beside a secret one."""
    folder = tmp_path / "files"
    folder.mkdir()
    for file in (folder / "inside.csv", tmp_path / "secret.csv"):
        file.write_text("Phone\n+4915170000001\n")
    confinement.confine(folder)
    yield folder
    confinement.confine(None)


ECHOES: list[Callable[[str], str]] = [
    report_echo,
    export_echo,
    file_echo,
    draft_skipped._check_path,
    lambda typed: bulk_export.echo(str(Path(typed).parent), []),
    lambda typed: upload._echo(typed.replace(".csv", ".jpg")),
]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("typed", ["../secret.csv", "/etc/secret.csv", "~/../secret.csv"])
def test_every_prompt_for_a_file_refuses_what_is_outside(
    echo: Callable[[str], str], typed: str, confined: Path
) -> None:
    with pytest.raises(BadInput) as error:
        echo(typed)
    assert error.value.code == "outside_folder"


def test_prompts_say_where_in_the_folder_it_will_be(confined: Path) -> None:
    assert str(confined / "inside.csv") in file_echo("inside.csv")
    assert f"writes {confined}/new.csv" in export_echo("~/new.csv")
    assert f"writes {confined}/new.csv" in draft_skipped._check_path("new.csv")


def test_no_path_outside_is_completed(confined: Path) -> None:
    assert complete("in") == "inside.csv"
    assert complete("~/in") == "~/inside.csv"
    for typed in ("../se", f"{confined.parent}/se", "/et", "/", "~/../se"):
        assert complete(typed) is None


async def test_a_contact_file_outside_is_refused_at_its_field(tmp_path: Path, clock: FakeClock, confined: Path) -> None:
    confinement.confine(None)
    scene = Scene.make(tmp_path, clock)
    campaign_id = scene.draft(rows=3)
    confinement.confine(confined)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, FILE, "../secret.csv")
        await console.press("enter")
        await wrong(console, screen, FILE, "is outside the folder")
        await fill_in(console, screen, FILE, "inside.csv")
        await console.press("enter")
        await console.expect("inside.csv, 1 row: 1 will get it")
        await console.press("escape")


def test_the_worker_takes_its_modules_from_the_program_and_not_from_the_folder_somebody_is_in(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(99)")
    (tmp_path / "tui").mkdir()
    code = [sys.executable, "-m", "tui", "--version"]
    done = subprocess.run(code, cwd=tmp_path, env=supervisor.surroundings(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


STARTS = {
    ("engine/service.py", "create_subprocess_exec"),  # a simulator for the simulated gateway, in the worker
    ("engine/service.py", "subprocess"),
    ("tui/supervisor.py", "create_subprocess_exec"),  # the worker
    ("tui/supervisor.py", "subprocess"),
    ("tui/terminal.py", "subprocess"),  # tmux, where TMUX is set
    ("tui/app.py", "action_suspend_process"),
    ("tui/app.py", "action_screenshot"),
    ("tui/app.py", "open_url"),
}
"""Every place that starts another program, or could hand the terminal over or write a file of Textual's."""
_NAMES = frozenset((
    "subprocess", "create_subprocess_exec", "create_subprocess_shell", "system", "popen", "execv", "execve", "execvp",
    "execvpe", "posix_spawn", "spawnv", "fork", "forkpty", "webbrowser", "pty", "open_url", "suspend",
    "action_suspend_process", "action_screenshot", "save_screenshot", "deliver_screenshot", "deliver_text",
    "deliver_binary", "multiprocessing", "runpy", "exec", "eval",
))  # fmt: skip


def test_every_way_to_another_program_is_known() -> None:
    found = set()
    for package in ("engine", "store", "tui"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                found |= {(str(file.relative_to(ROOT)), name) for name in named(node) if name in _NAMES}
    assert found == STARTS


def named(node: ast.AST) -> list[str]:
    """The names that a piece of a program mentions."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.FunctionDef(name=name):
            return [name]
        case ast.Import(names=aliases):
            return [alias.name for alias in aliases]
        case ast.ImportFrom(module=module, names=aliases):
            return [module or "", *(alias.name for alias in aliases)]
    return []
