"""Bad input on the command line: status 2, what is wrong, what to do, and nothing half-made (R33, R34)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.operators import operator
from engine.text import shown
from tests.bad_files import BAD, GOOD, MEGABYTE, Bad, without_rights, workbook
from tests.builders import contacts_file, number
from tests.cli import Here
from tests.clock import FakeClock
from tests.tui.cli_scene import GREETING, MAPPED, ORDER, SENDER, draft, set_up, templates_file


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


def refused(sendoff: Here, *arguments: object) -> dict[str, str]:
    """Bad input in both forms: for programs one document, for people a sentence and below it what to do."""
    answer = sendoff(*arguments, "--json")
    assert (answer.status, answer.out) == (2, "")
    error = answer.error
    assert error["hint"]
    told = sendoff(*arguments)
    assert (told.status, told.out) == (2, "")
    assert told.err == f"sendoff: {shown(error['message'])}\n  {shown(error['hint'])}\n"
    return error


def create(file: Path, *options: object) -> tuple[object, ...]:
    return (
        "campaign", "create", "--name", "Sale", "--template", "greeting:en_US", "--sender", SENDER,
        "--audience", file, *options,
    )  # fmt: skip


def nothing_made(sendoff: Here) -> bool:
    listed = sendoff.json("campaign", "list"), sendoff.json("campaign", "list", "--deleted")
    return listed == ([], []) and sendoff.json("optout", "list") == []


# Contact files


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_R33_a_bad_contact_file_is_told_and_leaves_nothing(bad: Bad, sendoff: Here, tmp_path: Path) -> None:
    file = tmp_path / bad.name
    bad.make(file)
    for command in (("audience", "check", file), create(file), ("optout", "import", file)):
        error = refused(sendoff, *command)
        assert error["code"] == bad.code
        assert bad.says in error["message"]
    assert nothing_made(sendoff)


def test_R33_a_file_that_may_not_be_read_is_told(tmp_path: Path, clock: FakeClock) -> None:
    file = contacts_file(tmp_path, 1)
    with without_rights(file):
        error = refused(Here(tmp_path / "none.db", clock), "audience", "check", file)
    assert error["code"] == "unreadable_file"
    assert "Permission denied" in error["message"]


def test_R33_a_bad_file_changes_nothing_of_a_draft(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path, rows=3)
    before = sendoff.json("campaign", "show", campaign_id)
    for bad in BAD:
        file = tmp_path / f"other-{bad.name}"
        bad.make(file)
        edit = ("campaign", "edit", campaign_id, "--name", "Other", "--audience", file)
        assert sendoff.refused(*edit) == (2, bad.code)
    assert sendoff.json("campaign", "show", campaign_id) == before


def test_R33_R57_who_may_not_delete_drafts_leaves_none_behind_either(sendoff: Here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[roles]\n"{operator().name}" = "manager"\n', encoding="utf-8")
    config.chmod(0o600)
    file = tmp_path / "late.csv"
    file.write_text(f"Name,Phone,Coupon\nAsha,{GOOD},C\n{MEGABYTE},{GOOD},C\n", encoding="utf-8")
    assert sendoff.refused("--config", config, *create(file, *MAPPED)) == (2, "cell_too_long")
    assert nothing_made(sendoff)


def test_R33_a_sheet_is_named_and_told(sendoff: Here, tmp_path: Path) -> None:
    head, row = ["Name", "Phone", "Coupon"], ["Asha", GOOD, "C1"]
    file = workbook(tmp_path / "b.xlsx", North=[head, row], South=[head, row, ["Noor", number(1), "C2"]])
    error = refused(sendoff, *create(file, *MAPPED))
    assert (error["code"], error["hint"]) == ("sheet_unclear", 'Choose one, as in --sheet "North".')
    assert refused(sendoff, *create(file, *MAPPED, "--sheet", "West"))["code"] == "no_such_sheet"
    made = sendoff.json(*create(file, *MAPPED, "--sheet", "south"))
    assert made["audience"] == 2
    assert sendoff.json("campaign", "edit", made["id"], "--audience", file, "--sheet", "North")["audience"] == 1
    assert refused(sendoff, "campaign", "edit", made["id"], "--sheet", "North")["code"] == "usage"
    found = sendoff.json("audience", "check", file, "--sheet", "South")["format"]
    assert (found["sheet"], found["sheets"]) == ("South", ["North", "South"])
    assert (
        "read from sheet South; the workbook also has: North"
        in sendoff("audience", "check", file, "--sheet", "South").out
    )
    assert sendoff.json("optout", "import", file, "--sheet", "South")["added"] == 2


def test_R33_what_was_not_clear_about_a_file_is_told_with_the_draft(sendoff: Here, tmp_path: Path) -> None:
    file = workbook(
        tmp_path / "b.xlsx", Notes=[["a"]], Leads=[["Name", "Phone", "Coupon"], ["Asha", GOOD, "=A1"], ["B", "=B2", ""]]
    )
    told = sendoff(*create(file, *MAPPED))
    assert told.status == 0
    assert "Read from sheet Leads; --sheet chooses another." in told.err
    assert "Mind: 2 cells hold, C2 as the first, a formula whose value was never stored" in told.err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_R33_utf_16_is_read_with_and_without_its_mark(encoding: str, sendoff: Here, tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_bytes(f"Name,Phone\r\nJosé,{GOOD}\nआशा,{number(1)}\r".encode(encoding))
    found = sendoff.json("audience", "check", file)
    assert (found["rows"], found["valid"]) == (2, 2)
    assert bool(found["format"]["warnings"]) == (encoding != "utf-16")


# Numbers


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("+49 151 2325 2822", None),
        ("＋４９１５１２３２５２８２２", None),
        ("+49\u00a0151\u202f23252822", None),
        ("٤٩١٥١٢٣٢٥٢٨٢٢", "missing_country_code"),
        ("+1-800-FLOWERS", "invalid_number"),
        ("+4915123252822 ext. 5", "invalid_number"),
        ("+4915123252822x5", "invalid_number"),
        ("+4915123252822;ext=5", "invalid_number"),
        ("4.91512E+12", "mangled_number"),
        ("04915123252822", "missing_country_code"),
        ("call me", "invalid_number"),
        ("+" + "9" * 400, "invalid_number"),
        ("\u202e+4915123252822", None),
        ("\x1b[31m+4915123252822", "invalid_number"),
    ],
)
def test_R34_odd_numbers_become_a_number_or_a_reason(
    typed: str, reason: str | None, tmp_path: Path, clock: FakeClock
) -> None:
    file = contacts_file(tmp_path, [("Asha", typed, "C1")])
    found = Here(tmp_path / "none.db", clock).json("audience", "check", file)
    assert (found["valid"], found["skipped"]) == ((1, {}) if reason is None else (0, {reason: 1}))


# Names


@pytest.mark.parametrize(
    "name",
    [
        "Diwali 🪔👨‍👩‍👧‍👦",
        "מבצע أسبوع",
        "safe\u202eelas\u202c",
        "[red]Sale[/red] [@click=app.quit]x[/]",
        "\x1b[2J\x1b]0;owned\x07Sale\x9b31m",
        "two\nlines\ttab\r",
        "$(reboot); DROP TABLE campaign; --",
        "=HYPERLINK(1)",
        "🪔" * 10_000,
    ],
)
def test_R51_any_name_is_kept_and_shown_literally(name: str, sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path, name=name)
    assert sendoff.json("campaign", "show", campaign_id)["name"] == name.strip()
    for command in (("list",), ("show", campaign_id), ("report", campaign_id)):
        told = sendoff("campaign", *command).out
        assert shown(name.strip())[:20] in told
        assert not set(told) & set("\x1b\x07\x9b\r\t\u202e\u202c")
    copy = sendoff.json("campaign", "duplicate", campaign_id)
    assert copy["name"] == f"{name.strip()} (copy)"


# Templates


HEADER = {"type": "HEADER", "format": "TEXT", "text": "Hello"}
BODY = {"type": "BODY", "text": "Hello"}


def nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "not_json", "is not JSON"),
        (b"{", "not_json", "is not JSON"),
        (b"\x89PNG\r\n", "not_json", "is not JSON"),
        (b"[" * 100_000, "not_json", "is not JSON"),
        (b'{"name": NaN}', "not_json", "NaN is no number"),
        (b"7" * 5_000, "not_json", "is not JSON"),
        ([], "not_a_template", "holds no template"),
        (["x"], "not_a_template", "something else"),
        ({**GREETING, "name": 7}, "not_a_template", "no name"),
        ({**GREETING, "name": "n" * 513}, "not_a_template", "WhatsApp takes 512"),
        ({**GREETING, "language": 7}, "not_a_template", "no language"),
        ({**GREETING, "components": "BODY"}, "not_a_template", "no list of components"),
        ({**GREETING, "components": [7]}, "not_a_template", "component without a type"),
        ({**GREETING, "components": [{"type": 7}]}, "not_a_template", "component without a type"),
        ({**GREETING, "components": [{"type": "BODY", "text": 7}]}, "not_a_template", "text or format is no text"),
        ({**GREETING, "components": [{"type": "BODY", "text": []}]}, "not_a_template", "text or format is no text"),
        ({**GREETING, "components": [{"type": "HEADER", "format": {}}]}, "not_a_template", "text or format is no text"),
        ({**GREETING, "components": [BODY, BODY]}, "not_a_template", "more than one BODY"),
        ({**GREETING, "components": [BODY, {"type": "BUTTONS", "buttons": {}}]}, "not_a_template", "list of buttons"),
        ({**GREETING, "components": [{"type": "BUTTONS", "buttons": ["x"]}]}, "not_a_template", "without a type"),
        (
            {**GREETING, "components": [{"type": "BUTTONS", "buttons": [{"type": "URL", "url": 7}]}]},
            "not_a_template",
            "text or url is no text",
        ),
        ({**GREETING, "components": [{**BODY, "example": nested(60)}]}, "not_a_template", "levels deep"),
        ({**GREETING, "components": [{**BODY, "example": nested(900)}]}, "not_a_template", "levels deep"),
        ({**GREETING, "components": [{"type": "BODY", "text": "\ud83e"}]}, "not_a_template", "half a character"),
        ({**GREETING, "status": 7}, "not_a_template", "a status that is no word"),
        ({**GREETING, "status": ""}, "not_a_template", "a status that is no word"),
        ({**GREETING, "status": None}, "not_a_template", "a status that is no word"),
        ({**GREETING, "category": ["MARKETING"]}, "not_a_template", "a category that is no word"),
        ({**GREETING, "parameter_format": 1}, "not_a_template", "a parameter_format that is no word"),
    ],
)
def test_R23_a_bad_template_file_is_told_and_adds_nothing(
    content: Any, code: str, says: str, sendoff: Here, tmp_path: Path
) -> None:
    before = sendoff.json("template", "list")
    file = tmp_path / "bad.json"
    data = content if isinstance(content, bytes) else json.dumps([{**GREETING, "name": "good"}, content]).encode()
    if content == [] or content == ["x"]:
        data = json.dumps(content).encode()
    file.write_bytes(data)
    error = refused(sendoff, "template", "add", file)
    assert (error["code"], says in error["message"]) == (code, True), error
    assert sendoff.json("template", "list") == before


@pytest.mark.parametrize(
    ("make", "code"), [(os.mkfifo, "not_a_file"), (Path.mkdir, "not_a_file"), (Path.exists, "unreadable_file")]
)
def test_a_template_file_that_is_none_is_told(
    make: Callable[[Path], object], code: str, sendoff: Here, tmp_path: Path
) -> None:
    file = tmp_path / "t.json"
    make(file)
    assert refused(sendoff, "template", "add", file)["code"] == code


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "HOLOGRAM", "text": "x"},
        {"type": "HEADER", "format": "SMELL"},
        {"type": "BUTTONS", "buttons": [{"type": "TELEPORT", "text": "Go"}]},
        {"type": "CAROUSEL", "cards": [{"components": [BODY]}]},
    ],
)
def test_R23_an_unknown_component_is_kept_shown_and_not_sent(
    odd: dict[str, Any], sendoff: Here, tmp_path: Path
) -> None:
    added = {**GREETING, "name": "odd", "components": [BODY, odd]}
    sendoff.json("template", "add", templates_file(tmp_path, added))
    stored = sendoff.json("template", "show", "odd")
    assert stored["components"] == [BODY, odd]
    assert "Hello" in sendoff("template", "show", "odd").out
    campaign_id = draft(sendoff, tmp_path)
    assert sendoff.refused("campaign", "edit", campaign_id, "--template", "odd") == (3, "template_unsupported")
    sendoff.json("template", "add", templates_file(tmp_path, {**added, "components": [BODY]}))
    sendoff.json("campaign", "edit", campaign_id, "--template", "odd")
    sendoff.json("template", "add", templates_file(tmp_path, added))
    for command in (("preflight",), ("schedule", "--at", "tomorrow 10:00"), ("send", "--yes")):
        answer = sendoff("campaign", command[0], campaign_id, *command[1:], "--json")
        assert answer.status == 3
        document = answer.error if not answer.out else answer.json
        assert "template_unsupported" in json.dumps(document)
    assert sendoff.json("campaign", "show", campaign_id)["status"] == "draft"


def test_R25_one_name_in_header_body_and_button_is_three_placeholders(sendoff: Here, tmp_path: Path) -> None:
    everywhere = {
        **ORDER,
        "name": "everywhere",
        "parameter_format": "POSITIONAL",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "For {{1}}"},
            {"type": "BODY", "text": "Dear {{1}}, again {{1}}"},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Look", "url": "https://x.example/{{1}}"}]},
        ],
    }
    sendoff.json("template", "add", templates_file(tmp_path, everywhere))
    campaign_id = draft(
        sendoff, tmp_path, "--map", "header.1=Name", "--fixed", "1=you", "--template", "everywhere", rows=2
    )
    answer = sendoff("campaign", "preflight", campaign_id, "--json")
    assert answer.status == 3
    assert "button.0.1" in answer.out + answer.err
    assert "Placeholder header.1" not in answer.out + answer.err
    sendoff.json("campaign", "edit", campaign_id, "--map", "button.0.1=Coupon")
    assert sendoff("campaign", "preflight", campaign_id, "--json").status == 0


# Times


@pytest.mark.parametrize(
    ("cron", "status", "code", "says"),
    [
        ("0 0 30 2 *", 3, "cron_never_fires", "no year has such a date"),
        ("0 0 31 4,6,9,11 *", 3, "cron_never_fires", "no year has such a date"),
        ("0 0 10 * * MON", 2, "bad_cron", "has 6 fields: seconds and years"),
        ("0 0 10 * * MON 2027", 2, "bad_cron", "has 7 fields: seconds and years"),
        ("* * * *", 2, "bad_cron", "no cron expression"),
        ("61 * * * *", 2, "bad_cron", "no cron expression"),
        ("", 2, "bad_cron", "no cron expression"),
        ("every monday", 2, "bad_cron", "no cron expression"),
        ("@reboot", 2, "bad_cron", "no cron expression"),
        ("* " * 400, 2, "bad_cron", "no cron expression"),
        ("\x1b[31m * * * *", 2, "bad_cron", "␛[31m"),
    ],
)
def test_R21_a_cron_that_cannot_be_used_is_told_and_makes_no_series(
    cron: str, status: int, code: str, says: str, sendoff: Here, tmp_path: Path
) -> None:
    campaign_id = draft(sendoff, tmp_path)
    answer = sendoff("series", "create", "--from", campaign_id, "--cron", cron, "--json")
    assert (answer.status, answer.out, answer.error["code"]) == (status, "", code)
    assert says in answer.error["message"]
    assert answer.error["hint"]
    assert sendoff.json("series", "list") == []
    assert len(sendoff.json("campaign", "list")) == 1


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", " ", "../../etc/passwd", "UTC\x1b[31m", "x" * 5_000, "/etc/localtime"]
)
def test_R13_a_zone_that_does_not_exist_is_told(zone: str, sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    at = ("--at", "tomorrow 10:00", "--timezone", zone)
    commands: list[tuple[object, ...]] = [
        ("campaign", "schedule", campaign_id, *at),
        ("series", "create", "--from", campaign_id, "--cron", "0 10 * * *", "--timezone", zone),
        ("init", "--timezone", zone),
    ]
    for command in commands:
        assert refused(sendoff, *command)["code"] == "unknown_zone"
    assert sendoff.json("campaign", "show", campaign_id)["status"] == "draft"
    assert sendoff.json("init")["timezone"] == "Asia/Kolkata"
