"""What every command answers when it does not do what was asked: status, code, and nothing on standard output."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.operators import operator
from store import sqlite_file
from tests.builders import contacts_file, number
from tests.cli import Here
from tests.clock import FakeClock
from tests.test_codes import ROOT, told
from tests.tui.cli_scene import SENDER, draft, set_up
from tests.tui.test_cli_usage import connect
from tui.cli.parser import build
from tui.cli.parser_parts import Command


def leaves(parser: argparse.ArgumentParser) -> Iterator[Command]:
    """Every command of the parser."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    # `callbacks` is a command and a family of them.
    if not any(group.required for group in groups) and parser.get_default("command").name:
        yield parser.get_default("command")
    for group in groups:
        for child in group.choices.values():
            yield from leaves(child)


def commands() -> dict[str, Command]:
    from tui.cli.arguments import FILL

    return {command.name: command for command in leaves(build(list(FILL)))}


# The arguments; FILE is a good contact file, GONE and NEW are not there, FOLDER is a folder. Campaign 1 is a Draft,
# campaign 2 is Scheduled for tomorrow, series 1 has ended.
CREATE = f"campaign create --name A --template greeting:en_US --sender {SENDER} --audience FILE"
REFUSALS = [
    ("init --timezone Mars/Olympus", 2, "unknown_zone"),
    ("init --base-url localhost", 2, "base_url_invalid"),
    ("sender add 123 --phone-number-id 7", 2, "bad_number"),
    ("sender add +918061747780 --phone-number-id 7 --rate 0", 2, "usage"),
    (f"sender add {SENDER} --phone-number-id 7", 3, "sender_exists"),
    ("sender list --limit 3", 2, "usage"),
    ("template add GONE", 2, "unreadable_file"),
    ("template add FILE", 2, "not_json"),
    ("template list --status x", 2, "usage"),
    ("template show nothing", 4, "no_such_template"),
    ("template show greeting", 2, "template_ambiguous"),
    ("credits add -5", 2, "usage"),
    ("credits show --limit 1", 2, "usage"),
    ("credits ledger --limit 0", 2, "usage"),
    ("audience check GONE", 2, "unreadable_file"),
    ("audience check FILE --rejects FILE", 2, "rejects_is_source"),
    ("audience check FILE --rejects FOLDER", 2, "unwritable_file"),
    ("callbacks", 2, "usage"),
    ("callbacks --listen nowhere", 2, "listen_invalid"),
    ("callbacks import GONE", 2, "unreadable_file"),
    ("callbacks import FILE", 2, "not_json"),
    ("optout add 123", 2, "bad_number"),
    ("optout remove +4915123252822", 3, "not_opted_out"),
    ("optout list --limit x", 2, "usage"),
    ("optout import GONE", 2, "unreadable_file"),
    ("optout import FILE --sheet A", 2, "no_such_sheet"),
    ("optout export FOLDER", 2, "unwritable_file"),
    (f"{CREATE} --template nothing", 4, "no_such_template"),
    (f"{CREATE} --template paused_one", 3, "template_unavailable"),
    (f"{CREATE} --sender +4915123252822", 4, "no_such_sender"),
    (f"{CREATE} --map 9=Name", 2, "unknown_placeholder"),
    ("campaign edit 1", 2, "usage"),
    ("campaign edit 2 --name B", 3, "not_editable"),
    ("campaign edit 77 --name B", 4, "not_found"),
    ("campaign delete 1", 2, "not_confirmed"),
    ("campaign delete 2 --yes", 3, "not_editable"),
    ("campaign delete 77 --yes", 4, "not_found"),
    ("campaign restore 1", 3, "not_deleted"),
    ("campaign restore 77", 4, "not_found"),
    ("campaign duplicate 77", 4, "not_found"),
    ("campaign duplicate 1 --only best", 2, "usage"),
    ("campaign preflight 77", 4, "not_found"),
    ("campaign schedule 1 --at '2020-01-01 10:00'", 3, "time_in_past"),
    ("campaign schedule 1 --at whenever", 2, "bad_time"),
    ("campaign schedule 2 --at '2027-01-01 10:00'", 3, "illegal_transition"),
    ("campaign schedule 77 --at '2027-01-01 10:00'", 4, "not_found"),
    ("campaign send 1", 2, "not_confirmed"),
    ("campaign send 2 --yes", 3, "illegal_transition"),
    ("campaign send 77 --yes", 4, "not_found"),
    ("campaign cancel 1 --yes", 3, "illegal_transition"),
    ("campaign cancel 2", 2, "not_confirmed"),
    ("campaign cancel 77 --yes", 4, "not_found"),
    ("campaign reopen 1 --yes", 3, "illegal_transition"),
    ("campaign reopen 2", 2, "not_confirmed"),
    ("campaign reschedule 1 --at '2027-01-01 10:00'", 3, "illegal_transition"),
    ("campaign reschedule 2 --at '2020-01-01 10:00'", 3, "time_in_past"),
    ("campaign resume 1", 3, "not_held"),
    ("campaign resume 77", 4, "not_found"),
    ("campaign list --status sleeping", 2, "usage"),
    ("campaign list --from whenever", 2, "bad_time"),
    ("campaign list --sender +4915123252822", 4, "no_such_sender"),
    ("campaign show 77", 4, "not_found"),
    ("campaign report 77", 4, "not_found"),
    ("campaign report 1 --csv FOLDER", 2, "unwritable_file"),
    ("campaign report 1 --csv DATABASE", 2, "file_is_database"),
    ("campaign report 1 --csv out.csv --html out.csv", 2, "same_file"),
    ("optout export DATABASE", 2, "file_is_database"),
    ("audience check FILE --rejects DATABASE", 2, "file_is_database"),
    ("campaign list --from 2026-12-01 --to 2026-11-01", 2, "bad_filter"),
    ("campaign settle 1 --all --as sent --yes", 3, "not_unknown"),
    ("campaign settle 1 +4915123252829 --as failed --yes", 3, "not_in_audience"),
    ("campaign settle 1 --all --as sent", 2, "not_confirmed"),
    ("campaign settle 77 --all --as sent --yes", 4, "not_found"),
    ("campaign why 1 +4915123252829", 4, "no_such_recipient"),
    ("campaign why 77 +4915123252829", 4, "not_found"),
    ("gateway show --limit 1", 2, "usage"),
    ("gateway set --api-version 24", 2, "bad_api_version"),
    ("media upload GONE", 3, "no_gateway_address"),
    ("media list --limit 0", 2, "usage"),
    ("template sync", 3, "no_gateway_address"),
    ("sender sync", 3, "no_gateway_address"),
    ("limits show --limit 1", 2, "usage"),
    ("limits set", 2, "nothing_to_set"),
    ("limits set --countries XX", 2, "unknown_country"),
    ("limits set --quota 0", 2, "bad_quota"),
    ("prices import GONE", 2, "unreadable_file"),
    ("prices import FILE", 2, "bad_price_list"),
    ("prices list --limit 1", 2, "usage"),
    ("test-send 1 12", 2, "bad_number"),
    ("test-send 1 +4915123252822 +4915123252822", 3, "duplicate_number"),
    ("test-send 77 +4915123252822", 4, "not_found"),
    ("audit --since whenever", 2, "bad_time"),
    ("audit --campaign 0", 2, "usage"),
    ("audit --campaign 77", 4, "not_found"),
    ("doctor --limit 3", 2, "usage"),
    ("backup FILE", 2, "file_exists"),
    ("backup DATABASE --force", 2, "backup_is_database"),
    ("backup /nowhere/at/all.db", 2, "unwritable_file"),
    ("restore FILE --yes", 2, "not_a_backup"),
    ("restore GONE --yes", 2, "unreadable_file"),
    ("restore DATABASE --yes", 2, "restore_is_database"),
    ("restore BACKUP", 2, "not_confirmed"),
    ("series create --from 1 --cron nonsense", 2, "bad_cron"),
    ("series create --from 77 --cron '0 10 * * *'", 4, "not_found"),
    ("series list --limit x", 2, "usage"),
    ("series show 77", 4, "not_found"),
    ("series pause 1", 3, "series_ended"),
    ("series resume 1", 3, "series_ended"),
    ("series end 1 --yes", 3, "series_ended"),
    ("series end 77 --yes", 4, "not_found"),
    ("worker --limit 3", 2, "usage"),
    ("simulate --listen 0.0.0.0:0", 2, "listen_not_loopback"),
    ("simulate --listen nowhere", 2, "listen_invalid"),
    ("simulate --listen 127.0.0.1:0 --scenario GONE", 2, "scenario_unreadable"),
    ("demo --database x.db", 2, "usage"),
]
STATUS_OF_KIND = {2, 3, 4}


