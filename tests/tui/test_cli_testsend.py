"""`sendoff test-send` (R32)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.leasing import Leases
from store import account, database, ledger
from store import testsends as store
from tests.builders import number
from tests.cli import Cli, Here
from tests.clock import FakeClock
from tests.sending import Scripted, takes_all, work
from tests.tui.cli_scene import draft, set_up

ASHA = "+919876543210"


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


@pytest.fixture
def campaign_id(sendoff: Here, tmp_path: Path) -> int:
    return draft(sendoff, tmp_path)


@pytest.fixture
def another_worker(campaign_id: int, sendoff: Here, clock: FakeClock) -> Iterator[None]:
    """Somebody holds the sender, and sends nothing."""
    database.open_database(str(sendoff.database))
    with database.session():
        other = Leases(clock, "console")
        assert other.ensure(account.senders()[0].id) is not None
    yield
    database.open_database(str(sendoff.database))
    with database.session():
        other.resign_all()


def test_R32_it_waits_its_turn_when_nobody_is_to_be_waited_for(
    sendoff: Here, campaign_id: int, clock: FakeClock
) -> None:
    answer = sendoff("test-send", campaign_id, ASHA, "+49 151 70000001", "--wait", 0)
    assert answer.status == 0
    assert answer.out.splitlines() == [
        f'Test of campaign {campaign_id} "Spring sale", 2 credits; it counts in none of its figures.',
        "ID  NUMBER",
        "1   +91 98765 43210   waits for its turn",
        "2   +49 1517 0000001  waits for its turn",
    ]
    assert answer.err == "No worker runs. Start one within 10 minutes (sendoff worker), or it is dropped.\n"
    assert sendoff.json("credits", "show") == {"free": 998, "reserved": 2, "spent": 0}
    with database.session():
        asyncio.run(work(clock, Scripted(takes_all)))
    assert sendoff.json("credits", "show") == {"free": 998, "reserved": 0, "spent": 2}
    shown = sendoff.json("campaign", "show", campaign_id)
    assert (shown["status"], shown["sent"], shown["pending"]) == ("draft", 0, 10)


def test_R32_the_document_marks_it_as_a_test(sendoff: Here, campaign_id: int) -> None:
    document = sendoff.json("test-send", campaign_id, ASHA, "--wait", 0, "--row", 3)
    assert document == {
        "campaign": campaign_id,
        "test": True,
        "price": 1,
        "messages": [
            {
                "id": 1,
                "test": True,
                "campaign": campaign_id,
                "number": ASHA,
                "state": "queued",
                "delivery": None,
                "text": "waits for its turn",
                "error": None,
                "price": 1,
                "message_id": None,
                "by": document["messages"][0]["by"],
                "at": "2026-11-23T14:30:00+05:30",
            }
        ],
    }


def test_R32_without_a_worker_the_command_sends_it_itself(tmp_path: Path) -> None:
    sendoff = Cli(tmp_path / "cli.db")
    set_up(sendoff, tmp_path)
    campaign_id = draft(sendoff, tmp_path)
    answer = sendoff("test-send", campaign_id, ASHA, number(77))
    assert (answer.status, answer.err) == (0, "No worker runs: it is sent from here.\n")
    assert answer.out.splitlines()[2:] == ["1   +91 98765 43210   sent", "2   +49 1517 0000077  sent"]
    assert sendoff.json("credits", "show") == {"free": 998, "reserved": 0, "spent": 2}
    notes = [entry["note"] for entry in sendoff.json("credits", "ledger")][1:]
    assert sorted(notes) == sorted(2 * [f"test send {n} of campaign {campaign_id}" for n in (1, 2)])
    report = sendoff.json("campaign", "report", campaign_id)
    assert (report["sent"], report["pending"], report["audience"]) == (0, 10, 10)
    assert [one["text"] for one in report["tests"]] == ["sent", "sent"]
    assert "TEST SEND" in sendoff("campaign", "report", campaign_id).out
    (event,) = [one for one in sendoff.json("audit") if one["action"] == "campaign.test_send"]
    assert event["after"]["test"] == [1, 2]


def test_R32_what_the_worker_does_not_begin_in_time_is_taken_back(
    sendoff: Here, campaign_id: int, another_worker: None
) -> None:
    assert sendoff.refused("test-send", campaign_id, ASHA, "--wait", 2) == (75, "not_sent")
    assert sendoff.json("credits", "show") == {"free": 1000, "reserved": 0, "spent": 0}
    with database.session():
        assert [one.detail for one in store.page([1])] == ["taken back: not sent within 2 s"]


def test_R32_what_is_in_flight_at_the_end_of_the_wait_is_not_taken_back(
    sendoff: Here, campaign_id: int, another_worker: None, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    """One of two is on its way, by whoever holds the sender."""
    queue = store.queue

    def queued_and_begun(*arguments: object) -> list[int]:
        ids = queue(*arguments)  # type: ignore[arg-type]  # as it was called
        database.execute("UPDATE test_send SET fence = 1 WHERE id = ?", (ids[0],))
        return ids

    monkeypatch.setattr(store, "queue", queued_and_begun)
    document = sendoff.json("test-send", campaign_id, ASHA, number(5), "--wait", 1)
    assert [one["state"] for one in document["messages"]] == ["in_flight", "failed"]
    with database.session():
        assert ledger.balance().reserved == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["x"], (2, "bad_number")),
        ([number(i) for i in range(6)], (3, "too_many_numbers")),
        ([ASHA, ASHA], (3, "duplicate_number")),
        ([ASHA, "--row", "99"], (4, "no_such_row")),
        ([ASHA, "--row", "0"], (2, "usage")),
        ([], (2, "usage")),
    ],
)
def test_R32_refusals_have_their_codes_and_statuses(
    sendoff: Here, campaign_id: int, arguments: list[str], expected: tuple[int, str]
) -> None:
    assert sendoff.refused("test-send", campaign_id, *arguments) == expected
    assert sendoff.json("credits", "show")["reserved"] == 0


def test_R32_it_is_refused_for_what_is_not_there_and_in_a_read_only_session(sendoff: Here, campaign_id: int) -> None:
    assert sendoff.refused("test-send", 99, ASHA) == (4, "not_found")
    assert sendoff.refused("--read-only", "test-send", campaign_id, ASHA) == (3, "read_only")
    assert sendoff("optout", "add", ASHA).status == 0
    assert sendoff.refused("test-send", campaign_id, ASHA) == (3, "opted_out")
