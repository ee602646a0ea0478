"""`sendoff callbacks`: the server as a process, and callbacks that were relayed in a file."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import callback_service
from engine.errors import BadInput
from store import audit, callbacks, campaigns, database, optouts
from tests import builders
from tests.cli import TIMEOUT_S, Answer, Cli, Here
from tests.clock import START, FakeClock
from tests.faults.processes import wait_until
from tests.sending import Scripted, started, takes_all, work
from tests.store.invariants import check_invariants

SECRET, TOKEN = "app secret", "verify token"


def callback(campaign_id: int, status: str, *seqs: int, reference: bool = True) -> dict[str, Any]:
    """A callback's body with one status for each of these rows."""
    found = [
        {
            "id": f"wamid.{builders.number(seq - 1).removeprefix('+')}.1",
            "status": status,
            "timestamp": str(START // 1000 + 5),
            **({"biz_opaque_callback_data": f"{campaign_id}.{seq}.1"} if reference else {}),
        }
        for seq in seqs
    ]
    value = {"messaging_product": "whatsapp", "statuses": found}
    return {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}


class Server:
    """`sendoff callbacks --listen` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def post(self, body: dict[str, Any], secret: str = SECRET) -> int:
        raw = json.dumps(body).encode()
        signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        return self._status(urllib.request.Request(self.url, raw, {"X-Hub-Signature-256": signature}))

    def get(self, path: str) -> int:
        return self._status(urllib.request.Request(self.url + path))

    def _status(self, request: urllib.request.Request) -> int:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Its exit status and what it logged."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, err


@contextmanager
def serving(cli: Cli, *options: str) -> Iterator[Server]:
    process = subprocess.Popen(
        cli.command("callbacks", "--listen", "127.0.0.1:0", "--json", *options),
        env=cli.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield Server(process, json.loads(process.stdout.readline())["listening"])
        finally:
            process.kill()


@pytest.fixture
def sent(tmp_path: Path, clock: FakeClock) -> Iterator[int]:
    """A campaign whose three messages are sent, in an open database."""
    database.open_database(str(tmp_path / "flow.db"), create=True)
    with database.session():
        builders.account_with_sender(clock, tmp_path)
        campaign_id = started(clock, tmp_path)
        asyncio.run(work(clock, Scripted(takes_all)))
        assert campaigns.progress(campaign_id).sent == 3
        yield campaign_id
    database.close_database()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "flow.db", SENDOFF_APP_SECRET=SECRET, SENDOFF_VERIFY_TOKEN=TOKEN)


class Looking(Here):
    """A command closes its connection at the end; the test looks on."""

    def __call__(self, *arguments: object) -> Answer:
        answer = super().__call__(*arguments)
        database.connect()
        return answer


@pytest.fixture
def here(tmp_path: Path, clock: FakeClock) -> Here:
    return Looking(tmp_path / "flow.db", clock)


# The server


def test_R46_the_server_takes_applies_and_ends_in_order(cli: Cli, sent: int) -> None:
    with serving(cli) as server:
        assert server.get(f"?hub.mode=subscribe&hub.verify_token={TOKEN.replace(' ', '+')}&hub.challenge=7") == 200
        assert server.get("health") == 404
        assert server.post(callback(sent, "delivered", 1, 2, 3)) == 200
        assert server.post(callback(sent, "read", 1)) == 200
        assert server.post(callback(sent, "read", 2), "somebody else's") == 401
        # No worker runs, so it is applied here.
        wait_until(lambda: callbacks.waiting() == [], callbacks.waiting)
        status, logged = server.end()
    progress = campaigns.progress(sent)
    assert (progress.delivered, progress.read) == (3, 1)
    assert status == 0
    lines = logged.splitlines()
    assert "level=info event=callbacks.started" in lines[0] and f"listening={server.url} " in lines[0]
    assert lines[-1].endswith('level=info event=callbacks.ended kept=2 msg="callbacks ended in order"')
    assert SECRET not in logged and TOKEN not in logged
    check_invariants()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_every_signal_that_asks_for_an_end_gets_an_orderly_one(cli: Cli, sent: int, number: int) -> None:
    with serving(cli) as server:
        assert server.end(number)[0] == 0


def test_what_was_answered_200_is_there_after_kill_9(cli: Cli, sent: int) -> None:
    with serving(cli) as server:
        for seq in (1, 2, 3):
            assert server.post(callback(sent, "delivered", seq)) == 200
        server.process.kill()
        server.process.wait(TIMEOUT_S)
    stored = database.execute("SELECT COUNT(*) FROM callback_event").fetchone()[0]
    assert stored == 3
    with serving(cli) as server:
        wait_until(lambda: callbacks.waiting() == [], callbacks.waiting)
    assert campaigns.progress(sent).delivered == 3
    check_invariants()


def test_R46_a_server_that_can_store_nothing_more_says_so_and_ends(cli: Cli, sent: int) -> None:
    with serving(cli) as server:
        assert server.post(callback(sent, "delivered", 1)) == 200
        builders.refuse_callbacks()
        assert server.post(callback(sent, "read", 1)) == 503
        _, told = server.process.communicate(timeout=TIMEOUT_S)
    # What a service manager starts anew.
    assert server.process.returncode == 1
    assert json.loads(told.splitlines()[-1])["error"]["code"] == "unexpected"
    assert database.execute("SELECT COUNT(*) FROM callback_event").fetchone() == (1,)
    check_invariants()


def test_without_the_app_secret_it_does_not_start(tmp_path: Path, sent: int) -> None:
    answer = Cli(tmp_path / "flow.db", SENDOFF_APP_SECRET="", HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))(
        "callbacks", "--listen", "127.0.0.1:0", "--json"
    )
    assert (answer.status, answer.error["code"], answer.out) == (2, "secret_missing", "")


def test_the_secret_may_come_from_the_secrets_file(tmp_path: Path, sent: int) -> None:
    folder = tmp_path / "sendoff"
    folder.mkdir()
    secrets = folder / "secrets.toml"
    secrets.write_text(f'app_secret = "{SECRET}"\n')
    secrets.chmod(0o600)
    cli = Cli(tmp_path / "flow.db", SENDOFF_APP_SECRET="", XDG_CONFIG_HOME=str(tmp_path))
    with serving(cli) as server:
        assert server.post(callback(sent, "delivered", 1)) == 200
        assert server.get("?hub.mode=subscribe&hub.verify_token=&hub.challenge=7") == 403
        assert "no verify token" in server.end()[1]
    secrets.chmod(0o640)
    answer = cli("callbacks", "--listen", "127.0.0.1:0", "--json")
    assert (answer.status, answer.error["code"]) == (2, "secrets_readable")


def test_a_port_that_is_taken_is_told(cli: Cli, sent: int) -> None:
    with serving(cli) as server:
        port = server.url.rstrip("/").rpartition(":")[2]
        answer = cli("callbacks", "--listen", f"127.0.0.1:{port}", "--json")
        assert (answer.status, answer.error["code"]) == (75, "port_taken")


@pytest.mark.parametrize(
    "listen", ["", "8443", ":8443", "host:", "host:x", "host:65536", "host:-1", "host:" + "9" * 99]
)
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    with pytest.raises(BadInput) as caught:
        callback_service.parse_listen(listen)
    assert caught.value.code == "listen_invalid"


def test_addresses_may_be_of_either_kind() -> None:
    assert callback_service.parse_listen("0.0.0.0:0") == ("0.0.0.0", 0)
    assert callback_service.parse_listen("[::1]:8443") == ("::1", 8443)


def test_where_to_listen_has_to_be_said(here: Here, sent: int) -> None:
    assert here.refused("callbacks") == (2, "usage")
    assert here.refused("--read-only", "callbacks", "--listen", "127.0.0.1:0") == (3, "read_only")


# Relayed files


def lines_of(folder: Path, *documents: object, name: str = "events.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(f"{json.dumps(one)}\n" for one in documents), encoding="utf-8")
    return file


def test_R46_a_relayed_file_is_applied_once_with_a_count(here: Here, sent: int, tmp_path: Path) -> None:
    stop = {"from": "4915170000000", "timestamp": str(START // 1000), "type": "text", "text": {"body": "STOP"}}
    said = {"entry": [{"changes": [{"field": "messages", "value": {"messages": [stop]}}]}]}
    file = lines_of(
        tmp_path,
        callback(sent, "delivered", 1, 2),
        callback(sent, "read", 2, reference=False),
        callback(sent, "read", 9),
        callback(sent, "delivered", 1, 2),
        said,
    )
    assert here.json("callbacks", "import", file) == {
        "callbacks": 5,
        "new": 4,
        "statuses": 4,
        "changed": 3,
        "unmatched": 1,
        "replies": 1,
        "notices": 0,
    }
    progress = campaigns.progress(sent)
    assert (progress.delivered, progress.read) == (2, 1)
    assert optouts.count() == 1
    again = here.json("callbacks", "import", file)
    assert (again["callbacks"], again["new"], again["changed"], again["statuses"]) == (5, 0, 0, 0)
    assert campaigns.progress(sent) == progress
    event = audit.events(actions=["callbacks.import"])[0]
    assert (event.after["file"], event.after["changed"], event.after["unmatched"]) == ("events.jsonl", 3, 1)
    check_invariants()


def test_a_file_may_be_an_array_or_have_a_mark_and_blank_lines(here: Here, sent: int, tmp_path: Path) -> None:
    array = tmp_path / "array.json"
    array.write_text(json.dumps([callback(sent, "delivered", 1)], indent=2), encoding="utf-8-sig")
    assert here.json("callbacks", "import", array)["changed"] == 1
    marked = tmp_path / "marked.jsonl"
    marked.write_text(f"\n{json.dumps(callback(sent, 'delivered', 2))}\r\n\r\n", encoding="utf-8-sig")
    assert here.json("callbacks", "import", marked)["changed"] == 1
    answer = here("callbacks", "import", marked)
    assert answer.out.startswith("1 callback, 0 new: of 0 status updates 0 changed something")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{}\n", "not_a_callback"),
        ("7\n", "not_a_callback"),
        ("[7]", "not_a_callback"),
        ("[", "not_json"),
        ("hello\n", "not_json"),
        ('{"entry": []}\n{"entry": [\n', "not_json"),
        ("\xff\n", "not_json"),
    ],
)
def test_a_bad_file_leaves_nothing(text: str, code: str, here: Here, sent: int, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    good = "" if text.startswith("[") else json.dumps(callback(sent, "delivered", 1)) + "\n"
    file.write_bytes((good + text).encode("latin-1"))
    assert here.refused("callbacks", "import", file) == (2, code)
    assert database.execute("SELECT COUNT(*) FROM callback_event").fetchone()[0] == 0
    assert campaigns.progress(sent).delivered == 0


def test_a_file_that_is_not_there_or_none_is_told(here: Here, sent: int, tmp_path: Path) -> None:
    assert here.refused("callbacks", "import", tmp_path / "none.jsonl")[0] == 2
    assert here.refused("callbacks", "import", tmp_path)[0] == 2
    os.mkfifo(tmp_path / "pipe")
    assert here.refused("callbacks", "import", tmp_path / "pipe")[0] == 2