class Desk:
    """An account with a Draft, a Scheduled campaign and an ended series."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder = folder
        self.sendoff = Here(folder / "here.db", clock)
        set_up(self.sendoff, folder)
        assert draft(self.sendoff, folder) == 1
        assert draft(self.sendoff, folder, name="Tomorrow") == 2
        self.sendoff.json("campaign", "schedule", 2, "--at", "tomorrow 10:00")
        self.sendoff.json("series", "create", "--from", 1, "--cron", "0 10 * * MON")
        self.sendoff.json("series", "end", 1, "--yes")
        (folder / "folder").mkdir()
        self.sendoff.json("backup", folder / "backup.db")

    def arguments(self, line: str) -> list[str]:
        names = {
            "FILE": str(contacts_file(self.folder, 2)),
            "GONE": str(self.folder / "gone.csv"),
            "NEW": str(self.folder / "new.db"),
            "FOLDER": str(self.folder / "folder"),
            "DATABASE": str(self.sendoff.database),
            "BACKUP": str(self.folder / "backup.db"),
        }
        return [names.get(word, word) for word in shlex.split(line)]

    def kept(self) -> tuple[object, ...]:
        """Everything that a refusal must leave as it is."""
        reading = ("sender list", "template list", "credits ledger", "optout list", "campaign list", "series list")
        return tuple(self.sendoff.json(*line.split()) for line in reading)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One for all: a refusal changes nothing, which every test here checks."""
    return Desk(tmp_path_factory.mktemp("desk"), FakeClock())


