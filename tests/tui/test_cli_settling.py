"""`sendoff campaign settle` (R42)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.clock import DAY
from store import database
from store.types import ResultKind
from tests.builders import number
from tests.cli import Here
from tests.clock import FakeClock
from tests.tui import cli_scene
from tests.tui.scenes import Desk


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "cli.db", clock)
    cli_scene.set_up(here, tmp_path)
    return here


def unknown(sendoff: Here, folder: Path, clock: FakeClock) -> int:
    """A run with two sent and three unknown ones, the rest to come."""
    campaign_id = cli_scene.draft(sendoff, folder)
    assert sendoff("campaign", "send", campaign_id, "--yes").status == 0
    database.open_database(str(sendoff.database))
    desk = Desk(str(sendoff.database), folder, clock)
    desk.hand_over(campaign_id, [ResultKind.SENT] * 2 + [ResultKind.UNKNOWN] * 3)
    return campaign_id


def test_R42_settle_some_and_then_all(sendoff: Here, tmp_path: Path, clock: FakeClock) -> None:
    campaign_id = unknown(sendoff, tmp_path, clock)
    clock.advance(DAY)
    answer = sendoff.json(
        "campaign", "settle", campaign_id, number(2), number(0), "--as", "sent", "--yes"
    )  # fmt: skip
    assert answer["settled"] == {"as": "sent", "recipients": 1, "not_unknown": 1, "credits": 1}
    assert (answer["sent"], answer["unknown"]) == (3, 2)
    told = sendoff("campaign", "settle", campaign_id, "--all", "--as", "failed", "--yes")
    assert (told.status, told.err) == (0, "")
    assert "2 recipients settled as failed, 2 credits given back." in told.out
    shown = sendoff.json("campaign", "report", campaign_id)
    assert (shown["failed"], shown["unknown"]) == (2, 0)
    assert shown["errors"] == [
        {"code": -10, "text": "Settled by hand as not sent", "n": 2, "after_sent": False}
    ]  # fmt: skip
    assert sendoff.json("credits", "show") == {"free": 992, "reserved": 5, "spent": 3}


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("--all", "--as", "sent"), 2, "not_confirmed"),
        (("--as", "sent", "--yes"), 2, "usage"),
        ((number(2), "--all", "--as", "sent", "--yes"), 2, "usage"),
        ((number(2), "--as", "lost", "--yes"), 2, "usage"),
        (("--all", "--yes"), 2, "usage"),
        (("12", "--as", "sent", "--yes"), 2, "bad_number"),
        ((number(0), "--as", "sent", "--yes"), 3, "not_unknown"),
        ((number(99), "--as", "sent", "--yes"), 3, "not_in_audience"),
    ],
)
def test_R42_what_is_not_said_clearly_settles_nothing(
    sendoff: Here, tmp_path: Path, clock: FakeClock, arguments: tuple[str, ...], status: int, code: str
) -> None:
    campaign_id = unknown(sendoff, tmp_path, clock)
    assert sendoff.refused("campaign", "settle", campaign_id, *arguments) == (status, code)
    assert sendoff.json("campaign", "show", campaign_id)["unknown"] == 3


def test_R42_a_read_only_session_settles_nothing(sendoff: Here, tmp_path: Path, clock: FakeClock) -> None:
    campaign_id = unknown(sendoff, tmp_path, clock)
    answer = sendoff("--read-only", "campaign", "settle", campaign_id, "--all", "--as", "sent", "--yes", "--json")
    assert (answer.status, answer.error["code"]) == (3, "read_only")


@pytest.mark.parametrize(
    "text", ["[replies]\nstop = 1", "[replies]\nhalt = []", "replies = 1", '[replies]\nstop = ["start"]']
)
def test_R38_words_that_cannot_be_are_told_by_every_command(sendoff: Here, tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text, encoding="utf-8")
    assert sendoff.refused("--config", config, "credits", "show") == (2, "bad_config")


def test_R38_words_of_ones_own_do_not_take_the_owners_role(sendoff: Here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[replies]\nstop = ["genug"]\n', encoding="utf-8")
    assert sendoff("--config", config, "credits", "show").status == 0
