"""A console that no callback reaches says that delivery is unknown; what WhatsApp bills is told where it is known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import export, report
from store import account, callbacks, campaigns, database, listing
from store.types import Gateway, ListFilter, StatusUpdate
from tests import builders
from tests.cli import Here
from tests.clock import START, FakeClock
from tests.sending import Scripted, started, takes_all, work
from tui import campaign_cells, report_view

NOBODY = "unknown: no callbacks come in"


@pytest.fixture
def sent(tmp_path: Path, clock: FakeClock) -> Iterator[int]:
    """A campaign of three messages that the Cloud API took."""
    database.open_database(str(tmp_path / "flow.db"), create=True)
    with database.session():
        builders.account_with_sender(clock, tmp_path)
        campaign_id = started(clock, tmp_path)
        asyncio.run(work(clock, Scripted(takes_all)))
        account.update_account(gateway=Gateway.CLOUD_API.value)
        yield campaign_id
    database.close_database()


def funnel(campaign_id: int) -> list[str]:
    return [line.plain for line in report_view.funnel(campaigns.get(campaign_id), 120)]


def listed(campaign_id: int) -> dict[str, str]:
    row = listing.rows(list(listing.ids(ListFilter())))[campaign_id]
    found = campaign_cells.cells(row, builders.ZONE, START)
    return {column.key: cell.text for column, cell in zip(campaign_cells.COLUMNS, found, strict=True)}


def test_R46_R47_without_callbacks_delivery_is_unknown_and_not_nothing(
    sent: int, tmp_path: Path, clock: FakeClock
) -> None:
    assert [line.split()[0] for line in funnel(sent)] == ["sent", "delivered", "read", "failed"]
    assert [line.strip() for line in funnel(sent)[1:3]] == [f"delivered     {NOBODY}", f"read          {NOBODY}"]
    assert (listed(sent)["sent"], listed(sent)["delivered"], listed(sent)["read"]) == ("100", "?", "?")
    page, book = tmp_path / "report.html", tmp_path / "report.xlsx"
    export.write(sent, page, builders.ZONE, START)
    export.write(sent, book, builders.ZONE, START)
    assert page.read_text(encoding="utf-8").count(NOBODY) == 3
    document = report.report_json(report.read(sent))
    assert document["delivery"] == NOBODY
    assert document["rates"] == {"sent": 100.0, "delivered": None, "read": None, "failed": 0.0}
    here = Here(tmp_path / "flow.db", clock)
    told = here("campaign", "report", sent).out
    assert f"delivered and read: {NOBODY}." in told
    assert "of 3      0%" not in told
    assert "unknown" in here("campaign", "list").out


def test_R46_the_first_callback_of_any_campaign_makes_it_known(sent: int) -> None:
    callbacks.keep("{}", START)
    assert "0 of 3" in funnel(sent)[1]
    assert listed(sent)["delivered"] == "0"
    assert report.report_json(report.read(sent))["delivery"] == "reported"


def test_R46_what_was_reported_is_shown_whatever_is_stored(sent: int) -> None:
    callbacks.apply([], [StatusUpdate(sent, 1, "w", "read", START)], START)
    assert "1 of 3" in funnel(sent)[1]
    assert listed(sent)["read"] == "100"


def test_the_simulator_always_reports(sent: int) -> None:
    account.update_account(gateway=Gateway.SIMULATOR.value)
    assert "0 of 3" in funnel(sent)[1]
    assert listed(sent)["delivered"] == "0"


def test_what_whatsapp_bills_is_told_in_the_report(sent: int, tmp_path: Path, clock: FakeClock) -> None:
    told = ["marketing/regular", "marketing/regular", "utility/free_customer_service"]
    updates = [StatusUpdate(sent, seq, f"w{seq}", "delivered", START, pricing=one) for seq, one in enumerate(told, 1)]
    callbacks.apply([], updates, START)
    words = "2 marketing billed, 1 utility free (customer service window)"
    found = report.read(sent)
    assert report.report_json(found)["pricing"] == [
        {"category": "marketing", "type": "regular", "billed": True, "n": 2},
        {"category": "utility", "type": "free_customer_service", "billed": False, "n": 1},
    ]
    assert f"WhatsApp says {words}" in [line.plain for line in report_view.facts(found, START)]
    rows = tmp_path / "rows.csv"
    export.write(sent, rows, builders.ZONE, START)
    lines = rows.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].endswith(",whatsapp_bills")
    assert [line.rpartition(",")[2] for line in lines[1:]] == told
    assert f"WhatsApp says: {words}" in Here(tmp_path / "flow.db", clock)("campaign", "report", sent).out
