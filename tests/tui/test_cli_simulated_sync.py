"""`template sync`, `sender sync` and `media upload` against the simulator's own process, which pages, words and refuses
as Graph does and was written apart from the client.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.templates import APPROVED
from store import account, database
from tests.cli import ROOT, Here
from tests.clock import FakeClock
from tests.tui.cli_scene import SENDER, set_up

WABA = "102290129340398"
BODY = {"type": "BODY", "text": "Hello {{1}}, your coupon is {{2}}.", "example": {"body_text": [["a", "b"]]}}
STATUSES = (
    "APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "PENDING_DELETION", "LIMIT_EXCEEDED",
    "ARCHIVED", "DELETED", "HEXED_BY_A_LATER_VERSION",
)  # fmt: skip
MANY = 250
"""Templates: more than two pages."""
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(100)


def template(i: int) -> dict[str, Any]:
    """The i-th template, each status in its turn, with things nobody knows here and there."""
    made: dict[str, Any] = {
        "name": f"offer_{i:03d}",
        "language": "en_US",
        "category": ("MARKETING", "UTILITY")[i % 2],
        "status": STATUSES[i % len(STATUSES)],
        "components": [BODY],
        "quality_score": {"score": ("GREEN", "YELLOW", "RED", "UNKNOWN", "PURPLE")[i % 5]},
    }
    return {**made, "rejected_reason": "INVALID_FORMAT"} if made["status"] == "REJECTED" else made


NUMBERS: list[dict[str, Any]] = [
    {"id": "1000001", "display_phone_number": "+91 80402 14021", "verified_name": "Acme", "quality_rating": "GREEN"},
    {
        "id": "1000002",
        "display_phone_number": "+49 30 901820",
        "verified_name": "Acme DE",
        "quality_rating": "YELLOW",
        "status": "FLAGGED",
        "throughput": {"level": "HIGH"},
    },
    {
        "id": "1000003",
        "display_phone_number": "+1 650-555-1234",
        "verified_name": "Acme US",
        "quality_rating": "PURPLE",
        "status": "MOONLIT",
        "throughput": {"level": "LUDICROUS"},
    },
]


@contextmanager
def simulating(
    folder: Path, templates: list[dict[str, Any]], scenario: str = "", numbers: list[dict[str, Any]] = NUMBERS
) -> Iterator[str]:
    """A simulator in a process of its own that knows these templates and numbers; its address."""
    known, played = folder / "account.json", folder / "scenario.toml"
    known.write_text(json.dumps({"waba_id": WABA, "templates": templates, "phone_numbers": numbers}))
    played.write_text(scenario)
    command = [sys.executable, "-m", "engine.gateway.simulator", "--listen", "127.0.0.1:0", "--account", str(known)]
    process = subprocess.Popen(
        [*command, "--scenario", str(played)], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["listening"]
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(10)


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("SENDOFF_TOKEN", "a-token")
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


def join(here: Here, url: str) -> None:
    done = here("gateway", "set", "--gateway", "cloud-api", "--base-url", url, "--waba-id", WABA)
    assert done.status == 0, done.err


def test_R23_every_page_of_templates_comes_with_every_status(sendoff: Here, tmp_path: Path) -> None:
    with simulating(tmp_path, [template(i) for i in range(MANY)]) as url:
        join(sendoff, url)
        done = sendoff.json("template", "sync")
        again = sendoff.json("template", "sync")
    assert [one["template"] for one in done["added"]] == [f"offer_{i:03d}:en_US" for i in range(MANY)]
    assert (len(again["added"]), again["changed"], again["unchanged"]) == (0, [], MANY)
    listed = {one["name"]: one for one in sendoff.json("template", "list")}
    assert {listed[f"offer_{i:03d}"]["status"] for i in range(MANY)} == set(STATUSES)
    assert [listed[f"offer_{i:03d}"]["status"] for i in range(MANY)] == [template(i)["status"] for i in range(MANY)]
    database.open_database(str(sendoff.database))
    with database.session():
        kept = {one.name: one for one in account.templates()}
    assert all(kept[f"offer_{i:03d}"].quality == template(i)["quality_score"]["score"] for i in range(MANY))
    assert kept["offer_002"].extra["rejected_reason"] == "INVALID_FORMAT"
    usable = [one for one in kept.values() if one.name.startswith("offer") and one.status == APPROVED]
    assert len(usable) == len(range(0, MANY, len(STATUSES)))


def test_R23_what_is_not_listed_any_more_is_marked(sendoff: Here, tmp_path: Path) -> None:
    with simulating(tmp_path, [template(i) for i in range(3)]) as url:
        join(sendoff, url)
        sendoff.json("template", "sync")
    with simulating(tmp_path, [{**template(0), "status": "PAUSED"}, template(1)]) as url:
        join(sendoff, url)
        done = sendoff.json("template", "sync")
    assert done["deleted"] == ["offer_002:en_US"]
    assert [(one["template"], one["what"]) for one in done["changed"]] == [
        ("offer_000:en_US", "status APPROVED -> PAUSED")
    ]


@pytest.mark.parametrize(("limit", "tier", "quota"), [(0, "TIER_UNLIMITED", None), (2_000, "TIER_2K", 2_000)])
def test_R30_numbers_come_with_their_quality_rate_and_limit(
    limit: int, tier: str, quota: int | None, sendoff: Here, tmp_path: Path
) -> None:
    with simulating(tmp_path, [], f"[portfolio]\nlimit = {limit}\n") as url:
        join(sendoff, url)
        done = sendoff.json("sender", "sync")
    assert done["added"] == [{"number": "+4930901820", "rate": 1000}, {"number": "+16505551234", "rate": 80}]
    assert [one["number"] for one in done["changed"]] == [SENDER]
    assert done["limit"] == tier
    database.open_database(str(sendoff.database))
    with database.session():
        assert account.get_account().quota == quota
        kept = {one.phone_number_id: (one.quality, one.status, one.rate, one.throughput) for one in account.senders()}
    assert kept == {
        "1000001": ("GREEN", "CONNECTED", 80, "STANDARD"),
        "1000002": ("YELLOW", "FLAGGED", 1000, "HIGH"),
        # Words that are not known are kept, and the rate is the careful one.
        "1000003": ("PURPLE", "MOONLIT", 80, "LUDICROUS"),
    }


def test_a_limit_of_calls_in_the_middle_of_the_list_changes_nothing(sendoff: Here, tmp_path: Path) -> None:
    with simulating(tmp_path, [template(i) for i in range(MANY)], "management_calls = 2\n") as url:
        join(sendoff, url)
        before = sendoff.json("template", "list")
        assert sendoff.refused("template", "sync") == (75, "gateway_busy")
    assert sendoff.json("template", "list") == before


def test_a_token_that_expired_is_told_and_another_account_is_not_found(
    sendoff: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulating(tmp_path, [template(0)], "[token]\nrequests = 1\n") as url:
        join(sendoff, url)
        assert sendoff.json("sender", "sync")["limit"] == "TIER_UNLIMITED"
        assert sendoff.refused("template", "sync") == (3, "gateway_refused")
        monkeypatch.setenv("SENDOFF_TOKEN", "a-new-token")
        assert len(sendoff.json("template", "sync")["added"]) == 1
        monkeypatch.setenv("SENDOFF_TOKEN", "yet-another-token")
        assert sendoff("gateway", "set", "--waba-id", "999").status == 0
        assert sendoff.refused("template", "sync") == (3, "gateway_refused")


def test_a_file_is_uploaded_and_its_id_is_kept(sendoff: Here, tmp_path: Path) -> None:
    picture = tmp_path / "offer.png"
    picture.write_bytes(PICTURE)
    with simulating(tmp_path, []) as url:
        join(sendoff, url)
        first = sendoff.json("media", "upload", picture)
        second = sendoff.json("media", "upload", picture)
        bad = tmp_path / "offer.exe"
        bad.write_bytes(b"MZ")
        assert sendoff("media", "upload", bad).status in (2, 3)
    assert first["media_id"].isdigit() and second["media_id"].isdigit()
    assert (first["phone_number_id"], first["type"], first["size"]) == ("1001", "image/png", len(PICTURE))


def test_a_simulator_that_knows_no_account_says_how_it_gets_one(sendoff: Here, tmp_path: Path) -> None:
    with simulating(tmp_path, [], numbers=[]) as url:
        there = sendoff("gateway", "set", "--gateway", "simulator", "--base-url", url, "--waba-id", WABA)
        assert there.status == 0, there.err
        said = sendoff("template", "sync").out.splitlines()
        senders = sendoff("sender", "sync").out
    assert said[0] == "0 new templates, 0 changed, 0 as before."
    assert said[-1].startswith("The simulator knows no templates. Start it with --account FILE")
    assert said[-1].endswith("sendoff template add")
    assert "The simulator knows no numbers." in senders
    with simulating(tmp_path, [template(0)]) as url:
        assert sendoff("gateway", "set", "--base-url", url).status == 0
        assert "knows no" not in sendoff("template", "sync").out + sendoff("sender", "sync").out
