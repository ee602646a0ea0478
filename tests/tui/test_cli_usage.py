"""What holds for every command: usage, where the database is, errors, exit statuses, streams."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tomllib
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import peewee
import pytest

from engine.gateway.simulator.scenario_file import shipped
from store import database, sqlite_file
from store.types import Gateway, OverQuota, SortKey, Status
from tests.cli import ROOT, TIMEOUT_S, Cli, Here, run_here
from tests.clock import FakeClock
from tests.tui.cli_scene import OTHER_SENDER, SENDER, draft, set_up
from tui import paths
from tui.cli.campaign_arguments import SORTS, STATUSES
from tui.cli.parser import build
from tui.cli.version import VERSION


def connect(file: Path) -> Any:
    """A connection of the SQLite that the store uses: two SQLites in one process do not see each other's locks."""
    return getattr(peewee, "sqlite3").connect(str(file), isolation_level=None)  # noqa: B009 (the stubs leave it out)


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    return Here(tmp_path / "here.db", clock)


def test_the_version_is_the_one_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
    answer = run_here(["--version"])
    assert (answer.status, answer.out, answer.err) == (0, f"sendoff {VERSION}\n", "")


def test_the_console_script_is_this_main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"sendoff": "tui.cli:main"}


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_asking_for_version_or_help_loads_nothing_heavy(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tui", option],
        cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "argparse" in loaded
    assert not loaded & {
        "textual",
        "rich",
        "aiohttp",
        "peewee",
        "phonenumbers",
        "asyncio",
        "typing",
        "pathlib",
        "shutil",
    }


def test_help_names_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    answer = run_here(["--help"])
    assert answer.status == 0
    for name in ("demo", "init", "sender", "template", "credits", "audience", "campaign", "worker", "simulate"):
        assert f"    {name} " in answer.out
    every = run_here(["campaign", "--help"]).out
    for name in (
        "create", "edit", "delete", "duplicate", "preflight", "schedule", "send", "cancel", "reopen", "reschedule",
        "resume", "list", "show", "report",
    ):  # fmt: skip
        assert f"    {name} " in every


@pytest.mark.parametrize("columns", ["", "many", "20", "0"])
def test_help_is_shown_at_any_width(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert "sendoff" in run_here(["campaign", "create", "--help"]).out


def test_what_can_be_chosen_is_what_the_store_knows() -> None:
    assert set(STATUSES) == {status.value for status in Status}
    assert set(SORTS) == {key.value for key in SortKey}
    parser = build(["init", "campaign", "simulate"])
    assert parser.parse_args(["init", "--gateway", "cloud-api"]).gateway.replace("-", "_") == Gateway.CLOUD_API.value
    for choice in OverQuota:
        assert parser.parse_args(["campaign", "edit", "1", "--over-quota", choice.value]).over_quota == choice.value
    assert [line.split()[0] for line in run_here(["simulate", "--list"]).out.splitlines()] == shipped()
    assert [item["name"] for item in json.loads(run_here(["simulate", "--list", "--json"]).out)] == shipped()


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["campaign"],
        ["campaign", "create", "--name", "A"],
        ["campaign", "show"],
        ["campaign", "show", "one"],
        ["campaign", "show", "0"],
        ["campaign", "show", str(2**63)],
        ["campaign", "list", "--status", "sleeping"],
        ["campaign", "list", "--limit", "0"],
        ["credits", "add", "many"],
        ["credits", "add", "0"],
        ["sender", "add", SENDER],
        ["sender", "add", SENDER, "--phone-number-id", "1", "--rate", "1001"],
        ["--datab", "x", "sender", "list"],
    ],
)
def test_wrong_usage_is_status_2_in_the_form_asked_for(arguments: list[str]) -> None:
    told = run_here(arguments)
    assert told.status == 2
    assert told.out == ""
    assert told.err.startswith("sendoff: ")
    assert "--help" in told.err
    as_json = run_here([*arguments, "--json"])
    assert (as_json.status, as_json.out, as_json.error["code"]) == (2, "", "usage")


