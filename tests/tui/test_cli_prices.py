"""`sendoff prices`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import Here
from tests.clock import FakeClock
from tests.engine.test_price_list import written
from tests.tui.cli_scene import draft, set_up


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


def test_R26_without_a_list_the_contracts_prices_hold(sendoff: Here, tmp_path: Path) -> None:
    assert sendoff.json("prices", "list") == []
    said = sendoff("prices", "list").out
    assert said == "No price list was imported: a message costs 1 credit, with a media header 2.\n"
    assert sendoff.json("campaign", "show", draft(sendoff, tmp_path))["price"] == 10


def test_R26_import_and_list(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    file = written(tmp_path, "MARKETING,DE,,3\nMARKETING,,image,1200\n")
    assert sendoff("prices", "import", file).out == "2 prices imported.\n"
    assert sendoff.json("prices", "import", file) == {"lines": 2, "replaced": 2, "without_price": []}
    assert sendoff.json("prices", "list") == [
        {"category": "MARKETING", "country": "", "media": "image", "credits": 1200},
        {"category": "MARKETING", "country": "DE", "media": "", "credits": 3},
    ]
    assert sendoff("prices", "list").out.splitlines() == [
        "CATEGORY   COUNTRY        MEDIA          CREDITS",
        "MARKETING  (every other)  image            1,200",
        "MARKETING  DE             (every other)        3",
    ]
    assert sendoff.json("campaign", "show", campaign_id)["price"] == 30


def test_R26_a_bad_list_is_refused_with_its_lines(sendoff: Here, tmp_path: Path) -> None:
    answer = sendoff("prices", "import", written(tmp_path, "MARKETING,DE,,1.5\n"), "--json")
    assert (answer.status, answer.out, answer.error["code"]) == (2, "", "bad_price_list")
    assert "line 2: '1.5' is no number of credits" in answer.error["message"]
    assert sendoff.json("prices", "list") == []


def test_R26_what_is_scheduled_and_has_no_price_any_more_is_told(sendoff: Here, tmp_path: Path) -> None:
    campaign_id = draft(sendoff, tmp_path)
    assert sendoff("campaign", "schedule", campaign_id, "--at", "tomorrow 10:00").status == 0
    answer = sendoff("prices", "import", written(tmp_path, "UTILITY,DE,,1\n"))
    assert answer.err == f"Scheduled, but without a price for some of their recipients: campaigns {campaign_id}.\n"
    status, code = sendoff.refused("--read-only", "prices", "import", tmp_path / "prices.csv")
    assert (status, code) == (3, "read_only")
