"""`init`, `sender`, `template`, `credits` and `audience check`."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from store import audit, database
from tests.cli import Here, run_here
from tests.clock import FakeClock
from tests.tui.cli_scene import GREETING, OTHER_SENDER, SENDER, draft, set_up, templates_file
from tui.cli.setup import machine_zone

DATA = Path(__file__).parent.parent / "data"
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    return Here(tmp_path / "here.db", clock)


# init


def test_init_makes_an_account_on_the_simulator_in_the_zone_of_the_machine(
    sendoff: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Lisbon")
    made = sendoff.json("init")
    assert made == {
        "created": True,
        "database": str(sendoff.database),
        "name": "WhatsApp Business Account",
        "timezone": "Europe/Lisbon",
        "gateway": "simulator",
        "base_url": None,
        "waba_id": None,
    }


def test_init_again_keeps_what_is_not_given(sendoff: Here) -> None:
    url = "http://127.0.0.1:9999"
    sendoff.json("init", "--name", "Acme", "--timezone", "Asia/Kolkata", "--base-url", url, "--waba-id", "77")
    again = sendoff.json("init")
    assert again["created"] is False
    assert [again[key] for key in ("name", "timezone", "base_url", "waba_id")] == ["Acme", "Asia/Kolkata", url, "77"]
    moved = sendoff.json("init", "--timezone", "Europe/Berlin")
    assert (moved["timezone"], moved["name"]) == ("Europe/Berlin", "Acme")


def test_another_gateway_does_not_keep_the_address_of_the_one_before(sendoff: Here) -> None:
    sendoff.json("init", "--base-url", "http://127.0.0.1:9999")
    changed = sendoff.json("init", "--gateway", "cloud-api", "--waba-id", "1")
    assert (changed["gateway"], changed["base_url"]) == ("cloud-api", None)
    with_address = sendoff.json("init", "--gateway", "simulator", "--base-url", "http://127.0.0.1:1")
    assert with_address["base_url"] == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--timezone", "Asia/Nowhere"), "unknown_zone"), (("--base-url", "localhost:80"), "base_url_invalid")],
)
def test_init_with_what_cannot_be_is_status_2(arguments: tuple[str, ...], code: str, sendoff: Here) -> None:
    assert sendoff.refused("init", *arguments) == (2, code)
    assert sendoff.refused("credits", "show") == (4, "no_database")


@pytest.mark.parametrize("value", ["Nowhere/Land", "../etc/passwd", "", "EST5EDT,M3.2.0,M11.1.0"])
def test_a_zone_of_the_machine_that_is_no_name_is_passed_over(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", value)
    assert machine_zone() in available_timezones()
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert machine_zone() == "Asia/Tokyo"


# Senders


def test_a_sender_is_added_once(sendoff: Here) -> None:
    sendoff.json("init")
    added = sendoff.json("sender", "add", "+91 80 4021 4021", "--phone-number-id", "1001")
    assert (added["number"], added["phone_number_id"], added["rate"]) == (SENDER, "1001", 80)
    assert sendoff.refused("sender", "add", SENDER, "--phone-number-id", "1002") == (3, "sender_exists")
    assert sendoff.refused("sender", "add", OTHER_SENDER, "--phone-number-id", "1001") == (3, "sender_exists")
    assert sendoff.json("sender", "add", OTHER_SENDER, "--phone-number-id", "1002", "--rate", 250)["rate"] == 250
    assert [one["number"] for one in sendoff.json("sender", "list")] == [SENDER, OTHER_SENDER]
    assert OTHER_SENDER in sendoff("sender", "list").out


@pytest.mark.parametrize("number", ["hello", "080 4021 4021", "+123"])
def test_a_sender_needs_a_number_in_full(number: str, sendoff: Here) -> None:
    sendoff.json("init")
    assert sendoff.refused("sender", "add", number, "--phone-number-id", "1") == (2, "bad_number")


# Templates


def test_templates_are_added_from_a_file_and_renewed(sendoff: Here, tmp_path: Path) -> None:
    sendoff.json("init")
    added = sendoff.json("template", "add", templates_file(tmp_path))
    assert {f"{one['name']}:{one['language']}" for one in added} == {
        "greeting:en_US", "greeting:de", "paused_one:en_US", "order:en_US",
    }  # fmt: skip
    sendoff.json("template", "add", templates_file(tmp_path, {**GREETING, "status": "REJECTED"}))
    listed = {(one["name"], one["language"]): one for one in sendoff.json("template", "list")}
    assert len(listed) == 4
    assert listed["greeting", "en_US"]["status"] == "REJECTED"
    assert listed["order", "en_US"]["placeholders"] == ["header.1", "body.first_name", "button.0.1"]
    assert "rejected" in sendoff("template", "list").out


def test_a_template_is_shown_with_its_text_and_placeholders(sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    shown = sendoff.json("template", "show", "order:en-US")
    assert shown["components"][1]["text"] == "Dear {{first_name}}"
    said = sendoff("template", "show", "order").out
    for text in ("Dear {{first_name}}", "For {{1}}", "[Look]", "placeholder body.first_name"):
        assert text in said


def test_a_template_is_named_in_full_where_it_has_several_languages(sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    answer = sendoff("template", "show", "greeting", "--json")
    assert (answer.status, answer.error["code"]) == (2, "template_ambiguous")
    assert "greeting:de, greeting:en_US" in answer.error["hint"]
    assert sendoff.refused("template", "show", "greeting:fr") == (4, "no_such_template")
    assert sendoff.refused("template", "show", "nothing") == (4, "no_such_template")


@pytest.mark.parametrize(("text", "code"), [("{", "not_json"), ("[3]", "not_a_template"), (None, "unreadable_file")])
def test_a_template_file_that_cannot_be_used_is_status_2(
    text: str | None, code: str, sendoff: Here, tmp_path: Path
) -> None:
    sendoff.json("init")
    file = tmp_path / "bad.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert sendoff.refused("template", "add", file) == (2, code)
    assert sendoff.json("template", "list") == []


# Credits


def test_R29_credits_are_added_shown_and_listed(sendoff: Here, clock: FakeClock) -> None:
    sendoff.json("init", "--timezone", "Asia/Kolkata")
    assert sendoff.json("credits", "show") == {"free": 0, "reserved": 0, "spent": 0}
    assert sendoff.json("credits", "add", 1200, "--note", "invoice 7")["free"] == 1200
    clock.advance(1_500)
    sendoff.json("credits", "add", 300)
    ledger = sendoff.json("credits", "ledger")
    assert [(one["kind"], one["amount"], one["free_after"]) for one in ledger] == [
        ("top_up", 1200, 1200),
        ("top_up", 300, 1500),
    ]
    assert ledger[0]["at"] == "2026-11-23T14:30:00+05:30"
    assert ledger[1]["at"] == "2026-11-23T14:30:01.500+05:30"
    assert ledger[0]["note"] == "invoice 7"
    assert [one["amount"] for one in sendoff.json("credits", "ledger", "--limit", 1)] == [300]
    assert sendoff("credits", "show").out == "1,500 free, 0 reserved, 0 spent\n"
    assert "invoice 7" in sendoff("credits", "ledger").out


def test_R11_what_was_set_up_is_audited(sendoff: Here, tmp_path: Path) -> None:
    set_up(sendoff, tmp_path)
    sendoff("sender", "add", SENDER, "--phone-number-id", "9")
    database.open_database(str(sendoff.database))
    with database.session():
        actions = [event.action for event in audit.events()]
        actors = {event.actor for event in audit.events()}
    assert actions[:2] == ["account.set_up", "sender.add"]
    assert actions[-2:] == ["credits.add", "sender.add.refused"]
    assert len(actors) == 1


# Contact files


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_R35_a_check_counts_rows_valid_and_skipped(name: str) -> None:
    wanted = EXPECTED[name]
    found = run_here(["audience", "check", str(DATA / name), *wanted["args"], "--json"]).json
    assert {key: found[key] for key in ("rows", "valid", "skipped")} == {
        key: wanted[key] for key in ("rows", "valid", "skipped")
    }
    assert found["number_column"] in found["columns"]


def test_R35_a_check_writes_the_rejected_rows_with_line_and_reason(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    arguments = ["audience", "check", str(DATA / "national.tsv"), "--country", "in", "--rejects", str(rejects)]
    answer = run_here(arguments)
    assert answer.status == 0
    assert "2,000 rows: 1,871 valid, 129 skipped" in answer.out
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 129
    assert {row["reason"] for row in rows} == {"duplicate", "invalid_number"}
    assert rows[0]["line"].isdigit()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("missing.csv",), "unreadable_file"),
        ((str(DATA / "messy.csv"), "--number-column", "Nope"), "no_such_column"),
        ((str(DATA / "clean.csv"), "--country", "Atlantis"), "unknown_country"),
        ((str(DATA / "clean.csv"), "--rejects", "/nowhere/rejects.csv"), "unwritable_file"),
    ],
)
def test_a_contact_file_that_cannot_be_read_is_status_2(arguments: tuple[str, ...], code: str) -> None:
    answer = run_here(["audience", "check", *arguments, "--json"])
    assert (answer.status, answer.error["code"]) == (2, code)
    assert answer.error["hint"]


def test_a_check_needs_no_database_and_makes_none(tmp_path: Path, clock: FakeClock) -> None:
    sendoff = Here(tmp_path / "none.db", clock)
    assert sendoff("audience", "check", DATA / "clean.csv").status == 0
    assert not sendoff.database.exists()


def test_a_setting_of_the_shell_does_not_change_times(
    sendoff: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(sendoff, tmp_path)
    campaign_id = draft(sendoff, tmp_path)
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        scheduled = sendoff.json("campaign", "schedule", campaign_id, "--at", "2026-12-01 10:00")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ["TZ"] == "UTC"
    assert scheduled["scheduled_at"] == "2026-12-01T10:00:00+05:30"