def command_of(line: str) -> str:
    words = line.split()
    return next(name for n in (2, 1) if (name := " ".join(words[:n])) in commands())


def test_every_command_has_a_refusal_here() -> None:
    assert {command_of(line) for line, _, _ in REFUSALS} == set(commands())


def test_the_codes_here_are_told_in_readme() -> None:
    known = told((ROOT / "README.md").read_text("utf-8"))
    assert {code for _, _, code in REFUSALS} <= known.keys()
    assert {status for _, status, _ in REFUSALS} == STATUS_OF_KIND


@pytest.mark.parametrize(("line", "status", "code"), REFUSALS, ids=lambda value: str(value).replace("/", "_")[:60])
def test_a_refusal_has_its_status_its_code_and_what_to_do(line: str, status: int, code: str, desk: Desk) -> None:
    before = desk.kept()
    arguments = desk.arguments(line)
    answer = desk.sendoff(*arguments, "--json")
    assert (answer.status, answer.out) == (status, ""), answer.err
    assert answer.error["code"] == code
    assert answer.error["message"].endswith(".")
    assert answer.err.count("\n") == 1
    told_so = desk.sendoff(*arguments)
    assert (told_so.status, told_so.out) == (status, "")
    assert told_so.err.startswith("sendoff: ")
    assert desk.kept() == before


def test_a_preflight_that_blocks_is_status_3_with_its_document_on_standard_output(desk: Desk) -> None:
    campaign_id = draft(desk.sendoff, desk.folder, "--map", "1=Name")
    answer = desk.sendoff("campaign", "preflight", campaign_id, "--json")
    assert answer.status == 3
    assert answer.error["code"] == "unmapped_placeholder"
    assert "unmapped_placeholder" in [check["code"] for check in answer.json["checks"]]