@pytest.mark.parametrize(
    "arguments", [["--database", "{}", "--json", "sender", "list"], ["sender", "--json", "list", "--database", "{}"]]
)
def test_global_options_stand_before_and_after_the_command(arguments: list[str], sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    answer = run_here([argument.format(sendoff.database) for argument in arguments])
    assert [one["number"] for one in answer.json] == [SENDER]


# Where the database is


def test_the_database_comes_from_option_environment_configuration_and_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('database = "of-config.db"', encoding="utf-8")
    settings = paths.load_config(str(config))
    monkeypatch.setenv("SENDOFF_DATABASE", "of-environment.db")
    assert paths.database_url("of-option.db", settings) == "of-option.db"
    assert paths.database_url(None, settings) == "of-environment.db"
    monkeypatch.delenv("SENDOFF_DATABASE")
    assert paths.database_url(None, settings) == "of-config.db"
    assert paths.database_url(None, {}) == str(Path(os.environ["XDG_DATA_HOME"]) / "sendoff" / "sendoff.db")


def test_the_configuration_comes_from_option_environment_and_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: tmp_path / f"{name}.toml" for name in ("option", "environment")}
    for name, file in files.items():
        file.write_text(f'database = "{name}.db"', encoding="utf-8")
    assert paths.load_config(None) == {}
    monkeypatch.setenv("SENDOFF_CONFIG", str(files["environment"]))
    assert paths.load_config(None) == {"database": "environment.db"}
    assert paths.load_config(str(files["option"])) == {"database": "option.db"}
    monkeypatch.delenv("SENDOFF_CONFIG")
    monkeypatch.setattr(paths, "default_config", lambda: files["option"])
    assert paths.load_config(None) == {"database": "option.db"}


@pytest.mark.parametrize(
    ("text", "named"),
    [('databse = "x.db"', "databse"), ("database = 3", "database"), ("database = ", "TOML"), (None, "cannot be read")],
)
def test_a_configuration_that_cannot_be_used_is_status_2(text: str | None, named: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    if text is not None:
        config.write_text(text, encoding="utf-8")
    answer = run_here(["--config", str(config), "sender", "list", "--json"])
    assert (answer.status, answer.error["code"]) == (2, "bad_config")
    assert named in answer.error["message"]
    assert str(config) in answer.error["message"] or named == "database"
    assert answer.error["hint"]


@pytest.mark.parametrize("url", ["", "mysql://somewhere/x", "sqlite:///", "sqlite://x.db", "postgresql://host"])
def test_an_address_of_no_known_database_is_status_2(url: str) -> None:
    answer = run_here(["--database", url, "init", "--json"])
    assert (answer.status, answer.error["code"]) == (2, "bad_database")


def test_a_server_that_no_driver_is_installed_for_is_status_2() -> None:
    if find_spec("psycopg2") or find_spec("psycopg"):
        pytest.skip("a driver for PostgreSQL is installed here")
    answer = run_here(["--database", "postgresql://localhost/sendoff", "sender", "list", "--json"])
    assert (answer.status, answer.error["code"]) == (2, "bad_database")
    assert answer.error["message"] == "No driver for PostgreSQL is installed here."


def test_a_sqlite_address_names_the_same_file_as_its_path(sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    answer = run_here(["--database", f"sqlite:///{sendoff.database}", "sender", "list", "--json"])
    assert len(answer.json) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("campaign", "list"), ("campaign", "show", 1), ("campaign", "report", 1), ("campaign", "preflight", 1),
        ("sender", "list"), ("template", "list"), ("template", "show", "x"), ("credits", "show"), ("credits", "ledger"),
        ("credits", "add", 5), ("campaign", "send", 1, "--yes"), ("worker", "--once"),
    ],
)  # fmt: skip
def test_without_a_database_every_command_says_so_and_names_init(arguments: tuple[object, ...], sendoff: Here) -> None:
    answer = sendoff(*arguments, "--json")
    assert (answer.status, answer.error["code"]) == (4, "no_database")
    assert "sendoff init" in answer.error["hint"]
    assert not sendoff.database.exists()


