"""Setting up: the account, senders, templates, credits."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from engine.commands import setup
from engine.context import operator
from engine.errors import BadInput, Busy, NotFound, Refused
from engine.remote_senders import DEFAULT_RATE
from store import account, database, ledger, sqlite_file
from store.types import Actor, Balance, Gateway
from tests import builders
from tests.clock import FakeClock
from tests.sending import actions, events
from tests.store.invariants import check_invariants


def init(clock: FakeClock, **changes: object) -> bool:
    given = {"name": "Acme", "timezone": "Asia/Kolkata", "gateway": Gateway.SIMULATOR, **changes}
    return setup.init(builders.context(clock), **given)  # type: ignore[arg-type]  # fields by name


def test_an_account_is_made_once_and_changed_after(db: Path, clock: FakeClock) -> None:
    assert init(clock)
    assert not init(clock, timezone="Europe/Berlin", base_url="http://127.0.0.1:9")
    found = account.get_account()
    assert (found.timezone, found.base_url, found.gateway) == ("Europe/Berlin", "http://127.0.0.1:9", Gateway.SIMULATOR)
    assert ledger.balance() == Balance(0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"timezone": "Mars/Base"}, "unknown_zone"),
        ({"base_url": "graph.facebook.com"}, "base_url_invalid"),
        ({"base_url": "https://me:secret@graph.facebook.com"}, "base_url_invalid"),
        ({"base_url": "https://graph.facebook.com?access_token=secret"}, "base_url_invalid"),
    ],
)
def test_an_account_that_cannot_work_is_not_made(
    changes: dict[str, str], code: str, db: Path, clock: FakeClock
) -> None:
    with pytest.raises(BadInput) as refusal:
        init(clock, **changes)
    assert refusal.value.code == code and refusal.value.hint
    assert not account.has_account()


def test_a_command_before_the_account_exists_says_so(db: Path, clock: FakeClock) -> None:
    with pytest.raises(NotFound) as missing:
        setup.add_credits(builders.context(clock), 5)
    assert missing.value.message == "The database has no account yet."


def test_a_sender_is_added_once(db: Path, clock: FakeClock) -> None:
    init(clock)
    context = builders.context(clock)
    added = setup.add_sender(context, "+91 80 4021 4021", " 1000001 ")
    assert (added.number, added.phone_number_id, added.rate) == (918040214021, "1000001", DEFAULT_RATE)
    for number, phone_number_id in (("+918040214021", "2"), ("+918040214022", "1000001")):
        with pytest.raises(Refused) as refusal:
            setup.add_sender(context, number, phone_number_id)
        assert refusal.value.code == "sender_exists"
    assert [one.id for one in account.senders()] == [added.id]


@pytest.mark.parametrize(
    ("number", "phone_number_id", "rate", "code"),
    [
        ("08040214021", "1", 80, "bad_number"),
        ("+918040214021", "  ", 80, "bad_phone_number_id"),
        ("+918040214021", "1", 0, "bad_rate"),
        ("+918040214021", "1", 1001, "bad_rate"),
    ],
)
def test_a_sender_that_cannot_send_is_not_added(
    number: str, phone_number_id: str, rate: int, code: str, db: Path, clock: FakeClock
) -> None:
    init(clock)
    with pytest.raises(BadInput) as bad:
        setup.add_sender(builders.context(clock), number, phone_number_id, rate)
    assert bad.value.code == code and bad.value.hint
    assert account.senders() == []


def test_templates_are_added_and_renewed_under_the_same_id(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    init(clock)
    context = builders.context(clock)
    (first,) = setup.add_templates(context, builders.template_file(tmp_path))
    (again,) = setup.add_templates(context, builders.template_file(tmp_path, status="PAUSED"))
    assert (again.id, again.status, first.status) == (first.id, "PAUSED", "APPROVED")
    assert [one.ref for one in account.templates()] == ["greeting:en_US"]


def test_a_file_with_one_bad_template_adds_none(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    init(clock)
    file = tmp_path / "two.json"
    file.write_text(json.dumps([builders.GREETING, {"name": "broken"}]), encoding="utf-8")
    with pytest.raises(BadInput):
        setup.add_templates(builders.context(clock), file)
    assert account.templates() == []


def test_R29_credits_are_added_to_the_free_balance(db: Path, clock: FakeClock) -> None:
    init(clock)
    setup.add_credits(builders.context(clock), 100, "June")
    setup.add_credits(builders.context(clock), 23)
    assert ledger.balance() == Balance(123, 0, 0)
    assert [(one.kind.value, one.amount, one.note) for one in ledger.entries()] == [
        ("top_up", 100, "June"),
        ("top_up", 23, ""),
    ]
    check_invariants()


@pytest.mark.parametrize("amount", [0, -1])
def test_R29_only_a_whole_number_above_zero_is_added(amount: int, db: Path, clock: FakeClock) -> None:
    init(clock)
    with pytest.raises(BadInput) as bad:
        setup.add_credits(builders.context(clock), amount)
    assert bad.value.code == "bad_amount"
    assert ledger.entries() == []


def test_R11_every_set_up_command_leaves_an_event(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.account_with_sender(clock, tmp_path, credits=50)
    assert actions() == ["account.set_up", "sender.add", "template.add", "credits.add"]
    last = events()[-1]
    assert (last.actor, last.terminal, last.at, last.after) == ("asha", "test", clock.now(), {"amount": 50})


def test_R11_a_refused_attempt_leaves_an_event_with_its_code(db: Path, clock: FakeClock, tmp_path: Path) -> None:
    builders.account_with_sender(clock, tmp_path)
    with pytest.raises(Refused):
        setup.add_sender(builders.context(clock), "+918040214021", "1000002")
    last = events()[-1]
    assert (last.action, last.after, last.actor) == ("sender.add.refused", {"code": "sender_exists"}, "asha")
    assert "+91" in last.detail


def test_R11_R55_who_does_it_and_from_where(monkeypatch: pytest.MonkeyPatch) -> None:
    name = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setattr("os.ttyname", lambda fd: "/dev/pts/3")
    assert operator() == Actor(name, "/dev/pts/3")
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.7 50522 198.51.100.1 22")
    assert operator() == Actor(name, "/dev/pts/3 from 203.0.113.7")


def test_R11_R55_a_session_without_a_terminal_or_a_name_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name(uid: int) -> None:
        raise KeyError(uid)

    def no_terminal(fd: int) -> str:
        raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr("pwd.getpwuid", no_name)
    monkeypatch.setattr("os.ttyname", no_terminal)
    assert operator() == Actor(f"uid {os.getuid()}", "no terminal")


def test_a_busy_database_is_told_in_a_sentence(
    db: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders.account_with_sender(clock, tmp_path, credits=5)
    monkeypatch.setattr(sqlite_file, "LOCK_TIMEOUT_S", 0.05)
    database.close_database()
    database.open_database(str(db))
    other = database.proxy.obj.__class__(db, autoconnect=False)
    other.connect()
    try:
        other.execute_sql("BEGIN IMMEDIATE")
        with database.session(), pytest.raises(Busy) as busy:
            setup.add_credits(builders.context(clock), 1)
        assert busy.value.code == "busy" and "Try again" in busy.value.hint
    finally:
        other.close()
    with database.session():
        assert ledger.balance().free == 5