WRITING = [
    ("init", "init"),
    ("sender add", "sender add +918061747780 --phone-number-id 7"),
    ("template add", "template add GONE"),
    ("credits add", "credits add 5"),
    ("optout add", "optout add +4915123252822"),
    ("optout remove", "optout remove +4915123252822"),
    ("optout import", "optout import FILE"),
    ("optout export", "optout export GONE"),
    ("campaign create", CREATE),
    ("campaign edit", "campaign edit 1 --name B"),
    ("campaign delete", "campaign delete 1 --yes"),
    ("campaign restore", "campaign restore 1"),
    ("campaign duplicate", "campaign duplicate 1"),
    ("campaign schedule", "campaign schedule 1 --at '2027-01-01 10:00'"),
    ("campaign send", "campaign send 1 --yes"),
    ("campaign cancel", "campaign cancel 2 --yes"),
    ("campaign reopen", "campaign reopen 2 --yes"),
    ("campaign reschedule", "campaign reschedule 2 --at '2027-01-01 10:00'"),
    ("campaign resume", "campaign resume 1"),
    ("campaign settle", "campaign settle 1 --all --as sent --yes"),
    ("gateway set", "gateway set --api-version v24.0"),
    ("media upload", "media upload FILE"),
    ("template sync", "template sync"),
    ("sender sync", "sender sync"),
    ("limits set", "limits set --quota 5"),
    ("prices import", "prices import GONE"),
    ("test-send", "test-send 1 +4915123252822"),
    ("series create", "series create --from 1 --cron '0 10 * * *'"),
    ("series pause", "series pause 1"),
    ("series resume", "series resume 1"),
    ("series end", "series end 1 --yes"),
    ("worker", "worker --once"),
    ("callbacks", "callbacks --listen 127.0.0.1:0"),
    ("callbacks import", "callbacks import GONE"),
    ("backup", "backup NEW"),
    ("restore", "restore BACKUP --yes"),
]


def test_every_command_that_writes_is_tried_here() -> None:
    assert {name for name, _ in WRITING} == {name for name, command in commands().items() if command.writes}


@pytest.mark.parametrize(("name", "line"), WRITING, ids=[name for name, _ in WRITING])
def test_R57_what_writes_is_status_3_read_only_and_5_without_the_right(name: str, line: str, desk: Desk) -> None:
    before = desk.kept()
    arguments = desk.arguments(line)
    assert desk.sendoff.refused("--read-only", *arguments) == (3, "read_only")
    config = desk.folder / "config.toml"
    config.write_text(f'[roles]\n"{operator().name}" = "agent"\n', encoding="utf-8")
    config.chmod(0o600)
    assert desk.sendoff.refused("--config", config, *arguments) == (5, "not_allowed")
    assert desk.kept() == before


READING = [name for name, command in commands().items() if command.database == "open" and not command.writes]
MORE = {"template show": ["order"], "campaign preflight": ["1"], "campaign show": ["1"], "campaign report": ["1"]}
MORE |= {"series show": ["1"], "campaign why": ["1", number(1)]}


@pytest.mark.parametrize("name", READING)
def test_R56_what_reads_is_status_5_without_a_role_and_4_without_a_database(
    name: str, desk: Desk, tmp_path: Path, clock: FakeClock
) -> None:
    arguments = [*name.split(), *MORE.get(name, [])]
    assert desk.sendoff(*arguments, "--json").status == 0
    config = desk.folder / "config.toml"
    config.write_text('[roles]\n"somebody else" = "owner"\n', encoding="utf-8")
    config.chmod(0o600)
    assert desk.sendoff.refused("--config", config, *arguments) == (5, "not_allowed")
    assert Here(tmp_path / "none.db", clock).refused(*arguments) == (4, "no_database")


_NOT_AT_ONCE = (
    "template add",
    "prices import",
    "callbacks import",
    "callbacks",
    "worker",
    "media upload",
    "template sync",
    "sender sync",
)
"""What looks at a file, a secret or the gateway before it writes, and what waits for the database."""
BUSY = [(name, line) for name, line in WRITING if name not in _NOT_AT_ONCE]


@pytest.mark.parametrize(("name", "line"), BUSY, ids=[name for name, _ in BUSY])
def test_a_database_that_somebody_else_writes_is_status_75_for_every_command(
    name: str, line: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "LOCK_TIMEOUT_S", 0.05)
    before = desk.kept()
    connection = connect(desk.sendoff.database)
    connection.execute("BEGIN IMMEDIATE")
    try:
        answer = desk.sendoff(*desk.arguments(line), "--json")
    finally:
        connection.execute("ROLLBACK")
        connection.close()
    assert (answer.status, answer.out, answer.error["code"]) == (75, "", "busy")
    assert desk.kept() == before
