"""Who comes in over SSH, and that the session is the console and nothing else; with README's lines, on a real sshd."""

from __future__ import annotations

import getpass
import re
import subprocess
from pathlib import Path

import pytest

from store import audit, database
from store.types import AuditEvent
from tests.clock import FakeClock
from tests.faults.processes import wait_until
from tests.ssh.conftest import Starts
from tests.ssh.server import SSHD, Server, fingerprint
from tests.terminal import Terminal
from tests.tui import scenes

ME = getpass.getuser()


@pytest.fixture
def file(tmp_path: Path, clock: FakeClock) -> Path:
    """A database with an account and no campaign."""
    return Path(scenes.empty(tmp_path, clock).url)


def events(action: str) -> list[AuditEvent]:
    """The audit events of an action."""
    with database.session():
        return [event for event in audit.events() if event.action == action]


def signed_in(terminal: Terminal, database_name: str = "acme.db") -> AuditEvent:
    """Wait for the console and its one event."""
    terminal.expect("No campaigns yet.")
    assert database_name in terminal.screen
    wait_until(lambda: len(events("session.open")) == 1, lambda: events("session.open"))
    return events("session.open")[0]


def is_this_session(event: AuditEvent, server: Server) -> None:
    """By the kernel's user, sshd's address and the key that really logged in."""
    assert event.actor == ME
    where, _, rest = event.terminal.partition(" from ")
    assert where.startswith("/dev/pts/")
    assert rest == f"127.0.0.1 with key {server.fingerprint}"


def test_R55_the_operator_is_who_sshd_logged_in_with_address_and_key(serve: Starts, file: Path) -> None:
    server = serve(file)
    terminal = server.open()
    is_this_session(signed_in(terminal), server)
    terminal.press("q")
    assert terminal.expect_end() == 0
    assert len(events("session.close")) == 1


@pytest.mark.parametrize("accept_everything", [False, True])
def test_R55_nothing_that_a_client_sends_makes_it_somebody_else_or_another_console(
    accept_everything: bool, serve: Starts, file: Path, tmp_path: Path
) -> None:
    """With README's `AcceptEnv`, and where an administrator let everything in."""
    server = serve(file, accept_everything=accept_everything)
    forged = tmp_path / "auth"
    forged.write_text(f"publickey {(server.folder / 'other_key.pub').read_text()}")
    (tmp_path / "json.py").write_text(f"open({str(tmp_path / 'module')!r}, 'w')")
    sent = {
        "USER": "mallory",
        "LOGNAME": "mallory",
        "SSH_CONNECTION": "203.0.113.7",
        "SSH_CLIENT": "203.0.113.7",
        "SSH_USER_AUTH": str(forged),
        "SENDOFF_DATABASE": str(tmp_path / "other.db"),
        "SENDOFF_CONFIG": "/dev/null",
        "XDG_STATE_HOME": str(tmp_path / "xdg-state"),
        "TEXTUAL_LOG": str(tmp_path / "textual.log"),
        "TEXTUAL_DRIVER": "json:Driver",
        "TEXTUAL_PRESS": "q",
        "PYTHONPATH": str(tmp_path),
        "PYTHONINSPECT": "1",
    }
    terminal = server.open("-o", f"SetEnv={' '.join(f'{name}={value}' for name, value in sent.items())}")
    event = signed_in(terminal)
    is_this_session(event, server)
    assert fingerprint(server.folder / "other_key.pub") not in event.terminal
    assert event.after == {"role": "manager"}
    terminal.press("q")
    # PYTHONINSPECT would go on with a prompt.
    assert terminal.expect_end() == 0
    made = {one.name for one in tmp_path.rglob("*")}
    assert not made & {"other.db", "xdg-state", "textual.log", "module"}


def test_nothing_that_steers_a_login_shell_or_the_loader_reaches_them(serve: Starts, file: Path) -> None:
    """The shell starts before the program and could not be undone by it: this is `AcceptEnv`'s part."""
    server = serve(file)
    sent = ("LANG", "LC_TIME", "BASH_ENV", "ENV", "ZDOTDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "SENDOFF_DATABASE")
    signed_in(server.open("-o", f"SetEnv={' '.join(f'{name}=/sent' for name in sent)}"))
    arrived: dict[str, int] = {}
    for pid, name in server.sessions().items():
        # As it was when the program began.
        if not name.startswith("sshd"):
            arrived |= dict.fromkeys(re.findall(r"(\w+)=/sent\0", Path(f"/proc/{pid}/environ").read_text()), pid)
    assert set(arrived) == {"LANG", "LC_TIME"}


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (("id",), ()),
        (("id",), ("-tt",)),
        (("/bin/sh", "-c", "'touch FILE'"), ()),
        (("sendoff", "campaign", "list"), ()),
        (("sftp",), ("-s",)),
        (("scp", "-t", "FILE"), ()),
    ],
)
def test_a_command_that_the_client_asks_for_is_refused_audited_and_not_run(
    words: tuple[str, ...], options: tuple[str, ...], serve: Starts, file: Path, tmp_path: Path
) -> None:
    server = serve(file)
    asked = tuple(word.replace("FILE", str(tmp_path / "escaped")) for word in words)
    answer = server.ask(*asked, options=options)
    assert answer.returncode == 5, answer
    # Standard error of a subsystem goes nowhere.
    assert "-s" in options or "opens the console and runs nothing else" in answer.stdout + answer.stderr
    assert "uid=" not in answer.stdout
    assert not (tmp_path / "escaped").exists()
    refused = events("session.open.refused")
    assert [(event.actor, event.after) for event in refused] == [(ME, {"code": "only_console"})]
    assert asked[0] in refused[0].detail
    assert events("session.open") == []