def test_a_database_without_an_account_is_not_set_up_yet(sendoff: Here) -> None:
    database.open_database(str(sendoff.database), create=True)
    assert sendoff.refused("campaign", "list") == (4, "no_database")


def test_a_database_of_a_newer_release_is_status_1(sendoff: Here) -> None:
    assert sendoff("init").status == 0
    with closing(connect(sendoff.database)) as connection:
        connection.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_future', '2099-01-01')")
    assert sendoff.refused("campaign", "list") == (1, "schema_too_new")
    assert sendoff.refused("init") == (1, "schema_too_new")


def test_a_database_that_somebody_else_writes_is_status_75(sendoff: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "LOCK_TIMEOUT_S", 0.05)
    assert sendoff("init").status == 0
    connection = connect(sendoff.database)
    connection.execute("BEGIN IMMEDIATE")
    assert sendoff.refused("credits", "add", 5) == (75, "busy")
    assert sendoff("credits", "show").status == 0
    connection.execute("ROLLBACK")
    connection.close()
    assert sendoff("credits", "add", 5).status == 0


def test_a_file_that_is_no_database_is_told_in_a_sentence(sendoff: Here) -> None:
    sendoff.database.write_bytes(b"Name,Phone\n" * 500)
    assert sendoff.refused("campaign", "list") == (1, "store_failed")


