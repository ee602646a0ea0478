"""The commands as processes: the main flow, the worker, the simulator, and all of it together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import database
from tests.builders import contacts_file
from tests.cli import ROOT, TIMEOUT_S, Cli
from tests.store.invariants import check_invariants
from tests.tui.cli_scene import MAPPED, SENDER, draft, set_up, templates_file


@pytest.fixture
def sendoff(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "flow.db")


class Simulator:
    """`sendoff simulate` in a process of its own, with its log of accepted messages."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.log = folder / "accepted.jsonl"
        cli = Cli(folder / "unused.db")
        arguments = ("simulate", "--listen", "127.0.0.1:0", "--log", self.log, "--json", *options)
        self.process = subprocess.Popen(cli.command(*arguments), env=cli.env, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url: str = json.loads(self.process.stdout.readline())["listening"]

    def accepted(self) -> list[str]:
        """The numbers of the messages it took, in order."""
        return [json.loads(line)["to"] for line in self.log.read_text(encoding="utf-8").splitlines()]

    def stop(self) -> int:
        self.process.terminate()
        with self.process:
            return self.process.wait(TIMEOUT_S)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    running = Simulator(tmp_path, "--seed", "3")
    yield running
    running.stop()


def check(file: Path) -> None:
    database.open_database(str(file))
    with database.session():
        check_invariants()


def test_from_nothing_to_a_cancelled_campaign(sendoff: Cli, tmp_path: Path) -> None:
    assert sendoff("campaign", "list").status == 4
    assert sendoff("init", "--timezone", "Asia/Kolkata", "--gateway", "simulator").status == 0
    assert sendoff("sender", "add", SENDER, "--phone-number-id", 1001).status == 0
    assert sendoff("template", "add", templates_file(tmp_path)).status == 0
    assert sendoff("credits", "add", 500, "--note", "first").status == 0
    answer = sendoff(
        "campaign", "create", "--name", "Diwali", "--template", "greeting:en_US", "--sender", SENDER,
        "--audience", contacts_file(tmp_path, 20), *MAPPED,
    )  # fmt: skip
    assert (answer.status, answer.out) == (0, "1\n")
    assert sendoff("campaign", "preflight", 1).status == 0
    assert sendoff("campaign", "schedule", 1, "--at", "tomorrow 10:00").status == 0
    assert "Diwali" in sendoff("campaign", "list", "--status", "scheduled").out
    assert sendoff("campaign", "cancel", 1).status == 2
    assert sendoff("campaign", "cancel", 1, "--yes").status == 0
    assert sendoff("campaign", "cancel", 1, "--yes").status == 3
    report = sendoff.json("campaign", "report", 1)
    assert (report["status"], report["pending"], report["sent"]) == ("cancelled", 20, 0)
    check(sendoff.database)


def test_send_and_work_until_idle_against_a_simulator_of_its_own(
    sendoff: Cli, tmp_path: Path, simulator: Simulator
) -> None:
    set_up(sendoff, tmp_path, credits=5_000, base_url=simulator.url)
    campaign_id = draft(sendoff, tmp_path, rows=300)
    assert sendoff("campaign", "send", campaign_id, "--yes").status == 0
    worked = sendoff("worker", "--until-idle", "--json")
    assert (worked.status, worked.json) == (0, {"ended": True}), worked.err
    assert "worker started" in worked.err
    report = sendoff.json("campaign", "report", campaign_id)
    assert report["status"] == "completed"
    assert report["sent"] > 0
    assert report["unknown"] == report["pending"] == 0
    assert report["audience"] == report["skipped"] + report["sent"] + report["failed"]
    accepted = simulator.accepted()
    assert len(accepted) == report["sent"]
    assert max(Counter(accepted).values()) == 1
    assert sendoff.json("credits", "show") == {"free": 5_000 - report["sent"], "reserved": 0, "spent": report["sent"]}
    check(sendoff.database)


def test_a_worker_sends_once_what_is_due_and_ends(sendoff: Cli, tmp_path: Path, simulator: Simulator) -> None:
    set_up(sendoff, tmp_path, base_url=simulator.url)
    due, later = draft(sendoff, tmp_path, rows=5), draft(sendoff, tmp_path, rows=5)
    sendoff.json("campaign", "send", due, "--yes")
    sendoff.json("campaign", "schedule", later, "--at", "tomorrow 10:00")
    assert sendoff("worker", "--once").status == 0
    statuses = {one["id"]: one["status"] for one in sendoff.json("campaign", "list")}
    assert statuses == {due: "completed", later: "scheduled"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_in_order(number: signal.Signals, sendoff: Cli, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path, base_url="http://127.0.0.1:9")
    process = subprocess.Popen(
        sendoff.command("worker"), env=sendoff.env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "worker started" in process.stderr.readline()
    process.send_signal(number)
    with process:
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert "worker ended in order" in said


def test_a_consoles_worker_ends_with_the_pipe_to_it(sendoff: Cli, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path, base_url="http://127.0.0.1:9")
    process = subprocess.Popen(
        sendoff.command("worker", "--parent", "--role", "console"),
        env=sendoff.env, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stderr is not None
    assert "worker started" in process.stderr.readline()
    process.stdin.close()
    assert "worker ended in order" in process.stderr.read()
    assert process.wait(TIMEOUT_S) == 0
    process.stderr.close()


def test_a_worker_for_the_cloud_api_needs_a_token(sendoff: Cli, tmp_path: Path) -> None:
    assert sendoff("init", "--gateway", "cloud-api", "--waba-id", "1").status == 0
    answer = sendoff("worker", "--once", "--json")
    assert (answer.status, answer.out) == (2, "")
    assert '"code": "no_token"' in answer.err


# The simulator


def test_the_simulator_says_where_it_listens_and_ends_with_a_signal(tmp_path: Path) -> None:
    running = Simulator(tmp_path)
    assert running.url.startswith("http://127.0.0.1:")
    assert running.stop() == 0


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--listen", "nowhere"), 2),
        (("--listen", "0.0.0.0:0"), 2),
        (("--listen", "127.0.0.1:0", "--scenario", "missing.toml"), 2),
        (("--listen", "127.0.0.1:0", "--account", "missing.json"), 2),
        (("--listen", "127.0.0.1:0", "--seed", "x"), 2),
        (("--listen", "127.0.0.1:0", "--list"), 2),
        ((), 2),
    ],
)
def test_a_simulator_that_cannot_be_as_asked_is_status_2(options: tuple[str, ...], status: int, sendoff: Cli) -> None:
    answer = sendoff("simulate", *options, "--json")
    assert (answer.status, answer.out) == (status, "")
    assert answer.error["hint"]


def test_a_port_that_is_taken_is_status_75(simulator: Simulator, sendoff: Cli) -> None:
    answer = sendoff("simulate", "--listen", simulator.url.removeprefix("http://"), "--json")
    assert (answer.status, answer.error["code"]) == (75, "port_taken")


# The demo, with a stand-in for the console

DEMO = """
import os, signal, sys, types
from pathlib import Path
app = types.ModuleType("tui.app")
def run_console(url, *, read_only, demo, config):
    # Roles of the machine are about another database.
    assert config == os.devnull
    from store import database, listing
    database.open_database(url)
    with database.session():
        print(Path(url).parent, demo, read_only, sum(listing.counts().values()), flush=True)
    if sys.argv[1]:
        os.kill(os.getpid(), int(sys.argv[1]))
        signal.pause()
    return 7
app.run_console = run_console
sys.modules["tui.app"] = app
from tui.cli import main
sys.exit(main(["demo", "--read-only"]))
"""


@pytest.mark.parametrize(
    ("number", "status"), [("", 7), (int(signal.SIGHUP), 129), (int(signal.SIGTERM), 143), (int(signal.SIGINT), 130)]
)
def test_the_demo_opens_the_console_on_a_sample_and_leaves_nothing_behind(
    number: int | str, status: int, tmp_path: Path
) -> None:
    terminal, inside = os.openpty()
    env = {**Cli(tmp_path / "unused.db").env, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", DEMO, str(number)],
        cwd=ROOT, env=env, stdin=inside, stderr=inside, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    os.close(inside)
    # Said before the seconds that making it takes, so that nobody looks at an empty screen.
    assert os.read(terminal, 100).startswith(b"Making sample data ...")
    os.close(terminal)
    folder, demo, read_only, campaigns = done.stdout.split()
    assert (done.returncode, demo, read_only, campaigns) == (status, "True", "True", "15")
    assert Path(folder).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_python_m_tui_is_the_same_command_from_any_folder(tmp_path: Path) -> None:
    sendoff = Cli(tmp_path / "x.db")
    done = subprocess.run(
        sendoff.command("--version"),
        cwd=tmp_path,
        env=sendoff.env,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert (done.returncode, "Error" in done.stderr) == (0, False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["full", "closed"])
def test_what_cannot_be_said_is_done_all_the_same(where: str, sendoff: Cli, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    before = sendoff.json("credits", "show")["free"]
    command = [*sendoff.command("credits", "add", "5")]
    if where == "full":
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            done = subprocess.run(command, env=sendoff.env, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 1 and "It is done, but what there is to say of it cannot be written" in done.stderr
    else:
        closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        done = subprocess.run(closed, env=sendoff.env, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, "Error" in done.stderr) == (0, False)
    assert sendoff.json("credits", "show")["free"] == before + 5