def test_without_a_terminal_there_is_no_console(serve: Starts, file: Path) -> None:
    answer = serve(file).ask(options=("-T",))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "The console needs a terminal." in answer.stderr


@pytest.mark.parametrize("way", [("-W", "127.0.0.1:PORT"), ("-N", "-R", "0:127.0.0.1:PORT")])
def test_nothing_is_forwarded(way: tuple[str, ...], serve: Starts, file: Path) -> None:
    server = serve(file)
    options = tuple(word.replace("PORT", str(server.port)) for word in way)
    answer = server.ask(options=("-o", "ExitOnForwardFailure=yes", *options))
    assert answer.returncode == 255
    assert "SSH-2.0" not in answer.stdout
    assert "prohibited" in answer.stderr or "forwarding failed" in answer.stderr, answer


def test_sshd_takes_the_documented_lines_as_they_are_meant(serve: Starts, file: Path) -> None:
    assert SSHD is not None
    server = serve(file)
    of_user = f"user={ME},host=localhost,addr=127.0.0.1"
    told = subprocess.run(
        [SSHD, "-T", "-f", server.folder / "sshd_config", "-C", of_user], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    settings = dict(line.split(" ", 1) for line in told if not line.startswith("acceptenv"))
    assert [line for line in told if line.startswith("acceptenv")] == ["acceptenv LANG", "acceptenv LC_*"]
    assert settings["forcecommand"].startswith(str(server.folder / "opt/bin/python"))
    for name in ("disableforwarding", "permittty", "exposeauthinfo"):
        assert settings[name] == "yes", name
    closed = ("permituserrc", "permittunnel", "x11forwarding", "permituserenvironment")
    for name in (*closed, *(f"allow{what}forwarding" for what in ("agent", "tcp", "streamlocal"))):
        assert settings[name] == "no", name
    assert settings["authenticationmethods"] == "publickey"


def test_another_key_does_not_come_in(serve: Starts, file: Path) -> None:
    server = serve(file)
    (server.folder / "other_key").replace(server.key)
    answer = server.ask()
    assert answer.returncode == 255
    assert "Permission denied" in answer.stderr


def test_R56_the_role_is_the_one_of_the_configuration_file_that_the_server_names(serve: Starts, file: Path) -> None:
    server = serve(file, role="agent")
    terminal = server.open()
    assert signed_in(terminal).after == {"role": "agent"}
    assert "as agent" in terminal.screen
    terminal.press("n")
    terminal.expect("The role agent may not do this")
    wait_until(lambda: len(events("campaign.create.refused")) == 1, lambda: "the refusal's event")


def test_R56_who_has_no_role_is_turned_away_at_the_door(serve: Starts, file: Path) -> None:
    server = serve(file)
    (server.folder / "config.toml").write_text(f'database = "{file}"\n[roles]\nasha = "owner"\n')
    terminal = server.open()
    assert terminal.expect_end() == 5
    assert f"{ME} has no role here." in terminal.screen
    assert [event.after for event in events("session.open.refused")] == [{"code": "not_allowed"}]


def test_what_an_operator_names_stays_in_the_one_folder(serve: Starts, file: Path, tmp_path: Path) -> None:
    server = serve(file, role="owner")
    terminal = server.open()
    signed_in(terminal)
    terminal.press("U")
    terminal.expect("Nobody is opted out.")
    terminal.press("x")
    terminal.wait_until(lambda: f"{server.files}/opt-outs.csv" in told(terminal), 15, "the path")
    empty(terminal)
    terminal.press(str(tmp_path / "escaped.csv"))
    terminal.wait_until(lambda: f"outsidethefolder{server.files}" in told(terminal), 15, "the refusal")
    terminal.press("enter")
    terminal.settle()
    assert not (tmp_path / "escaped.csv").exists()
    empty(terminal)
    terminal.press("mine.csv")
    terminal.wait_until(lambda: f"{server.files}/mine.csv" in told(terminal), 15, "the path")
    terminal.press("enter")
    terminal.expect("0 numbers written to")
    assert (server.files / "mine.csv").exists()


def told(terminal: Terminal) -> str:
    """What a dialog says, without spaces and frame: long paths are broken anywhere."""
    return re.sub(r"[\s│]+", "", terminal.screen)


def empty(terminal: Terminal) -> None:
    """Take away what stands in the field."""
    terminal.press("ctrl+u")
    terminal.settle()