def test_a_place_where_no_database_can_be_is_status_2(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert Here(tmp_path / "file" / "x.db", clock).refused("init") == (2, "bad_database")


def test_a_new_database_can_be_read_by_its_owner_only(sendoff: Here) -> None:
    assert sendoff("init").status == 0
    assert sendoff.database.stat().st_mode & 0o077 == 0


# Read-only


@pytest.mark.parametrize(
    "arguments",
    [
        ("init",), ("sender", "add", OTHER_SENDER, "--phone-number-id", 2), ("template", "add", "x.json"),
        ("credits", "add", 5), ("campaign", "create", "--name", "A", "--template", "greeting", "--sender", SENDER,
        "--audience", "x.csv"), ("campaign", "edit", 1, "--name", "B"), ("campaign", "delete", 1, "--yes"),
        ("campaign", "duplicate", 1), ("campaign", "schedule", 1, "--at", "tomorrow 10:00"),
        ("campaign", "send", 1, "--yes"), ("campaign", "cancel", 1, "--yes"), ("campaign", "reopen", 1, "--yes"),
        ("campaign", "reschedule", 1, "--at", "10:00"), ("campaign", "resume", 1), ("worker", "--once"),
    ],
)  # fmt: skip
def test_read_only_refuses_every_command_that_writes(
    arguments: tuple[object, ...], sendoff: Here, tmp_path: Path
) -> None:
    set_up(sendoff, tmp_path)
    before = sendoff.json("credits", "ledger"), sendoff.json("campaign", "list")
    assert sendoff.refused("--read-only", *arguments) == (3, "read_only")
    assert (sendoff.json("credits", "ledger"), sendoff.json("campaign", "list")) == before


def test_read_only_reads_and_leaves_the_file_as_it_was(sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    campaign_id = draft(sendoff, tmp_path)
    before = sendoff.database.read_bytes()
    for arguments in (
        ("sender", "list"), ("template", "list"), ("template", "show", "order"), ("credits", "show"),
        ("credits", "ledger"), ("campaign", "list"), ("campaign", "show", campaign_id),
        ("campaign", "report", campaign_id), ("campaign", "preflight", campaign_id),
    ):  # fmt: skip
        answer = sendoff(*arguments, "--read-only", "--json")
        assert answer.status == 0, answer.err
    assert sendoff.database.read_bytes() == before


# Processes and streams


def test_a_closed_pipe_is_no_fault(tmp_path: Path) -> None:
    sendoff = Cli(tmp_path / "x.db")
    set_up(sendoff, tmp_path)
    process = subprocess.Popen(
        sendoff.command("template", "list"), env=sendoff.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(TIMEOUT_S) == 0


WAITING = (
    "import sys, tui.cli.audience as c; c.check = lambda o: print('busy', flush=True) or sys.stdin.read();"
    " from tui.cli import main; sys.exit(main())"
)


def test_ctrl_c_is_status_130_and_says_nothing() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, "audience", "check", "any.csv"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"busy\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out, err) == (130, b"", b"")


BROKEN = (
    "import sys, tui.cli.credits as c; c.show = lambda o, s: {}['gone']; from tui.cli import main; sys.exit(main())"
)


@pytest.mark.parametrize("as_json", [False, True])
def test_an_unforeseen_fault_is_status_1_with_a_short_sentence(as_json: bool, tmp_path: Path, clock: FakeClock) -> None:
    here = Here(tmp_path / "x.db", clock)
    assert here("init").status == 0
    flags = ["--json"] if as_json else []
    command = [sys.executable, "-c", BROKEN, "--database", str(here.database), "credits", "show", *flags]
    quiet, loud = (
        subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=TIMEOUT_S)
        for env in ({}, {"SENDOFF_DEBUG": "1"})
    )
    assert quiet.returncode == loud.returncode == 1
    assert quiet.stdout == ""
    assert "KeyError" in quiet.stderr
    assert "Traceback" not in quiet.stderr
    assert ('"code": "unexpected"' in quiet.stderr) is as_json
    assert "Traceback" in loud.stderr


@pytest.mark.parametrize("arguments", [[], ["demo"], ["--read-only"]])
def test_the_console_needs_a_terminal(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDOFF_DATABASE", str(tmp_path / "x.db"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    answer = run_here([*arguments, "--json"])
    assert (answer.status, answer.error["code"]) == (2, "no_terminal")
    assert list(tmp_path.iterdir()) == []


def test_what_was_typed_is_shown_literally(sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    nasty = "[red]Sale[/red] \x1b[31m\u202eevil\x07"
    campaign_id = draft(sendoff, tmp_path, name=nasty)
    for arguments in (("campaign", "list"), ("campaign", "show", campaign_id), ("campaign", "report", campaign_id)):
        said = sendoff(*arguments).out
        assert "[red]Sale[/red] ␛[31m\ufffdevil␇" in said
        assert not {"\x1b", "\x07", "\u202e"} & set(said)
    refused = sendoff("campaign", "list", "--sender", "\x1b[2J")
    assert refused.status == 4
    assert "\x1b" not in refused.err
    assert sendoff.json("campaign", "show", campaign_id)["name"] == nasty
    assert sendoff("campaign", "show", campaign_id, "--json").out.isascii()


def test_text_that_is_no_text_is_status_2(sendoff: Here) -> None:
    sendoff.json("init")
    assert sendoff.refused("credits", "add", 5, "--note", "caf\udce9") == (2, "usage")
    assert sendoff.refused("campaign", "edit", 1, "--fixed", "1=\udc80") == (2, "usage")
    assert sendoff.json("credits", "ledger") == []


def test_the_demo_takes_no_database() -> None:
    assert run_here(["demo", "--database", "mine.db", "--json"]).error["code"] == "usage"


def test_every_command_of_the_parser_has_a_handler() -> None:
    from argparse import _SubParsersAction
    from importlib import import_module

    def commands(parser: object) -> list[str]:
        found = []
        for action in getattr(parser, "_actions", []):
            if isinstance(action, _SubParsersAction):
                for child in action.choices.values():
                    found += commands(child)
        command = getattr(parser, "_defaults", {}).get("command")
        return found + ([command.handler] if command is not None else [])

    from tui.cli.arguments import FILL

    handlers = commands(build(list(FILL)))
    assert len(handlers) >= 25
    for handler in handlers:
        module, _, function = handler.partition(":")
        assert callable(getattr(import_module(f"tui.cli.{module}"), function)), handler
